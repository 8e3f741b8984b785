"""What the demo's first screens show of scheduling, without anybody having pressed a key."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import Exists, OuterRef
from django.test import Client
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from patients.models import Message
from tests import factories
from tests.factories import TODAY
from treatments.appointments.calls.models import WaitingEntry
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.displaced import displaced_visits
from treatments.appointments.feeds.models import CalendarFeed
from treatments.appointments.models import Appointment
from treatments.demo import builder
from treatments.demo import desk as desk_of_the_demo
from treatments.demo.stories import stories, this_week
from treatments.pages.worklists.call_lists import call_lists

pytestmark = pytest.mark.django_db
# One of each: nothing booked yet, a call that ended, who waits, in the room, cancelled, booked at once, moved together, without a
# clinician, here yesterday.
STORIES = {23, 28, 29, 36, 65, 74, 86, 98, 101, 1000}


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

    assert list(Appointment.objects.filter(day=today - timedelta(days=1)).values_list("status", flat=True)) == ["done"]

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
    # A course of which nothing is booked yet: all of it is offered at once.
    booked = Appointment.objects.filter(planned_session__plan=OuterRef("pk"))
    unbooked = clinic.plans.filter(~Exists(booked), status="active").get()
    offered = desk.get(reverse("treatments:book_course", args=[unbooked.ref])).context["sets"]
    assert {len(one.visits) for one in offered} == {unbooked.sessions_planned}
    # The visit that lost its clinician has a way out: other times, one press away.
    (lost,) = lists.of_visits.not_possible.calls
    assert lost.act == "Move"
    assert 'name="slot"' in desk.get(lost.url).content.decode()


def test_a_demo_without_what_it_shows_says_so(clinic_time, active_plan, manager_member):
    """Nothing of the course is booked, so no second visit can be put off: not in silence."""
    with pytest.raises(Appointment.DoesNotExist):
        desk_of_the_demo.put_off_second(active_plan, by=manager_member.user)
    first = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=7))
    factories.book(active_plan.planned_sessions.get(number=2), day=first.day + timedelta(days=42))
    with pytest.raises(DomainError, match="no later day"):
        desk_of_the_demo.put_off_second(active_plan, by=manager_member.user)


def test_two_courses_are_wholly_unbooked_and_every_working_day_has_people():
    told = [*stories(120), *this_week(120)]
    unbooked = [
        one.number for one in told if one.activated and not (one.sessions or one.booked or one.missed or one.together)
    ]
    assert unbooked == [23, 71]
    a_day = Counter(one.consultation for one in told if one.consultation is not None)
    assert all(a_day[day] >= 10 for day in (-1, 1, 2, 4))
    assert list(this_week(0)) == []


def test_courses_that_pause_and_one_that_took_the_place_of_another(clinic_time):
    clinic = builder.build(only={63, 64, 76})
    lists = call_lists(clinic, now=clock.now(), whole=True)
    assert [call.say.partition(" ")[0] for call in lists.paused.calls] == ["Paused", "Paused"]
    paused = clinic.plans.filter(paused_at__isnull=False)
    assert sorted(plan.paused_until is not None for plan in paused) == [False, True]
    (new,) = clinic.plans.exclude(replaces=None)
    assert (new.status, new.replaces.status) == ("draft", "revoked")
    assert new.planned_sessions.order_by("number").first().number == 2
