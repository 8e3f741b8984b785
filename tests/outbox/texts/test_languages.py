"""Languages by file: a whole letter in one language, a draft to nobody, and in English whatever another language lacks."""

import re
import shutil
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from patients.outbox import dispatch, kinds, preview, rendering
from patients.outbox.texts import chosen, shipped
from patients.outbox.texts.languages import ENGLISH
from patients.outbox.texts.shipped import BrokenText, library
from tests.outbox import cast
from tests.outbox.texts.drafts import checked_german

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
STARTS_AT = datetime(2027, 5, 4, 9, 30, tzinfo=LONDON)
BEFORE = {
    "stops": [],
    "lasting": [],
    "still": [],
    "beside": [],
    "lately": False,
    "prescribed": "",
    "tell_us": [],
    "prepare": [],
}


@pytest.fixture
def confirmation():
    """A kind that is written by the shipped text of a booked visit, with what a test puts into its context."""
    kind = kinds.Kind(
        code="test_confirmed", label="A visit", essential=True, unknown_policy="resend_once", immediate=True,
        still_wanted=cast.nothing_against, text="booking_confirmed",
        context=lambda message: BEFORE | {"starts_at": STARTS_AT} | message.context,
    )  # fmt: skip
    kinds.register(kind)
    yield kind.code
    kinds.forget(kind.code)


@pytest.fixture
def german(tmp_path, monkeypatch):
    """Takes the mark of a draft off the German texts that are named."""
    return checked_german(tmp_path / "checked", monkeypatch)


def letter(clinic, confirmation, language: str = "de", **context) -> rendering.Letter:
    return rendering.write(cast.owe(cast.a_patient(clinic, language=language), confirmation, context=context))


def test_a_draft_is_sent_to_nobody(clinic, confirmation):
    written = letter(clinic, confirmation)
    assert "Your visit is booked:" in written.text and "Termin" not in written.text + written.html
    assert (written.language, written.subject) == ("en", "A message from Alder Lane")
    assert '<html lang="en">' in written.html


def test_once_its_mark_is_taken_off_the_whole_letter_is_german(clinic, confirmation, german):
    german("frame", "booking_confirmed")
    written = letter(clinic, confirmation)
    assert "Ihr Termin ist gebucht:\n\n    Dienstag, 4. Mai 2027, 09:30 Uhr" in written.text
    assert "Guten Tag Leila," in written.text and "Rufen Sie uns an unter 020 7946 0100" in written.text
    assert '<html lang="de">' in written.html and "Dear" not in written.html
    assert (written.language, written.subject) == ("de", "Eine Nachricht von Alder Lane")


@pytest.mark.parametrize("codes", [["frame"], ["booking_confirmed"]])
def test_half_a_language_is_none(clinic, confirmation, german, codes):
    """Never a German frame around English words, or the other way round."""
    german(*codes)
    written = letter(clinic, confirmation)
    assert written.language == "en" and "Guten Tag" not in written.text and "Termin" not in written.text


def test_what_the_rules_say_in_english_only_makes_the_whole_letter_english(clinic, confirmation, german):
    german("frame", "booking_confirmed")
    written = letter(clinic, confirmation, tell_us=["Tell us about new medicines."])
    assert written.language == "en"
    assert "Has anything changed? Tell us about new medicines." in written.text and "Guten Tag" not in written.text


@pytest.mark.parametrize("language", ["pl", "", "xx-unknown", "EN", "../de"])
def test_a_language_that_there_is_not_is_english(clinic, confirmation, language):
    assert letter(clinic, confirmation, language).language == "en"


def test_a_dialect_reads_its_language(clinic, confirmation, german):
    german("frame", "booking_confirmed")
    assert letter(clinic, confirmation, "de-AT").language == "de"


def test_the_ledger_keeps_the_language_and_the_version_that_were_sent(
    clinic, confirmation, german, smtp, limits, breaker, store
):
    german("frame", "booking_confirmed")
    message = cast.owe(cast.a_patient(clinic, language="de"), confirmation)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    message.refresh_from_db()
    assert (message.template_language, message.template_version) == (
        "de",
        library().text("booking_confirmed", "de").version,
    )
    assert '<html lang="de">' in store.latest(1)[0].html
    assert (preview.text_of(message).language, preview.text_of(message).was_sent) == ("de", True)


def test_days_and_times_are_written_by_the_language():
    english, german = library().languages["en"], library().languages["de"]
    assert english.moment_words(STARTS_AT) == "Tuesday 4 May 2027, 09:30"
    assert german.moment_words(STARTS_AT) == "Dienstag, 4. Mai 2027, 09:30 Uhr"
    assert (english.day_words(date(2027, 3, 1)), german.day_words(date(2027, 3, 1))) == (
        "Monday 1 March",
        "Montag, 1. März",
    )


@pytest.mark.parametrize("code", sorted(library().languages))
def test_every_language_names_a_visit_in_a_calendar_by_the_clinic_alone(code):
    named = library().languages[code].visit_at("Alder Lane")
    assert named.endswith(" Alder Lane") and len(named.split()) == 4
    assert not re.search(r"behandlung|treatment|session|sitzung|haut|skin|needl", named, re.IGNORECASE)


def test_times_are_those_of_the_clinics_wall():
    """Stored in UTC, told in London: an hour later in May."""
    contract = library().contract("booking_confirmed")
    values = contract.values(
        {"starts_at": STARTS_AT.astimezone(ZoneInfo("UTC")), "first_name": "Ana"},
        {},
        language=library().languages["en"],
        zone=LONDON,
    )
    assert values["starts_at"] == ("Tuesday 4 May 2027, 09:30",)


def test_english_is_complete():
    assert all(library().text(code) is not None and not library().english(code).is_draft for code, _ in library().texts)


def test_german_is_a_marked_draft_of_at_least_five_texts():
    german = [text for text in library().texts.values() if text.language == "de"]
    assert {"frame", "booking_confirmed", "visit_reminder_3d"} <= {text.code for text in german} and len(german) >= 5
    assert all(text.is_draft for text in german)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("title: A\npurpose: B\n", "no version"),
        ("title: A\npurpose: B\nversion: 1001\n", "from 1 to 1000"),
        ("Titel: A\n", "is no line of a head"),
    ],
)
def test_a_file_with_a_broken_head_stops_the_start(tmp_path, head, says):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "broken.txt").write_text(f"{head}\nWords.\n")
    shutil.copy(shipped.FOLDERS[0] / "en" / "language.toml", tmp_path / "en")
    with pytest.raises(BrokenText, match=says):
        shipped._read((tmp_path,))


def test_the_choice_reads_the_clinics_rows_once_for_a_batch(clinic, confirmation, django_assert_num_queries):
    messages = cast.owe_many(cast.a_patient(clinic), 5, confirmation)
    chosen.forget(clinic)
    with django_assert_num_queries(1):
        for message in messages:
            rendering.write(message)
    assert rendering.write(messages[0]).language == ENGLISH
