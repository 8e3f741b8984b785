"""Of a person who was known under two records: nothing that either holds against a session is loosened by making them one."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given

from tests.protocol.people import D, harmless
from tests.protocol.test_screening_properties import CATALOGUE, at, patients, unhurried
from treatments.protocol.answers import settle_all
from treatments.protocol.entries import CATEGORIES
from treatments.protocol.facts import Answer, ClearanceFact, Concern, PatientFacts
from treatments.protocol.strictest import all_concerns, one_skin_type, reaches_too_far, strictest_answers


def one_of(stays: PatientFacts, gone: PatientFacts) -> PatientFacts:
    """As `treatments.facts` puts two records together that were both assessed. The date of birth is that of the first."""
    gone = replace(gone, born_on=stays.born_on)
    concerns = all_concerns(
        [[{"code": one.code, "zones": list(one.zones), "severity": one.severity} for one in record.concerns] for record in (stays, gone)]
    )  # fmt: skip
    kept = [
        clearance
        for record, other in ((stays, gone), (gone, stays))
        for clearance in record.clearances
        if not reaches_too_far(clearance, other, on=D, catalogue=CATALOGUE)
    ]
    return PatientFacts(
        born_on=stays.born_on,
        skin_type=one_skin_type([stays.skin_type, gone.skin_type]),
        pih_history=stays.pih_history or gone.pih_history,
        concerns=tuple(Concern(one["code"], tuple(one["zones"]), one["severity"]) for one in concerns),
        answers=strictest_answers([stays.answers, gone.answers], CATALOGUE),
        sessions=stays.sessions + gone.sessions,
        adverse_events=stays.adverse_events + gone.adverse_events,
        clearances=tuple(kept),
    )


def loosened(before: PatientFacts, after: PatientFacts) -> list[str]:
    """Codes of what stood and stands less: gone, of a weaker kind, or over sooner."""
    found = {finding.code: finding for finding in at(after).findings}

    def is_weaker(finding) -> bool:
        now = found.get(finding.code)
        if now is None or CATEGORIES.index(now.category) > CATEGORIES.index(finding.category):
            return True
        if now.category != finding.category:
            return False
        return (now.lapses_on or date.max) < (finding.lapses_on or date.max)

    return [finding.code for finding in at(before).findings if is_weaker(finding)]


@given(patients(), patients())
@unhurried
def test_whatever_stands_on_either_record_stands_on_both(stays, gone):
    merged = one_of(stays, gone)
    assert loosened(stays, merged) == []
    assert loosened(replace(gone, born_on=stays.born_on), merged) == []


@given(patients(), patients())
@unhurried
def test_no_earlier_day_than_either_allows(stays, gone):
    gone = replace(gone, born_on=stays.born_on)
    merged = at(one_of(stays, gone)).earliest_on
    for record in (stays, gone):
        alone = at(record).earliest_on
        assert merged is None or (alone is not None and merged >= alone)


@given(patients(), patients())
@unhurried
def test_it_is_the_same_whichever_record_stays(stays, gone):
    gone = replace(gone, born_on=stays.born_on)
    one, other = at(one_of(stays, gone)), at(one_of(gone, stays))
    assert (one.outcome, one.earliest_on, one.missing) == (other.outcome, other.earliest_on, other.missing)


def test_the_newest_answer_of_the_one_does_not_silence_the_other():
    """The negative control beside it: settled as one history, the later no of the other record would count alone."""
    took = [Answer("yes", answered_on=D - timedelta(days=30))]
    never = [Answer("no", answered_on=D)]
    code = "keloid_personal"
    apart = [settle_all({code: one}, CATALOGUE) for one in (took, never)]
    assert strictest_answers(apart, CATALOGUE)[code].value == "yes"
    replacing = next(rule.code for rule in CATALOGUE.rules if rule.later_no == "replaces" and rule.form == "full")
    as_one = settle_all({replacing: [*took, *never]}, CATALOGUE)
    assert as_one[replacing].value == "no"
    apart = [settle_all({replacing: one}, CATALOGUE) for one in (took, never)]
    assert strictest_answers(apart, CATALOGUE)[replacing].value == "yes"


@pytest.mark.parametrize(
    ("one", "other", "counts"),
    [
        # Between two that raise: the longer wait, the stronger word, no end before an end.
        (("laser_ipl", "non_ablative", D), ("laser_ipl", "ablative", D - timedelta(days=10)), "ablative"),
        (("laser_ipl", "non_ablative", D), ("laser_ipl", "ablative", D - timedelta(days=80)), "non_ablative"),
        (("rosacea", "flushing", None), ("rosacea", "papulopustular", None), "papulopustular"),
        (("home_needling", "under_0_5", D), ("home_needling", "0_5_or_more", D - timedelta(days=90)), "0_5_or_more"),
    ],
)
def test_of_two_that_raise_the_stricter_counts(one, other, counts):
    code = one[0]
    records = [{code: Answer("yes", on=on, detail=detail, answered_on=D)} for _, detail, on in (one, other)]
    assert strictest_answers(records, CATALOGUE)[code].detail == counts
    assert strictest_answers(records[::-1], CATALOGUE)[code].detail == counts


def test_no_word_of_the_catalogue_changes_kind_and_length_at_once():
    """Else two answers could each be the stricter in one of the two, and no single one could stand for both."""
    for rule in CATALOGUE.rules:
        kinds = {detail.category for detail in rule.details.values() if detail.raises}
        lengths = {detail.days for detail in rule.details.values() if detail.raises}
        assert len(kinds) < 2 or len(lengths) < 2, rule.code


def test_where_nothing_is_raised_the_fresher_answer_counts():
    old, new = (Answer("no", answered_on=D - timedelta(days=days)) for days in (300, 3))
    assert strictest_answers([{"pregnant": old}, {"pregnant": new}], CATALOGUE)["pregnant"] == new


def test_skin_types_that_differ_are_no_skin_type():
    assert one_skin_type([]) is None
    assert one_skin_type([2]) == one_skin_type([2, 2]) == 2
    assert one_skin_type([2, 5]) is None
    assert one_skin_type([2, None]) is None


def test_concerns_are_as_wide_and_as_severe_as_either_says():
    one = [{"code": "acne_scar_face", "zones": ["cheek"], "severity": "mild"}]
    other = [{"code": "acne_scar_face", "zones": ["chin", "cheek"], "severity": "severe"}]
    other.append({"code": "melasma", "zones": ["cheek"], "severity": None})
    assert all_concerns([one, other]) == [
        {"code": "acne_scar_face", "zones": ["cheek", "chin"], "severity": "severe"},
        {"code": "melasma", "zones": ["cheek"], "severity": None},
    ]
    assert all_concerns([one]) == one
    assert one[0]["zones"] == ["cheek"]


def test_a_clearance_lifts_nothing_that_its_giver_did_not_know_of():
    until = D + timedelta(days=60)
    cleared = ClearanceFact("hsv_history", until)
    bare = harmless()
    raised = replace(bare, answers={**bare.answers, "hsv_history": Answer("yes", answered_on=D)})
    as_long = replace(raised, clearances=(cleared,))
    shorter = replace(raised, clearances=(ClearanceFact("hsv_history", until - timedelta(days=1)),))

    def too_far(other: PatientFacts) -> bool:
        return reaches_too_far(cleared, other, on=D, catalogue=CATALOGUE)

    assert [too_far(other) for other in (bare, raised, as_long, shorter)] == [False, True, False, True]
