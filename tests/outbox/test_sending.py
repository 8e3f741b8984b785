"""What leaves, what does not, and what the row says afterwards."""

from datetime import datetime, timedelta

import pytest
from django.core.validators import validate_email

from clinic import clock
from patients.models import Message
from patients.outbox import dispatch, kinds, relay, rendering, services
from patients.outbox.limits import Limits
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(smtp, limits, breaker):
    return lambda **changes: dispatch.run(**{"limits": limits, "through": smtp, "breaker": breaker} | changes)


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def test_a_due_message_leaves_once_and_keeps_what_it_said(patient, store, run):
    message = cast.owe(patient)
    assert run()["sent"] == 1
    assert not run()["sent"]
    message.refresh_from_db()
    (received,) = store.latest(10)
    assert message.state == State.SENT
    assert received.recipients == (patient.email,)
    assert received.message_id == message.message_id
    assert received.message["X-Clinic-Ref"] == str(message.ref)
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert received.message["Reply-To"] == "desk@clinic.example"
    assert received.message["List-Unsubscribe"] is None
    assert received.subject == "A message from Alder Lane" == message.subject
    assert message.body_text.splitlines() == received.text.replace("\r\n", "\n").splitlines()
    assert message.provider_ref == received.key
    assert len(message.rendered_sha256) == 64
    assert [event.what for event in message.events.order_by("pk")] == ["sent"]


def test_a_message_of_tomorrow_stays_until_the_clinics_clock_says_so(patient, at, run):
    message = cast.owe(patient, send_at=clock.now() + timedelta(hours=1))
    assert not run()["sent"]
    at(cast.NOON + timedelta(hours=2))
    assert run()["sent"] == 1
    assert state_of(message) == State.SENT


def test_what_lost_its_use_during_an_outage_expires_and_what_did_not_still_goes(patient, at, run):
    stale = cast.owe(patient, expires_at=clock.now() + timedelta(days=1))
    useful = cast.owe(patient, expires_at=clock.now() + timedelta(days=7))
    held = cast.owe(patient, expires_at=clock.now() + timedelta(days=1))
    services.hold(message=held, reason="asked to wait", by=cast.boss(patient.clinic))
    at(cast.NOON + timedelta(days=3))
    run()
    assert [state_of(message) for message in (stale, useful, held)] == ["expired", "sent", "expired"]
    assert stale.reason == "It was too late to be of use."


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email": ""}, "No e-mail address."),
        ({"mail_allowed": False, "reminders_allowed": False}, "Nobody has asked yet whether we may e-mail."),
        ({"reminders_allowed": False}, "Does not want reminders."),
        ({"status": "deceased"}, "The record is closed."),
        ({"email_bounced_at": cast.NOON}, "E-mail to this address comes back: call instead."),
    ],
)
def test_the_patient_is_asked_again_as_the_message_leaves(patient, store, run, change, reason):
    message = cast.owe(patient, "test_reminder")
    type(patient).objects.filter(pk=patient.pk).update(**change)
    run()
    assert (state_of(message), message.reason, len(store)) == (State.SUPPRESSED, reason, 0)


def test_the_owner_of_a_message_is_asked_again_as_it_leaves(patient, store, run):
    message = cast.owe(patient, context={"unwanted": "The visit was moved."})
    run()
    assert (state_of(message), message.reason, len(store)) == (State.CANCELLED, "The visit was moved.", 0)


def test_a_changed_address_is_used_even_if_nobody_told_the_ledger(patient, store, run):
    message = cast.owe(patient)
    type(patient).objects.filter(pk=patient.pk).update(email="moved@post.example")
    run()
    assert store.latest(1)[0].recipients == ("moved@post.example",)
    message.refresh_from_db()
    assert message.to_address == "moved@post.example"


def test_a_paused_clinic_sends_nothing_and_its_neighbour_does(clinic, patient, boss, run, store):
    cast.owe(patient)
    neighbour = cast.owe(cast.a_patient(cast.a_clinic()))
    services.pause(clinic=clinic, reason="wrong times on Thursday", by=boss)
    assert run()["sent"] == 1
    assert state_of(neighbour) == State.SENT
    services.resume(clinic=clinic, by=boss)
    assert run()["sent"] == 1


