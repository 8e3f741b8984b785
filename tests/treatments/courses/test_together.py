"""What the visits of a course meet is read once for all of them, as it is under the lock, and judged visit by visit."""

import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from clinic.errors import DomainError
from clinic.models import AuditEvent, Membership, Room, TimeOff
from clinic.statements import Statement
from patients.models import Patient
from tests import factories
from tests.treatments.courses.test_booking import best
from treatments.appointments import services as diary
from treatments.appointments.courses import locked, services, together
from treatments.appointments.models import Appointment
from treatments.plans.models import TreatmentPlan
from treatments.rules import services as rules
from treatments.rules.models import Device

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(desk_member):
    return desk_member.user


def asked_by(act, *args, **kwargs) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        act(*args, **kwargs)
    return [one["sql"] for one in queries]


def test_a_course_costs_as_few_statements_whatever_the_number_of_its_visits(clinic, by):
    asked = {}
    for sessions in (3, 2, 4, 6):  # the first of them reads the rules for all
        plan = factories.make_active_plan(factories.make_patient(clinic), count=6)
        asked[sessions] = asked_by(services.book_all, plan=plan, places=best(plan, sessions=sessions), by=by)
        assert Appointment.objects.filter(planned_session__plan=plan).count() == sessions
    assert [len(asked[sessions]) for sessions in (2, 4, 6)] == [28] * 3
    said = {"SELECT clinic_now()": 1, "FOR SHARE": 1, "FOR UPDATE": 2, "FOR NO KEY UPDATE": 4, "EXECUTE time_off": 1}
    for sql, times in said.items():
        assert sum(sql in one for one in asked[6]) == times, sql


def test_what_is_held_is_booked_for_as_little(clinic, by):
    asked = {}
    for sessions in (3, 2, 4):
        plan = factories.make_active_plan(factories.make_patient(clinic), count=6)
        services.hold(plan=plan, places=best(plan, sessions=sessions), by=by)
        asked[sessions] = len(asked_by(services.book_held, plan=plan, by=by))
    assert asked[2] == asked[4] <= 33


STALE = {
    "has left": lambda place: Membership.objects.filter(pk=place.clinician.pk).update(is_active=False),
    "does not see patients": lambda place: Membership.objects.filter(pk=place.clinician.pk).update(sees_patients=False),
    "does not take this session": lambda place: Membership.objects.filter(pk=place.clinician.pk).update(
        max_depth_mm="0.1"
    ),
    "is out of service": lambda place: Room.objects.filter(pk=place.room.pk).update(
        in_service=False, out_reason="Flooded"
    ),
}


@pytest.mark.parametrize("guarded", [True, False], ids=["read again under the lock", "negative control"])
@pytest.mark.parametrize("said", STALE)
def test_who_and_what_a_place_names_is_read_again_under_the_lock(active_plan, by, monkeypatch, said, guarded):
    places = best(active_plan)
    STALE[said](list(places.values())[2])
    if not guarded:
        monkeypatch.setattr(together, "_as_they_are", lambda course, wanted, starts: [place for _, place in wanted])
    with pytest.raises(DomainError, match=said) if guarded else nullcontext():
        services.book_all(plan=active_plan, places=places, by=by)
    assert Appointment.objects.filter(planned_session__plan=active_plan).exists() is not guarded


@pytest.mark.parametrize("everybody", [True, False], ids=["the clinic is closed", "the clinician is away"])
def test_one_day_off_among_the_visits_is_found(active_plan, clinic, by, everybody):
    places = best(active_plan)
    third = list(places.values())[2]
    start = third.start(clinic)
    TimeOff.objects.create(
        clinic=clinic, membership=None if everybody else third.clinician, during=(start, start + timedelta(hours=1))
    )
    with pytest.raises(DomainError, match="The clinic is closed then" if everybody else "works .*Choose another time"):
        services.book_all(plan=active_plan, places=places, by=by)


def test_the_visit_whose_place_is_gone_is_named(active_plan, clinic, by):
    places = best(active_plan)
    third = list(places.values())[2]
    diary.book(patient=factories.make_patient(clinic), kind="consultation", place=third, by=by)
    with pytest.raises(diary.SlotTaken, match=f"Just taken: {third.words()}"):
        services.book_all(plan=active_plan, places=places, by=by)
    assert not Appointment.objects.filter(planned_session__plan=active_plan).exists()


