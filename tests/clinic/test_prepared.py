"""Statements that are planned once for a connection."""

import pytest
from django.db import Error, connection, transaction

from clinic.prepared import Prepared

SUM = Prepared("sum_of_two", "SELECT %(one)s::int + %(two)s::int, %(one)s::int")


def answer(**given):
    with connection.cursor() as cursor:
        SUM.execute(cursor, given)
        return cursor.fetchone()


def planned() -> list[tuple[str, int]]:
    """Those of this connection, and how often each was asked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, generic_plans + custom_plans FROM pg_prepared_statements WHERE name = 'sum_of_two'"
        )
        return cursor.fetchall()


@pytest.mark.django_db
def test_a_prepared_statement_answers_as_it_would_unprepared_and_is_planned_once():
    assert [answer(one=1, two=2), answer(one=40, two=2)] == [(3, 1), (42, 40)]
    assert planned() == [("sum_of_two", 2)]


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_plans_it_for_itself():
    assert answer(one=1, two=2) == (3, 1)
    connection.close()
    assert planned() == []
    assert answer(one=2, two=2) == (4, 2)
    assert planned() == [("sum_of_two", 1)]


@pytest.mark.django_db(transaction=True)
def test_what_was_planned_in_a_transaction_that_is_taken_back_stays_planned():
    connection.close()
    with pytest.raises(Error), transaction.atomic():
        assert answer(one=1, two=2) == (3, 1)
        answer(one="x", two=2)
    assert answer(one=2, two=3) == (5, 2)
    assert planned() == [("sum_of_two", 2)]
