"""A clinic's old books at their largest: 20,000 patients and 20,000 past sessions looked at, written and undone again.

What is undone leaves every table as it was, by its hash, but for the trail, the histories and the record of the imports.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from time import perf_counter

from django.apps import apps
from django.db import connection, transaction
from pghistory.models import Event

from clinic import clock
from clinic.models import AuditEvent, Clinic, User
from clinic.safekeeping import contents
from patients.importing import kinds, reading, services
from patients.importing.models import ImportedPatient, ImportRun, RememberedColumns
from treatments.bench.data import Bench
from treatments.bench.figures import Figure

ROWS = reading.MOST_ROWS
# The press is answered in the browser that sent it.
LOOK_SECONDS, WRITE_SECONDS, UNDO_SECONDS, MOST_MB = 20, 60, 60, 400
PEOPLE = ("Patient number", "Given name", "Family name", "Date of birth", "Telephone", "E-mail")
SESSIONS = ("Patient number", "Treatment date", "Deepest, in mm", "Reaction grade", "Settled on")


class NotAsItWas(Exception):
    """Undoing has left something behind, or taken something along."""


def figures(bench: Bench) -> Iterator[Figure]:
    bench.use(bench.small)
    clinic = Clinic.objects.get()
    by = clinic.memberships.filter(roles__contains=["manager"]).first().user
    before = _tables()
    people, of_people = _imported(clinic, "patients", _file(PEOPLE, _person), by)
    sessions, of_sessions = _imported(clinic, "past_sessions", _file(SESSIONS, _session_on(clock.today(clinic))), by)
    undone = [_undone(run, by) for run in (sessions, people)]
    if unlike := contents.differences(before, _tables()):
        raise NotAsItWas(", ".join(unlike))
    for what, (looked, written), (seconds, most) in (
        ("patients", of_people, undone[1]),
        ("past sessions", of_sessions, undone[0]),
    ):
        called = f"{ROWS:,} {what} of a file"
        yield _seconds(f"{called}, looked at", looked[0], LOOK_SECONDS)
        yield _seconds(f"{called}, written", written[0], WRITE_SECONDS)
        yield _seconds(f"{called}, undone", seconds, UNDO_SECONDS, note="every table as it was, by its hash")
        peak = max(looked[1], written[1], most)
        yield Figure(f"{called}, memory at most", peak, peak, MOST_MB, 1, unit="MB", note="more than before it began")


def _imported(clinic: Clinic, kind: str, content: bytes, by: User) -> tuple[ImportRun, list[tuple[float, float]]]:
    """The run, and of looking and of writing how many seconds and how many MB more."""
    with _measured() as looked:
        run = services.begin(clinic=clinic, kind=kind, content=content, by=by)
        columns = kinds.of(kind).guess(services.sheet_of(run).headings, {})
        run = services.check(run=run, columns=columns, day_order="dmy", by=by)
    seen = services.report(run)
    if run.good != ROWS:
        raise NotAsItWas(f"{run.good} of {ROWS} rows of {kind} are in order: {seen.problems[:3]}")
    with _measured() as written:
        run = services.carry_out(run=run, seen=seen.fingerprint, leave_out=False, answers={}, by=by)
    return run, [tuple(looked), tuple(written)]


def _undone(run: ImportRun, by: User) -> tuple[float, float]:
    with _measured() as undone:
        services.undo(run=run, by=by)
    return tuple(undone)


@contextmanager
def _measured() -> Iterator[list[float]]:
    """Seconds, and how many MB the process took on the way beyond what it had."""
    taken: list[float] = []
    with open("/proc/self/clear_refs", "w") as marks:
        marks.write("5")  # the peak counts from here
    had, began = _memory("VmRSS"), perf_counter()
    yield taken
    taken += [perf_counter() - began, _memory("VmHWM") - had]


def _memory(name: str) -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(f"{name}:")) / 1024


def _tables() -> dict[str, contents.Table]:
    """Every table by its hash, but for those that only ever grow and those that say that there was an import."""
    stays = {AuditEvent, ImportRun, ImportedPatient, RememberedColumns}
    stays |= {model for model in apps.get_models() if issubclass(model, Event)}
    left_out = {f"public.{model._meta.db_table}" for model in stays}
    with transaction.atomic(), connection.cursor() as cursor:
        return contents.of_database(cursor.cursor, left_out=left_out)


def _file(headings: tuple[str, ...], row) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows(row(number) for number in range(ROWS))
    return text.getvalue().encode()


def _person(number: int) -> tuple[str, ...]:
    born_on = date(1940, 1, 1) + timedelta(days=number)
    return (
        f"K{number}",
        f"Åsa {number}",
        "Brought-Along",
        born_on.isoformat(),
        f"07700 8{number:05d}",
        f"k{number}@old.example",
    )


def _session_on(today: date):
    def session(number: int) -> tuple[str, ...]:
        on = today - timedelta(days=40 + number % 300)
        settled = (on + timedelta(days=9)).isoformat()
        return f"K{number}", on.isoformat(), "1.25", *(("2", settled) if number % 10 == 0 else ("", ""))

    return session


def _seconds(name: str, taken: float, goal: float, *, note: str = "") -> Figure:
    return Figure(name, taken, taken, goal, 1, unit="s", note=note)
