"""A healing check-in as a clinician reads it, what was done about it, and the same questions asked by telephone."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from treatments.flows import check_in as flow
from treatments.pages.header import patient_header
from treatments.pages.patient.check_in import scales, signs, words_of
from treatments.pages.worklists.check_in_lists import CHIPS
from treatments.protocol.triage import Answers
from treatments.rules.policy import catalogue_for
from treatments.sessions import reactions_list
from treatments.sessions.healing import services as healing
from treatments.sessions.healing.forms import NOTE_LENGTH, SeenForm, Typed, read
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import TreatmentSession

FORM = ("GET", "POST")
OF_A_CHECK_IN = (
    "patient__clinic", "session__clinic", "session__planned_session", "photo", "reaction", "seen_by", "asked_by",
)  # fmt: skip


@allow(Role.CLINICIAN, methods=FORM)
def check_in(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What she told us, why it has its level, and "Looked at": what was done."""
    rows = healing.check_ins(request.clinic).select_related(*OF_A_CHECK_IN)
    found = get_object_or_404(rows, ref=ref)
    form = SeenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():

        def look() -> str:
            healing.look_at(check_in=found, note=form.cleaned_data["note"], by=request.membership)
            messages.success(request, "Looked at. The line is off the list.")
            return reverse("treatments:check_in", args=[found.ref])

        try:
            return once(request, look)
        except DomainError as refusal:
            refuse(form, refusal)
            found = rows.get(pk=found.pk)
    return render(
        request, "treatments/pages/check_in.html", _context(request, found, form), status=form_status(request)
    )


def _context(request: HttpRequest, found: CheckIn, form: SeenForm) -> dict:
    catalogue = catalogue_for(request.clinic)
    named = {sign.code: sign.text for sign in catalogue.red_flags}
    return {
        "found": found,
        "chip": CHIPS[found.level],
        "said": words_of(found),
        "ticked": [named.get(code, code) for code in found.flags],
        "reasons": healing.judged_then(found).reasons,
        "look_by": healing.look_by(found),
        "reaction": reactions_list.name_of(found.reaction.code, catalogue) if found.reaction else "",
        "others": [
            {"row": row, "chip": CHIPS[row.level], "said": words_of(row)}
            for row in found.session.check_ins.exclude(pk=found.pk)
        ],
        "form": form,
        "header": patient_header(found.patient, membership=request.membership, tab="chart"),
    }


@allow(Role.CLINICIAN, methods=FORM)
def ask_check_in(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The questions of the check-in, asked by telephone. A red answer holds the next session just as hers does."""
    sessions = request.clinic.sessions.select_related("clinic", "patient__clinic", "planned_session")
    session = get_object_or_404(sessions, ref=ref)
    typed, refusal, status = None, "", 200
    if request.method == "POST":
        typed, status = read(request.POST), 422
        if not typed.missing or healing.judged(session, typed.said).level != healing.GREEN:
            try:
                told = flow.tell(
                    session=session, once=typed.once, said=typed.said, note=typed.note, asked_by=request.user
                )
                return redirect("treatments:check_in", ref=told.check_in.ref)
            except DomainError as refused:
                refusal, status = refused.sentence, 409
    return _asking_page(request, session, typed, refusal, status)


def _asking_page(
    request: HttpRequest, session: TreatmentSession, typed: Typed | None, refusal: str, status: int
) -> HttpResponse:
    said = typed.said if typed else Answers()
    context = {
        "session": session,
        "check_in": {
            "day": healing.day_of(session),
            "once": typed.once if typed else uuid4(),
            "scales": scales(said, missing=typed.missing if typed else ()),
            "signs": signs(session, said),
            "note": typed.note if typed else "",
            "note_length": NOTE_LENGTH,
        },
        "refusal": refusal,
        "header": patient_header(session.patient, membership=request.membership, tab="chart"),
    }
    return render(request, "treatments/pages/check_in_ask.html", context, status=status)
