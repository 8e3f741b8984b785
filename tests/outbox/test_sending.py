"""What leaves, what does not, and what the row says afterwards."""

import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.core.validators import validate_email

from clinic import clock
from patients.links import services as links
from patients.links.purposes import Purpose, Wanted
from patients.models import Message, PatientLink
from patients.outbox import dispatch, kinds, preview, relay, rendering, services
from patients.outbox.limits import Limits
from patients.outbox.models import State
from patients.outbox.texts import shipped
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
    # Word for word, but for her private links: those are named in the ledger and lead somewhere in the mail alone.
    sent = re.sub(r"http://localhost:8000/my/[\w-]{43}/", "[her private link: contact]", received.text)
    assert message.body_text.splitlines() == sent.replace("\r\n", "\n").splitlines()
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

    def pause_meanwhile(row, **how):
        services.pause(clinic=clinic, reason="stop", by=boss)
        return write(row, **how)

    monkeypatch.setattr(rendering, "write", pause_meanwhile)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), message.attempts, len(store)) == (State.DUE, 0, 0)


def test_an_address_that_changes_while_a_letter_is_written_gets_the_letter(
    patient, boss, smtp, limits, breaker, store, monkeypatch
):
    cast.owe(patient)
    write = rendering.write

    def correct_meanwhile(row, **how):
        letter = write(row, **how)
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


ABOUT = UUID("5f0c7a52-6f0e-4d0c-9d1b-8d3b9a1f2c11")
THERE = re.compile(r"http://localhost:8000/my/([\w-]{43})/")


@pytest.fixture
def with_links(tmp_path, monkeypatch):
    """A kind whose text carries a link to what the message is about, and the one that every mail may carry."""
    from patients.links import purposes

    folder = tmp_path / "messages"
    (folder / "en").mkdir(parents=True)
    (folder / "fields.toml").write_text(
        '[texts.linked.fields]\n"link.test_page" = { kind = "link", says = "Her page" }\n'
    )
    head = "title: With links\npurpose: A test\nversion: 1\n\n"
    (folder / "en" / "linked.txt").write_text(head + "[Open]({link.test_page})\n")
    (folder / "en" / "frame.txt").write_text(head + "{body}\n\nOr [change]({link.contact})\n")
    monkeypatch.setattr(shipped, "FOLDERS", (*shipped.FOLDERS, folder))
    page = Purpose("test_page", asks_birth_date=False, lasts=timedelta(days=14), home="patients:my_contact")
    kind = kinds.Kind(
        code="test_linked", label="With links", essential=False, unknown_policy="resend_once", priority=1,
        still_wanted=cast.nothing_against, context=cast.nothing_to_say, text="linked",
        links=lambda message, words: {"test_page": Wanted("test_page", about=ABOUT, until=clock.now() + timedelta(days=3))},
    )  # fmt: skip
    purposes.register(page)
    kinds.register(kind)
    yield kind
    kinds.forget(kind.code)
    purposes.forget(page.code)


def tokens_in(received) -> list[str]:
    return THERE.findall(received.text)


def test_a_mail_carries_links_that_open_and_the_ledger_keeps_their_names_alone(patient, store, run, with_links):
    message = cast.owe(patient, with_links.code)
    run()
    message.refresh_from_db()
    (received,) = store.latest(10)
    assert message.body_text == "Open:\n[her private link: test_page]\n\nOr change: [her private link: contact]\n"
    page, contact = tokens_in(received)
    assert THERE.findall(received.html) == [page, contact]
    link = links.open_link(token=page)
    assert (link.purpose, link.about, link.message, link.patient) == ("test_page", ABOUT, message, patient)
    assert links.open_link(token=contact).purpose == "contact"
    # Nothing that is kept opens anything.
    kept = str(Message.objects.values_list().get()) + str(PatientLink.objects.values_list())
    assert not [token for token in (page, contact) if token in kept]


def test_a_mail_program_is_told_where_to_end_optional_mail(patient, store, run, with_links):
    cast.owe(patient, with_links.code)
    run()
    mail = store.latest(1)[0].message
    _, contact = tokens_in(store.latest(1)[0])
    assert mail["List-Unsubscribe"] == f"<http://localhost:8000/my/{contact}/stop/>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_message_that_is_sent_again_has_new_links(patient, boss, store, run, with_links):
    message = cast.owe(patient, with_links.code)
    run()
    Message.objects.filter(pk=message.pk).update(state=State.UNKNOWN)
    services.send_again(message=message, by=boss)
    run()
    second, first = (tokens_in(received) for received in store.latest(10))
    assert len({*first, *second}) == PatientLink.objects.count() == 4


def test_links_of_a_whole_batch_cost_one_statement(patient, run, with_links, django_assert_max_num_queries):
    cast.owe_many(patient, 25, "test_secret")
    with django_assert_max_num_queries(60) as plain:
        run()
    cast.owe_many(patient, 25, with_links.code)
    with django_assert_max_num_queries(60) as linked:
        run()
    made = [query for query in (*plain, *linked) if "INSERT INTO patients_patientlink" in query["sql"]]
    assert len(made) == 2
    assert PatientLink.objects.filter(message__kind="test_linked").count() == 50


def test_looking_at_a_message_makes_no_link(patient, with_links):
    text = preview.text_of(cast.owe(patient, with_links.code))
    assert "[her private link: test_page]" in text.body
    assert not PatientLink.objects.exists()


def test_links_that_cannot_be_made_leave_no_message_in_doubt(
    patient, store, smtp, limits, breaker, with_links, monkeypatch
):
    message = cast.owe(patient, with_links.code)
    monkeypatch.setattr(links, "issue", lambda orders: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dispatch.run(limits=limits, through=smtp, breaker=breaker)
    message.refresh_from_db()
    assert (message.handed_off_at, len(store)) == (None, 0)


def test_what_is_held_as_it_leaves_is_not_sent_and_its_links_are_known_to_nobody(
    patient, boss, store, smtp, limits, breaker, with_links, monkeypatch
):
    message, other = cast.owe_many(patient, 2, with_links.code)
    issue = links.issue

    def hold_meanwhile(orders):
        services.hold(message=Message.objects.get(pk=message.pk), reason="wait", by=boss)
        return issue(orders)

    monkeypatch.setattr(links, "issue", hold_meanwhile)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), state_of(other)) == (State.HELD, State.SENT)
    [received] = store.latest(10)
    assert {links.open_link(token=token).message for token in tokens_in(received)} == {other}


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
    # The first is tried; what else waits for that address is not.
    assert [state_of(message) for message in (first, *others, last)] == ["failed", "sent", "sent", "suppressed"]
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
