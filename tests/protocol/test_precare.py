"""What has to be left out before a visit: until when it may be done is what the screening of that day says, and nothing that
was prescribed is ever forbidden."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.people import D, harmless, saying
from tests.protocol.test_screening_properties import patients
from treatments.protocol import precare
from treatments.protocol.catalogue import load
from treatments.protocol.facts import Answer, Concern, Device, Needling, PatientFacts
from treatments.protocol.policy import Setting, apply
from treatments.protocol.precare import SAID_DAYS_BEFORE, SENT_DAYS_BEFORE, last_day_allowed, stops
from treatments.protocol.screening import screen

CATALOGUE = load()
VISIT = D + timedelta(days=120)
STOP_LINES = {
    line.rule: -step.offset_hours // 24 for step in CATALOGUE.steps for line in step.lines if line.kind == "stop"
}
unhurried = settings(deadline=None, max_examples=60)


def waits(known: PatientFacts, catalogue=CATALOGUE, **kept) -> dict[str, int]:
    """Rule to the days before the visit on which it may be done for the last time."""
    found = stops(known, visit_on=VISIT, catalogue=catalogue, **kept)
    return {stop.rule: (VISIT - stop.last_on).days for stop in found}


def stands_in_the_way(rule: str, known: PatientFacts, *, done_on: date, visit_on: date = VISIT) -> bool:
    """Whether the screening of the visit's day names a day after it, or advises against it, because this was done."""

    def later(facts: PatientFacts) -> set:
        seen = screen(facts, on=visit_on, purpose="session", catalogue=CATALOGUE)
        return {one for one in seen.findings if one.earliest_on and one.earliest_on > visit_on}

    without = replace(known, answers={code: said for code, said in known.answers.items() if code != rule})
    told = Answer("yes", on=done_on, answered_on=done_on)
    return bool(later(saying(rule, told, without)) - later(without))


# ── The waits ─────────────────────────────────────────────────────────────────


def test_every_stop_line_of_the_catalogue_gets_the_wait_of_its_rule():
    assert waits(harmless()) == {
        "peel_deep_dermabrasion": 90,
        # Nobody says which laser it will be: the longest wait.
        "laser_ipl": 90,
        "peel_superficial": 30,
        "home_needling": 28,
        "sun_tan_exposure": 14,
        "filler": 28,
        "botulinum": 14,
        "self_tan": 14,
        "hair_removal": 7,
        "topical_retinoid": 5,
        "topical_acids": 5,
        "nsaid_otc": 5,
        "alcohol_24h": 1,
    }
    assert set(waits(harmless())) == set(STOP_LINES)


@pytest.mark.parametrize("skin_type", [4, 5, 6, None])
def test_dark_or_unknown_skin_waits_longer_for_sun_and_retinoids(skin_type):
    found = waits(harmless(skin_type=skin_type))
    assert (found["sun_tan_exposure"], found["topical_retinoid"]) == (28, 7)


def test_a_pigment_concern_waits_longer_for_the_sun():
    assert waits(harmless(concerns=(Concern("melasma", ("cheek",)),)))["sun_tan_exposure"] == 28


def test_the_label_of_the_device_decides_about_filler():
    pen = Device(name="Pen", max_depth_mm={"face": Decimal("1.5")}, filler_washout_days=180)
    assert waits(harmless(device=pen))["filler"] == 180


def test_a_wait_that_the_clinic_has_set_counts():
    rules = apply(CATALOGUE, [Setting("rule.botulinum.washout_days", 30)], VISIT)
    assert waits(harmless(), rules)["botulinum"] == 30


@pytest.mark.parametrize(("skin_type", "pih_history", "days"), [(2, False, 28), (5, False, 42), (5, True, 56)])
def test_needling_at_home_waits_for_the_whole_floor_between_two_needlings(skin_type, pih_history, days):
    """Its own rule waits 28 days only, but the screening counts it as a session."""
    known = harmless(skin_type=skin_type, pih_history=pih_history)
    assert waits(known)["home_needling"] == days
    assert not stands_in_the_way("home_needling", known, done_on=VISIT - timedelta(days=days))
    assert stands_in_the_way("home_needling", known, done_on=VISIT - timedelta(days=days - 1))