@pytest.fixture
def pen(clinic) -> Device:
    return Device.objects.get(clinic=clinic)


def second_pen(pen: Device) -> Device:
    by = factories.a_manager(pen.clinic).user
    return rules.add_device(clinic=pen.clinic, by=by, name="Second pen", max_depth_mm=pen.max_depth_mm)


@pytest.fixture
def in_use(active_plan, clinic, pen, prescriber_member, by):
    """The places of a course, and beside its third visit somebody else with the pen."""
    places = best(active_plan, clinician=factories.a_clinician(clinic))
    third = list(places.values())[2]
    beside = replace(third, clinician=prescriber_member, room=clinic.rooms.exclude(pk=third.room.pk)[0], device=pen)
    diary.book(patient=factories.make_patient(clinic), kind="consultation", place=beside, by=by)
    return places


def test_each_visit_gets_a_device_that_is_free_then(active_plan, in_use, pen, by):
    other = second_pen(pen)
    visits = services.book_all(plan=active_plan, places=in_use, by=by)
    assert [visit.device for visit in visits] == [pen, pen, other, pen]


def test_a_device_that_came_into_service_after_the_lock_is_not_taken(active_plan, in_use, pen, by):
    """Nobody has locked it, so nobody knows who else is about to take it."""
    with transaction.atomic():
        course = locked.lock(active_plan, in_use.values())
        second_pen(pen)
        with pytest.raises(diary.SlotTaken, match="Every device is in use at that time"):
            together.put_down(course, in_use, by=by)


def test_every_visit_of_a_course_has_its_event(active_plan, by):
    visits = services.book_all(plan=active_plan, places=best(active_plan), by=by)
    events = AuditEvent.objects.filter(action="visit.booked").order_by("pk")
    assert [(event.target_ref, event.by, event.clinic, event.facts) for event in events] == [
        (visit.ref, by, visit.clinic, {"day": visit.day.isoformat(), "kind": "treatment"}) for visit in visits
    ]
    assert {event.target_type for event in events} == {"treatments.Appointment"}


LOCKS = {
    "plan": lambda plan: TreatmentPlan.objects.filter(pk=plan.pk),
    "people": lambda plan: Membership.objects.filter(sees_patients=True),
    "rooms": lambda plan: Room.objects.all(),
    "devices": lambda plan: Device.objects.all(),
    "patient": lambda plan: Patient.objects.filter(pk=plan.patient_id),
    "sessions": lambda plan: plan.planned_sessions.all(),
}


def without_lock(asked: Statement) -> Statement:
    rows = asked._queryset.all()
    assert rows.query.select_for_update
    rows.query.select_for_update = False
    return Statement(rows)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("guarded", [True, False], ids=["locked", "negative control"])
def test_what_a_course_takes_or_leaves_is_nobody_elses_until_it_is_done(active_plan, monkeypatch, guarded):
    if not guarded:
        with transaction.atomic():
            unlocked = {name: without_lock(asked) for name, asked in locked._locking().items()}
        assert unlocked.keys() == LOCKS.keys()
        monkeypatch.setattr(locked, "_locking", lambda: unlocked)
    places = best(active_plan)
    with transaction.atomic():
        course = locked.lock(active_plan, places.values())
        held = {
            "plan": [course.plan], "people": course.people.values(), "rooms": course.rooms.values(),
            "devices": course.devices.values(), "patient": [course.plan.patient], "sessions": course.sessions,
        }  # fmt: skip
        left = in_another_session(
            lambda: {
                name: set(rows(active_plan).select_for_update(no_key=True, skip_locked=True))
                for name, rows in LOCKS.items()
            }
        )
    for name, rows in held.items():
        assert rows, name
        assert left[name].isdisjoint(rows) is guarded, name


def in_another_session(ask):
    """What somebody else reads at the same time."""
    told = []

    def asked() -> None:
        try:
            with transaction.atomic():
                told.append(ask())
        finally:
            connections.close_all()

    thread = threading.Thread(target=asked)
    thread.start()
    thread.join(timeout=30)
    [answer] = told
    return answer
