"""All messages of one patient, with what became of each; the links that went with them; and whether mail can reach her at
all."""

from uuid import UUID

from django.contrib import messages as notices
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.roles import member
from clinic.submissions import once, or_back_to
from patients.header import header_for
from patients.links import shown
from patients.models.people import Patient
from patients.outbox import events, suppression, wording

SHOWN = 40
NOT_WRITTEN = ("body_text", "body_html", "attachment_text")


def _address(request: HttpRequest, ref: UUID) -> str:
    return reverse("patients:patient_messages", args=[_patient(request, ref).ref])


# For every press on this page.
or_back = or_back_to(_address)


@member()
def messages(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Newest first; each leads to its own page, which has the words as they were sent."""
    return page_of(request, ref)


@member(methods=["GET", "POST"])
@or_back
def asked(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What the patient has said, asked whether we may e-mail."""
    patient = _patient(request, ref)

    def effect() -> str:
        events.asked(patient=patient, answer=request.POST.get("answer", ""), by=request.user)
        notices.success(request, "Noted: asked today.")
        return reverse("patients:patient_messages", args=[patient.ref])

    try:
        return once(request, effect)
    except DomainError as exc:
        return page_of(request, ref, refusal=exc.sentence, status=422)


def rows_of(patient: Patient, *, number: str) -> Page:
    """A page of her messages as the ledger words them. `number` as typed: what makes no sense is the nearest page."""
    hers = patient.messages.select_related("clinic", "closed_by").defer(*NOT_WRITTEN).order_by("-send_at", "-pk")
    page, now = Paginator(hers, SHOWN).get_page(number), clock.now()
    page.object_list = [wording.row(message, now) for message in page.object_list]
    return page


def page_of(request: HttpRequest, ref: UUID, *, refusal: str = "", status: int = 200) -> HttpResponse:
    """The page, also as the answer to a form on it that was refused."""
    patient = _patient(request, ref)
    context = {
        "patient": patient,
        "header": header_for(patient, membership=request.membership, tab="messages"),
        "page": rows_of(patient, number=request.GET.get("page", "")),
        "links": shown.links_of(patient),
        "because": request.POST.get("because", ""),
        "unreachable": suppression.unreachable(patient),
        "is_shared": bool(suppression.shared([patient.email], clinic=request.clinic)),
        "refusal": refusal,
    }
    return render(request, "patients/messages.html", context, status=status)


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients.annotate(called_spam=events.unasked_since_spam()), ref=ref)
