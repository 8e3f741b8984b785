"""What a course costs by the calendar alone: as if everybody were free at all times, and none cost more than another.

Never more than it costs in truth, which is what makes it a bound: see `search.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from treatments.scheduling.problems import Problem
from treatments.scheduling.reach import FAR, Calendar
from treatments.scheduling.sets import Prices

# More than any set can cost.
NEVER = 1 << 60
BEFORE_THE_FIRST = -1

# What a step costs, and by how many days it leads further.
Step = tuple[int, int]


class Outlook:
    """The days from each session to the next, with what gap, wait and weekday cost. The last session is no later than `until`."""

    def __init__(self, problem: Problem, prices: Prices, calendar: Calendar, until: int = FAR) -> None:
        self.kept = calendar.kept
        self._problem, self._prices, self._calendar = problem, prices, calendar
        self._spans = calendar.tightened(until)
        self._last = problem.sessions - 1
        # Asked for again and again: what the sessions after this one cost at the least on a day (`NEVER` where the calendar leaves
        # no days for them); and the steps to the next session, cheapest, then shortest first. To the first one they lead from day 0.
        self.after = cache(self._after)
        self.steps = cache(self._steps_from)

    def _after(self, session: int, day: int) -> int:
        if session == self._last:
            return 0
        known, after = NEVER, self.after
        for cost, days in self.steps(session, day):
            if cost >= known:
                break
            known = min(known, cost + after(session + 1, day + days))
        return known

    def _steps_from(self, session: int, day: int) -> Sequence[Step]:
        if session == BEFORE_THE_FIRST:
            return self._steps_to_begin()
        span, gaps = self._spans[session + 1], self._calendar.gaps(session + 1)
        least, most = max(span.first - day, gaps.first), min(span.last - day, gaps.last)
        if least == most:
            return [(self._prices.gap(least) + self._prices.weekday(day + least), least)]
        steps = self._prices.steps_from(day) if least < most else []
        if (least, most) == gaps:
            return steps
        return [step for step in steps if least <= step[1] <= most]

    def _steps_to_begin(self) -> Sequence[Step]:
        prices, (first, last) = self._prices, self._spans[0]
        begins = self._problem.earliest_on.toordinal()
        steps = [(prices.wait(day - begins) + prices.weekday(day), day) for day in range(first, last + 1)]
        if self._problem.previous_on is not None:
            before = self._problem.previous_on.toordinal()
            steps = [(cost + prices.gap(day - before), day) for cost, day in steps]
        return sorted(steps)
