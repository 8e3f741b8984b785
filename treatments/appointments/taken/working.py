"""Hours of work and the time the clinic is open, as bits of a horizon.

`working_time` says what counts on a day; here it is asked once for each day of a week instead of each day of a horizon.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from clinic.models import Clinic, WorkingHours
from treatments.appointments.taken.days import DAY_BYTES, Days, every_week, wall_ticks
from treatments.appointments.working_time import Away, Hours, hours_of_day, opening, rostered

ONE_DAY = timedelta(days=1)


def at_work(who: int, hours: Hours, away: Away, days: Days, clinic: Clinic) -> int:
    """When one person works, time off taken out."""
    rows = hours.get(who, [])
    working = _laid_out(
        days,
        rows,
        lambda rows, day: sum_of(wall_ticks(row.starts, row.ends) for row in hours_of_day(rows, day)),
        lambda day: days.inside(rostered(rows, day, day, clinic)),
    )
    return working & ~days.touched([*away.get(None, ()), *away.get(who, ())])


def open_hours(hours: Hours, away: Away, days: Days, clinic: Clinic) -> int:
    """When rooms and devices may be used: each day from the first person's beginning to the last one's end."""

    def wall(rows: Iterable[WorkingHours], day: date) -> int:
        by_person: dict[int, list[WorkingHours]] = {}
        for row in rows:
            by_person.setdefault(row.membership_id, []).append(row)
        that_day = [row for some in by_person.values() for row in hours_of_day(some, day)]
        if not that_day:
            return 0
        return wall_ticks(min(row.starts for row in that_day), max(row.ends for row in that_day))

    everybody = [row for rows in hours.values() for row in rows]
    usable = _laid_out(days, everybody, wall, lambda day: days.inside(opening(hours, {}, day, day, clinic)))
    return usable & ~days.touched(away.get(None, ()))


def sum_of(masks: Iterable[int]) -> int:
    bits = 0
    for mask in masks:
        bits |= mask
    return bits


def _laid_out(
    days: Days,
    rows: list[WorkingHours],
    wall: Callable[[Iterable[WorkingHours], date], int],
    moments: Callable[[date], int],
) -> int:
    """`wall`: bits of one day by some rows; `moments`: bits of the horizon for a day on which the clocks change."""
    weekly = [row for row in rows if row.on is None]
    own_days = {row.on for row in rows if row.on is not None and days.first <= row.on <= days.last}
    # Between these days every week is like the one before.
    turns = {day for row in weekly for day in (row.valid_from, row.valid_until and row.valid_until + ONE_DAY) if day}
    edges = sorted({days.first, *(day for day in turns if days.first < day <= days.last)})
    walls = bytearray()
    for begin, end in zip(edges, [*edges[1:], days.last + ONE_DAY], strict=True):
        count = (end - begin).days
        week = [_as_bytes(wall(weekly, begin + n * ONE_DAY)) for n in range(min(7, count))]
        walls += every_week(week, count)
    for day in own_days:
        n = (day - days.first).days
        relevant = [row for row in rows if row.on is None or row.on == day]
        walls[n * DAY_BYTES : (n + 1) * DAY_BYTES] = _as_bytes(wall(relevant, day))
    changed = {n: moments(days.day(n)) >> days.offset(n) for n in days.changed}
    return days.laid_out(walls, changed)


def _as_bytes(wall: int) -> bytes:
    return wall.to_bytes(DAY_BYTES, "little")
