"""A provider tells the same thing twice at the same moment, or while she changes her address: it counts once, and for the
address it was about."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection
from django.db.models import QuerySet

from patients.models import Message, Patient
from patients.outbox import events
from patients.outbox.models import State
from patients.services import people
from tests.outbox import cast
from tests.outbox.test_events import flagged, say, state_of, told, went

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each returned, or the class of what it raised."""
    ready, said = Barrier(len(acts), timeout=20), []

    def run(act: Callable[[], object]) -> None:
        try:
            ready.wait()
            said.append(act())
        except Exception as exc:
            said.append(type(exc))
        finally:
            connection.close()

    threads = [Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def six_times_the_same(message: Message) -> list[object]:
    word = told(message, "bounced", key="e1")
    return at_once(*[lambda: events.settle(told=word)] * 6)


def test_the_same_word_six_times_at_once_is_heard_once(patient):
    message = went(patient)
    assert sorted(six_times_the_same(message)) == ["bounced"] + ["repeated"] * 5
    assert message.events.filter(what="bounced").count() == 1
    assert flagged(patient)


def test_control_where_nobody_waits_for_the_row_the_database_refuses_the_second(patient, monkeypatch):
    """The negative control: without the locks all six look before one of them writes, and only the id of the event stands
    between."""
    all_have_looked = Barrier(6, timeout=20)

    def note(message: Message, word: events.Told) -> bool:
        is_new = not message.events.filter(event_id=word.key).exists()
        all_have_looked.wait()
        return is_new and bool(message.events.create(what=word.what, code="", event_id=word.key))

    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, *args, **kwargs: self)
    monkeypatch.setattr(events, "_note", note)
    assert six_times_the_same(went(patient)).count(IntegrityError) == 5


@pytest.mark.parametrize("_turn", range(5))
def test_a_new_address_and_the_end_of_the_old_one_at_once_leave_the_new_one_in_use(patient, boss, _turn):
    message, waiting = went(patient), cast.owe(patient)
    new = "leila.new@post.example"
    said = at_once(
        lambda: say(message, "bounced"),
        lambda: people.correct_details(patient=patient, version=patient.version, by=boss, email=new),
    )
    # Whoever was first: the word is about the old address, and what waits goes to the new one.
    assert "bounced" in said
    assert Patient.objects.get(pk=patient.pk).email == new
    assert not flagged(patient)
    assert (state_of(waiting), waiting.to_address) == (State.DUE, new)
