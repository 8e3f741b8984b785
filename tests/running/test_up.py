"""`manage.py up`: everything starts from nothing, stops in order, leaves nothing, and recovers from `kill -9`.

The demo clinic is left out here: it is other tests' business and would only cost time.
"""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg2
import pytest
from django.conf import settings

from clinic.embedded import Postgres, Redis
from clinic.running.runner import free_port
from clinic.running.spawn import spawn
from tests.prepared import copy_from_cache

pytestmark = pytest.mark.slow
START_SECONDS = 180
# What the command line of each child holds, and of no server's own helpers.
CHILDREN = ("gunicorn", "clinic worker", "clinic beat", "mailbox")


class Up:
    """One `manage.py up` on a folder and port of its own."""

    def __init__(self, var: Path, port: int) -> None:
        self.var, self.port = var, port
        self.log = var.parent / f"{var.name}.log"
        self.process: subprocess.Popen | None = None

    def start(self) -> "Up":
        unset = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "DJANGO_SETTINGS_MODULE"}
        env = {name: value for name, value in os.environ.items() if name not in unset}
        with self.log.open("ab") as log:
            self.process = spawn(
                [sys.executable, "manage.py", "up"],
                cwd=settings.BASE_DIR,
                env=env | {"STRATUM_VAR": str(self.var), "PORT": str(self.port), "DEMO": "0"},
                output=log,
                dies_with_us=signal.SIGTERM,  # so that a killed test run leaves nothing either
            )
        return self

    def wait_until_healthy(self) -> "Up":
        deadline = time.monotonic() + START_SECONDS
        while status(self.port) != 200:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.2)
        return self

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=90)

    @property
    def said(self) -> str:
        return self.log.read_text()

    def left(self) -> list[str]:
        """Command lines of processes that still belong to this folder or port."""
        marks = (str(self.var), f"127.0.0.1:{self.port}")
        return [line for line in command_lines() if any(mark in line for mark in marks)]

    def clear_up(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for line_of in psutil.process_iter(["environ"]):
            environ = line_of.info["environ"] or {}
            if environ.get("STRATUM_VAR") == str(self.var) and line_of.pid != os.getpid():
                with contextlib.suppress(psutil.NoSuchProcess):
                    line_of.kill()
        Postgres(self.var / "postgres").stop()
        Redis(self.var / "redis").stop()


@pytest.fixture
def first_up(tmp_path):
    """Nothing is there yet: the folder is made, the cluster is made, every migration is applied."""
    up = Up(tmp_path / "var", free_port())
    yield up
    up.clear_up()


@pytest.fixture
def up(first_up, request, django_db_setup):
    """A folder whose database was migrated before, so that a start takes seconds."""
    cluster = first_up.var / "postgres"
    cluster.parent.mkdir()
    if copy_from_cache(request.config, cluster):
        prepared = Postgres(cluster, database="postgres")
        with contextlib.closing(psycopg2.connect(prepared.start())) as connection:
            connection.autocommit = True
            connection.cursor().execute("ALTER DATABASE test_stratum RENAME TO stratum")
        prepared.stop()
    return first_up


def command_lines() -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def status(port: int) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def process_of(up: Up, part: str) -> psutil.Process:
    """The main process among those of this run whose command line holds `part`."""
    ours = [
        process for process in psutil.Process(up.process.pid).children(recursive=True) if part in command_of(process)
    ]
    return min(ours, key=lambda process: process.create_time())


def command_of(process: psutil.Process) -> str:
    """Empty for one that has gone meanwhile: a database ends helpers all the time."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def wait_for(condition, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def test_a_first_life_from_nothing_to_ctrl_c(first_up):
    """Interrupted while it makes the database, then started to the end: one start costs most of the time here."""
    up = first_up
    up.start()
    wait_for(lambda: "Applying" in up.said)
    assert up.stop() == 0
    assert up.left() == []

    up.start().wait_until_healthy()
    wait_for(lambda: "Ready after" in up.said)
    assert f"Open http://localhost:{up.port}" in up.said
    for part in CHILDREN:
        assert process_of(up, part)
    a_second_run_in_the_same_folder_is_told_in_one_sentence(up)

    assert up.stop() == 0
    assert up.left() == []
    assert re.search(r"Stopped\. The data are kept in", up.said)
    assert "by force" not in up.said
    assert not (up.var / "run" / "processes.json").exists()


def a_second_run_in_the_same_folder_is_told_in_one_sentence(up: Up) -> None:
    second = Up(up.var, free_port())
    second.log = up.var.parent / "second.log"
    second.start()
    assert second.process.wait(timeout=90) != 0
    assert f"already runs in this folder (process {up.process.pid})" in second.said
    assert len(second.said.strip().splitlines()) == 1


def test_a_hard_life_with_dying_children_kill_9_and_impatient_hands(up):
    up.start().wait_until_healthy()
    wait_for(lambda: "Ready after" in up.said)
    a_child_that_dies_is_started_again_and_said_so(up)
    after_kill_9_the_next_start_finds_the_data_and_no_second_worker(up)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        up.process.send_signal(number)
    assert up.process.wait(timeout=90) == 0
    assert "Stopped." in up.said
    assert up.left() == []


def a_child_that_dies_is_started_again_and_said_so(up: Up) -> None:
    process_of(up, "gunicorn").kill()
    wait_for(lambda: "web ended (signal SIGKILL); starting it again in 1 s." in up.said)
    up.wait_until_healthy()
    psutil.Process(Postgres(up.var / "postgres").pid).kill()
    wait_for(lambda: "PostgreSQL ended; starting it again." in up.said)
    up.wait_until_healthy()


def after_kill_9_the_next_start_finds_the_data_and_no_second_worker(up: Up) -> None:
    mark_database(up)
    workers = {process_of(up, part).pid for part in CHILDREN}
    up.process.kill()
    up.process.wait()
    up.start().wait_until_healthy()
    wait_for(lambda: up.said.count("Ready after") == 2)
    assert "PostgreSQL was still running" in up.said
    assert [pid for pid in workers if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"] == []
    assert marked(up) == [("kept",)]


def test_a_taken_port_is_said_in_one_sentence_and_nothing_is_started(up):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", up.port))
        taken.listen()
        up.start()
        assert up.process.wait(timeout=90) != 0
    assert f"Port {up.port} cannot be used" in up.said
    assert len(up.said.strip().splitlines()) == 1
    assert Postgres(up.var / "postgres").pid is None


def mark_database(up: Up) -> None:
    with contextlib.closing(psycopg2.connect(Postgres(up.var / "postgres").url)) as connection, connection:
        connection.cursor().execute("CREATE TABLE mark AS SELECT 'kept'::text AS word")


def marked(up: Up) -> list[tuple]:
    with contextlib.closing(psycopg2.connect(Postgres(up.var / "postgres").url)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT word FROM mark")
        return cursor.fetchall()
