"""`screen()`: what it refuses, what it says beside the verdict, and what each outcome permits."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.protocol.people import D, day, described, harmless
from treatments.protocol.catalogue import load
from treatments.protocol.facts import BadFacts
from treatments.protocol.screening import PERMITS, birthday, screen

CATALOGUE = load()


def at(facts, on=D, purpose="session"):
    return screen(facts, on=on, purpose=purpose, catalogue=CATALOGUE)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ("born D+1", "born_on"),
        ("laser_ipl yes D+1", "answers.laser_ipl.on"),
        ("pregnant no said D+1", "answers.pregnant.answered_on"),
        ("session D+1", "sessions[0].on"),
        ("session D; session D+1", "sessions[1].on"),
        ("event 2 closed D+1", "adverse_events[0].resolved_on"),
    ],
)
def test_a_fact_after_the_day_asked_about_is_refused_by_name(facts, field):
    with pytest.raises(BadFacts, match=rf"^{field.replace('[', chr(92) + '[')}: .* lies after 2026-12-01"):
        at(described(facts))


def test_an_event_to_come_may_lie_ahead():
    assert at(described("event_soon yes D+200")).outcome == "caution"


def test_a_fact_on_the_day_itself_is_fine():
    assert at(described("laser_ipl yes D non_ablative")).earliest_on == D + timedelta(days=28)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ("", []),
        ("skin IV", [("floor_days", 42, ("skin_type",)), ("endpoint", "erythema", ("skin_type",)),
                     ("sun_avoidance_days", 28, ("skin_type",))]),
        ("concern melasma cheek", [("floor_days", 42, ("melasma",)), ("endpoint", "erythema", ("melasma",)),
                                   ("sun_avoidance_days", 28, ("melasma",))]),
        ("pigment trouble", [("floor_days", 42, ("pih_history",)), ("soft_max_step_mm", -0.25, ("pih_history",))]),
        ("session D-60 1.75", [("floor_days", 42, ("max_depth_mm",))]),
        ("event 1 closed D-60 over_72h", [("floor_days", 42, ("adverse_event",))]),
        ("anticoagulant_rx yes", [("soft_max_step_mm", -0.25, ("anticoagulant_rx",))]),
        ("anaesthetic_allergy yes; anaesthetic_caution yes",
         [("anaesthetic", "none", ("anaesthetic_allergy", "anaesthetic_caution"))]),
        ("raised_lesion_area yes; tattoo_pmu_area yes",
         [("avoid_zones", "marked", ("raised_lesion_area", "tattoo_pmu_area"))]),
        ("skin IV; session D-60; cleared interval_floor D",
         [("endpoint", "erythema", ("skin_type",)), ("sun_avoidance_days", 28, ("skin_type",))]),
    ],
)  # fmt: skip
def test_the_changes_name_what_asks_for_them(facts, expected):
    assert [(c.parameter, c.value, c.because) for c in at(described(facts)).changes] == expected


def test_pigment_trouble_adds_to_a_raised_floor():
    (floor_days, *_) = at(described("skin V; pigment trouble")).changes
    assert (floor_days.value, floor_days.because) == (56, ("skin_type", "pih_history"))


def test_a_lifted_finding_keeps_its_change():
    found = at(described("anticoagulant_rx yes; cleared anticoagulant_rx D"))
    assert (found.outcome, [change.parameter for change in found.changes]) == ("caution", ["soft_max_step_mm"])


def test_the_json_has_the_contracted_keys_and_plain_values():
    found = at(described("skin IV; isotretinoin_past yes D-100; hsv_history yes; cleared hsv_history D+3")).to_json()
    assert list(found) == [
        "protocol_version", "on", "for", "outcome", "earliest_on", "binding", "findings", "missing", "changes",
    ]  # fmt: skip
    assert (found["on"], found["for"], found["outcome"]) == ("2026-12-01", "session", "defer")
    assert (found["earliest_on"], found["binding"]) == ("2027-02-19", "isotretinoin_past")
    first, second = found["findings"]
    assert list(first) == ["code", "category", "earliest_on", "cleared_until", "date_assumed", "advice", "sources"]
    assert (first["category"], first["earliest_on"], first["cleared_until"]) == ("TMP", "2027-02-19", None)
    assert (second["category"], second["earliest_on"], second["cleared_until"]) == ("CAU", None, "2026-12-04")
    assert found["changes"][0] == {"parameter": "floor_days", "value": 42, "because": ["skin_type"]}


def test_what_lapses_by_itself_is_known_even_where_it_names_no_first_day():
    (finding,) = at(described("hydroquinone yes D-2")).findings
    assert (finding.category, finding.earliest_on, finding.lapses_on) == ("REL", None, day("D+5"))
    (lifted,) = at(described("isotretinoin_past yes D-60; cleared isotretinoin_past D")).findings
    assert (lifted.category, lifted.earliest_on, lifted.lapses_on) == ("CAU", None, day("D+120"))


def test_of_two_clearances_the_longer_one_counts():
    found = at(described("hsv_history yes; cleared hsv_history D+40; cleared hsv_history D+5"))
    assert found.findings[0].cleared_until == day("D+40")


def test_a_block_without_an_end_has_no_first_free_day_and_binds_nothing():
    found = at(described("pregnant yes; isotretinoin_past yes D-10"))
    assert (found.outcome, found.earliest_on, found.binding) == ("block", None, None)


def test_an_answer_whose_day_nobody_knows_is_asked_again_and_counts_from_the_day_asked_about():
    answers = harmless().answers
    undated = replace(answers["laser_ipl"], value="yes", detail="non_ablative", answered_on=None)
    found = at(harmless(answers={**answers, "laser_ipl": undated}))
    assert (found.earliest_on, found.missing) == (D + timedelta(days=28), ("laser_ipl",))


@pytest.mark.parametrize(
    ("needlings", "assumed"),
    [
        ("needling_elsewhere yes", True),
        ("needling_elsewhere yes; session D", False),
        ("session D-3; needling_elsewhere yes", True),
        ("session D-3", False),
    ],
)
def test_the_floor_says_whether_its_day_was_assumed(needlings, assumed):
    found = at(described(needlings))
    assert [f.date_assumed for f in found.findings if f.code == "interval_floor"] == [assumed]


def test_whoever_is_born_on_leap_day_comes_of_age_on_the_first_of_march():
    assert birthday(date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert birthday(date(2008, 2, 29), 20) == date(2028, 2, 29)


def test_the_table_of_what_each_outcome_permits():
    table = {outcome: (p.submit, p.activate, p.book, p.hold, p.open_session) for outcome, p in PERMITS.items()}
    assert table == {
        "block": (False, False, False, False, False),
        "defer": (True, True, False, False, False),
        "needs_clinician": (True, False, False, True, False),
        "ask": (True, False, True, True, False),
        "caution": (True, True, True, True, True),
        "clear": (True, True, True, True, True),
    }
    assert at(harmless()).permits.open_session
