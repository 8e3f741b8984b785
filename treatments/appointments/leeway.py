"""Between which days a session may be booked, so that it keeps its distance to the sessions that are booked around it.

The gates say so once a place is taken (`gates.marks_to_ask`); whoever offers days asks here first, so that none is offered
that the gates then refuse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from treatments.plans.models import PlannedSession


@dataclass(frozen=True)
class Leeway:
    """The window of a session, as far as what is booked leaves it. `ended_by`: number and day of the later session that is
    booked, where that one ends it and not the window."""

    number: int
    earliest_on: date
    target_on: date
    latest_on: date
    ended_by: tuple[int, date] | None = None

    @property
    def is_open(self) -> bool:
        return self.earliest_on <= self.latest_on


def leeway(
    planned: PlannedSession,
    taken: Mapping[int, date],
    *,
    floor_days: int,
    floor_after: int | None = None,
    latest_on: date | None = None,
) -> Leeway:
    """`taken`: session number to its day, done or booked; nothing for a visit that takes the later ones along. Each session
    between two that are booked needs its floor. `floor_days` around the session, `floor_after` before the next that is booked,
    where the rules of that day ask for another. `latest_on`: the last day, where it is not the window's."""
    number = planned.number
    earliest_on, last_on, ended_by = planned.earliest_on, latest_on or planned.latest_on, None
    if before := max((n for n in taken if n < number), default=None):
        earliest_on = max(earliest_on, taken[before] + timedelta(days=(number - before) * floor_days))
    room, after = before_the_next(taken, number, floor_after or floor_days), next_booked(taken, number)
    if after and room and room < last_on:
        last_on, ended_by = room, (after, taken[after])
    target_on = max(earliest_on, min(planned.target_on, last_on))
    return Leeway(number, earliest_on, target_on, last_on, ended_by)


def before_the_next(taken: Mapping[int, date], number: int, floor_days: int) -> date | None:
    """The last day that leaves room for what is booked after this session, and for those in between that have no visit."""
    after = next_booked(taken, number)
    return taken[after] - timedelta(days=floor_days * (after - number)) if after else None


def next_booked(taken: Mapping[int, date], number: int) -> int | None:
    """The number of the next session after this one that has its day."""
    return min((n for n in taken if n > number), default=None)
