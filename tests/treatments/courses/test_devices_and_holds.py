"""A hold and the devices: one that is held is nobody else's, and where there is none, nothing stands in the way of nothing."""

from dataclasses import replace

import pytest

from tests import factories
from tests.treatments.courses.test_booking import best
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.models import Appointment
from treatments.appointments.services import SlotTaken
from treatments.rules.models import Device

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(desk_member):
    return desk_member.user


@pytest.fixture
def beside(clinic):
    """What another patient takes at the time of a place: her own clinician, her own room."""
    who = factories.make_member(clinic, factories.Role.CLINICIAN, name="Second One", licence="X")
    course = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))

    def take(place, by) -> Appointment:
        room = clinic.rooms.exclude(pk=place.room.pk).first()
        return diary.book(
            patient=course.patient, kind="treatment", place=replace(place, clinician=who, room=room, device=None),
            planned_session=course.planned_sessions.first(), by=by,
        )  # fmt: skip

    return take


def test_of_two_devices_the_one_that_is_not_held_is_taken(clinic, active_plan, beside, by):
    Device.objects.create(clinic=clinic, name="Second pen", max_depth_mm={"face": 1.5, "neck": 1.5, "body": 2.0})
    places = best(active_plan)
    held = services.hold(plan=active_plan, places=places, by=by).visits.first().device
    assert beside(next(iter(places.values())), by).device != held


def test_the_only_device_while_it_is_held_is_said_to_be_in_use(active_plan, beside, by):
    places = best(active_plan)
    services.hold(plan=active_plan, places=places, by=by)
    with pytest.raises(SlotTaken, match="Every device is in use"):
        beside(next(iter(places.values())), by)


def test_places_without_a_device_meet_no_visit_that_has_one(clinic, other_clinic, active_plan, beside, by):
    """An empty key of a range meets every other: here that would be the devices of all clinics."""
    places = best(active_plan)
    room = next(iter(places.values())).room
    first = next(iter(places.values()))
    assert beside(first, by).device is not None
    elsewhere = factories.make_active_plan(factories.make_patient(other_clinic, given_name="Mina"))
    factories.book(elsewhere.planned_sessions.first(), day=first.day, at=first.starts_at)
    clinic.devices.update(in_service=False, out_reason="Broken")
    held = services.hold(
        plan=active_plan, places={planned: replace(place, room=room) for planned, place in places.items()}, by=by
    )
    assert [visit.device for visit in held.visits.all()] == [None] * 4
