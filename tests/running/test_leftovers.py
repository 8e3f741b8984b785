"""What a killed runner left is ended by the next one, and nothing else is."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from clinic.running.child import Child
from clinic.running.leftovers import AlreadyRunning, end_leftovers, hold, remember
from clinic.running.spawn import is_alive, wait_gone
from tests.fixtures.browser import wait_until

# A parent with a child of its own, as a web server or a worker is.
FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("there", flush=True)
time.sleep(60)
"""


def family(tmp_path: Path) -> Child:
    """Started as on a system without the parent-death signal."""
    child = Child("worker", [], env={}, cwd=tmp_path, patience_seconds=5)
    child.process = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    child.process.stdout.readline()
    child.process.stdout.close()
    return child


@pytest.fixture
def left(tmp_path):
    child = family(tmp_path)
    members = [psutil.Process(child.process.pid), *psutil.Process(child.process.pid).children()]
    yield child, members
    for member in members:
        if is_alive(member):
            member.kill()
    child.process.wait()


def test_a_noted_process_and_all_it_started_are_ended(tmp_path, left):
    child, members = left
    assert len(members) == 2
    remember(tmp_path, {"worker": child.process.pid})
    assert end_leftovers(tmp_path) == ["worker"]
    assert all(wait_gone(member, 5) for member in members)
    assert end_leftovers(tmp_path) == [], "only once"


def test_a_number_that_was_given_to_another_process_since_is_left_alone(tmp_path, left):
    child, members = left
    remember(tmp_path, {"worker": child.process.pid})
    noted = json.loads((tmp_path / "processes.json").read_text())
    noted[0][2] -= 100
    (tmp_path / "processes.json").write_text(json.dumps(noted))
    assert end_leftovers(tmp_path) == []
    assert is_alive(members[0])


def test_a_note_that_cannot_be_read_ends_nothing(tmp_path):
    (tmp_path / "processes.json").write_text("{half")
    assert end_leftovers(tmp_path) == []


def test_one_folder_has_one_runner_until_it_lets_go(tmp_path):
    with (
        hold(tmp_path, "http://localhost:8000"),
        pytest.raises(AlreadyRunning, match="open http://localhost:8000"),
    ):
        hold(tmp_path, "http://localhost:8001")
    hold(tmp_path, "http://localhost:8001").close()


def test_a_child_that_ignores_the_request_is_ended_by_force_with_its_own(tmp_path):
    child = family(tmp_path)
    child.patience_seconds = 0.3
    members = [psutil.Process(child.process.pid), *psutil.Process(child.process.pid).children()]
    child.process.send_signal(signal.SIGSTOP)
    # Of two signals at once the lower number would win.
    wait_until(lambda: members[0].status() == psutil.STATUS_STOPPED, what="stopped")
    child.ask_to_stop()
    assert child.wait_or_end() is False
    assert all(wait_gone(member, 5) for member in members)
