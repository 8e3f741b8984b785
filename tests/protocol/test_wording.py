"""One sentence for clinicians with the reason, one for everybody else without it."""

import re
from datetime import date

import pytest
from hypothesis import given, settings

from tests.protocol.people import D, day, described
from tests.protocol.test_screening_properties import patients
from treatments.protocol.catalogue import load
from treatments.protocol.policy import Setting, apply, parameters
from treatments.protocol.screening import PERMITS, screen
from treatments.protocol.wording import (
    OUTCOMES,
    because_words,
    binding_sentence,
    change_sentence,
    change_words,
    day_in_words,
    desk_sentence,
    finding_sentence,
)

CATALOGUE = load()


def screened(text: str, on: date = D):
    facts = described(text)
    return screen(facts, on=on, purpose="session", catalogue=CATALOGUE), facts


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ("isotretinoin_past yes 2026-09-15", "Earliest 14 March: isotretinoin stopped 15 September + 180 days"),
        ("sun_tan_exposure yes D-4", "Earliest 11 December: strong sun until 27 November + 14 days"),
        ("topical_retinoid yes", "Earliest 6 December: retinoid cream 1 December (day not given) + 5 days"),
        ("session D-20", "Earliest 9 December: last needling 11 November + 28 days"),
        ("needling_elsewhere yes", "Earliest 29 December: last needling 1 December (day not given) + 28 days"),
        (
            "event 1 closed D; event 2 closed D-12; event 2 closed D-10",
            "Earliest 5 December: reaction closed 21 November + 14 days",
        ),
        ("born 2008-12-24", "Earliest 24 December: 18th birthday"),
        ("surgery_area yes D-1", "Earliest 30 November 2027: operation 30 November + 365 days"),
        ("", None),
        ("pregnant yes", None),
    ],
)
def test_the_sentence_a_screening_ends_in(known, sentence):
    found, facts = screened(known)
    assert binding_sentence(found, facts, CATALOGUE) == sentence


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ("isotretinoin_past yes D-179", "Not before 2 December: isotretinoin stopped 5 June + 180 days"),
        ("alcohol_24h yes D", "Better from 2 December: alcohol 1 December + 1 day"),
        ("isotretinoin_past yes D-60; cleared isotretinoin_past D+3", "Cleared until 4 December"),
        ("pregnant yes", "Blocks until settled: pregnancy"),
        ("metal_allergy yes", "Blocks: metal allergy"),
        ("hsv_history yes", "Needs a clinician"),
        ("radiotherapy_area yes D-200", "Needs a prescriber"),
        ("hydroquinone yes D-2", "Needs a clinician, or lapses on 6 December"),
        ("diabetes yes", "May go ahead"),
        ("born 2008-12-24", "Not before 24 December: 18th birthday"),
    ],
)
def test_what_a_finding_means_for_the_day(known, sentence):
    found, facts = screened(known)
    assert finding_sentence(found.findings[0], facts, CATALOGUE, on=D) == sentence


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ("", "May be booked"),
        ("diabetes yes", "May be booked"),
        ("isotretinoin_past yes 2026-09-15", "Not before 14 March"),
        ("pregnant yes", "Ask a clinician"),
        ("born 2008-12-24", "Not before 24 December"),
        ("hsv_history yes", "Ask a clinician"),
        ("unanswered pregnant", "Questions to answer first"),
    ],
)
def test_the_desk_reads_the_verdict(known, sentence):
    found, _ = screened(known)
    assert desk_sentence(found, CATALOGUE) == sentence


@pytest.mark.parametrize(
    ("years", "sentence"),
    [
        (18, "Earliest 24 December: 18th birthday"),
        (21, "Earliest 24 December 2029: 21st birthday"),
        (22, "Earliest 24 December 2030: 22nd birthday"),
        (23, "Earliest 24 December 2031: 23rd birthday"),
        (30, "Earliest 24 December 2038: 30th birthday"),
    ],
)
def test_a_clinic_with_another_youngest_age_names_that_birthday(years, sentence):
    rules = apply(CATALOGUE, [Setting("age.minimum_years", years)], D)
    facts = described("born 2008-12-24")
    found = screen(facts, on=D, purpose="session", catalogue=rules)
    assert binding_sentence(found, facts, rules) == sentence
    assert finding_sentence(found.findings[0], facts, rules, on=D) == sentence.replace("Earliest", "Not before")


