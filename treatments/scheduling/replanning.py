"""When life moves a visit: only what breaks is moved, the fewest visits first, then the cheapest way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import combinations

from treatments.scheduling.availability import Availability
from treatments.scheduling.intervals import FreeIntervals
from treatments.scheduling.obstacles import why_none
from treatments.scheduling.outlook import Outlook
from treatments.scheduling.problems import Problem
from treatments.scheduling.reach import Calendar, Span, reach_of
from treatments.scheduling.search import Places, Search, Tail
from treatments.scheduling.sets import CourseSet, Visit, WhyNone, course_set, each_start, minute_of, visit_at

Visits = tuple[Visit, ...]


@dataclass(frozen=True, slots=True)
class Replan:
    """`fewest` moves as few visits as possible; `shift_all` moves every later visit by as many days as the decided one.

    None where it is not possible, and `shift_all` also where it would lead to the same days: nobody could tell the two apart.
    """

    fewest: CourseSet | None
    shift_all: CourseSet | None
    why_none: WhyNone | None = None


def replan(
    problem: Problem,
    current: Sequence[Visit | None],
    *,
    pinned: Mapping[int, Visit],
    availability: Availability | None = None,
) -> Replan:
    """Where every session goes once some of them are settled.

    `current`: where each session is booked now; None: not booked, and a place is found for it. `pinned`, by number from 1: what a person
    has decided, and what is done. Of a pinned visit only the floor and `finish_by` are asked, and `latest_days` only towards visits that
    are not pinned. A current visit stays while its gaps, `earliest_on`, its window and `finish_by` allow it, whether its place is among
    the free ones or not. The free time has to count the patient's own current visits as free and to reach as far as they do.
    """
    free_time = availability or FreeIntervals(problem)
    decided = {number - 1: visit for number, visit in pinned.items()}
    booked = {session: visit for session, visit in enumerate(current) if visit is not None and session not in decided}
    own = {session: visit.on.toordinal() for session, visit in booked.items()}
    look = partial(reach_of, kept=decided, pinned=decided, own=own)
    reach = look(problem, free_time)
    if reach.soonest_end() is None:
        return Replan(None, None, why_none(problem, free_time, reach, look, decided=decided))
    places = Places(problem, free_time)
    fewest = _fewest_moved(places, decided, booked)
    shifted = _shifted(places, current, decided)
    return Replan(
        course_set("fewest", problem, fewest, free_time),
        course_set("shift_all", problem, shifted, free_time)
        if shifted and days_of(shifted) != days_of(fewest)
        else None,
    )


def days_of(visits: Sequence[Visit]) -> list[date]:
    return [visit.on for visit in visits]


def _fewest_moved(places: Places, decided: Mapping[int, Visit], booked: Mapping[int, Visit]) -> Visits:
    """The cheapest of the sets in which as many as possible stay: first all are tried to stay, then all but one, and so on."""
    ways = (_keeping(places, decided, booked, staying) for staying in range(len(booked), -1, -1))
    return next(filter(None, ways))


def _keeping(places: Places, decided: Mapping[int, Visit], booked: Mapping[int, Visit], staying: int) -> Visits:
    """The cheapest of the sets in which so many of the booked visits stay; nothing where there is none."""
    best: tuple[Tail, Visits] | None = None
    for sessions in combinations(booked, staying):
        kept = {**decided, **{session: booked[session] for session in sessions}}
        search = Search(places, Outlook(places.problem, places.prices, _calendar(places, kept, decided)))
        tail = search.cheapest() if best is None else search.cheapest(at_most=best[0].cost)
        if tail is not None and (best is None or tail < best[0]):
            best = tail, search.visits(tail)
    return best[1] if best else ()


def _calendar(places: Places, kept: Mapping[int, Visit], decided: Mapping[int, Visit]) -> Calendar:
    return Calendar(places.problem, places.availability.last_on, kept=kept, pinned=decided)


# --- all later visits by the same number of days


def _shifted(places: Places, current: Sequence[Visit | None], decided: Mapping[int, Visit]) -> Visits:
    """Every visit after the moved one goes as many days further, or to the first free day after that. Nothing where that does not work."""
    shifted: dict[int, Visit] = {}
    by_days = 0
    for session, booked in enumerate(current):
        if session in decided:
            shifted[session] = decided[session]
            by_days = (decided[session].on - booked.on).days if booked else by_days
        elif booked is None:
            # Shifting speaks of visits that are booked; where one is not there is nothing to keep in step with.
            return ()
        else:
            visit = _further(places, _calendar(places, shifted, decided).spans[session], booked, by_days)
            if visit is None:
                return ()
            shifted[session] = visit
    spans = _calendar(places, shifted, decided).spans
    return tuple(shifted.values()) if all(span.first <= span.last for span in spans) else ()


def _further(places: Places, left: Span, booked: Visit, by_days: int) -> Visit | None:
    """The visit so many days further, on the first of the days left that has a place."""
    if not by_days:
        return booked
    days = range(max(left.first, booked.on.toordinal() + by_days), left.last + 1)
    return next((visit for day in days if (visit := _like(places, booked, day))), None)


def _like(places: Places, booked: Visit, day: int) -> Visit | None:
    """A place on the day most like the booked one: with the same clinician if he is free at all, as near as can be to the same time."""
    availability, grid, on = places.availability, places.prices.grid_minutes, date.fromordinal(day)
    for clinician in sorted(availability.clinicians, key=lambda name: name != booked.clinician):
        starts = each_start(availability.starts(clinician, on))
        start = min(starts, key=lambda start: abs(start * grid - minute_of(booked)), default=None)
        if start is not None:
            return visit_at(day, start * grid, clinician, availability, grid)
    return None
