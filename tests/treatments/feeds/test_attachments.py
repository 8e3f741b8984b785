"""The file with a patient's mail: what it says, how it travels, and that the ledger keeps it as it left."""

import base64
import re
from datetime import date, time, timedelta
from email import message_from_bytes, policy

import pytest
from django.core.mail import get_connection
from django.urls import reverse
from icalendar import Calendar

from clinic import clock
from clinic.mailbox import MailStore
from patients.models import Message, Patient
from patients.outbox import dispatch, kinds, relay, rendering, services
from patients.outbox.limits import Limits
from tests import factories
from tests.factories import LONDON
from tests.outbox.texts.drafts import checked_german
from tests.patients.links.made import a_token, opened
from tests.treatments.feeds.raw import components, lines_of, moment_of
from tests.treatments.messages.reading import of_kind
from tests.treatments.messages.test_texts import TELLING
from treatments.appointments import services as appointments

DAY = date(2027, 4, 20)


@pytest.fixture
def visit(patient, clinician_member):
    patient.clinic.address = "5 Alder Lane, London"
    patient.clinic.save(update_fields=["address"])
    place = factories.a_place(patient.clinic, DAY, time(11), kind="consultation")
    return appointments.book(patient=patient, kind="consultation", place=place, by=clinician_member.user)


def moved(visit, day: date, at: time = time(11)):
    visit.refresh_from_db()
    place = factories.a_place(visit.clinic, day, at, kind="consultation")
    return appointments.move(visit=visit, place=place, by=visit.clinician.user)


def send() -> list:
    """Everything that is due, through Django's own mail; the mails that left."""
    from django.core import mail

    clock.shift(timedelta(minutes=2))
    before = len(mail.outbox)
    dispatch.run(limits=Limits(grace_seconds=0), through=relay.ServiceRelay(get_connection()), breaker=relay.Breaker())
    return mail.outbox[before:]


def file_in(mail) -> bytes:
    """The attached bytes, taken from what goes over the wire."""
    received = message_from_bytes(relay.wire_form(mail), policy=policy.default)
    (part,) = received.iter_attachments()
    return part.get_payload(decode=True)


def the_event(content: bytes) -> dict[str, str]:
    (event,) = components(lines_of(content), "VEVENT")
    return {name: line.value for name, line in event.items()}


# ── What it says ──────────────────────────────────────────────────────────────


def test_a_confirmation_carries_the_visit_for_her_calendar(visit):
    (mail,) = send()
    content = file_in(mail)
    event = the_event(content)
    assert event.pop("DTSTAMP") == f"{of_kind(visit.patient, 'booking_confirmed').created_at:%Y%m%dT%H%M%SZ}"
    assert event == {
        "UID": f"{visit.ref}@stratum",
        "SEQUENCE": "1",
        "STATUS": "CONFIRMED",
        "DTSTART": "20270420T110000",
        "DTEND": "20270420T113000",
        "SUMMARY": "Visit at Alder Lane",
        "LOCATION": r"5 Alder Lane\, London",
        "ORGANIZER": "mailto:clinic@test.invalid",
        "CLASS": "PRIVATE",
        "TRANSP": "OPAQUE",
    }
    lines = lines_of(content)
    assert moment_of(lines, components(lines, "VEVENT")[0]["DTSTART"]) == visit.during.lower
    (parsed,) = Calendar.from_ical(content).events
    assert (parsed.start, parsed.end) == (visit.during.lower, visit.during.upper)


# ── In which language ─────────────────────────────────────────────────────────


@pytest.fixture
def german(tmp_path, monkeypatch):
    """Takes the mark of a draft off the German texts that are named."""
    return checked_german(tmp_path / "checked", monkeypatch)


@pytest.fixture
def reads_german(patient):
    patient.language = "de"
    patient.save(update_fields=["language"])


