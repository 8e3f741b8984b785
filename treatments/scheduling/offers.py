"""Which of many free visits to offer first."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from treatments.scheduling.slots import Slot

# A day off the target weighs two half hours off the usual time; another clinician as much as a day and a half.
DAY_OFF_TARGET = 2
OTHER_CLINICIAN = 3
HALF_HOUR_OFF = 1


@dataclass(frozen=True)
class Wish:
    """The visit that would suit best. `at` is a wall time; what is None is all the same."""

    on: date
    at: time | None = None
    clinician: int | None = None


def best(found: Iterable[Slot], wish: Wish, zone: ZoneInfo, count: int = 3) -> list[Slot]:
    """The `count` cheapest slots, best first, no two on one day while other days have some."""
    ranked = sorted(found, key=lambda slot: (cost(slot, wish, zone), slot))
    first_of_day: dict[date, Slot] = {}
    for slot in ranked:
        first_of_day.setdefault(slot.start.astimezone(zone).date(), slot)
    chosen = list(first_of_day.values())[:count]
    starts = {slot.start for slot in chosen}
    for slot in ranked:
        if len(chosen) == count:
            break
        if slot.start not in starts:
            starts.add(slot.start)
            chosen.append(slot)
    return chosen


def cost(slot: Slot, wish: Wish, zone: ZoneInfo) -> int:
    """How far a slot is from the wish; 0 meets it in everything."""
    wall = slot.start.astimezone(zone)
    days_off = abs((wall.date() - wish.on).days)
    half_hours_off = math.ceil(_minutes_apart(wall.time(), wish.at) / 30) if wish.at is not None else 0
    is_other = wish.clinician is not None and slot.clinician != wish.clinician
    return DAY_OFF_TARGET * days_off + HALF_HOUR_OFF * half_hours_off + (OTHER_CLINICIAN if is_other else 0)


def nearest(found: Iterable[Slot], near: datetime, count: int = 3) -> list[Slot]:
    """The `count` slots nearest to a moment, in order of time, no two at the same moment."""
    by_start: dict[datetime, Slot] = {}
    for slot in sorted(found):
        by_start.setdefault(slot.start, slot)
    return sorted(sorted(by_start.values(), key=lambda slot: (abs(slot.start - near), slot.start))[:count])


def _minutes_apart(one: time, other: time) -> int:
    return abs((one.hour * 60 + one.minute) - (other.hour * 60 + other.minute))
