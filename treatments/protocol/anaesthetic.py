"""Numbing cream: what the label refuses, and when the amount on the skin deserves a second look.

Most of a cream is never absorbed, so the milligrams applied are an alert and not a limit; the label's percentage, area,
amount and time are limits and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from .catalogue import Catalogue
from .entries import Anaesthetic, NumbingPolicy
from .written import written

# 1 g of a 1 % cream holds 10 mg.
MG_PER_GRAM_AND_PERCENT = 10
ALERTED = "lidocaine"


@dataclass(frozen=True, slots=True)
class LabelRefusal:
    """What the label does not allow, in a sentence, and what of the application it is about."""

    about: Literal["agent", "occluded", "area_cm2", "grams", "minutes"]
    sentence: str


@dataclass(frozen=True, slots=True)
class AnaestheticCheck:
    """Milligrams of each active on the skin, the alert threshold, what stops (`refusals`) and sentences that warn (`alerts`)."""

    applied_mg: dict[str, Decimal]
    mg_per_kg: Decimal | None
    alert_mg: Decimal
    refusals: tuple[LabelRefusal, ...]
    alerts: tuple[str, ...]


def assess(
    agent: Anaesthetic,
    *,
    grams: Decimal,
    area_cm2: Decimal | None = None,
    minutes: int | None = None,
    weight_kg: Decimal | None = None,
    occluded: bool = False,
    prescriber_order: bool = False,
    dark_or_unknown: bool = False,
    catalogue: Catalogue,
) -> AnaestheticCheck:
    """Check one application of a numbing agent. `mg_per_kg` is the lidocaine on the skin by body weight.

    The dose alert stands at the smaller of 4.5 mg/kg and 300 mg, at 225 mg where no weight is on record (label of
    lidocaine 4 %), or at less where the clinic is stricter. `dark_or_unknown`: skin type IV to VI or not known. Raises
    `ValueError` for an amount, area, time or weight that cannot be.
    """
    for name, value in (("grams", grams), ("area", area_cm2), ("weight", weight_kg)):
        if value is not None and (not value.is_finite() or value <= 0):
            raise ValueError(f"{name} must be a number above zero")
    if minutes is not None and minutes < 0:
        raise ValueError("minutes must not be below zero")
    policy = catalogue.numbing
    applied = {active.name: grams * active.percent * MG_PER_GRAM_AND_PERCENT for active in agent.actives}
    watched = applied.get(ALERTED, Decimal(0))
    threshold = alert_mg(weight_kg, policy)
    return AnaestheticCheck(
        applied_mg=applied,
        mg_per_kg=None if weight_kg is None else _rounded(watched / weight_kg),
        alert_mg=threshold,
        refusals=tuple(_refusals(agent, grams, area_cm2, minutes, occluded, prescriber_order, policy)),
        alerts=tuple(_alerts(watched, threshold, weight_kg, agent, minutes, dark_or_unknown)),
    )


def alert_mg(weight_kg: Decimal | None, policy: NumbingPolicy) -> Decimal:
    """The amount of lidocaine on the skin above which we warn. Without a weight never later than for `assumed_kg`."""
    if weight_kg is None:
        return min(policy.alert_mg_without_weight, alert_mg(policy.assumed_kg, policy))
    return min(policy.alert_mg_per_kg * weight_kg, policy.alert_mg)


def area_limit_cm2(agent: Anaesthetic, policy: NumbingPolicy) -> Decimal | None:
    """The largest area of the label; a strong cream whose label names none is not for large areas (FDA 2024)."""
    if agent.max_area_cm2 is None and any(active.percent > policy.order_above_percent for active in agent.actives):
        return policy.strong_area_cm2
    return agent.max_area_cm2


def _refusals(
    agent: Anaesthetic,
    grams: Decimal,
    area_cm2: Decimal | None,
    minutes: int | None,
    occluded: bool,
    prescriber_order: bool,
    policy: NumbingPolicy,
) -> Iterator[LabelRefusal]:
    if agent.prescriber_order and not prescriber_order:
        yield LabelRefusal("agent", f"{agent.label}: a prescriber must order it.")
    if occluded and not agent.occlusion:
        yield LabelRefusal("occluded", f"{agent.label}: do not cover it.")
    largest_cm2, per_10_cm2 = area_limit_cm2(agent, policy), agent.max_grams_per_10_cm2
    if area_cm2 is None and (largest_cm2 is not None or per_10_cm2 is not None):
        yield LabelRefusal("area_cm2", "Enter the area: the label limits it.")
    if largest_cm2 is not None and area_cm2 is not None and area_cm2 > largest_cm2:
        yield LabelRefusal("area_cm2", f"{written(area_cm2)} cm²: the limit is {written(largest_cm2)} cm².")
    if per_10_cm2 is not None and area_cm2 is not None and grams * 10 > per_10_cm2 * area_cm2:
        yield LabelRefusal("grams", f"{written(grams)} g: the limit is {written(per_10_cm2)} g on 10 cm².")
    if minutes is not None and minutes > agent.maximum_minutes:
        yield LabelRefusal("minutes", f"{minutes} minutes: the limit is {agent.maximum_minutes} minutes.")


def _alerts(
    watched_mg: Decimal,
    threshold: Decimal,
    weight_kg: Decimal | None,
    agent: Anaesthetic,
    minutes: int | None,
    dark_or_unknown: bool,
) -> Iterator[str]:
    if watched_mg > threshold:
        without = " No weight is on record." if weight_kg is None else ""
        yield f"{written(watched_mg)} mg of lidocaine on the skin is above {written(threshold)} mg.{without}"
    if minutes is not None and minutes < agent.minimum_minutes:
        yield f"{minutes} minutes: it works after {agent.minimum_minutes}."
    if agent.discouraged_4_to_6 and dark_or_unknown:
        yield f"{agent.label}: better not for skin type IV to VI, irritation can leave dark marks."


def _rounded(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
