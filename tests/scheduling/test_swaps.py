"""Other places for one visit of a set, against all sets there are that differ in that visit alone."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.scheduling import by_hand
from tests.scheduling.tiny import every_day, on, span, tiny, tiny_problems, wishes
from treatments.scheduling.finding import find_sets, swaps
from treatments.scheduling.problems import problem_from_json


def offered(problem: dict, session: int, count: int = 6) -> list[dict]:
    read = problem_from_json(problem)
    [best, *_] = find_sets(read).sets
    return [each.to_json() for each in swaps(read, best.visits, session, count)]


@settings(max_examples=30, deadline=None)
@given(tiny_problems(), st.integers(1, 3))
@example(tiny(), 2)
@example(tiny(clinicians={"B": every_day(12), "A": every_day(9)}, treat_minutes=0), 2)
@example(tiny(sessions=1, previous_on=on(-6)[:10]), 1)
@example(
    tiny(
        sessions=1, prep_minutes=0, treat_minutes=0, patient_busy=[span(1, "08:00", "10:00"), span(1, "10:00", "11:00")]
    ),
    1,
)
def test_swaps_are_the_cheapest_other_places_one_for_each_day_and_clinician(problem, session):
    every_set = by_hand.all_sets(problem)
    if not every_set or session > problem["sessions"]:
        return
    best = by_hand.best_of(every_set)
    cheapest: dict = {}
    for each in every_set:
        if not _differs_only_in(each, best, session - 1) or _is_near(problem, each, best, session - 1):
            continue
        place = (each["days"][session - 1], each["clinicians"][session - 1])
        rank = (by_hand.cost(each), each["minutes"][session - 1])
        if place not in cheapest or rank < cheapest[place][0]:
            cheapest[place] = (rank, each)
    ranked = sorted(
        (each for _, each in cheapest.values()),
        key=lambda each: (
            by_hand.cost(each),
            each["days"][session - 1],
            each["minutes"][session - 1],
            each["clinicians"][session - 1],
        ),
    )
    expected = [
        {
            "label": "swap",
            "cost": by_hand.cost(each),
            "terms": each["terms"],
            "visits": by_hand.as_printed(problem, each),
        }
        for each in ranked[:4]
    ]
    assert offered(problem, session, count=4) == expected


def _differs_only_in(each: dict, best: dict, index: int) -> bool:
    return all(
        each[what][session] == best[what][session]
        for what in ("days", "minutes", "clinicians")
        for session in range(len(each["days"]))
        if session != index
    )


def _is_near(problem: dict, each: dict, best: dict, index: int) -> bool:
    same = all(each[what][index] == best[what][index] for what in ("days", "clinicians"))
    return same and abs(each["minutes"][index] - best["minutes"][index]) < max(1, problem["treat_minutes"])


def test_a_swap_names_what_the_whole_set_would_cost():
    first, *_ = offered(tiny(prefer=wishes(weekdays=[1])), 2)
    assert [visit["start"] for visit in first["visits"]] == [on(0), on(7, "09:30")]
    assert (first["cost"], first["label"]) == (0, "swap")


def test_on_the_visits_own_day_five_minutes_later_is_no_other_place():
    hours = [span(0, "09:00", "12:00")]
    later = offered(
        tiny(sessions=1, grid_minutes=5, clinicians={"A": hours}, prefer=wishes(between=["09:00", "09:00"])), 1
    )
    assert [visit["start"] for each in later for visit in each["visits"]] == [on(0, "09:30")]


def test_where_there_is_no_other_place_none_is_offered():
    assert offered(tiny(sessions=1, clinicians={"A": [span(0, "09:30", "10:00")]}), 1) == []
