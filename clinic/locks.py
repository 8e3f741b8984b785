"""Waiting for a row that somebody else holds: three seconds, and then a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from clinic.errors import explained

# As PostgreSQL reads it.
LONGEST_WAIT = "3s"


@contextmanager
def not_for_long() -> Iterator[None]:
    """Around what locks rows, inside a transaction: waiting longer is answered (Busy), not endured."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = %s", [LONGEST_WAIT])
    with explained():
        yield
