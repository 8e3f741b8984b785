"""Problems small enough that every set of visits can be tried."""

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

MONDAY = date(2027, 3, 1)


def tiny(**changes: Any) -> dict[str, Any]:
    """Two sessions a week apart with A in one room, 9 to 12 every day of three weeks; `changes` go over it."""
    return {
        "sessions": 2,
        "earliest_on": MONDAY.isoformat(),
        "finish_by": None,
        "previous_on": None,
        "windows": None,
        "floor_days": 5,
        "target_days": 7,
        "latest_days": 10,
        "prep_minutes": 30,
        "treat_minutes": 30,
        "turnover_minutes": 0,
        "grid_minutes": 30,
        "prefer": {"clinician": None, "weekdays": [], "between": None, "avoid": []},
        "clinicians": {"A": every_day(21)},
        "rooms": {"R1": every_day(21)},
        "devices": {},
        "patient_busy": [],
        "weights": {"gap": 2, "wait": 1, "day": 6, "time": 1, "switch": 4, "clinician": 3, "orphan": 2},
    } | changes


def wishes(**changes: Any) -> dict[str, Any]:
    return {"clinician": None, "weekdays": [], "between": None, "avoid": []} | changes


def on(day: int, clock: str = "09:00") -> str:
    """A wall time some days after the first Monday."""
    return f"{MONDAY + timedelta(days=day)}T{clock}"


def span(day: int, start: str, end: str) -> list[str]:
    return [on(day, start), on(day, end)]


def every_day(days: int, start: str = "09:00", end: str = "12:00", *, first: int = 0) -> list[list[str]]:
    return [span(day, start, end) for day in range(first, days)]


@st.composite
def tiny_problems(draw: st.DrawFn) -> dict[str, Any]:
    """One to three sessions a few days apart on some twelve days, with little free time and a few wishes."""
    sessions = draw(st.integers(1, 3))
    floor = draw(st.integers(1, 3))
    latest = floor + draw(st.integers(0, 3))
    clinicians = draw(st.sampled_from((["A"], ["B", "A"], ["C", "A", "B"][: 4 - sessions])))
    small = st.integers(0, 3)
    return tiny(
        sessions=sessions,
        earliest_on=on(draw(small))[:10],
        finish_by=draw(st.none() | st.integers(6, 11).map(lambda day: on(day)[:10])),
        previous_on=draw(st.none() | st.integers(-4, 0).map(lambda day: on(day)[:10])),
        floor_days=floor,
        target_days=draw(st.integers(0, 6)),
        latest_days=latest,
        windows=draw(st.none() | st.lists(st.builds(_window, st.integers(-2, 9), small), min_size=sessions, max_size=sessions)),
        prep_minutes=draw(st.sampled_from((0, 30, 45))),
        treat_minutes=draw(st.sampled_from((0, 20, 30, 60))),
        turnover_minutes=draw(st.sampled_from((0, 10))),
        grid_minutes=draw(st.sampled_from((30, 60, 50))),
        prefer={
            "clinician": draw(st.none() | st.sampled_from(clinicians)),
            "weekdays": sorted(draw(st.sets(st.integers(1, 7), max_size=3))),
            "between": draw(st.none() | st.sampled_from((["09:00", "10:00"], ["10:30", "10:30"], ["13:00", "15:00"]))),
            "avoid": [on(day)[:10] for day in draw(st.sets(st.integers(0, 11), max_size=2))],
        },
        clinicians={name: draw(_free()) for name in clinicians},
        rooms={"R2": draw(_free()), "R1": draw(_free(most=12))},
        devices=draw(st.just({}) | st.fixed_dictionaries({"D": _free(most=12)})),
        patient_busy=draw(_free(most=2)),
        weights=draw(st.fixed_dictionaries(dict.fromkeys(("gap", "wait", "day", "time", "switch", "clinician", "orphan"), small))),
    )  # fmt: skip


def _window(first: int, length: int) -> dict[str, str]:
    return {"earliest_on": on(first)[:10], "latest_on": on(first + length * 3)[:10]}


@st.composite
def _free(draw: st.DrawFn, most: int = 8) -> list[list[str]]:
    """Up to two intervals a day on some days between 9 and 13 o'clock; the two may touch, and one may run past midnight."""
    intervals = []
    for day in sorted(draw(st.sets(st.integers(0, 11), min_size=min(4, most), max_size=most))):
        marks = draw(st.sampled_from(((9, 12), (9, 10, 10, 11), (9.5, 10.75, 11.5, 12), (10, 13), (23, 24.5))))
        intervals += [[_at(day, start), _at(day, end)] for start, end in zip(marks[::2], marks[1::2], strict=True)]
    return intervals


def _at(day: int, hours: float) -> str:
    midnight = datetime.combine(MONDAY + timedelta(days=day), datetime.min.time())
    return f"{midnight + timedelta(hours=hours):%Y-%m-%dT%H:%M}"