def test_what_no_day_is_long_enough_ago_for_has_no_last_day():
    pen = Device(name="Pen", filler_washout_days=4000)
    (filler,) = (
        one for one in stops(harmless(device=pen), visit_on=VISIT, catalogue=CATALOGUE) if one.rule == "filler"
    )
    assert (filler.last_on, filler.part) == (None, "notice")
    assert filler.sentence(D) == "No filler in the area from now on."


@given(known=patients(), rule=st.sampled_from(sorted(STOP_LINES)))
@unhurried
def test_the_search_finds_what_trying_every_day_finds(known, rule):
    """It asks the likeliest days first; tried one by one, the first that stands in nobody's way is the same."""
    found = last_day_allowed(rule, known, next_on=VISIT, catalogue=CATALOGUE)
    ahead = precare._Ahead(known, VISIT, CATALOGUE)
    days = next(days for days in range(precare.LONGEST_WAIT_DAYS) if not ahead.stands(rule, days))
    assert found == VISIT - timedelta(days=days)


@given(known=patients(), soon=st.integers(0, 120))
@unhurried
def test_nothing_done_on_the_last_day_puts_the_visit_off_and_a_day_later_it_would(known, soon):
    visit_on = D + timedelta(days=soon)
    for stop in stops(known, visit_on=visit_on, catalogue=CATALOGUE):
        assert not stands_in_the_way(stop.rule, known, done_on=stop.last_on, visit_on=visit_on), stop
        alone = replace(known, answers={}, clearances=())
        assert stands_in_the_way(stop.rule, alone, done_on=stop.last_on + timedelta(days=1), visit_on=visit_on), stop


def test_a_fixed_list_of_days_would_send_her_to_a_visit_that_is_put_off():
    """The control of the test above: the days at which the catalogue's steps stand, taken as the waits."""
    people = [
        harmless(skin_type=5),
        harmless(device=Device(name="Pen", filler_washout_days=180)),
        harmless(),
    ]
    wrong = {
        (number, rule)
        for number, known in enumerate(people)
        for rule, days in STOP_LINES.items()
        if stands_in_the_way(rule, known, done_on=VISIT - timedelta(days=days))
    }
    assert {(0, "topical_retinoid"), (0, "home_needling"), (1, "filler"), (2, "laser_ipl")} <= wrong


# ── When it is said ───────────────────────────────────────────────────────────


@given(known=patients())
@unhurried
def test_every_line_is_said_two_days_before_it_holds_or_when_the_visit_is_booked(known):
    for stop in stops(known, visit_on=VISIT, catalogue=CATALOGUE):
        days = (VISIT - stop.last_on).days
        if stop.part == "notice":
            assert days > 14
        else:
            assert SENT_DAYS_BEFORE[stop.part] - days >= SAID_DAYS_BEFORE


def test_what_forbids_nothing_is_said_in_the_part_its_step_belongs_to():
    assert precare.said_beside(["two_weeks"], CATALOGUE) == ["Tell us about new medicines, illness or a pregnancy."]
    assert precare.said_beside(["one_week"], CATALOGUE) == ["If we prescribed an antiviral medicine, pick it up now."]
    assert len(precare.said_beside(["notice"], CATALOGUE)) == 2


def test_of_several_visits_the_day_that_comes_first_is_named():
    other = VISIT + timedelta(days=42)
    pen = Device(name="Pen", filler_washout_days=180)
    found = precare.earliest(
        [
            stops(harmless(), visit_on=VISIT, catalogue=CATALOGUE),
            stops(harmless(device=pen), visit_on=other, catalogue=CATALOGUE),
        ]
    )
    days = {stop.rule: stop.last_on for stop in found}
    assert days["filler"] == other - timedelta(days=180)
    assert days["laser_ipl"] == VISIT - timedelta(days=90)
    assert len(found) == len(STOP_LINES)


# ── How it is said ────────────────────────────────────────────────────────────

NAMED = re.compile(r"\b(?P<words>\w+day \d+ \w+)\b")


@given(known=patients(), ago=st.integers(-130, 0))
@unhurried
def test_no_day_that_is_past_is_named(known, ago):
    """Told `-ago` days before the visit: what holds already is said as from now on."""
    today = VISIT + timedelta(days=ago)
    to_come = {precare.day_words(today + timedelta(days=days)) for days in range(1, 200)}
    for stop in stops(known, visit_on=VISIT, catalogue=CATALOGUE):
        sentence = stop.sentence(today)
        named = NAMED.search(sentence)
        assert ("from now on" in sentence) != bool(named), sentence
        assert named is None or named["words"] in to_come, sentence
        assert "{" not in sentence + stop.standing()


