"""A free time of the day: who could come, the first to call first, with a number and an outcome for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.models import Clinic, Membership
from clinic.roles import Role, allow
from clinic.submissions import go_to, once
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.free_slots import devices_in_service
from treatments.appointments.offers import Offer, offers
from treatments.appointments.services import AlreadyBooked, SlotTaken
from treatments.appointments.working_time import people, time_off, weekly_hours
from treatments.flows import gaps as flow
from treatments.pages.day import Day, Gap, day_of
from treatments.pages.day_visits import visits_of
from treatments.pages.gaps import Candidates, DayHoles, Filler, Hole
from treatments.pages.session_calls import sessions_to_book
from treatments.pages.waiting import Waiter, waiters, waiting_shown
from treatments.plans.models import PlannedSession

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
TAKES = "take"
OTHER_OUTCOMES = (CallOutcome.Outcome.DECLINED, CallOutcome.Outcome.NO_ANSWER, CallOutcome.Outcome.MESSAGE)
OTHER_WORDS = {"declined": "Cannot come", "no_answer": "No answer", "message": "Left a message"}


def gap_url(hole: Hole, clinic: Clinic) -> str:
    begins = hole.starts.astimezone(clinic.tz)
    query = urlencode({"day": begins.date().isoformat(), "at": f"{begins:%H%M}"})
    return f"{reverse('treatments:gap', args=[hole.clinician.ref])}?{query}"


def count_fillers(
    gaps: list[Gap], holes: DayHoles, *, today: date, sessions: list[PlannedSession], waiting: list[Waiter]
) -> None:
    """Give each gap of a day its address and how many could fill it: as many as its page lists. One query, if there is a gap."""
    if not gaps:
        return
    candidates = Candidates.of(
        holes.clinic, on=holes.on, today=today, sessions=sessions, waiting=waiting, rows=holes.rows
    )
    for gap in gaps:
        gap.url = gap_url(gap.hole, holes.clinic)
        gap.can_fill = candidates.can_fill(gap.hole, holes)


@dataclass(frozen=True)
class Line:
    """One patient of the page: who, why, and the place that a press books."""

    filler: Filler
    offer: Offer

    @property
    def act(self) -> str:
        return "Takes it: move the visit" if self.filler.visit_ref else "Takes it: book"

    @property
    def call_url(self) -> str:
        code, about = ("gap", self.filler.planned) if self.filler.planned else ("waiting", self.filler.waiting)
        return reverse("treatments:call", args=[code, about.ref])


@dataclass
class Found:
    """The free time as it is now, or None where it is gone, and who could come."""

    hole: Hole | None
    lines: list[Line]
    declined: list[Line]


@allow(*DESK, methods=["GET", "POST"])
def gap(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?day=YYYY-MM-DD&at=HHMM`: the free time of a clinician (by ref) in which that moment lies."""
    clinician = get_object_or_404(request.clinic.memberships.select_related("user"), ref=ref)
    now = clock.now()
    on, at = _moment(request, now.astimezone(request.clinic.tz))
    found = _found(request.clinic, clinician, on=on, at=at, now=now)
    taken, refusal, status = None, None, 200
    if request.method == "POST":
        line = next((one for one in found.lines if one.filler.key == request.POST.get("who")), None)
        act = request.POST.get("act", "")
        if act not in (TAKES, *OTHER_OUTCOMES):
            refusal, status = DomainError("Choose one of the buttons beside a name."), 422
        elif line is None or found.hole is None or (act == TAKES and line.offer.value != request.POST.get("slot")):
            # Also where the place is another one than the page showed: nobody is booked for a time she was not told.
            taken, status = "This free time is gone, or somebody else was faster.", 409
        else:
            hole = found.hole
            try:
                return once(request, lambda: _done(request, hole, line, act))
            except (SlotTaken, Busy, AlreadyBooked) as late:
                found = _found(request.clinic, clinician, on=on, at=at, now=now)
                taken, status = late.sentence, 409
            except DomainError as said:
                refusal, status = said, 422
    context = {
        "clinician": clinician,
        "on": on,
        "found": found,
        "begins": found.hole.starts.astimezone(request.clinic.tz) if found.hole else None,
        "day_url": f"{reverse('treatments:today')}?day={on.isoformat()}",
        "taken": taken,
        "refusal": refusal,
        "refused": request.POST.get("who") if refusal else "",
        "other_words": OTHER_WORDS.items(),
    }
    return render(request, "treatments/pages/gap.html", context, status=status)


