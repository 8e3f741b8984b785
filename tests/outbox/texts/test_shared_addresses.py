"""A letter to an address that somebody else reads too tells nothing of what is treated: its lines drop, whoever wrote them, and
a page behind the date of birth says them."""

import pytest

from patients.links.purposes import LETTER
from patients.outbox import kinds, preview, rendering
from patients.outbox.texts import example, services
from patients.outbox.texts.checks import letters, values_of
from patients.outbox.texts.shipped import library
from tests.outbox import cast

pytestmark = pytest.mark.django_db
SIGNS = {
    "emergency": ["Blue or grey skin or lips"],
    "same_day": ["Pus or spreading redness"],
    "soon": ["Still red after three days"],
}
TELLING = ("sunscreen", "retinol")
# Whoever reads it: when to call, and whom. They name no treatment.
NEVER_LEFT_OUT = (
    "Blue or grey skin or lips",
    "Pus or spreading redness",
    "Still red after three days",
    "020 7946 0142",
    "999",
)


@pytest.fixture
def aftercare():
    kind = kinds.Kind(
        code="test_aftercare", label="After a visit", essential=True, unknown_policy="resend_once", immediate=True,
        still_wanted=cast.nothing_against, text="aftercare",
        context=lambda message: {"title": "Day 1 after your visit", "lines": ["Start a mineral sunscreen. No retinol."], "signs": SIGNS},
    )  # fmt: skip
    kinds.register(kind)
    yield kind.code
    kinds.forget(kind.code)


@pytest.fixture
def message(patient, aftercare):
    patient.clinic.urgent_phone, patient.clinic.emergency_number = "020 7946 0142", "999"
    return cast.owe(patient, aftercare)


def test_a_letter_to_her_alone_says_it_all_and_needs_no_page_for_it(message):
    letter = rendering.write(message)
    assert all(word in letter.text and word in letter.html for word in TELLING)
    assert set(letter.links) == {"contact"} and "date of birth" not in letter.text


def test_to_a_shared_address_it_names_the_page_the_signs_and_the_numbers_alone(message):
    letter = rendering.write(message, is_shared=True)
    assert not [word for word in TELLING if word in letter.text + letter.html]
    assert "Read what to know after your visit:\n[her private link: letter]" in letter.text
    assert all(word in letter.text and word in letter.html for word in NEVER_LEFT_OUT)
    assert set(letter.links) == {"contact", "letter"}
    assert (letter.links["letter"].purpose, letter.links["letter"].about) == (LETTER.code, message.ref)


def test_her_page_says_what_the_letter_left_out_and_carries_no_link(message):
    words = rendering.words_for_her(message)
    assert all(word in words for word in TELLING)
    assert "her private link" not in words and "http" not in words


def test_a_text_of_the_clinics_own_leaves_it_out_too(clinic, boss, message):
    shipped = library().english("aftercare")
    ours = shipped.source.replace("- {lines}", "- Today: {lines}")
    services.publish(
        clinic=clinic, code="aftercare", language="en", source=ours, why="Ours", by=boss, seen_version=shipped.version
    )
    message.clinic = clinic
    assert "Today: Start a mineral sunscreen" in rendering.write(message).text
    assert "Today" not in rendering.write(message, is_shared=True).text


def test_the_words_that_would_leave_now_are_shown_as_they_would(clinic, patient, message):
    cast.a_patient(clinic, given_name="Mona", email=patient.email)
    shown = preview.text_of(message).body
    assert "sunscreen" not in shown and "[her private link: letter]" in shown


@pytest.mark.parametrize("code", sorted(code for code, language in library().texts if language == "en"))
def test_no_shipped_letter_to_a_shared_address_says_anything_private(code):
    contract, known = library().contract(code), library()
    english = known.languages["en"]
    shared = [case for case in example.cases(contract) if case.is_shared]
    assert bool(shared) == any(field.private for field in contract.fields)
    private = [
        value
        for case in example.cases(contract)
        if not case.is_shared
        for field in contract.fields
        if field.private
        for value in values_of(case, contract, english).get(field.name, ())
        if value
    ]
    if shared:
        text = letters(known.english(code).blocks, contract, english)[-1]
        assert private and not [value for value in private if value in text]
        assert "[her private link: letter]" in text
