"""The shipped catalogue is complete and in order, and a wrong edit fails with a sentence that names the entry."""

import hashlib
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from treatments.protocol.catalogue import SHIPPED, BadCatalogue, completed, load, parse
from treatments.protocol.entries import Cell

ROOT = Path(__file__).resolve().parents[2]
TEXT = SHIPPED.read_text("utf-8")
CATALOGUE = load()

DAY_FORM = [
    "pregnant",
    "skin_infection_area",
    "hsv_active",
    "open_wound",
    "isotretinoin_now",
    "topical_retinoid",
    "sun_tan_exposure",
    "botulinum",
    "filler",
    "peel_superficial",
    "laser_ipl",
    "fever_unwell_antibiotic",
    "new_medicine",
    "new_allergy",
    "reaction_last_session",
    "needling_elsewhere",
]


def test_the_shipped_catalogue_carries_its_text_hash_and_version():
    assert CATALOGUE.text == TEXT
    assert CATALOGUE.sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert CATALOGUE.version == "2026.2"
    assert load() is CATALOGUE
    assert load(SHIPPED) is not CATALOGUE


def test_there_are_fifteen_concerns_and_one_of_them_is_not_offered():
    assert len(CATALOGUE.concerns) == 15
    assert [code for code in CATALOGUE.concerns if not CATALOGUE.concern(code).offered] == ["cellulite"]
    assert len(CATALOGUE.offered_concerns()) == 14
    assert [code for code, concern in CATALOGUE.concerns.items() if concern.pigment] == [
        "hyperpig", "melasma", "sun_damage",
    ]  # fmt: skip


def test_the_forms_hold_the_questions_of_the_sheet():
    assert {rule.code for rule in CATALOGUE.rules_for_form("day")} == set(DAY_FORM)
    assert [rule.code for rule in CATALOGUE.rules_for_form("clinician")] == ["unrealistic_bdd"]
    assert len(CATALOGUE.rules_for_form("computed")) == 6
    assert len(CATALOGUE.rules) == 67
    assert [rule.code for rule in CATALOGUE.rules if rule.soft] == [
        "nsaid_otc", "alcohol_24h", "photosensitiser", "vaccine_recent",
    ]  # fmt: skip


def test_who_lifts_what():
    lifted = {
        kind: {r.code for r in CATALOGUE.rules if r.lifted_by == kind}
        for kind in ("prescriber", "clinician", "new_answer", "nobody", "end_date")
    }
    assert lifted["prescriber"] == {
        "keloid_personal", "bleeding_disorder", "skin_cancer_area", "suspicious_lesion", "actinic_keratosis",
        "isotretinoin_past", "radiotherapy_area", "chemo_immunosupp", "interval_floor",
    }  # fmt: skip
    assert lifted["clinician"] == {
        "pih_history", "hsv_history", "keloid_family", "scleroderma_ctd", "poor_healing", "anticoagulant_rx",
        "hydroquinone", "new_scar_or_striae", "autoimmune", "bbv_or_systemic_infection", "diabetes_uncontrolled",
        "anaesthetic_allergy", "cardiac", "unrealistic_bdd", "new_medicine", "new_allergy", "reaction_last_session",
    }  # fmt: skip
    assert lifted["new_answer"] == {
        "hsv_active", "open_wound", "sunburn_now", "fever_unwell_antibiotic", "skin_infection_area", "acne_inflamed",
        "rosacea", "eczema_psoriasis_area",
    }  # fmt: skip
    assert lifted["nobody"] == {"age_under_18", "isotretinoin_now", "metal_allergy"}
    assert lifted["end_date"] == {"pregnant", "breastfeeding"}


def test_every_entry_shows_where_it_comes_from():
    for rule in CATALOGUE.rules:
        assert [CATALOGUE.source(id).title for id in rule.sources]
    assert CATALOGUE.source("P13").grade == "C"
    assert CATALOGUE.source("PD").url == ""


def test_conflicts_are_kept_beside_the_value_in_use():
    rule = CATALOGUE.rule("isotretinoin_past")
    assert rule.washout and rule.washout.days == 180
    assert {row.value: row.sources for row in rule.dissent}["3 months"] == ("P10",)
    assert "L20" in rule.dissent[-1].sources


