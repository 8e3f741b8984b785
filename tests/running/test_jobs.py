"""What beat rings for exists, and nothing waits longer for the broker than a person would."""

import socket
import time

import pytest
from kombu.exceptions import OperationalError

from clinic.celery import app


def test_every_name_on_beats_list_is_a_registered_task():
    app.loader.import_default_modules()
    named = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert named <= set(app.tasks), "autodiscovery sees only <app>/tasks.py"


def test_beat_counts_seconds_and_drops_what_came_too_late():
    for entry in app.conf.beat_schedule.values():
        assert isinstance(entry["schedule"], float)
        assert entry["options"]["expires"] < entry["schedule"]


def seconds_until_refused(url: str) -> float:
    began = time.monotonic()
    with pytest.raises(OperationalError), app.connection_for_write(url) as connection:
        app.send_task("patients.outbox.tasks.dispatch", connection=connection)
    return time.monotonic() - began


def test_a_broker_that_is_gone_refuses_at_once(tmp_path):
    assert seconds_until_refused(f"redis+socket://{tmp_path}/nothing.sock") < 1


def test_a_broker_that_swallows_everything_costs_about_two_seconds():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert seconds_until_refused(f"redis://127.0.0.1:{silent.getsockname()[1]}/0") < 3
