"""Bookings while the broker forgets everything, and while it swallows every word: they succeed, and what they owe is sent."""

import base64
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from django.conf import settings
from django.db import connection

from clinic import clock
from clinic.embedded import Redis
from patients.models import Message
from patients.outbox.faults.crew import Crew, Orders
from patients.outbox.faults.processes import PATIENCE_SECONDS
from patients.outbox.faults.scene import LIMITS
from patients.outbox.faults.sink import Script, Sink
from treatments.appointments import messages
from treatments.appointments.models import Appointment
from treatments.appointments.visit_mails import CONFIRMED
from treatments.faults import ledger_checks
from treatments.faults.booking import percentile

QUEUE = "celery"
REFUSED, SLOWER, UNSENT = (
    "bookings that failed",
    "bookings that a silent broker made slower by more than two seconds (p95)",
    "confirmations that did not arrive once",
)
MOST_SECONDS_MORE = 2
LOOK_SECONDS = 0.05


def run(
    *, bookings: int, flushes: int, silent_minutes: float | None, arrivals: bool = True, without: str = ""
) -> dict[str, Any]:
    """In the present database, on a broker of its own: so many bookings while it is emptied `flushes` times, and as many spread
    over the minutes in which it takes every call and says nothing (None: not at all). A fifth of that before, with a broker as it
    should be. `arrivals`: whether it is also looked at what was sent in the end.

    Returns figures, and by each check what it found, in words.
    """
    usual = max(1, bookings // 5)
    with tempfile.TemporaryDirectory(prefix="stratum-faults-broker-") as folder, own_broker(Path(folder)) as broker:
        calm, _ = booked(broker.url, 0, usual, without=without)
        flushed, rings_lost = _flushed(broker, usual, bookings, flushes, without) if flushes else ([], 0)
        if without == "rows":
            _work_off(broker)
        silent, failures = _silent(usual + bookings, bookings, silent_minutes, without)
        found = ledger_found() | (_arrived(Path(folder)) if arrivals else {})
    times = {"usual": calm, "flushed": flushed, "silent": silent}
    ms = {name: sorted(one["ms"] for one in said) for name, said in times.items()}
    more = (percentile(ms["silent"], 0.95) or 0) - (percentile(ms["usual"], 0.95) or 0) if silent else 0
    found[REFUSED] = [f"{name}: {one['fault']}" for name, said in times.items() for one in said if "fault" in one]
    found[SLOWER] = [f"{more:.0f} ms more"] if more > MOST_SECONDS_MORE * 1000 else []
    return {
        "bookings": bookings, "flushes": flushes, "minutes_of_silence": silent_minutes, "rings_flushed_away": rings_lost,
        "rings_that_failed": failures, "p95_ms_more_while_silent": round(more, 1),
        "ms": {name: {"p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95), "max": percentile(taken, 1)} for name, taken in ms.items()},
        "found": found,
    }  # fmt: skip


def booked(
    broker: str,
    first: int,
    count: int,
    *,
    pause_seconds: float = 0,
    without: str = "",
    after_each: Callable[[], None] = lambda: None,
) -> tuple[list[dict], int]:
    """Bookings by another process: what it said of each, and how many rings failed."""
    job = {"first": first, "bookings": count, "pause_seconds": pause_seconds, "without": without}
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "clinic.settings.test", "TEST_DATABASE_URL": database_url(), "TEST_REDIS_URL": broker,
        "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    command = [sys.executable, "-m", "treatments.faults.booker", json.dumps(job)]
    said = []
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=subprocess.PIPE, text=True) as booker:  # noqa: S603
        try:
            while len(said) <= count:
                ready, _, _ = select.select([booker.stdout], [], [], PATIENCE_SECONDS)
                line = booker.stdout.readline() if ready else ""
                if not line:
                    raise RuntimeError("The booker broke down or does not get on.")
                said.append(json.loads(line))
                after_each()
        finally:
            if booker.poll() is None and len(said) <= count:
                booker.kill()
    return said[:-1], said[-1]["rings_failed"]


def _flushed(broker: Redis, first: int, count: int, flushes: int, without: str) -> tuple[list[dict], int]:
    done = rings_lost = flushed = 0
    with client_of(broker) as client:

        def flush_now_and_then() -> None:
            nonlocal done, rings_lost, flushed
            done += 1
            if flushed < flushes and done >= count * (flushed + 1) // (flushes + 1):
                rings_lost += client.llen(QUEUE)
                client.flushall()
                flushed += 1

        said, _ = booked(broker.url, first, count, without=without, after_each=flush_now_and_then)
    return said, rings_lost


def _silent(first: int, count: int, minutes: float | None, without: str) -> tuple[list[dict], int]:
    if minutes is None:
        return [], 0
    with black_hole() as address:
        return booked(address, first, count, pause_seconds=minutes * 60 / count, without=without)


def _work_off(broker: Redis) -> None:
    """What a worker of the control would do with the tasks that are left: write what is owed."""
    with client_of(broker) as client:
        while (task := client.lpop(QUEUE)) is not None:
            args = json.loads(base64.b64decode(json.loads(task)["body"]))[0]
            visit = args and Appointment.objects.select_related("patient__clinic", "booked_by").get(pk=args[0])
            if visit:
                messages.owe_for_booking(visit, by=visit.booked_by)


def ledger_found() -> dict[str, list[str]]:
    """Each visit is owed exactly what stands in the diary."""
    return {name: check() for name, check in ledger_checks.SETTLED.items()}


def _arrived(folder: Path) -> dict[str, list[str]]:
    """A quarter of a minute later than the second thoughts: every confirmation is taken once, and no bell was needed."""
    clock.shift(messages.SECOND_THOUGHTS + timedelta(seconds=15))
    rows = Message.objects.filter(kind=CONFIRMED)
    with Sink(folder, Script()) as sink:
        with Crew(sink, Orders(LIMITS), workers=2):
            deadline = time.monotonic() + PATIENCE_SECONDS
            while rows.filter(state__in=["due", "sending", "unknown"]).exists() and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
        copies = sink.truth.look().copies
        told = dict(rows.values_list("about", "message_id"))
        visits = Appointment.objects.filter(booked_by__isnull=False, status="booked").values_list("pk", "ref")
        return {
            UNSENT: [f"visit {pk}: {copies[told.get(ref, '')]}" for pk, ref in visits if copies[told.get(ref, "")] != 1]
        }


@contextmanager
def own_broker(folder: Path) -> Iterator[Redis]:
    broker = Redis(folder / "redis", dies_with_us=True)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def client_of(broker: Redis) -> redis.Redis:
    return redis.Redis.from_url(broker.url)


@contextmanager
def black_hole() -> Iterator[str]:
    """A broker that takes every call and never says a word. Yields its address."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(128)
        yield f"redis://127.0.0.1:{door.getsockname()[1]}/0"


def database_url() -> str:
    """Address of the present database, for another process."""
    described = connection.settings_dict
    account = quote(described["USER"]) + (f":{quote(described['PASSWORD'])}" if described["PASSWORD"] else "")
    if described["HOST"].startswith("/"):
        return f"postgres://{account}@/{described['NAME']}?host={quote(described['HOST'], safe='/')}"
    return f"postgres://{account}@{described['HOST']}:{described['PORT'] or 5432}/{described['NAME']}"


def lines(outcome: dict[str, Any]) -> Iterator[str]:
    yield (
        f"bookings without a broker: {outcome['bookings']} while it was emptied {outcome['flushes']} times "
        f"({outcome['rings_flushed_away']} rings thrown away), {outcome['bookings']} in {outcome['minutes_of_silence']:g} minutes of "
        f"its silence ({outcome['rings_that_failed']} rings failed, p95 {outcome['p95_ms_more_while_silent']:.0f} ms more)"
    )
    for check, found in outcome["found"].items():
        yield f"    {check}: {len(found)}"


# What the checks have to find where a guard is taken off in the process that books.
CONTROLS = {
    "what is owed is told to the broker alone": ("rows", "reminders that do not fit"),
    "every booking waits for the broker": ("impatience", SLOWER),
}
