"""The mail sink keeps what it answers for, finds it by Message-ID, and can be made to misbehave."""

import os
import signal
import smtplib
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from clinic.mailbox import MailboxRecord, MailSink, MailStore, Manners

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path):
    return MailStore(tmp_path / "mail")


@pytest.fixture
def sink(store):
    sink = MailSink(store)
    sink.start()
    yield sink
    sink.stop()


def letter(number: int = 1, text: str = "See you on Tuesday.") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "clinic@test.invalid", "ada@test.invalid"
    message["Subject"], message["Message-ID"] = "A message from the clinic", f"<{number}@test.invalid>"
    message.set_content(text)
    return message


def send(port: int, *messages: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as connection:
        for message in messages:
            connection.send_message(message)


def test_what_django_sends_over_smtp_is_kept_with_envelope_source_and_both_parts(store, sink):
    mail = EmailMultiAlternatives(
        "Prüfung", "Text", "clinic@test.invalid", ["ada@test.invalid"], headers={"Message-ID": "<1@test.invalid>"}
    )
    mail.attach_alternative("<p>Text</p>", "text/html")
    mail.connection = get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=sink.port)
    mail.send()
    (received,) = store.latest(limit=5)
    assert (received.subject, received.recipients) == ("Prüfung", ("ada@test.invalid",))
    assert (received.text.strip(), received.html.strip()) == ("Text", "<p>Text</p>")
    assert "Message-ID: <1@test.invalid>" in received.source
    assert store.get(received.key) == received


def test_a_message_is_found_by_its_id_with_or_without_brackets_and_an_unknown_one_is_not(store, sink):
    send(sink.port, letter(1), letter(2))
    assert [found.message_id for found in store.find("<2@test.invalid>")] == ["2@test.invalid"]
    assert store.find("2@test.invalid") == store.find("<2@test.invalid>")
    assert store.find("<3@test.invalid>") == []
    record = MailboxRecord(store)
    assert record.accepted("<2@test.invalid>") == store.find("2@test.invalid")[0].received_at
    assert record.accepted("<3@test.invalid>") is None


def test_copies_are_counted(store, sink):
    send(sink.port, letter(1), letter(2), letter(1))
    assert store.duplicates() == {"1@test.invalid": 2}
    assert len(store) == 3


def test_the_latest_come_first_and_in_pages(store, sink):
    send(sink.port, *(letter(number) for number in range(5)))
    first = store.latest(limit=2)
    rest = store.latest(limit=9, before=first[-1].key)
    assert [m.message_id[0] for m in first + rest] == ["4", "3", "2", "1", "0"]


def test_a_message_is_on_the_disk_before_the_answer_is_given(store):
    seen = []

    class Watch(Manners):
        async def after_keeping(self, envelope):
            seen.extend(store.find("<1@test.invalid>"))

    sink = MailSink(store, manners=Watch())
    sink.start()
    try:
        send(sink.port, letter(1))
    finally:
        sink.stop()
    assert [received.message_id for received in seen] == ["1@test.invalid"]


def test_a_key_that_was_listed_but_never_published_was_never_accepted(store, sink):
    send(sink.port, letter(1))
    (received,) = store.find("<1@test.invalid>")
    store._place(received.key).unlink()  # as if the power had failed between index and rename
    assert store.find("<1@test.invalid>") == []
    assert MailboxRecord(store).accepted("<1@test.invalid>") is None


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "..", "a/b", "2027-04-20"])
def test_what_cannot_be_a_key_finds_nothing(store, key):
    assert store.get(key) is None


class LosesTheAnswer(Manners):
    async def after_keeping(self, envelope):
        return self.DROP


class IsBusy(Manners):
    async def before_keeping(self, envelope):
        return "451 4.3.0 Later"


class KnowsNobody(Manners):
    async def to_recipient(self, address):
        return "550 5.1.1 No such person"


@pytest.mark.parametrize(
    ("manners", "error", "kept"),
    [
        (LosesTheAnswer(), smtplib.SMTPServerDisconnected, 1),
        (IsBusy(), smtplib.SMTPDataError, 0),
        (KnowsNobody(), smtplib.SMTPRecipientsRefused, 0),
    ],
)
def test_it_misbehaves_when_asked_and_its_record_stays_true(store, manners, error, kept):
    sink = MailSink(store, manners=manners)
    sink.start()
    try:
        with pytest.raises(error):
            send(sink.port, letter(1))
    finally:
        sink.stop()
    assert len(store.find("<1@test.invalid>")) == kept


def test_as_a_process_it_says_where_it_listens_and_what_it_answered_for_survives_kill_9(store):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "mailbox", "--port", "0", "--folder", store.folder],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "clinic.settings.test"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(process.stdout.readline().partition("smtp://127.0.0.1:")[2].split(",")[0])
        send(port, letter(1))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert len(store.find("<1@test.invalid>")) == 1
