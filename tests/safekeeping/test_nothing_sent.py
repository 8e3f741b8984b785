"""A restored clinic with a real worker and a real mail server beside it: not one mail, until somebody releases them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from clinic import clock
from clinic.celery import app
from clinic.mailbox import MailSink, MailStore
from clinic.safekeeping.keeping import keep
from patients.models import Message
from patients.outbox import kinds
from tests.fixtures.browser import end_at_once, wait_until
from tests.outbox import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DISPATCH = "patients.outbox.tasks.dispatch"
SEEN = "SELECT COALESCE(max(at)::text, '') FROM patients_workerseen"


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    cast.register_kinds()
    clock.move_to(cast.NOON)
    yield
    for kind in cast.KINDS:
        kinds.forget(kind.code)
    app.control.purge()


@pytest.fixture
def store(tmp_path) -> MailStore:
    return MailStore(tmp_path / "mail", durable=False)


@pytest.fixture
def sink(store) -> Iterator[MailSink]:
    sink = MailSink(store)
    sink.start()
    yield sink
    sink.stop()


@contextmanager
def a_worker(elsewhere, sink) -> Iterator[subprocess.Popen]:
    elsewhere.more["EMAIL_URL"] = sink.url
    app.control.purge()
    process = elsewhere.start("-m", "tests.outbox.worker", '{"task": "celery"}')
    try:
        wait_until(lambda: bool(app.control.ping(timeout=0.3)), seconds=30, what="a worker")
        yield process
    finally:
        end_at_once(process)
        process.stdout.close()


def rings(elsewhere, times: int) -> None:
    """The worker looks at the ledger so many times, from beginning to end: it has one child, and notes each look as it
    begins."""
    for _ in range(times + 1):
        before = elsewhere.ask(SEEN)
        app.send_task(DISPATCH)
        wait_until(lambda before=before: elsewhere.ask(SEEN) != before, what="a look at the ledger")


def states(elsewhere) -> dict[str, str]:
    return dict(elsewhere.ask("SELECT dedupe_key, state FROM patients_message"))


def owe_all() -> None:
    patient = cast.a_patient(cast.a_clinic())
    now = clock.now()
    cast.owe(patient, key="before")
    later = cast.owe(patient, key="later", send_at=now + timedelta(days=2), expires_at=now + timedelta(days=3))
    assert later.state == "due"
    in_hand = cast.owe(patient, key="in hand")
    Message.objects.filter(pk=in_hand.pk).update(
        state="sending", worker="gone", lease_until=now - timedelta(days=400), handed_off_at=now, attempts=1
    )


def test_nothing_leaves_until_it_is_released_and_what_fell_due_before_never_by_itself(elsewhere, file, sink, store):
    owe_all()
    keep(file)
    assert elsewhere.restore(file).returncode == 0
    with a_worker(elsewhere, sink):
        rings(elsewhere, 4)
        assert len(store) == 0
        released = elsewhere.run("-m", "tests.safekeeping.release")
        assert released.returncode == 0, released.stderr
        assert released.stdout == "2\n"
        # Written after the restore, and due in two days: both leave.
        elsewhere.ask('UPDATE clinic_clockshift SET "offset" = "offset" + interval \'2 days\' RETURNING 1')
        rings(elsewhere, 2)
        wait_until(lambda: len(store) == 1, what="the one mail that fell due later")
    assert states(elsewhere) == {"before": "needs_person", "in hand": "needs_person", "later": "sent"}


def test_with_the_guard_off_the_same_worker_sends_it(elsewhere, file, sink, store):
    """The negative control: nobody has looked, and the clinic is simply not frozen."""
    owe_all()
    keep(file)
    assert elsewhere.restore(file).returncode == 0
    elsewhere.ask("UPDATE clinic_clinic SET restoration_id = NULL RETURNING 1")
    with a_worker(elsewhere, sink):
        rings(elsewhere, 1)
        wait_until(lambda: len(store) > 0, what="a mail that should not have left")
    assert states(elsewhere)["before"] == "sent"
