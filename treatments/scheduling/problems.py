"""A whole-course problem: what is to be booked, under which wishes, in whose free time. No personal data in it.

The form of the JSON is a contract (`manage.py course_slots`): clinics dump bookings to such files and script against them.
Every time in a problem is a wall time of the clinic, without a zone; who writes a problem cuts free intervals where the clocks change.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple

from treatments.protocol.jsonreading import BadFacts, Fields, plain, read_day

MOST_SESSIONS = 8
# Bounds that no clinic meets; they keep a slip of the keyboard from becoming a search of a thousand years.
MOST_DAYS = 3_650
MOST_MINUTES = 10_080
MOST_WEIGHT = 1_000_000_000
HORIZON_DAYS = 1_830

MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2})", re.ASCII)
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


class BadProblem(BadFacts):
    """The problem is not as agreed. The text is one line, "field: sentence"."""


class Interval(NamedTuple):
    """From one wall time to another, half-open."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class DayWindow:
    """The days a session may be on, both included; None where that side is open."""

    earliest_on: date | None = None
    latest_on: date | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the patient wishes. What is empty is all the same to her; `avoid` alone is no wish but refused days."""

    clinician: str | None = None
    weekdays: frozenset[int] = frozenset()
    between: tuple[time, time] | None = None
    avoid: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Weights:
    """What it costs to miss a wish: per day off the target gap, day of waiting, other weekday, half hour outside, change of clinician,
    other clinician, and rest of free time too short for a treatment."""

    gap: int = 2
    wait: int = 1
    day: int = 6
    time: int = 1
    switch: int = 4
    clinician: int = 3
    orphan: int = 2


TERMS = tuple(weight.name for weight in fields(Weights))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Sessions to place, 1 to 8, each floor_days to latest_days after the one before.

    `previous_on`: the treatment before the first session; its gap is then bound and priced too. `windows`: one a session, or none.
    Keys of clinicians, rooms and devices stand in the clinic's order. Where there are no devices, none is asked for.
    """

    sessions: int
    earliest_on: date
    floor_days: int
    target_days: int
    latest_days: int
    prep_minutes: int
    treat_minutes: int
    turnover_minutes: int
    grid_minutes: int = 5
    finish_by: date | None = None
    previous_on: date | None = None
    windows: tuple[DayWindow, ...] = ()
    prefer: Preferences = Preferences()
    clinicians: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    rooms: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    devices: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    patient_busy: Sequence[Interval] = ()
    weights: Weights = Weights()

    @property
    def patient_minutes(self) -> int:
        return self.prep_minutes + self.treat_minutes

    @property
    def room_minutes(self) -> int:
        return self.patient_minutes + self.turnover_minutes

    def window(self, session: int) -> DayWindow:
        """The window of a session, counted from 0."""
        return self.windows[session] if self.windows else DayWindow()


# --- reading


def problem_from_json(data: object) -> Problem:
    """A problem from the object of a file. Raises `BadProblem`, which names the field."""
    if not isinstance(data, dict):
        raise BadProblem("problem: must be a JSON object")
    try:
        return _read(Fields("", data))
    except BadFacts as error:
        raise BadProblem(str(error)) from None


def _read(problem: Fields) -> Problem:
    earliest_on = problem.day("earliest_on")
    sessions = problem.whole("sessions", 1, MOST_SESSIONS)
    until = earliest_on + timedelta(days=HORIZON_DAYS)
    clinicians = _resources(problem, "clinicians", until)
    read = Problem(
        sessions=sessions,
        earliest_on=earliest_on,
        finish_by=problem.optional_day("finish_by"),
        previous_on=problem.optional_day("previous_on"),
        windows=_windows(problem, sessions),
        floor_days=problem.whole("floor_days", 1, MOST_DAYS),
        target_days=problem.whole("target_days", 0, MOST_DAYS),
        latest_days=problem.whole("latest_days", 0, MOST_DAYS),
        prep_minutes=problem.whole("prep_minutes", 0, MOST_MINUTES),
        treat_minutes=problem.whole("treat_minutes", 0, MOST_MINUTES),
        turnover_minutes=problem.whole("turnover_minutes", 0, MOST_MINUTES),
        grid_minutes=problem.whole("grid_minutes", 1, 24 * 60),
        prefer=_preferences(problem, clinicians),
        clinicians=clinicians,
        rooms=_resources(problem, "rooms", until),
        devices=_resources(problem, "devices", until) if problem.given("devices") else {},
        patient_busy=tuple(_interval(text, where) for text, where in problem.values("patient_busy")),
        weights=_weights(problem),
    )
    problem.done()
    if read.latest_days < read.floor_days:
        raise problem.bad("latest_days", "must not be below floor_days")
    return read