def summary_and_letter(visit, *, is_shared: bool = False) -> tuple[str, str]:
    """What the visit is called in the file, and the language of the letter that carries it."""
    letter = rendering.write(of_kind(visit.patient, "booking_confirmed"), is_shared=is_shared)
    return the_event(letter.attachment.text.encode())["SUMMARY"], letter.language


def test_the_file_speaks_the_language_of_its_letter(reads_german, visit, german):
    german("frame", "booking_confirmed")
    assert summary_and_letter(visit) == ("Termin bei Alder Lane", "de")


@pytest.mark.parametrize("codes", [[], ["frame"], ["booking_confirmed"]])
def test_with_an_english_letter_goes_an_english_file_whatever_she_reads(reads_german, visit, german, codes):
    """Drafts, and half a language."""
    german(*codes)
    assert summary_and_letter(visit) == ("Visit at Alder Lane", "en")


def test_where_the_rules_speak_english_letter_and_file_do(reads_german, active_plan, german):
    """A treatment booked so late that its confirmation says what to leave out."""
    german("frame", "booking_confirmed")
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=1))
    assert summary_and_letter(visit) == ("Visit at Alder Lane", "en")
    # Where somebody else reads the address those sentences stay out, and what is left is all German.
    assert summary_and_letter(visit, is_shared=True) == ("Termin bei Alder Lane", "de")


def test_the_file_of_her_page_is_called_as_the_mail_has_it(reads_german, visit, german):
    """Her page answers by the mail that carried the link, also after she reads another language."""
    german("frame", "booking_confirmed")
    send()
    message = of_kind(visit.patient, "booking_confirmed")
    Patient.objects.update(language="en")
    by_mail = opened(a_token(visit.patient, "visit", about=visit.ref, message=message))
    at_the_desk = opened(a_token(visit.patient, "visit", about=visit.ref))
    called = [the_event(page.get("/my/visit/calendar/").content)["SUMMARY"] for page in (by_mail, at_the_desk)]
    assert called == ["Termin bei Alder Lane", "Visit at Alder Lane"]


# ── What else it says ─────────────────────────────────────────────────────────


def test_nothing_in_it_tells_who_comes_to_whom_and_for_what(active_plan):
    planned = active_plan.planned_sessions.get(number=1)
    factories.book(planned, day=planned.target_on)
    # The address is the clinic's own to choose; what we write beside it is not.
    (mail,) = send()
    text = file_in(mail).decode().replace("\r\n ", "")
    assert not TELLING.search(text)
    for name in ("Leila", "Haddad", "Noor", "Adeyemi", "Mara", active_plan.patient.email, "Skin Clinic"):
        assert name not in text


def test_a_treatment_begins_when_she_is_asked_to_come_which_is_before_it(active_plan):
    planned = active_plan.planned_sessions.get(number=1)
    visit = factories.book(planned, day=planned.target_on)
    event = the_event(file_in(send()[0]))
    assert visit.clinician_during.lower > visit.during.lower
    assert event["DTSTART"].endswith("T110000")
    assert event["DTEND"] == f"{visit.during.upper.astimezone(LONDON):%Y%m%dT%H%M%S}"


def test_one_visit_through_all_its_changes_keeps_its_name_and_counts_up(visit):
    """Booked, moved, moved, cancelled, restored: five files, one UID, rising SEQUENCE and DTSTAMP."""
    by, said = visit.clinician.user, []

    def heard() -> None:
        clock.shift(timedelta(minutes=5))
        (mail,) = send()
        text = file_in(mail)
        (calendar,) = components(lines_of(text), "VCALENDAR")
        event = the_event(text)
        assert event["UID"] == f"{visit.ref}@stratum"
        said.append((calendar["METHOD"].value, event["STATUS"], event["DTSTART"], event["DTSTAMP"], event["SEQUENCE"]))

    heard()
    moved(visit, date(2027, 4, 27))
    heard()
    moved(visit, date(2027, 4, 28), time(9, 30))
    heard()
    appointments.cancel(visit=visit, reason="Ill", by=by)
    heard()
    appointments.undo_step(visit=visit, by=by)
    heard()
    assert [row[:3] for row in said] == [
        ("PUBLISH", "CONFIRMED", "20270420T110000"),
        ("PUBLISH", "CONFIRMED", "20270427T110000"),
        ("PUBLISH", "CONFIRMED", "20270428T093000"),
        ("CANCEL", "CANCELLED", "20270428T093000"),
        ("PUBLISH", "CONFIRMED", "20270428T093000"),
    ]
    sequences, stamps = [int(row[4]) for row in said], [row[3] for row in said]
    assert sequences == sorted(set(sequences))
    assert stamps == sorted(set(stamps))


