"""What a course costs by the calendar alone: as if everybody were free at all times, and none cost more than another.

Never more than it costs in truth, which is what makes it a bound: see `search.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from treatments.scheduling.problems import Problem
from treatments.scheduling.reach import FAR, Calendar
from treatments.scheduling.sets import Prices

# More than any set can cost.
NEVER = 1 << 60
BEFORE_THE_FIRST = -1


class Outlook:
    """The days from each session to the next, with what gap, wait and weekday cost. The last session is no later than `until`."""

    def __init__(self, problem: Problem, prices: Prices, calendar: Calendar, until: int = FAR) -> None:
        self.kept = calendar.kept
        self._problem, self._prices, self._calendar = problem, prices, calendar
        self._spans = calendar.tightened(until)
        self._last = problem.sessions - 1
        self._first_days = self._days_to_begin()
        self._afters: dict[tuple[int, int], int] = {}

    def days_after(self, session: int, day: int) -> Iterator[tuple[int, int]]:
        """Days on which the next session may be after this one, each with its cost; cheapest, then earliest first."""
        if session == BEFORE_THE_FIRST:
            yield from self._first_days
            return
        span, gaps = self._spans[session + 1], self._calendar.gaps(session + 1)
        first, last = max(span.first, day + gaps.first), min(span.last, day + gaps.last)
        if first == last:
            yield self._prices.gap(first - day) + self._prices.weekday(first), first
            return
        for cost, gap in self._prices.steps_from(day) if first < last else ():
            if first <= day + gap <= last:
                yield cost, day + gap

    def after(self, session: int, day: int) -> int:
        """What the sessions after this one cost at the least; `NEVER` where the calendar leaves no days for them."""
        if session == self._last:
            return 0
        key = (session, day)
        known = self._afters.get(key)
        if known is None:
            known = NEVER
            for cost, on in self.days_after(session, day):
                if cost >= known:
                    break
                known = min(known, cost + self.after(session + 1, on))
            self._afters[key] = known
        return known

    def _days_to_begin(self) -> list[tuple[int, int]]:
        prices, (first, last) = self._prices, self._spans[0]
        begins = self._problem.earliest_on.toordinal()
        days = [(prices.wait(day - begins) + prices.weekday(day), day) for day in range(first, last + 1)]
        if self._problem.previous_on is not None:
            before = self._problem.previous_on.toordinal()
            days = [(cost + prices.gap(day - before), day) for cost, day in days]
        return sorted(days)
