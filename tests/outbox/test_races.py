"""Two at once: a cancellation against a claim, two dispatchers, a worker that freezes longer than its lease. Each with
the guard switched off as its control, which must go wrong."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.db import connection, transaction

from clinic.mailbox import MailboxRecord
from clinic.models import ClinicNow
from patients.models import Message
from patients.outbox import dispatch, ledger, reconcile, relay, services
from patients.outbox.limits import Limits
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
SHORT = {"lease_seconds": 1.0, "margin_seconds": 0.5, "fresh_seconds": 0.5, "grace_seconds": 0}


def in_thread(work: Callable[[], None]) -> threading.Thread:
    """`work` on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def relay_to(sink) -> relay.SmtpRelay:
    return relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=sink.port, timeout=5))


def unchecked_mark(letters, worker, limits) -> set[int]:
    """The control: what was claimed is sent, whatever became of the row."""
    ids = {letter.message.pk for letter in letters}
    Message.objects.filter(pk__in=ids).update(handed_off_at=ClinicNow())
    return ids


def cancel_between_claim_and_marker(patient, sink, limits, rounds: int, mark) -> tuple[int, int]:
    """Cancels every message while a worker holds it claimed. Returns (accepted cancellations, of those sent)."""
    accepted = 0
    for _ in range(rounds):
        about = uuid4()
        message = cast.owe(patient, about=about)

        def cancel_then_mark(letters, worker, limits, about=about):
            gone = services.cancel_about(about=about, reason="The visit was cancelled.", by=None)
            nonlocal accepted
            accepted += not gone
            return mark(letters, worker, limits)

        ledger.mark, kept = cancel_then_mark, ledger.mark
        try:
            dispatch.run(limits=limits, through=relay_to(sink), breaker=relay.Breaker())
        finally:
            ledger.mark = kept
        message.refresh_from_db()
        assert message.state == State.CANCELLED
    return accepted, len(sink.store)


def test_a_message_whose_cancellation_was_accepted_never_leaves(patient, sink, limits):
    assert cancel_between_claim_and_marker(patient, sink, limits, 20, ledger.mark) == (20, 0)


def test_control_a_state_checked_only_at_the_claim_sends_what_was_cancelled(patient, sink, limits):
    accepted, sent = cancel_between_claim_and_marker(patient, sink, limits, 3, unchecked_mark)
    assert (accepted, sent) == (3, 3)


def test_cancellations_that_race_with_a_live_worker_are_kept_or_reported(patient, sink, store, moods, limits):
    """No choreography: 150 cancellations aimed at messages that are leaving at that moment."""
    moods.delay_seconds = 0.003
    abouts = [uuid4() for _ in range(150)]
    for about in abouts:
        cast.owe(patient, about=about)
    worker = in_thread(lambda: dispatch.run(limits=limits, through=relay_to(sink), breaker=relay.Breaker()))
    accepted = {about for about in abouts if not services.cancel_about(about=about, reason="moved", by=None)}
    worker.join(60)
    rows = {message.about: message for message in Message.objects.all()}
    cancelled = {about for about in accepted if rows[about].state == State.CANCELLED}
    assert not [about for about in cancelled if store.find(rows[about].message_id)]
    assert {row.state for row in rows.values()} <= {State.CANCELLED, State.SENT}
    assert cancelled
    assert len(store) == sum(row.state == State.SENT for row in rows.values())


def test_a_booking_that_is_being_changed_is_left_alone_and_not_waited_for(patient, sink, limits, store):
    """Another transaction has cancelled and not committed yet: the worker neither sends nor hangs."""
    about = uuid4()
    message = cast.owe(patient, about=about)
    cancelled, finish = threading.Event(), threading.Event()

    def move_the_visit() -> None:
        with transaction.atomic():
            services.cancel_about(about=about, reason="moved", by=None)
            cancelled.set()
            finish.wait(10)

    mark = ledger.mark
    mover = None

    def while_somebody_moves_it(letters, worker, limits):
        nonlocal mover
        mover = in_thread(move_the_visit)
        assert cancelled.wait(10)
        return mark(letters, worker, limits)

    ledger.mark = while_somebody_moves_it
    try:
        began = time.monotonic()
        dispatch.run(limits=limits, through=relay_to(sink), breaker=relay.Breaker())
        assert time.monotonic() - began < 5
    finally:
        ledger.mark = mark
        finish.set()
        mover.join(60)
    message.refresh_from_db()
    assert (message.state, len(store)) == (State.CANCELLED, 0)


