"""Whole-course slots, against every set there is, tried one by one, and against an exact solver."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.scheduling import by_hand
from tests.scheduling.tiny import every_day, on, span, tiny, tiny_problems, wishes
from treatments.bench import exact_solver
from treatments.bench.made_up import any_problem, busy_clinic
from treatments.bench.scheduling import Differs, compared
from treatments.scheduling.finding import find_sets
from treatments.scheduling.intervals import FreeIntervals
from treatments.scheduling.problems import TERMS, problem_from_json
from treatments.scheduling.sets import Prices


def found(problem: dict) -> dict:
    return find_sets(problem_from_json(problem)).to_json()


def by_label(problem: dict) -> dict:
    return {each["label"]: each for each in found(problem)["sets"]}


def starts(each: dict) -> list[str]:
    return [visit["start"] for visit in each["visits"]]


# --- against everything tried


@settings(max_examples=50, deadline=None)
@given(tiny_problems())
@example(tiny())
@example(tiny(clinicians={"A": []}))
@example(tiny(weights=dict.fromkeys(("gap", "wait", "day", "time", "switch", "clinician", "orphan"), 0)))
@example(tiny(clinicians={"B": every_day(21), "A": every_day(21)}, prefer=wishes(clinician="A", weekdays=[2])))
def test_the_three_sets_are_the_best_of_all_there_are_down_to_the_last_tie(problem):
    every_set = by_hand.all_sets(problem)
    answer = found(problem)
    if not every_set:
        assert answer["sets"] == [] and answer["why_none"]["session"] <= problem["sessions"]
        return
    expected = {}
    for label, chosen in (
        ("best", by_hand.best_of(every_set)),
        ("soonest", by_hand.soonest_of(every_set)),
        ("one_clinician", by_hand.one_clinician_of(every_set)),
    ):
        visits = chosen and by_hand.as_printed(problem, chosen)
        if chosen and visits not in [each["visits"] for each in expected.values()]:
            expected[label] = {"label": label, "cost": by_hand.cost(chosen), "terms": chosen["terms"], "visits": visits}
    assert answer == {"sets": list(expected.values()), "why_none": None}


# --- against an exact solver. `make bench` does it a thousand times, also with those that take the solver a second.

FIFTEEN = [number for number in range(5_001, 5_017) if number != 5_013]


@pytest.mark.skipif(not exact_solver.is_there(), reason="OR-tools is not installed")
def test_fifteen_problems_are_answered_as_by_an_exact_solver():
    for number in FIFTEEN:
        compared(number, any_problem(number), throughout=number % 8 == 0)


@pytest.mark.skipif(not exact_solver.is_there(), reason="OR-tools is not installed")
@settings(max_examples=6, deadline=None)
@given(tiny_problems())
@example(
    tiny(grid_minutes=60, clinicians={"B": every_day(7), "A": every_day(12, first=4)}, prefer=wishes(weekdays=[2]))
)
@example(  # busy at the seam of two times that touch, even for a visit that takes no time
    tiny(
        sessions=1,
        prep_minutes=0,
        treat_minutes=0,
        grid_minutes=60,
        clinicians={"A": every_day(2)},
        patient_busy=[span(0, "08:00", "10:00"), span(0, "10:00", "12:30")],
    )
)
def test_the_exact_solver_itself_agrees_with_everything_tried(problem):
    read, every_set = problem_from_json(problem), by_hand.all_sets(problem)
    cheapest = by_hand.cost(by_hand.best_of(every_set)) if every_set else None
    assert exact_solver.solve(read).cost == cheapest
    if every_set:
        soonest, throughout = by_hand.soonest_of(every_set), by_hand.one_clinician_of(every_set)
        answer = exact_solver.solve(read, "soonest")
        assert (answer.cost, answer.ends_on) == (by_hand.cost(soonest), soonest["days"][-1].toordinal())
        assert exact_solver.solve(read, "one_clinician").cost == (throughout and by_hand.cost(throughout))


@pytest.mark.skipif(not exact_solver.is_there(), reason="OR-tools is not installed")
def test_a_search_that_is_off_by_one_is_caught_by_the_comparison(monkeypatch):
    monkeypatch.setattr(Prices, "gap", lambda self, days: self.weights.gap * abs(days - 41))
    with pytest.raises(Differs):
        for number in range(5_000, 5_010):
            compared(number, any_problem(number))


# --- by example


def test_every_wish_met_costs_only_the_wait():
    [best, *_] = found(tiny(prefer=wishes(weekdays=[2], between=["09:00", "10:00"])))["sets"]
    assert starts(best) == [on(1), on(8)]
    assert best["cost"] == 1 and best["terms"] == {**dict.fromkeys(TERMS, 0), "wait": 1}


def test_each_term_is_charged_as_the_contract_words_it():
    # One free stretch a visit, 60 minutes with 30 to treat after 30 of prep: starts at 09:15, 15 minutes left on either side.
    problem = tiny(
        sessions=3,
        earliest_on=on(0)[:10],
        previous_on=on(-6)[:10],
        grid_minutes=15,
        prefer=wishes(clinician="A", weekdays=[1], between=["10:30", "11:00"]),
        clinicians={
            "A": [span(0, "09:30", "10:30")],
            "B": [span(5, "09:30", "10:30"), span(15, "09:30", "10:30")],
        },
        rooms={"R1": [span(day, "09:15", "10:15") for day in (0, 5, 15)]},
    )
    [only] = found(problem)["sets"]
    assert starts(only) == [on(0, "09:15"), on(5, "09:15"), on(15, "09:15")]
    assert only["terms"] == {
        "gap": 2 * (1 + 2 + 3),  # 6, 5 and 10 days instead of 7
        "wait": 0,
        "day": 6 * 2,  # Saturday and Tuesday, not Monday
        "time": 3 * 3,  # 75 minutes early are three half hours, begun ones counted
        "switch": 4,
        "clinician": 3 * 2,
        "orphan": 2 * 2 * 3,
    }
    assert only["cost"] == sum(only["terms"].values())


def test_soonest_ends_first_and_one_clinician_stays_the_same_throughout():
    hours = ("09:00", "12:00")
    clinicians = {"A": [span(0, *hours), span(6, *hours)], "B": [span(5, *hours), span(9, *hours)]}
    sets = by_label(tiny(target_days=9, clinicians=clinicians))
    assert {label: (each["cost"], starts(each)) for label, each in sets.items()} == {
        "best": (4, [on(0), on(9)]),
        "soonest": (12, [on(0), on(5)]),
        "one_clinician": (6, [on(0), on(6)]),
    }


def test_sets_that_are_equal_are_named_once():
    hours = ("09:00", "12:00")
    alone = {"A": [span(0, *hours), span(6, *hours)]}
    assert list(by_label(tiny(target_days=9, clinicians=alone))) == ["best"]
    both = {"A": [span(0, *hours), span(6, *hours)], "B": [span(9, *hours)]}
    assert list(by_label(tiny(target_days=9, clinicians=both))) == ["best", "soonest"]
    nobody_twice = {"A": [span(0, *hours)], "B": [span(6, *hours)]}
    assert list(by_label(tiny(clinicians=nobody_twice))) == ["best"]


def test_a_visit_may_run_past_midnight_and_belongs_to_the_day_it_starts():
    night = [[on(0, "23:30"), on(1, "00:30")]]
    [best] = found(tiny(sessions=1, clinicians={"A": night}, rooms={"R": night}))["sets"]
    assert best["visits"] == [{"start": on(0, "23:30"), "clinician": "A", "room": "R"}]
    assert found(tiny(sessions=1, clinicians={"A": night}, rooms={"R": night}, prefer=wishes(avoid=[on(1)[:10]])))[
        "sets"
    ]
    assert not found(tiny(sessions=1, clinicians={"A": night}, rooms={"R": night}, prefer=wishes(avoid=[on(0)[:10]])))[
        "sets"
    ]


def test_touching_intervals_are_not_one():
    pieces = [span(0, "09:00", "10:00"), span(0, "10:00", "10:30")]
    room = [span(0, "08:00", "18:00")]
    assert not found(tiny(sessions=1, clinicians={"A": room}, rooms={"R": pieces}, turnover_minutes=30))["sets"]
    assert found(tiny(sessions=1, clinicians={"A": pieces}, rooms={"R": room}, turnover_minutes=30))["sets"]


def test_numbing_needs_no_clinician_and_turning_over_needs_the_room():
    problem = tiny(sessions=1, turnover_minutes=30, clinicians={"A": [span(0, "09:30", "10:00")]})
    assert starts(found({**problem, "rooms": {"R": [span(0, "09:00", "10:30")]}})["sets"][0]) == [on(0)]
    assert not found({**problem, "rooms": {"R": [span(0, "09:00", "10:25")]}})["sets"]


def test_the_first_free_room_in_the_order_of_the_file_is_named():
    rooms = {"Z": every_day(21), "A": every_day(21)}
    assert {visit["room"] for each in found(tiny(rooms=rooms))["sets"] for visit in each["visits"]} == {"Z"}


# --- properties

WEIGHTS = ("gap", "wait", "day", "time", "switch", "clinician", "orphan")


def least_cost(problem: dict) -> float:
    return found(problem)["sets"][0]["cost"] if found(problem)["sets"] else float("inf")


@settings(max_examples=25, deadline=None)
@given(tiny_problems(), st.sampled_from(WEIGHTS))
@example(tiny(clinicians={"A": every_day(6)}), "gap")
def test_a_cheaper_weight_never_raises_the_cost(problem, weight):
    cheaper = {**problem["weights"], weight: max(0, problem["weights"][weight] - 1)}
    assert least_cost({**problem, "weights": cheaper}) <= least_cost(problem)


@settings(max_examples=25, deadline=None)
@given(tiny_problems(), st.sampled_from(("clinician", "weekdays", "between", "avoid")))
@example(tiny(prefer=wishes(weekdays=[3])), "weekdays")
def test_dropping_a_wish_never_raises_the_cost(problem, wish):
    fewer = {**problem["prefer"], wish: None}
    assert least_cost({**problem, "prefer": fewer}) <= least_cost(problem)


@settings(max_examples=25, deadline=None)
@given(tiny_problems(), st.integers(0, 2))
@example(tiny(rooms={"R2": every_day(21), "R1": every_day(3)}), 0)
def test_taking_a_resource_away_never_lowers_the_cost(problem, which):
    kind = ("clinicians", "rooms", "devices")[which]
    if len(problem[kind]) > 1:
        without = dict(list(problem[kind].items())[1:])
        wished = problem["prefer"]["clinician"]
        prefer = {**problem["prefer"], "clinician": wished if kind != "clinicians" or wished in without else None}
        # A wish for somebody who left is dropped on both sides: it would make the two incomparable.
        assert least_cost({**problem, kind: without, "prefer": prefer}) >= least_cost({**problem, "prefer": prefer})


@settings(max_examples=25, deadline=None)
@given(tiny_problems())
@example(tiny(sessions=3, floor_days=5, latest_days=5, target_days=9))
def test_gaps_lie_between_floor_and_latest_and_the_end_before_finish_by(problem):
    for each in found(problem)["sets"]:
        days = [date.fromisoformat(start[:10]) for start in starts(each)]
        before = [date.fromisoformat(problem["previous_on"])] if problem["previous_on"] else []
        for earlier, later in pairwise([*before, *days]):
            assert problem["floor_days"] <= (later - earlier).days <= problem["latest_days"]
        assert not problem["finish_by"] or days[-1].isoformat() <= problem["finish_by"]


@settings(max_examples=25, deadline=None)
@given(tiny_problems(), st.integers(-60, 60))
@example(tiny(), 7)
def test_the_sets_of_a_calendar_moved_by_whole_weeks_are_moved_with_it(problem, weeks):
    moved = moved_by(problem, timedelta(weeks=weeks))
    assert found(moved)["sets"] == moved_by(found(problem)["sets"], timedelta(weeks=weeks))


def moved_by(value: Any, by: timedelta) -> Any:
    """Every day and time in it, further by so much."""
    if isinstance(value, dict):
        return {key: moved_by(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [moved_by(item, by) for item in value]
    if isinstance(value, str) and len(value) >= 10 and value[4] == "-":
        return (datetime.fromisoformat(value) + by).isoformat()[: len(value)]
    return value


def test_the_same_problem_gives_the_same_sets_whatever_was_asked_before():
    problem = busy_clinic(7, clinicians=4, rooms=2, days=150)
    free_time = FreeIntervals(problem)
    assert find_sets(problem, free_time) == find_sets(problem, free_time) == find_sets(problem)


def test_free_time_is_asked_for_only_where_it_can_matter():
    problem = busy_clinic(3, days=198, taken=0.3)
    free_time = Counting(problem)
    assert len(find_sets(problem, free_time).sets) == 2
    # 10 clinicians on 198 days are 1,980; a search that asked for all would be some fifty times slower.
    assert free_time.asked < 100


class Counting(FreeIntervals):
    asked = 0

    def starts(self, clinician: str, day: date) -> int:
        self.asked += 1
        return super().starts(clinician, day)


# --- when nothing fits

FULL_DAY = [[on(-1, "00:00"), on(60, "00:00")]]
WHY = [
    ({"sessions": 4, "finish_by": on(9)[:10]}, (3, "finish_by", "only 2 of 4 fit before 10 March")),
    ({"sessions": 1, "finish_by": "2027-02-01"}, (1, "finish_by", "nothing fits before 1 February")),
    (
        {"windows": [{}, {"earliest_on": on(30)[:10], "latest_on": on(40)[:10]}]},
        (2, "windows", "only 1 of 2 fits: nothing is free in the window of session 2"),
    ),
    (
        {"clinicians": {"A": every_day(1)}, "rooms": {"R": FULL_DAY}},
        (2, "clinicians", "only 1 of 2 fits: no clinician is free for session 2 from 6 March to 11 March"),
    ),
    (
        {"clinicians": {"A": FULL_DAY}, "rooms": {"R": every_day(1)}},
        (2, "rooms", "only 1 of 2 fits: no room is free for session 2 from 6 March to 11 March"),
    ),
    ({"sessions": 1, "devices": {"D": []}}, (1, "devices", "nothing fits: no device is free for session 1 from 1 March to 21 March")),
    (
        {"patient_busy": [[on(2, "00:00"), on(21, "00:00")]]},
        (2, "patient_busy", "only 1 of 2 fits: the patient is busy whenever session 2 could be"),
    ),
    (
        {"latest_days": 5, "prefer": wishes(avoid=[on(day)[:10] for day in range(1, 21)])},
        (2, "avoid", "only 1 of 2 fits: all that is free for session 2 on 6 March is on days to avoid"),
    ),
    (
        {"sessions": 6},
        (6, "horizon", "only 5 of 6 fit: free time is known until 21 March only, and session 6 cannot be before 26 March"),
    ),
    (
        {"previous_on": "2026-12-01"},
        (1, "latest_days", "nothing fits: session 1 would be more than 10 days after the treatment before it"),
    ),
    ({"clinicians": {}, "rooms": {}}, (1, "clinicians", "nothing fits: no clinician is free for session 1 on 1 March")),
    (
        {"sessions": 1, "clinicians": {"A": [span(3, "09:00", "12:00")]}, "rooms": {"R": []}, "finish_by": on(2)[:10]},
        (1, "clinicians", "nothing fits: no clinician is free for session 1 from 1 March to 3 March"),
    ),
    (
        {"clinicians": {"A": every_day(3)}, "rooms": {"R": FULL_DAY}, "finish_by": on(2)[:10]},
        (2, "finish_by", "only 1 of 2 fits before 3 March"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "reason"), WHY, ids=[f"{why[1]} {why[0]}" for _, why in WHY])
def test_when_nothing_fits_the_session_and_the_constraint_are_named(changes, reason):
    answer = found(tiny(**changes))
    assert answer == {"sets": [], "why_none": dict(zip(("session", "constraint", "text"), reason, strict=True))}
