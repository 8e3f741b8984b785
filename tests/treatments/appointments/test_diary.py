"""What the database itself promises about the diary, and what happens when many want the same place."""

import multiprocessing
import sys
import threading
import time as stopwatch
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client
from django.urls import reverse

from clinic.clock import AmbiguousTime, NonexistentTime
from clinic.errors import explain
from clinic.models import Membership, WorkingHours
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services
from treatments.appointments.models import Appointment
from treatments.rules.models import Device

DAY = TODAY + timedelta(days=7)
INSERT = """
INSERT INTO treatments_appointment
    (ref, session_counts, clinic_id, patient_id, kind, status, clinician_id, room_id, device_id, day, starts_at, zone, fold, prep_minutes,
     treat_minutes, turnover_minutes, during, room_during, clinician_during, overlap_reason, to_ask, schedule_version,
     closed_reason)
SELECT gen_random_uuid(), true, clinic_id, %(patient)s, 'consultation', %(status)s, %(clinician)s, %(room)s, %(device)s, day,
     starts_at, zone, 0, 0, 30, 0, during, room_during, clinician_during, %(overlap_reason)s, false, 1, ''
FROM treatments_appointment WHERE id = %(like)s
"""


@pytest.fixture
def taken(clinic, patient) -> Appointment:
    """A consultation in a week at 11:00 that holds everything a visit can hold."""
    place = factories.a_place(clinic, DAY, kind="consultation", device=Device.objects.get(clinic=clinic))
    return services.book(patient=patient, kind="consultation", place=place, by=factories.a_manager(clinic).user)


def insert_beside(taken: Appointment, **holds) -> None:
    """A second visit at the same time by raw SQL, holding nothing of the first but what `holds` names."""
    other = factories.make_patient(taken.clinic)
    values = {
        "patient": other.pk,
        "clinician": None,
        "room": None,
        "device": None,
        "status": "booked",
        "overlap_reason": "",
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values | holds | {"like": taken.pk})


RESOURCES = ("room", "clinician", "device", "patient")


@pytest.mark.parametrize("resource", RESOURCES)
def test_nobody_and_nothing_is_in_two_visits_at_once(taken, resource):
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        insert_beside(taken, **{resource: getattr(taken, f"{resource}_id")})
    assert explain(refused.value).code == f"appointment_{resource}_free"


