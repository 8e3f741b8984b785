"""The floor between two needlings: nothing goes below it, and what raises it (`clinical` catalogue, [interval])."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from .catalogue import Catalogue
from .facts import PatientFacts

# Skin types IV, V and VI carry the higher risk of dark marks; an unknown type is read as one of them.
FIRST_DARK_TYPE = 4


@dataclass(frozen=True, slots=True)
class Floor:
    """`days` to keep, `lowered_days` where a prescriber has lowered a raised floor; `because`: what raised it."""

    days: int
    lowered_days: int
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastNeedling:
    on: date
    date_assumed: bool = False


def dark_or_unknown(skin_type: int | None) -> bool:
    return skin_type is None or skin_type >= FIRST_DARK_TYPE


def pigment_concerns(facts: PatientFacts, catalogue: Catalogue) -> tuple[str, ...]:
    codes = dict.fromkeys(concern.code for concern in facts.concerns)
    return tuple(code for code in codes if catalogue.concern(code).pigment)


def floor(facts: PatientFacts, catalogue: Catalogue) -> Floor:
    """Days that must lie between two needlings of this patient, never below the plain floor of 28.

    42 for skin type IV to VI or unknown, for a pigment concern, after a session deeper than 1.5 mm anywhere and after
    a reaction that lasted over 72 hours; 14 more after earlier pigment trouble, which no clearance takes away.
    """
    policy = catalogue.interval
    raised_by = tuple(_raised_by(facts, catalogue))
    own_floors = {concern.code: catalogue.concern(concern.code).interval.floor_days for concern in facts.concerns}
    days = max([policy.floor_days, *own_floors.values(), *([policy.raised_floor_days] if raised_by else [])])
    longer = (code for code, floor_days in own_floors.items() if floor_days > policy.floor_days)
    because = list(dict.fromkeys([*raised_by, *longer]))
    extra = 0
    if facts.pih_history:
        extra = policy.pigment_trouble_extra_days
        because.append("pih_history")
    return Floor(days=days + extra, lowered_days=policy.floor_days + extra, because=tuple(because))


def _raised_by(facts: PatientFacts, catalogue: Catalogue) -> Iterator[str]:
    policy = catalogue.interval
    if dark_or_unknown(facts.skin_type):
        yield "skin_type"
    yield from pigment_concerns(facts, catalogue)
    if any(done.max_depth_mm is not None and done.max_depth_mm > policy.deep_session_mm for done in facts.sessions):
        yield "max_depth_mm"
    if any(event.over_72h for event in facts.adverse_events):
        yield "adverse_event"


def last_needling(facts: PatientFacts, catalogue: Catalogue, asked_on: date) -> LastNeedling | None:
    """The newest needling of any kind: ours, finished or aborted, elsewhere, or at home with needles of 0.5 mm or more."""
    needlings = [LastNeedling(done.on) for done in facts.sessions]
    for code in ("needling_elsewhere", "home_needling"):
        answer = facts.answers.get(code)
        rule = catalogue.rule(code)
        if answer is None or not rule.raises(answer.value):
            continue
        detail = rule.detail(answer.detail)
        if detail is None or detail.raises:
            day = answer.on or answer.answered_on or asked_on
            needlings.append(LastNeedling(day, date_assumed=answer.on is None))
    # Of two on the same day the one whose day is known counts.
    return max(needlings, key=lambda needling: (needling.on, not needling.date_assumed), default=None)


def floor_ends_on(last_on: date, needed: Floor, lowered_until: date | None) -> date:
    """The first day on which the floor is kept. A lowered floor only helps on days the clearance still covers."""
    lowered = last_on + timedelta(days=needed.lowered_days)
    if lowered_until is not None and lowered <= lowered_until:
        return lowered
    return last_on + timedelta(days=needed.days)
