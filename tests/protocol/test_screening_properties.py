"""What must hold for every patient, each beside the boundary it is really about."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.people import D, described, harmless, saying
from treatments.protocol.catalogue import load
from treatments.protocol.facts import (
    AdverseEventFact,
    Answer,
    ClearanceFact,
    Concern,
    Needling,
    PatientFacts,
)
from treatments.protocol.interval import floor
from treatments.protocol.screening import Outcome, screen

CATALOGUE = load()
# A busy machine is not a finding.
unhurried = settings(deadline=None)
ASKED = [rule for rule in CATALOGUE.rules if rule.form != "computed"]
CLEARABLE = [rule.code for rule in CATALOGUE.rules if rule.takes_clearance]
# From the worst to the best.
OUTCOMES: tuple[Outcome, ...] = ("block", "defer", "needs_clinician", "ask", "caution", "clear")

past_days = st.integers(0, 400).map(lambda days: D - timedelta(days=days))


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Answer]:
    """A full set of harmless answers with a few that are not, of any age and with or without a date."""
    given_answers = dict(harmless().answers)
    for rule in draw(st.lists(st.sampled_from(ASKED), max_size=4, unique_by=lambda rule: rule.code)):
        given_answers[rule.code] = Answer(
            draw(st.sampled_from(("yes", "no", "not_sure"))),
            on=draw(st.none() | past_days),
            detail=draw(st.none() | st.sampled_from(sorted(rule.details))) if rule.details else None,
            answered_on=draw(st.none() | past_days),
        )
    return given_answers


@st.composite
def patients(draw: st.DrawFn) -> PatientFacts:
    concern = draw(st.sampled_from(CATALOGUE.offered_concerns()))
    return PatientFacts(
        born_on=draw(st.dates(date(1940, 1, 1), date(2012, 12, 31))),
        skin_type=draw(st.none() | st.integers(1, 6)),
        pih_history=draw(st.booleans()),
        concerns=(Concern(concern.code),),
        answers=draw(answers()),
        sessions=tuple(
            Needling(on, draw(st.none() | st.sampled_from(CATALOGUE_DEPTHS)), draw(st.booleans()))
            for on in draw(st.lists(past_days, max_size=3))
        ),
        adverse_events=tuple(
            AdverseEventFact(draw(st.integers(1, 5)), draw(st.none() | past_days), draw(st.booleans()))
            for _ in range(draw(st.integers(0, 2)))
        ),
        clearances=tuple(
            ClearanceFact(code, D + timedelta(days=draw(st.integers(-30, 120))))
            for code in draw(st.lists(st.sampled_from(CLEARABLE), max_size=3))
        ),
    )


CATALOGUE_DEPTHS = (CATALOGUE.depth.step_mm, CATALOGUE.interval.deep_session_mm, CATALOGUE.depth.absolute_mm)


def at(facts: PatientFacts, on: date = D):
    return screen(facts, on=on, purpose="session", catalogue=CATALOGUE)


def forbidding(facts: PatientFacts, on: date) -> set[str]:
    """The rules with a date that forbid a day."""
    return {finding.code for finding in at(facts, on).findings if finding.forbids_until}


# Waiting


@given(patients(), st.integers(0, 500))
@unhurried
def test_waiting_never_adds_a_washout_finding_once_clearances_are_left_aside(patient, wait):
    uncleared = replace(patient, clearances=())
    assert forbidding(uncleared, D + timedelta(days=wait)) <= forbidding(uncleared, D)


def test_a_washout_ends_on_its_day_and_not_the_day_before():
    patient = described("isotretinoin_past yes D-179")
    assert forbidding(patient, D) == {"isotretinoin_past"}
    assert forbidding(patient, D + timedelta(days=1)) == set()


def test_a_clearance_that_runs_out_is_why_clearances_are_left_aside():
    patient = described("isotretinoin_past yes D-60; cleared isotretinoin_past D")
    assert forbidding(patient, D) == set()
    assert forbidding(patient, D + timedelta(days=1)) == {"isotretinoin_past"}


@given(patients())
@unhurried
def test_nothing_with_a_date_forbids_the_first_free_day_and_something_forbids_the_day_before(patient):
    # An answer of unknown age counts from the day asked about; asked again later it must not start anew.
    known = {code: replace(answer, answered_on=answer.answered_on or D) for code, answer in patient.answers.items()}
    patient = replace(patient, answers=known)
    found = at(patient)
    if found.earliest_on is None:
        assert found.outcome == "block"
        return
    assert found.earliest_on >= D
    assert forbidding(patient, found.earliest_on) == set()
    if found.earliest_on > D:
        assert found.binding in forbidding(patient, found.earliest_on - timedelta(days=1))
    else:
        assert found.binding is None


# Answers


@given(patients(), st.sampled_from(ASKED), st.none() | past_days)
@unhurried
def test_adding_a_yes_never_improves_the_outcome(patient, rule, on):
    calm = saying(rule.code, Answer("no" if rule.raised_by == "yes" else "yes", answered_on=D), patient)
    raised = saying(rule.code, Answer(rule.raised_by, on=on, answered_on=D), patient)
    assert OUTCOMES.index(at(raised).outcome) <= OUTCOMES.index(at(calm).outcome)


def test_one_yes_is_enough_to_block():
    assert at(harmless()).outcome == "clear"
    assert at(described("metal_allergy yes")).outcome == "block"


@given(patients(), st.sampled_from(ASKED), st.none() | past_days)
@unhurried
def test_not_sure_is_never_better_than_the_answer_that_raises(patient, rule, on):
    raised = saying(rule.code, Answer(rule.raised_by, on=on, answered_on=D), patient)
    unsure = saying(rule.code, Answer("not_sure", on=on, answered_on=D), patient)
    if rule.unsure_raises:
        assert at(unsure) == at(raised)
    else:
        assert rule.code == "bbv_or_systemic_infection"


@given(patients(), st.sampled_from([rule for rule in ASKED if not rule.never_missing and rule.form != "clinician"]))
@unhurried
def test_a_question_nobody_asked_is_never_clear(patient, rule):
    unasked = replace(patient, answers={code: a for code, a in patient.answers.items() if code != rule.code})
    found = at(unasked)
    assert rule.code in found.missing
    assert found.outcome not in ("clear", "caution")


@given(patients(), st.sampled_from([rule for rule in ASKED if rule.details]))
@unhurried
def test_no_detail_word_is_the_worst_one(patient, rule):
    def outcome(word: str | None) -> int:
        return OUTCOMES.index(at(saying(rule.code, Answer("yes", D, word, D), patient)).outcome)

    assert outcome(None) == min(outcome(word) for word in rule.details)


# Skin type and tightening


@given(patients(), st.integers(1, 6))
@unhurried
def test_an_unknown_skin_type_is_never_looser_than_a_known_one(patient, skin_type):
    unknown, known = at(replace(patient, skin_type=None)), at(replace(patient, skin_type=skin_type))
    assert OUTCOMES.index(unknown.outcome) <= OUTCOMES.index(known.outcome)
    if unknown.earliest_on and known.earliest_on:
        assert unknown.earliest_on >= known.earliest_on


def test_an_unknown_skin_type_waits_as_long_as_type_four():
    waits = [floor(replace(harmless(), skin_type=kind), CATALOGUE).days for kind in (3, 4, None)]
    assert waits == [28, 42, 42]


@given(patients())
@unhurried
def test_the_floor_is_never_below_twenty_eight_days(patient):
    needed = floor(patient, CATALOGUE)
    assert 28 <= needed.lowered_days <= needed.days
    last = max((done.on for done in patient.sessions), default=None)
    found = at(patient)
    if last and found.earliest_on:
        assert (found.earliest_on - last).days >= 28


def test_a_lowered_floor_stops_at_twenty_eight_days():
    assert at(described("skin IV; session D-28; cleared interval_floor D")).outcome == "caution"
    assert at(described("skin IV; session D-27; cleared interval_floor D+9")).earliest_on == D + timedelta(days=1)


@given(patients(), st.sampled_from(CLEARABLE), st.integers(0, 100))
@unhurried
def test_a_clearance_never_makes_anything_stricter(patient, code, days):
    cleared = replace(patient, clearances=(*patient.clearances, ClearanceFact(code, D + timedelta(days=days))))
    assert OUTCOMES.index(at(cleared).outcome) >= OUTCOMES.index(at(patient).outcome)


@given(patients())
@unhurried
def test_findings_stand_in_the_order_of_their_weight_and_then_of_the_catalogue(patient):
    places = [
        (("ABS", "TMP", "REL", "CAU").index(finding.category), CATALOGUE.position[finding.code])
        for finding in at(patient).findings
    ]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


@given(patients())
@unhurried
def test_booking_asks_no_more_than_the_session(patient):
    booking = screen(patient, on=D, purpose="booking", catalogue=CATALOGUE)
    assert set(booking.missing) <= set(at(patient).missing)
    assert booking.findings == at(patient).findings
