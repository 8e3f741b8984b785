"""What a text must be before it goes to anybody: each breach is refused in a sentence that says what to do."""

import pytest

from patients.outbox.texts import example
from patients.outbox.texts.checks import LONGEST_SOURCE, fits, problems
from patients.outbox.texts.languages import ENGLISH
from patients.outbox.texts.shipped import FRAME, library

CONFIRMED = library().english("booking_confirmed").source
AFTERCARE = library().english("aftercare").source
SHIPPED = sorted(code for code, language in library().texts if language == ENGLISH and code != "base")


@pytest.mark.parametrize("code", SHIPPED)
def test_every_shipped_text_passes_its_own_checks(code):
    assert problems(library().english(code).source, code) == []


@pytest.mark.parametrize("code", sorted(code for code, language in library().texts if language == "de"))
def test_every_german_draft_passes_them_too(code):
    assert problems(library().text(code, "de").source, code, "de") == []


def refusal(source: str, code: str = "booking_confirmed") -> str:
    found = problems(source, code)
    assert len(found) == 1, found
    return found[0]


def test_an_unknown_field_is_named_with_those_there_are():
    said = refusal(CONFIRMED + "\nSee {doctor}.\n")
    assert "Line" in said and "{doctor}" in said
    for field in library().contract("booking_confirmed").fields:
        assert f"{{{field.name}}}" in said


def test_an_unknown_case_is_an_unknown_field_too():
    assert "{doctor}" in refusal(CONFIRMED + "\n?doctor: He waits.\n")


def test_the_time_of_the_visit_cannot_be_left_out():
    assert "{starts_at} is missing: day and time of the visit" in refusal(CONFIRMED.replace("> {starts_at}\n\n", ""))


def test_nor_can_it_stand_in_a_line_that_most_letters_leave_out():
    hidden = CONFIRMED.replace("> {starts_at}", "?lasting: Come on {starts_at}.")
    assert "not said in every letter" in refusal(hidden)


@pytest.mark.parametrize(
    "field", ["signs.emergency", "signs.same_day", "signs.soon", "emergency_number", "urgent_phone", "link.letter"]
)
def test_the_leaving_mail_keeps_the_signs_and_both_numbers(field):
    kept = "\n".join(line for line in AFTERCARE.splitlines() if f"{{{field}}}" not in line)
    assert any(f"{{{field}}} is missing" in said for said in problems(kept, "aftercare"))


def test_the_frame_keeps_its_body_and_the_way_out_of_reminders():
    frame = library().english(FRAME).source
    assert "{body} is missing" in refusal(frame.replace("{body}", "Words."), FRAME)
    without = "\n".join(line for line in frame.splitlines() if "{link.stop}" not in line)
    assert "{link.stop} is missing" in refusal(without, FRAME)


def test_a_text_brings_no_foot_and_no_body_of_its_own():
    assert "belong to the text around every message" in refusal(CONFIRMED + "\n--\nBye.\n")
    assert "belong to the text around every message" in refusal(CONFIRMED + "\n{body}\n")


@pytest.mark.parametrize(
    "typed",
    [
        "https://elsewhere.example/x",
        "http://127.0.0.1",
        "www.elsewhere.test",
        "our-shop.com",
        "elsewhere.co.uk/way?x=1",
    ],
)
def test_a_typed_address_of_another_page_is_refused(typed):
    assert f"“{typed}” leads to another page" in refusal(f"{CONFIRMED}\nRead it on {typed} now.\n")


@pytest.mark.parametrize(
    "typed", ["Write to desk@clinic.example now.", "Take 1.5 hours. No. 3 is the door.", "Come at 11.30 or so."]
)
def test_what_is_no_address_of_a_page_passes(typed):
    assert problems(f"{CONFIRMED}\n{typed}\n", "booking_confirmed") == []


def test_a_link_leads_through_a_link_field_and_no_other():
    assert "is no link" in refusal(CONFIRMED + "\n[Call]({phone})\n")
    assert "write the link with its words" in refusal(CONFIRMED + "\nOpen {link.visit}\n")
    assert "is a case and has no words" in refusal(CONFIRMED + "\nIs it {lately}?\n")


def test_advertising_is_refused_with_its_words_and_why():
    said = refusal(CONFIRMED + "\nThis month 20% off all peels.\n")
    assert "“20% off” advertises" in said and "not to be sold something" in said


HARD = (
    "Notwithstanding previously communicated organisational considerations, individualised preparation recommendations "
    "necessitate considerable anticipatory deliberation, particularly regarding contraindicated pharmaceutical applications."
)


def test_hard_words_are_refused_with_the_grade_and_the_longest_sentence():
    said = refusal(f"Come on:\n\n> {{starts_at}}\n\n[Read]({{link.letter}})\n\n{HARD}\n\n{HARD}\n")
    assert "It reads at grade" in said and "8 is the most" in said
    assert f"“{HARD.rstrip('.')}”" in said


def test_the_same_in_short_words_passes():
    """Control of the grade: the length of the text is not what is refused."""
    easy = "You may come by bus. We are on the left. Ring the bell and come in.\n\n" * 4
    assert problems(f"Come on:\n\n> {{starts_at}}\n\n[Read]({{link.letter}})\n\n{easy}", "booking_confirmed") == []


def test_an_empty_and_an_endless_text_are_refused():
    assert "Write the text." in refusal("  \n \n")
    assert "too long" in refusal("word " * LONGEST_SOURCE)


def test_everything_is_told_at_once():
    found = problems("Hello {doctor}, buy at www.shop.com", "booking_confirmed")
    assert [any(part in said for said in found) for part in ("{doctor}", "{starts_at}", "www.shop.com", "“buy”")] == [
        True
    ] * 4


def test_a_broken_mark_is_told_with_its_line():
    assert refusal("Words\n- item").startswith("Line 2: ")


def test_whether_letters_can_be_written_asks_for_the_form_and_the_fields_alone():
    assert fits(CONFIRMED, "booking_confirmed", ENGLISH)
    assert fits(CONFIRMED + "\nNow 20% off.\n", "booking_confirmed", ENGLISH)
    assert not fits(CONFIRMED + "\n{doctor}\n", "booking_confirmed", ENGLISH)
    assert not fits("{", "booking_confirmed", ENGLISH)


@pytest.mark.parametrize("code", SHIPPED)
def test_the_fictional_patient_is_told_nothing_of_a_real_one(code):
    contract = library().contract(code)
    assert {"everything", "least"} <= {case.code for case in example.cases(contract)}
    assert contract.by_name["first_name"].example == "Ana"
    assert contract.by_name["reply_to"].example.endswith(".example")
