"""What is moved when life moves a visit: against every way to do it, tried one by one."""

from datetime import date, datetime, timedelta
from itertools import product
from math import prod
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.scheduling import by_hand
from tests.scheduling.tiny import MONDAY, every_day, on, span, tiny, tiny_problems, wishes
from treatments.scheduling.finding import find_sets
from treatments.scheduling.intervals import FreeIntervals
from treatments.scheduling.problems import problem_from_json
from treatments.scheduling.replanning import Replan, replan
from treatments.scheduling.sets import CourseSet, Visit, course_set


def at(day: int, clock: str = "09:00", clinician: str = "A", room: str = "R1") -> Visit:
    return Visit(datetime.fromisoformat(on(day, clock)), clinician, room)


def course(**changes: Any) -> dict:
    """Four sessions a week apart, floor 5, latest 10, everybody free for eight weeks."""
    return tiny(sessions=4, clinicians={"A": every_day(56)}, rooms={"R1": every_day(56)}, **changes)


WEEKLY = [at(0), at(7), at(14), at(21)]


def replanned(problem: dict, current: list[Visit | None], pinned: dict[int, Visit]) -> Replan:
    return replan(problem_from_json(problem), current, pinned=pinned)


def days(each: CourseSet | None) -> list[int] | None:
    return each and [(visit.on - MONDAY).days for visit in each.visits]


# --- fewest first


def test_a_visit_moved_within_its_gaps_moves_nothing_else():
    found = replanned(course(), WEEKLY, {2: at(9, "10:00")})
    assert found.fewest.visits == (at(0), at(9, "10:00"), at(14), at(21))
    assert found.fewest.label == "fewest"


def test_only_the_visit_that_breaks_is_moved():
    # The third would be 4 days after the second; moved to the floor it leaves the fourth 6 days.
    found = replanned(course(), WEEKLY, {2: at(10)})
    assert days(found.fewest) == [0, 10, 15, 21]


def test_a_delay_beyond_all_gaps_moves_what_it_must_and_no_more():
    # After two the gaps are 5 at the least: the third cannot be before 24, and the fourth not before 29.
    found = replanned(course(), WEEKLY, {1: at(0), 2: at(19)})
    assert days(found.fewest) == [0, 19, 26, 33]


def test_the_cheapest_of_the_fewest_is_taken():
    # One of two has to go: with the third on Monday 15 the gap to the fourth is off by one, later ones cost more.
    found = replanned(course(prefer=wishes(weekdays=[3])), WEEKLY, {2: at(10)})
    assert days(found.fewest) == [0, 10, 16, 21]


def test_an_earlier_visit_moves_when_the_gap_before_grows_too_long():
    # 11 days after the first are too many, 3 before the third too few; the fourth can stay.
    found = replanned(course(), WEEKLY, {2: at(11)})
    assert days(found.fewest) == [4, 11, 16, 21]


def test_what_is_done_stays_however_long_the_gap():
    found = replanned(course(), WEEKLY, {1: at(0), 2: at(13)})
    assert days(found.fewest)[:2] == [0, 13]


def test_a_current_visit_stays_where_nobody_else_could_go():
    # No free time at all is known: what is booked is the patient's own.
    nobody = {"A": [span(40, "09:00", "12:00")]}
    found = replanned(tiny(clinicians=nobody), [at(0), at(7)], {})
    assert found.fewest.visits == (at(0), at(7))
    assert found.shift_all is None


def test_a_missed_visit_finds_a_new_place_and_the_others_stay():
    found = replanned(course(), [at(0), None, at(14), at(21)], {1: at(0)})
    assert days(found.fewest) == [0, 7, 14, 21]