# Words that would be untrue where a clinic has set another value: the number stands beside the value, not in the sentence.
SET_ELSEWHERE = [
    ("age_under_18", "age.minimum_years"),
    ("adverse_event_open", "interval.event_grade"),
    ("pih_history", "interval.pigment_trouble_extra_days"),
]


@pytest.mark.parametrize(("code", "path"), SET_ELSEWHERE)
def test_no_sentence_of_a_rule_repeats_a_value_that_a_clinic_may_set_elsewhere(code, path):
    assert path in parameters(CATALOGUE)
    rule = CATALOGUE.rule(code)
    assert not re.search(r"\d", rule.label + rule.advice + (rule.dated_as or ""))


def test_rosacea_is_asked_for_by_its_name_and_its_word_says_the_rest():
    """Somebody with flushing alone has rosacea, and a clinician decides."""
    rule = CATALOGUE.rule("rosacea")
    assert rule.question == "Do you have rosacea?"
    assert {word: detail.category for word, detail in rule.details.items()} == {
        "flushing": "REL",
        "papulopustular": "ABS",
    }
    assert screened("rosacea yes flushing")[0].outcome == "needs_clinician"
    assert screened("rosacea yes papulopustular")[0].outcome == "block"


@given(patients())
@settings(deadline=None)
def test_the_desk_never_reads_a_reason(patient):
    found = screen(patient, on=D, purpose="session", catalogue=CATALOGUE)
    sentence = desk_sentence(found, CATALOGUE)
    assert re.fullmatch(
        r"May be booked|Ask a clinician|Questions to answer first|Not before \d{1,2} [A-Z][a-z]+( \d{4})?", sentence
    )


def test_a_clearance_that_runs_out_too_early_still_explains_its_day():
    found, facts = screened("cleared isotretinoin_past D+10; isotretinoin_past yes D-100; laser_ipl yes D-69 ablative")
    assert (
        binding_sentence(found, facts, CATALOGUE) == "Earliest 19 February: isotretinoin stopped 23 August + 180 days"
    )


@given(patients())
@settings(deadline=None)
def test_every_finding_and_every_binding_rule_has_a_sentence(patient):
    found = screen(patient, on=D, purpose="session", catalogue=CATALOGUE)
    assert all(finding_sentence(finding, patient, CATALOGUE, on=D) for finding in found.findings)
    assert (binding_sentence(found, patient, CATALOGUE) is None) == (found.binding is None)


def test_a_day_far_away_carries_its_year():
    assert day_in_words(day("D+300"), near=D) == "27 September"
    assert day_in_words(day("D+301"), near=D) == "28 September 2027"


@pytest.mark.parametrize(
    ("known", "sentences"),
    [
        ("anticoagulant_rx yes", ["Depth: stay 0.25 mm below the usual maximum (prescribed blood thinner)"]),
        ("anaesthetic_allergy yes", ["Numbing: none today (reaction to numbing cream or injection)"]),
        ("raised_lesion_area yes", ["Leave out the marked spots (raised mole, wart or birthmark in the area)"]),
        (
            "skin IV; concern melasma cheek",
            [
                "Interval: at least 42 days to the next session (skin type, melasma)",
                "Endpoint: stop at even redness, no bleeding (skin type, melasma)",
                "Sun: 28 days of strict avoidance before and after (skin type, melasma)",
            ],
        ),
    ],
)
def test_what_changes_is_an_instruction_with_its_reason(known, sentences):
    found, _ = screened(known)
    assert [change_sentence(change.to_json(), CATALOGUE) for change in found.changes] == sentences
    apart = [
        f"{change_words(change.to_json())} ({because_words(change.because, CATALOGUE)})" for change in found.changes
    ]
    assert apart == sentences


def test_every_outcome_has_a_word():
    assert set(OUTCOMES) == set(PERMITS)
