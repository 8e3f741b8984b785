"""What a course costs against the wishes, and what a set of visits is. Cost is a number without a unit: lower is better."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from treatments.scheduling.availability import Availability
from treatments.scheduling.problems import HORIZON_DAYS, TERMS, Problem

Label = Literal["best", "soonest", "one_clinician", "swap", "fewest", "shift_all"]


@dataclass(frozen=True, slots=True)
class Visit:
    """A place for one session. `start` is a wall time without a zone, and that of the preparation."""

    start: datetime
    clinician: str
    room: str

    @property
    def on(self) -> date:
        return self.start.date()

    def to_json(self) -> dict[str, str]:
        return {"start": f"{self.start:%Y-%m-%dT%H:%M}", "clinician": self.clinician, "room": self.room}


@dataclass(frozen=True, slots=True)
class CourseSet:
    """A visit for every session. `terms`: what each kind of missed wish adds to the cost; they sum up to it."""

    label: Label
    cost: int
    terms: Mapping[str, int]
    visits: tuple[Visit, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "label": self.label,
            "cost": self.cost,
            "terms": dict(self.terms),
            "visits": [visit.to_json() for visit in self.visits],
        }


@dataclass(frozen=True, slots=True)
class WhyNone:
    """The first session that finds no place (from 1), the field of the problem that keeps it out, and a sentence."""

    session: int
    constraint: str
    text: str

    def to_json(self) -> dict[str, object]:
        return {"session": self.session, "constraint": self.constraint, "text": self.text}


@dataclass(frozen=True, slots=True)
class Found:
    sets: tuple[CourseSet, ...]
    why_none: WhyNone | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "sets": [found.to_json() for found in self.sets],
            "why_none": self.why_none and self.why_none.to_json(),
        }


class Prices:
    """What each thing about a visit adds to the cost of its set. Days are ordinals, starts minutes after midnight."""

    def __init__(self, problem: Problem) -> None:
        self.weights = problem.weights
        self.grid_minutes = problem.grid_minutes
        self._target_days = problem.target_days
        self._wishes = wishes = problem.prefer
        # By the weekday of an ordinal: day % 7 is 1 on a Monday and 0 on a Sunday.
        self._weekdays = [
            self.weights.day if wishes.weekdays and (number or 7) not in wishes.weekdays else 0 for number in range(7)
        ]
        gaps = range(problem.floor_days, min(problem.latest_days, HORIZON_DAYS) + 1)
        self._steps = _steps_by_weekday(gaps, problem.target_days, self.weights.gap, tuple(self._weekdays))
        # Starts of a day as bit masks, gathered by what their time costs, cheapest first.
        self.starts_by_time = _starts_by_time(problem.grid_minutes, wishes.between, self.weights.time)

    def gap(self, days: int) -> int:
        return self.weights.gap * abs(days - self._target_days)

    def wait(self, days: int) -> int:
        """A course that has begun waits no more."""
        return self.weights.wait * max(0, days)

    def weekday(self, day: int) -> int:
        return self._weekdays[day % 7]

    def clinician(self, name: str) -> int:
        return self.weights.clinician if self._wishes.clinician not in (None, name) else 0

    def time(self, minute: int) -> int:
        [half_hours] = _half_hours_outside([minute], self._wishes.between)
        return self.weights.time * half_hours

    def steps_from(self, day: int) -> Sequence[tuple[int, int]]:
        """The gaps allowed, each with what it and the weekday it leads to cost, cheapest first: the same for every day of one weekday."""
        return self._steps[day % 7]


@lru_cache(maxsize=256)
def _steps_by_weekday(
    gaps: range, target_days: int, gap_weight: int, weekdays: tuple[int, ...]
) -> tuple[tuple[tuple[int, int], ...], ...]:
    costs = [(gap_weight * abs(gap - target_days), gap) for gap in gaps]
    return tuple(
        tuple(sorted((cost + weekdays[(weekday + gap) % 7], gap) for cost, gap in costs)) for weekday in range(7)
    )


def _half_hours_outside(minutes: Iterable[int], between: tuple[time, time] | None) -> list[int]:
    """Of each start, in minutes after midnight: the half hours it lies outside the times wished for, begun ones counted."""
    if between is None:
        return [0 for _ in minutes]
    first, last = (clock.hour * 60 + clock.minute for clock in between)
    return [-(-max(0, first - minute, minute - last) // 30) for minute in minutes]


@lru_cache(maxsize=64)
def _starts_by_time(grid_minutes: int, between: tuple[time, time] | None, weight: int) -> list[tuple[int, int]]:
    masks: dict[int, int] = defaultdict(int)
    minutes = range(0, 24 * 60, grid_minutes)
    for start, half_hours in enumerate(_half_hours_outside(minutes, between)):
        masks[weight * half_hours] |= 1 << start
    return sorted(masks.items())


def course_set(label: Label, problem: Problem, visits: Sequence[Visit], availability: Availability) -> CourseSet:
    """The set of these visits with its cost, term by term as the contract words it."""
    prices = Prices(problem)
    days = [visit.on.toordinal() for visit in visits]
    befores = [problem.previous_on.toordinal() if problem.previous_on else None, *days]
    costs = dict.fromkeys(TERMS, 0)
    costs["wait"] = prices.wait(days[0] - problem.earliest_on.toordinal())
    costs["gap"] = sum(
        prices.gap(day - before) for day, before in zip(days, befores, strict=False) if before is not None
    )
    costs["switch"] = prices.weights.switch * sum(one.clinician != other.clinician for one, other in pairwise(visits))
    for visit, day in zip(visits, days, strict=True):
        costs["day"] += prices.weekday(day)
        costs["time"] += prices.time(minute_of(visit))
        costs["clinician"] += prices.clinician(visit.clinician)
        costs["orphan"] += orphan_cost(visit, prices, availability)
    return CourseSet(label, sum(costs.values()), costs, tuple(visits))


def orphan_cost(visit: Visit, prices: Prices, availability: Availability) -> int:
    """What the visit's rests of free time cost; nothing where it does not lie in free time, as a visit long past."""
    if not prices.weights.orphan or visit.clinician not in availability.clinicians:
        return 0
    start, off_grid = divmod(minute_of(visit), prices.grid_minutes)
    if off_grid or not availability.starts(visit.clinician, visit.on) >> start & 1:
        return 0
    before, after = availability.orphans(visit.clinician, visit.on)
    return prices.weights.orphan * ((before >> start & 1) + (after >> start & 1))


def minute_of(visit: Visit) -> int:
    return visit.start.hour * 60 + visit.start.minute


def visit_at(day: int, minute: int, clinician: str, availability: Availability, grid_minutes: int) -> Visit:
    """The visit at a free start, in the first free room."""
    on = date.fromordinal(day)
    room = availability.room_at(clinician, on, minute // grid_minutes)
    return Visit(datetime.combine(on, time.min) + timedelta(minutes=minute), clinician, room)


def first_start(starts: int) -> int:
    """The earliest start of a bit mask that has one."""
    return (starts & -starts).bit_length() - 1


def each_start(starts: int) -> Iterator[int]:
    """The starts of a bit mask, earliest first."""
    while starts:
        lowest = starts & -starts
        yield lowest.bit_length() - 1
        starts ^= lowest
