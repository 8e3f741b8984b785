"""Two people at one visit: whoever is second sees what the first has done."""

import threading
import time as stopwatch
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction

from clinic.errors import DomainError
from tests import factories
from treatments.appointments import services
from treatments.appointments.models import Appointment
from treatments.flows import visits as flow
from treatments.sessions.models import TreatmentSession

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until_somebody_waits() -> None:
    """Until another connection stands before a lock of ours."""
    until = stopwatch.monotonic() + 20
    with connection.cursor() as cursor:
        while stopwatch.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            stopwatch.sleep(0.01)
    pytest.fail("nobody waits")


def meanwhile(act: Callable[[], object]) -> tuple[threading.Thread, list]:
    """Begin `act` on a connection of its own; the list gets what it raised, or None."""
    outcome: list = []

    def run() -> None:
        try:
            act()
        except DomainError as refusal:
            outcome.append(refusal)
        else:
            outcome.append(None)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


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


def test_windows_are_worked_out_from_what_the_other_has_done(transactional_db, clinic, patient):
    plan = factories.make_active_plan(patient)
    first, second, third = plan.planned_sessions.filter(number__lte=3)
    one = factories.book(first, day=first.earliest_on + factories.in_days(10))
    two = factories.book(second, day=second.target_on + factories.in_days(10))
    move_while_the_one_before_is_cancelled(one, two)
    second.refresh_from_db()
    third.refresh_from_db()
    # Session 1 has no day any more: its successor hangs on its target; session 3 hangs on where session 2 is now.
    assert second.earliest_on == first.target_on + factories.in_days(28)
    assert third.earliest_on == two.day + factories.in_days(3 + 28)
