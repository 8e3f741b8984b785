"""When nothing fits: the first session that finds no place, and the one thing without which it would."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from datetime import date

from treatments.scheduling.availability import Availability, Obstacle
from treatments.scheduling.problems import MOST_DAYS, Problem
from treatments.scheduling.reach import Reach, Span, reach_of
from treatments.scheduling.sets import WhyNone

Look = Callable[[Problem, Availability], Reach]
# Wishes before the clinic's means; what nobody may loosen comes last.
OBSTACLES: tuple[Obstacle, ...] = ("avoid", "patient_busy", "devices", "rooms", "clinicians")


def why_none(
    problem: Problem,
    availability: Availability,
    reach: Reach,
    look: Look = reach_of,
    *,
    decided: Container[int] = (),
) -> WhyNone:
    """Leaves out one constraint after the other and names the first without which one session more would fit.

    `reach` is that of the problem, `look` gives that of a looser one. `decided`: sessions (from 0) whose place a person has chosen.
    """
    session = reach.how_many_fit()
    left = reach.left_for(session)
    found = (
        constraint
        for constraint, looser, more_time in _looser(problem, availability, is_decided=session in decided)
        if look(looser, more_time).first_day(session) is not None
    )
    constraint = next(found, None) or _without_remedy(problem, availability, left)
    return WhyNone(session + 1, constraint, _text(problem, session, constraint, left, availability.last_on))


def _looser(
    problem: Problem, availability: Availability, *, is_decided: bool
) -> Iterator[tuple[str, Problem, Availability]]:
    """The field left out, and the problem and the free time without it."""
    yield "finish_by", replace(problem, finish_by=None), availability
    yield "windows", replace(problem, windows=()), availability
    for obstacle in OBSTACLES:
        yield obstacle, problem, availability.ignoring(obstacle)
    yield "latest_days", replace(problem, latest_days=MOST_DAYS), availability
    if is_decided:
        yield "floor_days", replace(problem, floor_days=1), availability


def _without_remedy(problem: Problem, availability: Availability, left: Span) -> str:
    """Several things stand in the way at once: the one that nothing else would mend."""
    if problem.finish_by and left.first > problem.finish_by.toordinal():
        return "finish_by"
    return "horizon" if left.first > availability.last_on.toordinal() else "clinicians"


def _text(problem: Problem, fitting: int, constraint: str, left: Span, last_on: date) -> str:
    session = f"session {fitting + 1}"
    before = f"session {fitting}" if fitting else "the treatment before it"
    wanted = f"{session} {_days(left)}".strip()
    reasons = {
        "finish_by": f" before {_day(problem.finish_by)}",
        "windows": f": nothing is free in the window of {wanted}",
        "avoid": f": all that is free for {wanted} is on days to avoid",
        "patient_busy": f": the patient is busy whenever {session} could be",
        "devices": f": no device is free for {wanted}",
        "rooms": f": no room is free for {wanted}",
        "clinicians": f": no clinician is free for {wanted}",
        "horizon": f": free time is known until {_day(last_on)} only, and {session} cannot be before {_ordinal(left.first)}",
        "latest_days": f": {session} would be more than {problem.latest_days} days after {before}",
        "floor_days": f": {session} would be fewer than {problem.floor_days} days after {before}",
    }
    if not fitting:
        return f"nothing fits{reasons[constraint]}"
    return f"only {fitting} of {problem.sessions} {'fits' if fitting == 1 else 'fit'}{reasons[constraint]}"


def _days(span: Span) -> str:
    if span.first > span.last:
        return ""
    first, last = _ordinal(span.first), _ordinal(span.last)
    return f"on {first}" if first == last else f"from {first} to {last}"


def _ordinal(day: int) -> str:
    return _day(date.fromordinal(day))


def _day(day: date | None) -> str:
    return f"{day.day} {day:%B}" if day else ""