def test_a_cancellation_takes_out_the_time_she_was_told_and_its_length(visit):
    send()
    clock.shift(timedelta(minutes=5))
    moved(visit, date(2027, 4, 27))
    appointments.cancel(visit=visit, reason="Ill", by=visit.clinician.user)
    event = the_event(file_in(send()[0]))
    assert (event["DTSTART"], event["DTEND"]) == ("20270420T110000", "20270420T113000")


@pytest.mark.parametrize("kept", [{"starts_at"}, set()])
def test_a_message_of_an_earlier_release_kept_less_and_still_gives_a_file(visit, kept):
    send()
    told = of_kind(visit.patient, "booking_confirmed")
    told.context = {name: value for name, value in told.context.items() if name not in {"starts_at", "ends_at"} - kept}
    told.save(update_fields=["context"])
    appointments.cancel(visit=visit, reason="Ill", by=visit.clinician.user)
    event = the_event(file_in(send()[0]))
    assert (event["DTSTART"], event["DTEND"]) == ("20270420T110000", "20270420T113000")


def test_reminders_carry_none(visit):
    carrying = {kind.code for kind in kinds.all_kinds() if kind.attachment}
    assert carrying == {
        "booking_confirmed", "booking_changed", "booking_cancelled", "course_booked", "course_changed",
        "course_cancelled",
    }  # fmt: skip
    assert rendering.write(of_kind(visit.patient, "visit_reminder_1d")).attachment is None


# ── How it travels ────────────────────────────────────────────────────────────


def test_the_mail_stays_text_and_html_with_the_file_beside_them(visit):
    (mail,) = send()
    received = message_from_bytes(relay.wire_form(mail), policy=policy.default)
    assert received.get_content_type() == "multipart/mixed"
    both, file = received.iter_parts()
    assert [part.get_content_type() for part in both.iter_parts()] == ["text/plain", "text/html"]
    assert str(file["Content-Type"]) == 'text/calendar; method="PUBLISH"; charset="utf-8"'
    assert file["Content-Disposition"] == 'attachment; filename="visit.ics"'
    assert received.get_boundary() != both.get_boundary()
    assert "The file with this message puts it into your calendar." in received.get_body(("plain",)).get_content()


def test_long_lines_and_letters_arrive_as_they_were_written(visit):
    """A dot at the beginning of a line, letters beyond ASCII and CRLF outlive the wire."""
    text = ".\r\n" + "é" * 300 + "\r\nEND\r\n"
    letter = rendering.write(of_kind(visit.patient, "booking_confirmed"))
    other = kinds.Attachment("visit.ics", letter.attachment.content_type, text)
    mail = rendering.Letter(**(vars(letter) | {"attachment": other})).mail
    wire = relay.wire_form(mail)
    assert max(len(line) for line in wire.split(b"\r\n")) <= 998
    assert file_in(mail) == text.encode()


# ── What the ledger keeps ─────────────────────────────────────────────────────


