"""A free time of the day: who could come, the first to call first, with a number and an outcome for each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
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
from clinic.submissions import answered, go_to, once
from treatments.appointments.asked import day_url
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import Appointment
from treatments.appointments.offers import Offer, offers
from treatments.appointments.places import LENGTHS
from treatments.appointments.services import AlreadyBooked, SlotTaken
from treatments.appointments.working_time import house_between, people, weekly_hours
from treatments.flows import gaps as flow
from treatments.pages.today.day import TOO_FAR, Day, Gap, day_of
from treatments.pages.today.day_visits import visits_of
from treatments.pages.today.fillers import Candidate, Candidates, Filler
from treatments.pages.today.gaps import DayHoles, Hole
from treatments.pages.worklists.session_calls import sessions_to_book
from treatments.pages.worklists.waiting import Waiter, waiters, waiting_shown
from treatments.plans.models import PlannedSession

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
TAKES = "take"
OTHER_OUTCOMES = (CallOutcome.Outcome.DECLINED, CallOutcome.Outcome.NO_ANSWER, CallOutcome.Outcome.MESSAGE)
# A page that lists everybody is megabytes in a large clinic, and nobody rings up more in a morning.
SHOWN_AT_ONCE = 25
# Nobody fills a day further away than this.
FURTHEST = timedelta(days=730)
OTHER_WORDS = {"declined": "Cannot come", "no_answer": "No answer", "message": "Left a message"}


def gap_url(hole: Hole, clinic: Clinic, first: int = 1) -> str:
    begins = hole.starts.astimezone(clinic.tz)
    further = {"from": first} if first > 1 else {}
    query = urlencode({"day": begins.date().isoformat(), "at": f"{begins:%H%M}"} | further)
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
    """One patient of the page: who, why, and the place that a press books. `number`: in the order to call."""

    number: int
    filler: Filler
    offer: Offer

    @property
    def who(self) -> Candidate:
        return self.filler.who

    @property
    def act(self) -> str:
        return "Takes it: move the visit" if self.who.visit_ref else "Takes it: book"

    @property
    def call_url(self) -> str:
        code, about = ("gap", self.who.session_ref) if self.who.session_ref else ("waiting", self.who.waiting.ref)
        return reverse("treatments:call", args=[code, about])


@dataclass
class Found:
    """The free time as it is now, or None where it is gone, and who could come, the first to call first.

    Those who said no to it are not counted: as many as somebody has rung up about this one free time.
    """

    hole: Hole | None
    fillers: list[Filler] = field(default_factory=list)
    declined: list[Filler] = field(default_factory=list)
    # Whether a treatment fits: most who are called need one.
    holds_a_treatment: bool = True

    def numbers(self, first: int) -> range:
        """Of those that are shown together: from `first` on, if there are so many."""
        first = first if first <= len(self.fillers) else 1
        return range(first, min(first + SHOWN_AT_ONCE, len(self.fillers) + 1))

    def number_of(self, key: str) -> int | None:
        return next((number for number, one in enumerate(self.fillers, 1) if one.who.key == key), None)


@allow(*DESK, methods=["GET", "POST"])
def gap(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?day=YYYY-MM-DD&at=HHMM`: the free time of a clinician (by ref) in which that moment lies.

    `&from=26`: those who could come from that number on; without it from the first.
    """
    now = clock.now()
    on, at = _moment(request, now.astimezone(request.clinic.tz))
    first = _number(request.GET.get("from", ""))
    look = Look(request.clinic, on=on, now=now)
    clinician = look.clinician(ref)
    found = look.found(clinician, at)
    taken, refusal, status = None, None, 200
    if request.method == "POST":
        number = found.number_of(request.POST.get("who", ""))
        line = look.lines(found, range(number, number + 1))[0] if number else None
        act = request.POST.get("act", "")
        if act not in (TAKES, *OTHER_OUTCOMES):
            refusal, status = DomainError("Choose one of the buttons beside a name."), 422
        elif line is None or found.hole is None or (act == TAKES and line.offer.value != request.POST.get("slot")):
            # It may be gone because this very form was sent before: pressed twice, and she has it.
            if (before := answered(request)) is not None:
                return before
            # Also where the place is another one than the page showed: nobody is booked for a time she was not told.
            taken, status = "This free time is gone, or somebody else was faster.", 409
        else:
            hole = found.hole
            try:
                return once(request, lambda: _done(request, hole, line, act, first))
            except (SlotTaken, Busy, AlreadyBooked) as late:
                look = Look(request.clinic, on=on, now=now)
                found = look.found(clinician, at)
                taken, status = late.sentence, 409
            except DomainError as said:
                refusal, status = said, 422
    shown = found.numbers(first)
    context = {
        "clinician": clinician,
        "on": on,
        "found": found,
        "lines": look.lines(found, shown),
        "shown": shown,
        "more": (more := len(found.fillers) - shown.stop + 1),
        "next_many": min(more, SHOWN_AT_ONCE),
        "before_url": gap_url(found.hole, request.clinic, shown.start - SHOWN_AT_ONCE) if shown.start > 1 else "",
        "after_url": gap_url(found.hole, request.clinic, shown.stop) if more else "",
        "begins": found.hole.starts.astimezone(request.clinic.tz) if found.hole else None,
        "day_url": f"{reverse('treatments:today')}?day={on.isoformat()}",
        "taken": taken,
        "refusal": refusal,
        "refused": request.POST.get("who") if refusal else "",
        "other_words": OTHER_WORDS.items(),
    }
    return render(request, "treatments/pages/gap.html", context, status=status)


