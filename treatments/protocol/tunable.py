"""What a clinic may set for itself: every tunable value of a catalogue, with the direction that is the careful one.

Depths and doses are texts of decimals ("1.25"), so that a value survives JSON exactly as a person typed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .contents import Catalogue
from .entries import Category, ConcernPolicy, Evidence, Rule, Zone
from .written import written

Value = int | str | bool
Stricter = Literal["more", "less", "heavier", "off"]

MOST_DAYS = 3650
LOWEST_FLOOR_DAYS = 28  # nothing goes below it, whoever signs
MOST_SESSIONS = 8

# Nobody lifts these for one patient, so nobody makes them looser for all.
LIFTED_BY_NOBODY = ("nobody", "closing")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One tunable value. `stricter` says which way is careful; `lowest` and `highest` are the bounds nobody passes.

    `choices` are the allowed words of a value that is no number, from the mildest to the hardest; empty for numbers.
    """

    path: str
    label: str
    unit: str
    default: Value
    stricter: Stricter
    lowest: Value
    highest: Value
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    dissent: tuple[Evidence, ...] = ()
    choices: tuple[str, ...] = ()


def parameters(catalogue: Catalogue) -> Mapping[str, Parameter]:
    """Every tunable value by path. Of a catalogue that `apply()` made the default is the clinic's own value."""
    found = [
        *(parameter for rule in catalogue.rules for parameter in _of_rule(rule)),
        *_of_interval(catalogue),
        *(parameter for concern in catalogue.concerns.values() for parameter in _of_concern(concern, catalogue)),
        *(parameter for zone in catalogue.zones.values() for parameter in _of_zone(zone, catalogue)),
        *_of_depth_and_age(catalogue),
        *_of_numbing(catalogue),
    ]
    return {parameter.path: parameter for parameter in found}


def usual_depth_mm(zone: str, catalogue: Catalogue) -> Decimal:
    """The deepest soft maximum of a zone over all concerns: what its own soft maximum caps."""
    return max(
        (cell.soft_max_mm for cell in catalogue.matrix[zone].values() if cell), default=catalogue.zone(zone).soft_max_mm
    )


def _of_rule(rule: Rule) -> Iterator[Parameter]:
    def days(name: str, label: str, default: int) -> Parameter:
        # A needling at home is a needling: its wait never falls below the floor between two sessions.
        least = LOWEST_FLOOR_DAYS if rule.code == "home_needling" else 0
        return Parameter(
            path=f"rule.{rule.code}.{name}",
            label=f"{rule.label}: {label}",
            unit="days",
            default=default,
            stricter="more",
            lowest=default if _is_fixed(rule) else min(least, default),
            highest=MOST_DAYS,
            sources=rule.sources,
            evidence=rule.evidence,
            dissent=rule.dissent,
        )

    choices = _categories(rule)
    # Also at its hardest: what a clinic has made a block of stays a value of its own.
    if len(choices) > 1 or (rule.category == "ABS" and rule.lifted_by not in LIFTED_BY_NOBODY and _may_be_set(rule)):
        yield Parameter(
            path=f"rule.{rule.code}.category",
            label=f"{rule.label}: what it does",
            unit="",
            default=rule.category,
            stricter="heavier",
            lowest=choices[0],
            highest=choices[-1],
            sources=rule.sources,
            evidence=rule.evidence,
            dissent=rule.dissent,
            choices=choices,
        )
    washout = rule.washout
    if washout is None or washout.days is None:
        return
    yield days("washout_days", "wait", washout.days)
    if washout.skin_types_4_to_6 is not None:
        yield days("washout_4_6_days", "wait for skin type IV to VI", washout.skin_types_4_to_6)
    if washout.pigment_concern is not None:
        yield days("washout_pigment_days", "wait for a pigment concern", washout.pigment_concern)
    for detail in rule.details.values():
        if detail.raises and detail.days is not None:
            yield days(f"{detail.word}_days", f"wait, {detail.label}", detail.days)


