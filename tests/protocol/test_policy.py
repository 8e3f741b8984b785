"""What a clinic sets for itself: which way is careful, what nobody passes, and which of several values wins."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.protocol.people import D, described, harmless
from treatments.protocol.catalogue import load
from treatments.protocol.changes import floor_days
from treatments.protocol.depth import limits
from treatments.protocol.facts import BadFacts, Device, from_json
from treatments.protocol.planning import propose_course
from treatments.protocol.policy import (
    BadPolicy,
    Setting,
    apply,
    checked,
    direction,
    parameters,
    setting_from_json,
)
from treatments.protocol.screening import screen

CATALOGUE = load()
PUBLISHED = parameters(CATALOGUE)
TOMORROW = D + timedelta(days=1)


def with_values(*settings: Setting | tuple, on: date = D):
    """The catalogue with settings; a pair is a tightening, a triple a loosening with its last day."""
    return apply(CATALOGUE, [s if isinstance(s, Setting) else Setting(*s) for s in settings], on)


def own(path: str, *settings: Setting | tuple, on: date = D):
    """The value in force."""
    return parameters(with_values(*settings, on=on))[path].default


def outcome(words: str, catalogue) -> str:
    return screen(described(words), on=D, purpose="session", catalogue=catalogue).outcome


# ── What there is to set ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "default", "stricter", "lowest", "highest"),
    [
        ("rule.isotretinoin_past.washout_days", 180, "more", 0, 3650),
        ("rule.sun_tan_exposure.washout_4_6_days", 28, "more", 0, 3650),
        ("rule.sun_tan_exposure.washout_pigment_days", 28, "more", 0, 3650),
        ("rule.laser_ipl.ablative_days", 90, "more", 0, 3650),
        ("rule.home_needling.washout_days", 28, "more", 28, 3650),
        ("rule.adverse_event.washout_days", 14, "more", 14, 3650),
        ("rule.smoking.category", "CAU", "heavier", "CAU", "ABS"),
        ("rule.keloid_personal.category", "ABS", "heavier", "REL", "ABS"),
        ("interval.floor_days", 28, "more", 28, 3650),
        ("interval.raised_floor_days", 42, "more", 28, 3650),
        ("interval.event_grade", 2, "less", 1, 2),
        ("interval.deep_session_mm", "1.5", "less", "0.25", "3"),
        ("concern.melasma.floor_days", 42, "more", 42, 3650),
        ("concern.melasma.soft_max_mm", "1", "less", "0.25", "1"),
        ("concern.hyperpig.soft_max_4_6_mm", "0.5", "less", "0.25", "0.5"),
        ("concern.striae.sessions_maximum", 6, "less", 1, 8),
        ("concern.cellulite.offered", False, "off", False, False),
        ("zone.forehead.soft_max_mm", "1", "less", "0.25", "1.5"),
        ("zone.cheek.hard_cap_mm", "1.5", "less", "0.25", "1.5"),
        ("zone.cheek.hard_cap_by_device_mm", "2", "less", "0.25", "2"),
        ("depth.step_mm", "0.25", "less", "0.05", "0.5"),
        ("age.minimum_years", 18, "more", 18, 100),
        ("numbing.alert_mg_without_weight", "225", "less", "0.5", "225"),
        ("zone.abdomen.soft_max_mm", "1.5", "less", "0.25", "1.5"),
        ("rule.acne_inflamed.category", "REL", "heavier", "REL", "ABS"),
    ],
)
def test_a_value_has_its_default_its_careful_side_and_its_bounds(path, default, stricter, lowest, highest):
    found = PUBLISHED[path]
    assert (found.default, found.stricter, found.lowest, found.highest) == (default, stricter, lowest, highest)
    assert found.path == path
    assert found.label
    assert found.sources


@pytest.mark.parametrize(
    "path",
    [
        "rule.interval_floor.washout_days",  # the interval has its own values
        "rule.interval_floor.category",
        "rule.adverse_event.category",
        "rule.adverse_event_open.category",
        "rule.age_under_18.category",
        "rule.metal_allergy.category",
        "rule.isotretinoin_now.category",
        "rule.pregnant.category",  # runs until it ends
        "rule.home_needling.under_0_5_days",
        "zone.eyelid.soft_max_mm",
        "zone.nose.hard_cap_by_device_mm",
        "concern.melasma.soft_max_4_6_mm",
        "depth.absolute_mm",
        "concern.cellulite.target_days",
        "interval.sun_avoidance_days",  # the waits of its rule are what is set
        "interval.sun_avoidance_raised_days",
        "numbing.prep_minutes_without_agent",  # nothing is booked by it
    ],
)
def test_what_nobody_may_set_is_no_parameter(path):
    assert path not in PUBLISHED


def test_every_default_passes_its_own_check_and_points_nowhere():
    for parameter in PUBLISHED.values():
        assert checked(parameter, parameter.default) == parameter.default
        assert direction(parameter, parameter.default) == "same"


def test_a_value_keeps_what_speaks_for_it_and_against_it():
    interval = PUBLISHED["interval.floor_days"]
    assert interval.evidence == CATALOGUE.interval.evidence
    assert interval.dissent == CATALOGUE.interval.dissent


# ── Directions and bounds ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("interval.floor_days", 35, "stricter"),
        ("rule.isotretinoin_past.washout_days", 90, "looser"),
        ("rule.isotretinoin_past.washout_days", 180, "same"),
        ("zone.cheek.soft_max_mm", "1.25", "stricter"),
        ("zone.cheek.soft_max_mm", "1.50", "same"),
        ("zone.forehead.soft_max_mm", "1.25", "looser"),
        ("rule.smoking.category", "REL", "stricter"),
        ("rule.hsv_history.category", "CAU", "looser"),
        ("rule.hsv_history.category", "ABS", "stricter"),
        ("concern.melasma.offered", False, "stricter"),
    ],
)
def test_which_way_a_value_lies(path, value, expected):
    assert direction(PUBLISHED[path], value) == expected


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("interval.floor_days", 27, "28 to 3650 days"),
        ("interval.raised_floor_days", 27, "28 to 3650 days"),
        ("rule.home_needling.0_5_or_more_days", 27, "28 to 3650 days"),
        ("rule.adverse_event.washout_days", 13, "14 to 3650 days"),
        ("zone.cheek.hard_cap_mm", "1.55", "0.25 to 1.5 mm"),
        ("zone.cheek.soft_max_mm", "1.55", "0.25 to 1.5 mm"),
        ("concern.acne_scar_face.soft_max_mm", "1.55", "0.25 to 1.5 mm"),
        ("interval.event_grade", 3, "1 to 2 grade"),
        ("age.minimum_years", 17, "18 to 100 years"),
        ("numbing.alert_mg", "301", "0.5 to 300 mg"),
        ("rule.keloid_personal.category", "CAU", "choose one of REL, ABS"),
        ("rule.smoking.category", "TMP", "choose one of CAU, REL, ABS"),
        ("concern.cellulite.offered", True, "no evidence"),
        ("concern.melasma.offered", "no", "answer yes or no"),
        ("interval.floor_days", "soon", "a whole number"),
        ("interval.floor_days", "35.5", "a whole number"),
        ("interval.floor_days", True, "a whole number"),
        ("interval.floor_days", None, "a whole number"),
        ("interval.floor_days", "1E400", "a whole number"),
        ("interval.floor_days", "NaN", "a whole number"),
        ("zone.cheek.soft_max_mm", "1.001", "at most two decimals"),
        ("zone.cheek.soft_max_mm", "Infinity", "at most two decimals"),
    ],
)
def test_beyond_a_bound_nobody_goes(path, value, says):
    with pytest.raises(BadPolicy, match=says) as refused:
        checked(PUBLISHED[path], value)
    assert str(refused.value).startswith(PUBLISHED[path].label)


@pytest.mark.parametrize(
    ("path", "typed", "kept"),
    [
        ("interval.floor_days", "35", 35),
        ("interval.floor_days", 28, 28),
        ("zone.cheek.soft_max_mm", "1.250", "1.25"),
        ("zone.cheek.soft_max_mm", Decimal("1.50"), "1.5"),
        ("zone.cheek.soft_max_mm", 1, "1"),
        ("rule.smoking.category", "ABS", "ABS"),
        ("concern.melasma.offered", False, False),
        ("concern.melasma.offered", True, True),
    ],
)
def test_a_value_is_kept_in_one_way_of_writing(path, typed, kept):
    assert checked(PUBLISHED[path], typed) == kept
    assert type(checked(PUBLISHED[path], typed)) is type(kept)


# ── Which value wins ──────────────────────────────────────────────────────────

WAIT = "rule.isotretinoin_past.washout_days"


def test_without_settings_the_published_catalogue_itself_is_in_force():
    assert with_values() is CATALOGUE
    assert with_values(("rule.of_yesterday.washout_days", 3)) is CATALOGUE
    assert with_values((WAIT, 90, D - timedelta(days=1))) is CATALOGUE


def test_the_applied_catalogue_is_the_same_version_with_the_same_text():
    applied = with_values((WAIT, 200))
    assert (applied.version, applied.sha256, applied.text) == (CATALOGUE.version, CATALOGUE.sha256, CATALOGUE.text)
    assert parameters(CATALOGUE)[WAIT].default == 180


def test_the_stricter_wins_whatever_the_order():
    looser, stricter = Setting(WAIT, 90, D), Setting(WAIT, 365)
    assert own(WAIT, looser) == 90
    assert own(WAIT, stricter) == 365
    assert own(WAIT, looser, stricter) == own(WAIT, stricter, looser) == 365
    assert own(WAIT, looser, Setting(WAIT, 100)) == 100


def test_of_several_values_of_one_kind_the_strictest_counts():
    assert own(WAIT, (WAIT, 200), (WAIT, 300), (WAIT, 250)) == 300
    assert own(WAIT, (WAIT, 90, D), (WAIT, 120, D), (WAIT, 100, TOMORROW)) == 120


def test_a_loosening_counts_on_its_last_day_and_not_the_day_after():
    assert own(WAIT, (WAIT, 90, D), on=D) == 90
    assert own(WAIT, (WAIT, 90, D), on=TOMORROW) == 180


def test_a_loosening_that_a_newer_version_does_not_allow_or_need_is_passed_over():
    assert own(WAIT, (WAIT, 200, D)) == 180
    assert own("interval.floor_days", ("interval.floor_days", 21, D)) == 28


def test_a_tightening_that_a_newer_version_has_overtaken_loosens_nothing():
    assert own(WAIT, (WAIT, 100)) == 180
    assert own("zone.cheek.hard_cap_mm", ("zone.cheek.hard_cap_mm", "2.5")) == "1.5"


def test_a_setting_comes_back_from_the_record_as_it_was():
    for setting in (
        Setting(WAIT, 200),
        Setting("zone.cheek.soft_max_mm", "1.25", D),
        Setting("concern.melasma.offered", False),
    ):
        assert setting_from_json(setting.to_json()) == setting
    for broken in ({}, {"path": WAIT, "value": 1.5}, {"path": WAIT, "value": 3, "expires_on": 20261201}):
        with pytest.raises(BadPolicy):
            setting_from_json(broken)


# ── What hangs on a value moves with it ───────────────────────────────────────


def test_a_longer_wait_holds_for_every_word_of_the_rule_and_against_a_shorter_label():
    words = "laser_ipl yes D-99 ablative"
    assert outcome(words, CATALOGUE) == "clear"
    assert outcome(words, with_values(("rule.laser_ipl.washout_days", 100))) == "defer"
    assert outcome(words, with_values(("rule.laser_ipl.ablative_days", 100))) == "defer"
    assert outcome("laser_ipl yes D-99 non_ablative", with_values(("rule.laser_ipl.ablative_days", 100))) == "clear"
    labelled = "filler yes D-59; filler label 14"
    assert outcome(labelled, CATALOGUE) == "clear"
    assert outcome(labelled, with_values(("rule.filler.washout_days", 60))) == "defer"
    assert outcome("filler yes D-60; filler label 14", with_values(("rule.filler.washout_days", 60))) == "clear"
    assert outcome("filler yes D-60; filler label 180", with_values(("rule.filler.washout_days", 60))) == "defer"


def test_a_shorter_wait_leaves_the_longer_one_of_a_higher_risk_alone():
    looser = with_values(("rule.laser_ipl.washout_days", 14, D), ("rule.sun_tan_exposure.washout_days", 7, D))
    assert outcome("laser_ipl yes D-14 non_ablative", looser) == "clear"
    assert outcome("laser_ipl yes D-14 ablative", looser) == "defer"
    assert outcome("sun_tan_exposure yes D-7", looser) == "clear"
    assert outcome("skin V; sun_tan_exposure yes D-27", looser) == "defer"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("rule.sun_tan_exposure.washout_4_6_days", "skin V; sun_tan_exposure yes D-28"),
        ("rule.sun_tan_exposure.washout_pigment_days", "concern sun_damage; sun_tan_exposure yes D-28"),
    ],
)
def test_the_wait_of_a_higher_risk_has_its_own_value(path, words):
    assert outcome(words, CATALOGUE) != "defer"
    assert outcome(words, with_values((path, 29))) == "defer"
    assert outcome(words.replace("28", "20"), with_values((path, 20, D))) != "defer"
    assert outcome(words.replace("28", "19"), with_values((path, 20, D))) == "defer"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (WAIT, 200, "This clinic waits 200 days."),
        ("rule.sun_tan_exposure.washout_4_6_days", 35, "This clinic waits 35 days for skin type IV to VI."),
        ("rule.sun_tan_exposure.washout_pigment_days", 35, "This clinic waits 35 days for a pigment concern."),
        ("rule.laser_ipl.ablative_days", 100, "This clinic waits 100 days for: Skin surface removed (CO2, erbium)."),
        ("rule.laser_ipl.washout_days", 100, "This clinic waits 100 days."),
        ("rule.keloid_family.category", "ABS", "In this clinic it blocks treatment."),
        ("rule.nsaid_otc.category", "TMP", "In this clinic treatment waits until it is over."),
        ("rule.smoking.category", "REL", "In this clinic a clinician decides."),
    ],
)
def test_the_advice_says_what_the_clinic_has_set_for_itself(path, value, said):
    code = path.split(".")[1]
    told = with_values((path, value)).rule(code).advice
    assert told.startswith(CATALOGUE.rule(code).advice)
    assert told.removeprefix(CATALOGUE.rule(code).advice).strip().startswith(said)
    assert told.count("This clinic") + told.count("In this clinic") == 1
    assert with_values((path, value)).rule("filler").advice == CATALOGUE.rule("filler").advice


def test_a_block_made_milder_says_so():
    told = with_values(("rule.hsv_history.category", "CAU", D)).rule("hsv_history").advice
    assert told.endswith("In this clinic it is a caution.")


def test_a_session_asks_for_as_long_without_sun_as_the_rule_does():
    assert CATALOGUE.interval.sun_avoidance_raised_days == 28
    for path, days in (("washout_4_6_days", 35), ("washout_pigment_days", 40), ("washout_days", 60)):
        assert with_values((f"rule.sun_tan_exposure.{path}", days)).interval.sun_avoidance_raised_days == days
    assert with_values((WAIT, 200)).interval.sun_avoidance_raised_days == 28


def test_without_a_rule_about_sun_the_published_days_stay():
    others = {code: rule for code, rule in CATALOGUE.rules_by_code.items() if code != "sun_tan_exposure"}
    without = replace(CATALOGUE, rules=tuple(others.values()), rules_by_code=others)
    assert apply(without, [Setting(WAIT, 200)], D).interval.sun_avoidance_raised_days == 28


def test_strictness_goes_by_the_order_of_all_categories():
    """A rule that a clinic has made a block offers other choices than the published one: no choice is ever unknown."""
    for code in ("keloid_family", "isotretinoin_past", "hydroquinone"):
        path = f"rule.{code}.category"
        ours = parameters(with_values((path, "ABS")))[path]
        for value in PUBLISHED[path].choices:
            assert direction(ours, value) == ("same" if value == "ABS" else "looser")


def test_a_caution_made_heavier_can_be_cleared_for_one_patient():
    by_clinician = with_values(("rule.smoking.category", "REL"))
    assert outcome("smoking yes", by_clinician) == "needs_clinician"
    assert outcome("smoking yes; cleared smoking D", by_clinician) == "caution"
    blocked = with_values(("rule.smoking.category", "ABS"))
    assert outcome("smoking yes", blocked) == "block"
    assert outcome("smoking yes; cleared smoking D", blocked) == "caution"
    assert (by_clinician.rule("smoking").lifted_by, blocked.rule("smoking").lifted_by) == ("clinician", "prescriber")


def test_a_soft_wait_can_become_a_hard_one_and_a_hard_one_soft():
    hard = with_values(("rule.nsaid_otc.category", "TMP"))
    assert outcome("nsaid_otc yes D-4", CATALOGUE) == "caution"
    assert outcome("nsaid_otc yes D-4", hard) == "defer"
    assert not hard.rule("nsaid_otc").soft
    soft = with_values(("rule.self_tan.category", "CAU", D))
    assert outcome("self_tan yes D-4", soft) == "caution"
    assert soft.rule("self_tan").soft
    assert not with_values(("rule.hsv_history.category", "CAU", D)).rule("hsv_history").soft


def test_a_heavier_rule_takes_the_milder_words_with_it_and_keeps_its_way_out():
    heavier = with_values(("rule.scleroderma_ctd.category", "ABS"))
    assert outcome("scleroderma_ctd yes quiet", CATALOGUE) == "needs_clinician"
    assert outcome("scleroderma_ctd yes quiet", heavier) == "block"
    assert heavier.rule("scleroderma_ctd").lifted_by == "clinician"
    assert outcome("acne_inflamed yes grade_3_4", with_values(("rule.acne_inflamed.category", "CAU", D))) == "block"


def test_a_raised_floor_takes_target_and_latest_of_every_concern_with_it():
    tightened = with_values(("interval.floor_days", 90))
    assert tightened.interval.raised_floor_days == 90
    for concern in tightened.concerns.values():
        spacing = concern.interval
        assert 90 == spacing.floor_days <= spacing.target_days <= spacing.latest_days
    course = propose_course(described("concern fine_lines cheek"), start_on=D, catalogue=tightened)
    assert (course.floor_days, course.target_days, course.latest_days) == (90, 90, 90)


def test_a_floor_of_one_concern_does_not_bring_the_raised_floor_with_it():
    own_floor = with_values(("concern.fine_lines.floor_days", 35))
    both = with_values(("concern.fine_lines.floor_days", 35), ("interval.floor_days", 35))
    for catalogue in (own_floor, both):
        assert propose_course(described("concern fine_lines cheek"), start_on=D, catalogue=catalogue).floor_days == 35
    found = screen(described("concern fine_lines; session D-34"), on=D, purpose="session", catalogue=own_floor)
    assert (found.outcome, found.binding, found.earliest_on) == ("defer", "interval_floor", TOMORROW)
    assert [change.because for change in found.changes if change.parameter == "floor_days"] == [("fine_lines",)]


def test_latest_and_baseline_stay_in_order():
    tightened = with_values(("interval.new_baseline_after_days", 60), ("concern.fine_lines.latest_days", 30))
    assert tightened.interval.late_after_days == tightened.interval.new_baseline_after_days == 60
    assert tightened.concern("fine_lines").interval.latest_days == 42


def depth(zone: str, concern: str, catalogue, **more):
    asked = {"skin_type": 2, "pih_history": False, "device": None, "first_session": False, **more}
    found = limits(zone, [concern], catalogue=catalogue, **asked)
    return str(found.start_mm), str(found.soft_max_mm), str(found.hard_cap_mm)


def test_a_zones_usual_maximum_caps_every_concern_and_raises_only_the_deepest():
    stricter = with_values(("zone.cheek.soft_max_mm", "0.75"))
    assert depth("cheek", "acne_scar_face", stricter) == ("0.75", "0.75", "1.5")
    assert depth("cheek", "glow_dullness", stricter) == depth("cheek", "glow_dullness", CATALOGUE)
    looser = with_values(("zone.forehead.soft_max_mm", "1.25", D))
    assert depth("forehead", "acne_scar_face", CATALOGUE) == ("0.5", "1.0", "1.5")
    assert depth("forehead", "acne_scar_face", looser) == ("0.5", "1.25", "1.5")
    assert depth("forehead", "fine_lines", looser) == depth("forehead", "fine_lines", CATALOGUE)
    assert own("zone.forehead.soft_max_mm", ("zone.forehead.soft_max_mm", "1.25", D)) == "1.25"


def test_a_hard_cap_takes_everything_below_it_along():
    capped = with_values(("zone.cheek.hard_cap_mm", "0.75"))
    deep = Device(max_depth_mm={"cheek": Decimal("2.5")})
    assert depth("cheek", "acne_scar_face", capped, device=deep, prescriber=True) == ("0.75", "0.75", "0.75")
    assert depth("cheek", "acne_scar_face", CATALOGUE, device=deep, prescriber=True)[2] == "2.0"
    no_label = with_values(("zone.cheek.hard_cap_by_device_mm", "1.5"))
    assert depth("cheek", "acne_scar_face", no_label, device=deep, prescriber=True)[2] == "1.5"
    assert depth("nose", "acne_scar_face", with_values(("zone.nose.hard_cap_mm", "0.5")))[2] == "0.5"


def test_a_concerns_ceiling_holds_for_every_skin_type():
    assert depth("cheek", "hyperpig", with_values(("concern.hyperpig.soft_max_mm", "0.3")), skin_type=5)[1] == "0.3"
    assert depth("cheek", "acne_scar_face", with_values(("concern.acne_scar_face.soft_max_mm", "1.25")))[1] == "1.25"
    lighter = with_values(("concern.hyperpig.soft_max_4_6_mm", "0.3"))
    assert depth("cheek", "hyperpig", lighter, skin_type=5)[1] == "0.3"
    assert depth("cheek", "hyperpig", lighter, skin_type=2)[1] == "1.0"


def test_a_smaller_step_up_does_not_make_the_step_down_smaller():
    gentle = with_values(("depth.step_mm", "0.1"))
    assert gentle.depth.step_mm == Decimal("0.1")
    for more in ({"pih_history": True}, {"skin_type": 5, "first_session": True}, {"after_long_gap": True}):
        assert depth("cheek", "fine_lines", gentle, **more) == depth("cheek", "fine_lines", CATALOGUE, **more)


def test_fewer_sessions_at_most_shorten_the_plan_and_change_no_other_choice():
    two = with_values(("concern.striae.sessions_maximum", 2))
    for severity in (None, "severe"):
        count = two.concern("striae").count(severity)
        assert (count.minimum, count.plan, count.maximum) == (2, 2, 2)
    # The count is that of the concern with the largest published number, so a cap on it brings no longer course in.
    both = described("concern neck_wrinkles neck; concern acne_scar_face cheek")
    assert propose_course(both, start_on=D, catalogue=CATALOGUE).maximum == 4
    capped = propose_course(both, start_on=D, catalogue=with_values(("concern.neck_wrinkles.sessions_maximum", 2)))
    assert (capped.count, capped.maximum) == (2, 2)
    more = with_values(("concern.striae.sessions_maximum", 7, D))
    assert more.concern("striae").sessions.maximum == 7
    assert more.concern("striae").count("severe").maximum == 8


def test_a_withdrawn_concern_begins_no_course_and_leaves_one_under_way_alone():
    withdrawn = with_values(("concern.melasma.offered", False))
    assert "melasma" not in [concern.code for concern in withdrawn.offered_concerns()]
    facts = {"born_on": "1990-04-02", "skin_type": 3, "concerns": [{"code": "melasma", "zones": ["cheek"]}]}
    known = from_json(facts, withdrawn)
    assert screen(known, on=D, purpose="session", catalogue=withdrawn).changes
    assert depth("cheek", "melasma", withdrawn) == depth("cheek", "melasma", CATALOGUE)
    with pytest.raises(BadFacts, match="not offered by this clinic"):
        propose_course(known, start_on=D, catalogue=withdrawn)
    with pytest.raises(BadFacts, match="cellulite is not offered"):
        from_json({**facts, "concerns": [{"code": "cellulite", "zones": ["thigh"]}]}, withdrawn)


def test_age_event_grade_and_numbing_follow_the_clinic():
    assert outcome("born 2006-12-02", CATALOGUE) == "caution"
    assert outcome("born 2006-12-02", with_values(("age.minimum_years", 21))) == "block"
    assert outcome("event 1 open", CATALOGUE) == "clear"
    assert outcome("event 1 open", with_values(("interval.event_grade", 1))) == "block"
    assert with_values(("numbing.alert_mg", "200")).numbing.alert_mg == Decimal("200")


def test_a_harmless_patient_stays_clear_under_every_tightening_of_a_wait():
    longest = [(path, 3650) for path in PUBLISHED if path.startswith("rule.") and path.endswith("_days")]
    assert screen(harmless(), on=D, purpose="session", catalogue=with_values(*longest)).outcome == "clear"


def test_a_floor_lowered_by_a_prescriber_is_never_lower_than_the_clinics_own():
    patient = described("skin V; session D-34; cleared interval_floor D+9")
    assert screen(patient, on=D, purpose="session", catalogue=CATALOGUE).outcome != "defer"
    tightened = with_values(("interval.floor_days", 35))
    assert screen(patient, on=D, purpose="session", catalogue=tightened).earliest_on == TOMORROW


def test_a_zone_that_a_version_has_lost_is_still_called_something():
    assert CATALOGUE.zone_label("cheek") == "Cheek"
    assert CATALOGUE.zone_label("outer_ear") == "Outer ear"


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("skin II", 28),
        ("skin V", 42),
        ("skin V; pigment trouble", 56),
        ("skin V; session D-40; cleared interval_floor D+9", 28),
    ],
)
def test_a_screening_tells_the_shortest_interval_of_its_day(words, days):
    found = screen(described(words), on=D, purpose="booking", catalogue=CATALOGUE)
    assert floor_days(found.changes, CATALOGUE) == days


def test_the_shortest_interval_follows_the_clinics_own():
    tightened = with_values(("interval.floor_days", 35))
    found = screen(described("skin II"), on=D, purpose="booking", catalogue=tightened)
    assert floor_days(found.changes, tightened) == 35
