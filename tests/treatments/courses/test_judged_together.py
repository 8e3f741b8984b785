"""Visits that move together are judged as strictly as one that moves alone: window, floor, and room for what is missing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from clinic import clock
from tests.treatments.courses.test_booking import read
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.gates import OutsideWindow
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(desk_member):
    return desk_member.user


def later(visit: Appointment, days: int):
    place = diary.place_of(visit)
    return replace(place, day=place.day + timedelta(days=days), device=None)


def refusal(visits, moved: dict[int, int], by) -> str:
    """What is said when visits (by number) move by so many days at once."""
    places = {visits[number - 1]: later(visits[number - 1], days) for number, days in moved.items()}
    plan = visits[0].planned_session.plan
    with pytest.raises(OutsideWindow) as said:
        services.move_together(plan=plan, places=places, by=by)
    return said.value.sentence


def test_the_first_session_keeps_its_window_whoever_moves_with_it(visits, by):
    with pytest.raises(OutsideWindow, match="the window of this session ends then"):
        diary.move(visit=visits[0], place=later(visits[0], 98), by=by)
    assert "the window of this session ends then" in refusal(visits, {1: 98, 2: 98, 3: 98, 4: 98}, by)


def test_a_session_whose_predecessor_has_no_visit_stays_in_its_window(visits, by):
    diary.cancel(visit=visits[1], reason="Cannot come", by=by)
    assert "the window of this session ends then" in refusal(visits, {3: 280}, by)


def test_nothing_closes_the_room_that_a_missing_session_needs(visits, by):
    """Session 2 fell out; session 3 would be 49 days after session 1, and 2 has to fit in between: twice 28."""
    diary.cancel(visit=visits[1], reason="Cannot come", by=by)
    assert refusal(visits, {3: -35}, by).startswith("Not before")


def test_what_stays_keeps_its_room_as_well(visits, by):
    """Session 3 fell out: session 2 may come as near to 4 as leaves room for it."""
    diary.cancel(visit=visits[2], reason="Cannot come", by=by)
    assert "session 3 has to fit in between, so at least 56 days lie between the two" in refusal(visits, {2: 29}, by)
    moved = services.move_together(plan=visits[0].planned_session.plan, places={visits[1]: later(visits[1], 28)}, by=by)
    assert (visits[3].day - moved[0].day).days == 56


def test_who_came_after_all_is_not_let_in_beside_a_session_that_was_pulled_nearer(visits, by, clinic_time):
    """The windows of what follows hang on a missed visit's target, so its own day may lie too near to them."""
    missed = visits[1]
    Appointment.objects.filter(pk=missed.pk).update(
        status="no_show", closed_at=clock.now(), closed_reason="Did not come"
    )
    near = Appointment.objects.get(pk=visits[2].pk)
    Appointment.objects.filter(pk=near.pk).update(day=missed.day + timedelta(days=7))
    clinic_time(missed.during.lower + timedelta(minutes=10))
    with pytest.raises(OutsideWindow, match="Move that one first"):
        diary.step(visit=missed, to="arrived", by=by)


@pytest.mark.parametrize("days", [740, 3650, 2900000])
def test_a_day_beyond_two_years_is_refused_before_anything_is_searched(desk, visits, days):
    place = diary.place_of(visits[3])
    stamp = "99991231T2359Z" if days > 100000 else ""
    value = value_of(replace(place, device=None, **({} if stamp else {"day": place.day + timedelta(days=days)})))
    if stamp:
        value = ".".join([stamp, *value.split(".")[1:]])
    page = desk.get(f"{reverse('treatments:rearrange', args=[visits[3].ref])}?to={value}")
    assert page.status_code == 200
    assert "within the next two years" in read(page) or "Choose one of the times offered" in read(page)