def _is_fixed(rule: Rule) -> bool:
    """Nothing makes this rule looser: nobody may lift it, or the code computes it from an event on record."""
    return rule.lifted_by in LIFTED_BY_NOBODY or rule.form == "computed"


def _may_be_set(rule: Rule) -> bool:
    """Rules that run until something ends have their categories from that course of events, and no others."""
    return not rule.runs_until_ended and rule.code not in ("interval_floor", "adverse_event")


def _categories(rule: Rule) -> tuple[Category, ...]:
    """What a clinic may make of a rule, from the mildest to the hardest. A block becomes a need for a clinician at most."""
    if not _may_be_set(rule):
        return (rule.category,)
    order: tuple[Category, ...] = ("CAU", "REL", "ABS")
    if rule.washout is not None and rule.category != "REL":
        order = ("CAU", "TMP", "ABS")
    position = order.index(rule.category)
    may_loosen = not _is_fixed(rule) and rule.second_step is None and _decides_itself(rule)
    return order[max(position - 1, 0) :] if may_loosen else order[position:]


def _decides_itself(rule: Rule) -> bool:
    """Whether the rule's own category counts for anybody. Where every word has one of its own, a milder one of the rule
    would change nothing."""
    return not rule.details or any(word.raises and word.category is None for word in rule.details.values())


def _of_interval(catalogue: Catalogue) -> Iterator[Parameter]:
    policy = catalogue.interval

    def interval(
        name: str, label: str, stricter: Stricter, lowest: Value, highest: Value, unit: str = "days"
    ) -> Parameter:
        value = getattr(policy, name)
        return Parameter(
            path=f"interval.{name}",
            label=label,
            unit=unit,
            default=written(value) if isinstance(value, Decimal) else value,
            stricter=stricter,
            lowest=lowest,
            highest=highest,
            sources=policy.sources,
            evidence=policy.evidence,
            dissent=policy.dissent,
        )

    deepest = written(catalogue.depth.absolute_mm)
    yield interval("floor_days", "Shortest interval", "more", LOWEST_FLOOR_DAYS, MOST_DAYS)
    yield interval("raised_floor_days", "Shortest interval at higher risk", "more", LOWEST_FLOOR_DAYS, MOST_DAYS)
    yield interval("pigment_trouble_extra_days", "Added after pigment trouble", "more", 0, MOST_DAYS)
    yield interval("deep_session_mm", "A session deeper than this raises the interval", "less", "0.25", deepest, "mm")
    yield interval("event_grade", "A reaction of this grade blocks", "less", 1, policy.event_grade, "grade")
    yield interval("late_after_days", "A gap is late after", "less", LOWEST_FLOOR_DAYS, MOST_DAYS)
    yield interval("new_baseline_after_days", "Assess anew after", "less", LOWEST_FLOOR_DAYS, MOST_DAYS)


def _of_concern(concern: ConcernPolicy, catalogue: Catalogue) -> Iterator[Parameter]:
    def of(
        name: str, label: str, default: Value, stricter: Stricter, lowest: Value, highest: Value, unit: str = "days"
    ) -> Parameter:
        return Parameter(
            path=f"concern.{concern.code}.{name}",
            label=f"{concern.label}: {label}",
            unit=unit,
            default=default,
            stricter=stricter,
            lowest=lowest,
            highest=highest,
            sources=concern.sources,
            evidence=concern.evidence,
            dissent=concern.dissent,
        )

    spacing = concern.interval
    # What is not offered has no evidence behind it: no signature brings it in.
    yield of("offered", "offered", concern.offered, "off", False, concern.offered, "")
    if not concern.offered and not concern.withdrawn:
        return
    # A pigment concern is never treated sooner than the raised floor, so a looser value below it would change nothing.
    least = catalogue.interval.raised_floor_days if concern.pigment else LOWEST_FLOOR_DAYS
    for name, label, days in (
        ("floor_days", "shortest interval", spacing.floor_days),
        ("target_days", "best interval", spacing.target_days),
    ):
        yield of(name, label, days, "more", min(least, days), MOST_DAYS)
    yield of("latest_days", "longest interval", spacing.latest_days, "less", LOWEST_FLOOR_DAYS, MOST_DAYS)
    # No zone goes deeper for this concern than its own cell, so a ceiling above the cells would change nothing.
    lowest, ceiling, dark = written(catalogue.depth.lowest_mm), concern.soft_max_mm, concern.soft_max_4_6_mm
    yield of("soft_max_mm", "usual maximum", written(ceiling), "less", lowest, written(ceiling), "mm")
    if dark is not None:
        label = "usual maximum for skin type IV to VI"
        yield of("soft_max_4_6_mm", label, written(dark), "less", lowest, written(dark), "mm")
    yield of("sessions_maximum", "most sessions", concern.sessions.maximum, "less", 1, MOST_SESSIONS, "sessions")


