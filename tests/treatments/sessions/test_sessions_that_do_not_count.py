"""A needling that does not count leaves its session of the course to be booked again, never sooner than the floor."""

from datetime import time, timedelta

import pytest

from tests import factories
from treatments.appointments import services as appointments
from treatments.screenings.services import NotPermitted
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db


def test_a_session_stopped_early_that_does_not_count_may_be_booked_again(open_session, later):
    planned = open_session.planned_session
    sessions.stop(session=open_session, reason="Patient felt faint", counts=False, by=open_session.operator)
    assert appointments.fixed_days(open_session.plan) == {}

    with pytest.raises((NotPermitted, appointments.OutsideWindow)):
        factories.book(planned, day=factories.TODAY + timedelta(days=27))
    again = factories.book(planned, day=factories.TODAY + timedelta(days=28))

    later(timedelta(days=28))
    factories.answer_all(open_session.patient, forms=("day",))
    assert factories.open_session(again).planned_session == planned


def test_one_that_counts_is_done_and_stays_done(open_session):
    sessions.stop(session=open_session, reason="Enough redness", counts=True, by=open_session.operator)

    assert appointments.fixed_days(open_session.plan) == {1: factories.TODAY}
    with pytest.raises(Exception, match="already booked"):
        factories.book(open_session.planned_session, day=factories.TODAY + timedelta(days=28))


def test_a_signed_session_entered_in_error_frees_its_place_in_the_course(done_session):
    sessions.mark_entered_in_error(session=done_session, reason="Wrong patient", by=done_session.operator)

    second = done_session.plan.planned_sessions.get(number=2)
    assert appointments.fixed_days(done_session.plan) == {}
    assert second.earliest_on == done_session.planned_session.target_on + timedelta(days=done_session.plan.floor_days)
    assert factories.book(done_session.planned_session, day=factories.TODAY, at=time(15))


def test_a_session_opened_by_mistake_leaves_the_visit_under_way(open_session):
    sessions.mark_entered_in_error(session=open_session, reason="Wrong visit", by=open_session.operator)
    visit = open_session.appointment
    visit.refresh_from_db()

    assert visit.session_counts
    assert factories.open_session(visit).planned_session == open_session.planned_session
