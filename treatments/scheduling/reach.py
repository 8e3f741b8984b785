"""Which days each session can be on at all: by the dates of the problem, and by whether anybody is free."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import date
from typing import NamedTuple

from treatments.scheduling.availability import Availability
from treatments.scheduling.problems import Problem
from treatments.scheduling.sets import Visit

FAR = date.max.toordinal()


class Span(NamedTuple):
    """Days from first to last, both included, as ordinals; none where last lies before first."""

    first: int
    last: int


class Calendar:
    """The days of each session (counted from 0) by the dates of the problem alone.

    `kept`: sessions whose place is settled. Of these, `pinned` are a person's decision: neither a window nor `latest_days` moves them, only the
    floor and `finish_by` are held against them; a kept visit that is not pinned has to meet everything.
    """

    def __init__(
        self, problem: Problem, last_on: date, *, kept: Mapping[int, Visit] | None = None, pinned: Container[int] = ()
    ) -> None:
        self._problem = problem
        self._last_day = last_on.toordinal()
        self._finish_by = problem.finish_by.toordinal() if problem.finish_by else FAR
        self._previous = problem.previous_on.toordinal() if problem.previous_on else None
        self.kept = kept or {}
        self._pinned = pinned
        self.spans = self._forward()

    def gaps(self, session: int) -> Span:
        """Fewest and most days from the session before, or from the previous treatment."""
        decided = session in self._pinned and (session == 0 or session - 1 in self._pinned)
        return Span(self._problem.floor_days, FAR if decided else self._problem.latest_days)

    def _forward(self) -> list[Span]:
        """What the sessions before leave for each session."""
        spans: list[Span] = []
        before = Span(self._previous, self._previous) if self._previous is not None else None
        for session in range(self._problem.sessions):
            span = self._alone(session)
            if before is not None:
                least, most = self.gaps(session)
                span = Span(max(span.first, before.first + least), min(span.last, before.last + most))
            spans.append(span)
            before = span
        return spans

    def _alone(self, session: int) -> Span:
        window = self._problem.window(session)
        first = max(self._problem.earliest_on, window.earliest_on or date.min).toordinal()
        last = min(self._finish_by, (window.latest_on or date.max).toordinal())
        if session not in self.kept:
            return Span(first, min(last, self._last_day))
        day = self.kept[session].on.toordinal()
        if session in self._pinned:
            return Span(day, min(day, self._finish_by))
        return Span(max(first, day), min(last, day))

    def tightened(self, until: int = FAR) -> list[Span]:
        """What the sessions before and after leave for each session when the last one is no later than `until`."""
        spans = list(self.spans)
        spans[-1] = Span(spans[-1].first, min(spans[-1].last, until))
        for session in range(len(spans) - 1, 0, -1):
            (first, last), (least, most) = spans[session], self.gaps(session)
            before = spans[session - 1]
            spans[session - 1] = Span(max(before.first, first - most), min(before.last, last - least))
        return spans


class Reach:
    """Whether a session can be on a day with all sessions before it in their places, whoever treats. Asks only for the days it needs.

    `own`: the day a session is booked on already, which is free for it whatever else is.
    """

    def __init__(self, calendar: Calendar, availability: Availability, own: Mapping[int, int] | None = None) -> None:
        self._calendar = calendar
        self._availability = availability
        self._own = own or {}
        self._anybody: dict[int, bool] = {}
        # Days decided so far for each session, as bit masks that count from the first day of all.
        self._first_of_all = min(span.first for span in calendar.spans)
        self._can = [0] * len(calendar.spans)
        self._cannot = [0] * len(calendar.spans)

    def soonest_end(self) -> int | None:
        """The first day on which the last session can be."""
        return self.first_day(len(self._calendar.spans) - 1)

    def first_day(self, session: int) -> int | None:
        return next((day for day in self._days(session) if self.can_be(session, day)), None)

    def last_day(self, session: int) -> int | None:
        return next((day for day in reversed(self._days(session)) if self.can_be(session, day)), None)

    def how_many_fit(self) -> int:
        """How many sessions, from the first on, find a place."""
        sessions = range(len(self._calendar.spans))
        return next((session for session in sessions if self.first_day(session) is None), len(sessions))

    def left_for(self, session: int) -> Span:
        """The days that the sessions before leave for a session, whether anybody is free on them or not."""
        span, (least, most) = self._calendar.spans[session], self._calendar.gaps(session)
        first, last = (self.first_day(session - 1), self.last_day(session - 1)) if session else (None, None)
        if first is None or last is None:
            return span
        return Span(max(span.first, first + least), min(span.last, last + most))

    def _days(self, session: int) -> range:
        first, last = self._calendar.spans[session]
        return range(first, last + 1)

    def can_be(self, session: int, day: int) -> bool:
        bit = 1 << day - self._first_of_all
        if not (self._can[session] | self._cannot[session]) & bit:
            if self._is_free(session, day) and self._follows(session, day):
                self._can[session] |= bit
            else:
                self._cannot[session] |= bit
        return bool(self._can[session] & bit)

    def _is_free(self, session: int, day: int) -> bool:
        if session in self._calendar.kept or self._own.get(session) == day:
            return True
        known = self._anybody.get(day)
        if known is None:
            on, ask = date.fromordinal(day), self._availability.starts
            known = self._anybody[day] = any(ask(clinician, on) for clinician in self._availability.clinicians)
        return known

    def _follows(self, session: int, day: int) -> bool:
        """Whether the session before can be on one of the days that the gap leaves it."""
        if session == 0:
            return True
        before = session - 1
        least, most = self._calendar.gaps(session)
        span = self._calendar.spans[before]
        first = max(span.first, day - most) - self._first_of_all
        last = min(span.last, day - least) - self._first_of_all
        days = (2 << last) - (1 << first) if first <= last else 0
        if self._can[before] & days:
            return True
        undecided = days & ~self._cannot[before]
        while undecided:
            latest = undecided.bit_length() - 1
            if self.can_be(before, self._first_of_all + latest):
                return True
            undecided ^= 1 << latest
        return False


def reach_of(
    problem: Problem,
    availability: Availability,
    *,
    kept: Mapping[int, Visit] | None = None,
    pinned: Container[int] = (),
    own: Mapping[int, int] | None = None,
) -> Reach:
    return Reach(Calendar(problem, availability.last_on, kept=kept, pinned=pinned), availability, own)