def test_sentences_are_the_catalogues_with_their_day():
    today = VISIT - timedelta(days=60)
    said = [stop.sentence(today) for stop in stops(harmless(), visit_on=VISIT, catalogue=CATALOGUE)]
    assert "No laser or IPL on the area from now on." in said
    assert f"No light peel or facial after {precare.day_words(VISIT - timedelta(days=30))}." in said
    standing = [stop.standing() for stop in stops(harmless(), visit_on=VISIT, catalogue=CATALOGUE)]
    assert "No laser or IPL on the area." in standing


# ── What is prescribed ────────────────────────────────────────────────────────

MEDICINES = st.sampled_from(
    [
        ("topical_retinoid", "Night cream"),
        (None, "Tretinoin 0.05 % cream"),
        (None, "Differin gel"),
        (None, "Epiduo"),
        (None, "Azelaic acid 15 %"),
        (None, "Aspirin 75 mg"),
        ("anticoagulant_rx", "Apixaban 5 mg"),
        ("isotretinoin_now", "Isotretinoin 20 mg"),
        ("chemo_immunosupp", "Azathioprine"),
        ("photosensitiser", "Doxycycline"),
        (None, "Salbutamol"),
    ]
)
SUBSTANCES_IN_LINES = {"topical_retinoid": "retinol", "topical_acids": "acids", "nsaid_otc": "aspirin"}
FORBIDS = re.compile(r"\bno\b|\bstop\b|\bavoid\b|from now on|\bafter\b", re.IGNORECASE)


@given(known=patients(), medicines=st.lists(MEDICINES, max_size=4), before=st.integers(0, 100))
@unhurried
def test_nothing_that_is_prescribed_is_forbidden(known, medicines, before):
    prescribed = precare.prescribed_rules(medicines)
    found = stops(known, visit_on=VISIT, catalogue=CATALOGUE, prescribed=prescribed)
    sentences = {stop.rule: stop.sentence(VISIT - timedelta(days=before)) for stop in found}
    for rule, sentence in sentences.items():
        if rule in prescribed:
            assert not FORBIDS.search(sentence.partition(":")[2]), sentence
            assert "Please ask us" in sentence
    for rule, substance in SUBSTANCES_IN_LINES.items():
        if rule in prescribed:
            assert not [said for said in sentences.values() if re.search(rf"\bNo\b.*\b{substance}", said)]


def test_without_the_list_of_medicines_her_cream_would_be_forbidden():
    """The control of the test above."""
    (cream,) = (one for one in stops(harmless(), visit_on=VISIT, catalogue=CATALOGUE) if one.rule == "topical_retinoid")
    assert FORBIDS.search(cream.sentence(D))


@pytest.mark.parametrize("rule", sorted(precare.ALWAYS_PRESCRIBED))
def test_a_catalogue_that_forbids_a_prescribed_medicine_is_not_repeated(rule):
    """Whatever a later version may say of isotretinoin or blood thinners."""
    step = next(step for step in CATALOGUE.steps if step.code == "before_28_days")
    line = replace(step.lines[1], rule=rule, text="No such medicine after {day}.")
    changed = replace(step, lines=(line,))
    catalogue = replace(CATALOGUE, steps=(changed,))
    for stop in stops(harmless(), visit_on=VISIT, catalogue=catalogue):
        assert "No such medicine" not in stop.sentence(D)


def test_a_name_gives_away_the_substance_and_the_kind_the_rule():
    assert {"topical_acids", "topical_retinoid"} <= precare.prescribed_rules([(None, "EPIDUO 0.1 %/2.5 % gel")])
    assert "nsaid_otc" in precare.prescribed_rules([("anticoagulant_rx", "Aspirin 75 mg")])
    assert precare.prescribed_rules([(None, "Hydrocortisone cream")]) == precare.ALWAYS_PRESCRIBED


def test_the_session_before_does_not_count_as_something_she_did():
    """Six weeks after a session the floor ends on the day of the visit: the waits stay what they are."""
    known = harmless(sessions=(Needling(VISIT - timedelta(days=42), Decimal("1.0")),))
    assert waits(known)["botulinum"] == 14
    assert waits(known)["filler"] == 28
