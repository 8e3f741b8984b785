"""Statements that the server reads and plans once for a connection, where that takes longer than the answer.

Only for the few that stand in the way of somebody who waits: everything else is planned anew each time, as Django does it.
A connection has to be a session of its own server process; a pooler that hands out transactions would lose them.
"""

import re
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from django.db.backends.utils import CursorWrapper

_prepared: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()
GIVEN = re.compile(r"%\((\w+)\)s")


class Prepared:
    """A SELECT with `%(name)s` in it; where PostgreSQL cannot tell a type from what it is compared to, a cast says it."""

    def __init__(self, name: str, statement: str) -> None:
        self._names = list(dict.fromkeys(GIVEN.findall(statement)))
        self._name = name
        self._prepare = f"PREPARE {name} AS " + GIVEN.sub(
            lambda found: f"${self._names.index(found[1]) + 1}", statement
        )
        self._execute = f"EXECUTE {name} ({', '.join(f'%({given})s' for given in self._names)})"

    def execute(self, cursor: CursorWrapper, given: Mapping[str, object]) -> None:
        known = _prepared.setdefault(cursor.connection, set())
        if self._name not in known:
            # Past the wrapper: no page is to count it among its queries, for the next one has it already.
            with cursor.connection.cursor() as unwrapped:
                unwrapped.execute(self._prepare)
            known.add(self._name)
        cursor.execute(self._execute, given)
