"""A free time that others have a hand in too: held for a course, pressed twice, moved before it is given back."""

import uuid
from datetime import time, timedelta

import pytest

from tests import factories
from tests.factories import TODAY
from tests.treatments.calls.test_gaps import TOMORROW, undo_of
from tests.treatments.calls.test_gaps import world as world  # a fixture
from treatments.appointments import services as diary
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.courses import services as courses
from treatments.appointments.models import Appointment

pytestmark = pytest.mark.django_db


def free_at(world, at: time):
    """Tomorrow in the second room: the first one has the visits around the hole."""
    return factories.a_place(world.clinic, TOMORROW, at, kind="treatment", room=world.clinic.rooms.last())


def test_what_is_held_for_a_course_is_no_free_time_until_it_is_let_go(world, later):
    url = world.url
    world.course("Asks")
    session = world.course("Holds")
    assert world.names() == ["Asks Filler", "Holds Filler"]
    place = free_at(world, time(13, 15))
    courses.hold(plan=session.plan, places={session: place}, by=world.by)
    assert world.gaps == []
    assert "not free any more" in world.page(url).content.decode()
    later(courses.HELD_FOR)
    assert world.names() == ["Asks Filler", "Holds Filler"]


def test_a_hold_leaves_what_is_beside_it(world):
    """It begins late: a consultation fits before it, and no treatment."""
    asks, session = world.course("Asks"), world.course("Holds")
    place = free_at(world, time(13, 30))
    diary.cancel(visit=Appointment.objects.get(starts_at=time(14, 15)), reason="Has a cold", by=world.by)
    consult_at = factories.a_place(world.clinic, TOMORROW, time(15), kind="consultation")
    alone = factories.make_patient(world.clinic, given_name="Alone", family_name="Filler")
    diary.book(patient=factories.make_patient(world.clinic), kind="consultation", place=consult_at, by=world.by)
    calls.wait(patient=alone, kind="consultation", by=world.by)
    assert {*world.names()} == {"Alone Filler", "Asks Filler", "Holds Filler"}
    courses.hold(plan=session.plan, places={session: place}, by=world.by)
    assert world.names() == ["Alone Filler"]
    assert asks.plan.status == "active"


def test_pressed_twice_she_has_it_and_reads_so(world):
    world.course("Takes"), world.course("Other")
    (shown, other) = world.page().context["lines"]
    form = {"who": shown.who.key, "act": "take", "slot": shown.offer.value, "submit_token": str(uuid.uuid4())}
    url = world.url
    first, second = world.desk.post(url, form), world.desk.post(url, form)
    assert (first.status_code, second.status_code) == (302, 302)
    assert second["Location"] == first["Location"]
    assert Appointment.objects.filter(kind="treatment").count() == 1
    # The control: a form of its own, and the same form for somebody else, are told.
    for differing in ({"submit_token": str(uuid.uuid4())}, {"who": other.who.key}):
        assert world.desk.post(url, form | differing).status_code == 409
    assert Appointment.objects.filter(kind="treatment").count() == 1


def taken(world) -> tuple[Appointment, str]:
    """Somebody who waited has taken it: her visit, and the undo that was offered."""
    session = world.course("Takes")
    calls.wait(patient=session.plan.patient, kind="treatment", planned_session=session, by=world.by)
    (filler,) = world.fillers()
    answer = world.press(filler, "take")
    visit = Appointment.objects.get(planned_session=session)
    return visit, undo_of(answer, visit)


def test_what_a_colleague_has_moved_since_is_left_alone(world):
    visit, undo = taken(world)
    diary.move(visit=visit, place=free_at(world, time(13, 10)), by=world.by)
    assert "was changed since" in world.desk.post(undo, follow=True).content.decode()
    visit.refresh_from_db()
    assert (visit.status, visit.starts_at) == ("booked", time(13, 10))
    assert CallOutcome.objects.get().taken_back_at is None
    assert not WaitingEntry.objects.filter(ended_at=None).exists()


def test_an_undo_never_touches_the_visit_of_somebody_else(world):
    visit, undo = taken(world)
    other = factories.book(world.course("Else"), day=TODAY + timedelta(days=6))
    said = world.desk.post(undo.replace(str(visit.ref), str(other.ref)), follow=True).content.decode()
    assert "was changed since" in said
    assert {*Appointment.objects.filter(kind="treatment").values_list("status", flat=True)} == {"booked"}
