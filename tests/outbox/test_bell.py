"""The doorbell: rung after the commit, silent when the broker is, and never in the way of a booking."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clinic import clock
from clinic.celery import app
from patients.models import Message
from patients.outbox import bell as bell_module
from patients.outbox import tasks
from tests.outbox import cast

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rung(monkeypatch) -> list[str]:
    """Names of the tasks that would have been sent."""
    heard: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **options: heard.append(name))
    return heard


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A port of ours with nobody behind it; `listen` makes it one that takes every call and never says a word."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        yield door


@pytest.fixture
def booking(worker_env, patient) -> Callable[[socket.socket], dict]:
    """Two bookings by another process whose broker is behind the door."""

    def book(door: socket.socket) -> dict:
        env = worker_env | {"TEST_REDIS_URL": f"redis://127.0.0.1:{door.getsockname()[1]}/0"}
        job = json.dumps({"task": "book", "times": 2})
        done = subprocess.run(
            [sys.executable, "-m", "tests.outbox.worker", job],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert patient.email not in done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return book


@pytest.mark.django_db
def test_a_message_that_is_due_rings_after_the_commit(patient, rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        cast.owe(patient)
        assert rung == []
    assert rung == ["patients.outbox.tasks.dispatch"]


@pytest.mark.django_db
def test_a_message_of_next_week_rings_nobody(patient, rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        cast.owe(patient, send_at=clock.now() + timedelta(days=7), expires_at=clock.now() + timedelta(days=8))
    assert rung == []


def test_the_bell_rings_for_a_task_that_exists():
    assert {tasks.dispatch.name, tasks.reconcile.name} == {
        "patients.outbox.tasks.dispatch",
        "patients.outbox.tasks.reconcile",
    }
    assert tasks.dispatch.name == bell_module.DISPATCH


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_refuses_costs_a_booking_nothing(booking, door):
    said = booking(door)
    assert max(said["seconds"]) < 2
    assert said["failures"] == 1
    assert Message.objects.filter(state="due").count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_swallows_everything_costs_one_booking_two_seconds_and_the_next_nothing(booking, door):
    door.listen(8)
    said = booking(door)
    first, second = said["seconds"]
    assert 0.5 < first < 3
    assert second < 0.5
    assert said["failures"] == 1
    assert Message.objects.filter(state="due").count() == 2
