"""What one test committed is no other's, however large it was and whoever was still writing."""

import contextlib
import re
import threading

import psycopg2
import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.core.management.sql import sql_flush
from django.db import connection
from django.test import TransactionTestCase

from tests.conftest import test_database_url
from tests.fixtures import emptied

pytestmark = pytest.mark.django_db(transaction=True)


def rows() -> dict[str, int]:
    """Table to how many stand in it, without those that hold none."""
    found = {}
    with connection.cursor() as cursor:
        for table in emptied.tables():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            found[table] = cursor.fetchone()[0]
    return {table: count for table, count in found.items() if count}


def empty() -> None:
    emptied.empty_tables(TransactionTestCase())


@pytest.mark.parametrize("large_bytes", [emptied.LARGE_BYTES, 0])
def test_no_row_is_left_and_what_the_models_decide_is_as_it_was(done_session, monkeypatch, large_bytes):
    monkeypatch.setattr(emptied, "LARGE_BYTES", large_bytes)
    kept = (ContentType.objects.count(), Permission.objects.count())
    assert len(rows()) > 20
    empty()
    assert rows() == {}
    assert (ContentType.objects.count(), Permission.objects.count()) == kept
    assert 0 not in kept


def test_every_table_is_emptied_that_django_would_empty():
    (flushed,) = sql_flush(no_style(), connection, reset_sequences=False)
    assert set(re.findall(r'"(\w+)"', flushed)) == set(emptied.tables()) | emptied.STAYS


def test_what_is_still_being_written_is_waited_for(clinic):
    """A plain DELETE would not see the row of a request that is under way, and leave it to the next test."""
    with contextlib.closing(psycopg2.connect(test_database_url())) as other:
        other.cursor().execute("INSERT INTO django_session VALUES ('under way', '', now())")
        emptying = threading.Thread(target=lambda: (empty(), connection.close()))
        emptying.start()
        emptying.join(0.5)
        assert emptying.is_alive()
        other.commit()
        emptying.join(30)
    assert rows() == {}