def test_two_dispatchers_at_once_send_everything_once(patient, sink, store, moods, limits):
    moods.delay_seconds = 0.002
    cast.owe_many(patient, 120)
    small = Limits(claim=7, hand_off=3, grace_seconds=0)
    both = [
        in_thread(lambda: dispatch.run(limits=small, through=relay_to(sink), breaker=relay.Breaker())) for _ in range(4)
    ]
    for thread in both:
        thread.join(60)
    assert len(store) == 120
    assert store.duplicates() == {}
    assert set(Message.objects.values_list("state", "attempts")) == {(State.SENT, 1)}


def test_control_a_claim_without_a_lock_is_made_twice(patient, sink, limits):
    """Reading what is due and then writing "mine" lets two workers have the same row."""
    cast.owe(patient)
    due = Message.objects.filter(state=State.DUE)
    first, second = list(due), list(due)
    for worker, rows in (("one", first), ("two", second)):
        for row in rows:
            row.state, row.worker, row.lease_until = State.SENDING, worker, row.send_at
            row.save()
    assert [row.pk for row in first] == [row.pk for row in second]
    Message.objects.update(state=State.DUE, worker="", lease_until=None)
    assert len(ledger.claim("one", limits)) == 1
    assert ledger.claim("two", limits) == []


@pytest.fixture
def frozen(worker_env, sink) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a worker that stops itself at a point; returns it once it stands still."""
    begun: list[subprocess.Popen] = []

    def freeze(where: str, *, without: tuple[str, ...] = ()) -> subprocess.Popen:
        job = {"task": "freeze", "where": where, "limits": SHORT, "without": without}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.outbox.worker", json.dumps(job)],
            cwd=ROOT, env=worker_env | {"EMAIL_URL": sink.url}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        begun.append(process)
        deadline = time.monotonic() + 30
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        return process

    yield freeze
    for process in begun:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.wait(timeout=30)
        process.stdout.close()


def lease_runs_out() -> None:
    deadline = time.monotonic() + 10
    while Message.objects.filter(state=State.SENDING, lease_until__gt=ledger.Now()).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def another_worker_takes_over(sink, store) -> None:
    limits = Limits(**SHORT)
    dispatch.run(limits=limits, through=relay_to(sink), breaker=relay.Breaker())
    reconcile.run(limits=limits, record=MailboxRecord(store))
    dispatch.run(limits=limits, through=relay_to(sink), breaker=relay.Breaker())


def thaw(process: subprocess.Popen) -> int:
    process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=30)
    return json.loads(said.splitlines()[-1])["sent"]


@pytest.mark.parametrize("where", ["before_marker", "before_text"])
def test_a_worker_frozen_beyond_its_lease_wakes_up_and_sends_nothing(patient, sink, store, frozen, where):
    message = cast.owe(patient)
    sleeper = frozen(where)
    lease_runs_out()
    another_worker_takes_over(sink, store)
    assert len(store.find(message.message_id)) == 1
    assert thaw(sleeper) == 0
    assert len(store.find(message.message_id)) == 1
    message.refresh_from_db()
    assert message.state == State.SENT


@pytest.mark.parametrize(("where", "guard"), [("before_marker", "marker_check"), ("before_text", "freshness")])
def test_control_without_its_guard_the_frozen_worker_doubles_the_mail(patient, sink, store, frozen, where, guard):
    message = cast.owe(patient)
    sleeper = frozen(where, without=(guard,))
    lease_runs_out()
    another_worker_takes_over(sink, store)
    thaw(sleeper)
    assert len(store.find(message.message_id)) == 2


def test_a_clock_that_is_moved_frees_no_lease_and_sends_nothing_early(patient, limits, at):
    early = cast.owe(patient, send_at=cast.NOON + timedelta(hours=2))
    cast.owe(patient)
    assert len(ledger.claim("one", limits)) == 1
    at(cast.NOON + timedelta(hours=1))
    assert ledger.return_abandoned(limits) == 0
    assert ledger.claim("two", limits) == []
    early.refresh_from_db()
    assert early.state == State.DUE
