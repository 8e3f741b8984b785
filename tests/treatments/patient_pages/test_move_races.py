"""She asks while the desk moves the visit, and asks twice at once: with real commits, each with the guard taken off once."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from clinic.errors import DomainError
from tests import factories
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits
from tests.treatments.patient_pages.telling import a_link
from tests.treatments.patient_pages.test_changes_races import unlocked
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.models import Appointment
from treatments.flows import move_requests

pytestmark = pytest.mark.django_db(transaction=True)
MONDAYS, TUESDAYS = Wishes(weekdays=(1,)), Wishes(weekdays=(2,))


@pytest.fixture
def visit(active_plan) -> Appointment:
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=10))


def asks_while_it_moves(visit: Appointment):
    link, version = a_link(visit, "visit"), visit.schedule_version
    place = factories.a_place(visit.clinic, visit.day + timedelta(days=3))
    with transaction.atomic():
        appointments.move(visit=visit, place=place, by=visit.booked_by)
        thread, outcome = meanwhile(lambda: move_requests.ask(visit=visit, version=version, wishes=MONDAYS, link=link))
        wait_until_somebody_waits(thread)
    thread.join(timeout=30)
    visit.refresh_from_db()
    return outcome[0]


def test_who_asks_about_a_visit_that_moves_at_that_moment_is_told_so(visit):
    assert "This visit was moved." in str(asks_while_it_moves(visit))
    assert not MoveRequest.objects.exists()


def test_without_the_lock_a_wish_would_stand_for_a_time_that_is_gone(visit, monkeypatch):
    """Negative control: the visit is read as it stood before."""
    monkeypatch.setattr(appointments, "locked", unlocked)
    assert asks_while_it_moves(visit) is None
    standing = MoveRequest.objects.get(ended_at=None)
    assert standing.visit_version == visit.schedule_version - 1


def moves_while_she_asks(visit: Appointment):
    link, place = a_link(visit, "visit"), factories.a_place(visit.clinic, visit.day + timedelta(days=3))
    with transaction.atomic():
        move_requests.ask(visit=visit, version=visit.schedule_version, wishes=MONDAYS, link=link)
        thread, outcome = meanwhile(lambda: appointments.move(visit=visit, place=place, by=visit.booked_by))
        wait_until_somebody_waits(thread)
    thread.join(timeout=30)
    return outcome[0]


def test_a_move_that_waits_for_her_ends_what_she_asked(visit):
    assert moves_while_she_asks(visit) is None
    assert MoveRequest.objects.get().ended_because == "moved"


def test_without_the_lock_the_move_would_not_see_what_she_asks(visit, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(appointments, "locked", unlocked)
    assert moves_while_she_asks(visit) is None
    assert MoveRequest.objects.get().ended_at is None


def ask_at_once(visit: Appointment) -> list:
    link, barrier, outcome = a_link(visit, "visit"), Barrier(4), []

    def ask(wishes: Wishes) -> None:
        barrier.wait()
        try:
            made = move_requests.ask(visit=visit, version=visit.schedule_version, wishes=wishes, link=link)
            outcome.append(made.pk)
        except DomainError as refused:
            outcome.append(str(refused))
        finally:
            connection.close()

    threads = [Thread(target=ask, args=[wishes]) for wishes in (MONDAYS, TUESDAYS, MONDAYS, TUESDAYS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcome


def test_of_wishes_that_arrive_at_once_one_stands_and_the_others_are_replaced(visit):
    outcome = ask_at_once(visit)
    assert all(isinstance(one, int) for one in outcome)
    assert MoveRequest.objects.filter(ended_at=None).count() == 1
    assert set(MoveRequest.objects.exclude(ended_at=None).values_list("ended_because", flat=True)) <= {"replaced"}


def test_without_the_lock_the_database_refuses_the_second_in_a_sentence(visit, monkeypatch):
    """Negative control: the constraint speaks where the lock is off."""
    monkeypatch.setattr(appointments, "locked", unlocked)
    assert "You have asked for another time already. We call you." in ask_at_once(visit)
    assert MoveRequest.objects.filter(ended_at=None).count() == 1
