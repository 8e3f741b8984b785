"""`make backup` and `make restore` on a machine with nothing but the clone: the embedded server is started for them and stopped."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clinic.embedded import Postgres
from clinic.running.leftovers import hold

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
A_CLINIC = (
    "from clinic.services import create_clinic;"
    "create_clinic(name='One', zone='Europe/London', manager_email='mara@one.example', manager_name='Mara Quist', password=None)"
)


class Machine:
    """A folder of its own with the settings of `make run`."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.server = Postgres(var / "postgres", durable=False)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        env |= {"STRATUM_VAR": str(self.var), "DJANGO_SETTINGS_MODULE": "clinic.settings.demo"}
        arguments = [sys.executable, "-W", "ignore", "manage.py", *command]
        return subprocess.run(arguments, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture
def kept(tmp_path) -> Path:
    """A backup of a clinic that was made on another machine."""
    there, file = Machine(tmp_path / "there"), tmp_path / "kept.tar"
    there.server.start()
    try:
        assert there.run("migrate", "--verbosity", "0").returncode == 0
        assert there.run("shell", "-c", A_CLINIC).returncode == 0
    finally:
        there.server.stop()
    done = there.run("backup", "--to", str(file))
    assert done.returncode == 0, done.stderr
    assert there.server.pid is None, "started for the backup alone"
    return file


def test_it_comes_back_before_a_first_start_and_not_over_what_is_there_afterwards(kept, tmp_path):
    here = Machine(tmp_path / "here")
    done = here.run("restore", str(kept))
    assert done.returncode == 0, done.stderr
    assert "The secret key of this machine is not the one of those days" in done.stderr
    assert here.server.pid is None
    again = here.run("restore", str(kept))
    assert again.returncode == 1
    assert f"Move {here.var}/postgres away" in again.stderr
    do_what_it_says(again.stderr)
    assert here.run("restore", str(kept)).returncode == 0
    # A folder of photos is named as soon as there is one.
    (here.var / "media").mkdir()
    once_more = here.run("restore", str(kept)).stderr
    assert f"Move {here.var}/postgres and {here.var}/media away" in once_more
    (here.var / "postgres.before").rename(here.var / "postgres.long_before")
    do_what_it_says(once_more)
    assert not (here.var / "media").exists()


def do_what_it_says(refusal: str) -> None:
    """The commands between the brackets, copied into a shell."""
    commands = re.search(r"\((mv [^)]+)\)", refusal)[1]
    subprocess.run(["sh", "-ec", commands], check=True)


def test_while_stratum_runs_a_restore_says_what_to_stop(kept, tmp_path):
    here = Machine(tmp_path / "here")
    (tmp_path / "here").mkdir()
    with hold(here.var / "run", "http://localhost:8000"):
        done = here.run("restore", str(kept))
    assert done.returncode == 1
    assert "Stratum already runs in this folder" in done.stderr
    assert "stop it there with Ctrl-C first" in done.stderr
    assert not here.server.data_dir.exists()


def test_a_folder_in_which_nothing_ever_ran_has_nothing_to_keep(tmp_path):
    done = Machine(tmp_path / "empty").run("backup")
    assert done.returncode == 1
    assert "There is nothing to keep yet" in done.stderr


def test_a_second_one_waits_for_the_first_in_words(kept, tmp_path):
    here = Machine(tmp_path / "here")
    with hold(here.var / "run", "restore"):
        done = here.run("restore", str(kept))
    assert "A restore is at work in this folder" in done.stderr
