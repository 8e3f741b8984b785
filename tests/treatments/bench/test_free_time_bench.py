"""What the benchmark measures is the product at work on a diary that could be."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.models import Clinic
from treatments.appointments.models import Appointment
from treatments.appointments.taken.checking import differences, rebuild
from treatments.bench import data, free_time, protocol, scheduling
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
def test_the_diary_is_full_and_holds_every_promise_and_both_pages_answer(bench_diary):
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
    assert len(queries) == 5


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
    monkeypatch.setattr(free_time, "figures", lambda: [Figure("swim", 1, 1, 10, 20)])
    call_command("bench", to=tmp_path / "bench.json")
    assert "swim" not in capsys.readouterr().out
    call_command("bench", database=True, to=tmp_path / "bench.json")
    assert "swim" in capsys.readouterr().out
