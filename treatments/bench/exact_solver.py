"""The same question put to an exact solver, in its own words: what the search is compared with.

Places are listed start by start from the text of the contract, and the solver chooses among them. Nothing of the search is used.
OR-tools is a development tool: without it `is_there()` says no, and the product misses nothing.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from importlib.util import find_spec
from itertools import chain
from time import perf_counter
from typing import Any, Literal, get_args

from treatments.scheduling.free_time import Stretch, merged
from treatments.scheduling.problems import Interval, Problem

Question = Literal["best", "soonest", "one_clinician"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
MINUTE = timedelta(minutes=1)
# No visit is longer than prep, treatment and turnover of a week each.
LONGEST = timedelta(days=22)
# Day and clinician to the cheapest start there is: what its time and the rests it leaves cost.
Places = dict[tuple[int, str], int]


def is_there() -> bool:
    return find_spec("ortools") is not None


@dataclass(frozen=True)
class Answer:
    """The smallest cost and the last day of such a set, with the seconds it took to state and to solve it; None where nothing fits."""

    cost: int | None
    ends_on: int | None
    seconds: float


def solve(problem: Problem, question: Question = "best", places: Places | None = None) -> Answer:
    """The exact answer. `soonest` is two questions: the smallest last day, then the smallest cost that ends there."""
    places = cheapest_places(problem) if places is None else places
    if question != "soonest":
        return _solved(problem, places, one_clinician=question == "one_clinician")
    first = _solved(problem, places, only_the_end=True)
    if first.ends_on is None:
        return first
    second = _solved(problem, places, until=first.ends_on)
    return Answer(second.cost, second.ends_on, first.seconds + second.seconds)


# --- places, start by start


def cheapest_places(problem: Problem) -> Places:
    """Each day with each clinician on which a visit is possible at all."""
    ends = [free.end for free in chain(*problem.clinicians.values(), *problem.rooms.values())]
    if not ends:
        return {}
    found = {}
    for day in range(problem.earliest_on.toordinal(), max(ends).toordinal() + 1):
        on = date.fromordinal(day)
        if on in problem.prefer.avoid:
            continue
        near = _Near(problem, on)
        for clinician in problem.clinicians:
            if (cost := near.cheapest(clinician)) is not None:
                found[day, clinician] = cost
    return found


class _Near:
    """One day of a problem, with only those intervals that come near to it, in minutes after its midnight."""

    def __init__(self, problem: Problem, on: date) -> None:
        self.problem = problem
        self.midnight = datetime.combine(on, time())
        self.clinicians = {name: self._near(free) for name, free in problem.clinicians.items()}
        self.rooms = [each for free in problem.rooms.values() for each in self._near(free)]
        self.devices = [each for free in problem.devices.values() for each in self._near(free)]
        # Busy from nine to ten and from ten to eleven is busy at ten, even for a visit that takes no time.
        self.busy = self._near(merged(Stretch(*busy) for busy in problem.patient_busy))

    def _near(self, intervals: Iterable[Interval | Stretch]) -> list[tuple[int, int]]:
        near = [each for each in intervals if each.end >= self.midnight and each.start <= self.midnight + LONGEST]
        return [((start - self.midnight) // MINUTE, (end - self.midnight) // MINUTE) for start, end in near]

    def cheapest(self, clinician: str) -> int | None:
        starts = range(0, 24 * 60, self.problem.grid_minutes) if self.clinicians[clinician] else ()
        costs = (self._cost(clinician, start) for start in starts)
        return min((cost for cost in costs if cost is not None), default=None)

    def _cost(self, clinician: str, start: int) -> int | None:
        problem = self.problem
        treat_at = start + problem.prep_minutes
        treated_at = treat_at + problem.treat_minutes
        left_at = treated_at + problem.turnover_minutes
        inside = [
            (since, until) for since, until in self.clinicians[clinician] if since <= treat_at and treated_at <= until
        ]
        if not inside or not any(since <= start and left_at <= until for since, until in self.rooms):
            return None
        if problem.devices and not any(since <= treat_at and treated_at <= until for since, until in self.devices):
            return None
        if any(since < treated_at and start < until for since, until in self.busy):
            return None
        rests = (treat_at - inside[0][0], inside[0][1] - treated_at)
        orphans = sum(0 < rest < problem.treat_minutes for rest in rests)
        return problem.weights.time * self._half_hours_outside(start) + problem.weights.orphan * orphans

    def _half_hours_outside(self, start: int) -> int:
        if self.problem.prefer.between is None:
            return 0
        first, last = (clock.hour * 60 + clock.minute for clock in self.problem.prefer.between)
        return math.ceil(max(first - start, start - last, 0) / 30)


# --- the model


def _solved(
    problem: Problem,
    places: Places,
    *,
    one_clinician: bool = False,
    only_the_end: bool = False,
    until: int | None = None,
) -> Answer:
    from ortools.sat.python import cp_model

    begun = perf_counter()
    model = cp_model.CpModel()
    weights, prefer = problem.weights, problem.prefer
    sessions = range(problem.sessions)
    at: list[dict[tuple[int, str], Any]] = []
    for session in sessions:
        window = problem.window(session)
        first = max(problem.earliest_on, window.earliest_on or date.min).toordinal()
        last = min(window.latest_on or date.max, problem.finish_by or date.max).toordinal()
        at.append({key: model.new_bool_var(f"{session} {key}") for key in places if first <= key[0] <= last})
        model.add_exactly_one(at[session].values())
    days = [sum(day * chosen for (day, _), chosen in at[session].items()) for session in sessions]
    treats = [
        {name: sum(chosen for (_, who), chosen in at[session].items() if who == name) for name in problem.clinicians}
        for session in sessions
    ]
    cost = weights.wait * (days[0] - problem.earliest_on.toordinal())
    for session in sessions:
        for (day, who), chosen in at[session].items():
            is_other_day = prefer.weekdays and date.fromordinal(day).isoweekday() not in prefer.weekdays
            is_other = prefer.clinician not in (None, who)
            own = places[day, who] + weights.day * bool(is_other_day) + weights.clinician * is_other
            cost += own * chosen
    before = [problem.previous_on.toordinal() if problem.previous_on else None, *days]
    for session in sessions:
        if before[session] is not None:
            gap = days[session] - before[session]
            model.add(gap >= problem.floor_days)
            model.add(gap <= problem.latest_days)
            off = model.new_int_var(0, 10_000, f"off {session}")
            model.add(off >= gap - problem.target_days)
            model.add(off >= problem.target_days - gap)
            cost += weights.gap * off
        if session:
            switched = model.new_bool_var(f"switch {session}")
            for name in problem.clinicians:
                model.add(switched >= treats[session][name] - treats[session - 1][name])
                if one_clinician:
                    model.add(treats[session][name] == treats[0][name])
            cost += weights.switch * switched
    if until is not None:
        model.add(days[-1] <= until)
    model.minimize(days[-1] if only_the_end else cost)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return Answer(None, None, perf_counter() - begun)
    if status != cp_model.OPTIMAL:
        raise RuntimeError(f"The solver left off: {solver.status_name(status)}")
    return Answer(round(solver.objective_value), int(solver.value(days[-1])), perf_counter() - begun)