def test_how_long_answers_stay_fresh():
    assert CATALOGUE.rule("pregnant").shelf_days() == 1
    assert CATALOGUE.rule("keloid_personal").shelf_days() == 365
    assert CATALOGUE.rule("keloid_personal").shelf_days(long_absence=True) == 180
    assert CATALOGUE.rule("unrealistic_bdd").shelf_days() is None


def test_a_rule_knows_what_its_form_must_ask():
    retinoid, cold_sore = CATALOGUE.rule("topical_retinoid"), CATALOGUE.rule("hsv_active")
    assert (retinoid.needs_date, retinoid.dated) == (True, True)
    assert (cold_sore.needs_date, cold_sore.dated) == (True, False)
    assert not CATALOGUE.rule("diabetes").needs_date
    assert list(CATALOGUE.rule("laser_ipl").details) == ["non_ablative", "ablative"]
    assert CATALOGUE.rule("diabetes").worst_detail is None


@pytest.mark.parametrize(
    ("zone", "concern", "skin_type", "cell"),
    [
        ("cheek", "acne_scar_face", 2, ("1.0", "1.5", False)),
        ("cheek", "hyperpig", 3, ("0.5", "1.0", True)),
        ("cheek", "hyperpig", 4, ("0.25", "0.5", True)),
        ("cheek", "hyperpig", None, ("0.25", "0.5", True)),
        ("cheek", "sun_damage", 5, ("0.25", "0.5", True)),
        ("chest", "hyperpig", 3, ("0.25", "0.5", True)),
        ("chest", "hyperpig", 4, None),
        ("abdomen", "laxity", 2, ("0.75", "1.5", False)),
        ("abdomen", "wrinkles", 2, None),
        ("neck", "melasma", 2, None),
        ("neck", "neck_wrinkles", 2, ("0.25", "1.0", False)),
        ("cheek", "neck_wrinkles", 2, None),
    ],
)
def test_the_depth_matrix(zone, concern, skin_type, cell):
    expected = cell and Cell(Decimal(cell[0]), Decimal(cell[1]), cell[2])
    assert CATALOGUE.cell(zone, concern, skin_type) == expected


def test_every_source_of_the_sheet_is_listed_with_its_grade():
    listed = set(CATALOGUE.sources)
    expected = {f"S{n}" for n in range(5)} | {f"R{n}" for n in range(1, 9)} | {f"M{n}" for n in range(1, 10)}
    expected |= {f"L{n}" for n in range(1, 50)} | {f"P{n}" for n in range(1, 47)} | {"GK", "PD"}
    assert expected <= listed
    assert {source.grade for source in CATALOGUE.sources.values()} == {"A", "B", "C", "GK", "PD"}
    assert "L41" in CATALOGUE.background and "P13" not in CATALOGUE.background


def test_only_mechanical_needling_is_offered_and_the_others_are_named():
    assert [m.code for m in CATALOGUE.modalities.values() if m.offered] == ["mechanical"]
    assert set(CATALOGUE.modalities) == {"mechanical", "rf", "prp"}
    assert "R6" in CATALOGUE.modalities["rf"].sources


def test_unwanted_effects_say_when_they_are_passed_on_and_which_always_stop_the_next_session():
    events = CATALOGUE.adverse_events
    assert len(events) == 21
    assert {code for code, event in events.items() if event.urgency == "emergency"} == {
        "eczema_herpeticum",
        "numbing_toxicity",
    }
    assert {code for code, event in events.items() if event.least_grade < CATALOGUE.interval.event_grade} == {
        "erythema", "oedema", "pain", "bleeding", "dryness", "darkening", "acne_flare", "lymph_nodes", "fainting",
    }  # fmt: skip
    always = {code for code, event in events.items() if "always" in event.escalate}
    assert "contact_dermatitis" in always
    assert all(events[code].least_grade >= 2 for code in always)
    assert [code for code, event in events.items() if event.modality != "mechanical"] == ["rf_injury"]
    assert [grade.code for grade in CATALOGUE.event_grades.values() if grade.report] == ["3", "4", "5"]


def test_what_darker_skin_changes_is_kept_with_those_who_say_it_does_not():
    risk = CATALOGUE.higher_risk
    assert risk and ("S1",) in [row.sources for row in risk.dissent]
    assert ("L3",) in [row.sources for row in risk.evidence]


