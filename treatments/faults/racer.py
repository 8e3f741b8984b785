"""One racer: tries again and again, at random, to change the same few places of the diary as everybody else.

Two thirds of the tries go through the services of the product, some of them as HTTP requests; the rest write visits as raw
rows, as a script would that asks nobody.
"""

import random
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from datetime import time as wall_time
from functools import cached_property
from typing import Any

from django.test import Client
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic, Membership, User
from treatments.appointments import services as diary
from treatments.appointments.courses import services as courses
from treatments.appointments.courses.following import following
from treatments.appointments.courses.forms import SEPARATOR
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.courses.problems import Wishes, course_times, sessions_to_place
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.courses.undoing import Act
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.places import LENGTHS, Place
from treatments.faults import raw
from treatments.faults.intents import DONE, Log
from treatments.flows import course_booking
from treatments.flows import visits as flow
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.scheduling.finding import find_sets

# Session n is wanted on one of these days of its window; each lies near the next one's floor once somebody has moved.
DAYS_APART, DAYS_WANTED = 42, 4
STARTS = [wall_time(8 + quarter // 4, 15 * (quarter % 4)) for quarter in range(16)]
FOUND = 302
# The share of whole courses that are tried where there is room for them.
WITH_ROOM = 0.08
Effect = Callable[[], Iterable[Appointment]]


@dataclass(frozen=True)
class Try:
    """What is about to be done. `wanted` is given where visits are booked: see `Intent`."""

    effect: Effect
    wanted: dict[str, Any]


class Skipped(Exception):
    """There was nothing to do this to: no try."""


class HttpAnswer(Exception):
    """A request was answered: its status, and of a fault what was in its way."""

    def __init__(self, status: int, said: str = "") -> None:
        super().__init__(status)
        self.status, self.said = status, said


class Racer:
    def __init__(self, number: int, log: Log, *, seed: int, acts: Iterable[str] = ()) -> None:
        self.chance = random.Random(seed)  # noqa: S311  dice, no secret
        self.log, self.number = log, number
        self.clinic = Clinic.objects.get()
        self.people = list(self.clinic.memberships.filter(sees_patients=True).select_related("user").order_by("pk"))
        for person in self.people:
            person.clinic = self.clinic
        self.rooms = list(self.clinic.rooms.order_by("pk"))
        self.plans = list(self.clinic.plans.select_related("patient").order_by("pk"))
        for plan in self.plans:
            plan.clinic = plan.patient.clinic = self.clinic
        self.alone = list(self.clinic.patients.filter(plans=None).order_by("pk"))
        for patient in self.alone:
            patient.clinic = self.clinic
        self.first_day: date = clock.today(self.clinic) + timedelta(days=2)
        self.raw = raw.Writer(self.clinic, self.people, self.rooms, self.alone)
        self.acts = [(name, getattr(self, name)) for name in acts or WEIGHTS]
        self.weights = [WEIGHTS[name] for name, _ in self.acts]

    @property
    def by(self) -> User:
        """Eight racers are four people: the same person presses in two places as well."""
        return self.member.user

    @property
    def member(self) -> Membership:
        return self.people[self.number % len(self.people)]

    def try_something(self, before: Callable[[], None]) -> None:
        """One try of one act. `before` is called when it is about to begin."""
        tried = None
        while tried is None:
            [(name, act)] = self.chance.choices(self.acts, self.weights)
            try:
                tried = act()
            except Skipped:
                continue
            except DomainError:
                continue  # found while looking around, before anything was tried
        self.log.intend(name, tried.wanted)
        before()
        begun, visits, said = time.perf_counter(), [], ""
        try:
            visits = [(one.pk, one.schedule_version, one.status) for one in tried.effect()]
            outcome = DONE
        except DomainError as refusal:
            outcome = type(refusal).__name__
            if not refusal.sentence.strip():
                outcome, said = "fault", f"{name}: refused without a sentence"
        except HttpAnswer as answer:
            outcome, said = f"http {answer.status}", answer.said
        except raw.Refused as refused:
            outcome = f"raw {refused}"
        except Exception:
            outcome, said = "fault", traceback.format_exc()
        self.log.tell(outcome, taken_ms=(time.perf_counter() - begun) * 1000, visits=visits, said=said)

    # Where and who

    def a_plan(self) -> TreatmentPlan:
        return self.chance.choice(self.plans)

    def a_place(self, number: int, kind: str = "treatment") -> Place:
        day = self.first_day + timedelta(days=DAYS_APART * (number - 1) + self.chance.randrange(DAYS_WANTED))
        return Place(
            day=day, starts_at=self.chance.choice(STARTS), clinician=self.chance.choice(self.people),
            room=self.chance.choice(self.rooms), length=LENGTHS[Appointment.Kind(kind)],
        )  # fmt: skip

    def a_visit(self, statuses: Iterable[str] = COMING, *, of_a_course: bool | None = None) -> Appointment:
        """One visit that stands so, of a random course or patient."""
        rows = Appointment.objects.filter(status__in=statuses, booked_by__isnull=False)
        if of_a_course or (of_a_course is None and self.chance.random() < 0.7):
            rows = rows.filter(planned_session__plan=self.a_plan())
        else:
            rows = rows.filter(patient=self.chance.choice(self.alone))
        found = list(rows.select_related(*courses.OF_A_VISIT).order_by("-pk")[:4])
        if not found:
            raise Skipped
        return self.chance.choice(found)

    def whole_course(self) -> tuple[TreatmentPlan, dict[PlannedSession, Place]]:
        plan = self.a_plan()
        planned = sessions_to_place(plan)
        if not planned:
            raise Skipped
        room = self.room_for(plan, planned) if self.chance.random() < WITH_ROOM else {}
        return plan, room or {session: self.a_place(session.number) for session in planned}

    def room_for(self, plan: TreatmentPlan, planned: list[PlannedSession]) -> dict[PlannedSession, Place]:
        """Places that are free at this moment; nothing where there are none."""
        times = course_times(plan, planned, Wishes(), now=clock.now())
        found = find_sets(times.problem, times.free).sets
        return dict(zip(times.planned, map(times.place, found[0].visits), strict=True)) if found else {}

    # Courses

    def book_course(self) -> Try:
        plan, places = self.whole_course()
        return Try(lambda: courses.book_all(plan=plan, places=places, by=self.by), wanted(plan, places))

    def hold_and_confirm(self) -> Try:
        plan, places = self.whole_course()

        def effect() -> list[Appointment]:
            courses.hold(plan=plan, places=places, by=self.by)
            return courses.book_held(plan=plan, by=self.by)

        return Try(effect, wanted(plan, places, "held"))

    def confirm_held(self) -> Try:
        """What somebody else, or an earlier try, holds: perhaps gone by now."""
        held = CourseHold.objects.order_by("pk").select_related("plan__patient").last()
        if held is None:
            raise Skipped
        plan = held.plan
        plan.clinic = plan.patient.clinic = self.clinic
        sessions = {row.planned_session: None for row in held.visits.select_related("planned_session")}
        return Try(lambda: courses.book_held(plan=plan, by=held.held_by), wanted(plan, sessions, "held"))

    def hold_only(self) -> Try:
        plan, places = self.whole_course()
        return Try(lambda: nothing(courses.hold(plan=plan, places=places, by=self.by)), wanted(plan, places, "nothing"))

    def let_go(self) -> Try:
        plan = self.a_plan()
        return Try(lambda: nothing(courses.let_go(plan=plan, by=self.by)), {})

    def let_expire(self) -> Try:
        """Five minutes pass for some of the holds: whoever books next clears them away."""
        some = CourseHold.objects.filter(plan__in=self.chance.sample(self.plans, min(4, len(self.plans))))

        def effect() -> list[Appointment]:
            now = clock.now()
            return nothing(some.filter(held_at__lt=now).update(expires_at=now))

        return Try(effect, {})

    def unbook_course(self) -> Try:
        plan = self.a_plan()
        mine = Appointment.objects.filter(planned_session__plan=plan, status__in=COMING, booked_by=self.by)
        visits = list(mine.order_by("-booked_at"))
        act = Act.of(visit for visit in visits if visit.booked_at == visits[0].booked_at)
        return Try(lambda: course_booking.unbook(plan=plan, act=act, by=self.by), {})

    def rearrange(self) -> Try:
        visit = self.a_visit(of_a_course=True)
        plan = visit.planned_session.plan
        days = self.chance.randint(-16, 21)
        place = replace(self.a_place(visit.planned_session.number), day=visit.day + timedelta(days=days))
        found = rearrangement(plan, {visit: place}, now=clock.now())
        way = self.chance.choice([found.found.fewest, found.found.shift_all])
        if way is None:
            raise Skipped
        return Try(lambda: courses.move_together(plan=plan, places=found.places(way), by=self.by), {})

    def go_on(self) -> Try:
        """A visit fell out: its session is booked again, and what follows moves as far as it has to."""
        plan = self.a_plan()
        follows = following(plan, now=clock.now())
        way = follows and self.chance.choice([follows.found.fewest, follows.found.shift_all])
        if not way:
            raise Skipped
        booked, moved = follows.booked(way), follows.moved(way)
        return Try(
            lambda: courses.go_on(plan=plan, booked=booked, moved=moved, by=self.by),
            wanted(plan, booked) if booked else {},
        )

    def put_back(self) -> Try:
        plan = self.a_plan()
        rows = Appointment.objects.filter(planned_session__plan=plan, status__in=COMING, schedule_version__gt=1)
        act = Act.of(rows)
        return Try(lambda: course_booking.put_back(plan=plan, act=act, by=self.by), {})

    # Single visits

    def book_session(self) -> Try:
        plan = self.a_plan()
        planned = next(iter(sessions_to_place(plan)), None)
        if planned is None:
            raise Skipped
        place = self.a_place(planned.number)
        return Try(
            lambda: [diary.book(patient=plan.patient, kind="treatment", place=place, planned_session=planned, by=self.by)],
            wanted(plan, [planned]),
        )  # fmt: skip

    def book_alone(self, reason: str = "") -> Try:
        patient, kind = self.chance.choice(self.alone), self.chance.choice(["consultation", "review"])
        place = self.a_place(self.chance.randint(1, 4), kind)
        return Try(
            lambda: [diary.book(patient=patient, kind=kind, place=place, overlap_reason=reason, by=self.by)],
            {"patient": patient.pk, "sessions": [None], "books": "these"},
        )

    def overlap_on_purpose(self) -> Try:
        return self.book_alone("Two sisters, side by side")

    def move(self) -> Try:
        visit = self.a_visit()
        number = visit.planned_session.number if visit.planned_session else self.chance.randint(1, 4)
        place = self.a_place(number, visit.kind)
        return Try(lambda: [diary.move(visit=visit, place=place, by=self.by)], {})

    def move_back(self) -> Try:
        visit = self.a_visit()
        return Try(lambda: [diary.move_back(visit=visit, by=self.by)], {})

    def cancel(self) -> Try:
        visit = self.a_visit()
        return Try(lambda: [flow.cancel(visit=visit, reason="Cannot come", by=self.by)], {})

    def confirm(self) -> Try:
        visit = self.a_visit()
        return Try(lambda: [diary.step(visit=visit, to="confirmed", by=self.by)], {})

    def undo(self) -> Try:
        visit = self.a_visit(["cancelled", "confirmed"])
        return Try(lambda: [flow.undo_step(visit=visit, by=self.by)], {})

    # The same as requests

    @cached_property
    def client(self) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(self.by)
        return client

    def request(self) -> Try:
        """What a person at the desk sends."""
        return self.chance.choice(
            [self._book_by_request, self._course_by_request, self._move_by_request, self._cancel_by_request, self._look]
        )()

    def _look(self) -> Try:
        return self._sent(reverse("treatments:today"), None)

    def _book_by_request(self) -> Try:
        plan = self.a_plan()
        planned = next(iter(sessions_to_place(plan)), None)
        if planned is None:
            raise Skipped
        url = reverse("treatments:book", args=[planned.ref])
        return self._sent(url, {"slot": value_of(self.a_place(planned.number))}, wanted(plan, [planned]))

    def _course_by_request(self) -> Try:
        plan, places = self.whole_course()
        url = reverse("treatments:book_course", args=[plan.ref])
        value = SEPARATOR.join(value_of(place) for place in places.values())
        held = self._sent(url, {"act": "hold", "set": value})
        booked = self._sent(url, {"act": "book"}, wanted(plan, places, "held"))

        def effect() -> list[Appointment]:
            try:
                held.effect()
            except HttpAnswer as answer:
                if answer.status != FOUND:
                    raise
            return booked.effect()

        return Try(effect, booked.wanted)

    def _move_by_request(self) -> Try:
        visit = self.a_visit()
        number = visit.planned_session.number if visit.planned_session else self.chance.randint(1, 4)
        url = reverse("treatments:move_visit", args=[visit.ref])
        return self._sent(url, {"slot": value_of(self.a_place(number, visit.kind))})

    def _cancel_by_request(self) -> Try:
        visit = self.a_visit()
        act, said = self.chance.choice([("cancel_visit", {"reason": "Cannot come"}), ("unbook_visit", {})])
        return self._sent(reverse(f"treatments:{act}", args=[visit.ref]), said)

    def _sent(self, url: str, said: dict[str, str] | None, meant: dict[str, Any] | None = None) -> Try:
        def effect() -> list[Appointment]:
            answer = self.client.get(url) if said is None else self.client.post(url, said)
            fault = getattr(answer, "exc_info", None)
            raise HttpAnswer(answer.status_code, "".join(traceback.format_exception(*fault)) if fault else "")

        return Try(effect, meant or {})

    # Raw rows

    def raw_visit(self) -> Try:
        places = [self.a_place(self.chance.randint(1, 4), "review")]
        in_order = self.chance.random() < 0.9
        return Try(lambda: nothing(self.raw.book(places, self.chance.choice(self.alone), in_order=in_order)), {})

    def raw_course(self) -> Try:
        """Four visits in one transaction: what a whole course costs without the product. Four places at random are next to never
        free at once, and a try that fails says nothing of the time."""
        places = [self.a_place(number) for number in range(1, 5)]
        if self.chance.random() < WITH_ROOM:
            plan = self.a_plan()
            planned = sessions_to_place(plan)
            if len(planned) == len(places):
                places = list(self.room_for(plan, planned).values()) or places
        return Try(lambda: nothing(self.raw.book(places, self.chance.choice(self.alone))), {})

    def raw_free(self) -> Try:
        return Try(lambda: nothing(self.raw.free()), {})


# Out of a hundred tries, about so many each. What costs much comes less often; the cheap ones keep the places contested.
WEIGHTS = {
    "book_course": 2.5, "hold_and_confirm": 1.5, "confirm_held": 1, "hold_only": 1, "let_go": 3, "let_expire": 2,
    "unbook_course": 2.5, "rearrange": 0.7, "go_on": 0.7, "put_back": 2, "book_session": 6, "book_alone": 26, "overlap_on_purpose": 0.4,
    "move": 4.5, "move_back": 2.5, "cancel": 3.4, "confirm": 1.5, "undo": 2.5, "request": 1.2,
    "raw_visit": 21, "raw_course": 7, "raw_free": 7.8,
}  # fmt: skip


def wanted(plan: TreatmentPlan, sessions: Iterable[PlannedSession], books: str = "these") -> dict[str, Any]:
    """See `Intent`. Whoever confirms books what is held: a colleague in another room may have changed that meanwhile."""
    return {"plan": plan.pk, "sessions": sorted(session.pk for session in sessions), "books": books}


def nothing(_: object) -> list[Appointment]:
    """Of an act that changes no visit."""
    return []
