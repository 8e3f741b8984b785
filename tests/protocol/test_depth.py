"""How deep: the precedence of device, zone, concern and skin type, and what an entered depth needs."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treatments.protocol.catalogue import load
from treatments.protocol.depth import NotOffered, check, limits, needs_sign_off, within_device_mm
from treatments.protocol.facts import Device

CATALOGUE = load()
ZONES = [code for code, zone in CATALOGUE.zones.items() if not zone.prohibited]
CONCERNS = [concern.code for concern in CATALOGUE.offered_concerns()]


def device(**depths: str) -> Device:
    return Device(max_depth_mm={where: Decimal(depth) for where, depth in depths.items()})


def triple(zone: str, *concerns: str, skin=2, pih=False, dev=None, first=False, **more) -> tuple[str, str, str]:
    found = limits(
        zone, concerns, skin_type=skin, pih_history=pih, device=dev, first_session=first, catalogue=CATALOGUE, **more
    )
    return str(found.start_mm), str(found.soft_max_mm), str(found.hard_cap_mm)


# zone, concerns, circumstances, start / soft maximum / hard cap
LIMITS = [
    ("cheek", ["acne_scar_face"], {}, ("1.0", "1.5", "1.5")),
    ("cheek", ["fine_lines"], {}, ("0.5", "1.0", "1.5")),
    ("forehead", ["wrinkles"], {}, ("0.25", "0.75", "1.5")),
    ("periorbital", ["fine_lines"], {}, ("0.25", "0.3", "0.5")),
    ("cheek", ["melasma"], {}, ("0.25", "1.0", "1.5")),
    ("abdomen", ["striae"], {}, ("0.75", "1.5", "2.5")),
    ("back", ["acne_scar_body"], {}, ("0.5", "1.5", "2.0")),
    # several concerns: the smallest of each
    ("cheek", ["acne_scar_face", "glow_dullness"], {}, ("0.5", "0.75", "1.5")),
    ("cheek", ["acne_scar_face", "melasma"], {}, ("0.25", "1.0", "1.5")),
    # skin type: its own column, else one step less in the first session, never below start
    ("cheek", ["hyperpig"], {"skin": 3, "first": True}, ("0.5", "1.0", "1.5")),
    ("cheek", ["hyperpig"], {"skin": 4, "first": True}, ("0.25", "0.5", "1.5")),
    ("cheek", ["sun_damage"], {"skin": 6}, ("0.25", "0.5", "1.5")),
    ("cheek", ["acne_scar_face"], {"skin": 4, "first": True}, ("1.0", "1.25", "1.5")),
    ("cheek", ["acne_scar_face"], {"skin": 4}, ("1.0", "1.5", "1.5")),
    ("cheek", ["acne_scar_face"], {"skin": None, "first": True}, ("1.0", "1.25", "1.5")),
    ("periorbital", ["fine_lines"], {"skin": 5, "first": True}, ("0.25", "0.25", "0.5")),
    ("cheek", ["acne_scar_face", "hyperpig"], {"skin": 5, "first": True}, ("0.25", "0.5", "1.5")),
    # earlier pigment trouble: one step down, not below 0.25
    ("cheek", ["acne_scar_face"], {"pih": True}, ("0.75", "1.25", "1.5")),
    ("cheek", ["acne_scar_face"], {"pih": True, "skin": 4, "first": True}, ("0.75", "1.00", "1.5")),
    ("forehead", ["fine_lines"], {"pih": True}, ("0.25", "0.25", "1.5")),
    # a long gap: start one step lower
    ("cheek", ["acne_scar_face"], {"after_long_gap": True}, ("0.75", "1.5", "1.5")),
    ("forehead", ["fine_lines"], {"after_long_gap": True}, ("0.25", "0.5", "1.5")),
    # the device's label
    ("cheek", ["acne_scar_face"], {"dev": device(face="1.25")}, ("1.0", "1.25", "1.25")),
    ("cheek", ["acne_scar_face"], {"dev": device(face="0.5")}, ("0.5", "0.5", "0.5")),
    ("cheek", ["acne_scar_face"], {"dev": device(face="1.0", cheek="1.5")}, ("1.0", "1.5", "1.5")),
    ("cheek", ["acne_scar_face"], {"dev": device(neck="0.5")}, ("1.0", "1.5", "1.5")),
    ("cheek", ["acne_scar_face"], {"dev": device(face="0.2"), "pih": True}, ("0.2", "0.2", "0.2")),
    # 2.0 mm on the cheek: device and prescriber
    ("cheek", ["acne_scar_face"], {"dev": device(cheek="2.5")}, ("1.0", "1.5", "1.5")),
    ("cheek", ["acne_scar_face"], {"prescriber": True}, ("1.0", "1.5", "1.5")),
    ("cheek", ["acne_scar_face"], {"dev": device(cheek="2.5"), "prescriber": True}, ("1.0", "1.5", "2.0")),
    ("cheek", ["melasma"], {"dev": device(cheek="2.5"), "prescriber": True}, ("0.25", "1.0", "1.5")),
    # the neck: 2.5 mm by the label, else 1.5
    ("neck", ["neck_wrinkles"], {}, ("0.25", "1.0", "1.5")),
    ("neck", ["neck_wrinkles"], {"dev": device(neck="2.5")}, ("0.25", "1.0", "2.5")),
    ("neck", ["neck_wrinkles"], {"dev": device(neck="3.0")}, ("0.25", "1.0", "2.5")),
    ("abdomen", ["striae"], {"dev": device(body="5")}, ("0.75", "1.5", "2.5")),
]


@pytest.mark.parametrize(("zone", "concerns", "circumstances", "expected"), LIMITS)
def test_the_limits_follow_the_order_of_precedence(zone, concerns, circumstances, expected):
    assert triple(zone, *concerns, **circumstances) == expected


@pytest.mark.parametrize(
    ("zone", "concerns", "skin", "sentence"),
    [
        ("eyelid", ["fine_lines"], 2, "eyelid is not a zone that may be treated"),
        ("elbow", ["fine_lines"], 2, "elbow is not a zone that may be treated"),
        ("cheek", [], 2, "cheek is not a zone that may be treated"),
        ("neck", ["melasma"], 2, "neck is not offered for melasma"),
        ("chest", ["hyperpig"], 5, "chest is not offered for hyperpig"),
        ("chest", ["hyperpig"], None, "chest is not offered for hyperpig while the skin type is unknown"),
        ("thigh", ["cellulite"], 2, "thigh is not offered for cellulite"),
        ("cheek", ["neck_wrinkles"], 2, "cheek is not offered for neck_wrinkles"),
    ],
)
def test_what_is_not_offered_has_no_depth(zone, concerns, skin, sentence):
    with pytest.raises(NotOffered, match=f"^zones: {sentence}$"):
        triple(zone, *concerns, skin=skin)


def test_the_limits_name_their_sources():
    found = limits(
        "cheek",
        ["acne_scar_face"],
        skin_type=2,
        pih_history=False,
        device=None,
        first_session=True,
        catalogue=CATALOGUE,
    )
    assert {"P28", "M3", "L1"} <= set(found.sources)
    assert found.to_json() == {
        "zone": "cheek", "start_mm": 1.0, "soft_max_mm": 1.5, "hard_cap_mm": 1.5, "sources": list(found.sources),
    }  # fmt: skip


depths = st.decimals(Decimal("0.05"), Decimal("4"), places=2)
devices = st.none() | st.dictionaries(st.sampled_from(["face", "neck", "body", *ZONES]), depths).map(
    lambda found: Device(max_depth_mm=found)
)


@given(
    st.sampled_from(ZONES), st.lists(st.sampled_from(CONCERNS), min_size=1, max_size=3), st.none() | st.integers(1, 6),
    st.booleans(), devices, st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
@settings(deadline=None)
def test_the_three_depths_always_rise_and_never_pass_the_caps(zone, concerns, skin, pih, dev, first, prescriber, gap):
    more = {"pih_history": pih, "device": dev, "first_session": first, "prescriber": prescriber, "after_long_gap": gap}
    try:
        found = limits(zone, concerns, skin_type=skin, catalogue=CATALOGUE, **more)
    except NotOffered:
        return
    assert 0 < found.start_mm <= found.soft_max_mm <= found.hard_cap_mm <= Decimal("3.0")
    unknown = {**more, "skin_type": None}
    try:
        stricter = limits(zone, concerns, catalogue=CATALOGUE, **unknown)
    except NotOffered:
        return
    assert stricter.start_mm <= found.start_mm
    assert stricter.soft_max_mm <= found.soft_max_mm
    assert (
        limits(zone, concerns, skin_type=skin, catalogue=CATALOGUE, **{**more, "pih_history": True}).soft_max_mm
        <= found.soft_max_mm
    )


CHEEK = limits(
    "cheek", ["fine_lines"], skin_type=2, pih_history=False, device=None, first_session=False, catalogue=CATALOGUE
)


@pytest.mark.parametrize(
    ("entered", "last", "verdict", "sentence"),
    [
        ("1.0", None, "ok", ""),
        ("1.01", None, "needs_reason", "1.01 mm is above the usual 1 mm: give a reason."),
        ("1.5", None, "needs_reason", "1.5 mm is above the usual 1 mm: give a reason."),
        ("1.51", None, "refused", "1.51 mm: the limit is 1.5 mm."),
        ("0.75", "0.5", "ok", ""),
        ("0.76", "0.5", "needs_reason", "0.76 mm is more than 0.25 mm deeper than last time (0.5 mm): give a reason."),
        ("0.25", "1.0", "ok", ""),
        ("0", None, "refused", "Enter a depth above 0 mm."),
        ("-1", None, "refused", "Enter a depth above 0 mm."),
        ("NaN", None, "refused", "Enter a depth above 0 mm."),
    ],
)
def test_an_entered_depth_is_fine_needs_a_reason_or_is_refused(entered, last, verdict, sentence):
    found = check(Decimal(entered), CHEEK, last_mm=last and Decimal(last))
    assert (found.verdict, found.sentence) == (verdict, sentence)


@pytest.mark.parametrize(
    ("zone", "skin_type", "asked"),
    [("neck", 1, False), ("neck", 4, False), ("neck", 5, True), ("neck", 6, True), ("neck", None, True)]
    + [("cheek", 6, False), ("decolletage", 6, False), ("cheek", None, False)],
)
def test_a_prescriber_signs_for_the_neck_in_skin_type_v_and_vi(zone, skin_type, asked):
    assert needs_sign_off(CATALOGUE.zone(zone), skin_type) is asked


@pytest.mark.parametrize(
    ("zone", "label", "most"),
    [
        ("cheek", None, "1.5"),
        ("cheek", device(neck="1.0"), "1.5"),
        ("cheek", device(face="2.0"), "2.0"),
        ("cheek", device(face="2.0", cheek="1.25"), "1.25"),
        ("neck", device(face="2.0"), "1.5"),
        ("neck", device(neck="2.5"), "2.5"),
        ("abdomen", device(), "2.5"),
    ],
)
def test_how_deep_a_device_may_go_is_its_label_and_the_plain_cap_where_it_is_silent(zone, label, most):
    assert within_device_mm(CATALOGUE.zone(zone), label) == Decimal(most)
