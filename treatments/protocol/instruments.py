"""Instruments: `score()` turns answers into a total, `stop_line()` says when a course pauses. `load()` reads the table strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from .instruments_entries import Better, Instrument, Instruments, Option, StopRule
from .instruments_reading import parse, total_of
from .written import written

__all__ = [
    "HIGHEST",
    "NAME_LENGTH",
    "BadItems",
    "Instrument",
    "Instruments",
    "NotComparable",
    "Score",
    "better_of",
    "has_risen_too_far",
    "load",
    "parse",
    "proposed_value",
    "response_percent",
    "score",
    "stop_line",
]

SHIPPED = Path(__file__).with_name("instruments.toml")
NAME_LENGTH = 60
HIGHEST = 1000
# What people write: `Decimal` also reads "1e2", "1_0" and the digits of other scripts.
NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)?", re.ASCII)


class BadItems(ValueError):
    """Answers that cannot be. `item` is the question, the text a sentence for whoever gave the answer."""

    def __init__(self, item: str, sentence: str) -> None:
        super().__init__(sentence)
        self.item = item
        self.sentence = sentence


class NotComparable(ValueError):
    """Two scores of different instruments or variants: their totals say nothing about each other."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a set of answers comes to. `raises`: screening questions that it answers with yes."""

    instrument: str
    variant: str
    total: Decimal
    band: str | None = None
    raises: tuple[str, ...] = ()


@cache
def _load_shipped() -> Instruments:
    return parse(SHIPPED.read_bytes())


def load(path: Path | None = None) -> Instruments:
    """Read the table of instruments, the shipped one by default (kept after the first call). Raises `BadCatalogue`."""
    return _load_shipped() if path is None else parse(path.read_bytes())


def score(instrument: Instrument, items: Mapping[str, object]) -> Score:
    """Work a score out from its answers: item code to the value chosen, as the table has it.

    Of a typed instrument: `value`, where asked also `name`, `least`, `most` and `better`. Raises BadItems, naming the
    item, for an answer that is missing, unknown or impossible. Source of each formula: `instrument.sources`.
    """
    if instrument.formula == "typed":
        return _typed(instrument, items)
    _refuse_unknown(items, {item.code for item in instrument.items})
    chosen = {item.code: _option(item.code, item.label, item.options, items) for item in instrument.items}
    _refuse_half_a_region(instrument, chosen)
    total = total_of(instrument, chosen)
    raises = [code for item in instrument.items if chosen[item.code].points for code in item.raises]
    return Score(
        instrument.instrument,
        instrument.variant,
        total,
        band=_only(chosen) if instrument.formula == "choice" else _band(instrument, total),
        raises=tuple(dict.fromkeys(raises)),
    )


def proposed_value(instrument: Instrument, total: Decimal) -> int | None:
    """What a total proposes, such as a skin type from 1 to 6; None where its band proposes nothing."""
    return next((band.value for band in instrument.bands if band.least <= total <= band.most), None)


def better_of(instrument: Instrument, items: Mapping[str, object]) -> Better:
    """Which way is better. Of some typed scores whoever typed it said so."""
    if instrument.better != "asked":
        return instrument.better
    return "higher" if items.get("better") == "higher" else "lower"


# ── Two scores beside each other ──────────────────────────────────────────────


def response_percent(baseline: Score, now: Score) -> Decimal | None:
    """100 x (baseline - now) / baseline, rounded to whole percent: how much is gone. None from a baseline of 0."""
    _refuse_other_variant(baseline, now)
    if not baseline.total:
        return None
    return (100 * (baseline.total - now.total) / baseline.total).quantize(Decimal(1))


def stop_line(rule: StopRule, baseline: Decimal) -> Decimal:
    """The total from which on a course pauses: `percent` or `points` over the baseline, whichever comes first."""
    return min(baseline + rule.points, baseline * (100 + rule.percent) / 100)


def has_risen_too_far(instrument: Instrument, baseline: Score, now: Score) -> bool:
    """Whether the stop rule holds: at the line or over it. From a baseline of nought any rise is one.

    Instruments without a stop rule never pause a course. Source: the stop rule's own (mMASI: 20 % or 1 point, PD).
    """
    _refuse_other_variant(baseline, now)
    if instrument.stop_rule is None:
        return False
    return now.total > baseline.total and now.total >= stop_line(instrument.stop_rule, baseline.total)


