"""What the booking desk asks: which sets there are for a course, and where else one of its visits could be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from treatments.scheduling.availability import Availability
from treatments.scheduling.intervals import FreeIntervals
from treatments.scheduling.obstacles import why_none
from treatments.scheduling.outlook import NEVER, Outlook
from treatments.scheduling.problems import Problem
from treatments.scheduling.reach import Calendar, Reach
from treatments.scheduling.search import Place, Places, Search, Tail
from treatments.scheduling.sets import CourseSet, Found, Label, Visit, course_set, minute_of, visit_at

Visits = tuple[Visit, ...]


def find_sets(problem: Problem, availability: Availability | None = None) -> Found:
    """Up to three sets of visits for the whole course, each of them exact; sets that are equal are named once.

    `best`: the cheapest. `soonest`: the cheapest of those with the smallest last date. `one_clinician`: the cheapest with one clinician
    throughout. `availability` stands in for the free intervals of the problem. When nothing fits, `why_none` says what is in the way.
    """
    free_time = availability or FreeIntervals(problem)
    calendar = Calendar(problem, free_time.last_on)
    reach = Reach(calendar, free_time)
    ends_on = reach.soonest_end()
    if ends_on is None:
        return Found((), why_none(problem, free_time, reach))
    places = Places(problem, free_time)
    found: dict[Visits, Label] = {}
    for label, visits in _ways(places, calendar, ends_on):
        found.setdefault(visits, label)
    return Found(tuple(course_set(label, problem, visits, free_time) for visits, label in found.items()))


def cheapest_set(problem: Problem, availability: Availability | None = None) -> CourseSet | None:
    """The best of the sets alone; None where nothing fits, without a word why."""
    free_time = availability or FreeIntervals(problem)
    places = Places(problem, free_time)
    search = Search(places, Outlook(problem, places.prices, Calendar(problem, free_time.last_on)))
    tail = search.cheapest()
    return None if tail is None else course_set("best", problem, search.visits(tail), free_time)


def _ways(places: Places, calendar: Calendar, soonest_end: int) -> Iterator[tuple[Label, Visits]]:
    outlook = Outlook(places.problem, places.prices, calendar)
    search = Search(places, outlook)
    cheapest = search.cheapest()
    best = search.visits(cheapest)
    yield "best", best
    # The cheapest set of all is also the cheapest of those it belongs to, by the same order among equals. And no other costs less.
    at_least = cheapest.cost if cheapest else 0
    if best[-1].on.toordinal() != soonest_end:
        search = Search(places, Outlook(places.problem, places.prices, calendar, soonest_end))
        yield "soonest", search.visits(search.cheapest(at_least=at_least))
    if any(one.clinician != other.clinician for one, other in pairwise(best)) and (
        throughout := _one_clinician(places, outlook, at_least)
    ):
        yield "one_clinician", throughout


def _one_clinician(places: Places, outlook: Outlook, at_least: int) -> Visits:
    best: tuple[Tail, int] | None = None
    visits: Visits = ()
    clinicians = enumerate(places.availability.clinicians)
    # The wished for first: what her set costs, the others need not exceed.
    for order, clinician in sorted(clinicians, key=lambda item: places.prices.clinician(item[1])):
        search = Search(places, outlook, clinicians=[clinician])
        tail = search.cheapest(at_least=at_least, at_most=NEVER - 1 if best is None else best[0].cost)
        if tail is not None and (best is None or (tail, order) < best):
            best, visits = (tail, order), search.visits(tail)
    return visits


def swaps(
    problem: Problem,
    chosen: Sequence[Visit],
    session: int,
    count: int = 6,
    availability: Availability | None = None,
) -> tuple[CourseSet, ...]:
    """Sets in which one visit (`session`, from 1) has another place and all others keep theirs, cheapest first, `count` at most.

    Each day with each clinician is offered once, at its cheapest start. On the visit's own day with its own clinician only a start at least
    a treatment away is another place: five minutes later is none.
    """
    free_time = availability or FreeIntervals(problem)
    index = session - 1
    kept = {number: visit for number, visit in enumerate(chosen) if number != index}
    first, last = Calendar(problem, free_time.last_on, kept=kept, pinned=kept).tightened()[index]
    places = Places(problem, free_time)
    around = _Around(places, chosen, index)
    by_least = sorted(
        (around.cost(day, clinician), day, order)
        for day in range(first, last + 1)
        for order, clinician in enumerate(free_time.clinicians)
    )
    found: list[tuple[int, int, int, int]] = []
    for least, day, order in by_least:
        if len(found) >= count and least > sorted(found)[count - 1][0]:
            break
        place = around.place(day, free_time.clinicians[order])
        if place is not None:
            found.append((least + place.cost, day, place.minute, order))
    sets = []
    for _, day, minute, order in sorted(found)[:count]:
        visit = visit_at(day, minute, free_time.clinicians[order], free_time, problem.grid_minutes)
        sets.append(course_set("swap", problem, [*chosen[:index], visit, *chosen[index + 1 :]], free_time))
    return tuple(sets)


class _Around:
    """What a place for one visit costs between its neighbours."""

    def __init__(self, places: Places, chosen: Sequence[Visit], index: int) -> None:
        self._places = places
        self._prices = places.prices
        self._problem = places.problem
        self._chosen = chosen[index]
        self._neighbours = [*chosen[max(0, index - 1) : index], *chosen[index + 1 : index + 2]]
        self._gaps_to = [visit.on.toordinal() for visit in self._neighbours]
        self._is_first = index == 0
        if self._is_first and self._problem.previous_on is not None:
            self._gaps_to.append(self._problem.previous_on.toordinal())

    def cost(self, day: int, clinician: str) -> int:
        prices = self._prices
        waits = day - self._problem.earliest_on.toordinal() if self._is_first else 0
        switches = sum(clinician != visit.clinician for visit in self._neighbours)
        return (
            prices.wait(waits)
            + sum(prices.gap(abs(day - other)) for other in self._gaps_to)
            + prices.weekday(day)
            + prices.clinician(clinician)
            + prices.weights.switch * switches
        )

    def place(self, day: int, clinician: str) -> Place | None:
        on = date.fromordinal(day)
        if (on, clinician) != (self._chosen.on, self._chosen.clinician):
            return self._places.cheapest(clinician, day)
        starts = self._places.availability.starts(clinician, on)
        return self._places.cheapest_of(starts & ~self._near_its_own(), clinician, on)

    def _near_its_own(self) -> int:
        own, grid = minute_of(self._chosen), self._problem.grid_minutes
        apart = max(1, self._problem.treat_minutes)
        return sum(1 << start for start, minute in enumerate(range(0, 24 * 60, grid)) if abs(minute - own) < apart)
