"""The numbing cream of a session against its label: what is refused, what is said, and when it is ready."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from treatments.protocol.anaesthetic import AnaestheticCheck, assess
from treatments.protocol.catalogue import load
from treatments.protocol.entries import Active
from treatments.protocol.entries import Anaesthetic as Agent
from treatments.rules.models import Anaesthetic


def agent_of(product: Anaesthetic) -> Agent:
    """A product of the clinic as the protocol knows it. What its own label leaves open is taken from the catalogue's
    entry with the same actives; where both say something the stricter holds."""
    actives = tuple(Active(name, Decimal(str(percent))) for name, percent in sorted(product.actives.items()))
    own = Agent(
        code="",
        label=product.name,
        actives=actives,
        minimum_minutes=product.contact_minutes,
        maximum_minutes=product.max_contact_minutes,
        prep_minutes=product.contact_minutes,
        max_grams_per_10_cm2=None,
        max_area_cm2=None if product.max_area_cm2 is None else Decimal(product.max_area_cm2),
        occlusion=False,
        prescriber_order=product.prescription_only or _is_strong(actives),
        note="",
        sources=(),
    )
    known = next((agent for agent in load().anaesthetics.values() if _same_actives(agent, actives)), None)
    if known is None:
        return own
    areas = [area for area in (own.max_area_cm2, known.max_area_cm2) if area is not None]
    return replace(
        own,
        maximum_minutes=min(own.maximum_minutes, known.maximum_minutes),
        max_area_cm2=min(areas) if areas else None,
        max_grams_per_10_cm2=known.max_grams_per_10_cm2,
        prescriber_order=own.prescriber_order or known.prescriber_order,
        note=known.note,
    )


def check(
    product: Anaesthetic, *, grams: Decimal, area_cm2: int | None, minutes: int | None, prescriber: bool
) -> AnaestheticCheck:
    """Refusals of the label (percentage, area, amount, time) and the dose alert. No weight is on record."""
    return assess(
        agent_of(product),
        grams=grams,
        area_cm2=None if area_cm2 is None else Decimal(area_cm2),
        minutes=minutes,
        prescriber_order=prescriber,
        catalogue=load(),
    )


def minutes_between(on_at: datetime | None, off_at: datetime | None) -> int | None:
    """Whole minutes on the skin, a part of a minute counted as one; None while it is on."""
    if on_at is None or off_at is None:
        return None
    return -((on_at - off_at) // timedelta(minutes=1))


def _same_actives(agent: Agent, actives: tuple[Active, ...]) -> bool:
    return sorted((a.name, a.percent) for a in agent.actives) == sorted((a.name, a.percent) for a in actives)


def _is_strong(actives: tuple[Active, ...]) -> bool:
    return any(active.percent > load().numbing.order_above_percent for active in actives)