@pytest.mark.parametrize("resource", RESOURCES)
def test_without_its_constraint_two_visits_would_share_it(taken, resource):
    """Negative control: the same insert passes once the guard is off."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered
            cursor.execute(f"ALTER TABLE treatments_appointment DROP CONSTRAINT appointment_{resource}_free")
        insert_beside(taken, **{resource: getattr(taken, f"{resource}_id")})
        assert Appointment.objects.filter(**{resource: getattr(taken, f"{resource}_id")}).count() == 2
        transaction.set_rollback(True)


def test_visits_that_name_no_room_clinician_or_device_do_not_meet(taken):
    insert_beside(taken)
    insert_beside(taken)
    assert Appointment.objects.count() == 3


@pytest.mark.parametrize("status", ["cancelled", "no_show"])
def test_a_struck_visit_holds_nothing(taken, status):
    Appointment.objects.filter(pk=taken.pk).update(status=status, closed_at=factories.NOW)
    insert_beside(taken, room=taken.room_id, clinician=taken.clinician_id, device=taken.device_id)


def test_a_deliberate_overlap_says_why(taken):
    insert_beside(taken, room=taken.room_id, overlap_reason="Mother and daughter come together")


@pytest.mark.parametrize("minutes", [30, 45])
def test_visits_that_follow_each_other_do_not_overlap(taken, clinic, minutes):
    other = factories.make_patient(clinic)
    at = time(11, minutes)
    visit = services.book(
        patient=other,
        kind="consultation",
        place=factories.a_place(clinic, DAY, at, kind="consultation"),
        by=factories.a_manager(clinic).user,
    )
    assert visit.status == "booked"


def test_numbing_takes_the_room_and_leaves_the_clinician_free(clinic, active_plan):
    """The treatment numbs from 11:00 and is treated from 11:30; the same clinician consults next door meanwhile."""
    factories.book(active_plan.planned_sessions.get(number=1), day=DAY)
    other = factories.make_patient(clinic)
    by = factories.a_manager(clinic).user
    elsewhere = factories.a_place(clinic, DAY, time(11), kind="consultation", room=clinic.rooms.last())
    assert services.book(patient=other, kind="consultation", place=elsewhere, by=by).status == "booked"
    third = factories.make_patient(clinic)
    with pytest.raises(services.SlotTaken, match="This clinician is already booked"):
        place = factories.a_place(clinic, DAY, time(11, 30), kind="consultation", room=clinic.rooms.last())
        services.book(patient=third, kind="consultation", place=place, by=by)
    with pytest.raises(services.SlotTaken, match="This room is already taken"):
        prescriber = factories.make_member(clinic, "clinician", name="Jonas Feld")
        # 12:00 to 12:10 the room is turned over.
        place = factories.a_place(clinic, DAY, time(12, 5), kind="consultation", clinician=prescriber)
        services.book(patient=third, kind="consultation", place=place, by=by)


def test_a_session_of_somebody_else_is_not_booked(clinic, active_plan):
    other = factories.make_patient(clinic)
    with pytest.raises(services.DomainError, match="somebody else's course"):
        services.book(
            patient=other, kind="treatment", place=factories.a_place(clinic, DAY), planned_session=active_plan.planned_sessions.first(),
            by=factories.a_manager(clinic).user,
        )  # fmt: skip


def test_a_course_that_is_not_active_is_not_booked(clinic, patient):
    plan = factories.make_draft(patient)
    with pytest.raises(services.DomainError, match="This course is not active"):
        factories.book(plan.planned_sessions.get(number=1), day=DAY)


# ── When the clocks change ────────────────────────────────────────────────────

LONDON, LORD_HOWE = "Europe/London", "Australia/Lord_Howe"


@pytest.fixture
def open_all_night(clinic):
    """Moves the clinic to a zone and opens it round the clock."""

    def open_in(zone: str) -> Membership:
        clinic.zone = zone
        clinic.save(update_fields=["zone"])
        who = factories.a_clinician(clinic)
        WorkingHours.objects.filter(membership=who).update(starts=time(0), ends=time(23, 59))
        WorkingHours.objects.create(membership=who, weekday=7, starts=time(0), ends=time(23, 59))
        return who

    return open_in


def consult(clinic, day: date, at: time, fold: int | None = None) -> Appointment:
    place = factories.a_place(clinic, day, at, kind="consultation", fold=fold)
    clinic.refresh_from_db()
    patient = factories.make_patient(clinic)
    return services.book(patient=patient, kind="consultation", place=place, by=factories.a_manager(clinic).user)


@pytest.mark.parametrize(
    ("zone", "day", "at"), [(LONDON, date(2027, 3, 28), time(1, 30)), (LORD_HOWE, date(2027, 10, 3), time(2, 15))]
)
def test_a_time_the_clocks_leap_over_is_refused_as_such(clinic, open_all_night, zone, day, at):
    open_all_night(zone)
    with pytest.raises(NonexistentTime, match="The clocks go forward that night") as refused:
        consult(clinic, day, at)
    assert refused.value.field == "starts_at"


@pytest.mark.parametrize(
    ("zone", "day", "at", "offsets"),
    [
        (LONDON, date(2027, 10, 31), time(1, 30), ["01:00:00", "00:00:00"]),
        (LORD_HOWE, date(2027, 4, 4), time(1, 45), ["11:00:00", "10:30:00"]),
    ],
)
def test_a_time_that_comes_twice_is_asked_about_and_both_can_be_booked(clinic, open_all_night, zone, day, at, offsets):
    open_all_night(zone)
    with pytest.raises(AmbiguousTime, match="happens twice"):
        consult(clinic, day, at)
    visits = (
        [consult(clinic, day, at, fold=fold) for fold in (0, 1)]
        if zone == LONDON
        else [consult(clinic, day, at, fold=1)]
    )
    seen = [str(visit.during.lower.astimezone(ZoneInfo(zone)).utcoffset()).zfill(8) for visit in visits]
    assert seen == (offsets if zone == LONDON else offsets[1:])
    assert [visit.fold for visit in visits] == ([0, 1] if zone == LONDON else [1])


def test_the_form_offers_the_first_and_the_second_of_two_equal_times(desk, clinic, patient, open_all_night):
    who = open_all_night(LONDON)
    url = reverse("treatments:book_visit", args=[patient.ref])
    form = {
        "slot": "own",
        "day": "2027-10-31",
        "starts_at": "01:30",
        "clinician": str(who.ref),
        "room": str(clinic.rooms.first().ref),
    }
    answer = desk.post(url, form)
    assert answer.status_code == 422
    assert "happens twice" in answer.context["form"].errors["starts_at"][0]
    assert "The first, before the clocks go back" in answer.content.decode()
    assert desk.post(url, form | {"fold": "1"}).status_code == 302
    assert Appointment.objects.get().during.lower.isoformat() == "2027-10-31T01:30:00+00:00"


def test_the_form_names_a_time_that_does_not_exist(desk, clinic, patient, open_all_night):
    who = open_all_night(LONDON)
    form = {
        "slot": "own",
        "day": "2027-03-28",
        "starts_at": "01:30",
        "clinician": str(who.ref),
        "room": str(clinic.rooms.first().ref),
    }
    answer = desk.post(reverse("treatments:book_visit", args=[patient.ref]), form)
    assert answer.status_code == 422
    assert "01:30 does not exist on 28 March" in answer.context["form"].errors["starts_at"][0]


def test_a_visit_keeps_its_wall_time_across_a_clock_change(clinic, active_plan):
    before = factories.book(active_plan.planned_sessions.get(number=1), day=date(2027, 3, 22))
    after = factories.book(active_plan.planned_sessions.get(number=2), day=date(2027, 5, 3))
    assert before.starts_at == after.starts_at == time(11)
    assert (before.during.lower.hour, after.during.lower.hour) == (11, 10)


# ── Fifty want one place ──────────────────────────────────────────────────────

RACERS = 50
# What is left of a status fits an exit code.
LOWEST_STATUS = 300


def race(clinic, patients, desk_member) -> list[int]:
    """Everybody sends the same time at the same moment, each from a process of her own; the answers' statuses."""
    form = {
        "slot": "own",
        "day": DAY.isoformat(),
        "starts_at": "11:00",
        "clinician": str(factories.a_clinician(clinic).ref),
        "room": str(clinic.rooms.first().ref),
    }
    # Forked processes share nothing but the database: each opens a connection of its own.
    processes = multiprocessing.get_context("fork")
    ready = processes.Barrier(len(patients))

    def press(patient) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(desk_member.user)
        ready.wait(timeout=90)
        answer = client.post(reverse("treatments:book_visit", args=[patient.ref]), form)
        sys.exit(answer.status_code - LOWEST_STATUS)

    connections.close_all()
    running = [processes.Process(target=press, args=[patient]) for patient in patients]
    for process in running:
        process.start()
    # The exit code is the answer: a racer that dies or hangs is seen, and nobody waits for her word.
    deadline = stopwatch.monotonic() + 120
    for process in running:
        process.join(timeout=max(0, deadline - stopwatch.monotonic()))
        process.kill()
        process.join(timeout=10)
    return [LOWEST_STATUS + process.exitcode for process in running]


