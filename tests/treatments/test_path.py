"""The path in services, from registration to aftercare: what everything else stands on."""

from datetime import time, timedelta

import pytest

from patients.models import Message
from tests import factories
from treatments.sessions import services as sessions


@pytest.mark.django_db
def test_the_whole_path_in_services(clinic, patient, clinician_member, later):
    plan = factories.make_active_plan(patient)
    visit = factories.book(plan.planned_sessions.get(number=1), day=factories.TODAY)
    session = factories.chart(factories.open_session(visit))
    sessions.complete(session=session, by=session.operator)
    visit.refresh_from_db()
    second = plan.planned_sessions.get(number=2)

    assert visit.status == "done"
    assert (second.earliest_on - factories.TODAY).days == plan.floor_days
    assert (second.target_on - factories.TODAY).days == plan.target_days
    assert Message.objects.filter(about=session.ref, state="due").count() >= 5

    later(timedelta(days=42))
    factories.answer_all(patient, forms=("day",))
    visit = factories.book(second, day=second.target_on, at=time(14))  # the clocks went forward in between
    factories.make_done_session(visit)
    assert plan.sessions.count() == 2
