"""What the database itself promises about the diary, and what happens when many want the same place."""

import multiprocessing
import sys
import time as stopwatch
from collections import Counter
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.http import HttpResponse
from django.urls import reverse

from clinic import locks
from clinic.clock import AmbiguousTime, NonexistentTime
from clinic.errors import CONSTRAINT_SENTENCES, explain
from clinic.models import WorkingHours
from tests import factories
from tests.factories import TODAY
from tests.treatments.appointments.test_races import meanwhile, unguarded, wait_until_somebody_waits
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
#
# By an hour, and what the form says of it, in tests/treatments/clock_changes; here by half an hour.

LORD_HOWE = "Australia/Lord_Howe"


@pytest.fixture
def open_all_night(clinic) -> None:
    """The clinic on an island whose clocks change by half an hour, open round the clock."""
    clinic.zone = LORD_HOWE
    clinic.save(update_fields=["zone"])
    who = factories.a_clinician(clinic)
    WorkingHours.objects.filter(membership=who).update(starts=time(0), ends=time(23, 59))
    WorkingHours.objects.create(membership=who, weekday=7, starts=time(0), ends=time(23, 59))


def consult(clinic, day: date, at: time, fold: int | None = None) -> Appointment:
    place = factories.a_place(clinic, day, at, kind="consultation", fold=fold)
    clinic.refresh_from_db()
    patient = factories.make_patient(clinic)
    return services.book(patient=patient, kind="consultation", place=place, by=factories.a_manager(clinic).user)


def test_a_time_the_clocks_leap_over_is_refused_as_such(clinic, open_all_night):
    with pytest.raises(NonexistentTime, match="The clocks go forward that night") as refused:
        consult(clinic, date(2027, 10, 3), time(2, 15))
    assert refused.value.field == "starts_at"


def test_a_time_that_comes_twice_is_asked_about_and_the_second_can_be_booked(clinic, open_all_night):
    day, at = date(2027, 4, 4), time(1, 45)
    with pytest.raises(AmbiguousTime, match="happens twice"):
        consult(clinic, day, at)
    visit = consult(clinic, day, at, fold=1)
    assert visit.fold == 1
    assert visit.during.lower.astimezone(ZoneInfo(LORD_HOWE)).utcoffset() == timedelta(hours=10, minutes=30)


def test_a_visit_keeps_its_wall_time_across_a_clock_change(clinic, active_plan):
    before = factories.book(active_plan.planned_sessions.get(number=1), day=date(2027, 3, 22))
    after = factories.book(active_plan.planned_sessions.get(number=2), day=date(2027, 5, 3))
    assert before.starts_at == after.starts_at == time(11)
    assert (before.during.lower.hour, after.during.lower.hour) == (11, 10)


# ── Fifty want one place ──────────────────────────────────────────────────────

RACERS = 50
# Enough for the negative control: more than one of them gets through.
FEW = 12
# What a racer was answered, as her exit code.
BOOKED, TAKEN, OTHERWISE = 0, 1, 2


def wanted(clinic) -> dict[str, str]:
    """The form of a consultation in a week at 11:00."""
    return {
        "slot": "own",
        "day": DAY.isoformat(),
        "starts_at": "11:00",
        "clinician": str(factories.a_clinician(clinic).ref),
        "room": str(clinic.rooms.first().ref),
    }


def answered(answer: HttpResponse) -> int:
    """409 is said of a place that is taken and of a lock that was waited for too long: the page has the sentence."""
    if answer.status_code == 302:
        return BOOKED
    said = answer.content.decode()
    is_taken = any(CONSTRAINT_SENTENCES[f"appointment_{resource}_free"] in said for resource in ("room", "clinician"))
    return TAKEN if answer.status_code == 409 and is_taken else OTHERWISE


def race(clinic, patients, desk) -> list[int]:
    """Everybody sends the same time at the same moment, each from a process of her own; what each was answered."""
    form = wanted(clinic)
    # Forked processes share nothing but the database: each opens a connection of its own.
    processes = multiprocessing.get_context("fork")
    ready = processes.Barrier(len(patients))

    def press(patient) -> None:
        desk.raise_request_exception = False
        ready.wait(timeout=90)
        sys.exit(answered(desk.post(reverse("treatments:book_visit", args=[patient.ref]), form)))

    # Drawn once here, so that not each of them reads the templates anew.
    desk.post(reverse("treatments:book_visit", args=[patients[0].ref]), form | {"day": ""})
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
    return [process.exitcode for process in running]


@pytest.fixture
def racers(transactional_db, clinic, clinician_member, desk, monkeypatch):
    """So many patients: `racers(12)`. Nobody of them is sent away for having waited."""
    monkeypatch.setattr(locks, "LONGEST_WAIT", "90s")
    return lambda count: [factories.make_patient(clinic, given_name=f"Racer{number}") for number in range(count)]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_fifty_race_for_one_place_and_one_gets_it(clinic, racers, desk):
    answers = race(clinic, racers(RACERS), desk)
    assert Counter(answers) == {BOOKED: 1, TAKEN: RACERS - 1}
    assert Appointment.objects.count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_without_lock_and_constraint_several_would_get_it(clinic, racers, desk, monkeypatch):
    """Negative control: the race is real, and it is the guards that win it."""
    monkeypatch.setattr(services, "lock_place", lambda visit, place, start: place)
    with unguarded("treatments_appointment", "appointment_room_free", "appointment_clinician_free"):
        answers = race(clinic, racers(FEW), desk)
        assert answers.count(BOOKED) > 1
        assert Appointment.objects.count() > 1


def sent_twice_at_once(desk, clinic, **more: str) -> list[int]:
    """The form, and the same form again before what the first did is settled: both answers."""
    url = reverse("treatments:book_visit", args=[factories.make_patient(clinic).ref])
    form = wanted(clinic) | more
    with transaction.atomic():
        answers = [desk.post(url, form).status_code]
        again, _ = meanwhile(lambda: answers.append(desk.post(url, form).status_code))
        wait_until_somebody_waits()
    again.join(timeout=60)
    return answers


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_books_one_visit(transactional_db, clinic, desk):
    answers = sent_twice_at_once(desk, clinic, submit_token="0b3c6f0e-95f0-4a52-8c7d-2f4f3f7a9d10")
    assert answers == [302, 302]
    assert Appointment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_its_token_the_second_would_be_told_that_the_time_is_taken(transactional_db, clinic, desk):
    """Negative control: it is the token that makes the second press the first one's."""
    assert sent_twice_at_once(desk, clinic) == [302, 409]
    assert Appointment.objects.count() == 1
