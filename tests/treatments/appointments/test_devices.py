"""A treatment holds a device for its treatment minutes, as it holds a room and a clinician."""

from datetime import time, timedelta

import pytest
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services, taking
from treatments.appointments.models import Appointment
from treatments.rules import services as rules
from treatments.rules.models import Device
from treatments.scheduling.free_time import Stretch

pytestmark = pytest.mark.django_db
DAY = TODAY + timedelta(days=7)


@pytest.fixture
def pen(clinic) -> Device:
    return Device.objects.get(clinic=clinic)


@pytest.fixture
def second_pen(clinic, pen) -> Device:
    return rules.add_device(
        clinic=clinic, by=factories.a_manager(clinic).user, name="Second pen", max_depth_mm=pen.max_depth_mm
    )


@pytest.fixture
def booked(active_plan) -> Appointment:
    """Session 1 of Leila, numbing from 11:00 and treated 11:30 to 12:00 in Room 1."""
    return factories.book(active_plan.planned_sessions.get(number=1), day=DAY)


@pytest.fixture
def second(clinic, booked):
    """Session 1 of somebody else, and the place beside Leila's: another clinician, another room."""
    plan = factories.make_active_plan(factories.make_patient(clinic, given_name="Ana", family_name="Roth"))
    return plan.planned_sessions.get(number=1)


@pytest.fixture
def beside(prescriber_member, clinic) -> dict:
    return {"clinician": prescriber_member, "room": clinic.rooms.last()}


def test_a_treatment_holds_the_device_and_a_consultation_none(clinic, booked, pen):
    assert booked.device == pen
    place = factories.a_place(clinic, DAY, time(14), kind="consultation")
    other = factories.make_patient(clinic)
    assert services.book(patient=other, kind="consultation", place=place, by=booked.booked_by).device is None


def test_one_device_is_in_one_treatment_at_a_time(second, beside):
    with pytest.raises(services.SlotTaken, match="Every device is in use at that time"):
        factories.book(second, day=DAY, **beside)
    # The device is held for the treatment only: 12:00 follows at once, its numbing begins meanwhile.
    assert factories.book(second, day=DAY, at=time(11, 30), **beside).status == "booked"


def test_a_clinic_without_a_device_in_service_books_without_one(second, beside, pen):
    Device.objects.filter(pk=pen.pk).update(in_service=False, out_reason="Repair")
    assert factories.book(second, day=DAY, **beside).device is None


def test_with_a_second_device_both_are_treated_at_once(second, beside, second_pen):
    assert factories.book(second, day=DAY, **beside).device == second_pen


def test_a_device_out_of_service_is_not_taken(second, beside, second_pen):
    Device.objects.filter(pk=second_pen.pk).update(in_service=False, out_reason="Repair")
    with pytest.raises(services.SlotTaken):
        factories.book(second, day=DAY, **beside)


def test_only_times_with_a_free_device_are_offered(desk, clinic, second, beside, second_pen):
    url = reverse("treatments:book", args=[second.ref])
    wishes = {"clinician": str(beside["clinician"].ref), "first_day": DAY.isoformat(), "show": "96"}

    def offered() -> set[time]:
        days = dict(desk.get(url, wishes).context["picker"].days)
        return {offer.starts_at.time() for offer in days[DAY]}

    assert time(11) in offered()
    Device.objects.filter(pk=second_pen.pk).update(in_service=False, out_reason="Repair")
    assert offered()
    # Leila is treated from 11:30 to 12:00: nobody else begins to be treated from 11:00 to 12:00.
    assert not {start for start in offered() if time(10, 30) < start < time(11, 30)}


def test_a_move_keeps_the_device_while_it_is_free_and_else_takes_another(second, beside, booked, second_pen, pen):
    other = factories.book(second, day=DAY, at=time(14), device=second_pen, **beside)
    moved = services.move(visit=booked, place=factories.a_place(booked.clinic, DAY, time(15)), by=booked.booked_by)
    assert moved.device == pen
    moved = services.move(
        visit=other, place=factories.a_place(booked.clinic, DAY, time(10), **beside), by=booked.booked_by
    )
    assert moved.device == second_pen
    Device.objects.filter(pk=second_pen.pk).update(in_service=False, out_reason="Repair")
    moved = services.move(
        visit=moved, place=factories.a_place(booked.clinic, DAY, time(9), **beside), by=booked.booked_by
    )
    assert moved.device == pen


def test_a_visit_that_stands_again_takes_another_device_where_its_own_was_given_away(
    second, beside, booked, second_pen, pen
):
    services.cancel(visit=booked, reason="Has a cold", by=booked.booked_by)
    assert factories.book(second, day=DAY, **beside).device == pen
    assert services.undo_step(visit=booked, by=booked.booked_by).device == second_pen


def test_another_clinics_device_is_no_choice(clinic, other_clinic, second, beside):
    theirs = Device.objects.get(clinic=other_clinic)
    with pytest.raises(DomainError, match="a device of this clinic"):
        factories.book(second, day=DAY, at=time(14), device=theirs, **beside)


def test_a_device_that_is_named_must_be_in_service(second, beside, second_pen):
    Device.objects.filter(pk=second_pen.pk).update(in_service=False, out_reason="Repair")
    second_pen.refresh_from_db()
    with pytest.raises(DomainError, match="Second pen is out of service"):
        factories.book(second, day=DAY, at=time(14), device=second_pen, **beside)


@pytest.mark.parametrize(
    ("looks_back", "found"), [(taking.LONGEST, True), (timedelta(0), False)], ids=["found", "control"]
)
def test_what_began_before_midnight_keeps_its_device_after_it(clinic, pen, patient, monkeypatch, looks_back, found):
    """Numbed from 23:50 for four hours and treated until 07:50: the longest visit there can be."""
    monkeypatch.setattr(taking, "LONGEST", looks_back)
    begins = clock.resolve(DAY, time(23, 50), clinic.tz)
    numbed, over = begins + timedelta(hours=4), begins + timedelta(hours=8)
    Appointment.objects.create(
        clinic=clinic, patient=patient, kind="review", day=DAY, starts_at=time(23, 50), zone=clinic.zone, device=pen,
        prep_minutes=240, treat_minutes=240, during=(begins, over), room_during=(begins, over), clinician_during=(numbed, over),
    )  # fmt: skip
    mine = Appointment(clinic=clinic, patient=factories.make_patient(clinic))
    asked = [Stretch(over - timedelta(minutes=5), over), Stretch(over, over + timedelta(minutes=30))]
    assert taking.free_devices([mine, mine], asked) == [[] if found else [pen.pk], [pen.pk]]