@pytest.fixture
def racers(transactional_db, clinic, clinician_member, desk_member):
    return [factories.make_patient(clinic, given_name=f"Racer{number}") for number in range(RACERS)]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_fifty_race_for_one_place_and_one_gets_it(clinic, racers, desk_member):
    answers = race(clinic, racers, desk_member)
    assert len(answers) == RACERS
    assert answers.count(302) == 1
    assert answers.count(409) == RACERS - 1
    assert Appointment.objects.count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_without_lock_and_constraint_several_would_get_it(clinic, racers, desk_member, monkeypatch):
    """Negative control: the race is real, and it is the guards that win it."""
    drop = [f"DROP CONSTRAINT appointment_{resource}_free" for resource in ("room", "clinician")]
    monkeypatch.setattr(services, "lock_place", lambda visit, place, start: place)
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = ANY(%s)", [[
            "appointment_room_free", "appointment_clinician_free",
        ]])  # fmt: skip
        kept = cursor.fetchall()
        cursor.execute(f"ALTER TABLE treatments_appointment {', '.join(drop)}")
    try:
        answers = race(clinic, racers, desk_member)
        assert answers.count(302) > 1
        assert Appointment.objects.count() > 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE treatments_appointment CASCADE")
            for name, definition in kept:
                cursor.execute(f"ALTER TABLE treatments_appointment ADD CONSTRAINT {name} {definition}")


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_books_one_visit(transactional_db, clinic, clinician_member, desk_member):
    patient = factories.make_patient(clinic)
    form = {
        "slot": "own", "day": DAY.isoformat(), "starts_at": "11:00", "clinician": str(clinician_member.ref),
        "room": str(clinic.rooms.first().ref), "submit_token": "0b3c6f0e-95f0-4a52-8c7d-2f4f3f7a9d10",
    }  # fmt: skip
    answers: list[int] = []
    ready = threading.Barrier(2)

    def press() -> None:
        try:
            client = Client(raise_request_exception=False)
            client.force_login(desk_member.user)
            ready.wait(timeout=30)
            answers.append(client.post(reverse("treatments:book_visit", args=[patient.ref]), form).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert answers == [302, 302]
    assert Appointment.objects.count() == 1
