"""What becomes of a message of which nobody knows whether it arrived."""

from datetime import UTC, datetime, timedelta

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox import dispatch, reconcile, wording
from patients.outbox import limits as limits_module
from patients.outbox.limits import Limits
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


class Record:
    """A relay's record with one answer for everything."""

    def __init__(self, answer) -> None:
        self.answer, self.asked = answer, []

    def accepted(self, message_id: str):
        self.asked.append(message_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def in_doubt(patient, kind: str = "test_notice", *, seconds_ago: float = 1, **details) -> Message:
    """Handed over, and the worker's lease ran out `seconds_ago` without an answer."""
    message = cast.owe(patient, kind, **details)
    Message.objects.filter(pk=message.pk).update(
        state=State.SENDING, worker="gone", handed_off_at=clock.now(), attempts=1,
        lease_until=datetime.now(UTC) - timedelta(seconds=seconds_ago),
    )  # fmt: skip
    return message


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def test_a_worker_that_never_came_back_leaves_a_doubt_and_not_a_repeat(patient, smtp, limits, breaker, store):
    message = in_doubt(patient)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), len(store)) == (State.UNKNOWN, 0)


def test_nobody_is_asked_before_the_grace_is_over(patient):
    message, record = in_doubt(patient, seconds_ago=30), Record(None)
    reconcile.run(limits=Limits(grace_seconds=60), record=record)
    assert (state_of(message), record.asked) == (State.UNKNOWN, [])
    reconcile.run(limits=Limits(grace_seconds=20), record=record)
    assert (state_of(message), record.asked) == (State.DUE, [message.message_id])


def test_a_record_that_does_not_answer_leaves_the_doubt(patient, limits):
    message = in_doubt(patient)
    assert reconcile.run(limits=limits, record=Record(OSError("down")))["not_answered"] == 1
    assert state_of(message) == State.UNKNOWN


def test_one_unanswerable_message_does_not_keep_the_others(patient, limits):
    messages = [in_doubt(patient) for _ in range(60)]
    assert reconcile.run(limits=limits, record=Record(None))["not_found"] == len(messages)


@pytest.fixture
def no_record(settings):
    settings.OUTBOX_RELAY_RECORD = ""


@pytest.mark.usefixtures("no_record")
@pytest.mark.parametrize(
    ("kind", "hours_left", "state", "resent"),
    [
        ("test_notice", 1, State.DUE, True),
        ("test_notice", -1, State.NEEDS_PERSON, False),
        ("test_reminder", 5, State.DUE, True),
        ("test_reminder", 3, State.NEEDS_PERSON, False),
        ("test_secret", 48, State.NEEDS_PERSON, False),
    ],
    ids=["aftercare", "aftercare past its use", "reminder with time left", "reminder too near", "never again"],
)
def test_without_a_record_the_kind_decides(patient, limits, kind, hours_left, state, resent):
    message = in_doubt(patient, kind, expires_at=clock.now() + timedelta(hours=24))
    clock.shift(timedelta(hours=24 - hours_left))
    reconcile.run(limits=limits)
    assert (state_of(message), message.resent) == (state, resent)


@pytest.mark.usefixtures("no_record")
def test_a_repeat_says_that_it_may_be_one_and_keeps_its_name(patient, smtp, limits, breaker, store):
    message = in_doubt(patient)
    reconcile.run(limits=limits)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert state_of(message) == State.SENT
    (received,) = store.find(message.message_id)
    assert received.text.startswith("You may have received this message already.")


@pytest.mark.usefixtures("no_record")
def test_of_a_repeat_nobody_says_that_nothing_left(patient, limits):
    """It may have left: "a worker stopped before sending" is true of another state."""
    message = in_doubt(patient)
    reconcile.run(limits=limits)
    message.refresh_from_db()
    assert (message.state, message.error_class) == (State.DUE, "")
    assert "nothing left" not in wording.row(message, clock.now()).proof
    assert wording.event(message.events.last()) == "Due a second time; it will say so"


@pytest.mark.usefixtures("no_record")
def test_nothing_is_repeated_twice(patient, limits):
    message = in_doubt(patient)
    Message.objects.filter(pk=message.pk).update(resent=True)
    reconcile.run(limits=limits)
    assert state_of(message) == State.NEEDS_PERSON


def test_a_worker_that_stopped_before_handing_over_costs_nothing(patient, smtp, limits, breaker, store):
    message = in_doubt(patient)
    Message.objects.filter(pk=message.pk).update(handed_off_at=None)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), len(store)) == (State.SENT, 1)


def test_a_message_that_kills_its_worker_waits_then_fails_and_never_takes_others_along(patient, limits):
    message = cast.owe(patient)
    waits = []
    for _ in range(8):
        Message.objects.filter(pk=message.pk).update(
            state=State.SENDING, worker="gone", lease_until=datetime.now(UTC) - timedelta(seconds=1)
        )
        reconcile.run(limits=limits, record=Record(None))
        message.refresh_from_db()
        waits.append(message.next_attempt_at > clock.now())
    assert waits[:3] == [False, False, True]
    assert message.state == State.FAILED


SMTP = "django.core.mail.backends.smtp.EmailBackend"


def test_batches_are_marked_together_only_where_a_record_can_be_asked(settings):
    settings.EMAIL_BACKEND = SMTP
    settings.OUTBOX_RELAY_RECORD, settings.EMAIL_HOST = "clinic.mailbox.MailboxRecord", "127.0.0.1"
    assert (limits_module.from_settings().hand_off, limits_module.from_settings().grace_seconds) == (25, 60)
    settings.OUTBOX_RELAY_RECORD, settings.EMAIL_HOST = "", "smtp.relay.example"
    assert (limits_module.from_settings().hand_off, limits_module.from_settings().grace_seconds) == (1, 600)


@pytest.mark.parametrize(("backend", "grace_seconds"), [(SMTP, 60), ("anymail.backends.postmark.EmailBackend", 600)])
def test_only_a_mail_server_on_this_machine_answers_soon(settings, backend, grace_seconds):
    """EMAIL_HOST is "localhost" unless somebody sets it: with a provider's API it says nothing."""
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = backend, "localhost"
    assert limits_module.from_settings().grace_seconds == grace_seconds


def test_a_hand_over_must_lie_well_inside_the_lease():
    with pytest.raises(ValueError, match="inside its lease"):
        Limits(lease_seconds=30, margin_seconds=45)
