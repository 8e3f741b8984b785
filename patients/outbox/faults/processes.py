"""Processes of a fault run: forked from it, and killed, frozen or waited for by it alone."""

import contextlib
import logging
import math
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable

from django.db import connection, connections

from patients.outbox.bell import bell

# Nobody does anything for so long: the run is stuck, and says so.
PATIENCE_SECONDS = 120
LOOK_SECONDS = 0.01


class Stuck(Exception):
    """The processes do not get on."""


def forked(run: Callable[[], None]) -> int:
    """A process that does it and ends; returns its id. Refusals by the thousand are the purpose here and no news, so it logs
    nothing; and it rings nobody. Call it before anything has started a thread."""
    # A connection that parent and child both held would speak with two voices.
    connections.close_all()
    child = os.fork()
    if child == 0:
        ended_well = False
        try:
            logging.disable(logging.CRITICAL)
            bell.silent_until = math.inf
            run()
            connections.close_all()
            ended_well = True
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(0 if ended_well else 1)
    return child


def kill(process: int) -> None:
    """SIGKILL, also to one that stands still, and its remains taken away."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process, 0)


def end(processes: Iterable[int]) -> None:
    """SIGTERM to all, and what does not end in time is killed."""
    left = set(processes)
    for process in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
            os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS / 4
    while left and time.monotonic() < deadline:
        left = {process for process in left if not has_ended(process)}
        time.sleep(LOOK_SECONDS)
    for process in left:
        kill(process)


def has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except ChildProcessError:
        return True


def wait_until_alone() -> None:
    """The server notices a killed client when it next speaks to it: until then its transaction is still open."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )
            if not cursor.fetchone()[0]:
                return
        time.sleep(LOOK_SECONDS)
    raise Stuck("A process that was killed still has a transaction open.")
