"""Facts are read strictly, refused with the name of the field, and written back the same."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.test_screening_properties import patients
from treatments.protocol.facts import (
    AdverseEventFact,
    Answer,
    BadFacts,
    ClearanceFact,
    Concern,
    Device,
    Needling,
    PatientFacts,
    from_json,
)
from treatments.protocol.jsonreading import read_day, read_object

EXAMPLE = {
    "born_on": "1990-04-02",
    "skin_type": 5,
    "pih_history": False,
    "prp": False,
    "concerns": [{"code": "acne_scar_face", "zones": ["cheek"], "severity": "moderate"}],
    "answered_on": "2026-11-30",
    "answers": {
        "pregnant": {"value": "no"},
        "isotretinoin_past": {"value": "yes", "on": "2026-07-01"},
        "laser_ipl": {"value": "yes", "on": "2026-01-01", "detail": "ablative"},
        "diabetes_uncontrolled": {"value": "not_sure", "answered_on": "2026-11-02"},
    },
    "device": {
        "name": "Pen",
        "max_depth_mm": {"face": 1.5, "neck": 1.5, "cheek": 2},
        "filler_washout_days": 180,
        "indications": ["acne_scar_face"],
    },
    "sessions": [{"on": "2026-10-20", "max_depth_mm": 1.0, "counts": True}],
    "adverse_events": [{"grade": 2, "resolved_on": "2026-11-01", "over_72h": False}],
    "clearances": [{"code": "hsv_history", "expires_on": "2027-02-01"}],
}


def changed(**fields: object) -> dict[str, object]:
    return {**EXAMPLE, **fields}


def test_the_contracted_example_reads_as_meant():
    facts = from_json(EXAMPLE)
    told, own = date(2026, 11, 30), date(2026, 11, 2)
    assert facts == PatientFacts(
        born_on=date(1990, 4, 2),
        skin_type=5,
        concerns=(Concern("acne_scar_face", ("cheek",), "moderate"),),
        answers={
            "pregnant": Answer("no", answered_on=told),
            "isotretinoin_past": Answer("yes", date(2026, 7, 1), answered_on=told),
            "laser_ipl": Answer("yes", date(2026, 1, 1), "ablative", told),
            "diabetes_uncontrolled": Answer("not_sure", answered_on=own),
        },
        device=Device(
            "Pen", {"face": Decimal("1.5"), "neck": Decimal("1.5"), "cheek": Decimal(2)}, 180, ("acne_scar_face",)
        ),
        sessions=(Needling(date(2026, 10, 20), Decimal("1.0")),),
        adverse_events=(AdverseEventFact(2, date(2026, 11, 1)),),
        clearances=(ClearanceFact("hsv_history", date(2027, 2, 1)),),
    )


def test_only_the_birth_date_is_required():
    assert from_json({"born_on": "1990-04-02"}) == PatientFacts(born_on=date(1990, 4, 2))


def test_null_stands_for_absent_where_absent_is_allowed():
    empty = {"skin_type": None, "concerns": None, "answers": None, "device": None, "sessions": None}
    assert from_json({"born_on": "1990-04-02", **empty}) == PatientFacts(born_on=date(1990, 4, 2))


@given(patients())
@settings(deadline=None)
def test_facts_survive_the_way_to_json_and_back(patient):
    assert from_json(json.loads(json.dumps(patient.to_json()))) == patient


def test_a_device_survives_the_way_to_json_and_back():
    facts = from_json(EXAMPLE)
    assert from_json(json.loads(json.dumps(facts.to_json()))) == facts
    bare = from_json(changed(device={}))
    assert bare.device == Device()
    assert from_json(bare.to_json()) == bare


REFUSED = [
    ([], "facts: must be a JSON object"),
    ({}, "born_on: is missing"),
    (changed(born_on="02.04.1990"), "born_on: write the day as YYYY-MM-DD"),
    (changed(born_on="19900402"), "born_on: write the day as YYYY-MM-DD"),
    (changed(born_on=19900402), "born_on: write the day as YYYY-MM-DD"),
    (changed(born_on="1990-02-30"), "born_on: 1990-02-30 is not a day of the calendar"),
    (changed(born_on="1899-12-31"), "born_on: the year must lie between 1900 and 2200"),
    (changed(skin_typ=5), "skin_typ: is not a known key"),
    (changed(**{"a\nb": 5}), r"'a\nb': is not a known key"),
    (changed(skin_type=7), "skin_type: must be a whole number from 1 to 6"),
    (changed(skin_type=True), "skin_type: must be a whole number from 1 to 6"),
    (changed(skin_type=2.0), "skin_type: must be a whole number from 1 to 6"),
    (changed(skin_type=10**400), "skin_type: must be a whole number from 1 to 6"),
    (changed(skin_type="V"), "skin_type: must be a whole number from 1 to 6"),
    (changed(pih_history=None), "pih_history: must be true or false"),
    (changed(pih_history="no"), "pih_history: must be true or false"),
    (changed(prp=True), "prp: the rules for platelet-rich plasma"),
    (changed(concerns={}), "concerns: must be a list"),
    (changed(concerns=["melasma"]), "concerns[0]: must be a JSON object"),
    (changed(concerns=[{"code": "melisma"}]), "concerns[0].code: 'melisma' is not a known concern"),
    (changed(concerns=[{"code": ["melasma"]}]), "concerns[0].code: ['melasma'] is not a known concern"),
    (changed(concerns=[{"code": "cellulite", "zones": ["thigh"]}]), "concerns[0].code: cellulite is not offered"),
    (changed(concerns=[{"code": "melasma", "zones": ["chek"]}]), "concerns[0].zones: 'chek' is not a known zone"),
    (changed(concerns=[{"code": "melasma", "zones": "cheek"}]), "concerns[0].zones: must be a list of codes"),
    (changed(concerns=[{"code": "melasma", "zones": ["eyelid"]}]), "concerns[0].zones: eyelid must never be needled"),
    (changed(concerns=[{"code": "melasma", "zones": ["neck"]}]), "concerns[0].zones: neck is not offered for melasma"),
    (changed(concerns=[{"code": "hyperpig", "zones": ["chest"]}]), "concerns[0].zones: chest is not offered for hyperpig"),
    (changed(concerns=[{"code": "melasma", "severity": "bad"}]), "concerns[0].severity: must be one of: mild"),
    (changed(concerns=[{"code": "melasma", "depth": 3}]), "concerns[0].depth: is not a known key"),
    (changed(answers=[]), "answers: must be a JSON object"),
    (changed(answers={"isotretinon_past": {"value": "no"}}), "answers.isotretinon_past: is not a known question"),
    (changed(answers={"interval_floor": {"value": "no"}}), "answers.interval_floor: is computed and cannot be answered"),
    (changed(answers={"pregnant": "no"}), "answers.pregnant: must be a JSON object"),
    (changed(answers={"pregnant": {}}), "answers.pregnant.value: is missing"),
    (changed(answers={"pregnant": {"value": "maybe"}}), "answers.pregnant.value: must be one of: yes, no, not_sure"),
    (changed(answers={"pregnant": {"value": True}}), "answers.pregnant.value: must be one of"),
    (changed(answers={"pregnant": {"value": "no", "since": "x"}}), "answers.pregnant.since: is not a known key"),
    (changed(answers={"pregnant": {"value": "no", "detail": "x"}}), "answers.pregnant.detail: takes no word here"),
    (changed(answers={"laser_ipl": {"value": "no", "detail": "x"}}), "answers.laser_ipl.detail: must be one of: non_ablative"),
    (changed(device=[]), "device: must be a JSON object"),
    (changed(device={"max_depth_mm": {"nose_tip": 1}}), "device.max_depth_mm.nose_tip: is not face, neck, body"),
    (changed(device={"max_depth_mm": {"eyelid": 1}}), "device.max_depth_mm.eyelid: is not face, neck, body"),
    (changed(device={"max_depth_mm": {"face": 0}}), "device.max_depth_mm.face: must be a depth in millimetres above 0, up to 10"),
    (changed(device={"max_depth_mm": {"face": float("nan")}}), "device.max_depth_mm.face: must be a depth"),
    (changed(device={"max_depth_mm": {"face": True}}), "device.max_depth_mm.face: must be a depth"),
    (changed(device={"max_depth_mm": {"face": "1.5"}}), "device.max_depth_mm.face: must be a depth"),
    (changed(device={"name": 5}), "device.name: must be a text"),
    (changed(device={"name": "x" * 201}), "device.name: must be a text"),
    (changed(device={"filler_washout_days": -1}), "device.filler_washout_days: must be a whole number"),
    (changed(device={"indications": ["scars"]}), "device.indications: 'scars' is not a known concern"),
    (changed(device={"colour": "red"}), "device.colour: is not a known key"),
    (changed(sessions=[{}]), "sessions[0].on: is missing"),
    (changed(sessions=[{"on": "2026-10-20", "max_depth_mm": 3.25}]), "sessions[0].max_depth_mm: must be a depth in millimetres from 0, up to 3.0"),
    (changed(sessions=[{"on": "2026-10-20", "max_depth_mm": -1}]), "sessions[0].max_depth_mm: must be a depth"),
    (changed(sessions=[{"on": "2026-10-20", "counts": 1}]), "sessions[0].counts: must be true or false"),
    (changed(sessions=[{"on": "2026-10-20", "zone": "x"}]), "sessions[0].zone: is not a known key"),
    (changed(adverse_events=[{}]), "adverse_events[0].grade: is missing"),
    (changed(adverse_events=[{"grade": 6}]), "adverse_events[0].grade: must be a whole number from 1 to 5"),
    (changed(adverse_events=[{"grade": 2, "kind": "x"}]), "adverse_events[0].kind: is not a known key"),
    (changed(clearances=[{"code": "metal_allergy", "expires_on": "2027-01-01"}]), "clearances[0].code: no clearance lifts metal_allergy"),
    (changed(clearances=[{"code": "botulinum", "expires_on": "2027-01-01"}]), "clearances[0].code: no clearance lifts botulinum"),
    (changed(clearances=[{"code": "rosacea", "expires_on": "2027-01-01"}]), "clearances[0].code: no clearance lifts rosacea"),
    (changed(clearances=[{"code": "hsv"}]), "clearances[0].code: 'hsv' is not a known rule"),
    (changed(clearances=[{"code": "hsv_history"}]), "clearances[0].expires_on: is missing"),
    (changed(clearances=[{"code": "hsv_history", "expires_on": "2027-01-01", "by": "me"}]), "clearances[0].by: is not a known key"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_anything_else_is_refused_by_field(data, sentence):
    with pytest.raises(BadFacts) as refused:
        from_json(data)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_an_unknown_skin_type_leaves_a_zone_open_that_some_skin_may_have():
    concern = {"code": "hyperpig", "zones": ["chest"]}
    assert from_json(changed(skin_type=None, concerns=[concern])).concerns[0].zones == ("chest",)
    with pytest.raises(BadFacts, match="neck is not offered"):
        from_json(changed(skin_type=None, concerns=[{"code": "melasma", "zones": ["neck"]}]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(EXAMPLE)), json_values)
@settings(deadline=None)
def test_no_value_of_any_field_breaks_the_reader(field, value):
    try:
        from_json(changed(**{field: value}))
    except BadFacts as refused:
        assert "\n" not in str(refused)
        assert ": " in str(refused)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"{", "f: is not valid JSON"),
        (b"\xff\xfe", "f: is not valid JSON"),
        (b"[1]", "f: must hold one JSON object"),
        (b'{"a": NaN}', "f: NaN is not a number of JSON"),
        (b'{"a": -Infinity}', "f: -Infinity is not a number of JSON"),
        (b'{"a": 1, "a": 2}', "f: the key 'a' is there twice"),
        (b"[" * 100_000, "f: is not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "f: is not valid JSON"),
        (b'{"a": 1e99999999999999999999}', "f: is not valid JSON"),
        (b" " * 5_000_001, "f: is larger than 5 MB"),
    ],
)
def test_what_is_not_one_json_object_is_refused(text, sentence):
    with pytest.raises(BadFacts) as refused:
        read_object(text, "f")
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_one_json_object_is_read_with_its_decimals():
    assert read_object(b'{"a": 1.10, "b": {"c": [null]}}', "f") == {"a": Decimal("1.10"), "b": {"c": [None]}}


def test_a_day_is_read_only_as_the_contract_writes_it():
    assert read_day("2026-12-01", "--on") == date(2026, 12, 1)
    for wrong in ("2026-W49-2", "２０２６-12-01", "2026-12-01 ", None, ""):
        with pytest.raises(BadFacts, match="--on"):
            read_day(wrong, "--on")
