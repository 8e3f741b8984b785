"""Booked visits that cannot be as they stand: who finds them, who is shown them first, and that nobody loses one."""

from contextlib import contextmanager
from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic, Membership, Room, TimeOff
from clinic.resources import services as resources
from clinic.resources import touched
from clinic.resources.touched import TouchesVisits
from clinic.roles import Role
from tests import factories
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits
from treatments.appointments import services as appointments
from treatments.appointments.displaced import displaced_visits
from treatments.appointments.free_slots import free_slots
from treatments.appointments.models import Appointment
from treatments.appointments.own_limits import may_take, who_may_take
from treatments.appointments.places import LENGTHS
from treatments.appointments.working_time import people, weekly_hours
from treatments.rules.equipment import services as equipment

pytestmark = pytest.mark.django_db
DAY = factories.TODAY + timedelta(days=7)


@pytest.fixture
def by(manager_member):
    return manager_member.user


@pytest.fixture
def visit(active_plan) -> Appointment:
    """Session 1 with Noor in room 1, Tuesday in a week: comes at 11:00, is treated from 11:30 to 12:00."""
    return factories.book(active_plan.planned_sessions.get(number=1), day=DAY)


def why(clinic: Clinic) -> dict[str, str]:
    """Patient to why her visit cannot be, as the list says it now."""
    found = displaced_visits(clinic, now=clock.now())
    return {one.visit.patient.given_name: one.why for one in found}


def shown_and_done(act, **how) -> list[touched.Touched]:
    """The first press shows the visits and does nothing, the second does it."""
    with pytest.raises(TouchesVisits) as first_look, transaction.atomic():
        act(**how)
    act(**how, seen=first_look.value.seen)
    return first_look.value.visits


def close(clinic, **how):
    return resources.add_time_off(clinic=clinic, membership=None, first_day=DAY, last_day=DAY, **how)


# ── Each way in which a visit loses its place ─────────────────────────────────


def room_out(visit, by, **seen):
    return resources.take_room_out(room=visit.room, reason="Flooded", by=by, **seen)


def device_out(visit, by, **seen):
    return equipment.take_device_out(device=visit.device, reason="Repair", by=by, **seen)


def left(visit, by, **seen):
    return resources.mark_left(membership=visit.clinician, by=by, **seen)


def no_patients(visit, by, **seen):
    return resources.change_person(membership=visit.clinician, sees_patients=False, max_depth_mm=None, by=by, **seen)


def shallower(visit, by, **seen):
    limit = Decimal("0.25")
    return resources.change_person(membership=visit.clinician, sees_patients=True, max_depth_mm=limit, by=by, **seen)


def other_hours(visit, by, **seen):
    hours = {day: [(time(13), time(17))] for day in range(1, 7)}
    return resources.set_weekly_hours(membership=visit.clinician, hours=hours, valid_from=DAY, by=by, **seen)


def not_in(visit, by, **seen):
    return resources.set_day_hours(membership=visit.clinician, on=DAY, stretches=[], by=by, **seen)


def away(visit, by, **seen):
    who = visit.clinician
    return resources.add_time_off(clinic=visit.clinic, membership=who, first_day=DAY, last_day=DAY, by=by, **seen)


def closed(visit, by, **seen):
    return close(visit.clinic, by=by, **seen)


def closed_until_numbed(visit, by, **seen):
    return close(visit.clinic, until_time=time(11, 15), by=by, **seen)


WAYS = {
    room_out: "Room 1 is out of service",
    device_out: "NP-2 pen is out of service",
    left: "Noor Adeyemi has left",
    no_patients: "Noor Adeyemi does not see patients",
    shallower: "Noor Adeyemi does not take this session",
    other_hours: "Noor Adeyemi is not in",
    not_in: "Noor Adeyemi is not in",
    away: "Noor Adeyemi is not in",
    closed: "The clinic is closed",
    closed_until_numbed: "The clinic is closed",
}


