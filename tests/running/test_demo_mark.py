"""A demo that was cut short is made anew; a database without the mark is never emptied."""

import contextlib

import psycopg2
import pytest

from clinic.embedded import Postgres
from clinic.running.demo_mark import being_made, is_half_made, throw_away


@pytest.fixture
def cursor(tmp_path):
    server = Postgres(tmp_path / "postgres", database="odd-Name", durable=False, dies_with_us=True)
    with contextlib.closing(psycopg2.connect(dbname="odd-Name", user="postgres", host=folder_of(server))) as connection:
        connection.autocommit = True
        yield connection.cursor()
    server.stop()


def folder_of(server: Postgres) -> str:
    return server.start().partition("host=")[2]


def has_clinic(cursor) -> bool:
    cursor.execute("SELECT to_regclass('clinic') IS NOT NULL")
    return cursor.fetchone()[0]


def test_a_whole_demo_carries_no_mark_and_is_not_thrown_away(cursor):
    with being_made(cursor):
        assert is_half_made(cursor)
        cursor.execute("CREATE TABLE clinic ()")
    assert not is_half_made(cursor)
    with pytest.raises(ValueError, match="no half-made demo"):
        throw_away(cursor)
    assert has_clinic(cursor)


def test_a_demo_that_was_cut_short_is_known_and_thrown_away(cursor):
    with pytest.raises(KeyboardInterrupt), being_made(cursor):
        cursor.execute("CREATE TABLE clinic ()")
        raise KeyboardInterrupt
    assert is_half_made(cursor)
    throw_away(cursor)
    assert not has_clinic(cursor)
    assert not is_half_made(cursor)
