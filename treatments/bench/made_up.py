"""Problems made up by number: the same number makes the same problem. For measuring, and for comparing with an exact solver."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random

from treatments.scheduling.problems import DayWindow, Interval, Preferences, Problem, Weights

BEGINS_ON = date(2026, 12, 1)
OPENS, CLOSES = 8 * 60, 18 * 60


def any_problem(number: int) -> Problem:
    """A problem of 1 to 8 sessions with a bit of everything: scarce and ample time, touching intervals, wishes that clash, weights of nothing."""
    dice = Random(number)  # noqa: S311 - nothing is kept secret with it
    sessions = dice.randint(1, 8)
    floor = dice.randint(4, 12)
    target = floor + dice.randint(-3, 7)
    latest = max(floor, target) + dice.randint(0, 9)
    grid = dice.choice((5, 10, 15, 20, 30))
    days = min(110, sessions * max(target, floor) + dice.randint(5, 30))
    openness = dice.choice((0.3, 0.6, 0.9))
    clinicians = {name: _week_in_pieces(dice, days, openness, grid) for name in "ABC"[: dice.randint(1, 3)]}
    rooms = {f"R{number}": _week_in_pieces(dice, days, 0.8, grid) for number in range(1, dice.randint(2, 4))}
    devices = {f"D{number}": _week_in_pieces(dice, days, 0.9, grid) for number in range(1, dice.choice((1, 1, 2, 3)))}
    return Problem(
        sessions=sessions,
        earliest_on=BEGINS_ON + timedelta(days=dice.randint(0, 9)),
        finish_by=_perhaps(dice, 0.25, BEGINS_ON + timedelta(days=int(days * dice.uniform(0.6, 1.0)))),
        previous_on=_perhaps(dice, 0.3, BEGINS_ON - timedelta(days=dice.randint(0, latest))),
        windows=_windows(dice, sessions, target) if dice.random() < 0.2 else (),
        floor_days=floor,
        target_days=target,
        latest_days=latest,
        prep_minutes=grid * dice.randint(0, 30 // grid),
        treat_minutes=dice.choice((20, 30, 45)),
        turnover_minutes=dice.choice((0, 5, 10)),
        grid_minutes=grid,
        prefer=_wishes(dice, tuple(clinicians), days),
        clinicians=clinicians,
        rooms=rooms,
        devices=devices,
        patient_busy=tuple(_week_in_pieces(dice, days, 0.1, grid)),
        weights=Weights(*(dice.choice((0, 1, 2, 3, 6)) for _ in range(7))) if dice.random() < 0.4 else Weights(),
    )


def busy_clinic(
    number: int, *, clinicians: int = 10, rooms: int = 6, days: int = 190, taken: float = 0.8, sessions: int = 4
) -> Problem:
    """The usual case: everybody works on weekdays, most of the time of rooms and clinicians is taken already, and she has wishes."""
    dice = Random(number)  # noqa: S311
    names = [f"Clinician {letter}" for letter in "ABCDEFGHIJKLMNOPQRST"[:clinicians]]
    return Problem(
        sessions=sessions,
        earliest_on=BEGINS_ON,
        floor_days=28,
        target_days=42,
        latest_days=84,
        prep_minutes=30,
        treat_minutes=30,
        turnover_minutes=10,
        prefer=Preferences(dice.choice(names), frozenset({2, 4}), (time(9), time(12))),
        clinicians={name: _diary(dice, days, taken) for name in names},
        rooms={f"Room {number}": _diary(dice, days, taken) for number in range(1, rooms + 1)},
    )


def _perhaps(dice: Random, chance: float, day: date) -> date | None:
    return day if dice.random() < chance else None


def _windows(dice: Random, sessions: int, target: int) -> tuple[DayWindow, ...]:
    windows = []
    for session in range(sessions):
        first = BEGINS_ON + timedelta(days=max(0, session * target - dice.randint(0, 9)))
        last = first + timedelta(days=dice.randint(5, 30))
        windows.append(DayWindow(_perhaps(dice, 0.7, first), _perhaps(dice, 0.7, last)))
    return tuple(windows)


def _wishes(dice: Random, clinicians: Sequence[str], days: int) -> Preferences:
    begins = dice.randint(8, 14)
    return Preferences(
        clinician=dice.choice((None, *clinicians)),
        weekdays=frozenset(dice.sample(range(1, 8), dice.randint(0, 3))),
        between=dice.choice((None, (time(begins), time(begins + dice.randint(0, 4))))),
        avoid=frozenset(BEGINS_ON + timedelta(days=dice.randint(0, days)) for _ in range(dice.randint(0, 5))),
    )


def _week_in_pieces(dice: Random, days: int, openness: float, grid: int) -> tuple[Interval, ...]:
    """Some days open, in one to three pieces, of which some touch and some do not lie on the grid."""
    pieces = []
    for day in range(days):
        if dice.random() >= openness:
            continue
        marks = sorted({dice.randrange(OPENS, CLOSES, dice.choice((grid, 5))) for _ in range(dice.choice((2, 3, 4)))})
        pieces += [
            _interval(day, start, end)
            for start, end in zip(marks, marks[1:], strict=False)
            if len(marks) == 2 or dice.random() < 0.8
        ]
    return tuple(pieces)


def _diary(dice: Random, days: int, taken: float) -> tuple[Interval, ...]:
    """Weekdays from 8 to 18, of which visits of 30 to 70 minutes have taken this part."""
    free = []
    for day in range(days):
        if (BEGINS_ON + timedelta(days=day)).isoweekday() > 5:
            continue
        start = OPENS
        while start < CLOSES:
            end = min(CLOSES, start + dice.choice((30, 40, 60, 70)))
            if dice.random() >= taken:
                free.append((day, start, end))
            start = end
    return tuple(_interval(day, start, end) for day, start, end in _joined(free))


def _joined(free: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    joined: list[tuple[int, int, int]] = []
    for day, start, end in free:
        if joined and joined[-1][0] == day and joined[-1][2] == start:
            joined[-1] = (day, joined[-1][1], end)
        else:
            joined.append((day, start, end))
    return joined


def _interval(day: int, start: int, end: int) -> Interval:
    midnight = datetime.combine(BEGINS_ON + timedelta(days=day), time())
    return Interval(midnight + timedelta(minutes=start), midnight + timedelta(minutes=end))
