"""A time that is taken, booked all the same: what it would stand beside, a reason, and a second press."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.models import Clinic
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.models import Patient
from treatments.appointments import services
from treatments.appointments.asked import day_url, kind_alone, session_of
from treatments.appointments.courses.services import OF_A_VISIT
from treatments.appointments.courses.undoing import move_back_url, unbook_url
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.offers import place_of_value
from treatments.appointments.overlaps.forms import OverlapForm
from treatments.appointments.overlaps.rules import OWN_VISIT, beside, held_beside
from treatments.appointments.places import LENGTHS, Place
from treatments.pages.course.rearrange_page import mail_words
from treatments.pages.header import patient_header

WHO = (Role.CLINICIAN, Role.MANAGER)


@allow(*WHO, methods=["GET", "POST"])
def book_beside(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?at=` a taken place for a session of a course."""
    planned = session_of(request, ref)
    patient = planned.plan.patient

    def effect(place: Place, reason: str) -> Appointment:
        return services.book(
            patient=patient, kind=Appointment.Kind.TREATMENT, place=place, planned_session=planned,
            overlap_reason=reason, by=request.user,
        )  # fmt: skip

    place = _place(request, Appointment.Kind.TREATMENT)
    return _ask(
        request, patient, place, f"Book session {planned.number}", reverse("treatments:book", args=[ref]), effect
    )


@allow(*WHO, methods=["GET", "POST"])
def book_visit_beside(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?at=&kind=` a taken place for a consultation or a review."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    kind = kind_alone(request)

    def effect(place: Place, reason: str) -> Appointment:
        return services.book(patient=patient, kind=kind, place=place, overlap_reason=reason, by=request.user)

    other = f"{reverse('treatments:book_visit', args=[ref])}?kind={kind}"
    title = f"Book a {kind.label.lower()}"
    return _ask(request, patient, _place(request, kind), title, other, effect)


@allow(*WHO, methods=["GET", "POST"])
def move_beside(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?at=` a taken place for a visit that is booked."""
    visit = get_object_or_404(request.clinic.appointments.select_related(*OF_A_VISIT), ref=ref, status__in=COMING)
    length = services.place_of(visit).length
    place = _place(request, visit.kind, length=length)

    def effect(place: Place, reason: str) -> Appointment:
        return services.move(visit=visit, place=place, overlap_reason=reason, by=request.user)

    other = reverse("treatments:move_visit", args=[ref])
    return _ask(request, visit.patient, place, "Move the visit", other, effect, moving=visit)


def _place(request: HttpRequest, kind: str, **given) -> Place:
    try:
        return place_of_value(
            request.GET.get("at", ""),
            clinic=request.clinic,
            length=given.get("length", LENGTHS[Appointment.Kind(kind)]),
        )
    except DomainError:
        raise Http404 from None


def _ask(
    request: HttpRequest,
    patient: Patient,
    place: Place,
    title: str,
    other_url: str,
    effect: Callable[[Place, str], Appointment],
    *,
    moving: Appointment | None = None,
) -> HttpResponse:
    form, status = OverlapForm(request.POST if request.method == "POST" else None), 200
    refusal = None
    if form.is_bound and form.is_valid():

        def done() -> str:
            visit = effect(place, form.cleaned_data["reason"])
            said = "over another visit, with the reason" if visit.overlap_reason else "; the time was free after all"
            undo = move_back_url(visit) if moving else unbook_url(visit)
            messages.success(
                request,
                f"{'Moved to' if moving else 'Booked for'} {place.words()}{'' if said[0] == ';' else ' '}{said}. "
                f"{mail_words(patient)}",
                extra_tags=f"undo:{undo}",
            )
            return day_url(visit)

        try:
            return once(request, done)
        except services.SlotTaken as late:
            refusal, status = late.sentence.partition(". ")[2] or late.sentence, 409
        except DomainError as said:
            if said.field == "reason":
                refuse(form, said)
            else:
                refusal, status = said.sentence, 422
    others = _others(request.clinic, place, patient, moving)
    own = any(other.patient_id == patient.pk for other in others)
    context = {
        "form": form,
        "title": title,
        "act": "Move it anyway" if moving else "Book it anyway",
        "place": place,
        "others": [_line(other, place) for other in others],
        "held": held_beside(request.clinic, place, place.start(request.clinic)),
        "own": OWN_VISIT if own else "",
        "refusal": refusal,
        "other_url": other_url,
        "mail_words": mail_words(patient),
        "header": patient_header(patient, membership=request.membership),
    }
    return render(
        request, "treatments/appointments/overlaps/beside.html", context, status=422 if form.errors else status
    )


def _others(clinic: Clinic, place: Place, patient: Patient, moving: Appointment | None) -> list[Appointment]:
    return list(beside(clinic, place, place.start(clinic), patient=patient.pk, moving=moving.pk if moving else None))


def _line(other: Appointment, place: Place) -> dict:
    """One visit that is there: who, when, and what both would need."""
    ends = other.during.upper.astimezone(place.clinician.clinic.tz)
    shared = []
    if other.clinician_id == place.clinician.pk:
        shared.append(str(place.clinician))
    if other.room_id == place.room.pk:
        shared.append(place.room.name)
    return {
        "name": other.patient.full_name,
        "when": f"{other.starts_at:%H:%M} to {ends:%H:%M}",
        "kind": other.get_kind_display().lower(),
        "shared": " and ".join(shared),
        "reason": other.overlap_reason,
    }
