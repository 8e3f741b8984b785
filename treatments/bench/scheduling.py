"""The search for a whole course: how long it takes, and that it finds what an exact solver finds.

The solver is a development tool (requirements-dev.txt). Without it only the search itself is measured, and the line says so.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import mean, median

from treatments.bench import exact_solver
from treatments.bench.at_rest import at_rest
from treatments.bench.figures import Figure, at_rest_within, once, timed
from treatments.bench.made_up import any_problem, busy_clinic
from treatments.scheduling.finding import cheapest_set, find_sets
from treatments.scheduling.problems import Problem
from treatments.scheduling.sets import Found

RUNS = 40
COMPARED = 1_000
# The solver takes seconds for each of these.
TIMED_AGAINST_THE_SOLVER = 12
TIMES_FASTER = 50
USUAL_MS = 5


class Differs(AssertionError):
    """The search and the exact solver disagree."""


@dataclass(frozen=True)
class Beside:
    """Milliseconds for one problem, one after the other: the best set alone and all three sets, by us and by the solver.

    Ours begin with the intervals of the problem. The solver's begin with its model; the places to choose from are given to it,
    found beforehand and not counted.
    """

    best: float
    three: float
    solvers_best: float
    solvers_three: float


def figures() -> Iterator[Figure]:
    """Goals: design, 6."""
    for sessions in (3, 4, 6):
        problems = _usual(RUNS, sessions)
        taken = at_rest(lambda problems=problems: [once(partial(find_sets, problem)) for problem in problems])
        yield at_rest_within(USUAL_MS, f"three sets, {sessions} sessions, 10 clinicians, 6 rooms", taken)
    if exact_solver.is_there():
        yield from _faster(
            f"{TIMED_AGAINST_THE_SOLVER} problems of a clinic", map(_clinics, range(TIMED_AGAINST_THE_SOLVER))
        )
        yield from _faster(f"{COMPARED:,} random problems", _at_once(COMPARED))


def missing() -> str | None:
    """A sentence where part of the comparison cannot be made."""
    if exact_solver.is_there():
        return None
    return "The exact solver is not installed, so nothing was compared with it: pip install -r requirements-dev.txt"


def _usual(count: int, sessions: int) -> list[Problem]:
    return [busy_clinic(number, sessions=sessions, days=42 * sessions + 30, taken=0.6) for number in range(count)]


def _faster(which: str, measured: Iterable[Beside]) -> Iterator[Figure]:
    """All problems together: each of them was answered alike, else `Differs` was raised."""
    sides = list(measured)
    best, three = [side.best for side in sides], [side.three for side in sides]
    solvers_best, solvers_three = [side.solvers_best for side in sides], [side.solvers_three for side in sides]
    name, equal = f"mean of {which}, beside an exact solver's", f"equal in {len(sides):,} of {len(sides):,}"
    alone = f"{sum(solvers_best) / sum(three):.0f} x faster than its best set alone"
    yield _beside_the_solver(f"best set, {name}", best, solvers_best, equal)
    yield _beside_the_solver(f"three sets, {name}", three, solvers_three, f"{alone}; each {equal}")


def _beside_the_solver(name: str, ours: list[float], solvers: list[float], also: str) -> Figure:
    """Means, with a fiftieth of what the solver takes for the same answer as the goal."""
    reference, runs = mean(solvers), len(ours)
    ratio = median(solver / own for own, solver in zip(ours, solvers, strict=True))
    note = f"{reference / mean(ours):.0f} x faster over all, {ratio:.1f} x in the median problem; {also}"
    goal, times = reference / TIMES_FASTER, 1 / TIMES_FASTER
    return Figure(name, mean(ours), max(ours), goal, runs, reference=reference, times=times, note=note)


def _clinics(number: int) -> Beside:
    return beside(number, busy_clinic(number, clinicians=3, rooms=2, days=150, sessions=3 + number % 4, taken=0.7))


def _randoms(number: int) -> Beside:
    return beside(number, any_problem(number))


def _at_once(count: int) -> Iterator[Beside]:
    """As many problems at a time as there are processors. Both sides of one are measured in the same process, so the ratio is fair."""
    processors = min(count, os.cpu_count() or 1)
    if processors == 1:
        yield from map(_randoms, range(count))
        return
    with ProcessPoolExecutor(processors) as pool:
        yield from pool.map(_randoms, range(count), chunksize=5)


def beside(number: int, problem: Problem) -> Beside:
    """Both in turns, each after a run that warms its caches. Raises `Differs`."""
    [best], [three] = (timed(partial(find, problem), runs=1) for find in (cheapest_set, find_sets))
    compared(number, problem, throughout=True)
    solvers = [answer.seconds * 1000 for answer in compared(number, problem, throughout=True)]
    return Beside(best, three, solvers[0], sum(solvers))


def compared(number: int, problem: Problem, *, throughout: bool = False) -> list[exact_solver.Answer]:
    """The solver's answers, after they were found equal to the search's. Raises `Differs`. `throughout`: all three sets, not the best alone."""
    found, alone = find_sets(problem), cheapest_set(problem)
    if alone != (found.sets[0] if found.sets else None):
        raise Differs(f"Problem {number}: alone the best set is {alone}, among three {found}")
    places = exact_solver.cheapest_places(problem)
    questions = exact_solver.QUESTIONS if throughout else exact_solver.QUESTIONS[:1]
    answers = []
    for question in questions:
        answer = exact_solver.solve(problem, question, places)
        if (answer.cost, answer.ends_on if question == "soonest" else None) != _own(found, question):
            raise Differs(f"Problem {number}, {question}: the solver says {answer}, the search {found}")
        answers.append(answer)
    return answers


def _own(found: Found, question: exact_solver.Question) -> tuple[int | None, int | None]:
    """Cost, and for the soonest the last day, of the set that answers; a set left out is equal to one that is there."""
    if question == "soonest":
        fitting = [each for each in found.sets if each.label in ("best", "soonest")]
        return (fitting[-1].cost, fitting[-1].visits[-1].on.toordinal()) if fitting else (None, None)
    if question == "one_clinician":
        fitting = [each for each in found.sets if len({visit.clinician for visit in each.visits}) == 1]
        return min((each.cost for each in fitting), default=None), None
    return (found.sets[0].cost if found.sets else None), None
