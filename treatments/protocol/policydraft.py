"""A catalogue while a clinic's own values are being put into it.

`replace()` puts a value in the place of the published one; `limit()` makes what stands there at least as strict as the
value. What hangs on a value moves with it: a depth cap lowers every cell of its zone, a floor takes the target with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from .contents import Catalogue
from .entries import CATEGORIES, Category, Cell, ConcernPolicy, Count, Detail, Lifting, Rule, Washout
from .tunable import Parameter, Value, usual_depth_mm

Policy = TypeVar("Policy")


class Draft:
    """Every entry that a clinic may tune, copied where it changes. `finished()` gives the catalogue."""

    def __init__(self, published: Catalogue) -> None:
        self._published = published
        self._rules = dict(published.rules_by_code)
        self._concerns = dict(published.concerns)
        self._zones = dict(published.zones)
        self._matrix = {zone: dict(row) for zone, row in published.matrix.items()}
        # The entries without a code, by the first word of their paths.
        self._single: dict[str, Any] = {
            "interval": published.interval,
            "age": published.age,
            "depth": published.depth,
            "numbing": published.numbing,
        }

    def replace(self, parameter: Parameter, value: Value) -> None:
        self._change(parameter, value, limit=False)

    def limit(self, parameter: Parameter, value: Value) -> None:
        self._change(parameter, value, limit=True)

    def finished(self) -> Catalogue:
        interval = self._single["interval"]
        rules = {code: _told(rule, self._published.rule(code)) for code, rule in self._rules.items()}
        return replace(
            self._published,
            rules=tuple(rules.values()),
            rules_by_code=rules,
            concerns={code: _in_order(concern, interval.floor_days) for code, concern in self._concerns.items()},
            zones=self._zones,
            matrix=self._matrix,
            interval=replace(
                interval,
                raised_floor_days=max(interval.raised_floor_days, interval.floor_days),
                late_after_days=min(interval.late_after_days, interval.new_baseline_after_days),
                sun_avoidance_raised_days=_sun_days(rules, interval.sun_avoidance_raised_days),
            ),
            age=self._single["age"],
            depth=self._single["depth"],
            numbing=self._single["numbing"],
        )

    def _change(self, parameter: Parameter, value: Value, *, limit: bool) -> None:
        kind, *rest = parameter.path.split(".")
        if kind == "rule":
            self._rules[rest[0]] = _changed_rule(self._rules[rest[0]], rest[1], value, limit=limit)
        elif kind == "concern":
            self._concerns[rest[0]] = _changed_concern(self._concerns[rest[0]], parameter, rest[1], value, limit=limit)
        elif kind == "zone":
            self._change_zone(rest[0], rest[1], Decimal(value), limit=limit)
        else:
            self._single[kind] = _with(self._single[kind], rest[0], parameter, value, limit=limit)

    def _change_zone(self, code: str, name: str, value_mm: Decimal, *, limit: bool) -> None:
        zone, row = self._zones[code], self._matrix[code]
        if not limit:
            # Hard caps only ever come down, so what is replaced is the soft maximum: the deepest cells are what it caps.
            usual_mm = usual_depth_mm(code, self._published)
            for column, cell in row.items():
                if cell and cell.soft_max_mm == usual_mm:
                    row[column] = replace(cell, soft_max_mm=value_mm)
            self._zones[code] = replace(zone, soft_max_mm=max(zone.soft_max_mm, value_mm))
            return
        by_device = zone.hard_cap_by_device_mm
        if by_device is not None and name != "soft_max_mm":
            by_device = min(by_device, value_mm)
        if name == "hard_cap_by_device_mm":
            self._zones[code] = replace(zone, hard_cap_by_device_mm=by_device)
            return
        self._matrix[code] = {column: _capped(cell, value_mm) for column, cell in row.items()}
        self._zones[code] = replace(
            zone,
            start_mm=min(zone.start_mm, value_mm),
            soft_max_mm=min(zone.soft_max_mm, value_mm),
            hard_cap_mm=min(zone.hard_cap_mm, value_mm) if name == "hard_cap_mm" else zone.hard_cap_mm,
            hard_cap_by_device_mm=by_device,
        )


def _with(policy: Policy, name: str, parameter: Parameter, value: Value, *, limit: bool) -> Policy:
    """An entry with one field set, or held to at least this strictness."""
    held = getattr(policy, name)
    typed = Decimal(value) if isinstance(held, Decimal) else value
    if limit:
        typed = max(held, typed) if parameter.stricter == "more" else min(held, typed)
    changed: Policy = dataclasses.replace(policy, **{name: typed})  # type: ignore[type-var]
    return changed


def _capped(cell: Cell | None, most_mm: Decimal) -> Cell | None:
    if cell is None:
        return None
    return replace(cell, start_mm=min(cell.start_mm, most_mm), soft_max_mm=min(cell.soft_max_mm, most_mm))


def _changed_concern(
    concern: ConcernPolicy, parameter: Parameter, name: str, value: Value, *, limit: bool
) -> ConcernPolicy:
    if name == "offered":
        # Nobody switches on what has no evidence, so a change is a withdrawal: courses under way run on, none begins.
        return replace(concern, offered=False, withdrawn=True)
    if name in ("floor_days", "target_days", "latest_days"):
        return replace(concern, interval=_with(concern.interval, name, parameter, value, limit=limit))
    if name == "sessions_maximum":
        severe = concern.sessions_severe
        return replace(
            concern,
            sessions=_counted(concern.sessions, int(value), limit=limit),
            sessions_severe=None if severe is None else _counted(severe, int(value), limit=limit),
        )
    changed = _with(concern, name, parameter, value, limit=limit)
    dark_mm = changed.soft_max_4_6_mm
    if dark_mm is not None:
        changed = replace(changed, soft_max_4_6_mm=min(dark_mm, changed.soft_max_mm))
    return changed


def _counted(count: Count, most: int, *, limit: bool) -> Count:
    most = min(count.maximum, most) if limit else max(count.maximum, most)
    return replace(count, plan=min(count.plan, most), minimum=min(count.minimum, most), maximum=most)


def _in_order(concern: ConcernPolicy, least_floor_days: int) -> ConcernPolicy:
    """Floor ≤ target ≤ latest, so that no window is empty: a raised floor takes the others with it."""
    spacing = concern.interval
    floor_days = max(spacing.floor_days, least_floor_days)
    target_days = max(spacing.target_days, floor_days)
    latest_days = max(spacing.latest_days, target_days)
    return replace(
        concern, interval=replace(spacing, floor_days=floor_days, target_days=target_days, latest_days=latest_days)
    )


def _changed_rule(rule: Rule, name: str, value: Value, *, limit: bool) -> Rule:
    if name == "category":
        return _recategorised(rule, next(known for known in CATEGORIES if known == value), limit=limit)
    days, washout = int(value), rule.washout or Washout(days=0)
    if name == "washout_days":
        return _rewaited(rule, washout, days, limit=limit)
    if name == "washout_4_6_days":
        held = washout.skin_types_4_to_6 or 0
        return replace(rule, washout=replace(washout, skin_types_4_to_6=max(held, days) if limit else days))
    if name == "washout_pigment_days":
        held = washout.pigment_concern or 0
        return replace(rule, washout=replace(washout, pigment_concern=max(held, days) if limit else days))
    word = name.removesuffix("_days")
    detail = rule.details[word]
    longer = replace(detail, days=max(detail.days or 0, days) if limit else days)
    return replace(rule, details={**rule.details, word: longer})


def _rewaited(rule: Rule, washout: Washout, days: int, *, limit: bool) -> Rule:
    """A wait held to at least `days` holds for every word of the rule, and against any device's label."""
    was = washout.days or 0

    def of(detail: Detail) -> Detail:
        if detail.days is None or not detail.raises:
            return detail
        if limit:
            return replace(detail, days=max(detail.days, days))
        return replace(detail, days=days) if detail.days == was else detail

    washout = replace(
        washout,
        days=max(was, days) if limit else days,
        clinic_days=days if limit and washout.device_says else washout.clinic_days,
    )
    return replace(rule, washout=washout, details={word: of(detail) for word, detail in rule.details.items()})