def test_every_depth_of_a_zone_shows_its_sources_and_the_zones_without_one_say_so():
    without = {code for code, zone in CATALOGUE.zones.items() if not zone.evidence and not zone.prohibited}
    assert without == {"temple", "decolletage", "hand", "chest"}
    assert all(CATALOGUE.zone(code).sources in (("PD",), ("S3", "PD")) for code in without)


def test_devices_and_credentials_are_examples_that_nobody_has_verified():
    assert CATALOGUE.devices["exceed"].filler_washout_days == 180
    assert CATALOGUE.devices["skinpen_precision"].max_depth_mm["face"] == Decimal("1.5")
    assert not any(credential.verified for credential in CATALOGUE.credentials.values())


def test_a_version_published_before_these_lists_came_in_is_still_read():
    cited = parse_without_idle_sources(as_published_at_first())
    assert cited.higher_risk is None
    assert not cited.adverse_events and not cited.modalities and not cited.background


def test_an_early_version_takes_grades_effects_and_limits_of_strong_creams_from_a_newer_one():
    """Nobody who has signed an early version may find that a reaction cannot be written down."""
    early = completed(parse_without_idle_sources(as_published_at_first()), CATALOGUE)
    assert list(early.event_grades) == ["1", "2", "3", "4", "5"]
    assert early.adverse_events == CATALOGUE.adverse_events
    assert (early.numbing.strong_area_cm2, early.numbing.stop_signs) == (100, CATALOGUE.numbing.stop_signs)
    assert early.numbing.alert_mg == CATALOGUE.numbing.alert_mg
    assert all(early.source(id) for kind in early.adverse_events.values() for id in kind.sources)
    assert all(early.source(id) for technique in early.modalities.values() for id in technique.sources)
    assert "S0" in early.sources and early.version == CATALOGUE.version


def test_a_version_that_has_its_own_effects_and_limits_keeps_them():
    text = TEXT.replace("strong_area_cm2 = 100 ", "strong_area_cm2 = 80 ").replace(
        'label = "moderate, treated here"', 'label = "moderate"'
    )
    text = re.sub(r"(?ms)^\[\[adverse_event\]\]\ncode = \"oedema\"\n.*?(?=^\[)", "", text)
    own = completed(parse(text.encode()), CATALOGUE)
    assert (own.numbing.strong_area_cm2, own.event_grades["2"].label) == (80, "moderate")
    assert "oedema" not in own.adverse_events
    assert own.sources == CATALOGUE.sources


def as_published_at_first() -> str:
    early = TEXT
    for table in ("modality", "device", "event_grade", "adverse_event", "credential"):
        early = re.sub(rf"(?ms)^\[\[{table}\]\]\n.*?(?=^\[|^# -)", "", early)
    early = re.sub(r"(?ms)^\[higher_risk\]\n.*?(?=^# -)", "", early)
    early = re.sub(r"(?m)^strong_area_cm2 = .*\n", "", early)
    early = re.sub(r"(?ms)^stop_signs = \[.*?^\]\n", "", early)
    return early.replace("\n[background]\n", "\n")


def parse_without_idle_sources(text: str):
    """Read a text after leaving out the sources that nothing cites any more."""
    while True:
        try:
            return parse(text.encode())
        except BadCatalogue as refusal:
            idle = re.match(r"source (\w+): is cited nowhere", str(refusal))
            assert idle, refusal
            text = re.sub(rf"(?m)^{idle[1]} += \[.*\n", "", text)


def test_nothing_a_patient_or_the_desk_reads_is_hard_to_read_or_names_a_drug_to_stop():
    lines = [text for step in CATALOGUE.steps for line in step.lines for text in (line.text, line.text_4_6 or "")]
    assert all(len(sentence.split()) <= 25 for text in lines for sentence in text.split("."))
    assert not [text for text in lines if re.search(r"stop (taking )?your (blood|medicine)", text.lower())]
    assert not [text for text in lines if "antibiotic" in text.lower()]


# Wrong edits


def edited(old: str, new: str, count: int = 1) -> bytes:
    assert old in TEXT, f"the catalogue no longer says {old!r}"
    return TEXT.replace(old, new, count).encode()


RETINOID = 'code = "topical_retinoid"\n'

