"""What a clinic has set for itself, and the rules that follow from it.

A tightening (without a last day) works as a limit: the result is at least as strict as it, whatever else is set. A
loosening (with the last day it counts) replaces the published value while it is in date. Tightenings are applied after
loosenings, so the stricter wins by construction, and an expired loosening falls away by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal

from .contents import Catalogue
from .entries import CATEGORIES
from .jsonreading import plain
from .policydraft import Draft
from .tunable import Parameter, Value, parameters
from .written import written

__all__ = [
    "BadPolicy",
    "Direction",
    "Parameter",
    "Setting",
    "Value",
    "apply",
    "checked",
    "direction",
    "parameters",
    "setting_from_json",
    "strictness",
]

Direction = Literal["same", "stricter", "looser"]


class BadPolicy(ValueError):
    """A value that no clinic may set. The sentence is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a clinic. `expires_on`: the last day a loosening counts; None for a tightening."""

    path: str
    value: Value
    expires_on: date | None = None

    def in_date(self, on: date) -> bool:
        return self.expires_on is None or on <= self.expires_on

    def to_json(self) -> dict[str, object]:
        return {"path": self.path, "value": self.value, "expires_on": plain(self.expires_on)}


def setting_from_json(data: Mapping[str, object]) -> Setting:
    """A setting as a ScreeningRecord keeps it. Raises `BadPolicy` for anything else."""
    path, value, until = data.get("path"), data.get("value"), data.get("expires_on")
    if not isinstance(path, str) or not isinstance(value, int | str) or not isinstance(until, str | None):
        raise BadPolicy(f"{dict(data)} is not a setting.")
    return Setting(path, value, date.fromisoformat(until) if until else None)


def direction(parameter: Parameter, value: Value) -> Direction:
    """Which way a value lies of the parameter's default."""
    now, then = strictness(parameter, parameter.default), strictness(parameter, value)
    if then == now:
        return "same"
    return "stricter" if then > now else "looser"


def strictness(parameter: Parameter, value: Value) -> Decimal:
    """A number that is larger for the stricter of two values of one parameter."""
    if parameter.stricter == "heavier":
        # By the order of all categories: what a clinic may choose of differs from rule to rule and from version to version.
        return Decimal(-[str(known) for known in CATEGORIES].index(str(value)))
    if parameter.stricter == "off":
        return Decimal(0 if value else 1)
    number = Decimal(value)
    return number if parameter.stricter == "more" else -number


def checked(parameter: Parameter, value: object) -> Value:
    """The value as it is kept, read from what a form or a script gives. Raises `BadPolicy` outside the absolute bounds."""
    if parameter.stricter == "heavier":
        return _checked_word(parameter, value)
    if parameter.stricter == "off":
        return _checked_flag(parameter, value)
    number = _number(parameter, value)
    lowest, highest = Decimal(parameter.lowest), Decimal(parameter.highest)
    if not lowest <= number <= highest:
        unit = f" {parameter.unit}" if parameter.unit else ""
        raise BadPolicy(
            f"{parameter.label}: enter {parameter.lowest} to {parameter.highest}{unit}. Nobody may go beyond that."
        )
    return int(number) if isinstance(parameter.default, int) else written(number)


def _checked_word(parameter: Parameter, value: object) -> str:
    if value not in parameter.choices:
        raise BadPolicy(f"{parameter.label}: choose one of {', '.join(parameter.choices)}.")
    return str(value)


def _checked_flag(parameter: Parameter, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadPolicy(f"{parameter.label}: answer yes or no.")
    if value and not parameter.highest:
        raise BadPolicy(f"{parameter.label}: there is no evidence for it, so nobody may offer it.")
    return value


def _number(parameter: Parameter, value: object) -> Decimal:
    whole = isinstance(parameter.default, int)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("nan")
    # `Decimal` reads "Infinity" and "1E400"; a value with more than two decimals is a slip of the hand.
    fits = number.is_finite() and abs(number) < 100_000 and number == round(number, 0 if whole else 2)
    if isinstance(value, bool) or not fits:
        kind = "a whole number" if whole else "a number with at most two decimals"
        raise BadPolicy(f"{parameter.label}: enter {kind}.")
    return number


def apply(catalogue: Catalogue, settings: Iterable[Setting], on: date) -> Catalogue:
    """The catalogue with a clinic's settings of a day in it: the same version and text, other values.

    A path this catalogue does not have is passed over, and so is a loosening that goes beyond its bounds or that it does
    not need any more: a newer version may have become stricter or looser since the value was set.
    """
    known = parameters(catalogue)
    standing = [setting for setting in settings if setting.path in known and setting.in_date(on)]
    tightened = _strictest(known, [setting for setting in standing if setting.expires_on is None])
    loosened = _strictest(known, [setting for setting in standing if setting.expires_on and _loosens(known, setting)])
    if not tightened and not loosened:
        return catalogue
    draft = Draft(catalogue)
    for path, value in loosened.items():
        draft.replace(known[path], value)
    for path, value in tightened.items():
        draft.limit(known[path], value)
    return draft.finished()


def _loosens(known: Mapping[str, Parameter], setting: Setting) -> bool:
    parameter = known[setting.path]
    try:
        return direction(parameter, checked(parameter, setting.value)) == "looser"
    except BadPolicy:
        return False


def _strictest(known: Mapping[str, Parameter], settings: Iterable[Setting]) -> dict[str, Value]:
    """Of several values of one path the strictest."""
    found: dict[str, Value] = {}
    for setting in settings:
        parameter = known[setting.path]
        held = found.get(setting.path)
        if held is None or strictness(parameter, setting.value) > strictness(parameter, held):
            found[setting.path] = setting.value
    return found
