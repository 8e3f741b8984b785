"""The cheapest places for all sessions of a course, exactly.

What a session costs depends on its day, its clinician, and on day and clinician of the session before; its time of day concerns nobody else.
So the cheapest way to go on from a session on a day with a clinician is worked out once and kept: a dynamic programme. And free
time is asked for only where it can still matter: each way to go on is judged first as if everybody were always free. That bound is
never too high, so what cannot become cheaper than a way already found is left alone, and what is found is the cheapest there is.

Among equally cheap sets the one with the earliest days wins, from the first session to the last; then the earliest times, then
the clinicians in their order. The room is the first free one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

from treatments.scheduling.availability import Availability
from treatments.scheduling.outlook import BEFORE_THE_FIRST, NEVER, Outlook
from treatments.scheduling.problems import Problem
from treatments.scheduling.sets import Prices, Visit, first_start, minute_of, orphan_cost, visit_at


class Place(NamedTuple):
    """A start on some day with some clinician, and what its time and the rests it leaves cost."""

    cost: int
    minute: int


class Tail(NamedTuple):
    """The end of a course: its cost, and for each of its sessions day, minute and clinician (the number in their order).

    Compared field by field it says which of two is to be preferred.
    """

    cost: int
    days: tuple[int, ...]
    minutes: tuple[int, ...]
    clinicians: tuple[int, ...]

    def dearer(self, cost: int) -> Tail:
        return Tail(self.cost + cost, self.days, self.minutes, self.clinicians)


class Places:
    """The cheapest start of each day with each clinician (`cheapest`), worked out when it is first asked for."""

    def __init__(self, problem: Problem, availability: Availability) -> None:
        self.problem = problem
        self.availability = availability
        self.prices = Prices(problem)
        self.cheapest = cache(self._cheapest)

    def _cheapest(self, clinician: str, day: int) -> Place | None:
        on = date.fromordinal(day)
        return self.cheapest_of(self.availability.starts(clinician, on), clinician, on)

    def cheapest_of(self, starts: int, clinician: str, on: date) -> Place | None:
        """The cheapest of these starts, and of equally cheap ones the earliest."""
        best: Place | None = None
        grid, orphan = self.prices.grid_minutes, self.prices.weights.orphan
        before, after = self.availability.orphans(clinician, on) if starts and orphan else (0, 0)
        by_orphans = ((0, ~(before | after)), (orphan, before ^ after), (2 * orphan, before & after))
        for cost, as_dear in self.prices.starts_by_time if starts else ():
            if best is not None and cost > best.cost:
                break
            for more, leaving_so_many in by_orphans:
                if found := starts & as_dear & leaving_so_many:
                    place = Place(cost + more, first_start(found) * grid)
                    best = place if best is None else min(best, place)
        return best

    def kept(self, visit: Visit) -> Place:
        """The place of a visit that stays where it is."""
        minute = minute_of(visit)
        return Place(self.prices.time(minute) + orphan_cost(visit, self.prices, self.availability), minute)


class Search:
    """The cheapest course on the days of an outlook, with all or some of the clinicians."""

    def __init__(self, places: Places, outlook: Outlook, *, clinicians: Sequence[str] | None = None) -> None:
        problem = places.problem
        offered = places.availability.clinicians if clinicians is None else clinicians
        self._places, self._outlook, self._kept = places, outlook, outlook.kept
        self._switch = problem.weights.switch
        self._last = problem.sessions - 1
        others = (visit.clinician for visit in self._kept.values() if visit.clinician not in offered)
        self._names = [*offered, *dict.fromkeys(others)]
        self._offered = range(len(offered))
        self._extra = [places.prices.clinician(name) for name in self._names]
        self._extra_of_another = max(self._extra, default=0)
        # The wished for first: the less the first course found costs, the less is looked at after it.
        self._in_turn = sorted(self._offered, key=self._extra.__getitem__)
        # What the choice of clinicians adds at the least from a session on: to the last, beginning with one of them or with any.
        self._least_with, self._least_with_any = self._least_of_clinicians()
        # What is known so far: the cheapest tail, or what it costs at the least.
        self._visits: dict[tuple[int, int, int], Tail | int] = {}
        self._ways: dict[tuple[int, int, int | None], Tail | int] = {}
        self._anybodys: dict[tuple[int, int], Tail | int] = {}

    def cheapest(self, *, at_least: int = 0, at_most: int = NEVER - 1) -> Tail | None:
        """The cheapest course; None where there is none, or none that costs no more than `at_most`.

        Looked for within a limit that begins at what no course can cost less than (`at_least`: by what the caller knows), and is
        raised each time by what the last look learnt.
        """
        least = self._outlook.after(BEFORE_THE_FIRST, 0) + self._least_with_any[0]
        limit = max(at_least, least)
        while True:
            found = self._go_on(BEFORE_THE_FIRST, 0, None, min(limit, at_most))
            if isinstance(found, Tail):
                return found
            if found > at_most:
                return None
            limit = found + 2 * (found - least)

    def visits(self, tail: Tail | None) -> tuple[Visit, ...]:
        """The visits of a course, with their rooms; none where there is no course."""
        tail = tail or NOTHING_LEFT
        places = zip(tail.days, tail.minutes, tail.clinicians, strict=True)
        availability, grid = self._places.availability, self._places.prices.grid_minutes
        return tuple(
            self._kept.get(session) or visit_at(day, minute, self._names[clinician], availability, grid)
            for session, (day, minute, clinician) in enumerate(places)
        )

    # --- with free time. Each answers with the cheapest tail, or, where none is within the limit, with what it costs at the least.

    def _go_on(self, session: int, day: int, clinician: int | None, limit: int) -> Tail | int:
        """The cheapest rest of the course after a session on a day: with the same clinician, or (None) with any."""
        key = (session, day, clinician)
        if (settled := _settled(self._ways.get(key, 0), limit)) is not None:
            return settled
        best: Tail | None = None
        at_least = best_on = NEVER
        following = session + 1
        least_clinicians = (self._least_with_any if clinician is None else self._least_with[clinician])[following]
        for cost, days in self._outlook.steps(session, day):
            least = cost + least_clinicians
            if least > limit:
                at_least = min(at_least, least)
                break
            on = day + days
            least += self._outlook.after(following, on)
            # Of equally cheap courses the one that is on with it earlier is wanted.
            if least > limit or (least == limit and on > best_on):
                at_least = min(at_least, least)
                continue
            if clinician is None:
                tail = self._anybody(following, on, limit - cost)
            else:
                tail = self._visit(following, on, clinician, limit - cost)
            if isinstance(tail, int):
                at_least = min(at_least, tail + cost)
            else:
                tail = tail.dearer(cost)
                best = tail if best is None else min(best, tail)
                limit, best_on = best.cost, best.days[0]
        found = self._ways[key] = at_least if best is None else best
        return found

    def _anybody(self, session: int, day: int, limit: int) -> Tail | int:
        """The cheapest visit on the day and all after it, whoever treats."""
        key = (session, day)
        if (settled := _settled(self._anybodys.get(key, 0), limit)) is not None:
            return settled
        best: Tail | None = None
        at_least = NEVER
        after = self._outlook.after(session, day)
        for clinician in self._who(session):
            least = after + self._least_with[clinician][session]
            tail = self._visit(session, day, clinician, limit) if least <= limit else least
            if isinstance(tail, int):
                at_least = min(at_least, tail)
            else:
                best = tail if best is None else min(best, tail)
                limit = best.cost
        found = self._anybodys[key] = at_least if best is None else best
        return found

    def _visit(self, session: int, day: int, clinician: int, limit: int) -> Tail | int:
        """The cheapest visit on the day with the clinician and all after it; what led to it is not counted."""
        key = (session, day, clinician)
        if (settled := _settled(self._visits.get(key, 0), limit)) is not None:
            return settled
        found = self._visits[key] = self._placed(session, day, clinician, limit)
        return found

    def _placed(self, session: int, day: int, clinician: int, limit: int) -> Tail | int:
        if session in self._kept:
            is_kept_by = self._names[clinician] == self._kept[session].clinician
            place = self._places.kept(self._kept[session]) if is_kept_by else None
        elif clinician in self._offered:
            place = self._places.cheapest(self._names[clinician], day)
        else:
            # Somebody who left keeps what is booked with her and gets nothing more.
            place = None
        if place is None:
            return NEVER
        least = place.cost + self._least_with[clinician][session] + self._outlook.after(session, day)
        if least > limit:
            return least
        cost = place.cost + self._extra[clinician]
        rest = self._rest(session, day, clinician, limit - cost)
        if isinstance(rest, int):
            return cost + rest
        return Tail(cost + rest.cost, (day, *rest.days), (place.minute, *rest.minutes), (clinician, *rest.clinicians))

    def _rest(self, session: int, day: int, clinician: int, limit: int) -> Tail | int:
        if session == self._last:
            return NOTHING_LEFT if limit >= 0 else 0
        same = self._go_on(session, day, clinician, limit)
        if len(self._names) == 1:
            return same
        if isinstance(same, Tail):
            limit = same.cost
        # Who leaves the clinician she wished for comes to another, at the next visit at least.
        leaving = (
            self._switch + (0 if self._extra[clinician] else self._extra_of_another) + self._outlook.after(session, day)
        )
        other: Tail | int = leaving
        if leaving <= limit:
            other = self._go_on(session, day, None, limit - self._switch)
            other = other + self._switch if isinstance(other, int) else other.dearer(self._switch)
        if isinstance(same, int):
            return min(same, other) if isinstance(other, int) else other
        return same if isinstance(other, int) else min(same, other)

    def _who(self, session: int) -> Sequence[int]:
        if session in self._kept:
            return [self._names.index(self._kept[session].clinician)]
        return self._in_turn

    def _least_of_clinicians(self) -> tuple[list[list[int]], list[int]]:
        least_extra, to_come = min(self._extra, default=0), range(self._last + 1, 0, -1)
        with_any = [least_extra * visits for visits in to_come]
        by_extra = {least_extra: with_any}
        for extra in {*self._extra} - {least_extra}:
            by_extra[extra] = [extra + min(extra * (visits - 1), self._switch) for visits in to_come]
        return [by_extra[extra] for extra in self._extra], with_any


NOTHING_LEFT = Tail(0, (), (), ())


def _settled(known: Tail | int, limit: int) -> Tail | int | None:
    """What is known, if that answers what is asked: the tail, or that all cost more than the limit."""
    if isinstance(known, int):
        return known if known > limit else None
    return known if known.cost <= limit else known.cost