def test_a_visit_outside_its_window_or_after_the_end_is_moved():
    windows = [{}, {"earliest_on": on(8)[:10]}, {}, {}]
    assert days(replanned(course(windows=windows), WEEKLY, {}).fewest) == [0, 8, 14, 21]
    assert days(replanned(course(finish_by=on(20)[:10]), WEEKLY, {}).fewest) == [0, 7, 14, 20]
    assert days(replanned(course(earliest_on=on(2)[:10]), WEEKLY, {}).fewest)[0] == 2


def test_a_kept_visit_may_lie_off_the_grid_and_with_somebody_who_left():
    off = Visit(datetime.fromisoformat(on(7, "09:07")), "Left", "R9")
    found = replanned(course(), [at(0), off, at(14), at(21)], {1: at(0, "10:00")})
    assert found.fewest.visits[1] == off
    assert found.fewest.terms["orphan"] == 0 and found.fewest.terms["switch"] == 8


def test_nobody_is_booked_with_somebody_who_left():
    left = [at(0, clinician="Left"), at(7, clinician="Left"), at(14, clinician="Left")]
    found = replanned(tiny(sessions=3), left, {1: at(3)})
    assert [visit.clinician for visit in found.fewest.visits] == ["A", "A", "Left"]


# --- all by the same number of days


def test_shift_all_moves_every_later_visit_by_as_many_days():
    found = replanned(course(), WEEKLY, {2: at(10)})
    assert days(found.shift_all) == [0, 10, 17, 24]
    assert {f"{visit.start:%H:%M}" for visit in found.shift_all.visits} == {"09:00"}


def test_shift_all_goes_to_the_first_free_day_after_and_keeps_clinician_and_time_where_they_are_free():
    problem = tiny(
        sessions=3,
        clinicians={"B": every_day(40), "A": [*every_day(17), *every_day(40, "10:00", "12:00", first=18)]},
        rooms={"R1": [*every_day(17), *every_day(25, first=18), *every_day(40, first=26)]},
    )
    current = [at(0), at(7), at(14)]
    found = replanned(problem, current, {2: at(10)})
    # Day 17 has no room; on day 18 A begins at ten: prep can begin half an hour before.
    assert found.shift_all.visits[2] == at(18, "09:30")
    nobody_like_her = replanned({**problem, "clinicians": {"B": every_day(40)}}, current, {2: at(10)})
    assert nobody_like_her.shift_all.visits[2] == at(18, "09:00", "B")


@pytest.mark.parametrize(
    ("problem", "current", "pinned"),
    [
        (course(), WEEKLY, {2: at(7, "10:00")}),  # the day stays
        (course(), [at(0), at(7), None, at(21)], {2: at(10)}),  # one is not booked
        (course(finish_by=on(23)[:10]), WEEKLY, {2: at(10)}),  # the last would be after the end
        (course(), WEEKLY, {2: at(10), 4: at(21)}),  # a decided one is in the way
        (course(), WEEKLY, {4: at(22)}),  # the same as the fewest
        (
            course(),
            [at(day, "10:00") for day in (0, 7, 14, 21)],
            {1: at(0, "10:00"), 2: at(19, "10:00")},
        ),  # the same days, at another time
    ],
)
def test_shift_all_is_not_offered_where_it_does_not_work_or_is_the_same(problem, current, pinned):
    found = replanned(problem, current, pinned)
    assert found.fewest is not None and found.shift_all is None


# --- when nothing fits


@pytest.mark.parametrize(
    ("problem", "pinned", "reason"),
    [
        (
            course(),
            {1: at(0), 2: at(4)},
            (2, "floor_days", "only 1 of 4 fits: session 2 on 5 March would be fewer than 5 days after session 1"),
        ),
        (course(finish_by=on(20)[:10]), {4: at(22)}, (4, "finish_by", "only 3 of 4 fit before 21 March")),
        (
            course(earliest_on=on(8)[:10]),
            {3: at(10)},
            (3, "floor_days", "only 2 of 4 fit: session 3 would be fewer than 5 days after session 2"),
        ),
    ],
)
def test_what_a_decision_makes_impossible_is_named(problem, pinned, reason):
    found = replanned(problem, WEEKLY, pinned)
    assert (found.fewest, found.shift_all) == (None, None)
    assert (found.why_none.session, found.why_none.constraint) == reason[:2]


