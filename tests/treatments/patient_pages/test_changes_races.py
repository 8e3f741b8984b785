"""She answers while the desk acts, and presses twice: with real commits, each with the guard taken off once."""

from datetime import timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from tests import factories
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits
from tests.treatments.patient_pages.telling import a_link, says
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import Appointment
from treatments.flows import changes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def visit(active_plan) -> Appointment:
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=3))


def unlocked(visit: Appointment) -> Appointment:
    """The visit as it was read before: the guard taken off."""
    return Appointment.objects.select_related("clinic", "patient__clinic", "planned_session__plan").get(pk=visit.pk)


def answers_while_it_moves(visit: Appointment):
    link, version = a_link(visit), visit.schedule_version
    place = factories.a_place(visit.clinic, visit.day + timedelta(days=3))
    with transaction.atomic():
        appointments.move(visit=visit, place=place, by=visit.booked_by)
        thread, outcome = meanwhile(
            lambda: changes.report(visit=visit, version=version, answers=[], link=link, once=uuid4())
        )
        wait_until_somebody_waits()
    thread.join(timeout=30)
    visit.refresh_from_db()
    return outcome[0]


def test_an_answer_about_a_visit_that_moves_at_that_moment_is_refused(visit):
    assert "This visit was moved." in str(answers_while_it_moves(visit))
    assert not ChangeReport.objects.exists()
    assert not visit.patient.answers.filter(via="patient").exists()


def test_without_the_lock_it_would_be_kept_for_a_time_that_is_gone(visit, monkeypatch):
    """Negative control: the visit is read as it stood before."""
    monkeypatch.setattr(appointments, "locked", unlocked)
    assert answers_while_it_moves(visit) is None
    assert ChangeReport.objects.get().visit_version == visit.schedule_version - 1


def press_twice(visit: Appointment, *, presses: int = 3) -> list:
    link, once, barrier, outcome = a_link(visit), uuid4(), Barrier(presses), []

    def press() -> None:
        barrier.wait()
        try:
            answers = [says("new_medicine")]
            outcome.append(
                changes.report(visit=visit, version=visit.schedule_version, answers=answers, link=link, once=once).pk
            )
        except IntegrityError as refused:
            outcome.append(refused)
        finally:
            connection.close()

    threads = [Thread(target=press) for _ in range(presses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcome


def test_one_press_that_arrives_three_times_at_once_is_one_report(visit):
    outcome = press_twice(visit)
    assert len(outcome) == 3 and len(set(outcome)) == 1
    assert ChangeReport.objects.count() == 1
    assert visit.patient.answers.filter(via="patient", code="new_medicine").count() == 1


def test_without_the_lock_of_the_visit_the_second_press_would_be_an_error(visit, monkeypatch):
    """Negative control: the constraint still holds, but nobody answers her in words."""
    monkeypatch.setattr(changes.appointments, "locked", unlocked)
    outcome = press_twice(visit)
    assert any(isinstance(one, IntegrityError) for one in outcome)
    assert ChangeReport.objects.count() == 1
