"""Two people at one visit: whoever is second sees what the first has done."""

import threading
import time as stopwatch
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, connections, transaction

from clinic.errors import DomainError
from tests import factories
from treatments.appointments import services
from treatments.appointments.models import Appointment
from treatments.flows import visits as flow
from treatments.sessions.models import TreatmentSession

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until_somebody_waits(or_is_done: threading.Thread | None = None) -> None:
    """Until another connection stands before a lock of ours; in a negative control it may be done without having waited."""
    until = stopwatch.monotonic() + 20
    with connection.cursor() as cursor:
        while stopwatch.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] or (or_is_done is not None and not or_is_done.is_alive()):
                return
            stopwatch.sleep(0.01)
    pytest.fail("nobody waits" if or_is_done is None else "the other neither waits nor comes to an end")


def meanwhile(act: Callable[[], object]) -> tuple[threading.Thread, list]:
    """Begin `act` on a connection of its own; the list gets what it raised, or None."""
    outcome: list = []

    def run() -> None:
        try:
            act()
        except (DomainError, DatabaseError) as refusal:
            outcome.append(refusal)
        else:
            outcome.append(None)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


@contextmanager
def unguarded(table: str, *constraints: str) -> Iterator[None]:
    """A table without some of its constraints, emptied before it has them again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = ANY(%s)", [list(constraints)]
        )
        dropped = cursor.fetchall()
        assert len(dropped) == len(constraints)
        cursor.execute(f"ALTER TABLE {table} {', '.join(f'DROP CONSTRAINT {name}' for name in constraints)}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
            for name, definition in dropped:
                cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def cancel_while_the_session_opens(visit: Appointment) -> DomainError | None:
    by = visit.booked_by
    with transaction.atomic():
        factories.open_session(visit)
        thread, outcome = meanwhile(lambda: flow.cancel(visit=visit, reason="Felt unwell", by=by))
        wait_until_somebody_waits()
    thread.join(timeout=30)
    visit.refresh_from_db()
    return outcome[0]


@pytest.fixture
def here(transactional_db, clinic, patient) -> Appointment:
    visit = factories.make_visit_today(patient)
    return factories.arrive(visit)


def test_a_visit_is_not_cancelled_while_its_session_opens(here):
    refusal = cancel_while_the_session_opens(here)
    assert "The session of this visit has begun" in str(refusal)
    assert here.status == "in_room"


def test_without_the_lock_a_cancelled_visit_would_have_an_open_session(here, monkeypatch):
    """Negative control: the same race with the visit read as it stood before."""
    monkeypatch.setattr(services, "locked", lambda visit: Appointment.objects.get(pk=visit.pk))
    assert cancel_while_the_session_opens(here) is None
    assert here.status == "cancelled"
    assert TreatmentSession.objects.get(appointment=here).is_open


def move_while_the_one_before_is_cancelled(first: Appointment, second: Appointment) -> None:
    """Session 2 moves while session 1 is cancelled: which window has session 3 afterwards?"""
    place = factories.a_place(second.clinic, second.day + factories.in_days(3))
    with transaction.atomic():
        services.cancel(visit=first, reason="Has a cold", by=first.booked_by)
        thread, outcome = meanwhile(lambda: services.move(visit=second, place=place, by=first.booked_by))
        wait_until_somebody_waits()
    thread.join(timeout=30)
    assert outcome == [None]


@pytest.fixture
def two_booked(transactional_db, active_plan) -> tuple[Appointment, Appointment]:
    """Sessions 1 and 2, each ten days later than it could be."""
    first, second = active_plan.planned_sessions.filter(number__lte=2)
    one = factories.book(first, day=first.earliest_on + factories.in_days(10))
    return one, factories.book(second, day=second.target_on + factories.in_days(10))


def test_windows_are_worked_out_from_what_the_other_has_done(active_plan, two_booked):
    one, two = two_booked
    move_while_the_one_before_is_cancelled(one, two)
    first, second, third, _ = active_plan.planned_sessions.order_by("number")
    # Session 1 has no day any more: its successor hangs on its target; session 3 hangs on where session 2 is now.
    assert second.earliest_on == first.target_on + factories.in_days(28)
    assert third.earliest_on == two.day + factories.in_days(3 + 28)


def test_without_the_lock_of_the_course_a_window_would_hang_on_a_visit_that_is_cancelled(
    active_plan, two_booked, monkeypatch
):
    """Negative control: the days were read before the other had cancelled."""
    one, two = two_booked
    monkeypatch.setattr(services, "locked", lambda visit: Appointment.objects.get(pk=visit.pk))
    move_while_the_one_before_is_cancelled(one, two)
    second = active_plan.planned_sessions.get(number=2)
    assert second.earliest_on == one.day + factories.in_days(28)