def _done(request: HttpRequest, hole: Hole, line: Line, act: str, first: int) -> str:
    who = line.who
    planned, waiting = _rows(request, who)
    if act != TAKES:
        made = calls.record(
            about=planned or waiting,
            list_code="gap" if planned else "waiting",
            outcome=act,
            hole=(hole.starts, hole.ends),
            by=request.user,
        )
        undo = reverse("treatments:take_back_call", args=[made.ref])
        messages.success(request, f"{who.name}: {OTHER_WORDS[act].lower()}.", extra_tags=f"undo:{undo}")
        return gap_url(hole, request.clinic, first)
    made, visit = flow.take(
        clinic=request.clinic,
        planned_session=planned,
        waiting=waiting,
        visit_ref=who.visit_ref,
        value=line.offer.value,
        hole=(hole.starts, hole.ends),
        by=request.user,
    )
    undo = reverse("treatments:give_back_gap", args=[made.ref, visit.ref, visit.schedule_version])
    what = "moved to" if who.visit_ref else "booked for"
    messages.success(request, f"{who.name} is {what} {line.offer.words}.", extra_tags=f"undo:{undo}")
    return day_url(visit)


def _rows(request: HttpRequest, who: Candidate) -> tuple[PlannedSession | None, WaitingEntry | None]:
    """Lists read a few columns; whoever writes reads the rows."""
    planned = waiting = None
    if who.session_ref is not None:
        plans = request.clinic.plans.select_related("patient__clinic", "clinic")
        plan = plans.get(planned_sessions__ref=who.session_ref)
        planned = plan.planned_sessions.get(ref=who.session_ref)
        planned.plan = plan
    if who.waiting is not None:
        waiting = request.clinic.waiting_entries.select_related("patient__clinic").get(ref=who.waiting.ref)
    return planned, waiting


@allow(*DESK, methods=["POST"])
def give_back(request: HttpRequest, ref: UUID, visit_ref: UUID, version: int) -> HttpResponse:
    """Undo of a free time that was taken: not booked, or back where the visit was, and waiting again who waited.

    `visit_ref` and `version`: the visit as it stood when it was taken.
    """
    outcome = get_object_or_404(request.clinic.call_outcomes.select_related("patient__clinic"), ref=ref)
    visit = get_object_or_404(request.clinic.appointments, ref=visit_ref)
    # The day of the free time, on which she was; the visit itself may be back on quite another one.
    at = outcome.hole.lower if outcome.hole else clock.now()
    back = f"{reverse('treatments:today')}?day={clock.local(at, request.clinic).date().isoformat()}"
    try:
        flow.give_back(outcome=outcome, visit=visit, version=version, by=request.user)
    except DomainError as refusal:
        messages.warning(request, refusal.sentence)
    else:
        messages.success(request, "As it was before.")
    return go_to(request, back)


