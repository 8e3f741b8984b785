"""A batch that is marked at once and leaves one after the other: what a death or a cancellation in the middle of it finds. Each with
its guard off as the control, which must go wrong."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.db import connection

from patients.models import Message
from patients.outbox import dispatch, ledger, reconcile, relay, services
from patients.outbox.faults import controls
from patients.outbox.limits import Limits
from patients.outbox.models import State
from tests.outbox import cast
from tests.outbox.scripted import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
SHORT = {"lease_seconds": 1.0, "margin_seconds": 0.5, "fresh_seconds": 0.5, "grace_seconds": 0}
TEXTS_BEFORE = 2


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


class Record:
    """What the server took is what its record says."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server

    def accepted(self, message_id: str) -> datetime | None:
        return datetime.now(UTC) if message_id in self.server.taken else None


def send(server: ScriptedServer, limits: Limits) -> Counter:
    through = relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=server.port, timeout=3))
    return dispatch.run(limits=limits, through=through, breaker=relay.Breaker())


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def killed_before_its_third_text(worker_env, server) -> Callable[[], None]:
    """A worker with a batch in hand that dies when two texts have left it, with the envelope of the third on the wire."""

    def kill() -> None:
        job = {"task": "freeze", "where": "before_text", "after": TEXTS_BEFORE, "limits": SHORT}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.outbox.worker", json.dumps(job)],
            cwd=ROOT, env=worker_env | {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"},
        )  # fmt: skip
        try:
            wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=30)

    return kill


def another_worker_takes_over(server: ScriptedServer) -> None:
    limits = Limits(**SHORT)
    silent = Message.objects.filter(state=State.SENDING, lease_until__gt=ledger.Now())
    wait_until(lambda: not silent.exists())
    send(server, limits)
    reconcile.run(limits=limits, record=Record(server))
    send(server, limits)


def test_a_worker_killed_between_marker_and_text_loses_and_doubles_nothing(
    patient, server, killed_before_its_third_text
):
    messages = cast.owe_many(patient, 5)
    killed_before_its_third_text()
    assert len(server.taken) == TEXTS_BEFORE
    wait_until(lambda: server.heard[0][-1] == "DATA")
    marked = Message.objects.filter(state=State.SENDING, handed_off_at__isnull=False)
    assert marked.count() == len(messages)
    another_worker_takes_over(server)
    assert Counter(server.taken) == Counter(message.message_id for message in messages)
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}
    told = Counter(Message.objects.values_list("events__what", flat=True))
    assert (told["found_at_relay"], told["not_at_relay"]) == (TEXTS_BEFORE, len(messages) - TEXTS_BEFORE)


def test_control_without_asking_the_record_the_killed_workers_texts_go_twice(
    patient, server, killed_before_its_third_text, monkeypatch
):
    monkeypatch.setattr(ledger, "doubt_the_silent", ledger.doubt_the_silent)
    monkeypatch.setattr(ledger, "in_doubt", ledger.in_doubt)
    controls.send_again_without_asking()
    messages = cast.owe_many(patient, 5)
    killed_before_its_third_text()
    another_worker_takes_over(server)
    assert len(server.taken) == len(messages) + TEXTS_BEFORE


def cancelled_while_the_first_leaves(patient, server: ScriptedServer, limits: Limits) -> tuple[set[str], set[str]]:
    """All five are cancelled at the moment in which the first one's text has come. Returns the Message-IDs of those whose
    cancellation was accepted, and of those that went."""
    abouts = [uuid4() for _ in range(5)]
    messages = {about: cast.owe(patient, about=about) for about in abouts}
    accepted: set[str] = set()

    def cancel_all(step: str, about: str) -> None:
        if step != "TEXT" or server.taken:
            return
        try:
            for what, message in messages.items():
                if not services.cancel_about(about=what, reason="The visit was cancelled.", by=None):
                    accepted.add(message.message_id)
        finally:
            connection.close()

    server.says = cancel_all
    send(server, limits)
    return accepted, set(server.taken)


def test_a_cancellation_that_meets_a_marked_batch_is_not_accepted_and_says_so(patient, server, limits):
    accepted, went = cancelled_while_the_first_leaves(patient, server, limits)
    assert accepted == set()
    assert len(went) == 5
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}


def test_a_cancellation_that_meets_markers_one_by_one_keeps_back_all_but_that_one(patient, server):
    accepted, went = cancelled_while_the_first_leaves(patient, server, Limits(hand_off=1))
    assert (len(accepted), len(went)) == (4, 1)
    assert not accepted & went


def test_control_a_cancellation_that_does_not_ask_for_the_marker_is_accepted_and_yet_went(
    patient, server, limits, monkeypatch
):
    blind = services.CANCEL.replace("AND handed_off_at IS NULL", "")
    monkeypatch.setattr(services, "CANCEL", blind)
    accepted, went = cancelled_while_the_first_leaves(patient, server, limits)
    assert accepted & went
