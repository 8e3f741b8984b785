"""What the benchmark measures is the product at work on a diary that could be."""

import json
from contextlib import nullcontext
from datetime import time, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.models import Clinic, Membership, Room, TimeOff, WorkingHours
from treatments.appointments import displaced
from treatments.appointments.models import Appointment
from treatments.appointments.taken.checking import differences, rebuild
from treatments.bench import booking, data, free_time, gathering, protocol, scheduling
from treatments.bench.figures import Figure


@pytest.fixture
def bench_diary(transactional_db, clinic_time, monkeypatch) -> Clinic:
    """Six weeks of the benchmark's diary, with every constraint in place and every trigger asleep."""
    monkeypatch.setattr(data, "PATIENTS", 400)
    monkeypatch.setattr(data, "SMALL_DAYS_BACK", 3)
    monkeypatch.setattr(data, "DAYS_AHEAD", 40)
    monkeypatch.setattr(data, "_without_indexes", lambda cursor: [])
    monkeypatch.setattr(free_time, "SEARCHED_DAYS", 40)
    data._fill()
    rebuild()
    return Clinic.objects.get()


@pytest.mark.urls("treatments.bench.requests")
def test_the_diary_is_full_and_holds_every_promise_and_both_pages_answer(bench_diary, monkeypatch):
    today = clock.today(bench_diary)
    a_day = Appointment.objects.filter(day=today + timedelta(days=1)).count()
    assert 170 <= a_day <= 215
    assert differences() == []
    client = Client()
    client.force_login(bench_diary.memberships.filter(sees_patients=True).first().user)
    assert len(json.loads(client.get("/month").content)) > 50
    assert int(client.get("/raw").content) > 300
    course = free_time.Course(2)
    with CaptureQueriesContext(connection) as queries:
        found = course.find()
    assert [one.label for one in found.sets][0] == "best"
    assert len(queries) == 2
    bare, month = (free_time.queries_of(lambda page=page: client.get(page)) for page in ("/nothing", "/month"))
    assert month - bare <= free_time.SLOT_QUERIES
    assert_booking_leaves_no_row(monkeypatch)
    assert_displaced_as_judged_one_by_one(bench_diary)


def assert_booking_leaves_no_row(monkeypatch) -> None:
    class One:
        large = None

        def use(self, database: object) -> None:
            pass

    monkeypatch.setattr(booking, "RUNS", 1)
    visits = Appointment.objects.count()
    (found,) = booking.figures(One())
    assert found.reference and "statements as raw SQL" in found.note
    assert Appointment.objects.count() == visits


def assert_displaced_as_judged_one_by_one(clinic: Clinic) -> None:
    """Hours, a closed day and a room change over the full diary, with somebody who leaves: each visit is judged by itself."""
    day = clock.today(clinic) + timedelta(days=10)
    one, two, three, *_ = clinic.memberships.filter(sees_patients=True)
    WorkingHours.objects.filter(membership=one, weekday=2).update(ends=time(12, 30))
    Membership.objects.filter(pk=two.pk).update(is_active=False)
    for who, begin, end in ((three, 9, 11), (None, 14, 15)):
        begin, end = (clock.resolve(day, time(hour), clinic.tz) for hour in (begin, end))
        TimeOff.objects.create(clinic=clinic, membership=who, during=(begin, end))
    Room.objects.filter(short_name="R2").update(in_service=False, out_reason="Flooded")
    now = clock.now()
    roster = displaced._Roster(clinic, now)
    coming = clinic.appointments.filter(status="booked", day__gte=clock.today(clinic), during__endswith__gt=now)
    expected = {
        visit.pk
        for visit in coming.select_related("clinician__user", "room", "device")
        if [*displaced.reasons(visit, roster)]
    }
    assert {found.visit.pk for found in displaced.displaced_visits(clinic, now=now)} == expected
    assert 1_000 < len(expected) < coming.count() / 2


def test_acts_take_turns_and_the_first_round_warms_up():
    used, done = [], []

    class Two:
        def use(self, database: object) -> None:
            used.append(database)

    times = free_time.in_turns(Two(), 2, ("one", lambda: done.append(1)), ("two", lambda: done.append(2)))
    assert used == ["one", "two"] * 3
    assert done == [1, 2] * 3
    assert [len(taken) for taken in times] == [2, 2]


def test_a_database_is_measured_only_where_it_is_asked_for(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(protocol, "figures", lambda: [Figure("walk", 1, 1, 10, 20)])
    monkeypatch.setattr(scheduling, "figures", list)
    monkeypatch.setattr(gathering, "bench_clinic", lambda: nullcontext("the clinic"))
    for number, subject in enumerate(gathering.IN_A_CLINIC.values()):
        monkeypatch.setattr(subject, "figures", lambda bench, n=number: [Figure(f"swim {n} in {bench}", 1, 1, 10, 20)])
    call_command("bench", to=tmp_path / "bench.json")
    assert "swim" not in capsys.readouterr().out
    call_command("bench", database=True, to=tmp_path / "bench.json")
    said = capsys.readouterr().out
    assert [f"swim {n} in the clinic" in said for n in range(4)] == [True] * 4