def _refuse_other_variant(one: Score, other: Score) -> None:
    if (one.instrument, one.variant) != (other.instrument, other.variant):
        raise NotComparable(f"{one.instrument} {one.variant} is not comparable with {other.instrument} {other.variant}")


# ── One answer ────────────────────────────────────────────────────────────────


def _refuse_unknown(items: Mapping[str, object], known: set[str]) -> None:
    for code in items:
        if code not in known:
            raise BadItems(code, f"{code} is not a question of this instrument.")


def _option(code: str, label: str, options: tuple[Option, ...], items: Mapping[str, object]) -> Option:
    if items.get(code) is None:
        raise BadItems(code, f"{label}: choose an answer.")
    given = items[code]
    for option in options:
        # True equals 1 and is none of the answers.
        if type(given) is int and option.value == given:
            return option
    raise BadItems(code, f"{label}: choose one of the answers offered.")


def _refuse_half_a_region(instrument: Instrument, chosen: Mapping[str, Option]) -> None:
    """An area without darkness, or darkness without an area, is an answer forgotten: the product would hide the other."""
    if instrument.formula != "regions":
        return
    for group in instrument.groups:
        area, *others = group.items
        is_there, is_seen = chosen[area.code].points, sum(chosen[item.code].points for item in others)
        if is_seen and not is_there:
            raise BadItems(
                area.code, f"{area.label}: choose an area, or “{others[0].options[0].label}” for what is seen."
            )
        if is_there and not is_seen:
            first = others[0]
            raise BadItems(first.code, f"{first.label}: choose how much, or “{area.options[0].label}” for the area.")


def _only(chosen: Mapping[str, Option]) -> str | None:
    """The words of the one answer; of a plain number there are none."""
    option = next(iter(chosen.values()))
    return None if option.label == str(option.value) else option.label


def _band(instrument: Instrument, total: Decimal) -> str | None:
    return next((band.label for band in instrument.bands if band.least <= total <= band.most), None)


# ── A total worked out elsewhere ──────────────────────────────────────────────


def _typed(instrument: Instrument, items: Mapping[str, object]) -> Score:
    asked = {"value"}
    asked |= {"name"} if instrument.asks_name else set()
    asked |= {"least", "most"} if instrument.asks_range else set()
    asked |= {"better"} if instrument.better == "asked" else set()
    _refuse_unknown(items, asked)
    variant, least, most = instrument.variant, Decimal(instrument.least), Decimal(instrument.most)
    if instrument.asks_name:
        variant = f"{variant}: {_name(instrument.asks_name, items.get('name'))}"
    if instrument.asks_range:
        least, most = _range(items)
        variant = f"{variant}, {written(least)} to {written(most)}"
    if instrument.better == "asked" and items.get("better") not in ("lower", "higher"):
        raise BadItems("better", "Say whether a lower or a higher score is better.")
    total = _number("value", "The score", items.get("value"))
    if not least <= total <= most:
        raise BadItems("value", f"The score lies between {written(least)} and {written(most)}.")
    if instrument.whole_only and total != total.to_integral_value():
        raise BadItems("value", "The score is a whole number.")
    return Score(instrument.instrument, variant, total, band=_band(instrument, total))


def _name(label: str, given: object) -> str:
    name = " ".join(given.split()) if isinstance(given, str) else ""
    if not name:
        raise BadItems("name", f"{label}: write it as it stands on the form.")
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise BadItems("name", f"{label}: shorten it to {NAME_LENGTH} ordinary characters.")
    return name


def _range(items: Mapping[str, object]) -> tuple[Decimal, Decimal]:
    least = _number("least", "The lowest possible score", items.get("least"))
    most = _number("most", "The highest possible score", items.get("most"))
    if not 0 <= least <= HIGHEST:
        raise BadItems("least", f"The lowest possible score lies between 0 and {HIGHEST}.")
    if not least < most <= HIGHEST:
        raise BadItems("most", f"The highest possible score lies above the lowest and is {HIGHEST} at most.")
    return least, most


def _number(code: str, label: str, given: object) -> Decimal:
    """A decimal as typed, with a point or a comma, of at most two places."""
    text = str(given).strip()
    if isinstance(given, bool) or not NUMBER.fullmatch(text):
        raise BadItems(code, f"{label}: write a number.")
    number = Decimal(text.replace(",", "."))
    if abs(number) > HIGHEST:
        raise BadItems(code, f"{label}: write a number up to {HIGHEST}.")
    if number != number.quantize(Decimal("0.01")):
        raise BadItems(code, f"{label}: two places after the point are enough.")
    return number + 0  # minus nought is nought