def test_a_pause_catches_a_message_that_was_already_claimed(
    clinic, patient, boss, smtp, limits, breaker, store, monkeypatch
):
    message = cast.owe(patient)
    write = rendering.write

    def pause_meanwhile(row):
        services.pause(clinic=clinic, reason="stop", by=boss)
        return write(row)

    monkeypatch.setattr(rendering, "write", pause_meanwhile)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), message.attempts, len(store)) == (State.DUE, 0, 0)


def test_an_address_that_changes_while_a_letter_is_written_gets_the_letter(
    patient, boss, smtp, limits, breaker, store, monkeypatch
):
    cast.owe(patient)
    write = rendering.write

    def correct_meanwhile(row):
        letter = write(row)
        person = type(patient).objects.get(pk=patient.pk)
        person.email = "moved@post.example"
        person.save()
        services.address_changed(patient=person, by=boss)
        return letter

    monkeypatch.setattr(rendering, "write", correct_meanwhile)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert [received.recipients for received in store.latest(5)] == [("moved@post.example",)]


def test_a_reminder_does_not_leave_at_night_and_a_notice_does(patient, at, run):
    at(datetime(2027, 3, 9, 18, 0, tzinfo=cast.LONDON))
    reminder, notice = cast.owe(patient, "test_reminder"), cast.owe(patient, "test_notice")
    at(datetime(2027, 3, 9, 22, 0, tzinfo=cast.LONDON))
    run()
    assert (state_of(reminder), state_of(notice)) == (State.DUE, State.SENT)
    assert reminder.next_attempt_at == datetime(2027, 3, 10, 8, 0, tzinfo=cast.LONDON)
    at(datetime(2027, 3, 10, 8, 0, 30, tzinfo=cast.LONDON))
    run()
    assert state_of(reminder) == State.SENT


def test_a_reminder_for_which_only_the_night_is_left_expires_with_that_reason(patient, at, run):
    at(datetime(2027, 3, 9, 18, 0, tzinfo=cast.LONDON))
    reminder = cast.owe(patient, "test_reminder", expires_at=datetime(2027, 3, 10, 7, 30, tzinfo=cast.LONDON))
    at(datetime(2027, 3, 9, 22, 0, tzinfo=cast.LONDON))
    run()
    assert (state_of(reminder), reminder.reason) == (
        State.EXPIRED,
        "Only quiet hours were left before it lost its use.",
    )


def test_a_confirmation_does_not_wait_behind_a_backlog(patient, store, run):
    backlog = cast.owe_many(patient, 30, "test_reminder")
    notice = cast.owe(patient, "test_notice")
    run()
    order = [received.message_id for received in reversed(store.latest(40))]
    assert order[0] == notice.message_id
    assert len(order) == len(backlog) + 1


def test_one_message_that_cannot_be_written_does_not_hold_up_the_others(patient, run, caplog):
    poison = cast.owe(patient, context={"poison": True}, priority=0)
    others = cast.owe_many(patient, 5)
    run()
    assert {state_of(message) for message in others} == {State.SENT}
    assert (state_of(poison), poison.error_class, poison.attempts) == (State.DUE, "fault", 1)
    assert "KeyError" in caplog.text
    assert "Leila" not in caplog.text


def test_a_message_that_never_can_be_written_fails_after_its_own_tries(patient, run, at):
    poison = cast.owe(patient, context={"poison": True}, expires_at=clock.now() + timedelta(days=9))
    for days in range(5):
        at(cast.NOON + timedelta(days=days + 1))
        run()
    assert (state_of(poison), poison.attempts) == (State.FAILED, 5)


def test_a_busy_server_uses_up_none_of_the_tries_of_a_fault(patient, moods, run, at):
    message = cast.owe(patient, expires_at=clock.now() + timedelta(days=9))
    for day in range(6):
        moods.before = ["451 4.3.0 busy"]
        at(cast.NOON + timedelta(days=day))
        run()
    Message.objects.filter(pk=message.pk).update(context={"poison": True}, error_class="fault")
    at(cast.NOON + timedelta(days=7))
    run()
    assert (state_of(message), message.attempts) == (State.DUE, 7)
    assert [event.what for event in message.events.order_by("pk")] == ["put_off"] * 6 + ["fault"]


def test_a_kind_that_nobody_registered_is_a_fault_of_that_row_alone(patient, run):
    strange, other = cast.owe(patient, "test_secret"), cast.owe(patient)
    kinds.forget("test_secret")
    run()
    assert (state_of(strange), state_of(other)) == (State.DUE, State.SENT)


