"""Hours of work and the time the clinic is open, as bits of a horizon.

`working_time` says what counts on a day; here it is asked once for each day of a week instead of each day of a horizon.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from treatments.appointments.taken.days import DAY_BYTES, Days, every_week, wall_ticks
from treatments.appointments.working_time import Away, Hours, WorkedHours, day_by_day, opening, rostered
from treatments.scheduling.free_time import Stretch

ONE_DAY = timedelta(days=1)
Rows = Sequence[WorkedHours]
Anonymous = tuple[tuple[tuple[Any, ...], ...], ...]  # the hours of each, without whose they are
Wall = Callable[[Rows], int]
Moments = Callable[[Sequence[Rows], date, ZoneInfo], Iterable[Stretch]]


def at_work(who: int, hours: Hours, away: Away, days: Days) -> int:
    """When one person works, time off taken out."""
    working = _laid_out(_anonymous([hours.get(who, ())]), days, _hers, _rostered_to_her)
    absent = [*away.get(None, ()), *away.get(who, ())]
    return working & ~days.touched(absent) if absent else working


def open_hours(hours: Hours, away: Away, days: Days) -> int:
    """When rooms and devices may be used: each day from the first person's beginning to the last one's end."""
    usable = _laid_out(_anonymous(hours.values()), days, _anybodys, _open_to_anybody)
    return usable & ~days.touched(away.get(None, ()))


def _anonymous(people: Iterable[Rows]) -> Anonymous:
    return tuple(tuple(row[1:] for row in rows) for rows in people)


def _hers(rows: Rows) -> int:
    return sum_of(wall_ticks(row.starts, row.ends) for row in rows)


def _rostered_to_her(people: Sequence[Rows], day: date, zone: ZoneInfo) -> Iterable[Stretch]:
    [rows] = people
    return rostered(rows, day, day, zone)


def _anybodys(rows: Rows) -> int:
    return wall_ticks(min(row.starts for row in rows), max(row.ends for row in rows)) if rows else 0


def _open_to_anybody(people: Sequence[Rows], day: date, zone: ZoneInfo) -> Iterable[Stretch]:
    return opening(dict(enumerate(people)), {}, day, day, zone)


def sum_of(masks: Iterable[int]) -> int:
    bits = 0
    for mask in masks:
        bits |= mask
    return bits


@lru_cache(maxsize=512)
def _laid_out(people: Anonymous, days: Days, wall: Wall, moments: Moments) -> int:
    """Bits of the horizon. Hours are the same from one search to the next, and equal hours give equal bits whoever works them.

    `wall`: bits of a day by all the hours that count on it; `moments`: when that is on a day on which the clocks change.
    """
    everybody = [[WorkedHours._make((None, *hours)) for hours in rows] for rows in people]
    changed = {n: days.inside(moments(everybody, days.day(n), days.zone)) >> days.offset(n) for n in days.changed}
    return days.laid_out(_walls(everybody, days, wall), changed)


def _walls(everybody: Sequence[Rows], days: Days, wall: Wall) -> bytes:
    """Wall bits day after day."""

    def counting(chosen: Callable[[WorkedHours], bool]) -> Callable[[date], bytes]:
        each = [day_by_day([row for row in rows if chosen(row)]) for rows in everybody]
        return lambda day: wall([row for of_day in each for row in of_day(day)]).to_bytes(DAY_BYTES, "little")

    everything = [row for rows in everybody for row in rows]
    own_days = {row.on for row in everything if row.on is not None and days.first <= row.on <= days.last}
    # Between these days every week is like the one before.
    turns = {row.valid_from for row in everything if row.valid_from}
    turns |= {row.valid_until + ONE_DAY for row in everything if row.valid_until}
    edges = sorted({days.first, *(day for day in turns if days.first < day <= days.last)})
    weekly = counting(lambda row: row.on is None)
    walls = bytearray()
    for begin, end in zip(edges, [*edges[1:], days.last + ONE_DAY], strict=True):
        count = (end - begin).days
        walls += every_week([weekly(begin + n * ONE_DAY) for n in range(min(7, count))], count)
    if own_days:
        of_its_own = counting(lambda row: row.on is None or row.on in own_days)
        for day in own_days:
            n = (day - days.first).days
            walls[n * DAY_BYTES : (n + 1) * DAY_BYTES] = of_its_own(day)
    return bytes(walls)
