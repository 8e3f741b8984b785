"""A patient says that she never got a message: it goes once more, as a row of its own, if what it tells still holds."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core import mail
from django.db import connection

from clinic import clock
from clinic.models import AuditEvent
from patients.models import Message, Patient
from patients.outbox import resending, services, tasks
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def gone(patient) -> Message:
    """A message that left, as the ledger has it."""
    message = cast.owe(patient)
    tasks.dispatch()
    message.refresh_from_db()
    assert message.state == State.SENT
    return message


def as_if(message: Message, **fields) -> Message:
    Message.objects.filter(pk=message.pk).update(**fields)
    message.refresh_from_db()
    return message


def test_the_copy_goes_says_what_it_is_and_the_first_stays_as_it_was_sent(gone, boss):
    before = Message.objects.filter(pk=gone.pk).values().get()
    copy = resending.resend(message=gone, by=boss)
    tasks.dispatch()
    copy.refresh_from_db()
    assert Message.objects.filter(pk=gone.pk).values().get() == before
    assert (copy.state, copy.resent, copy.created_by) == (State.SENT, True, boss)
    assert copy.message_id != gone.message_id
    first, second = mail.outbox
    assert "You may have received this message already" in second.body
    assert "already" not in first.body
    assert [event.what for event in gone.events.order_by("pk")] == ["sent", "sent_once_more"]
    assert AuditEvent.objects.filter(action="messages.queued", by=boss).count() == 1


@pytest.mark.parametrize("state", [State.DELIVERED, State.FAILED, State.BOUNCED])
def test_what_was_delivered_refused_or_came_back_may_go_once_more(gone, boss, state):
    as_if(gone, state=state, reason="The mail server refused it (554).")
    assert resending.may_resend(gone, clock.now())
    resending.resend(message=gone, by=boss)
    tasks.dispatch()
    assert len(mail.outbox) == 2


@pytest.mark.parametrize(("state", "words"), [
    (State.CANCELLED, "no longer true"), (State.SUPPRESSED, "was not sent"), (State.EXPIRED, "too late"),
    (State.COMPLAINED, "called spam"), (State.DUE, "not left yet"), (State.UNKNOWN, "nobody knows"),
    (State.NEEDS_PERSON, "nobody knows"), (State.HELD, "not left yet"), (State.SENDING, "not left yet"),
])  # fmt: skip
def test_any_other_is_refused_with_the_way_on(gone, boss, state, words):
    as_if(gone, state=state, reason="A reason.", worker="w", lease_until=clock.now() + HOUR)
    assert not resending.may_resend(gone, clock.now())
    with pytest.raises(services.NotPossible, match=words):
        resending.resend(message=gone, by=boss)
    assert Message.objects.count() == 1


def test_every_state_is_either_offered_or_refused_in_words(gone):
    spoken_for = {*resending.LEFT, *resending.OVER}
    assert set(State) - spoken_for == {State.DUE, State.HELD, State.SENDING, State.UNKNOWN, State.NEEDS_PERSON}


def test_one_that_is_of_no_more_use_is_refused_to_the_minute(gone, boss, at):
    at(gone.expires_at - timedelta(seconds=61))
    assert resending.may_resend(gone, clock.now())
    at(gone.expires_at - timedelta(seconds=60))
    assert not resending.may_resend(gone, clock.now())
    with pytest.raises(services.NotPossible, match="too late for this message"):
        resending.resend(message=gone, by=boss)


def test_what_no_longer_holds_is_not_said_again(patient, boss):
    message = cast.owe(patient)
    tasks.dispatch()
    as_if(message, context={"unwanted": "The visit was moved."})
    with pytest.raises(services.NotPossible, match=r"no longer holds\. The visit was moved\."):
        resending.resend(message=message, by=boss)


@pytest.mark.parametrize(("fields", "words"), [
    ({"email_bounced_at": cast.NOON}, "comes back: call instead"),
    ({"mail_allowed": False, "reminders_allowed": False, "contact_asked_at": cast.NOON}, "Does not want e-mail"),
    ({"status": Patient.Status.DECEASED}, "The record is closed"),
    ({"email": ""}, "No e-mail address"),
])  # fmt: skip
def test_whoever_must_not_be_written_to_gets_no_copy_either(gone, boss, fields, words):
    if "contact_asked_at" in fields:
        fields = fields | {"contact_asked_by": boss}
    Patient.objects.filter(pk=gone.patient_id).update(**fields)
    with pytest.raises(services.NotPossible, match=words):
        resending.resend(message=gone, by=boss)


def test_twice_and_no_more_and_a_copy_is_not_copied(gone, boss):
    copy = resending.resend(message=gone, by=boss)
    resending.resend(message=gone, by=boss)
    tasks.dispatch()
    assert len(mail.outbox) == 3
    copy.refresh_from_db()
    for one in (gone, copy):
        with pytest.raises(services.NotPossible, match="more than once already"):
            resending.resend(message=one, by=boss)


def test_it_goes_to_her_address_as_it_is_now_and_in_quiet_hours_too(patient, boss, at):
    message = cast.owe(patient, kind="test_reminder", expires_at=cast.NOON + 3 * timedelta(days=1))
    tasks.dispatch()
    Patient.objects.filter(pk=patient.pk).update(email="new@post.example")
    message.refresh_from_db()
    at(cast.NOON + 11 * HOUR)
    copy = resending.resend(message=message, by=boss)
    assert copy.send_at <= clock.now()
    tasks.dispatch()
    assert mail.outbox[-1].to == ["new@post.example"]


def test_what_cancels_the_first_cancels_the_copy(patient, boss):
    about = patient.ref
    message = cast.owe(patient, about=about)
    tasks.dispatch()
    message.refresh_from_db()
    copy = resending.resend(message=message, by=boss)
    services.cancel_about(about=about, reason="The visit was cancelled.", by=boss)
    copy.refresh_from_db()
    assert copy.state == State.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_pressed_by_four_at_once_it_goes_twice_at_most(gone, boss):
    ready, told = Barrier(4, timeout=20), []

    def press() -> None:
        try:
            ready.wait()
            resending.resend(message=gone, by=boss)
            told.append("copied")
        except services.NotPossible:
            told.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["copied", "copied", "refused", "refused"]
    assert Message.objects.filter(resent=True).count() == 2
