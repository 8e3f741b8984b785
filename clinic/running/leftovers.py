"""One runner for one folder, and nothing left of a runner that was killed."""

import fcntl
import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from clinic.running.spawn import wait_gone


class AlreadyRunning(Exception):
    """Another runner holds this folder; the text names its process and address."""


def hold(folder: Path, address: str) -> IO[str]:
    """Takes the folder for this runner (`address`: where it answers, or the name of what works here) until the returned file is closed or we end, however we end."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = open(folder / "lock", "a+")  # noqa: SIM115  stays open as long as we run
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.seek(0)
        holder = held.read().split() or ["?", "?"]
        held.close()
        if holder[-1] in ("backup", "restore"):
            raise AlreadyRunning(
                f"A {holder[-1]} is at work in this folder (process {holder[0]}). Wait until it is done."
            ) from None
        raise AlreadyRunning(
            f"Stratum already runs in this folder (process {holder[0]}): open {holder[-1]}, "
            "or stop it there with Ctrl-C first."
        ) from None
    held.truncate(0)
    held.write(f"{os.getpid()} {address}\n")
    held.flush()
    return held


def remember(folder: Path, pids: Mapping[str, int]) -> None:
    """Notes the processes, by name, that a next runner would have to end if we were killed."""
    noted = []
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            noted.append([name, pid, psutil.Process(pid).create_time()])
    draft = folder / "processes.new"
    draft.write_text(json.dumps(noted))
    draft.replace(folder / "processes.json")


def forget(folder: Path) -> None:
    (folder / "processes.json").unlink(missing_ok=True)


def end_leftovers(folder: Path, patience_seconds: float = 20) -> list[str]:
    """Ends what a killed runner left; returns the names. On Linux most of it has already ended by itself."""
    try:
        noted = json.loads((folder / "processes.json").read_text())
    except (OSError, ValueError):
        return []
    ended = []
    left = [(name, process) for name, pid, began in noted if (process := _same(pid, began)) is not None]
    for _, process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for name, process in left:
        wait_gone(process, patience_seconds)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        ended.append(name)
    forget(folder)
    return ended


def _same(pid: int, began: float) -> psutil.Process | None:
    """The process if it is still the one that was noted: numbers are used again, moments of birth are not."""
    try:
        process = psutil.Process(pid)
        return process if abs(process.create_time() - began) < 1 else None
    except psutil.NoSuchProcess:
        return None
