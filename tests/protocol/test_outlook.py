"""What a screening of today means for a later day: the same as a screening of that day, by what is known today."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.protocol.people import D, day, described
from tests.protocol.test_screening_properties import at, patients
from treatments.protocol.catalogue import load
from treatments.protocol.policy import Setting, apply
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


# ── Where a looser rule is over before the wait is ───────────────────────────

WAIT = "rule.isotretinoin_past.washout_days"


def rules(*loosened: tuple[str, object, date]):
    """The rules of any day, and those that take over after one: looser values, each until a day."""
    values = [Setting(path, value, until) for path, value, until in loosened]
    turns = sorted({until + timedelta(days=1) for _, _, until in loosened})
    return (lambda on: apply(CATALOGUE, values, on)), (
        lambda on: [(turn, apply(CATALOGUE, values, turn)) for turn in turns if turn > on]
    )


def looked(known: str, *loosened, on: date = D):
    then, later = rules(*loosened)
    facts = described(known)
    screening = screen(facts, on=on, purpose="session", catalogue=then(on), ahead=later(on))
    return screening, [
        (turn.on, turn.outcome, turn.earliest_on) for turn in outlook(screening, facts, then(on), later(on))
    ]


@pytest.mark.parametrize(
    ("last_day", "earliest_on"),
    [("D+5", "D+105"), ("D+14", "D+105"), ("D+15", "D+15"), ("D+30", "D+15")],
)
def test_a_wait_that_outlasts_its_looser_rule_is_the_published_one(last_day, earliest_on):
    """75 days ago, 90 days instead of 180: free on D+15 only while the looser rule still counts then."""
    found, _ = looked("isotretinoin_past yes D-75", (WAIT, 90, day(last_day)))
    assert (found.outcome, found.earliest_on, found.binding) == ("defer", day(earliest_on), "isotretinoin_past")


@pytest.mark.parametrize(
    ("known", "loosened", "earliest_on", "lapses_on"),
    [
        ("isotretinoin_past yes D-75", (WAIT, 90, "D+5"), "D+105", "D+105"),
        ("isotretinoin_past yes D-75", (WAIT, 90, "D+15"), "D+15", "D+15"),
        # A need for a clinician that lapses: the day it lapses is one by which the looser rule is over.
        ("hydroquinone yes D-2", ("rule.hydroquinone.washout_days", 4, "D+1"), None, "D+5"),
        ("hydroquinone yes D-2", ("rule.hydroquinone.washout_days", 4, "D+2"), None, "D+2"),
        ("botulinum yes D-2", ("rule.botulinum.washout_days", 5, "D+1"), "D+12", "D+12"),
    ],
)
def test_each_finding_ends_by_the_rules_of_its_last_days(known, loosened, earliest_on, lapses_on):
    path, value, last_day = loosened
    found, _ = looked(known, (path, value, day(last_day)))
    assert found.findings[0].earliest_on == (earliest_on and day(earliest_on))
    assert found.findings[0].lapses_on == day(lapses_on)


def test_a_day_that_is_free_turns_when_the_looser_rule_is_over():
    found, turned = looked("isotretinoin_past yes D-100", (WAIT, 90, day("D+5")))
    assert (found.outcome, found.earliest_on) == ("clear", D)
    assert turned == [(D, "clear", None), (day("D+6"), "defer", day("D+80")), (day("D+80"), "clear", None)]


def test_two_looser_rules_that_end_one_after_the_other_turn_twice():
    filler = ("rule.filler.washout_days", 3, day("D+2"))
    _, turned = looked("isotretinoin_past yes D-100; filler yes D-10", (WAIT, 90, day("D+5")), filler)
    assert turned == [
        (D, "clear", None),
        (day("D+3"), "defer", day("D+80")),
        (day("D+6"), "defer", day("D+80")),
        (day("D+18"), "defer", day("D+80")),
        (day("D+80"), "clear", None),
    ]


def test_a_rule_that_takes_over_may_also_end_the_wait():
    """Whatever takes over decides from its first day on."""
    facts = described("isotretinoin_past yes D-100")
    milder = [(day("D+7"), apply(CATALOGUE, [Setting(WAIT, 90, day("D+99"))], D))]
    found = screen(facts, on=D, purpose="session", catalogue=CATALOGUE, ahead=milder)
    assert (found.earliest_on, found.binding) == (day("D+7"), "isotretinoin_past")


def test_rules_of_days_that_are_over_change_nothing():
    facts = described("isotretinoin_past yes D-100")
    gone = [(D, apply(CATALOGUE, [Setting(WAIT, 300)], D))]
    assert screen(facts, on=D, purpose="session", catalogue=CATALOGUE, ahead=gone).earliest_on == day("D+80")


@given(patients(), st.integers(0, 200), st.integers(0, 300))
@settings(deadline=None)
def test_a_later_day_is_judged_by_its_own_rules(patient, last, wait):
    then, later = rules(
        (WAIT, 90, D + timedelta(days=last)), ("rule.filler.washout_days", 3, D + timedelta(days=last // 2))
    )
    known = {code: replace(answer, answered_on=answer.answered_on or D) for code, answer in patient.answers.items()}
    patient, on = replace(patient, answers=known), D + timedelta(days=wait)
    asked = screen(patient, on=D, purpose="session", catalogue=then(D), ahead=later(D))
    judged = screen(patient, on=on, purpose="session", catalogue=then(on), ahead=later(on))
    reached = [turn for turn in outlook(asked, patient, then(D), later(D)) if turn.on <= on][-1]
    assert reached.earliest_on == (judged.earliest_on if judged.binding else None)
    if asked.earliest_on and asked.earliest_on > on:
        assert judged.outcome in ("defer", "block")
    if asked.earliest_on == on:
        assert not judged.binding


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