def test_optional_mail_with_a_link_offers_to_end_it(patient, store, run):
    with_link = kinds.Kind(
        **{**vars(cast.REMINDER), "context": lambda message: {"unsubscribe_url": "https://clinic.example/stop/1"}}
    )
    kinds.forget("test_reminder")
    kinds.register(with_link)
    cast.owe(patient, "test_reminder")
    run()
    mail = store.latest(1)[0].message
    assert mail["List-Unsubscribe"] == "<https://clinic.example/stop/1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_names_arrive_as_they_are_written(clinic, store, run):
    cast.owe(cast.a_patient(clinic, given_name="Siân <b>O'Brien</b>"))
    run()
    received = store.latest(1)[0]
    assert "Dear Siân <b>O'Brien</b>," in received.text
    assert "<b>O" not in received.html
    assert "&lt;b&gt;" in received.html


def test_an_address_in_letters_of_another_script_reaches_the_server_in_its_spelling(clinic, store, run):
    cast.owe(cast.a_patient(clinic, email="leila@müller.example"))
    run()
    assert store.latest(1)[0].recipients == ("leila@xn--mller-kva.example",)


@pytest.mark.parametrize("address", ["leila@א1.com", f"leila@{'ü' * 60}.example"])
def test_an_address_that_no_mail_server_can_spell_fails_alone(clinic, patient, store, run, address):
    """The form's check takes these; the alphabet of mail servers does not."""
    validate_email(address)
    unspeakable = cast.a_patient(clinic, email=address)
    first, others = cast.owe(unspeakable, priority=0), cast.owe_many(patient, 2)
    last = cast.owe(unspeakable, priority=9)
    run()
    assert [state_of(message) for message in (first, *others, last)] == ["failed", "sent", "sent", "failed"]
    assert first.reason == "The mail server says this address does not exist."


def test_a_letter_that_cannot_be_put_on_the_wire_is_a_fault_of_its_own(patient, store, run, monkeypatch, caplog):
    broken, *others = cast.owe_many(patient, 3)
    wire_form = relay.wire_form

    def fail_for_one(mail) -> bytes:
        if broken.message_id in mail.extra_headers["Message-ID"]:
            raise LookupError("Leila Haddad")
        return wire_form(mail)

    monkeypatch.setattr(relay, "wire_form", fail_for_one)
    run()
    assert {state_of(message) for message in others} == {State.SENT}
    assert (state_of(broken), broken.error_class, broken.handed_off_at) == (State.DUE, "fault", None)
    assert "LookupError" in caplog.text
    assert "Leila" not in caplog.text
    assert len(store) == 2


def test_a_sender_that_no_mail_server_can_spell_flags_no_patient(patient, store, run, settings):
    settings.DEFAULT_FROM_EMAIL = "clinic@a..b"
    message = cast.owe(patient)
    run()
    assert (state_of(message), message.error_class) == (State.DUE, "fault")
    patient.refresh_from_db()
    assert patient.email_bounced_at is None


def test_a_mail_says_the_language_it_is_written_in(clinic, store, run):
    """A patient's own language is kept for later: today every text is English."""
    cast.owe(cast.a_patient(clinic, language="pl"))
    run()
    assert '<html lang="en">' in store.latest(1)[0].html


def test_a_line_that_begins_with_a_dot_survives(clinic, store, run):
    clinic.address = ".hidden lane\n.\nsecond"
    clinic.save()
    cast.owe(cast.a_patient(clinic))
    run()
    assert "\n.hidden lane" in store.latest(1)[0].text.replace("\r\n", "\n")
    assert "\nsecond" in store.latest(1)[0].text.replace("\r\n", "\n")


def test_batches_of_one_reach_everybody_too(patient, store, smtp, breaker):
    cast.owe_many(patient, 30)
    assert dispatch.run(limits=Limits(hand_off=1), through=smtp, breaker=breaker)["sent"] == 30
    assert len(store) == 30


def test_statements_of_a_run_grow_by_batches_not_by_messages(patient, run, django_assert_max_num_queries):
    cast.owe_many(patient, 25)
    with django_assert_max_num_queries(30) as few:
        run()
    cast.owe_many(patient, 75)
    with django_assert_max_num_queries(60) as more:
        run()
    assert len(more) - len(few) <= 2 * 12


def test_logs_name_nobody(patient, run, caplog, moods):
    moods.recipients[patient.email] = f"550 5.1.1 <{patient.email}> unknown"
    cast.owe(patient)
    run()
    assert patient.email not in caplog.text
    assert "Haddad" not in caplog.text
