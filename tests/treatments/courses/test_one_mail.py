"""Several quick moves of a course are one mail after a minute, and what is taken back within it is none."""

from dataclasses import replace
from datetime import timedelta

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox import kinds
from tests import factories
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.flows import visits as flow

pytestmark = pytest.mark.django_db
NEWS = ("course_changed", "booking_changed", "course_booked", "booking_confirmed", "booking_cancelled")


@pytest.fixture
def visits(booked_course, later):
    """Four visits of which the patient was told an hour ago."""
    now = clock.now()
    Message.objects.filter(kind="course_booked").update(state="sent", sent_at=now, closed_at=now)
    later(timedelta(hours=1))
    return booked_course


@pytest.fixture
def by(desk_member):
    return desk_member.user


def moved(visit, by, days: int):
    visit.refresh_from_db()
    place = diary.place_of(visit)
    place = replace(place, day=place.day + timedelta(days=days), device=None)
    return diary.move(visit=visit, place=place, by=by)


def due() -> list[tuple[str, list[int]]]:
    """What still goes: the kind, and which sessions it tells of."""
    rows = Message.objects.filter(state="due", kind__in=NEWS).order_by("pk")
    return [(row.kind, [told["starts_at"][:10] for told in row.context.get("visits", [row.context])]) for row in rows]


def leaves(message: Message) -> bool:
    return kinds.get(message.kind).still_wanted(message) is None


def days(*visits) -> list[str]:
    for visit in visits:
        visit.refresh_from_db()
    return [visit.day.isoformat() for visit in visits]


def test_three_quick_moves_are_one_mail_that_waits_its_minute(visits, by, later):
    for visit in visits[1:]:
        moved(visit, by, 1)
        later(timedelta(seconds=15))
    assert due() == [("course_changed", days(*visits[1:]))]
    (message,) = Message.objects.filter(state="due", kind="course_changed")
    assert message.send_at > clock.now() + timedelta(seconds=30)
    assert leaves(message)
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=clock.now(), closed_at=clock.now())
    later(timedelta(seconds=60))
    # What has left stays what it is: the next move is its own news.
    moved(visits[3], by, 1)
    assert Message.objects.filter(state="due", kind="booking_changed").count() == 1


def test_one_of_them_taken_back_leaves_the_others_told(visits, by, later):
    moved(visits[1], by, 1)
    moved(visits[2], by, 1)
    visits[2].refresh_from_db()
    diary.move_back(visit=visits[2], by=by)
    assert due() == [("booking_changed", days(visits[1]))]
    assert leaves(Message.objects.get(state="due", kind="booking_changed"))
    moved(visits[3], by, 1)
    assert due() == [("course_changed", days(visits[1], visits[3]))]
    moved(visits[2], by, 1)
    diary.move_back(visit=visits[2], by=by)
    assert due() == [("course_changed", days(visits[1], visits[3]))]


def test_all_of_them_taken_back_within_the_minute_is_no_mail(visits, by):
    for visit in visits[2:]:
        moved(visit, by, 1)
    for visit in visits[2:]:
        visit.refresh_from_db()
        diary.move_back(visit=visit, by=by)
    assert due() == []


def test_a_rearrangement_after_a_quick_move_tells_of_both(visits, active_plan, by):
    moved(visits[3], by, 2)
    together = {}
    for visit in visits[1:3]:
        visit.refresh_from_db()
        place = diary.place_of(visit)
        together[visit] = replace(place, day=place.day + timedelta(days=1), device=None)
    services.move_together(plan=active_plan, places=together, by=by)
    assert due() == [("course_changed", days(*visits[1:]))]
    back = {visit: replace(diary.place_before(visit), device=None) for visit in together}
    services.move_together(plan=active_plan, places=back, by=by)
    assert due() == [("booking_changed", days(visits[3]))]


def test_one_that_is_cancelled_leaves_the_mail_about_the_others(visits, by):
    for visit in visits[1:]:
        moved(visit, by, 1)
    visits[1].refresh_from_db()
    flow.cancel(visit=visits[1], reason="Cannot come", by=by)
    assert due() == [("course_changed", days(*visits[2:])), ("booking_cancelled", ["2027-04-20"])]


def test_visits_of_two_courses_are_two_mails(visits, by, clinic, later):
    other = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    hers = factories.book(other.planned_sessions.first(), day=visits[1].day + timedelta(days=2))
    now = clock.now()
    Message.objects.filter(about=hers.ref, kind="booking_confirmed").update(state="sent", sent_at=now, closed_at=now)
    later(timedelta(hours=1))
    moved(visits[1], by, 1)
    moved(hers, by, 1)
    assert [kind for kind, _ in due()] == ["booking_changed", "booking_changed"]
