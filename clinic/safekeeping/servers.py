"""The database that is kept or brought back: started where it is our own and does not run, and spoken to beside Django."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import psycopg2
from django.conf import settings
from django.db import connection

from clinic.embedded import Postgres, ServerError
from clinic.running.leftovers import AlreadyRunning, hold
from clinic.safekeeping.sentences import CannotKeep
from clinic.settings.environment import database

AT_WORK = {True: "restore", False: "backup"}


@contextmanager
def running(*, alone: bool) -> Iterator[None]:
    """The database answers while the block runs. Of `make run` it is started for that long, or used where it runs already;
    `alone`: refused while it runs, because everything that works on it has to be stopped."""
    if settings.EMBEDDED_POSTGRES is None:
        yield
        return
    if not alone and not (settings.EMBEDDED_POSTGRES / "PG_VERSION").exists():
        raise CannotKeep("There is nothing to keep yet: `make run` has never made a database in this folder.")
    with ExitStack() as until_the_end:
        try:
            until_the_end.enter_context(hold(settings.VAR_DIR / "run", AT_WORK[alone]))
        except AlreadyRunning as refusal:
            if alone:
                raise CannotKeep(str(refusal)) from None
        server = Postgres(settings.EMBEDDED_POSTGRES, dies_with_us=True)
        if server.pid is None:
            until_the_end.callback(server.stop)
        try:
            described = database(server.start())
        except ServerError as failure:
            raise CannotKeep(str(failure)) from None
        connection.settings_dict["HOST"] = described["HOST"]
        until_the_end.callback(connection.close)
        yield


def parameters(*, of_database: str | None = None) -> dict[str, Any]:
    """How psycopg2 is told the address, of another database of the same server where one is named."""
    told = {name: value for name, value in connection.get_connection_params().items() if name != "cursor_factory"}
    told.pop("client_encoding", None)
    return told | ({"dbname": of_database} if of_database else {})


@contextmanager
def connected(told: Mapping[str, Any] | None = None, *, to_database: str | None = None) -> Iterator[Any]:
    """A connection of its own, psycopg2's, beside Django's. `told`: the `parameters`, for another thread, which has no part in
    this one's connection."""
    try:
        made = psycopg2.connect(**(told or parameters(of_database=to_database)))
    except psycopg2.OperationalError as exc:
        raise CannotKeep(f"The database does not answer: {str(exc).strip().splitlines()[-1]}") from None
    with closing(made):
        yield made


def major(cursor: Any) -> int:
    cursor.execute("SHOW server_version_num")
    return int(cursor.fetchone()[0]) // 10000