def _windows(problem: Fields, sessions: int) -> tuple[DayWindow, ...]:
    if not problem.given("windows"):
        return ()
    windows = []
    for window in problem.items("windows"):
        earliest_on, latest_on = window.optional_day("earliest_on"), window.optional_day("latest_on")
        window.done()
        if earliest_on and latest_on and latest_on < earliest_on:
            raise window.bad("latest_on", "must not be before earliest_on")
        windows.append(DayWindow(earliest_on, latest_on))
    if len(windows) != sessions:
        raise problem.bad("windows", f"must hold one window for each of the {sessions} sessions")
    return tuple(windows)


def _preferences(problem: Fields, clinicians: Container[str]) -> Preferences:
    wishes = problem.optional_item("prefer")
    if wishes is None:
        return Preferences()
    read = Preferences(
        clinician=wishes.code("clinician", clinicians, "clinician") if wishes.given("clinician") else None,
        weekdays=frozenset(_weekday(number, where) for number, where in wishes.values("weekdays")),
        between=_between(wishes),
        avoid=frozenset(read_day(text, where) for text, where in wishes.values("avoid")),
    )
    wishes.done()
    return read


def _weekday(number: object, where: str) -> int:
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 7:
        return number
    raise BadProblem(f"{where}: must be a weekday from 1 (Monday) to 7 (Sunday)")


def _between(wishes: Fields) -> tuple[time, time] | None:
    if not wishes.given("between"):
        return None
    clocks = [_clock(text, where) for text, where in wishes.values("between")]
    if len(clocks) != 2:
        raise wishes.bad("between", "must hold two times, from and until")
    if clocks[1] < clocks[0]:
        raise wishes.bad("between", "must not end before it begins")
    return clocks[0], clocks[1]


def _clock(text: object, where: str) -> time:
    if isinstance(text, str) and CLOCK.fullmatch(text):
        return time.fromisoformat(text)
    raise BadProblem(f"{where}: write the time as HH:MM")


def _resources(problem: Fields, key: str, until: date) -> dict[str, tuple[Interval, ...]]:
    """Name to free intervals, in order of time."""
    resources = problem.item(key)
    read = {}
    for name in resources.names():
        listed = [(_interval(text, where), where) for text, where in resources.values(name)]
        for interval, where in listed:
            if interval.end.date() > until:
                raise BadProblem(f"{where}: must end by {until}, {HORIZON_DAYS} days after earliest_on")
        listed.sort()
        for (one, _), (other, where) in pairwise(listed):
            if other.start < one.end:
                raise BadProblem(f"{where}: overlaps another interval of {ascii(name)[:60]}")
        read[name] = tuple(interval for interval, _ in listed)
    return read


def _interval(pair: object, where: str) -> Interval:
    if not isinstance(pair, list) or len(pair) != 2:
        raise BadProblem(f"{where}: must be a pair of start and end")
    interval = Interval(*(_moment(text, f"{where}[{index}]") for index, text in enumerate(pair)))
    if interval.start >= interval.end:
        raise BadProblem(f"{where}: must end after it begins")
    return interval


def _moment(text: object, where: str) -> datetime:
    if isinstance(text, str) and (parts := MOMENT.fullmatch(text)):
        return datetime.combine(read_day(parts[1], where), _clock(parts[2], where))
    raise BadProblem(f"{where}: write the time as YYYY-MM-DDTHH:MM")


def _weights(problem: Fields) -> Weights:
    weights = problem.optional_item("weights")
    if weights is None:
        return Weights()
    read = Weights(**{name: weights.whole(name, 0, MOST_WEIGHT) for name in TERMS if weights.given(name)})
    weights.done()
    return read


# --- writing


def problem_to_json(problem: Problem) -> dict[str, object]:
    """The object of a problem file; read again it is the same problem."""
    wishes, between = problem.prefer, problem.prefer.between
    return {
        "sessions": problem.sessions,
        "earliest_on": plain(problem.earliest_on),
        "finish_by": plain(problem.finish_by),
        "previous_on": plain(problem.previous_on),
        "windows": [
            {"earliest_on": plain(window.earliest_on), "latest_on": plain(window.latest_on)}
            for window in problem.windows
        ]
        or None,
        "floor_days": problem.floor_days,
        "target_days": problem.target_days,
        "latest_days": problem.latest_days,
        "prep_minutes": problem.prep_minutes,
        "treat_minutes": problem.treat_minutes,
        "turnover_minutes": problem.turnover_minutes,
        "grid_minutes": problem.grid_minutes,
        "prefer": {
            "clinician": wishes.clinician,
            "weekdays": sorted(wishes.weekdays),
            "between": [f"{clock:%H:%M}" for clock in between] if between else None,
            "avoid": [plain(day) for day in sorted(wishes.avoid)],
        },
        "clinicians": {name: _written(free) for name, free in problem.clinicians.items()},
        "rooms": {name: _written(free) for name, free in problem.rooms.items()},
        "devices": {name: _written(free) for name, free in problem.devices.items()},
        "patient_busy": _written(problem.patient_busy),
        "weights": asdict(problem.weights),
    }


def _written(intervals: Iterable[Interval]) -> list[list[str]]:
    return [[f"{moment:%Y-%m-%dT%H:%M}" for moment in interval] for interval in intervals]
