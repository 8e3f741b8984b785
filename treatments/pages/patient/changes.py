""" "Anything changed?" before a visit: her last answers, and two ways to say how it is today. Behind her date of birth.

What she reads afterwards is never a diagnosis and never a promise: thank you, or that we call her.
"""

from uuid import UUID, uuid4, uuid5

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from clinic import clock
from clinic.errors import DomainError
from clinic.roles import public
from patients.links.access import page_context, patient_page
from patients.models import PatientLink
from treatments.appointments.by_patient.asking import asked_before_a_visit
from treatments.appointments.by_patient.forms import ChangesForm
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import Appointment
from treatments.flows import changes as flow
from treatments.pages.patient.shown import version_shown
from treatments.pages.patient.visit import state_of
from treatments.pages.today.verdicts import NOT_PERMITTED, outcome_on
from treatments.screenings.by_patient.asking import Asked

FORM = ("GET", "POST")
AHEAD = ("open", "confirmed")
# What she reads once she has told us: that is all; that we may call; that she does not travel before we have called.
THANKS, MAY_CALL, WAIT = "thanks", "may_call", "wait"


@public(methods=FORM)
@patient_page("changes")
def changes(request: HttpRequest) -> HttpResponse:
    """Her last answers. One press says that nothing has changed; what has to be asked stands above it."""
    return _answered(request, "changes.html", only_open=True)


@public(methods=FORM)
@patient_page("changes")
def tell(request: HttpRequest) -> HttpResponse:
    """All questions with her last answers: she chooses those that have changed."""
    return _answered(request, "changes_tell.html", only_open=False)


def _answered(request: HttpRequest, template: str, *, only_open: bool) -> HttpResponse:
    visit, now = _visit(request.link), clock.now()
    state = state_of(visit, now) if visit else ""
    if state not in AHEAD:
        return _shown(request, "changes.html", {"visit": visit, "state": state}, status=_over(request))
    today = now.astimezone(request.link.clinic.tz).date()
    asked = asked_before_a_visit(request.link.patient, today=today)
    form = ChangesForm(
        request.POST if request.method == "POST" else None,
        asked=[one for one in asked if one.is_open or not only_open],
        born_on=request.link.patient.born_on,
        today=today,
        says_something=not only_open,
    )
    refusal, status = "", 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                flow.report(
                    visit=visit,
                    version=version_shown(request.POST),
                    answers=form.answers(),
                    link=request.link,
                    once=_once(request),
                )
            except DomainError as refused:
                refusal, status = refused.sentence, 409
                visit.refresh_from_db(fields=["status", "during", "schedule_version"])
                state = state_of(visit, now)
            else:
                return redirect("treatments:my_changes")
    context = {"visit": visit, "state": state, "form": form, "refusal": refusal, "answers": _settled(asked)}
    return _shown(request, template, context, status=status)


def _over(request: HttpRequest) -> int:
    """A press about a visit that is not ahead any more does nothing, and the page says why."""
    return 409 if request.method == "POST" else 200


def _visit(link: PatientLink) -> Appointment | None:
    mine = link.clinic.appointments.filter(patient=link.patient, ref=link.about)
    return mine.select_related("clinic", "patient__clinic", "planned_session__plan").first()


def _settled(asked: list[Asked]) -> list[Asked]:
    """What counts again where nothing has changed."""
    return [one for one in asked if not one.is_open]


def _shown(request: HttpRequest, template: str, context: dict, *, status: int) -> HttpResponse:
    visit = context["visit"]
    told = _told(visit) if visit else []
    page = page_context(request.link) | {
        "refusal": "",
        "form": None,
        "starts_at": visit.during.lower if visit else None,
        "told": _reads(told, visit),
        "told_at": told[0].answered_at if told else None,
    }
    return render(request, f"treatments/pages/patient/{template}", page | context, status=status)


def _told(visit: Appointment) -> list[ChangeReport]:
    """What she told us here about the visit as it stands, the newest first; what she said by telephone was answered there."""
    mine = ChangeReport.objects.filter(visit=visit, visit_version=visit.schedule_version, heard_by=None)
    return list(mine.select_related("record").order_by("-pk"))


def _reads(told: list[ChangeReport], visit: Appointment | None) -> str:
    """Of several reports the one that asks for most, until a clinician has seen it: a later answer lifts nothing by itself."""
    if visit is None or not told:
        return ""
    unseen = [one for one in told if one.needs_a_look and one.seen_at is None]
    outcomes = {outcome_on(one.record.result, visit.day)[0] for one in unseen}
    if outcomes & (set(NOT_PERMITTED) - {"needs_clinician"}):
        return WAIT
    return MAY_CALL if unseen else THANKS


def _once(request: HttpRequest) -> UUID:
    """One press, however often it arrives: the token of the form as she saw it, and what she said in it. Going back and
    saying something else is another press."""
    try:
        token = UUID(request.POST.get("submit_token", ""))
    except ValueError:
        token = uuid4()
    said = sorted((name, request.POST.getlist(name)) for name in request.POST if name != "csrfmiddlewaretoken")
    return uuid5(token, repr((str(request.link.ref), said)))
