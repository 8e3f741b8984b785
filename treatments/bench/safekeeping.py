"""How long a backup and its restore take, beside the database's own tools alone on the same data."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from django.db import connection

from clinic.safekeeping import box, programs, servers
from clinic.safekeeping.keeping import Kept, keep
from clinic.safekeeping.restoring import restore
from treatments.bench.data import Bench
from treatments.bench.figures import Figure

RUNS = 3
# A backup reads everything twice, for the dump and for the hashes; a restore reads the file twice and the database once more.
TIMES_BARE = 2.0
ELSEWHERE, BARE = "brought_back", "bare"


def figures(bench: Bench) -> Iterator[Figure]:
    bench.use(bench.large)
    backups, dumps, restores, fills = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="stratum-bench-") as folder:
        for run in range(RUNS):
            dumps.append(_seconds(_bare_dump))
            kept = keep(Path(folder) / f"{run}.tar")
            backups.append(kept.seconds)
            with _empty(BARE):
                fills.append(_seconds(lambda kept=kept: _bare_fill(kept)))
            with _empty(ELSEWHERE):
                restores.append(_restored(kept))
    held = f"{len(kept.manifest.tables)} tables, {kept.manifest.rows:,} rows, {kept.bytes / 1e6:.0f} MB"
    yield _beside("a backup of 20,000 patients and 500k visits", backups, dumps, f"beside pg_dump alone; {held}")
    yield _beside("its restore, compared, up to date and frozen", restores, fills, "beside pg_restore alone")


def _beside(name: str, taken: list[float], bare: list[float], note: str) -> Figure:
    goal = TIMES_BARE * median(bare)
    return Figure(
        name, median(taken), max(taken), goal, RUNS, unit="s", reference=median(bare), times=TIMES_BARE, note=note
    )


def _seconds(act) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began


def _tool(name: str, *options: str, **how) -> None:
    program = programs.find(name, at_least=18)
    subprocess.run([program.path, *options], env=programs.env(servers.parameters()), check=True, **how)  # noqa: S603


def _bare_dump() -> None:
    _tool("pg_dump", "--format=custom", stdout=subprocess.DEVNULL)


def _bare_fill(kept: Kept) -> None:
    with open(kept.file, "rb") as file, tempfile.TemporaryFile() as dump:
        dump.writelines(box.chunks(file, box.read(file).pieces[box.DATABASE]))
        dump.seek(0)
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", f"--dbname={BARE}")
        _tool("pg_restore", *options, stdin=dump)


def _restored(kept: Kept) -> float:
    here = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = ELSEWHERE
    try:
        return restore(kept.file).seconds
    finally:
        connection.close()
        connection.settings_dict["NAME"] = here


@contextmanager
def _empty(name: str) -> Iterator[None]:
    with servers.connected(to_database="postgres") as beside:
        beside.autocommit = True
        with beside.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            try:
                yield
            finally:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
