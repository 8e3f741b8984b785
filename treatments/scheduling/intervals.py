"""Free time read from the intervals of a problem. Days become bit masks of starts when they are first asked about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from operator import attrgetter

from treatments.scheduling.availability import Obstacle
from treatments.scheduling.free_time import Stretch, merged
from treatments.scheduling.problems import Interval, Problem

MINUTE = timedelta(minutes=1)
MINUTES_A_DAY = 24 * 60
ENDS = attrgetter("end")


class FreeIntervals:
    """`Availability` over the intervals of one problem. Intervals that touch stay two: nothing lies across their border."""

    def __init__(self, problem: Problem, last_on: date | None = None) -> None:
        self._problem = problem
        self.clinicians = tuple(problem.clinicians)
        self.last_on = last_on or _last_day(problem)
        self._busy = [Interval(*busy) for busy in merged(Stretch(*interval) for interval in problem.patient_busy)]
        self._last_start = (MINUTES_A_DAY - 1) // problem.grid_minutes
        self._open: dict[date, int] = {}

    def starts(self, clinician: str, day: date) -> int:
        without_clinician = self._open.get(day)
        if without_clinician is None:
            without_clinician = self._open[day] = self._without_clinician(day)
        return without_clinician and without_clinician & self._treatments(self._problem.clinicians[clinician], day)

    def room_at(self, clinician: str, day: date, start: int) -> str:
        begins = self._moment(day, start)
        held = Interval(begins, begins + timedelta(minutes=self._problem.room_minutes))
        return next(name for name, free in self._problem.rooms.items() if _holding(free, held))

    def orphans(self, clinician: str, day: date, start: int) -> int:
        treatment = timedelta(minutes=self._problem.treat_minutes)
        begins = self._moment(day, start) + timedelta(minutes=self._problem.prep_minutes)
        held = Interval(begins, begins + treatment)
        free = _holding(self._problem.clinicians[clinician], held) or held
        return sum(timedelta() < rest < treatment for rest in (held.start - free.start, free.end - held.end))

    def ignoring(self, obstacle: Obstacle) -> FreeIntervals:
        always = Interval(
            datetime.combine(self._problem.earliest_on, time()),
            datetime.combine(self.last_on + timedelta(days=1), time()),
        )
        problem = self._problem
        match obstacle:
            case "clinicians":
                problem = replace(problem, clinicians=dict.fromkeys(self.clinicians or ("anybody",), (always,)))
            case "rooms":
                problem = replace(problem, rooms={"any room": (always,)})
            case "devices":
                problem = replace(problem, devices={})
            case "patient_busy":
                problem = replace(problem, patient_busy=())
            case _:
                problem = replace(problem, prefer=replace(problem.prefer, avoid=frozenset()))
        return FreeIntervals(problem, self.last_on)

    def _without_clinician(self, day: date) -> int:
        """Starts with a room, a device where one is asked for, and the patient free, whoever treats."""
        problem = self._problem
        if day in problem.prefer.avoid:
            return 0
        some_room = 0
        for free in problem.rooms.values():
            some_room |= self._starts(free, day, 0, problem.room_minutes)
        if problem.devices:
            some_device = 0
            for free in problem.devices.values():
                some_device |= self._treatments(free, day)
            some_room &= some_device
        # Where the patient's own part, prep and treatment, would share a minute with something she has on.
        return some_room and some_room & ~self._starts(self._busy, day, problem.patient_minutes - 1, 1)

    def _treatments(self, free: Sequence[Interval], day: date) -> int:
        return self._starts(free, day, self._problem.prep_minutes, self._problem.patient_minutes)

    def _starts(self, intervals: Sequence[Interval], day: date, before: int, after: int) -> int:
        """Starts of the day from `before` minutes before one of the intervals begins until `after` minutes before it ends."""
        midnight = datetime.combine(day, time())
        grid, last_start = self._problem.grid_minutes, self._last_start
        mask = 0
        # The one before the first that begins on the day may reach into it.
        for index in range(max(0, bisect_left(intervals, (midnight,)) - 1), len(intervals)):
            begins, ends = intervals[index]
            first = (begins - midnight) // MINUTE - before
            if first >= MINUTES_A_DAY:
                break
            first = -(-first // grid) if first > 0 else 0
            last = min(((ends - midnight) // MINUTE - after) // grid, last_start)
            if first <= last:
                mask |= (2 << last) - (1 << first)
        return mask

    def _moment(self, day: date, start: int) -> datetime:
        return datetime.combine(day, time()) + timedelta(minutes=start * self._problem.grid_minutes)


def _last_day(problem: Problem) -> date:
    ends = [free[-1].end for free in (*problem.clinicians.values(), *problem.rooms.values()) if free]
    return max(ends).date() if ends else problem.earliest_on


def _holding(free: Sequence[Interval], held: Interval) -> Interval | None:
    """The free interval in which all of another lies."""
    index = bisect_left(free, held.end, key=ENDS)
    return free[index] if index < len(free) and free[index].start <= held.start else None
