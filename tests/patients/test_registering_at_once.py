"""Two desks and one walk-in: the second to press sees what the first has saved."""

import threading
import time
from datetime import date

import pytest
from django.db import connection, transaction

from patients.services import people
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
ANA = {"given_name": "Ana", "family_name": "Rahman", "born_on": date(1985, 11, 3)}


class OtherDesk(threading.Thread):
    """Registers Ana from a connection of its own; `answer` is what came of it."""

    def __init__(self, clinic, **how) -> None:
        super().__init__(daemon=True)
        self.clinic, self.how, self.answer = clinic, how, None

    def run(self) -> None:
        try:
            by = factories.a_manager(self.clinic).user
            self.answer = people.register(clinic=self.clinic, by=by, **ANA, **self.how)
        except people.PossibleDuplicates as exc:
            self.answer = exc
        finally:
            connection.close()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def waited(for_what) -> bool:
    until = time.monotonic() + 10
    while not for_what() and time.monotonic() < until:
        time.sleep(0.01)
    return for_what()


def test_the_second_desk_waits_and_then_sees_the_first_ones_record(transactional_db, clinic):
    other = OtherDesk(clinic, duplicates_seen=set())
    with transaction.atomic():
        first = people.register(clinic=clinic, by=factories.a_manager(clinic).user, duplicates_seen=set(), **ANA)
        other.start()
        assert waited(somebody_waits_for_a_lock)
    other.join(10)

    assert isinstance(other.answer, people.PossibleDuplicates)
    assert [likeness.patient for likeness in other.answer.found] == [first]
    assert clinic.patients.count() == 1


def test_without_the_question_nobody_waits_and_there_are_two(transactional_db, clinic):
    """The negative control: the same race where duplicates are not asked about."""
    other = OtherDesk(clinic)
    with transaction.atomic():
        people.register(clinic=clinic, by=factories.a_manager(clinic).user, **ANA)
        other.start()
        other.join(10)

    assert clinic.patients.count() == 2
