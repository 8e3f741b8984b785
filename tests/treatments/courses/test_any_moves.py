"""Any sequence of booking, moving, rearranging, cancelling, missing, booking again and taking back keeps the course whole.

The real services on the real database. What they refuse changes nothing; what they do leaves every session once, no gap under
the floor, nobody and nothing twice at once, and what is kept of taken times equal to what the visits say.
"""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import combinations, pairwise

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic, User
from tests import factories
from treatments.appointments import gates
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.courses.following import following
from treatments.appointments.courses.problems import Wishes, course_times, sessions_to_place
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.courses.undoing import Act
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.appointments.taken.checking import differences
from treatments.flows import course_booking
from treatments.flows import visits as flow
from treatments.plans.models import TreatmentPlan
from treatments.scheduling.finding import find_sets

WHICH = st.integers(0, 3)
DAYS = st.integers(-35, 50)
HOURS = st.sampled_from([time(9), time(11), time(11, 30), time(15)])


class AnyMoves(RuleBasedStateMachine):
    """One course of four sessions, and a neighbour who wants the same times."""

    plan: TreatmentPlan
    clinic: Clinic
    by: User

    def __init__(self) -> None:
        super().__init__()
        self.begun = transaction.savepoint()
        self.numbers = list(self.plan.planned_sessions.order_by("number").values_list("number", flat=True))
        self.neighbour = factories.make_patient(self.clinic, given_name="Ada")

    def teardown(self) -> None:
        """Every example begins with the same course."""
        transaction.savepoint_rollback(self.begun)

    def attempt(self, act) -> None:
        """A refusal in a sentence is an answer; it leaves nothing behind."""
        try:
            with transaction.atomic():
                act()
        except DomainError as refused:
            assert refused.sentence

    def visits(self, *statuses: str) -> list[Appointment]:
        rows = Appointment.objects.filter(planned_session__plan=self.plan, status__in=statuses)
        return list(rows.select_related(*services.OF_A_VISIT).order_by("during", "pk"))

    def chosen(self, which: int, *statuses: str) -> Appointment | None:
        found = self.visits(*statuses)
        return found[which % len(found)] if found else None

    @initialize()
    def begin_booked(self) -> None:
        self.book_course()

    @rule()
    def book_course(self) -> None:
        def act() -> None:
            if planned := sessions_to_place(self.plan):
                times = course_times(self.plan, planned, Wishes(), now=clock.now())
                for one in find_sets(times.problem, times.free).sets[:1]:
                    places = dict(zip(times.planned, map(times.place, one.visits), strict=True))
                    services.book_all(plan=self.plan, places=places, by=self.by)

        self.attempt(act)

    @rule(which=WHICH, days=DAYS, at=HOURS)
    def book_one(self, which: int, days: int, at: time) -> None:
        planned = self.plan.planned_sessions.order_by("number")[which]
        self.attempt(lambda: factories.book(planned, day=planned.target_on + timedelta(days=days), at=at))

    @rule(which=WHICH, days=DAYS, at=HOURS)
    def move(self, which: int, days: int, at: time) -> None:
        if visit := self.chosen(which, *COMING):
            place = self.elsewhere(visit, days, at)
            self.attempt(lambda: diary.move(visit=visit, place=place, by=self.by))

    @rule(which=WHICH, days=DAYS, at=HOURS, shift=st.booleans())
    def rearrange(self, which: int, days: int, at: time, shift: bool) -> None:
        def act() -> None:
            found = rearrangement(self.plan, {visit: self.elsewhere(visit, days, at)}, now=clock.now())
            if way := found.found.shift_all if shift else found.found.fewest:
                services.move_together(plan=self.plan, places=found.places(way), by=self.by)

        if visit := self.chosen(which, *COMING):
            self.attempt(act)

    @rule(shift=st.booleans())
    def go_on(self, shift: bool) -> None:
        def act() -> None:
            found = following(self.plan, now=clock.now())
            if found and (way := found.found.shift_all if shift else found.found.fewest):
                services.go_on(plan=self.plan, booked=found.booked(way), moved=found.moved(way), by=self.by)

        self.attempt(act)

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        if visit := self.chosen(which, *COMING):
            self.attempt(lambda: flow.cancel(visit=visit, reason="Cannot come", by=self.by))

    @rule()
    def miss(self) -> None:
        """Time passes until the next visit has begun, and nobody has come."""
        if visit := self.chosen(0, *COMING):
            clock.move_to(visit.during.lower + timedelta(minutes=20))
            self.attempt(lambda: diary.mark_no_show(visit=visit, by=self.by))

    @rule(which=WHICH)
    def undo(self, which: int) -> None:
        if visit := self.chosen(which, "cancelled", "no_show", "confirmed"):
            self.attempt(lambda: flow.undo_step(visit=visit, by=self.by))

    @rule(which=WHICH)
    def move_back(self, which: int) -> None:
        if visit := self.chosen(which, *COMING):
            self.attempt(lambda: diary.move_back(visit=visit, by=self.by))

    @rule(all_of_them=st.booleans())
    def take_back(self, all_of_them: bool) -> None:
        undo = course_booking.unbook if all_of_them else course_booking.put_back
        rows = Appointment.objects.filter(planned_session__plan=self.plan, status__in=COMING)
        act = Act.of(visit for visit in rows if (visit.schedule_version == 1) == all_of_them)
        self.attempt(lambda: undo(plan=self.plan, act=act, by=self.by))

    @rule(which=WHICH, days=st.integers(-1, 30), on_purpose=st.booleans())
    def somebody_else_comes(self, which: int, days: int, on_purpose: bool) -> None:
        """Where a visit of the course is, or just was."""
        if visit := self.chosen(which, *COMING, "cancelled"):
            place = self.elsewhere(visit, days, visit.starts_at)
            self.attempt(
                lambda: diary.book(
                    patient=self.neighbour, kind="consultation", place=place, by=self.by,
                    overlap_reason="They come together" if on_purpose else "",
                )
            )  # fmt: skip

    def elsewhere(self, visit: Appointment, days: int, at: time) -> diary.Place:
        place = diary.place_of(visit)
        return replace(place, day=place.day + timedelta(days=days), starts_at=at, device=None, fold=None)

    @invariant()
    def the_course_is_whole(self) -> None:
        sessions = list(self.plan.planned_sessions.order_by("number"))
        assert [session.number for session in sessions] == self.numbers
        assert all(one.earliest_on <= one.target_on <= one.latest_on for one in sessions)
        standing = [visit.planned_session.number for visit in self.visits(*BLOCKING)]
        assert standing == sorted(set(standing))

    @invariant()
    def nothing_is_nearer_than_the_floor(self) -> None:
        days = [visit.day for visit in self.visits(*BLOCKING)]
        apart = [(later - earlier).days for earlier, later in pairwise(days)]
        assert all(gap >= self.plan.floor_days for gap in apart), f"nearer than the floor: {apart}"

    @invariant()
    def nobody_and_nothing_is_twice_at_once(self) -> None:
        rows = list(Appointment.objects.filter(clinic=self.clinic, status__in=BLOCKING))
        for one, other in combinations(rows, 2):
            assert one.patient_id != other.patient_id or not meet(one.during, other.during)
            if not one.overlap_reason and not other.overlap_reason:
                treated = meet(one.clinician_during, other.clinician_during)
                assert one.clinician_id != other.clinician_id or not treated
                assert one.device_id is None or one.device_id != other.device_id or not treated
                assert one.room_id != other.room_id or not meet(one.room_during, other.room_during)

    @invariant()
    def what_is_kept_is_what_the_visits_say(self) -> None:
        assert differences() == []


def meet(one, other) -> bool:
    """Two stretches of time, half-open."""
    first: tuple[datetime, datetime] = (one.lower, one.upper)
    return first[0] < other.upper and other.lower < first[1]


@pytest.fixture
def machine(active_plan, clinic):
    AnyMoves.plan, AnyMoves.clinic, AnyMoves.by = active_plan, clinic, factories.a_manager(clinic).user
    return AnyMoves


def short(examples: int, **more) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=8, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), **more,
    )  # fmt: skip


@pytest.mark.django_db
def test_whatever_is_done_the_course_stays_whole(machine):
    run_state_machine_as_test(machine, settings=short(8))


@pytest.mark.django_db
def test_without_the_gates_the_machine_finds_a_visit_too_near(machine, monkeypatch):
    """Negative control: the machine would notice. The seed is one with which it does soon."""
    for guard in ("_refuse_too_close", "_refuse_outside_window"):
        monkeypatch.setattr(gates, guard, lambda *_, **__: False)
    without_gates = type("AnyMovesWithoutGates", (machine,), {})
    with pytest.raises(AssertionError, match="nearer than the floor"):
        run_state_machine_as_test(seed(4)(without_gates), settings=short(25, phases=[Phase.generate]))