# --- against everything tried


def disturbed(problem: dict, moved: int, by_days: int, lost: int) -> tuple[list[Visit | None], dict[int, Visit]] | None:
    """A course booked as the search would, one visit of which is moved, and perhaps another is not booked any more."""
    found = find_sets(problem_from_json(problem)).sets
    if not found or moved > problem["sessions"]:
        return None
    current: list[Visit | None] = list(found[0].visits)
    visit = found[0].visits[moved - 1]
    if lost != moved and lost <= len(current):
        current[lost - 1] = None
    return current, {moved: Visit(visit.start + timedelta(days=by_days), visit.clinician, visit.room)}


@settings(max_examples=40, deadline=None)
@given(tiny_problems(), st.integers(1, 3), st.integers(-3, 4), st.integers(1, 5))
@example(tiny(grid_minutes=60), 1, 3, 5)
@example(tiny(sessions=3, clinicians={"A": every_day(12, "09:00", "10:00")}), 2, 2, 5)
def test_the_fewest_visits_are_moved_and_of_those_ways_the_cheapest_is_taken(problem, moved, by_days, lost):
    disturbance = disturbed(problem, moved, by_days, lost)
    ways = disturbance and _every_way(problem, *disturbance)
    if disturbance is None or ways is None:
        return
    current, pinned = disturbance
    found = replanned(problem, current, pinned)
    if not ways:
        assert found.fewest is None and 1 <= found.why_none.session <= problem["sessions"]
        return
    assert (_moved(current, found.fewest.visits), found.fewest.cost) == min(ways)
    assert len(found.fewest.visits) == problem["sessions"]
    for each in filter(None, (found.fewest, found.shift_all)):
        on_days = [visit.on for visit in each.visits]
        assert all((b - a).days >= problem["floor_days"] for a, b in zip(on_days, on_days[1:], strict=False))
        assert all(each.visits[number - 1] == visit for number, visit in pinned.items())


def _every_way(problem: dict, current: list[Visit | None], pinned: dict[int, Visit]) -> list[tuple[int, int]] | None:
    """How many are moved, and the cost, of every way there is; None where there are too many to try."""
    [(number, decided)] = pinned.items()
    options = []
    for session in range(problem["sessions"]):
        if session == number - 1:
            options.append([decided])
        else:
            places = [Visit(*place) for place in by_hand.places(problem, session)]
            own = current[session]
            options.append([*places, own] if own and own not in places else places)
    if prod(len(places) for places in options) > 5_000:
        return None
    read = problem_from_json(problem)
    ways = []
    for visits in product(*options):
        if _is_allowed(problem, visits, number - 1):
            cost = course_set("fewest", read, visits, FreeIntervals(read)).cost
            ways.append((_moved(current, visits), cost))
    return ways


def _is_allowed(problem: dict, visits: tuple[Visit, ...], decided: int) -> bool:
    finish_by = problem["finish_by"] and date.fromisoformat(problem["finish_by"])
    if finish_by and any(visit.on > finish_by for visit in visits):
        return False
    before = [date.fromisoformat(problem["previous_on"])] if problem["previous_on"] else []
    on_days = [*before, *(visit.on for visit in visits)]
    for index, (earlier, later) in enumerate(zip(on_days, on_days[1:], strict=False)):
        session = index + 1 - len(before)
        # The gap of the decided first visit to the treatment before it is a person's decision too.
        latest = 10_000 if before and session == 0 and decided == 0 else problem["latest_days"]
        if not problem["floor_days"] <= (later - earlier).days <= latest:
            return False
    return True


def _moved(current: list[Visit | None], visits: tuple[Visit, ...]) -> int:
    return sum(before is not None and before != visit for before, visit in zip(current, visits, strict=True))