# ── What is free, and for whom ────────────────────────────────────────────────


class Look:
    """A day looked at once: which free time is there, who could come, and the places in words."""

    def __init__(self, clinic: Clinic, *, on: date, now: datetime) -> None:
        self.clinic, self.on, self.now = clinic, on, now
        self._hours, self._rooms = weekly_hours(clinic), list(clinic.rooms.all())
        self._staff = people(self._hours)
        for person in self._staff:
            person.clinic = clinic

    def clinician(self, ref: UUID) -> Membership:
        """Also one who has left: her day says that nothing is free."""
        staff = (person for person in self._staff if person.ref == ref)
        others = self.clinic.memberships.select_related("user")
        return next(staff, None) or get_object_or_404(others, ref=ref)

    def found(self, clinician: Membership, at: time) -> Found:
        clinic, on, today = self.clinic, self.on, self.now.astimezone(self.clinic.tz).date()
        rows = visits_of(clinic, on)
        house = house_between(clinic, on, on)
        given = {"rows": rows, "hours": self._hours, "away": house.away, "rooms": self._rooms}
        holes = DayHoles(clinic=clinic, on=on, now=self.now, devices=house.devices, **given)
        day = day_of(clinic=clinic, on=on, now=self.now, by="clinicians", holes=holes, **given)
        hole = _hole_at(day, clinician, at)
        if hole is None:
            return Found(None)
        sessions = sessions_to_book(clinic, today=today, on=on)
        waiting = waiters(waiting_shown(clinic.waiting_entries.all()))
        candidates = Candidates.of(clinic, on=on, today=today, sessions=sessions, waiting=waiting, rows=rows)
        fillers = candidates.fillers(hole, holes)
        asked = [one for one in fillers if not one.declined]
        treatment = Appointment.Kind.TREATMENT
        return Found(hole, asked, fillers[len(asked) :], bool(holes.places(hole, treatment, LENGTHS[treatment])))

    def lines(self, found: Found, numbers: range) -> list[Line]:
        """Those with these numbers, counted from 1."""
        shown = found.fillers[numbers.start - 1 : numbers.stop - 1]
        places = (filler.place for filler in shown)
        offered = offers(places, clinic=self.clinic, clinicians=self._staff, rooms=self._rooms)
        return [Line(*one) for one in zip(numbers, shown, offered, strict=True)]


def _hole_at(day: Day, clinician: Membership, at: time) -> Hole | None:
    """The gap in which a wall time lies; one that has begun since the page was drawn begins later now."""
    lanes: Iterable = (lane for lane in day.lanes if lane.clinician is not None and lane.clinician.pk == clinician.pk)
    gaps = [gap for lane in lanes for gap in lane.gaps]
    zone = day.now.tzinfo
    later = [gap.hole for gap in gaps if gap.hole.ends.astimezone(zone).time() > at]
    return later[0] if later and (later[0].starts.astimezone(zone).time() <= at or day.on == day.today) else None


def _number(said: str) -> int:
    """What makes no sense in the address is as if it had not been said: the first."""
    return max(1, int(said)) if said.isascii() and said.isdigit() and len(said) <= 6 else 1


def _moment(request: HttpRequest, now: datetime) -> tuple[date, time]:
    """What makes no sense in the address is as if it had not been said: now."""
    try:
        on = date.fromisoformat(request.GET.get("day", ""))
        at = time.fromisoformat(request.GET.get("at", ""))
    except ValueError:
        return now.date(), now.time()
    if at.tzinfo is None and abs(on - now.date()) <= FURTHEST:
        return on, at
    if at.tzinfo is None and request.method == "GET":
        messages.warning(request, TOO_FAR)
    return now.date(), now.time()