def _done(request: HttpRequest, hole: Hole, line: Line, act: str) -> str:
    filler = line.filler
    planned, waiting = _rows(request, filler)
    if act != TAKES:
        made = calls.record(
            about=planned or waiting,
            list_code="gap" if planned else "waiting",
            outcome=act,
            hole=(hole.starts, hole.ends),
            by=request.user,
        )
        undo = reverse("treatments:take_back_call", args=[made.ref])
        messages.success(request, f"{filler.name}: {OTHER_WORDS[act].lower()}.", extra_tags=f"undo:{undo}")
        return gap_url(hole, request.clinic)
    made, visit = flow.take(
        clinic=request.clinic,
        planned_session=planned,
        waiting=waiting,
        visit_ref=filler.visit_ref,
        value=line.offer.value,
        hole=(hole.starts, hole.ends),
        by=request.user,
    )
    undo = reverse("treatments:give_back_gap", args=[made.ref])
    what = "moved to" if filler.visit_ref else "booked for"
    messages.success(request, f"{filler.name} is {what} {line.offer.words}.", extra_tags=f"undo:{undo}")
    return f"{reverse('treatments:today')}?day={visit.day.isoformat()}&visit={visit.ref}"


def _rows(request: HttpRequest, filler: Filler) -> tuple[PlannedSession | None, WaitingEntry | None]:
    """Lists read a few columns; whoever writes reads the rows."""
    planned = waiting = None
    if filler.planned is not None:
        plans = request.clinic.plans.select_related("patient__clinic", "clinic")
        plan = plans.get(planned_sessions=filler.planned.pk)
        planned = plan.planned_sessions.get(pk=filler.planned.pk)
        planned.plan = plan
    if filler.waiting is not None:
        waiting = request.clinic.waiting_entries.select_related("patient__clinic").get(ref=filler.waiting.ref)
    return planned, waiting


@allow(*DESK, methods=["POST"])
def give_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of a free time that was taken: not booked, or back where the visit was, and waiting again who waited."""
    outcome = get_object_or_404(request.clinic.call_outcomes.select_related("patient__clinic"), ref=ref)
    try:
        visit = flow.give_back(outcome=outcome, by=request.user)
    except DomainError as refusal:
        messages.warning(request, refusal.sentence)
        return go_to(request, reverse("treatments:today"))
    messages.success(request, "As it was before.")
    return go_to(request, f"{reverse('treatments:today')}?day={visit.day.isoformat()}")


# ── What is free, and for whom ────────────────────────────────────────────────


def _found(clinic: Clinic, clinician: Membership, *, on: date, at: time, now: datetime) -> Found:
    today = now.astimezone(clinic.tz).date()
    rows = list(visits_of(clinic, on))
    hours, rooms = weekly_hours(clinic), list(clinic.rooms.all())
    staff = people(hours)
    for person in staff:
        person.clinic = clinic
    away = time_off(clinic, *clock.day_bounds(on, clinic.tz))
    holes = DayHoles(clinic, on, now, rows, hours, away, rooms, devices_in_service(clinic))
    day = day_of(
        clinic=clinic, on=on, now=now, by="clinicians", rows=rows, hours=hours, away=away, rooms=rooms, holes=holes
    )
    hole = _hole_at(day, clinician, at)
    if hole is None:
        return Found(None, [], [])
    sessions = list(sessions_to_book(clinic, on=on))
    waiting = waiters(waiting_shown(clinic.waiting_entries.all()))
    candidates = Candidates.of(clinic, on=on, today=today, sessions=sessions, waiting=waiting, rows=rows)
    fillers = candidates.fillers(hole, holes)
    offered = offers((filler.place for filler in fillers), clinic=clinic, clinicians=staff, rooms=rooms)
    lines = [Line(filler, offer) for filler, offer in zip(fillers, offered, strict=True)]
    return Found(hole, [one for one in lines if not one.filler.declined], [one for one in lines if one.filler.declined])


def _hole_at(day: Day, clinician: Membership, at: time) -> Hole | None:
    """The gap in which a wall time lies; one that has begun since the page was drawn begins later now."""
    lanes: Iterable = (lane for lane in day.lanes if lane.clinician is not None and lane.clinician.pk == clinician.pk)
    gaps = [gap for lane in lanes for gap in lane.gaps]
    zone = day.now.tzinfo
    later = [gap.hole for gap in gaps if gap.hole.ends.astimezone(zone).time() > at]
    return later[0] if later and (later[0].starts.astimezone(zone).time() <= at or day.on == day.today) else None


def _moment(request: HttpRequest, now: datetime) -> tuple[date, time]:
    """What makes no sense in the address is as if it had not been said: now."""
    try:
        on = date.fromisoformat(request.GET.get("day", ""))
        at = time.fromisoformat(request.GET.get("at", ""))
    except ValueError:
        return now.date(), now.time()
    in_sight = abs((on - now.date()).days) <= 730 and at.tzinfo is None
    return (on, at) if in_sight else (now.date(), now.time())
