"""Starts one process: in a session of its own, as the user it should be, and, when asked, no longer-lived than us."""

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

POLL_SECONDS = 0.03
LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Account:
    """The operating-system user a server runs as."""

    uid: int
    gid: int

    @classmethod
    def for_server(cls, folder: Path) -> "Account | None":
        """Who should run a database in `folder`: None (ourselves) unless we are root, which PostgreSQL refuses.

        An existing folder keeps its owner, so that a user added to the machine later changes nothing.
        """
        if os.geteuid() != 0:
            return None
        if folder.exists() and folder.stat().st_uid != 0:
            owner = folder.stat()
            return cls(owner.st_uid, owner.st_gid)
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)


def spawn(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    dies_with_us: signal.Signals | None = None,
    env: Mapping[str, str] | None = None,
    output: int | IO[bytes] | None = None,
    errors: int = subprocess.STDOUT,
    cwd: str | Path = "/",
) -> subprocess.Popen[bytes]:
    """Starts `command` away from the terminal, so that Ctrl-C reaches only the one who decides the stop order.

    With `dies_with_us` the kernel sends that signal when the calling *thread* ends, also by `kill -9`; call it from
    the main thread. Other systems than Linux have no such promise: there the next start clears up.
    """
    options: list[str] = []
    if account is not None:
        options += ["--user", f"{account.uid}:{account.gid}"]
    if dies_with_us is not None:
        options += ["--with-parent", f"{os.getpid()}:{dies_with_us.name}"]
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), *options, "--"] if options else []
    return subprocess.Popen(  # noqa: S603  every command comes from this package
        [*launcher, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors if output is not None else None,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        start_new_session=True,
    )


def same_process(pid: int, name: str, mentions: str) -> psutil.Process | None:
    """The live process `pid` if it really is `name` and its command line mentions a text; a reused pid is not."""
    try:
        process = psutil.Process(pid)
        return (
            process
            if is_alive(process) and name in process.name() and mentions in " ".join(process.cmdline())
            else None
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def wait_gone(process: psutil.Process | subprocess.Popen[bytes], seconds: float) -> bool:
    """Waits for the end of a process, child or not. True when it is gone; a zombie of somebody else's is gone."""
    if isinstance(process, subprocess.Popen):
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