def _of_zone(zone: Zone, catalogue: Catalogue) -> Iterator[Parameter]:
    if zone.prohibited:
        return

    def depth(name: str, label: str, default: Decimal, highest: Decimal) -> Parameter:
        return Parameter(
            path=f"zone.{zone.code}.{name}",
            label=f"{zone.label}: {label}",
            unit="mm",
            default=written(default),
            stricter="less",
            lowest=written(min(catalogue.depth.lowest_mm, default)),
            highest=written(highest),
            sources=zone.sources,
        )

    usual_mm = usual_depth_mm(zone.code, catalogue)
    yield depth(
        "soft_max_mm", "deepest usual maximum", usual_mm, max(usual_mm, _raisable_mm(zone, usual_mm, catalogue))
    )
    # Nobody passes a hard cap, so it only ever comes down.
    yield depth("hard_cap_mm", "limit", zone.hard_cap_mm, zone.hard_cap_mm)
    by_device = zone.hard_cap_by_device_mm
    if by_device is not None:
        yield depth("hard_cap_by_device_mm", "limit where the device's label allows it", by_device, by_device)


def _raisable_mm(zone: Zone, usual_mm: Decimal, catalogue: Catalogue) -> Decimal:
    """How deep the deepest cells of a zone may be raised before the ceilings of their concerns hold."""
    ceilings = [
        min(concern.soft_max_mm, concern.hard_cap_mm or zone.hard_cap_mm)
        for concern in catalogue.concerns.values()
        for cell in (catalogue.cell(zone.code, concern.code, skin_type) for skin_type in (1, 6))
        if cell and cell.soft_max_mm == usual_mm
    ]
    return min(max(ceilings, default=usual_mm), zone.hard_cap_mm)


def _of_depth_and_age(catalogue: Catalogue) -> Iterator[Parameter]:
    depth, age = catalogue.depth, catalogue.age
    yield Parameter(
        path="depth.step_mm",
        label="Step up from the last session",
        unit="mm",
        default=written(depth.step_mm),
        stricter="less",
        lowest="0.05",
        highest="0.5",
        sources=depth.sources,
        evidence=depth.evidence,
        dissent=depth.dissent,
    )
    yield Parameter(
        path="age.minimum_years",
        label="Youngest age",
        unit="years",
        default=age.minimum_years,
        stricter="more",
        lowest=age.minimum_years,
        highest=100,
        sources=catalogue.rule("age_under_18").sources,
    )


def _of_numbing(catalogue: Catalogue) -> Iterator[Parameter]:
    policy = catalogue.numbing

    def dose(name: str, label: str, unit: str) -> Parameter:
        limit = written(getattr(policy, name))
        # The label's own figures: a clinic may be told earlier, never later.
        return Parameter(f"numbing.{name}", label, unit, limit, "less", "0.5", limit, policy.sources)

    yield dose("alert_mg_per_kg", "Numbing: dose alert by weight", "mg/kg")
    yield dose("alert_mg", "Numbing: dose alert", "mg")
    yield dose("alert_mg_without_weight", "Numbing: dose alert without a weight", "mg")
    yield dose("order_above_percent", "Numbing: a prescriber orders it above", "%")
