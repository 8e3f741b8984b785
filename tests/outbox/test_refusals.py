"""A mail server that says no, later, or nothing at all."""

import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.mail.backends.smtp import EmailBackend

from clinic import clock
from clinic.mailbox import MailboxRecord, Manners
from patients.models import Message
from patients.outbox import dispatch, reconcile, relay
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(smtp, limits, breaker):
    return lambda: dispatch.run(limits=limits, through=smtp, breaker=breaker)


@pytest.fixture
def settle(limits, store):
    return lambda: reconcile.run(limits=limits, record=MailboxRecord(store))


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def test_a_full_or_busy_server_is_asked_again_on_schedule(patient, moods, run, at, store):
    message = cast.owe(patient)
    moods.before = ["451 4.3.0 busy"]
    run()
    assert (state_of(message), message.error_class, message.error_code) == (State.DUE, "turned_away", "451")
    assert message.handed_off_at is None
    wait = message.next_attempt_at - clock.now()
    assert timedelta(seconds=25) < wait < timedelta(seconds=95)
    assert not run()["sent"]
    at(cast.NOON + timedelta(minutes=2))
    assert run()["sent"] == 1
    assert len(store) == 1


@pytest.mark.parametrize("code", ["421", "432", "450", "452"])
def test_greylisting_at_the_recipient_is_temporary_and_the_others_go(patient, clinic, moods, run, code):
    moods.recipients[patient.email] = f"{code} 4.7.1 greylisted"
    message = cast.owe(patient, priority=0)
    others = cast.owe_many(cast.a_patient(clinic), 4)
    run()
    assert (state_of(message), message.error_code) == (State.DUE, code)
    assert {state_of(other) for other in others} == {State.SENT}


def test_an_address_that_does_not_exist_fails_after_one_try_and_is_flagged(patient, clinic, moods, run, at):
    moods.recipients[patient.email] = "550 5.1.1 no such user"
    message, other = cast.owe(patient, priority=0), cast.owe(cast.a_patient(clinic))
    run()
    assert (state_of(message), message.attempts, message.error_code) == (State.FAILED, 1, "550")
    assert message.reason == "The mail server says this address does not exist."
    assert state_of(other) == State.SENT
    patient.refresh_from_db()
    assert patient.email_bounced_at is not None
    assert cast.owe(patient).state == State.SUPPRESSED


def test_a_refusal_for_policy_says_nothing_about_the_address(patient, moods, run):
    moods.recipients[patient.email] = "550 5.7.1 blocked"
    message = cast.owe(patient)
    run()
    assert state_of(message) == State.FAILED
    patient.refresh_from_db()
    assert patient.email_bounced_at is None


def test_a_text_that_is_refused_fails_and_is_not_in_doubt(patient, moods, run, store):
    moods.before = ["554 5.6.0 no"]
    message, other = cast.owe(patient, priority=0), cast.owe(patient)
    run()
    assert (state_of(message), message.reason) == (State.FAILED, "The mail server refused it (554).")
    assert state_of(other) == State.SENT


def test_a_sender_the_server_does_not_like_keeps_nothing_in_doubt(patient, moods, run):
    moods.sender = "451 4.7.0 slow down"
    messages = cast.owe_many(patient, 3)
    run()
    assert {(state_of(message), message.handed_off_at) for message in messages} == {(State.DUE, None)}


def test_a_lost_250_is_unknown_then_found_in_the_relays_record(patient, moods, run, settle, store):
    moods.after = [Manners.DROP]
    message, other = cast.owe(patient, priority=0), cast.owe(patient)
    run()
    assert (state_of(message), state_of(other)) == (State.UNKNOWN, State.SENT)
    assert not run()["sent"]
    assert settle()["found"] == 1
    assert (state_of(message), message.sent_at) == (State.SENT, message.handed_off_at)
    assert store.duplicates() == {}
    assert len(store) == 2


def test_a_text_that_was_dropped_before_it_was_kept_is_sent_after_the_record_says_no(
    patient, moods, run, settle, store
):
    moods.before = [Manners.DROP]
    message = cast.owe(patient)
    run()
    assert state_of(message) == State.UNKNOWN
    assert settle()["not_found"] == 1
    assert (state_of(message), message.handed_off_at) == (State.DUE, None)
    assert run()["sent"] == 1
    assert len(store) == 1
    assert not message.resent


def test_control_repeating_after_a_lost_250_without_asking_doubles_the_mail(patient, moods, run, store):
    moods.after = [Manners.DROP]
    message = cast.owe(patient)
    run()
    Message.objects.filter(pk=message.pk).update(state=State.DUE, handed_off_at=None)
    run()
    assert store.duplicates() == {message.message_id: 2}


@pytest.fixture
def nowhere() -> Iterator[relay.SmtpRelay]:
    """A port that nobody listens on, kept so."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        yield relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=door.getsockname()[1], timeout=2))


def test_a_server_that_is_away_costs_no_attempts(patient, limits, breaker, nowhere):
    messages = cast.owe_many(patient, 3)
    assert dispatch.run(limits=limits, through=nowhere, breaker=breaker)["unreachable"] == 3
    for message in messages:
        message.refresh_from_db()
        assert (message.state, message.attempts, message.error_class) == (State.DUE, 0, "relay_unreachable")
        assert message.next_attempt_at - clock.now() < timedelta(minutes=2)


def test_after_an_outage_of_twenty_minutes_everything_leaves_within_five(
    patient, limits, breaker, nowhere, smtp, at, store
):
    messages = cast.owe_many(patient, 60)
    for minutes in range(0, 20, 2):
        at(cast.NOON + timedelta(minutes=minutes))
        dispatch.run(limits=limits, through=nowhere, breaker=relay.Breaker())
    at(cast.NOON + timedelta(minutes=25))
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert len(store) == len(messages)


def test_after_ten_failed_connections_a_worker_stops_knocking_for_a_minute():
    moment = [0.0]
    breaker = relay.Breaker(clock=lambda: moment[0])
    for _ in range(9):
        breaker.failed()
    assert not breaker.is_open
    breaker.failed()
    assert breaker.is_open
    moment[0] = 60.0
    assert not breaker.is_open
    breaker.worked()
    breaker.failed()
    assert not breaker.is_open


def test_a_relay_that_is_away_says_nothing_of_another():
    here, there, again = (
        relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=port)).breaker for port in (2501, 2502, 2501)
    )
    assert again is here
    for _ in range(10):
        here.failed()
    assert again.is_open
    assert not there.is_open
    here.worked()


def test_an_open_breaker_claims_nothing(patient, smtp, limits, breaker):
    message = cast.owe(patient)
    for _ in range(10):
        breaker.failed()
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), message.attempts) == (State.DUE, 0)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"2.0.0 Ok: queued as 4F1cXz2", "4F1cXz2"),
        (b"OK id=1mXx-000aB-7Q", "1mXx-000aB-7Q"),
        (b"2.0.0 Kept as 2027-03-09-101112-000001-ab12cd34", "2027-03-09-101112-000001-ab12cd34"),
        (b"OK", ""),
    ],
)
def test_the_servers_own_name_for_a_mail_is_read_from_its_answer(answer, found):
    assert relay.queue_id(answer) == found
