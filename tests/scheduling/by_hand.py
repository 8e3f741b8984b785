"""The contract of whole-course slots once more, by trying everything. For tiny problems only: it judges the search and the exact solver.

It reads the JSON of a problem and nothing else; every set of visits is built and priced.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import product
from math import ceil
from typing import Any

MINUTE = timedelta(minutes=1)


def all_sets(problem: dict[str, Any]) -> list[dict[str, Any]]:
    """Every set that breaks no rule: `days`, `minutes`, `clinicians` (as numbers in their order), `rooms`, and its `terms`."""
    found = []
    for visits in product(*(places(problem, session) for session in range(problem["sessions"]))):
        if _gaps_are_kept(problem, visits):
            found.append(
                {
                    "days": [start.date() for start, _, _ in visits],
                    "minutes": [start.hour * 60 + start.minute for start, _, _ in visits],
                    "clinicians": [list(problem["clinicians"]).index(clinician) for _, clinician, _ in visits],
                    "rooms": [room for _, _, room in visits],
                    "terms": _terms(problem, visits),
                }
            )
    return found


def best_of(sets: list[dict[str, Any]]) -> dict[str, Any]:
    return min(sets, key=lambda each: (cost(each), each["days"], each["minutes"], each["clinicians"]))


def soonest_of(sets: list[dict[str, Any]]) -> dict[str, Any]:
    end = min(each["days"][-1] for each in sets)
    return best_of([each for each in sets if each["days"][-1] == end])


def one_clinician_of(sets: list[dict[str, Any]]) -> dict[str, Any] | None:
    throughout = [each for each in sets if len(set(each["clinicians"])) == 1]
    return best_of(throughout) if throughout else None


def cost(each: dict[str, Any]) -> int:
    return sum(each["terms"].values())


def as_printed(problem: dict[str, Any], each: dict[str, Any]) -> list[dict[str, str]]:
    names = list(problem["clinicians"])
    return [
        {"start": f"{day}T{minute // 60:02}:{minute % 60:02}", "clinician": names[clinician], "room": room}
        for day, minute, clinician, room in zip(
            each["days"], each["minutes"], each["clinicians"], each["rooms"], strict=True
        )
    ]


def places(problem: dict[str, Any], session: int) -> Iterator[tuple[datetime, str, str]]:
    window = (problem["windows"] or [{}] * problem["sessions"])[session]
    day = date.fromisoformat(problem["earliest_on"])
    last = max(_times(pairs)[-1][1] for pairs in problem["rooms"].values() if pairs).date()
    while day <= last:
        iso = day.isoformat()
        is_open = (
            (window.get("earliest_on") or iso) <= iso <= (window.get("latest_on") or iso)
            and iso <= (problem["finish_by"] or iso)
            and iso not in problem["prefer"]["avoid"]
        )
        for minute in range(0, 24 * 60, problem["grid_minutes"]) if is_open else ():
            start = datetime.combine(day, datetime.min.time()) + minute * MINUTE
            for clinician in problem["clinicians"]:
                if room := _room(problem, clinician, start):
                    yield start, clinician, room
        day += timedelta(days=1)


def _room(problem: dict[str, Any], clinician: str, start: datetime) -> str | None:
    treat_at = start + problem["prep_minutes"] * MINUTE
    treated_at = treat_at + problem["treat_minutes"] * MINUTE
    left_at = treated_at + problem["turnover_minutes"] * MINUTE
    if _around(problem["clinicians"][clinician], treat_at, treated_at) is None:
        return None
    devices = problem["devices"].values()
    if devices and all(_around(free, treat_at, treated_at) is None for free in devices):
        return None
    if any(start < busy_to and busy_from < treated_at for busy_from, busy_to in _joined(problem["patient_busy"])):
        return None
    return next((name for name, free in problem["rooms"].items() if _around(free, start, left_at)), None)


def _around(free: list[list[str]], begins: datetime, ends: datetime) -> tuple[datetime, datetime] | None:
    return next((each for each in _times(free) if each[0] <= begins and ends <= each[1]), None)


def _joined(pairs: list[list[str]]) -> list[tuple[datetime, datetime]]:
    """Somebody who is busy from nine to ten and from ten to eleven is busy at ten, even for a visit that takes no time."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(_times(pairs)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _times(pairs: list[list[str]]) -> list[tuple[datetime, datetime]]:
    return [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in pairs]


def _gaps_are_kept(problem: dict[str, Any], visits: tuple[Any, ...]) -> bool:
    return all(problem["floor_days"] <= gap <= problem["latest_days"] for gap in _gaps(problem, visits))


def _gaps(problem: dict[str, Any], visits: tuple[Any, ...]) -> list[int]:
    days = [start.date() for start, _, _ in visits]
    if problem["previous_on"]:
        days.insert(0, date.fromisoformat(problem["previous_on"]))
    return [(later - earlier).days for earlier, later in zip(days, days[1:], strict=False)]


def _terms(problem: dict[str, Any], visits: tuple[Any, ...]) -> dict[str, int]:
    weights, prefer = problem["weights"], problem["prefer"]
    terms = dict.fromkeys(weights, 0)
    terms["wait"] = weights["wait"] * (visits[0][0].date() - date.fromisoformat(problem["earliest_on"])).days
    terms["gap"] = weights["gap"] * sum(abs(gap - problem["target_days"]) for gap in _gaps(problem, visits))
    before = visits[0][1]
    for start, clinician, _ in visits:
        terms["switch"] += weights["switch"] * (clinician != before)
        before = clinician
        if prefer["weekdays"] and start.isoweekday() not in prefer["weekdays"]:
            terms["day"] += weights["day"]
        if prefer["clinician"] and clinician != prefer["clinician"]:
            terms["clinician"] += weights["clinician"]
        if prefer["between"]:
            first, last = (
                datetime.combine(start, datetime.fromisoformat(f"2000-01-01T{clock}").time())
                for clock in prefer["between"]
            )
            outside = max((first - start) / MINUTE, (start - last) / MINUTE, 0)
            terms["time"] += weights["time"] * ceil(outside / 30)
        treat_at = start + problem["prep_minutes"] * MINUTE
        treated_at = treat_at + problem["treat_minutes"] * MINUTE
        free_from, free_to = _around(problem["clinicians"][clinician], treat_at, treated_at) or (treat_at, treated_at)
        for rest in (treat_at - free_from, free_to - treated_at):
            terms["orphan"] += weights["orphan"] * (0 < rest / MINUTE < problem["treat_minutes"])
    return terms
