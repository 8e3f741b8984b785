"""One process under the runner: started, watched, started again, ended."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from clinic.running.output import Terminal
from clinic.running.spawn import spawn, wait_gone

FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 30
# Who lived this long did not fail at its start: the next pause is a short one again.
SETTLED_SECONDS = 60


class Child:
    """A process that should be there. All methods belong to the main thread: the kernel ties its life to that one."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, patience_seconds: float
    ) -> None:
        self.name = name
        self.command = command
        self.env = env
        self.cwd = cwd
        self.patience_seconds = patience_seconds
        self.process: subprocess.Popen[bytes] | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._started_at = 0.0
        self._start_again_at: float | None = None

    def start(self, terminal: Terminal) -> None:
        self.process = spawn(
            self.command, env=self.env, cwd=self.cwd, output=subprocess.PIPE, dies_with_us=signal.SIGTERM
        )
        terminal.follow(self.name, self.process.stdout)
        self._started_at = time.monotonic()
        self._start_again_at = None

    def watch(self, terminal: Terminal) -> bool:
        """Looks after the process once; True when it has just been started again."""
        if self.process is not None and self.process.poll() is None:
            return False
        if self._start_again_at is None:
            self._plan_restart(terminal)
            return False
        if time.monotonic() < self._start_again_at:
            return False
        self.start(terminal)
        return True

    def ask_to_stop(self) -> None:
        """SIGTERM to the main process only: it is the one that knows how to end its own."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def wait_or_end(self) -> bool:
        """Waits as long as its patience allows, then ends it and all it started by force. False if force was needed."""
        if self.process is None or wait_gone(self.process, self.patience_seconds):
            self._end_group()
            return True
        self._end_group()
        self.process.wait()
        return False

    def _plan_restart(self, terminal: Terminal) -> None:
        if time.monotonic() - self._started_at > SETTLED_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        self._end_group()  # what a killed main process left would hold the port or the queue
        self._start_again_at = time.monotonic() + self._pause
        terminal.say("stratum", f"{self.name} ended ({self._how_it_ended()}); starting it again in {self._pause} s.")
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _how_it_ended(self) -> str:
        code = self.process.returncode if self.process is not None else 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def _end_group(self) -> None:
        """The process leads a session, so its group is all that it started."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
