"""Every value that can be set changes something, in each direction it allows: nobody is told "in force" about nothing."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.protocol.people import D, harmless, saying
from tests.protocol.test_depth import CONCERNS, ZONES
from treatments.protocol.anaesthetic import assess
from treatments.protocol.catalogue import Catalogue, load
from treatments.protocol.depth import NotOffered, limits
from treatments.protocol.entries import Anaesthetic, Rule
from treatments.protocol.facts import AdverseEventFact, Answer, Concern, Device, Needling, PatientFacts
from treatments.protocol.planning import lateness, propose_course
from treatments.protocol.policy import Parameter, Setting, Value, apply, direction, parameters
from treatments.protocol.screening import screen

CATALOGUE = load()
PUBLISHED = parameters(CATALOGUE)
LABELLED = Device(max_depth_mm=dict.fromkeys(CATALOGUE.zones, Decimal("3.0")))


def values_each_way(parameter: Parameter) -> dict[str, list[Value]]:
    """The nearest and the last value on either side, as far as the bounds allow."""
    found: dict[str, list[Value]] = {}
    for value in _values(parameter):
        found.setdefault(direction(parameter, value), []).append(value)
    found.pop("same", None)
    return found


def _values(parameter: Parameter) -> Iterator[Value]:
    if parameter.choices:
        yield from parameter.choices
    elif parameter.stricter == "off":
        yield from {False, parameter.highest}
    else:
        lowest, highest = Decimal(parameter.lowest), Decimal(parameter.highest)
        step = Decimal(1) if isinstance(parameter.default, int) else Decimal("0.05")
        near = (Decimal(parameter.default) - step, Decimal(parameter.default) + step)
        for value in (*near, lowest, highest):
            if lowest <= value <= highest:
                yield int(value) if isinstance(parameter.default, int) else str(value)


def people() -> Iterator[PatientFacts]:
    """Somebody for each thing that changes a wait, a floor or a course."""
    for skin_type in (2, 5):
        for code in ("fine_lines", "melasma"):
            yield harmless(skin_type=skin_type, concerns=(Concern(code, ("cheek",)),))
    for depth in ("1.5", "1.52"):
        yield harmless(sessions=(Needling(D - timedelta(days=30), Decimal(depth)),))
    yield harmless(pih_history=True, sessions=(Needling(D - timedelta(days=41)),))
    for grade in (1, 2):
        yield harmless(adverse_events=(AdverseEventFact(grade),))
        yield harmless(adverse_events=(AdverseEventFact(grade, resolved_on=D),))
    for born_on in (date(2008, 6, 1), date(1990, 6, 1)):
        yield harmless(born_on=born_on)


def who_says(rule: Rule) -> Iterator[PatientFacts]:
    """Everybody who may raise a rule: with each word, now and today."""
    for facts in (harmless(), harmless(skin_type=5), harmless(concerns=(Concern("melasma", ("cheek",)),))):
        for word in (None, *rule.details):
            for on in (None, D):
                yield saying(rule.code, Answer(rule.raised_by, on=on, detail=word, answered_on=D), facts)


def said_by_rule(rule: Rule, catalogue: Catalogue) -> list:
    if rule.form == "computed":
        return screened(catalogue)
    found = (screen(facts, on=D, purpose="session", catalogue=catalogue) for facts in who_says(rule))
    return [
        (one.outcome, one.earliest_on, [(f.category, f.earliest_on, f.lapses_on) for f in one.findings])
        for one in found
    ]


def screened(catalogue: Catalogue) -> list:
    found = (screen(facts, on=D, purpose="session", catalogue=catalogue) for facts in people())
    return [(one.outcome, one.earliest_on, one.changes) for one in found]


def courses(catalogue: Catalogue, codes: list[str]) -> Iterator[object]:
    for code in codes:
        zone = next(zone for zone in ZONES if CATALOGUE.cell(zone, code, 2))
        for severity in (None, "severe"):
            facts = harmless(concerns=(Concern(code, (zone,), severity),))
            try:
                made = propose_course(facts, start_on=D, catalogue=catalogue)
            except ValueError as refusal:
                yield str(refusal)
            else:
                yield made.floor_days, made.target_days, made.latest_days, made.count, made.maximum


def depths(catalogue: Catalogue, zones: list[str], codes: list[str]) -> Iterator[object]:
    for zone in zones:
        for code in codes:
            for skin_type in (2, 5):
                for device in (None, LABELLED):
                    asked = {"skin_type": skin_type, "device": device, "pih_history": False, "first_session": False}
                    try:
                        found = limits(zone, [code], catalogue=catalogue, prescriber=True, **asked)
                    except NotOffered:
                        continue
                    yield found.start_mm, found.soft_max_mm, found.hard_cap_mm


def numbed(catalogue: Catalogue) -> Iterator[object]:
    cream: Anaesthetic = next(iter(CATALOGUE.anaesthetics.values()))
    for weight in (None, Decimal(50), Decimal(90)):
        yield assess(cream, grams=Decimal(5), area_cm2=Decimal(50), weight_kg=weight, catalogue=catalogue).alert_mg
    yield catalogue.numbing.order_above_percent


def effects(path: str, catalogue: Catalogue) -> list:
    """What the rules say of everybody whom a value concerns."""
    kind, code, *_ = path.split(".")
    if kind == "rule":
        return said_by_rule(CATALOGUE.rule(code), catalogue)
    if kind == "concern":
        return [*courses(catalogue, [code]), *depths(catalogue, ZONES, [code])]
    if kind == "zone":
        return list(depths(catalogue, [code], CONCERNS))
    if kind == "numbing":
        return list(numbed(catalogue))
    if path == "depth.step_mm":
        return [catalogue.depth.step_mm]
    gaps = [lateness(days, catalogue) for days in (84, 85, 180, 181)]
    return [*screened(catalogue), *courses(catalogue, ["fine_lines", "melasma"]), *gaps]


@pytest.mark.parametrize("path", PUBLISHED)
def test_a_value_that_can_be_set_changes_something(path):
    parameter = PUBLISHED[path]
    as_published = effects(path, CATALOGUE)
    for way, values in values_each_way(parameter).items():
        until = D if way == "looser" else None
        applied = (apply(CATALOGUE, [Setting(path, value, until)], D) for value in values)
        assert any(effects(path, catalogue) != as_published for catalogue in applied), (way, values)


def test_the_measure_sees_no_difference_where_there_is_none():
    """Negative control: the same rules give the same effects."""
    for path in (
        "rule.filler.washout_days",
        "concern.melasma.target_days",
        "zone.cheek.soft_max_mm",
        "age.minimum_years",
    ):
        again = apply(CATALOGUE, [Setting("rule.smoking.category", "ABS")], D)
        assert effects(path, again) == effects(path, CATALOGUE)
