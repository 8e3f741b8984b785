"""A course that is booked."""

from datetime import timedelta

import pytest

from clinic import clock
from patients.models import Message
from tests.treatments.courses.test_booking import best
from treatments.appointments.courses import services


@pytest.fixture
def visits(active_plan, desk_member):
    """Four visits, 42 days apart, of which the patient was told long ago."""
    made = services.book_all(plan=active_plan, places=best(active_plan), by=desk_member.user)
    now = clock.now()
    Message.objects.filter(kind="course_booked").update(
        state="sent", sent_at=now, closed_at=now, send_at=now - timedelta(hours=1)
    )
    return made
