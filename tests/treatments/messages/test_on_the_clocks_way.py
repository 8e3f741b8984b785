"""When the demo's clock goes forward, the jobs of the night are done on its way: a zone that changed puts the hours right."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from clinic import clock
from clinic.celery import app
from patients.outbox import travel
from tests import factories
from tests.treatments.messages.reading import of_kind

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def visit_abroad(active_plan):
    """Booked, and then the clinic's zone changed: its mails wait for ten o'clock in London."""
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=date(2027, 4, 20))
    type(visit.clinic).objects.filter(pk=visit.clinic_id).update(zone="America/New_York")
    return visit


def shown(visit) -> str:
    return f"{of_kind(visit.patient, 'precare_14d').send_at.astimezone(NEW_YORK):%H:%M}"


def test_within_six_hours_of_the_journey_ten_oclock_is_ten_oclock_again(visit_abroad):
    assert shown(visit_abroad) == "05:00"
    travel.go(clinic=visit_abroad.clinic, to=clock.now() + timedelta(hours=7), by=None)
    assert shown(visit_abroad) == "10:00"


def test_control_where_the_journey_does_nothing_beside_the_mails_it_stays_wrong(visit_abroad, monkeypatch):
    monkeypatch.setitem(app.tasks, "treatments.tasks.retime_messages", lambda: None)
    travel.go(clinic=visit_abroad.clinic, to=clock.now() + timedelta(hours=7), by=None)
    assert shown(visit_abroad) == "05:00"