@contextmanager
def tried():
    """What happens inside leaves nothing behind, so that the next way is tried on the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_each_change_shows_the_visits_it_touches_and_then_keeps_them_on_a_list(visit, by):
    for way, said in WAYS.items():
        with tried():
            assert why(visit.clinic) == {}
            with pytest.raises(TouchesVisits) as first_look, transaction.atomic():
                way(visit, by)
            assert why(visit.clinic) == {}, "the first press has changed nothing"
            (shown,) = first_look.value.visits
            assert (shown.ref, shown.patient, shown.why, shown.room) == (visit.ref, "Leila Haddad", said, "R1"), way
            assert f"{shown.starts_at:%H:%M}" == "11:00"
            way(visit, by, seen=first_look.value.seen)
            assert Appointment.objects.get().status == "booked"
            assert why(visit.clinic) == {"Leila": said}, way


def test_a_change_that_touches_nobody_is_one_press(visit, by):
    other = visit.clinic.rooms.last()
    resources.take_room_out(room=other, reason="Flooded", by=by)
    close(visit.clinic, until_time=time(11), by=by)
    resources.set_day_hours(
        membership=visit.clinician, on=DAY, stretches=[(time(11, 30), time(12))], by=by
    )  # numbing needs nobody
    assert why(visit.clinic) == {}


def test_a_visit_booked_between_the_two_presses_is_shown_too(visit, active_plan, by):
    with pytest.raises(TouchesVisits) as first_look, transaction.atomic():
        room_out(visit, by)
    second = active_plan.planned_sessions.get(number=2)
    second.refresh_from_db()
    factories.book(second, day=second.earliest_on)
    with pytest.raises(TouchesVisits) as again, transaction.atomic():
        room_out(visit, by, seen=first_look.value.seen)
    assert len(again.value.visits) == 2
    room_out(visit, by, seen=again.value.seen)


def test_a_visit_on_the_list_already_is_not_shown_again(visit, by):
    shown_and_done(room_out, visit=visit, by=by)
    away(visit, by)
    assert why(visit.clinic) == {"Leila": "Noor Adeyemi is not in · Room 1 is out of service"}


def test_visits_that_are_over_under_way_or_cancelled_are_on_no_list(visit, by, later):
    shown_and_done(room_out, visit=visit, by=by)
    with tried():
        appointments.cancel(visit=visit, reason="Has a cold", by=by)
        assert why(visit.clinic) == {}
    later(timedelta(days=7))
    assert why(visit.clinic) == {"Leila": "Room 1 is out of service"}
    with tried():
        factories.arrive(visit)
        assert why(visit.clinic) == {}
    later(timedelta(hours=2))
    assert why(visit.clinic) == {}


def test_the_list_costs_the_same_with_many_visits(visit, by, clinic):
    def queries() -> int:
        now = clock.now()
        with CaptureQueriesContext(connection) as captured:
            displaced_visits(clinic, now=now)
        return len(captured)

    shown_and_done(room_out, visit=visit, by=by)
    assert queries() == 4
    for number in range(6):
        who = factories.make_member(clinic, Role.CLINICIAN, name=f"Person {number}")
        patient = factories.make_patient(clinic, given_name=f"Patient {number}")
        elsewhere = {"clinician": who, "at": time(10 + number), "room": clinic.rooms.last()}
        place = factories.a_place(clinic, DAY, kind="consultation", **elsewhere)
        appointments.book(patient=patient, kind="consultation", place=place, by=by)
    shown_and_done(resources.take_room_out, room=clinic.rooms.last(), reason="Paint", by=by)
    assert (len(displaced_visits(clinic, now=clock.now())), queries()) == (7, 4)


def test_another_clinics_visits_are_on_its_own_list(visit, by, other_clinic):
    shown_and_done(room_out, visit=visit, by=by)
    assert displaced_visits(other_clinic, now=clock.now()) == []


# ── Booking asks the same ─────────────────────────────────────────────────────


REFUSED = WAYS | {
    no_patients: "Noor Adeyemi does not see patients here",
    shallower: "Noor Adeyemi does not take this session",
    other_hours: "Noor Adeyemi works 13:00 to 17:00",
    not_in: "Noor Adeyemi works not at all that day",
    away: "Noor Adeyemi works not at all that day",
    closed: "The clinic is closed then",
    closed_until_numbed: "The clinic is closed then",
}


def offered(clinic: Clinic, patient, planned, day: date) -> dict[str, int]:
    """Start in London to the room, of the free visits of everybody who may take the session."""
    found = free_slots(
        clinic=clinic,
        patient=patient,
        length=LENGTHS["treatment"],
        first_day=day,
        last_day=day,
        clinicians=who_may_take(people(weekly_hours(clinic)), planned),
        now=clock.now(),
    )
    return {f"{slot.start.astimezone(clinic.tz):%H:%M}": slot.room for slot in found}


def test_what_would_displace_a_visit_is_not_offered_and_refuses_a_new_one(active_plan, visit, by, clinic):
    appointments.cancel(visit=visit, reason="Has a cold", by=by)
    planned, patient = active_plan.planned_sessions.get(number=1), active_plan.patient
    place = appointments.Place(DAY, time(11), visit.clinician, visit.room, LENGTHS["treatment"], device=visit.device)
    assert offered(clinic, patient, planned, DAY)["11:00"] == visit.room_id
    for way, said in REFUSED.items():
        with tried():
            way(visit, by)
            with pytest.raises(DomainError) as refusal, transaction.atomic():
                appointments.book(patient=patient, kind="treatment", place=place, planned_session=planned, by=by)
            assert refusal.value.sentence.startswith(f"{said}. Choose another"), way
            # With another room or another device she could come at eleven all the same.
            elsewhere = {room_out: clinic.rooms.last().pk, device_out: visit.room_id}.get(way)
            assert offered(clinic, patient, planned, DAY).get("11:00") == elsewhere, way


def test_a_day_of_her_own_is_offered_and_can_be_booked(active_plan, by, clinic):
    sunday = factories.TODAY + timedelta(days=12)
    who = factories.a_clinician(clinic)
    resources.set_day_hours(membership=who, on=sunday, stretches=[(time(10), time(12))], by=by)
    planned = active_plan.planned_sessions.get(number=1)
    # The house opens with her: numbing begins at 10:00 at the earliest, and the room is turned over until 12:00.
    assert list(offered(clinic, active_plan.patient, planned, sunday)) == ["10:00", "10:15", "10:30", "10:45"]
    factories.book(planned, day=sunday, at=time(10, 45))


def test_her_own_limit_counts_against_the_deepest_start_of_the_session(active_plan, clinic):
    planned = active_plan.planned_sessions.get(number=1)
    deepest = max(Decimal(str(zone["start_mm"])) for zone in planned.zones)
    who = factories.a_clinician(clinic)
    for limit, may in ((None, True), (deepest, True), (deepest - Decimal("0.01"), False)):
        who.max_depth_mm = limit
        assert may_take(who, planned) is may
    assert may_take(who, None), "a consultation needs no needle"


def test_who_does_not_go_so_deep_is_not_offered_on_the_booking_page(desk, active_plan, clinic):
    planned = active_plan.planned_sessions.get(number=1)
    deeper = factories.make_member(clinic, Role.CLINICIAN, name="Jonas Feld")
    url = f"/plans/sessions/{planned.ref}/book/"
    assert "Noor Adeyemi" in {offer.clinician for _, offers in desk.get(url).context["picker"].days for offer in offers}
    Membership.objects.exclude(pk=deeper.pk).update(max_depth_mm="0.1")
    offered = {offer.clinician for _, offers in desk.get(url).context["picker"].days for offer in offers}
    assert offered == {"Jonas Feld"}


# ── Two at once ───────────────────────────────────────────────────────────────


def book_while(act, planned) -> DomainError | None:
    """What `act` meets that begins while a booking is being written."""
    with transaction.atomic():
        factories.book(planned, day=DAY)
        thread, outcome = meanwhile(act)
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=30)
    return outcome[0]


RACES = {"clinic": "_locked_clinic", "person": "_locked"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("whose", RACES)
@pytest.mark.parametrize("guarded", [True, False], ids=["with the lock", "negative control"])
def test_a_visit_booked_at_the_same_moment_is_shown(clinic, active_plan, by, monkeypatch, whose, guarded):
    who = None if whose == "clinic" else factories.a_clinician(clinic)
    if not guarded:
        model = Clinic if whose == "clinic" else Membership
        monkeypatch.setattr(resources, RACES[whose], lambda row: model.objects.get(pk=row.pk))

    def go_away():
        resources.add_time_off(clinic=clinic, membership=who, first_day=DAY, last_day=DAY, by=by)

    refusal = book_while(go_away, active_plan.planned_sessions.get(number=1))
    assert isinstance(refusal, TouchesVisits) is guarded
    assert TimeOff.objects.exists() is not guarded


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("guarded", [True, False], ids=["read again under the lock", "negative control"])
def test_a_room_that_goes_out_of_service_meanwhile_is_not_booked(clinic, active_plan, by, monkeypatch, guarded):
    planned = active_plan.planned_sessions.get(number=1)
    place = factories.a_place(clinic, DAY)
    if not guarded:
        locked = appointments.lock_place
        monkeypatch.setattr(
            appointments, "lock_place", lambda visit, place, start: locked(visit, place, start) and place
        )

    def book():
        appointments.book(patient=planned.plan.patient, kind="treatment", place=place, planned_session=planned, by=by)

    with transaction.atomic():
        resources.take_room_out(room=Room.objects.get(pk=place.room.pk), reason="Flooded", by=by)
        thread, outcome = meanwhile(book)
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=30)
    assert ("is out of service" in str(outcome[0])) is guarded
    assert Appointment.objects.exists() is not guarded


def test_a_visit_stands_on_the_list_until_it_would_be_over(visit, by):
    shown_and_done(room_out, visit=visit, by=by)
    (found,) = displaced_visits(visit.clinic, now=visit.during.upper - timedelta(minutes=1))
    assert found.visit == visit
    assert displaced_visits(visit.clinic, now=visit.during.upper) == []
