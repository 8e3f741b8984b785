"""A course that changes while the desk books in it: real commits on two connections, each with its negative control."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from tests import factories
from tests.factories import TODAY, in_days
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits
from treatments.appointments.models import COMING, Appointment
from treatments.flows import life_events
from treatments.plans.models import PlannedSession, TreatmentPlan

pytestmark = pytest.mark.django_db(transaction=True)


def race(first: Callable[[], object], second: Callable[[], object]) -> str:
    """What the second is told, which begins before the first is done; empty where it was done."""
    with transaction.atomic():
        first()
        thread, told = meanwhile(second)
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return str(told[0] or "")


def no_locks(monkeypatch) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, *args, **options: rows.all())


def a_copy(plan: TreatmentPlan) -> TreatmentPlan:
    return TreatmentPlan.objects.select_related("patient__clinic", "clinic").get(pk=plan.pk)


def booking(plan: TreatmentPlan, number: int) -> Callable[[], object]:
    planned = PlannedSession.objects.select_related("plan__patient__clinic", "plan__clinic").get(
        plan=plan, number=number
    )
    day = TODAY + in_days(7) if number == 1 else planned.target_on
    return lambda: factories.book(planned, day=day)


def pausing(plan: TreatmentPlan, by) -> Callable[[], object]:
    seen = life_events.ahead_of_pause(plan, None).seen
    mine = a_copy(plan)
    return lambda: life_events.pause(plan=mine, until=None, reason="reaction", seen=seen, by=by)


def shortening(plan: TreatmentPlan, by) -> Callable[[], object]:
    seen = life_events.ahead_of_shortening(plan, 3).seen
    mine = a_copy(plan)
    return lambda: life_events.shorten(plan=mine, to=3, reason="good_result", seen=seen, by=by)


def unseen_in_the_pause(plan: TreatmentPlan) -> int:
    rows = Appointment.objects.filter(planned_session__plan=plan, status__in=COMING)
    return rows.count() if a_copy(plan).is_paused else 0


def without_a_place(plan: TreatmentPlan) -> int:
    rows = Appointment.objects.filter(planned_session__plan=plan, status__in=COMING)
    return rows.filter(planned_session__left_out_at__isnull=False).count()


# ── Pause, while the desk books ───────────────────────────────────────────────


def test_a_pause_waits_for_a_booking_and_sees_it(active_plan, clinician_member):
    told = race(booking(active_plan, 1), pausing(active_plan, clinician_member))
    assert told == life_events.CHANGED_MEANWHILE
    assert (unseen_in_the_pause(active_plan), a_copy(active_plan).status) == (0, "active")


def test_a_booking_waits_for_a_pause_and_is_refused(active_plan, clinician_member):
    assert "This course is paused" in race(pausing(active_plan, clinician_member), booking(active_plan, 1))
    assert unseen_in_the_pause(active_plan) == 0


@pytest.mark.parametrize("books_first", [True, False])
def test_without_the_lock_of_the_course_a_visit_stands_in_a_pause_unseen(
    active_plan, clinician_member, monkeypatch, books_first
):
    """Negative control."""
    acts = [booking(active_plan, 1), pausing(active_plan, clinician_member)]
    no_locks(monkeypatch)
    assert race(*(acts if books_first else reversed(acts))) == ""
    assert unseen_in_the_pause(active_plan) == 1


# ── Shorten, while the last visit is being booked ─────────────────────────────


def test_shortening_waits_for_a_booking_and_sees_it(active_plan, clinician_member):
    told = race(booking(active_plan, 4), shortening(active_plan, clinician_member))
    assert told == life_events.CHANGED_MEANWHILE
    assert (without_a_place(active_plan), a_copy(active_plan).sessions_planned) == (0, 4)


def test_a_booking_waits_for_the_shortening_and_is_refused(active_plan, clinician_member):
    told = race(shortening(active_plan, clinician_member), booking(active_plan, 4))
    assert "no longer part of this course" in told
    assert without_a_place(active_plan) == 0


@pytest.mark.parametrize("books_first", [True, False])
def test_without_the_lock_of_the_course_the_database_still_refuses(
    active_plan, clinician_member, monkeypatch, books_first
):
    acts = [booking(active_plan, 4), shortening(active_plan, clinician_member)]
    no_locks(monkeypatch)
    told = race(*(acts if books_first else reversed(acts)))
    assert "so it stays in the course" in told if books_first else "no longer part of the course" in told
    assert without_a_place(active_plan) == 0


@pytest.mark.parametrize("books_first", [True, False])
def test_without_either_a_visit_stands_without_its_place(active_plan, clinician_member, monkeypatch, books_first):
    """Negative control."""
    acts = [booking(active_plan, 4), shortening(active_plan, clinician_member)]
    no_locks(monkeypatch)
    with unguarded():
        assert race(*(acts if books_first else reversed(acts))) == ""
        assert without_a_place(active_plan) == 1


class unguarded:  # noqa: N801
    """The two tables without the triggers that hold the promise, and with them again."""

    def __enter__(self) -> None:
        self._all("DISABLE")

    def __exit__(self, *_) -> None:
        self._all("ENABLE")

    def _all(self, word: str) -> None:
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
                cursor.execute(f'ALTER TABLE {table} {word} TRIGGER "{name}"')
