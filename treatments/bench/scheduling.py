"""The search for a whole course: how long it takes, and that it finds what an exact solver finds.

The solver is a development tool (requirements-dev.txt). Without it only the search itself is measured, and the line says so.
"""

from collections.abc import Iterator
from statistics import median

from treatments.bench import exact_solver
from treatments.bench.figures import Figure, figure, timed
from treatments.bench.made_up import any_problem, busy_clinic
from treatments.scheduling.finding import find_sets
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


def figures() -> Iterator[Figure]:
    """Goals: design, 6."""
    for sessions in (3, 4, 6):
        taken = [timed(lambda p=problem: find_sets(p), runs=3) for problem in _usual(RUNS, sessions)]
        name = f"three sets, {sessions} sessions, 10 clinicians, 6 rooms"
        yield figure(name, goal_ms=USUAL_MS, taken_ms=[median(each) for each in taken])
    if exact_solver.is_there():
        yield _faster()
        yield _equal()


def missing() -> str | None:
    """A sentence where part of the comparison cannot be made."""
    if exact_solver.is_there():
        return None
    return "The exact solver is not installed, so nothing was compared with it: pip install -r requirements-dev.txt"


def _usual(count: int, sessions: int) -> list[Problem]:
    return [busy_clinic(number, sessions=sessions, days=42 * sessions + 30, taken=0.6) for number in range(count)]


def _faster() -> Figure:
    """The search beside a fiftieth of what the solver takes for the cheapest set alone, problem by problem in turns."""
    ours, solvers = [], []
    for number in range(TIMED_AGAINST_THE_SOLVER):
        problem = busy_clinic(number, clinicians=3, rooms=2, days=150, sessions=3 + number % 4, taken=0.7)
        ours.append(median(timed(lambda p=problem: find_sets(p), runs=3)))
        solvers.append(compared(number, problem)[0].seconds * 1000)
    return figure(
        f"three sets, beside the exact solver's best / {TIMES_FASTER}",
        goal_ms=median(solvers) / TIMES_FASTER,
        taken_ms=ours,
    )


def _equal() -> Figure:
    """One search each; what it is held against is the solver's time for the same, and any difference ends the measuring."""
    ours, solvers = [], []
    for number in range(COMPARED):
        problem = any_problem(number)
        ours += timed(lambda p=problem: find_sets(p), runs=1)
        solvers.append(sum(answer.seconds for answer in compared(number, problem)) * 1000)
    name = f"equal to the exact solver in {COMPARED:,} of {COMPARED:,}"
    return figure(name, goal_ms=sum(solvers) / COMPARED, taken_ms=ours)


def compared(number: int, problem: Problem, *, throughout: bool = False) -> list[exact_solver.Answer]:
    """The solver's answers, after they were found equal to the search's. Raises `Differs`. `throughout`: all three sets, not the best alone."""
    found = find_sets(problem)
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
