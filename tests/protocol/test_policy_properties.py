"""Tightening never loosens, whatever else a clinic has set. A boundary example stands beside each property."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.people import D, described
from tests.protocol.test_depth import CONCERNS, ZONES, devices
from tests.protocol.test_screening_properties import OUTCOMES, patients, unhurried
from treatments.protocol.catalogue import load
from treatments.protocol.depth import NotOffered, limits
from treatments.protocol.facts import Concern
from treatments.protocol.planning import propose_course
from treatments.protocol.policy import Parameter, Setting, apply, checked, direction, parameters
from treatments.protocol.screening import screen

CATALOGUE = load()
PUBLISHED = parameters(CATALOGUE)


@st.composite
def values(draw: st.DrawFn, parameter: Parameter):
    """Any value a clinic may set."""
    if parameter.choices:
        return draw(st.sampled_from(parameter.choices))
    if parameter.stricter == "off":
        return draw(st.sampled_from([False, parameter.highest]))
    lowest, highest = Decimal(parameter.lowest), Decimal(parameter.highest)
    if isinstance(parameter.default, int):
        near = [n for n in range(int(lowest), int(highest) + 1) if abs(n - parameter.default) < 400]
        return draw(st.sampled_from(near))
    return checked(parameter, draw(st.decimals(lowest, highest, places=2)))


@st.composite
def policies(draw: st.DrawFn, most: int = 4) -> list[Setting]:
    """What a clinic has set: tightenings that stay and loosenings with a last day."""
    found = []
    for parameter in draw(st.lists(st.sampled_from(list(PUBLISHED.values())), max_size=most)):
        value = draw(values(parameter))
        until = D + timedelta(days=draw(st.integers(0, 30)))
        way = direction(parameter, value)
        if way != "same":
            found.append(Setting(parameter.path, value, until if way == "looser" else None))
    return found


@st.composite
def tightened(draw: st.DrawFn):
    """What a clinic has set, and the same with tightenings more."""
    before = draw(policies())
    more = []
    for parameter in draw(st.lists(st.sampled_from(list(PUBLISHED.values())), min_size=1, max_size=3)):
        more.append(Setting(parameter.path, draw(values(parameter))))
    return before, [*before, *more]


# Outcomes


@given(tightened(), patients())
@unhurried
def test_tightening_never_improves_an_outcome_nor_moves_the_first_day_forward(rules, patient):
    before, after = (screen(patient, on=D, purpose="session", catalogue=apply(CATALOGUE, those, D)) for those in rules)
    assert OUTCOMES.index(after.outcome) <= OUTCOMES.index(before.outcome)
    assert (after.earliest_on or date.max) >= (before.earliest_on or date.max)
    assert {finding.code for finding in after.findings} >= {finding.code for finding in before.findings} - {
        "age_18_21",  # too young for the clinic is no caution any more, it is a block
        "adverse_event",  # a milder reaction that is open blocks as an open one
    }


def test_one_day_longer_defers_who_was_clear_today():
    patient = described("isotretinoin_past yes D-180")
    path = "rule.isotretinoin_past.washout_days"
    for days, expected in ((180, "clear"), (181, "defer")):
        rules = apply(CATALOGUE, [Setting(path, days)], D)
        assert screen(patient, on=D, purpose="session", catalogue=rules).outcome == expected


# Courses and windows


@given(tightened(), patients(), st.sampled_from(CONCERNS), st.sampled_from(CONCERNS))
@unhurried
def test_tightening_never_shortens_a_gap_nor_empties_a_window(rules, patient, one, other):
    facts = replace(patient, concerns=tuple(Concern(code, ("cheek",)) for code in dict.fromkeys((one, other))))
    made = []
    for catalogue in (apply(CATALOGUE, those, D) for those in rules):
        try:
            made.append(propose_course(facts, start_on=D, catalogue=catalogue))
        except ValueError:
            made.append(None)
    before, after = made
    if after is None:
        return
    assert before is not None
    assert after.floor_days >= max(before.floor_days, 28)
    assert after.target_days >= before.target_days
    assert after.latest_days <= max(before.latest_days, after.target_days)
    assert after.count <= before.count
    assert after.maximum <= before.maximum
    for session in after.sessions:
        assert session.earliest_on <= session.target_on <= session.latest_on
    for shallower, deeper in zip(after.sessions, before.sessions, strict=False):
        assert shallower.earliest_on >= deeper.earliest_on


def test_a_floor_above_the_latest_day_leaves_one_day_and_not_none():
    rules = apply(CATALOGUE, [Setting("interval.floor_days", 100), Setting("concern.fine_lines.latest_days", 28)], D)
    course = propose_course(described("concern fine_lines cheek"), start_on=D, catalogue=rules)
    second = course.sessions[1]
    assert second.earliest_on == second.target_on == second.latest_on == D + timedelta(days=100)


# Depths


@given(
    tightened(), st.sampled_from(ZONES), st.lists(st.sampled_from(CONCERNS), min_size=1, max_size=3),
    st.none() | st.integers(1, 6), st.booleans(), devices, st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
@settings(deadline=None)
def test_tightening_never_goes_deeper(rules, zone, concerns, skin, pih, device, first, prescriber, gap):
    more = {"pih_history": pih, "device": device, "first_session": first, "prescriber": prescriber}
    found = []
    for catalogue in (apply(CATALOGUE, those, D) for those in rules):
        try:
            found.append(limits(zone, concerns, skin_type=skin, catalogue=catalogue, after_long_gap=gap, **more))
        except NotOffered:
            return
    before, after = found
    assert after.start_mm <= before.start_mm
    assert after.soft_max_mm <= before.soft_max_mm
    assert after.hard_cap_mm <= before.hard_cap_mm
    assert 0 < after.start_mm <= after.soft_max_mm <= after.hard_cap_mm <= Decimal("3.0")


def test_a_cap_just_below_the_usual_maximum_is_the_new_maximum():
    rules = apply(CATALOGUE, [Setting("zone.cheek.hard_cap_mm", "1.45")], D)
    asked = {"skin_type": 2, "pih_history": False, "device": None, "first_session": False}
    assert limits("cheek", ["acne_scar_face"], catalogue=rules, **asked).soft_max_mm == Decimal("1.45")


# Values


@given(policies(8))
@unhurried
def test_a_value_in_force_is_at_least_as_strict_as_every_tightening_and_never_beyond_a_bound(set_values):
    applied = parameters(apply(CATALOGUE, set_values, D))
    for setting in set_values:
        # The latest day gives way to the floor and the target: a window is never empty.
        if setting.expires_on is None and not setting.path.endswith("latest_days"):
            assert direction(applied[setting.path], setting.value) != "stricter"
    for path, parameter in applied.items():
        assert checked(PUBLISHED[path], parameter.default) == parameter.default


def test_a_latest_day_before_the_target_waits_for_it():
    rules = apply(CATALOGUE, [Setting("concern.striae.latest_days", 28)], D)
    assert parameters(rules)["concern.striae.latest_days"].default == 42
