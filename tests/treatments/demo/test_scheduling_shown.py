"""What the demo's first screens show of scheduling, without anybody having pressed a key."""

from datetime import timedelta

import pytest
from django.test import Client

from clinic import clock
from patients.models import Message
from treatments.appointments.calls.models import WaitingEntry
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.displaced import displaced_visits
from treatments.appointments.feeds.models import CalendarFeed
from treatments.appointments.models import Appointment
from treatments.demo import builder
from treatments.pages.call_lists import call_lists

pytestmark = pytest.mark.django_db
# One of each: a call that ended, who waits, in the room, cancelled, booked at once, moved together, without a clinician.
STORIES = {28, 29, 36, 65, 74, 86, 98, 101}


def test_a_clinic_in_which_things_happen(clinic_time):
    clinic = builder.build(only=STORIES)
    clinic.refresh_from_db()
    now, today = clock.now(), clock.today(clinic)

    # What it works with is not as every week.
    (room,) = clinic.rooms.filter(in_service=False)
    assert room.out_reason
    assert clinic.time_off.filter(membership=None, during__startswith__gt=now).count() == 1
    jonas = clinic.memberships.get(user__full_name="Jonas Feld")
    assert jonas.max_depth_mm is not None
    assert jonas.working_hours.filter(on__gt=today).exists()
    assert CalendarFeed.objects.filter(revoked_at=None).count() == 1

    # The day is half done, and Friday has lost its clinician.
    of_today = dict(Appointment.objects.filter(day=today).values_list("status", "kind"))
    assert {"in_room", "cancelled"} <= of_today.keys()
    assert [found.why for found in displaced_visits(clinic, now=now)] == ["Noor Adeyemi is not in"]

    # Calls were made, and somebody would come earlier; nobody holds anything.
    lists = call_lists(clinic, now=now, whole=True)
    assert len(lists.stopped) == 1
    assert "Has moved to Leeds" in lists.stopped[0].last_words
    assert WaitingEntry.objects.filter(ended_at=None).count() == 2
    assert not CourseHold.objects.exists()

    # A whole course and a change of two visits, each in one message that has still to go.
    due = Message.objects.filter(kind__in=["course_booked", "course_changed"], state="due").order_by("pk")
    assert [(one.kind, len(one.context["visits"])) for one in due] == [("course_booked", 4), ("course_changed", 2)]
    assert all(now < one.send_at <= now + timedelta(minutes=1) for one in due)

    desk = Client()
    desk.force_login(clinic.memberships.get(user__full_name="Tess Moran").user)
    assert [desk.get(url).status_code for url in ("/today/", "/worklists/", "/today/sheet/", "/messages/")] == [200] * 4
    # The visit that lost its clinician has a way out: other times, one press away.
    (lost,) = lists.of_visits.not_possible.calls
    assert lost.act == "Move"
    assert 'name="slot"' in desk.get(lost.url).content.decode()
