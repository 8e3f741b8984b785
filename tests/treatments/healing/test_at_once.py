"""Presses at the same moment, with real commits: one press is one check-in and one reaction."""

from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.db import connection

from patients.models import Patient
from tests.treatments.healing.telling import CALM, her_link
from treatments.flows import check_in as flow
from treatments.protocol.triage import Answers
from treatments.sessions.healing import services as healing
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent

pytestmark = pytest.mark.django_db(transaction=True)
PRESSES = 6
RED = Answers(**CALM, signs=frozenset(["breathing"]))


def press_at_once(session, names) -> list[Exception]:
    """Everybody presses, each in a thread and a connection of its own. What went wrong."""
    link, barrier, wrong = her_link(session), Barrier(len(names)), []

    def press(once) -> None:
        barrier.wait()
        try:
            flow.tell(session=session, once=once, said=RED, link=link)
        except Exception as fault:
            wrong.append(fault)
        finally:
            connection.close()

    threads = [Thread(target=press, args=(once,)) for once in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_one_press_that_arrives_many_times_is_one_check_in_and_one_reaction(done_session):
    assert press_at_once(done_session, [uuid4()] * PRESSES) == []
    assert (CheckIn.objects.count(), AdverseEvent.objects.count()) == (1, 1)


def test_two_telephones_at_once_are_two_check_ins_and_one_reaction(done_session):
    assert press_at_once(done_session, [uuid4() for _ in range(PRESSES)]) == []
    assert (CheckIn.objects.count(), AdverseEvent.objects.count()) == (PRESSES, 1)


def test_without_her_row_locked_the_presses_would_meet(done_session, monkeypatch):
    """The negative control: the lock is what puts them in order. The name of the press still keeps it single, as a fault."""
    whole, read = Barrier(2), healing._named

    def slowly(*args):
        found = read(*args)
        whole.wait(timeout=20)
        return found

    monkeypatch.setattr(Patient.objects, "select_for_update", lambda **_: Patient.objects.all(), raising=False)
    monkeypatch.setattr(healing, "_named", slowly)
    wrong = press_at_once(done_session, [uuid4()] * 2)
    assert [type(fault).__name__ for fault in wrong] == ["IntegrityError"]
    assert CheckIn.objects.count() == 1