def _recategorised(rule: Rule, category: Category, *, limit: bool) -> Rule:
    if not limit:
        return replace(rule, category=category, soft=category == "CAU" and rule.washout is not None)
    heavier = _harder(rule.category, category)
    details = {
        word: replace(detail, category=_harder(detail.category, heavier)) if detail.category else detail
        for word, detail in rule.details.items()
    }
    return replace(
        rule,
        category=heavier,
        details=details,
        soft=rule.soft and heavier == "CAU",
        lifted_by=_lifted_by(rule, heavier),
    )


def _lifted_by(rule: Rule, heavier: Category) -> Lifting:
    """A caution needs no clearance. Made heavier, one patient may still be cleared: by a clinician, from a block by a
    prescriber. A rule whose words or dates decide keeps its own way out."""
    if heavier == rule.category or rule.washout is not None or rule.details:
        return rule.lifted_by
    return "prescriber" if heavier == "ABS" else "clinician"


def _harder(one: Category, other: Category) -> Category:
    return min(one, other, key=CATEGORIES.index)


def _sun_days(rules: Mapping[str, Rule], published_days: int) -> int:
    """What a session asks of skin at higher risk is the wait that its rule asks for; the longer one where they differ."""
    sun = rules.get("sun_tan_exposure")
    if sun is None or sun.washout is None:
        return published_days
    return max(sun.washout.days or 0, sun.washout.skin_types_4_to_6 or 0, sun.washout.pigment_concern or 0)


# What a rule does, for the sentence after its advice.
DOES: Mapping[Category, str] = {
    "ABS": "it blocks treatment",
    "TMP": "treatment waits until it is over",
    "REL": "a clinician decides",
    "CAU": "it is a caution",
}


def _told(rule: Rule, published: Rule) -> Rule:
    """The advice of a rule names its published category and waits, so what a clinic has set is said after it."""
    said = [*_category_told(rule, published), *_waits_told(rule, published)]
    return replace(rule, advice=" ".join([rule.advice, *said])) if said else rule


def _category_told(rule: Rule, published: Rule) -> Iterator[str]:
    if rule.category != published.category:
        yield f"In this clinic {DOES[rule.category]}."


def _waits_told(rule: Rule, published: Rule) -> Iterator[str]:
    ours, theirs = rule.washout, published.washout
    if ours is None or theirs is None:
        return
    if ours.days != theirs.days:
        yield f"This clinic waits {ours.days} days."
    for days, before, whom in (
        (ours.skin_types_4_to_6, theirs.skin_types_4_to_6, "skin type IV to VI"),
        (ours.pigment_concern, theirs.pigment_concern, "a pigment concern"),
    ):
        if days != before:
            yield f"This clinic waits {days} days for {whom}."
    for word, detail in rule.details.items():
        if detail.days not in (published.details[word].days, ours.days):
            yield f"This clinic waits {detail.days} days for: {detail.label}."
