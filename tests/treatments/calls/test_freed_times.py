"""A time that became free is offered: before the first visit and after the last one, and where somebody has cancelled."""

from datetime import time, timedelta

import pytest

from tests import factories
from tests.factories import TODAY
from treatments.appointments import services as diary
from treatments.appointments.models import Appointment

pytestmark = pytest.mark.django_db
# Hours are from 09:00 to 17:00; a consultation takes half an hour.
DAY = TODAY + timedelta(days=1)


@pytest.fixture
def by(desk):
    return desk.membership.user


def consult(clinic, at: time, *, by, day=DAY) -> Appointment:
    place = factories.a_place(clinic, day, at, kind="consultation")
    patient = factories.make_patient(clinic, given_name="Con", family_name=f"Sult{at:%H%M}")
    return diary.book(patient=patient, kind="consultation", place=place, by=by)


def cancel(visit: Appointment, *, by) -> None:
    diary.cancel(visit=visit, reason="Has a cold", by=by)


def gaps(desk, day=DAY) -> list[tuple[time, int]]:
    return [(gap.starts, gap.minutes) for gap in desk.get("/today/", {"day": day.isoformat()}).context["day"].gaps]


def test_the_time_after_the_last_visit_and_before_the_first_one_is_offered(desk, clinic, clinician_member, by):
    assert gaps(desk) == []  # a whole day that is empty is no hole
    consult(clinic, time(10), by=by)
    assert gaps(desk) == [(time(9), 60)]
    consult(clinic, time(15, 30), by=by)
    assert gaps(desk) == [(time(9), 60), (time(16), 60)]
    # The boundary: what is too short for a visit, and what is just long enough.
    consult(clinic, time(16), by=by)
    assert gaps(desk) == [(time(9), 60), (time(16, 30), 30)]
    consult(clinic, time(9, 30), by=by)
    assert gaps(desk) == [(time(9), 30), (time(16, 30), 30)]
    consult(clinic, time(9), by=by)
    assert gaps(desk) == [(time(16, 30), 30)]


def test_a_cancelled_half_hour_between_two_visits_is_offered_whole(desk, clinic, clinician_member, by):
    consult(clinic, time(13), by=by)
    freed = consult(clinic, time(13, 30), by=by)
    consult(clinic, time(14), by=by)
    assert gaps(desk) == []
    cancel(freed, by=by)
    assert gaps(desk) == [(time(13, 30), 30)]


def test_a_struck_visit_does_not_cut_a_free_time_in_two(desk, clinic, clinician_member, by):
    consult(clinic, time(12, 30), by=by)
    freed = consult(clinic, time(13, 45), by=by)
    consult(clinic, time(15), by=by)
    cancel(freed, by=by)
    assert gaps(desk) == [(time(13), 120), (time(15, 30), 90)]


def test_what_was_cancelled_in_an_empty_half_day_is_offered_alone(desk, clinic, clinician_member, by):
    freed = consult(clinic, time(13, 45), by=by)
    cancel(freed, by=by)
    assert gaps(desk) == [(time(13, 45), 30)]
    page = desk.get("/today/", {"day": DAY.isoformat()})
    (gap,) = page.context["day"].gaps
    assert "Fill 13:45, 30 min" in desk.get(gap.url).content.decode()
    # Somebody else took it since.
    consult(clinic, time(13, 45), by=by)
    assert gaps(desk) == []


def test_what_a_missed_visit_has_left_is_offered_from_now_on(desk, clinic, clinician_member, by, later):
    missed = consult(clinic, time(10, 45), by=by, day=TODAY)
    later(timedelta(minutes=4))
    diary.mark_no_show(visit=missed, by=by)
    assert gaps(desk, TODAY) == [(time(10, 50), 25)]
    # The boundary: a review takes twenty minutes, and nothing takes less. The clock goes on while the test runs.
    later(timedelta(minutes=7))
    assert gaps(desk, TODAY) == [(time(10, 55), 20)]
    later(timedelta(minutes=4))
    assert gaps(desk, TODAY) == []
