"""Free time read from the intervals of a problem. Days become bit masks of starts when they are first asked about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from operator import attrgetter

from treatments.scheduling.availability import Obstacle
from treatments.scheduling.free_time import Stretch, merged
from treatments.scheduling.problems import Interval, Problem

MINUTES_A_DAY = 24 * 60
ONE_DAY = timedelta(days=1)
MIDNIGHT = time()
BEGINS = attrgetter("start")
ENDS = attrgetter("end")


class FreeIntervals:
    """`Availability` over the intervals of one problem. Intervals that touch stay two: nothing lies across their border."""

    def __init__(self, problem: Problem, last_on: date | None = None, parts: _Parts | None = None) -> None:
        """`parts`: what another reading of the same problem has worked out already."""
        self._problem = problem
        self.last_on = last_on or _last_day(problem)
        self._parts = parts or self._read()
        self.clinicians: Sequence[str] = tuple(self._parts.clinicians)
        # Whoever treats: starts with a room, a device where one is asked for, and the patient free.
        self._open: dict[date, int] = {}

    def starts(self, clinician: str, day: date) -> int:
        whoever_treats = self._open.get(day)
        if whoever_treats is None:
            whoever_treats = self._open[day] = self._whoever_treats(day)
        return whoever_treats and whoever_treats & self._parts.clinicians[clinician].on(day)

    def room_at(self, clinician: str, day: date, start: int) -> str:
        begins = self._moment(day, start)
        held = Interval(begins, begins + timedelta(minutes=self._problem.room_minutes))
        return next(name for name, free in self._problem.rooms.items() if _holding(free, held))

    def orphans(self, clinician: str, day: date) -> tuple[int, int]:
        return self._parts.clinicians[clinician].short_of(self._problem.treat_minutes, day)

    def ignoring(self, obstacle: Obstacle) -> FreeIntervals:
        parts = self._parts
        match obstacle:
            case "clinicians":
                always = self._treatments_in([[self._always()]])
                parts = replace(parts, clinicians=dict.fromkeys(self.clinicians or ("anybody",), always))
            case "rooms":
                parts = replace(parts, rooms=self._visits_in([[self._always()]]))
            case "devices":
                parts = replace(parts, devices=None)
            case "patient_busy":
                parts = replace(parts, busy=None)
            case _:
                parts = replace(parts, avoid=frozenset())
        return FreeIntervals(self._problem, self.last_on, parts)

    def _read(self) -> _Parts:
        problem = self._problem
        busy = [Interval(*busy) for busy in merged(Stretch(*interval) for interval in problem.patient_busy)]
        return _Parts(
            clinicians={name: self._treatments_in([free]) for name, free in problem.clinicians.items()},
            rooms=self._visits_in(problem.rooms.values()),
            devices=self._treatments_in(problem.devices.values()) if problem.devices else None,
            # Where the patient's own part, prep and treatment, would share a minute with something she has on.
            busy=_Starts([busy], problem.grid_minutes, problem.patient_minutes - 1, 1) if busy else None,
            avoid=problem.prefer.avoid,
        )

    def _whoever_treats(self, day: date) -> int:
        parts = self._parts
        if day in parts.avoid:
            return 0
        starts = parts.rooms.on(day)
        if starts and parts.devices is not None:
            starts &= parts.devices.on(day)
        if starts and parts.busy is not None:
            starts &= ~parts.busy.on(day)
        return starts

    def _visits_in(self, intervals: Iterable[Sequence[Interval]]) -> _Starts:
        return _Starts(intervals, self._problem.grid_minutes, 0, self._problem.room_minutes)

    def _treatments_in(self, intervals: Iterable[Sequence[Interval]]) -> _Starts:
        return _Starts(intervals, self._problem.grid_minutes, self._problem.prep_minutes, self._problem.patient_minutes)

    def _always(self) -> Interval:
        return Interval(
            datetime.combine(self._problem.earliest_on, MIDNIGHT), datetime.combine(self.last_on + ONE_DAY, MIDNIGHT)
        )

    def _moment(self, day: date, start: int) -> datetime:
        return datetime.combine(day, MIDNIGHT) + timedelta(minutes=start * self._problem.grid_minutes)


class _Starts:
    """Starts from `before` minutes before an interval begins until `after` minutes before it ends, day by day."""

    def __init__(self, resources: Iterable[Sequence[Interval]], grid_minutes: int, before: int, after: int) -> None:
        """`resources`: the free intervals of each of several of a kind, in order of time. A start of any of them is one."""
        self._resources = tuple(resources)
        self._grid, self._before, self._after = grid_minutes, before, after
        self._last_start = (MINUTES_A_DAY - 1) // grid_minutes
        # An interval that begins so long after midnight has no start left on the day.
        self._too_late = timedelta(minutes=MINUTES_A_DAY + before)
        self._known: dict[date, int] = {}

    def on(self, day: date) -> int:
        known = self._known.get(day)
        if known is None:
            known = self._known[day] = self._worked_out(day)
        return known

    def short_of(self, minutes: int, day: date) -> tuple[int, int]:
        """The starts that leave of their interval more than nothing and fewer than so many minutes before them, and after them."""
        before = after = 0
        for since, until, starts in self._each(day):
            before |= starts & self._between(since - self._before, since - self._before + minutes)
            after |= starts & self._between(until - self._after - minutes, until - self._after)
        return before, after

    def _between(self, since: int, until: int) -> int:
        """The starts between two minutes of a day, neither of them included."""
        first, end = max(0, since // self._grid + 1), -(-until // self._grid)
        return (1 << end) - (1 << first) if first < end else 0

    def _worked_out(self, day: date) -> int:
        found = 0
        for _, _, starts in self._each(day):
            found |= starts
        return found

    def _each(self, day: date) -> Iterator[tuple[int, int, int]]:
        """The intervals of a day, in minutes after its midnight, with the starts in each."""
        midnight = datetime.combine(day, MIDNIGHT)
        too_late = midnight + self._too_late
        grid = self._grid
        for intervals in self._resources:
            index = bisect_left(intervals, midnight, key=BEGINS)
            # The one before the first that begins on the day may reach into it.
            if index and intervals[index - 1].end >= midnight:
                index -= 1
            while index < len(intervals) and (free := intervals[index]).start < too_late:
                since, until = _minutes(free.start - midnight), _minutes(free.end - midnight)
                first = max(0, -(-(since - self._before) // grid))
                last = min((until - self._after) // grid, self._last_start)
                if first <= last:
                    yield since, until, (2 << last) - (1 << first)
                index += 1


@dataclass(frozen=True, slots=True)
class _Parts:
    """What free time is made of: who treats, where, with what, and when the patient cannot."""

    clinicians: Mapping[str, _Starts]
    rooms: _Starts
    devices: _Starts | None
    busy: _Starts | None
    avoid: Container[date]


def _last_day(problem: Problem) -> date:
    ends = [free[-1].end for free in (*problem.clinicians.values(), *problem.rooms.values()) if free]
    return max(ends).date() if ends else problem.earliest_on


def _minutes(passed: timedelta) -> int:
    return passed.days * MINUTES_A_DAY + passed.seconds // 60


def _holding(free: Sequence[Interval], held: Interval) -> Interval | None:
    """The free interval in which all of another lies."""
    index = bisect_left(free, held.end, key=ENDS)
    return free[index] if index < len(free) and free[index].start <= held.start else None
