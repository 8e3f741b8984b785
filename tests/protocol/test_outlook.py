"""What a screening of today means for a later day: the same as a screening of that day, by what is known today."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.protocol.people import D, day, described
from tests.protocol.test_screening_properties import at, patients
from treatments.protocol.catalogue import load
from treatments.protocol.screening import outlook, screen

CATALOGUE = load()


def turns(known: str) -> list[tuple]:
    facts = described(known)
    screening = screen(facts, on=D, purpose="session", catalogue=CATALOGUE)
    return [(turn.on, turn.outcome, turn.earliest_on) for turn in outlook(screening, facts, CATALOGUE)]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ("", [(D, "clear", None)]),
        ("metal_allergy yes", [(D, "block", None)]),
        ("isotretinoin_past yes D-179", [(D, "defer", day("D+1")), (day("D+1"), "clear", None)]),
        ("born 2008-12-24", [(D, "block", day("2008-12-24").replace(year=2026)), (day("2026-12-24"), "caution", None)]),
        # What is left of a rule after its wait: for a year, or until a clinician has looked.
        (
            "new_scar_or_striae yes D-100",
            [(D, "defer", day("D+80")), (day("D+80"), "needs_clinician", None), (day("D+265"), "clear", None)],
        ),
        ("radiotherapy_area yes D-30", [(D, "defer", day("D+60")), (day("D+60"), "needs_clinician", None)]),
        # A clearance runs out: its last day still counts.
        (
            "hsv_history yes; cleared hsv_history D+10",
            [(D, "caution", None), (day("D+11"), "needs_clinician", None)],
        ),
        (
            "isotretinoin_past yes D-60; cleared isotretinoin_past D",
            [(D, "caution", None), (day("D+1"), "defer", day("D+120")), (day("D+120"), "clear", None)],
        ),
        ("unanswered pregnant", [(D, "ask", None)]),
    ],
)
def test_each_turn_has_its_day(known, expected):
    assert turns(known) == expected


@given(patients(), st.integers(0, 500))
@settings(deadline=None)
def test_a_later_day_is_judged_as_if_it_had_been_asked_about(patient, wait):
    # An answer of unknown age counts from the day asked about, which is another day here.
    known = {code: replace(answer, answered_on=answer.answered_on or D) for code, answer in patient.answers.items()}
    patient, later = replace(patient, answers=known), D + timedelta(days=wait)
    asked, then = at(patient), at(patient, later)
    # That somebody turns 22 is no turn: it changes nothing that is done.
    assume("age_18_21" not in {finding.code for finding in (*asked.findings, *then.findings)})
    reached = [turn for turn in outlook(asked, patient, CATALOGUE) if turn.on <= later][-1]
    if not {reached.outcome, then.outcome} <= {"ask", "clear", "caution"} or asked.missing == then.missing:
        assert reached.outcome == then.outcome
    assert reached.earliest_on == (then.earliest_on if then.binding else None)


@given(patients())
@settings(deadline=None)
def test_the_turns_come_in_order_and_begin_with_the_screening_itself(patient):
    asked = at(patient)
    found = outlook(asked, patient, CATALOGUE)
    assert (found[0].on, found[0].outcome) == (D, asked.outcome)
    assert all(earlier.on < later.on for earlier, later in zip(found, found[1:], strict=False))
    assert found[0].to_json()["on"] == D.isoformat()


def test_the_answer_of_a_screening_stays_as_agreed():
    facts = described("radiotherapy_area yes D-30")
    printed = screen(facts, on=D, purpose="session", catalogue=CATALOGUE).to_json()
    assert "outlook" not in printed
    assert set(printed["findings"][0]) == {
        "code", "category", "earliest_on", "cleared_until", "date_assumed", "advice", "sources",
    }  # fmt: skip
