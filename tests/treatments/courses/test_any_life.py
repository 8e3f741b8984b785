"""Any sequence of pausing, going on, shortening, extending, replacing and taking back, with all that moves visits beside it, keeps the
promises: the number of sessions, the floor, and no visit without its place in the course."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import Phase, seed
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from clinic import clock
from clinic.models import Membership
from tests import factories
from tests.treatments.courses.test_any_moves import WHICH, AnyMoves, short
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.flows import life_events
from treatments.plans import life
from treatments.plans.models import PlannedSession, TreatmentPlan

NUMBERS = st.integers(1, 8)
PAUSES = st.one_of(st.none(), st.integers(0, 200))


class AnyLife(AnyMoves):
    """The same course; what happens to it as a whole happens too."""

    member: Membership

    @initialize()
    def begin_booked(self) -> None:
        self.book_course()

    def now(self) -> TreatmentPlan:
        """The course as it is; one that was replaced has handed over to its successor."""
        rows = TreatmentPlan.objects.select_related("patient__clinic", "clinic")
        return rows.get(pk=self.plan.pk)

    @rule(days=PAUSES, keeps=st.booleans())
    def pause(self, days: int | None, keeps: bool) -> None:
        plan = self.now()
        until = None if days is None else clock.today(self.clinic) + timedelta(days=days)
        inside = [] if keeps else [visit.ref for visit in life_events.ahead_of_pause(plan, until).goes]
        self.attempt(
            lambda: life_events.pause(plan=plan, until=until, reason="away", cancel=inside, by=self.member)
        )  # fmt: skip

    @rule(days=st.integers(0, 120))
    def go_on_after_a_pause(self, days: int) -> None:
        def act() -> None:
            factories.answer_all(plan.patient)
            life_events.resume(plan=plan, by=self.member)

        plan = self.now()
        if plan.status == "on_hold":
            clock.shift(timedelta(days=days))
            self.attempt(act)

    @rule(to=NUMBERS)
    def shorten(self, to: int) -> None:
        plan = self.now()
        self.attempt(lambda: life_events.shorten(plan=plan, to=to, reason="asked", note="Enough", by=self.member))

    @rule(to=NUMBERS)
    def extend(self, to: int) -> None:
        plan = self.now()
        self.attempt(lambda: life_events.extend(plan=plan, to=to, reason="asked", by=self.member))

    @rule()
    def take_the_last_change_back(self) -> None:
        if change := self.now().changes.first():
            self.attempt(lambda: life_events.undo(change=change, by=self.member))

    @rule(which=WHICH)
    def move_behind_the_pause(self, which: int) -> None:
        plan, visit = self.now(), self.chosen(which, *COMING)
        if visit and plan.paused_until:
            place = replace(self.elsewhere(visit, 0, visit.starts_at), day=plan.paused_until + timedelta(days=1))
            self.attempt(lambda: life_events.diary.move(visit=visit, place=place, by=self.by))

    @invariant()
    def the_course_is_whole(self) -> None:
        plan, sessions = self.now(), list(self.plan.planned_sessions.order_by("number"))
        assert [one.number for one in sessions] == list(range(1, plan.sessions_planned + 1))
        assert all(one.earliest_on <= one.target_on <= one.latest_on for one in sessions)
        standing = [visit.planned_session for visit in self.visits(*BLOCKING)]
        assert len({one.pk for one in standing}) == len(standing)
        assert all(one.left_out_at is None for one in standing), "a visit has no place in the course"

    @invariant()
    def what_was_left_out_is_kept(self) -> None:
        """A session that had a visit once is never gone, and no number is there twice."""
        numbers = list(PlannedSession.everything.filter(plan=self.plan).values_list("number", flat=True))
        assert len(set(numbers)) == len(numbers)

    @invariant()
    def only_what_was_there_stands_in_a_pause(self) -> None:
        """Nothing is booked in a course that is paused: what stands in it was booked, or put back, before."""
        plan = self.now()
        if plan.paused_at:
            rows = Appointment.objects.filter(planned_session__plan=plan, status__in=COMING)
            assert not rows.filter(booked_at__gt=plan.paused_at).exists()


@pytest.fixture
def machine(patient, clinic):
    AnyLife.plan = factories.make_active_plan(
        patient, concerns=[{"code": "wrinkles", "zones": ["forehead"], "severity": "mild"}]
    )
    AnyLife.clinic, AnyLife.by = clinic, factories.a_manager(clinic).user
    AnyLife.member = factories.a_clinician(clinic)
    return AnyLife


@pytest.mark.django_db
def test_whatever_happens_to_a_course_it_keeps_its_promises(machine):
    run_state_machine_as_test(machine, settings=short(10))


@pytest.mark.django_db
def test_what_can_be_asked_of_it_is_done_at_least_once(machine):
    """The machine would prove nothing if every change were refused."""
    plan, by = machine.plan, machine.member
    assert life.asked_of(plan).most == 6
    life_events.extend(plan=plan, to=5, reason="asked", by=by)
    life_events.shorten(plan=plan, to=3, reason="asked", by=by)
    life_events.pause(plan=plan, until=None, reason="away", by=by)
    life_events.resume(plan=plan, by=by)
    assert list(plan.changes.values_list("what", flat=True)) == ["resumed", "paused", "shortened", "extended"]


@pytest.mark.django_db
def test_without_its_guards_the_machine_finds_a_visit_without_a_place(machine, monkeypatch):
    """Negative control: neither does shortening cancel the visits, nor does the database refuse."""
    with connection.cursor() as cursor:
        for table, promise in (
            ("treatments_appointment", "appointment_has_its_session"),
            ("treatments_plannedsession", "planned_session_within_the_course"),
        ):
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE %s",
                [table, f"pgtrigger_{promise}%"],
            )
            (name,) = cursor.fetchone()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
    monkeypatch.setattr(life_events, "_cancel", lambda *_: [])
    unguarded = type("AnyLifeWithoutGuards", (machine,), {})
    with pytest.raises(AssertionError, match="no place in the course"):
        run_state_machine_as_test(seed(1)(unguarded), settings=short(25, phases=[Phase.generate]))
