"""What stands in a database: every table with its row count and the SHA-256 of all its rows in the order of their keys.

The rows are hashed as the server writes them out, so a table reads the same on every server and in every time zone.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clinic.safekeeping.sentences import CannotKeep

# Who is signed in, and counters of a few minutes: they are nobody's record, and in a file that is carried about the first
# would let its finder in. So a restore ends every sign-in.
LEFT_OUT = ("public.django_session", "public.clinic_cache")

PLAIN = """
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL row_security = off;
SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL search_path = public
"""

TABLES = """
SELECT space.nspname, class.relname,
       (SELECT array_agg(quote_ident(attname) ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped),
       (SELECT array_agg(quote_ident(attname) || CASE WHEN attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END ORDER BY at)
        FROM pg_index, unnest(indkey::int[]) WITH ORDINALITY AS part(number, at)
        JOIN pg_attribute ON attnum = part.number
        WHERE indrelid = class.oid AND indisprimary AND attrelid = class.oid)
FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
WHERE class.relkind = 'r' AND space.nspname NOT IN ('pg_catalog', 'information_schema') AND space.nspname !~ '^pg_'
ORDER BY 1, 2
"""
# Asked in another way, so that a table that the first question forgets is noticed.
SHOULD_BE = """
SELECT table_schema || '.' || table_name FROM information_schema.tables
WHERE table_type NOT IN ('VIEW', 'LOCAL TEMPORARY') AND table_schema NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True)
class Table:
    """How many rows, and the SHA-256 of all of them."""

    rows: int
    sha256: str


class Counting:
    """Takes what COPY writes out: one line a row, as a line break within a value is written in two characters."""

    def __init__(self) -> None:
        self._digest, self._rows = hashlib.sha256(), 0

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        self._rows += content.count(b"\n")
        return len(content)

    @property
    def table(self) -> Table:
        return Table(self._rows, self._digest.hexdigest())


NOTHING = Counting().table


def of_database(cursor: Any, *, left_out: Iterable[str] = LEFT_OUT) -> dict[str, Table]:
    """Every table by its name with schema, as the transaction of `cursor` (psycopg2's own) sees it; those `left_out` as empty
    ones. Raises CannotKeep where the database has a table that is not among them."""
    cursor.execute(PLAIN)
    cursor.execute(TABLES)
    found = {f"{schema}.{name}": (schema, name, columns, key) for schema, name, columns, key in cursor.fetchall()}
    refuse_unseen(cursor, found)
    return {
        called: NOTHING if called in left_out else _table(cursor, *described) for called, described in found.items()
    }


def refuse_unseen(cursor: Any, seen: Iterable[str]) -> None:
    cursor.execute(SHOULD_BE)
    if unlike := {name for (name,) in cursor.fetchall()} ^ set(seen):
        raise CannotKeep(
            f"The database has tables that this user cannot keep: {', '.join(sorted(unlike))}. "
            "Make the user of DATABASE_URL their owner, or move them to another database."
        )


def _table(cursor: Any, schema: str, name: str, columns: list[str], key: list[str] | None) -> Table:
    order = ", ".join(key or [f'({", ".join(columns)})::text COLLATE "C"'])
    rows = f'SELECT {", ".join(columns)} FROM "{schema}"."{name}" ORDER BY {order}'  # noqa: S608  the server quoted them
    counting = Counting()
    cursor.copy_expert(f"COPY ({rows}) TO STDOUT", counting)
    return counting.table


def differences(kept: dict[str, Table], found: dict[str, Table]) -> list[str]:
    """Names of tables that are not alike, or that only one of the two has."""
    return sorted(name for name in kept.keys() | found.keys() if kept.get(name) != found.get(name))
