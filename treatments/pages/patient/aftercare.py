"""What is normal today: the days after a session as the patient reads them from a mail, and her next visit.

Clinical, so her date of birth is asked first. Reading changes nothing; what she says of the next visit goes through the same
flows as from the link to a visit.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.roles import public
from patients.links.access import page_context, patient_page
from patients.models import PatientLink
from treatments.appointments.models import COMING, Appointment
from treatments.flows import move_requests
from treatments.flows.confirming import is_held, say_she_comes
from treatments.pages.header import dot_state, with_states
from treatments.pages.patient import aftercare_days, check_in
from treatments.pages.patient import move as moving
from treatments.pages.patient.shown import ShownVisit, version_shown
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol.precare import PRESCRIBED
from treatments.sessions import aftercare, reviews
from treatments.sessions.models import TreatmentSession

# The days on which we ask how the skin is; on the others she may tell us.
CHECK_IN_DAYS = (1, 3, 7)
OUT_OF_DATE = "Look at your next visit again: this page was out of date."


@dataclass(frozen=True)
class NextVisit(ShownVisit):
    """Her next visit. `label`: what it is, as "session 3 of 4"."""

    label: str
    may_move: bool
    asked_to_move: bool
    # An open reaction holds it: we speak with her first.
    is_held: bool

    @property
    def clinician(self) -> str:
        return self.visit.clinician.user.full_name if self.visit.clinician else ""

    @property
    def is_confirmed(self) -> bool:
        return self.visit.status == Appointment.Status.CONFIRMED


@dataclass(frozen=True)
class ToBook:
    """No visit is booked. `planned`: the session to come with its days, None where there is none."""

    planned: PlannedSession | None
    is_finished: bool


@public()
@patient_page("aftercare")
def day(request: HttpRequest) -> HttpResponse:
    """The day it is after the session, or the one that `?day=` names."""
    return _page(request)


@public(methods=["GET", "POST"])
@patient_page("aftercare")
def confirm(request: HttpRequest) -> HttpResponse:
    """ "I will come", to the next visit as her page showed it. GET: she came back to a page that had refused it."""
    if request.method != "POST":
        return redirect("treatments:my_aftercare")
    coming = _coming(request.link, clock.now())
    if coming is None or str(coming.ref) != request.POST.get("visit"):
        return _page(request, refusal=OUT_OF_DATE, status=422)
    try:
        say_she_comes(visit=coming, version=version_shown(request.POST), link=request.link)
    except DomainError as refusal:
        return _page(request, refusal=refusal.sentence, status=409)
    return redirect("treatments:my_aftercare")


@public(methods=["GET", "POST"])
@patient_page("aftercare")
def move(request: HttpRequest) -> HttpResponse:
    """Another time for the next visit: the page of a visit's own link, in the hands of whoever opened this one."""
    coming = _coming(request.link, clock.now())
    if coming is None:
        return redirect("treatments:my_aftercare")
    here, back = reverse("treatments:my_aftercare_move"), reverse("treatments:my_aftercare")
    return moving.page(coming, request=request, here=here, back=back)


def _page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    link = request.link
    session = _session(link)
    if session is None or aftercare.has_newer(session):
        context = page_context(link) | {"is_older": session is not None}
        return render(request, "treatments/pages/patient/aftercare_over.html", context, status=status)
    now = clock.now()
    shown = _shown(session, now, asked=request.GET.get("day", ""))
    signs = aftercare.signs(shown.ahead.catalogue)
    context = page_context(link) | {
        "shown": shown,
        "today_number": max(0, (now.astimezone(link.clinic.tz).date() - session.on).days),
        "after_the_week": aftercare_days.AFTER_THE_WEEK,
        "signs": signs,
        "at_once": "; ".join(f"{sign[0].lower()}{sign[1:]}" for sign in signs["emergency"]),
        "prescribed": PRESCRIBED,
        "in_reaction": aftercare_days.AFTER_A_REACTION if shown.ahead.reaction_open else "",
        "refusal": refusal,
    }
    context |= _next(link, session, now)
    if shown.is_today:
        context |= check_in.check_in_part(session, day=shown.number) | {"asks_today": shown.number in CHECK_IN_DAYS}
    return render(request, "treatments/pages/patient/aftercare.html", context, status=status)


def _session(link: PatientLink) -> TreatmentSession | None:
    """The signed session that the link is about; None where it was entered in error."""
    mine = link.clinic.sessions.filter(ref=link.about, patient=link.patient).exclude(signed_at=None)
    standing = mine.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR)
    return standing.select_related("clinic", "patient__clinic", "plan", "device", "appointment").first()


def _shown(session: TreatmentSession, now: datetime, *, asked: str) -> aftercare_days.Shown:
    local = now.astimezone(session.clinic.tz)
    on = _day_asked(session, local.date(), asked)
    ahead = aftercare.outlook(session, today=max(on, local.date()))
    needled_at = aftercare.needled_at(session).astimezone(session.clinic.tz)
    return aftercare_days.Shown(ahead=ahead, on=on, needled_at=needled_at, now=local)


def _day_asked(session: TreatmentSession, today: date, asked: str) -> date:
    """The day of a link of the strip; what is no such day shows today."""
    number = int(asked) if asked.isdecimal() and len(asked) <= len(str(aftercare_days.LAST_DAY)) else None
    if number is None or number > aftercare_days.LAST_DAY:
        return max(today, session.on)
    return session.on + timedelta(days=number)


def _next(link: PatientLink, session: TreatmentSession, now: datetime) -> dict:
    """Her next visit, or what is known of it; with the dots of its course."""
    coming = _coming(link, now)
    plan = coming.planned_session.plan if coming and coming.planned_session else session.plan
    return {
        "next": _next_visit(coming, now) if coming else None,
        "to_book": None if coming else _to_book(plan),
        "dots": [{"number": one.number, "state": dot_state(one)} for one in with_states(plan.planned_sessions.all())],
    }


def _coming(link: PatientLink, now: datetime) -> Appointment | None:
    """The first visit of hers that is booked and ahead."""
    mine = link.clinic.appointments.filter(patient=link.patient, status__in=COMING)
    ahead = mine.filter(during__startswith__gt=now).order_by("during", "id")
    return ahead.select_related("clinic", "patient", "clinician__user", "planned_session__plan").first()


def _next_visit(visit: Appointment, now: datetime) -> NextVisit:
    planned = visit.planned_session
    of_course = f"session {planned.number} of {planned.plan.sessions_planned}" if planned else ""
    return NextVisit(
        visit=visit,
        label=of_course or Appointment.Kind(visit.kind).label.lower(),
        may_move=move_requests.may_ask(visit, now=now),
        asked_to_move=visit.move_requests.filter(ended_at=None).exists(),
        is_held=is_held(visit),
    )


def _to_book(plan: TreatmentPlan) -> ToBook:
    is_finished = reviews.is_finished(plan)
    planned = aftercare.to_come(plan) if plan.status == TreatmentPlan.Status.ACTIVE and not is_finished else None
    return ToBook(planned=planned, is_finished=is_finished)
