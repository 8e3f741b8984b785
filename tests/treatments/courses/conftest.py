"""A course that is booked."""

from datetime import timedelta

import pytest

from clinic import clock
from patients.models import Message


@pytest.fixture
def visits(booked_course):
    """Four visits, 42 days apart, of which the patient was told long ago."""
    now = clock.now()
    Message.objects.filter(kind="course_booked").update(
        state="sent", sent_at=now, closed_at=now, send_at=now - timedelta(hours=1)
    )
    return booked_course