WRONG = [
    # the file
    (lambda: b"\xff", "catalogue: not readable"),
    (lambda: b"version = ", "catalogue: not readable"),
    (lambda: edited(f'version = "{CATALOGUE.version}"', ""), "catalogue: version is missing"),
    (lambda: edited(f'version = "{CATALOGUE.version}"', 'version = " "'), "catalogue: version must be a text"),
    (lambda: edited(f'version = "{CATALOGUE.version}"', 'version = "1"\nvresion = "2"'), "catalogue: vresion is not a known key"),
    (lambda: edited("[desk]", "[desc]"), "catalogue: desk is missing"),
    (lambda: edited("[age]\n", "[age]\nlucky = 7\n"), "catalogue, age: lucky is not a known key"),
    (lambda: edited("[sources]", "[[sources]]"), "catalogue, sources: must be a table"),
    (lambda: b'rule = 3\nversion = "1"', "catalogue: rule must be a list of tables"),
    (lambda: b"rule = [3]", "catalogue, rule 1: must be a table"),
    (lambda: b'version = "1"', "rule: there is none"),
    # rules
    (lambda: edited(RETINOID, 'code = "pregnant"\n'), "rule pregnant: is there twice"),
    (lambda: edited(RETINOID, RETINOID + "washuot = 5\n"), "rule topical_retinoid: washuot is not a known key"),
    (lambda: edited(RETINOID, RETINOID + 'soft = "yes"\n'), "rule topical_retinoid: soft must be true or false"),
    (lambda: edited(RETINOID, RETINOID + "soft = true\n"), "rule topical_retinoid: soft needs category CAU"),
    (lambda: edited('code = "diabetes"\n', 'code = "sugar"\nsoft = true\n'), "rule sugar: soft needs category CAU and a washout"),
    (lambda: edited('code = "diabetes"\ncategory = "CAU"', 'code = "diabetes"\ncategory = "MAYBE"'), "rule diabetes: category must be one of"),
    (lambda: edited('code = "diabetes"\ncategory = "CAU"', 'code = "diabetes"\ncategory = "TMP"'), "rule diabetes: TMP needs a washout"),
    (lambda: edited('dated_as = "reaction closed"\nwashout = { days = 14 }', ""), "rule adverse_event: needs category TMP"),
    (lambda: edited('dated_as = "reaction closed"\nwashout = { days = 14 }', 'dated_as = "reaction closed"\nwashout = { interval_floor = true }'), "rule adverse_event: needs category TMP"),
    (lambda: edited('code = "diabetes"\n', 'code = "diabetes"\nform = "computed"\n'), "rule diabetes: question is not a known key"),
    (lambda: edited('code = "age_18_21"\ncategory = "CAU"\nform = "computed"', 'code = "age_18_21"\ncategory = "CAU"\nquestion = "Age?"'), "rule age_18_21: form computed belongs"),
    (lambda: edited('raised_by = "no"', 'raised_by = "not_sure"'), "rule unrealistic_bdd: raised_by must be yes or no"),
    (lambda: edited('dated_as = "laser or IPL"\n', ""), "rule laser_ipl: a washout needs dated_as"),
    (lambda: edited('date_question = "When is the event?"', 'date_question = "When?"\nwashout = { days = 3 }\ndated_as = "event"\nafter_end = "REL"'), "rule event_soon: after_end needs runs_until_ended"),
    (lambda: edited('date_question = "If it has healed: since when?"\ndated_as = "infection healed"\n', ""), "rule skin_infection_area: runs_until_ended needs a date_question"),
    (lambda: edited('date_question = "When?"\ndated_as = "laser or IPL"', 'dated_as = "laser or IPL"'), "rule laser_ipl: a washout needs a date_question"),
    (lambda: edited('{ category = "REL", days = 365 }', '{ category = "REL", days = 180 }'), "rule new_scar_or_striae: second_step needs a washout that ends before it"),
    (lambda: edited('code = "diabetes"\n', 'code = "diabetes"\nsecond_step = { category = "REL", days = 9 }\n'), "rule diabetes: second_step needs a washout"),
    (lambda: edited('code = "smoking"\ncategory = "CAU"\nlabel', 'code = "smoking"\ncategory = "CAU"\ndetail_by = "cat"\nlabel'), "rule smoking: detail_by must be one of"),
    (lambda: edited('lifted_by = "not_needed"', 'lifted_by = "clinician"'), "rule age_18_21: a caution needs no clearance"),
    (lambda: edited("{ days = 5, skin_types_4_to_6 = 7 }", "{ days = 5, skin_types_4_to_6 = 3 }"), "rule topical_retinoid: washout gets shorter"),
    (lambda: edited("{ days = 28, device_says = true }", "{ device_says = true }"), "rule filler: washout needs days, or interval_floor"),
    (lambda: edited("{ days = 28, device_says = true }", "{ days = -1 }"), "rule filler, washout: days must be a whole number"),
    (lambda: edited("{ days = 28, device_says = true }", "{ days = true }"), "rule filler, washout: days must be a whole number"),
    (lambda: edited('word = "grade_1_2"', 'word = "comedonal"'), "rule acne_inflamed: details name comedonal twice"),
    (lambda: edited('label = "Needles of 0.5 mm or longer", days = 28', 'label = "Long", raises = false'), "rule home_needling: no detail word raises the flag"),
    (lambda: edited('answered_by = ["clinician"]', 'answered_by = ["parrot"]'), "rule unrealistic_bdd: answered_by must name only"),
    (lambda: edited('sources = ["P33"]', "sources = []"), "rule unrealistic_bdd: sources must be a list of texts"),
    (lambda: edited('sources = ["P33"]', 'sources = ["P33", "P33"]'), "rule unrealistic_bdd: sources names something twice"),
    (lambda: edited('sources = ["P33"]', 'sources = ["P99"]'), "rule unrealistic_bdd: source P99 is not in the list"),
    (lambda: edited('["3 months", "P10"]', '["3 months"]'), "rule isotretinoin_past: dissent must have 2 to 99"),
    (lambda: edited('["3 months", "P10"]', '["3 months", 10]'), "rule isotretinoin_past: dissent must be a row of texts"),
    (lambda: edited('["3 months", "P10"]', '["3 months", "P98"]'), "rule isotretinoin_past: source P98 is not in the list"),
    (lambda: edited('evidence = [["6 months", "P1", "P2", "P11", "P17"]]', "evidence = 6"), "rule isotretinoin_past: evidence must be a list of rows"),
    (lambda: edited('code = "needling_elsewhere"', 'code = "needling_abroad"'), "rule needling_elsewhere: is missing"),
    (lambda: edited("{ days = 5, skin_types_4_to_6 = 7 }", "{ days = 5, skin_types_4_to_6 = 7, weeks = 1 }"), "rule topical_retinoid, washout: weeks is not a known key"),
    (lambda: edited('{ category = "REL", days = 365 }', '{ category = "REL", days = 365, until = 1 }'), "rule new_scar_or_striae, second_step: until is not a known key"),
    (lambda: edited('word = "grade_1_2"', 'rank = 2, word = "grade_1_2"'), "rule acne_inflamed, details 2: rank is not a known key"),
    # sources
    (lambda: edited("\n[sources]\n", '\n[sources]\nX1 = ["A", "Nobody cites this"]\n'), "source X1: is cited nowhere"),
    (lambda: edited('P33 = ["C"', 'P33 = ["E"'), "catalogue, sources: P33 must begin with one of the grades"),
    # concerns and zones
    (lambda: edited("{ plan = 2, min = 1, max = 3 }", "{ plan = 4, min = 1, max = 3 }"), "concern glow_dullness, sessions: plan must lie between"),
    (lambda: edited("{ floor = 42, target = 42, latest = 84 }", "{ floor = 49, target = 42, latest = 84 }"), "concern melasma, interval: floor must not be above target"),
    (lambda: edited("{ floor = 28, target = 42, latest = 84 }", "{ floor = 14, target = 42, latest = 84 }"), "concern glow_dullness: interval floor is below"),
    (lambda: edited("{ from_days = 180, to_days = 180 }", "{ from_days = 180, to_days = 90 }"), "concern glow_dullness: maintenance ends before it begins"),
    (lambda: edited("review_after = [3]", "review_after = [3, 3]"), "concern acne_scar_face: review_after must rise"),
    (lambda: edited("review_after = [3]", "review_after = [9]"), "concern acne_scar_face: review_after must be a list of whole"),
    (lambda: edited("soft_max_4_6_mm = 0.5", "soft_max_4_6_mm = 1.5"), "concern hyperpig: soft_max_4_6_mm is above soft_max_mm"),
    (lambda: edited("soft_max_mm = 1.0\nhard_cap_mm = 1.5\nendpoint", "soft_max_mm = 2.0\nhard_cap_mm = 1.5\nendpoint"), "concern melasma: soft_max_mm is above hard_cap_mm"),
    (lambda: edited('depth_column = "melasma"', 'depth_column = "melisma"'), "concern melasma: melisma is not a column"),
    (lambda: edited('only_zones = ["neck"]', 'only_zones = ["eyelid"]'), "concern neck_wrinkles: eyelid is not a zone that may be treated"),
    (lambda: edited("start_mm = 0.25\nsoft_max_mm = 0.5", "start_mm = 0.75\nsoft_max_mm = 0.5"), "zone forehead: start_mm, soft_max_mm, hard_cap_mm"),
    (lambda: edited("start_mm = 0.25\nsoft_max_mm = 0.5", 'start_mm = "deep"\nsoft_max_mm = 0.5'), "zone forehead: start_mm must be a positive number"),
    (lambda: edited("start_mm = 0.25\nsoft_max_mm = 0.5", "start_mm = nan\nsoft_max_mm = 0.5"), "zone forehead: start_mm must be a positive number"),
    (lambda: edited('code = "eyelid"\n', 'code = "eyelid"\nstart_mm = 0.25\n'), "zone eyelid: start_mm is not a known key"),
    (lambda: edited('"0.5-1.0",   "0.5-1.0"]\nback', '"0.5-1.0",   "0.5-9.9"]\nback'), "depth_matrix: chest goes deeper in striae"),
    (lambda: edited('"0.5-1.0",   "0.5-1.0"]\nback', '"0.5-1.0",   "1.0-0.5"]\nback'), 'depth_matrix: chest has the cell "1.0-0.5", which starts'),
    (lambda: edited('"0.5-1.0",   "0.5-1.0"]\nback', '"0.5-1.0",   "0.5"]\nback'), 'depth_matrix: chest has the cell "0.5"; write'),
    (lambda: edited('"0.5-1.0",   "0.5-1.0"]\nback', '"0.5-1.0"]\nback'), "depth_matrix: chest has 8 cells for 9 columns"),
    (lambda: edited("\nchest        = [", "\ntorso        = ["), "depth_matrix: chest is missing"),
    (lambda: edited("{ from_days = 180, to_days = 180 }", "{ from_days = 180, to_days = 180, every = 2 }"), "concern glow_dullness, maintenance: every is not a known key"),
    (lambda: edited("{ plan = 2, min = 1, max = 3 }", "{ plan = 2, min = 1, max = 3, mean = 2 }"), "concern glow_dullness, sessions: mean is not a known key"),
    (lambda: edited("{ floor = 28, target = 42, latest = 84 }", "{ floor = 28, target = 42, latest = 84, last = 9 }"), "concern glow_dullness, interval: last is not a known key"),
    # policies
    (lambda: edited("raised_floor_days = 42", "raised_floor_days = 28").replace(b"\nfloor_days = 28", b"\nfloor_days = 35"), "interval: raised_floor_days is below floor_days"),
    (lambda: edited("\nfloor_days = 28", "\nfloor_days = 14"), "interval: floor_days must be a whole number from 28"),
    (lambda: edited("absolute_mm = 3.0", "absolute_mm = 4.0"), "depth: absolute_mm must not be above 3.0"),
    # steps and numbing
    (lambda: edited("{ from = 20, to = 60 }", "{ from = 20, to = 60, best = 30 }"), "anaesthetic lidocaine_4, minutes: best is not a known key"),
    (lambda: edited("percent = 4 }", "percent = 4, grams = 1 }"), "anaesthetic lidocaine_4, actives 1: grams is not a known key"),
    (lambda: edited('{ kind = "info", text = "Pink', '{ kind = "info", said = "soon", text = "Pink'), "step leaving, lines 1: said is not a known key"),
    (lambda: edited('rule = "botulinum", text = "No', 'rule = "hsv_history", text = "No'), "step before_14_days: hsv_history is not a rule with a washout"),
    (lambda: edited('rule = "botulinum", text = "No', 'rule = "botox", text = "No'), "step before_14_days: botox is not a rule with a washout"),
    (lambda: edited('{ kind = "info", text = "Pink', '{ kind = "info", rule = "filler", text = "Pink'), "step leaving, lines 1: rule belongs to stop and allow"),
    (lambda: edited("in the area after {day}.", "in the area soon."), "step before_28_days, lines 7: text carries {day}"),
    (lambda: edited('actives = [{ name = "lidocaine", percent = 4 }]', "actives = []"), "anaesthetic lidocaine_4: actives are missing"),
    (lambda: edited("percent = 4 }", "percent = 5 }"), "anaesthetic lidocaine_4: is strong enough"),
    (lambda: edited("percent = 4 }", "percent = 101 }"), "anaesthetic lidocaine_4, actives 1: percent is above 100"),
    (lambda: edited("{ from = 20, to = 60 }", "{ from = 70, to = 60 }"), "anaesthetic lidocaine_4: minutes end before"),
    # techniques, devices, unwanted effects, credentials
    (lambda: edited('label = "Radio-frequency needling"\noffered = false', 'label = "Radio-frequency needling"\noffered = true'), "modality rf: offered must be true for mechanical and false"),
    (lambda: edited('code = "mechanical"', 'code = "manual"'), "modality manual: offered must be true for mechanical and false"),
    (lambda: edited("{ face = 1.5, neck = 2.5 }", "{ fase = 1.5 }"), "device skinpen_precision: fase is neither face"),
    (lambda: edited("{ face = 1.5, neck = 2.5 }", "{ eyelid = 0.5 }"), "device skinpen_precision: eyelid is neither face"),
    (lambda: edited("{ face = 1.5, neck = 2.5 }", "{ face = 3.5 }"), "device skinpen_precision: face goes deeper than 3.0 mm"),
    (lambda: edited('["acne_scar_face", "neck_wrinkles"]', '["acne_scars"]'), "device skinpen_precision: acne_scars is not a concern"),
    (lambda: edited('modality = "rf"', 'modality = "laser"'), "adverse_event rf_injury: laser is not a modality"),
    (lambda: edited('urgency = "emergency"', 'urgency = "soon"'), "adverse_event eczema_herpeticum: urgency must be one of"),
    (lambda: edited("least_grade = 2", "least_grade = 6"), "adverse_event herpes: least_grade must be a whole number"),
    (lambda: edited('code = "lymph_nodes"', 'code = "herpes"'), "adverse_event herpes: is there twice"),
    (lambda: edited('code = "5"\nlabel = "death"', 'code = "6"\nlabel = "death"'), "event_grade 6: code must be one of"),
    (lambda: edited("max_depth_mm = 0.3\n", 'max_depth_mm = "shallow"\n'), "credential us_esthetician: max_depth_mm must be a positive number"),
    (lambda: edited("[higher_risk]\n", "[higher_risk]\nlucky = 7\n"), "higher_risk: lucky is not a known key"),
    # sources that were only read
    (lambda: edited("\n[background]\n", '\n[background]\nX1 = ["A"]\n'), "background: X1 must have 2 to 3 texts"),
    (lambda: edited("\n[background]\n", "\n[backgrund]\n"), "catalogue: backgrund is not a known key"),
    (lambda: edited('sources = ["P33"]', 'sources = ["P34"]').replace(b'\nP33 = ["C", "Aestheti', b'\nX33 = ["C", "Aestheti'), "source X33: is cited nowhere"),
    (lambda: edited('sources = ["P33"]', 'sources = ["P33", "P34"]'), "source P34: is cited, so it belongs under sources"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_edit_fails_with_a_sentence(wrong, sentence):
    with pytest.raises(BadCatalogue) as failure:
        parse(wrong())
    assert sentence in str(failure.value)
    assert "\n" not in str(failure.value)


def test_the_same_edits_are_read_when_they_are_right():
    assert parse(edited(f'version = "{CATALOGUE.version}"', 'version = "2031.7"')).version == "2031.7"


# What `make check` says


def checked(*paths) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / ".ci" / "catalogue"), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_the_check_names_the_entry_that_is_wrong_in_one_sentence(tmp_path):
    wrong = tmp_path / "edited.toml"
    wrong.write_bytes(edited(RETINOID, RETINOID + "washuot = 5\n"))
    said = checked(wrong)
    assert said.returncode == 1
    assert said.stdout == "edited.toml: rule topical_retinoid: washuot is not a known key\n"
    assert "Traceback" not in said.stderr


def test_the_check_passes_what_is_shipped_and_is_part_of_make_check():
    said = checked()
    assert (said.returncode, said.stdout.startswith("catalogue.toml: protocol ")) == (0, True)
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    assert ".ci/catalogue" in recipe
