"""Hours of work and the time the clinic is open, as bits of a horizon.

`working_time` says what counts on a day; here it is asked once for each day of a week instead of each day of a horizon.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from clinic.models import Clinic
from treatments.appointments.taken.days import DAY_BYTES, Days, every_week, wall_ticks
from treatments.appointments.working_time import Away, Hours, WorkedHours, day_by_day, opening, rostered

ONE_DAY = timedelta(days=1)
Rows = Sequence[WorkedHours]
Wall = Callable[[Rows], int]


def at_work(who: int, hours: Hours, away: Away, days: Days, clinic: Clinic) -> int:
    """When one person works, time off taken out."""
    rows = hours.get(who, [])
    working = _laid_out(days, [rows], _hers, lambda day: days.inside(rostered(rows, day, day, clinic)))
    return working & ~days.touched([*away.get(None, ()), *away.get(who, ())])


def open_hours(hours: Hours, away: Away, days: Days, clinic: Clinic) -> int:
    """When rooms and devices may be used: each day from the first person's beginning to the last one's end."""
    usable = _laid_out(
        days, list(hours.values()), _anybodys, lambda day: days.inside(opening(hours, {}, day, day, clinic))
    )
    return usable & ~days.touched(away.get(None, ()))


def _hers(rows: Rows) -> int:
    return sum_of(wall_ticks(row.starts, row.ends) for row in rows)


def _anybodys(rows: Rows) -> int:
    return wall_ticks(min(row.starts for row in rows), max(row.ends for row in rows)) if rows else 0


def sum_of(masks: Iterable[int]) -> int:
    bits = 0
    for mask in masks:
        bits |= mask
    return bits


def _laid_out(days: Days, people: Sequence[Rows], wall: Wall, moments: Callable[[date], int]) -> int:
    """`people`: the hours of each; `wall`: bits of a day by all that count on it; `moments`: bits of the horizon for a day on
    which the clocks change."""
    walls = _walls(tuple(tuple(row[1:] for row in rows) for rows in people), days, wall)
    return days.laid_out(walls, {n: moments(days.day(n)) >> days.offset(n) for n in days.changed})


@lru_cache(maxsize=512)
def _walls(people: tuple[tuple[tuple[Any, ...], ...], ...], days: Days, wall: Wall) -> bytes:
    """Wall bits day after day, for hours without their person: they are the same from one search to the next, and equal hours
    give equal bits whoever works them."""
    everybody = [[WorkedHours._make((None, *hours)) for hours in rows] for rows in people]

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