def test_the_ledger_keeps_the_file_as_it_left_whatever_the_clinic_is_called_later(visit, desk):
    (mail,) = send()
    message = of_kind(visit.patient, "booking_confirmed")
    assert message.attachment_text.encode() == file_in(mail)
    assert (message.attachment_name, message.attachment_type) == (
        "visit.ics",
        "text/calendar; method=PUBLISH; charset=utf-8",
    )
    clinic = visit.clinic
    clinic.sender_name, clinic.address = "Elm Road", "1 Elm Road"
    clinic.save(update_fields=["sender_name", "address"])
    page = desk.get(reverse("patients:message", args=[message.ref]))
    url = reverse("patients:message_attachment", args=[message.ref])
    assert f'href="{url}"' in page.content.decode()
    answer = desk.get(url)
    assert answer.content == file_in(mail)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="visit.ics"'
    assert answer.headers["Content-Type"] == "text/calendar; method=PUBLISH; charset=utf-8"


def test_what_would_leave_is_offered_too_and_where_there_is_no_file_nothing_is(visit, desk):
    waiting = of_kind(visit.patient, "booking_confirmed")
    answer = desk.get(reverse("patients:message_attachment", args=[waiting.ref]))
    assert the_event(answer.content)["UID"] == f"{visit.ref}@stratum"
    reminder = of_kind(visit.patient, "visit_reminder_1d")
    assert desk.get(reverse("patients:message_attachment", args=[reminder.ref])).status_code == 404
    page = desk.get(reverse("patients:message", args=[reminder.ref])).content.decode()
    assert "Attached" not in page


def test_a_message_that_is_sent_again_carries_the_same_file(visit):
    first = file_in(send()[0])
    message = of_kind(visit.patient, "booking_confirmed")
    kept = message.attachment_text
    Message.objects.filter(pk=message.pk).update(state="unknown")
    services.send_again(message=message, by=visit.clinician.user)
    clock.shift(timedelta(hours=3))
    (again,) = send()
    assert "You may have received this message already." in again.body
    assert file_in(again) == first
    message.refresh_from_db()
    assert (message.attachment_text, message.state) == (kept, "sent")


def test_the_fingerprint_covers_the_file_and_an_old_one_still_fits(visit):
    letter = rendering.write(of_kind(visit.patient, "booking_confirmed"))
    bare = rendering.Letter(**(vars(letter) | {"attachment": None}))
    other = kinds.Attachment("visit.ics", letter.attachment.content_type, letter.attachment.text + "X")
    hashes = {one.sha256 for one in (letter, bare, rendering.Letter(**(vars(letter) | {"attachment": other})))}
    assert len(hashes) == 3
    send()
    assert of_kind(visit.patient, "booking_confirmed").rendered_sha256 == letter.sha256


def test_writing_a_mail_asks_two_questions_of_the_visit_and_none_for_its_file(visit, django_assert_num_queries):
    message = Message.objects.select_related("patient", "clinic").get(kind="booking_confirmed")
    kind = kinds.get(message.kind)
    rendering.write(message)
    with django_assert_num_queries(3):  # the visit twice, and the clock for "has it begun?"
        kind.still_wanted(message)
        rendering.write(message)


# ── The local mailbox ─────────────────────────────────────────────────────────


def test_the_mailbox_lists_the_file_and_hands_it_out(visit, desk, settings, tmp_path):
    settings.MAILBOX_DIR = tmp_path / "mail"
    (mail,) = send()

    class Envelope:
        mail_from, rcpt_tos = "clinic@test.invalid", list(mail.to)
        original_content = content = relay.wire_form(mail)[:-3]

    kept = MailStore(settings.MAILBOX_DIR, durable=False).add(Envelope)
    url = reverse("clinic:mailbox_attachment", args=[kept.key, 1])
    page = desk.get(reverse("clinic:mailbox_message", args=[kept.key])).content.decode()
    assert re.search(rf'<a href="{re.escape(url)}" download>visit\.ics</a>', page)
    assert "<dt>X-Clinic-Ref</dt>" in page
    answer = desk.get(url)
    assert answer.content == file_in(mail)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="visit.ics"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert base64.b64encode(answer.content)[:20].decode() in kept.source
    for key, number in ((kept.key, 0), (kept.key, 2), ("nothing", 1)):
        assert desk.get(reverse("clinic:mailbox_attachment", args=[key, number])).status_code == 404
