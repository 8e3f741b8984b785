"""Instruments: what answers come to, which answers cannot be, when a course pauses; and a table that refuses a wrong edit."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from treatments.protocol import catalogue
from treatments.protocol.instruments import (
    SHIPPED,
    BadItems,
    Instrument,
    NotComparable,
    Score,
    better_of,
    has_risen_too_far,
    load,
    parse,
    proposed_value,
    response_percent,
    score,
    stop_line,
)
from treatments.protocol.reading import BadCatalogue

ALL = load()
COUNTED = [one for one in ALL.by_code.values() if one.formula != "typed"]
REGIONS = ("forehead", "right_malar", "left_malar", "chin")


def lowest(instrument: Instrument) -> dict:
    return {item.code: item.options[0].value for item in instrument.items}


def highest(instrument: Instrument) -> dict:
    return {item.code: item.options[-1].value for item in instrument.items}


def total(code: str, items: dict) -> Decimal:
    return score(ALL[code], items).total


def melasma(code: str, *, area: int, darkness: int, homogeneity: int = 0) -> dict:
    parts = {"area": area, "darkness": darkness} | ({"homogeneity": homogeneity} if code == "masi" else {})
    return {f"{region}_{part}": value for region in REGIONS for part, value in parts.items()}


def fitzpatrick(points: int) -> dict:
    """Answers of ten questions that come to so many points."""
    items = lowest(ALL["fitzpatrick_b"])
    for code in items:
        items[code] = min(4, points)
        points -= items[code]
    return items


@st.composite
def answered(draw, among=tuple(COUNTED)):
    """Answers that can be: of an index by regions a region is free of it in every answer, or in none."""
    instrument = draw(st.sampled_from(among))
    items = {}
    for group in instrument.groups:
        free = instrument.formula == "regions" and draw(st.booleans())
        for item in group.items:
            offered = [option.value for option in item.options]
            begins = 0 if instrument.formula != "regions" else 1
            items[item.code] = offered[0] if free else draw(st.sampled_from(offered[begins:]))
    return instrument, items


# ── What is there ─────────────────────────────────────────────────────────────


def test_every_instrument_of_the_sheet_is_there_with_its_variant():
    assert {(one.instrument, one.variant) for one in ALL.by_code.values()} == {
        ("fitzpatrick", "b"),
        ("goodman_baron", "qualitative"),
        ("goodman_baron", "quantitative_2006"),
        ("mmasi", "area_darkness"),
        ("masi", "area_darkness_homogeneity"),
        ("gais", "1_best_to_5_worst"),
        ("pain_nrs", "before"),
        ("pain_nrs", "during"),
        ("satisfaction", "1_to_5"),
        ("dlqi", "total"),
        ("face_q", "scale"),
        ("imported", "total"),
    }


def test_licensed_questionnaires_come_without_a_single_question():
    for code in ("dlqi", "face_q", "imported"):
        assert ALL[code].items == ()
        assert ALL[code].licence


def test_a_source_that_the_protocol_cites_too_has_the_same_title_grade_and_address():
    known = catalogue.load().sources
    both = set(ALL.sources) & set(known)
    assert {"L39", "L40", "L46", "M1"} <= both
    assert {id: ALL.sources[id] for id in both} == {id: known[id] for id in both}


def test_what_an_answer_raises_is_a_question_of_the_protocol():
    asked = catalogue.load().rules_by_code
    raised = {code for one in ALL.by_code.values() for item in one.items for code in item.raises}
    assert raised == {"keloid_personal", "raised_lesion_area"}
    assert raised <= set(asked)


def test_a_stored_score_finds_its_instrument_again():
    for one in ALL.by_code.values():
        assert ALL.find(one.instrument, one.variant) is one
    assert ALL.find("face_q", "scale: Satisfaction with skin") is ALL["face_q"]
    assert ALL.find("face_q", "scales") is None
    assert ALL.find("mmasi", "area_darkness_homogeneity") is None


# ── Totals ────────────────────────────────────────────────────────────────────


@settings(deadline=None)  # a busy machine is not a fault
@given(answered())
def test_no_answer_leads_out_of_the_range(given_):
    instrument, items = given_
    assert instrument.least <= score(instrument, items).total <= instrument.most


@pytest.mark.parametrize("instrument", COUNTED, ids=lambda one: one.code)
def test_the_ends_of_the_range_are_reached(instrument):
    assert score(instrument, lowest(instrument)).total == instrument.least
    assert score(instrument, highest(instrument)).total == instrument.most


@pytest.mark.parametrize(
    ("code", "most"), [("goodman_baron_quantitative", 84), ("masi", 48), ("mmasi", 24), ("fitzpatrick_b", 40)]
)
def test_the_highest_totals_are_those_of_the_published_scales(code, most):
    assert total(code, highest(ALL[code])) == most


@settings(deadline=None)
@given(answered(), st.data())
def test_a_higher_answer_never_lowers_the_total(given_, data):
    instrument, items = given_
    item = data.draw(st.sampled_from(instrument.items))
    assume(items[item.code] or instrument.formula != "regions")
    more = data.draw(st.sampled_from([option.value for option in item.options if option.value >= items[item.code]]))
    assert score(instrument, items | {item.code: more}).total >= score(instrument, items).total


@settings(deadline=None)
@given(answered(), st.randoms())
def test_the_order_of_answers_does_not_matter(given_, chance):
    instrument, items = given_
    shuffled = list(items.items())
    chance.shuffle(shuffled)
    assert score(instrument, dict(shuffled)) == score(instrument, items)


@pytest.mark.parametrize(
    ("code", "differing", "expected"),
    [
        # 0.3 x 2 x 3
        ("mmasi", {"forehead_area": 2, "forehead_darkness": 3}, "1.8"),
        ("mmasi", {"left_malar_area": 6, "left_malar_darkness": 4}, "7.2"),
        # the chin weighs a tenth
        ("mmasi", {"chin_area": 6, "chin_darkness": 4}, "2.4"),
        ("mmasi", {"chin_area": 1, "chin_darkness": 1}, "0.1"),
        # 0.3 x 2 x (3 + 1)
        ("masi", {"forehead_area": 2, "forehead_darkness": 3, "forehead_homogeneity": 1}, "2.4"),
        ("masi", {"right_malar_area": 6, "right_malar_darkness": 4, "right_malar_homogeneity": 4}, "14.4"),
        ("goodman_baron_quantitative", {"macular": 1}, "1"),
        ("goodman_baron_quantitative", {"mild_dish": 3}, "3"),
        ("goodman_baron_quantitative", {"broad_shallow": 2}, "4"),
        ("goodman_baron_quantitative", {"linear": 3}, "9"),
        ("goodman_baron_quantitative", {"papular": 1}, "2"),
        ("goodman_baron_quantitative", {"keloidal": 1}, "6"),
        ("goodman_baron_quantitative", {"keloidal": 3}, "18"),
    ],
)
def test_totals_worked_out_by_hand(code, differing, expected):
    assert total(code, lowest(ALL[code]) | differing) == Decimal(expected)


@settings(deadline=None)
@given(answered(among=(ALL["mmasi"],)), st.integers(0, 4))
def test_without_homogeneity_both_indices_of_melasma_agree_and_with_it_the_older_is_never_below(given_, more):
    _, items = given_
    even = {f"{region}_homogeneity": 0 for region in REGIONS}
    uneven = {f"{region}_homogeneity": more if items[f"{region}_area"] else 0 for region in REGIONS}
    assert total("masi", items | even) == total("mmasi", items) <= total("masi", items | uneven)


def test_both_indices_agree_at_a_case_on_paper():
    assert total("mmasi", melasma("mmasi", area=3, darkness=2)) == Decimal("6.0")
    assert total("masi", melasma("masi", area=3, darkness=2)) == Decimal("6.0")
    assert total("masi", melasma("masi", area=3, darkness=2, homogeneity=1)) == Decimal("9.0")


# ── How a total is read ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("points", "skin_type"),
    [(0, 1), (6, 1), (7, 2), (13, 2), (14, 3), (20, 3), (21, 4), (27, 4), (28, 5), (34, 5), (35, 6), (40, 6)],
)
def test_skin_types_begin_and_end_where_the_bands_do(points, skin_type):
    found = score(ALL["fitzpatrick_b"], fitzpatrick(points))
    assert found.total == points
    assert proposed_value(ALL["fitzpatrick_b"], found.total) == skin_type
    assert found.band == f"Type {['I', 'II', 'III', 'IV', 'V', 'VI'][skin_type - 1]}"


@settings(deadline=None)
@given(answered(among=(ALL["fitzpatrick_b"],)))
def test_every_questionnaire_proposes_a_skin_type(given_):
    instrument, items = given_
    assert proposed_value(instrument, score(instrument, items).total) in range(1, 7)


def test_an_instrument_without_bands_proposes_nothing():
    assert proposed_value(ALL["mmasi"], Decimal(3)) is None
    assert score(ALL["mmasi"], melasma("mmasi", area=3, darkness=2)).band is None


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (0, "No effect"), (1, "No effect"), (2, "Small effect"), (5, "Small effect"), (6, "Moderate effect"), (10, "Moderate effect"),
        (11, "Very large effect"), (20, "Very large effect"), (21, "Extremely large effect"), (30, "Extremely large effect"),
    ],
)  # fmt: skip
def test_bands_of_the_life_quality_index(value, band):
    assert score(ALL["dlqi"], {"value": value}).band == band


def test_a_choice_is_read_in_the_words_of_the_answer_and_a_plain_number_in_none():
    assert score(ALL["gais"], {"improvement": 2}).band == "Much improved"
    assert score(ALL["goodman_baron_qualitative"], {"grade": 1}).band == "Macular"
    assert score(ALL["pain_during"], {"pain": 7}).band is None


def test_which_way_is_better():
    assert better_of(ALL["gais"], {}) == "lower"
    assert better_of(ALL["satisfaction"], {}) == "higher"
    assert better_of(ALL["fitzpatrick_b"], {}) == "neither"
    assert better_of(ALL["face_q"], {"better": "higher"}) == "higher"
    assert better_of(ALL["face_q"], {"better": "lower"}) == "lower"


@pytest.mark.parametrize(("item", "value"), [("papular", 1), ("keloidal", 1), ("keloidal", 3)])
def test_a_raised_scar_raises_the_questions_on_raised_scars(item, value):
    instrument = ALL["goodman_baron_quantitative"]
    assert score(instrument, lowest(instrument) | {item: value}).raises == ("keloid_personal", "raised_lesion_area")


@settings(deadline=None)
@given(answered(among=(ALL["goodman_baron_quantitative"],)))
def test_only_raised_scars_raise_a_question(given_):
    instrument, items = given_
    assert bool(score(instrument, items).raises) == bool(items["papular"] or items["keloidal"])


# ── Answers that cannot be ────────────────────────────────────────────────────


@settings(deadline=None)
@given(answered(), st.data())
def test_an_answer_that_is_not_offered_is_refused_by_name(given_, data):
    instrument, items = given_
    item = data.draw(st.sampled_from(instrument.items))
    offered = {option.value for option in item.options}
    wrong = data.draw(
        st.one_of(st.integers().filter(lambda value: value not in offered), st.text(), st.floats(), st.booleans())
    )
    with pytest.raises(BadItems) as refused:
        score(instrument, items | {item.code: wrong})
    assert refused.value.item == item.code
    assert refused.value.sentence.startswith(item.label)


@settings(deadline=None)
@given(answered(), st.data())
def test_an_answer_that_is_missing_is_refused_by_name(given_, data):
    instrument, items = given_
    item = data.draw(st.sampled_from(instrument.items))
    for without in ({code: value for code, value in items.items() if code != item.code}, items | {item.code: None}):
        with pytest.raises(BadItems, match="choose an answer") as refused:
            score(instrument, without)
        assert refused.value.item == item.code


@pytest.mark.parametrize("value", [-1, 7, 99, "3", 3.0, True])
def test_beside_the_area_of_six_steps_nothing_is_taken(value):
    items = melasma("mmasi", area=6, darkness=4)
    assert total("mmasi", items) == 24
    with pytest.raises(BadItems, match="Forehead: area: choose one of the answers offered"):
        score(ALL["mmasi"], items | {"forehead_area": value})


@pytest.mark.parametrize(
    ("code", "forgotten", "item", "said"),
    [
        ("mmasi", {"chin_area": 0}, "chin_area", "Chin: area: choose an area, or “Absent” for what is seen."),
        ("mmasi", {"chin_darkness": 0}, "chin_darkness", "Chin: darkness: choose how much, or “None” for the area."),
        ("masi", {"forehead_area": 0}, "forehead_area", "Forehead: area: choose an area"),
        (
            "masi",
            {"forehead_area": 0, "forehead_darkness": 0, "forehead_homogeneity": 1},
            "forehead_area",
            "Forehead: area: choose an area",
        ),
        (
            "masi",
            {"forehead_darkness": 0, "forehead_homogeneity": 0},
            "forehead_darkness",
            "Forehead: darkness: choose how much",
        ),
    ],
)
def test_an_area_without_darkness_or_darkness_without_an_area_is_refused(code, forgotten, item, said):
    """A forgotten half lowers the total, and could hide that a course has to pause."""
    items = melasma(code, area=6, darkness=4, homogeneity=1)
    assert total(code, items)
    with pytest.raises(BadItems, match=said) as refused:
        score(ALL[code], items | forgotten)
    assert refused.value.item == item


def test_a_region_without_any_of_it_is_an_answer():
    clear = {"chin_area": 0, "chin_darkness": 0}
    assert total("mmasi", melasma("mmasi", area=6, darkness=4) | clear) == Decimal("21.6")
    assert total("masi", melasma("masi", area=6, darkness=4) | {"chin_homogeneity": 0}) == 24


def test_a_question_of_another_instrument_is_refused():
    with pytest.raises(BadItems, match="chin_homogeneity is not a question") as refused:
        score(ALL["mmasi"], melasma("mmasi", area=1, darkness=1) | {"chin_homogeneity": 1})
    assert refused.value.item == "chin_homogeneity"


# ── Totals worked out elsewhere ───────────────────────────────────────────────


def test_a_named_score_makes_its_own_variant():
    items = {"name": "  Quality  index ", "least": "5", "most": 20, "value": "7,5", "better": "lower"}
    found = score(ALL["imported"], items)
    assert found == Score("imported", "total: Quality index, 5 to 20", Decimal("7.5"))
    assert score(ALL["imported"], items | {"most": 25}).variant != found.variant
    one_scale = score(ALL["face_q"], {"name": "Skin", "value": 100, "better": "higher"})
    assert (one_scale.variant, one_scale.total) == ("scale: Skin", 100)


@settings(deadline=None)
@given(st.decimals(0, 100, places=2))
def test_a_typed_score_is_kept_as_typed(value):
    assert score(ALL["face_q"], {"name": "Skin", "value": str(value), "better": "higher"}).total == value


IMPORTED = {"name": "Index", "least": 0, "most": 10, "value": 3, "better": "lower"}


@pytest.mark.parametrize(
    ("code", "items", "item", "said"),
    [
        ("dlqi", {"value": 31}, "value", "lies between 0 and 30"),
        ("dlqi", {"value": -1}, "value", "lies between 0 and 30"),
        ("dlqi", {"value": "12.5"}, "value", "whole number"),
        ("dlqi", {}, "value", "write a number"),
        ("dlqi", {"value": True}, "value", "write a number"),
        ("dlqi", {"value": "NaN"}, "value", "write a number"),
        ("dlqi", {"value": "sNaN"}, "value", "write a number"),
        ("dlqi", {"value": "Infinity"}, "value", "write a number"),
        ("dlqi", {"value": "9" * 400}, "value", "write a number up to 1000"),
        ("dlqi", {"value": "1e-400"}, "value", "write a number"),
        ("dlqi", {"value": "1e1"}, "value", "write a number"),
        ("dlqi", {"value": "1_0"}, "value", "write a number"),
        ("dlqi", {"value": "١٢"}, "value", "write a number"),
        ("dlqi", {"value": "1 2"}, "value", "write a number"),
        ("dlqi", {"value": "7."}, "value", "write a number"),
        ("dlqi", {"value": "7.001"}, "value", "two places"),
        ("dlqi", {"value": 3, "name": "Index"}, "name", "not a question"),
        ("imported", IMPORTED | {"name": " "}, "name", "write it as it stands"),
        ("imported", IMPORTED | {"name": 7}, "name", "write it as it stands"),
        ("imported", IMPORTED | {"name": "x" * 61}, "name", "shorten it"),
        ("imported", IMPORTED | {"name": "a\x00b"}, "name", "shorten it"),
        ("imported", IMPORTED | {"least": -1}, "least", "between 0 and 1000"),
        ("imported", IMPORTED | {"least": "few"}, "least", "write a number"),
        ("imported", IMPORTED | {"most": 0}, "most", "above the lowest"),
        ("imported", IMPORTED | {"most": 1001}, "most", "up to 1000"),
        ("imported", IMPORTED | {"value": 11}, "value", "between 0 and 10"),
        ("imported", IMPORTED | {"value": "3.001"}, "value", "two places"),
        ("imported", IMPORTED | {"better": "sideways"}, "better", "lower or a higher"),
        ("face_q", {"name": "Skin", "value": 50}, "better", "lower or a higher"),
        ("face_q", {"name": "Skin", "value": "100.01", "better": "lower"}, "value", "between 0 and 100"),
    ],
)
def test_what_cannot_be_typed_is_refused_by_name(code, items, item, said):
    with pytest.raises(BadItems, match=said) as refused:
        score(ALL[code], items)
    assert refused.value.item == item


def test_minus_nought_is_nought():
    assert str(score(ALL["dlqi"], {"value": "-0"}).total) == "0"
    assert score(ALL["imported"], IMPORTED | {"least": "-0"}).variant == "total: Index, 0 to 10"


# ── Two scores beside each other ──────────────────────────────────────────────


def mmasi(value: str) -> Score:
    return Score("mmasi", "area_darkness", Decimal(value))


@pytest.mark.parametrize(
    ("baseline", "now", "pauses"),
    [
        ("10.0", "10.0", False),
        ("10.0", "10.9", False),
        ("10.0", "11.0", True),  # one point
        ("2.0", "2.3", False),
        ("2.0", "2.4", True),  # 20 percent
        ("5.0", "5.9", False),
        ("5.0", "6.0", True),  # both at once
        ("24.0", "23.9", False),
        ("3.0", "1.0", False),
        ("0.0", "0.0", False),
        ("0.0", "0.1", True),  # any rise from nought
    ],
)
def test_melasma_pauses_a_course_from_a_fifth_or_one_point_over_its_baseline(baseline, now, pauses):
    assert has_risen_too_far(ALL["mmasi"], mmasi(baseline), mmasi(now)) is pauses


tenths = st.integers(0, 240).map(lambda number: Decimal(number) / 10)


@settings(deadline=None)
@given(tenths, tenths, tenths)
def test_a_higher_score_never_takes_a_pause_back(baseline, now, more):
    if has_risen_too_far(ALL["mmasi"], mmasi(str(baseline)), mmasi(str(now))):
        assert has_risen_too_far(ALL["mmasi"], mmasi(str(baseline)), mmasi(str(now + more)))


@settings(deadline=None)
@given(tenths)
def test_the_line_is_the_lower_of_the_two(baseline):
    line = stop_line(ALL["mmasi"].stop_rule, baseline)
    assert baseline <= line <= baseline + 1
    assert line <= baseline * Decimal("1.2")


def test_the_line_at_five_is_six():
    assert stop_line(ALL["mmasi"].stop_rule, Decimal(5)) == 6


def test_other_instruments_never_pause_a_course():
    before = Score("masi", "area_darkness_homogeneity", Decimal(1))
    assert not has_risen_too_far(ALL["masi"], before, replace(before, total=Decimal(48)))


@pytest.mark.parametrize(
    ("baseline", "now", "percent"),
    [("10", "5", 50), ("10", "12", -20), ("10", "10", 0), ("3", "2", 33), ("8", "0", 100), ("0", "4", None)],
)
def test_response_in_percent_of_the_baseline(baseline, now, percent):
    assert response_percent(mmasi(baseline), mmasi(now)) == percent


@pytest.mark.parametrize("other", [Score("mmasi", "other", Decimal(1)), Score("masi", "area_darkness", Decimal(1))])
def test_scores_of_two_variants_are_never_compared(other):
    with pytest.raises(NotComparable):
        response_percent(mmasi("2"), other)
    with pytest.raises(NotComparable):
        has_risen_too_far(ALL["mmasi"], mmasi("2"), other)


# ── The table itself ──────────────────────────────────────────────────────────

TEXT = SHIPPED.read_text()


def test_another_file_can_be_read(tmp_path: Path):
    copy = tmp_path / "instruments.toml"
    copy.write_text(TEXT.replace('version = "2026.1"', 'version = "other"'))
    assert load(copy).version == "other"
    assert load(copy).sha256 != ALL.sha256
    assert load() is ALL


STOP = 'stop_rule = { percent = 20, points = 1, sources = ["PD"] }'
MACULAR = 'code = "macular"\nlabel = "Macular, red or pigmented"\nscale = "count_mild"'


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("points = 18 }", "points = 19 }", "instrument goodman_baron_quantitative: most does not fit: the answers reach 0 to 85"),
        ("least = 7, most = 13", "least = 8, most = 13", "instrument fitzpatrick_b: bands must follow each other without a gap: Type II"),
        ("least = 7, most = 13", "least = 7, most = 5", "instrument fitzpatrick_b: bands must follow"),
        ("least = 35, most = 40", "least = 35, most = 39", "instrument fitzpatrick_b: bands must reach to the highest total"),
        ('scale = "how_often"', 'scale = "how_oftn"', "instrument fitzpatrick_b, turns_brown: scale names how_oftn"),
        ('better = "neither"', 'beter = "neither"', "instrument fitzpatrick_b: better is missing"),
        ("show_response = true", "show_respons = true", "instrument mmasi: show_respons is not a known key"),
        ('sources = ["L46", "L29", "GK"]', 'sources = ["L47"]', "instrument fitzpatrick_b: names the source L47"),
        (STOP, STOP.replace("PD", "PX"), "instrument mmasi: names the source PX"),
        (STOP, STOP.replace("percent = 20", "percent = 0"), "instrument mmasi, stop_rule: percent must be a whole number from 1"),
        (STOP, STOP.replace("points = 1,", "points = 1, day = 2,"), "instrument mmasi, stop_rule: day is not a known key"),
        ('better = "higher"\nzone = "none"', 'better = "higher"\nzone = "none"\n' + STOP, "instrument satisfaction: stop_rule needs"),
        ('variant = "during"', 'variant = "before"', "instrument pain_during: variant before is there twice"),
        ('code = "masi"', 'code = "mmasi"', "instrument mmasi: is there twice"),
        ('code = "count_severe"', 'code = "count_mild"', "scale count_mild: is there twice"),
        ("value = 2, label = \"Sometimes\"", "value = 1, label = \"Sometimes\"", "scale how_often: options must rise"),
        ('points = 4 }, { value = 3', 'points = 2 }, { value = 3', "scale count_moderate: options must rise"),
        (MACULAR, MACULAR.replace('scale = "count_mild"', 'options = [{ value = 0, label = "None" }]'), "macular: options must offer at least two"),
        (MACULAR, MACULAR + "\nnumber = 3", "macular: number is not a known key"),
        ('code = "mild_dish"', 'code = "macular"', "instrument goodman_baron_quantitative: group asks one question twice"),
        ('formula = "typed"', 'formula = "sum"', "instrument dlqi: group belongs to every formula but typed"),
        ('formula = "choice"\nbetter = "lower"\nzone = "asked"\nleast = 1\nmost = 4', 'formula = "typed"\nbetter = "lower"\nzone = "asked"\nleast = 1\nmost = 4', "goodman_baron_qualitative: group belongs to every formula but typed"),
        ('formula = "sum"', 'formula = "choice"', "instrument fitzpatrick_b: formula choice takes exactly one question"),
        ("weight = 0.3", "note = \"heavy\"", "instrument mmasi: formula regions needs a weight"),
        ("weight = 0.3", "weight = 0", "instrument mmasi, group 1: weight must be a positive number"),
        ("least = 0\nmost = 40", "least = 40\nmost = 40", "instrument fitzpatrick_b: most must be above least"),
        ('label = "Colouring"', 'label = "Colouring"\nplace = 1', "instrument fitzpatrick_b, group 1: place is not a known key"),
        ('label = "No effect" }', 'label = "No effect", colour = "green" }', "instrument dlqi, bands 1: colour is not a known key"),
        ('{ value = 0, label = "Red" }', '{ value = 0, label = "Red", shade = 1 }', "options 1: shade is not a known key"),
        ('zone = "none"\nleast = 1\nmost = 5', 'zone = "all"\nleast = 1\nmost = 5', "instrument satisfaction: zone must be one of: asked, none"),
        ('code = "how_often"\n', 'code = "how_often"\nwords = 1\n', "scale how_often: words is not a known key"),
        ('version = "2026.1"', 'version = "2026.1"\nextra = 1', "instruments: extra is not a known key"),
        ('version = "2026.1"', 'version = ', "instruments: not readable as TOML"),
    ],
)  # fmt: skip
def test_a_wrong_edit_is_refused_with_the_name_of_its_entry(was, becomes, said):
    assert was in TEXT
    with pytest.raises(BadCatalogue) as refused:
        parse(TEXT.replace(was, becomes, 1).encode())
    assert said in str(refused.value)


def test_a_group_without_a_question_is_refused():
    empty = TEXT.replace(
        '[[instrument.group]]\nlabel = "Colouring"',
        '[[instrument.group]]\nlabel = "Nothing"\n[[instrument.group]]\nlabel = "Colouring"',
    )
    with pytest.raises(BadCatalogue, match="instrument fitzpatrick_b, group 1: item is missing"):
        parse(empty.encode())


def test_what_is_not_text_is_refused():
    with pytest.raises(BadCatalogue, match="not readable as TOML"):
        parse(b"\xff\xfe")
