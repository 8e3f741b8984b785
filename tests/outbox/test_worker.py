"""A real Celery worker: the bell brings it within seconds, and killing it in the middle of a message doubles nothing."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from clinic.celery import app
from clinic.mailbox import MailboxRecord
from patients.models import Message
from patients.outbox import reconcile
from patients.outbox.limits import Limits
from patients.outbox.models import State
from tests.fixtures.browser import end_at_once
from tests.outbox import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.fixture
def worker(worker_env, sink) -> Iterator[subprocess.Popen]:
    """`celery worker` with one child, ready; told to stop claiming before the database is emptied."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.outbox.worker", '{"task": "celery"}'],
        cwd=ROOT,
        env=worker_env | {"EMAIL_URL": sink.url},
        start_new_session=True,
    )
    wait_for(lambda: bool(app.control.ping(timeout=0.3)))
    yield process
    end_at_once(process)
    app.control.purge()


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def test_a_celery_worker_comes_when_the_bell_rings_and_may_be_killed_between_text_and_answer(
    patient, worker, store, moods
):
    first = cast.owe(patient)
    assert wait_for(lambda: state_of(first) == State.SENT) < 5

    moods.delay_seconds = 2
    message = cast.owe(patient)
    wait_for(lambda: len(store) == 2)
    (child,) = psutil.Process(worker.pid).children()
    child.kill()
    moods.delay_seconds = 0
    assert state_of(message) == State.SENDING
    assert message.handed_off_at is not None
    Message.objects.filter(pk=message.pk).update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    tally = reconcile.run(limits=Limits(grace_seconds=0), record=MailboxRecord(store))
    assert (tally["in_doubt"], tally["found"]) == (1, 1)
    assert state_of(message) == State.SENT
    # The pool puts a new child in the dead one's place, and it goes on.
    other = cast.owe(patient)
    wait_for(lambda: state_of(other) == State.SENT)
    assert store.duplicates() == {}
    assert len(store) == 3
