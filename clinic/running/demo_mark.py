"""A demo clinic that was cut short must not pass for a whole one: the database says so of itself while it is made.

The mark is the database's comment. It is set only while there is no clinic at all and before any page is served, so
what a later start throws away is invented and nobody's work.
"""

from contextlib import contextmanager

UNFINISHED = "Stratum: the demo clinic is being made"


def is_half_made(cursor) -> bool:
    cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()")
    return cursor.fetchone()[0] == UNFINISHED


def throw_away(cursor) -> None:
    """Empties the database, tables and all. Refuses one that does not carry the mark."""
    if not is_half_made(cursor):
        raise ValueError("This database holds no half-made demo.")
    cursor.execute("DROP SCHEMA public CASCADE")
    cursor.execute("CREATE SCHEMA public")
    _mark(cursor, None)


@contextmanager
def being_made(cursor):
    """Marks the database until the block ends well; a block that fails or is killed leaves the mark."""
    _mark(cursor, UNFINISHED)
    yield
    _mark(cursor, None)


def _mark(cursor, text: str | None) -> None:
    cursor.execute("SELECT quote_ident(current_database())")
    name = cursor.fetchone()[0]
    cursor.execute(f"COMMENT ON DATABASE {name} IS %s", [text])  # the name is quoted by the server itself
