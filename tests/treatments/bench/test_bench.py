"""The benchmark says what it measured, and a missed goal is no quiet one."""

import json

import pytest
from django.core.management import CommandError, call_command

from treatments.bench import at_rest, exact_solver, protocol, scheduling
from treatments.bench.figures import Figure, against, as_json, at_rest_within, counted, figure, timed


def test_a_figure_is_a_median_beside_its_goal():
    found = figure("walk", goal_ms=10, taken_ms=[30, 4, 5])
    assert (found.median, found.largest, found.runs, found.ratio) == (5, 30, 3, 0.5)
    assert found.is_reached
    assert found.line().split() == ["walk", "5.000", "ms", "goal", "10", "ms", "0.50", "x", "reached"]
    assert not figure("walk", goal_ms=5, taken_ms=[5.1]).is_reached
    assert figure("walk", goal_ms=5, taken_ms=[5]).is_reached


def test_a_goal_that_is_a_multiple_says_of_what():
    found = against("walk", [3, 5, 4], [2, 9, 1], 2, note="on foot")
    assert (found.median, found.goal, found.reference, found.is_reached) == (4, 4, 2, True)
    assert "goal 4 ms (2 x 2)" in found.line() and found.line().endswith("reached\n    on foot")
    assert not against("walk", [4.1], [2], 2).is_reached
    assert "3.000 queries" in counted("walk", goal=3, taken=3).line()
    assert not counted("walk", goal=3, taken=4).is_reached


def test_the_first_run_only_warms_up():
    runs = []
    assert len(timed(lambda: runs.append(1), runs=3)) == 3
    assert len(runs) == 4


def test_what_is_kept_says_how_busy_the_machine_was():
    kept = as_json({"protocol": [figure("walk", goal_ms=10, taken_ms=[5])]}, on="2026-11-21")
    assert kept["figures"] == [
        {"subject": "protocol", "measured_on": "2026-11-21", "name": "walk", "median": 5, "largest": 5, "goal": 10, "runs": 1,
         "unit": "ms", "ratio": 0.5, "reached": True}
    ]  # fmt: skip
    assert len(kept["machine"]["load_1_5_15"]) == 3


@pytest.mark.parametrize("median", [1, 11])
def test_the_command_prints_keeps_and_refuses_a_missed_goal(monkeypatch, tmp_path, capsys, median):
    monkeypatch.setattr(protocol, "figures", lambda: [Figure("walk", median, median, 10, 20)])
    monkeypatch.setattr(scheduling, "figures", list)
    kept = tmp_path / "evidence" / "bench.json"
    if median > 10:
        with pytest.raises(CommandError, match="Missed: walk."):
            call_command("bench", to=kept)
    else:
        call_command("bench", to=kept)
    assert "walk" in capsys.readouterr().out
    assert json.loads(kept.read_text())["figures"][0]["reached"] is (median <= 10)


def test_one_subject_measured_anew_leaves_the_figures_of_the_others(monkeypatch, tmp_path):
    walk, swim, run = (Figure(name, 1, 1, 10, 20) for name in ("walk", "swim", "run"))
    monkeypatch.setattr(protocol, "figures", lambda: [walk])
    monkeypatch.setattr(scheduling, "figures", lambda: [swim])
    kept = tmp_path / "bench.json"
    call_command("bench", to=kept)
    monkeypatch.setattr(protocol, "figures", lambda: [run])
    monkeypatch.setattr(scheduling, "figures", lambda: pytest.fail("not asked for"))
    call_command("bench", only=["protocol"], to=kept)
    assert [(one["subject"], one["name"]) for one in json.loads(kept.read_text())["figures"]] == [
        ("protocol", "run"),
        ("scheduling", "swim"),
    ]


def test_the_quietest_moment_is_told_by_the_loop_and_not_by_what_is_measured(monkeypatch):
    monkeypatch.setattr(at_rest, "QUIET_MOMENTS", 1)
    monkeypatch.setattr(at_rest, "MOMENTS", 3)
    monkeypatch.setattr(at_rest, "MOST_MOMENTS", 3)
    monkeypatch.setattr(at_rest, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(at_rest, "_fastest", {})
    # Before and after each moment: in the second both are quiet, the third is disturbed as it ends.
    loops = iter([5, 5, 2, 2, 1, 9])
    monkeypatch.setattr(at_rest, "_taken", lambda loop: next(loops))
    times = iter([[[10.0], [1.0]], [[30.0], [3.0]], [[20.0], [2.0]]])
    large, small = at_rest.each_at_rest(lambda: next(times))
    assert (large.at_rest, large.whenever) == ([30.0], [10.0, 30.0, 20.0])
    assert (small.at_rest, small.whenever) == ([3.0], [1.0, 3.0, 2.0])
    found = at_rest_within(25, "walk", large)
    assert (found.median, found.whenever, found.largest, found.is_reached) == (30, 20, 30, False)
    assert "MISSED   (at its quietest; 20 ms whenever)\n    the machine had no rest" in found.line()


def test_three_quiet_moments_count_together(monkeypatch):
    monkeypatch.setattr(at_rest, "MOMENTS", 4)
    monkeypatch.setattr(at_rest, "MOST_MOMENTS", 4)
    monkeypatch.setattr(at_rest, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(at_rest, "_fastest", {})
    loops = iter([1, 1, 9, 9, 1.01, 1.01, 1.02, 1.02])
    monkeypatch.setattr(at_rest, "_taken", lambda loop: next(loops))
    times = iter([[4.0, 4.5], [1.0, 1.0], [6.0, 6.0], [5.0, 5.0]])
    assert at_rest.at_rest(lambda: next(times)).at_rest == [4.0, 4.5, 6.0, 6.0, 5.0, 5.0]


def test_a_moment_is_as_quiet_as_the_noisiest_process_that_takes_part(monkeypatch):
    monkeypatch.setattr(at_rest, "QUIET_MOMENTS", 1)
    monkeypatch.setattr(at_rest, "MOMENTS", 2)
    monkeypatch.setattr(at_rest, "MOST_MOMENTS", 2)
    monkeypatch.setattr(at_rest, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(at_rest, "_fastest", {})
    loops = {"ours": iter([1, 1, 2, 2]), "the server's": iter([30, 30, 10, 10])}
    monkeypatch.setattr(at_rest, "_taken", lambda loop: next(loops[loop]))
    times = iter([[[7.0]], [[5.0]]])
    [taken] = at_rest.each_at_rest(lambda: next(times), loops=tuple(loops))
    assert taken.at_rest == [5.0]


@pytest.mark.parametrize(("seconds", "times"), [(180, [4.0, 2.0, 1.0]), (0, [4.0, 2.0])])
def test_rest_is_waited_for_but_not_for_ever(monkeypatch, seconds, times):
    monkeypatch.setattr(at_rest, "QUIET_MOMENTS", 1)
    monkeypatch.setattr(at_rest, "MOMENTS", 2)
    monkeypatch.setattr(at_rest, "WAIT_SECONDS", seconds)
    monkeypatch.setattr(at_rest, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(at_rest, "ASK_SECONDS", 0)
    monkeypatch.setattr(at_rest, "_fastest", {at_rest.a_python_loop: 1.0})  # as fast as it was before
    # Twice before and after a moment, twice in between to ask whether there is rest, and once more around a moment.
    loops = iter([5, 5, 2, 2, 2, 1.05, 1.05, 1.1])
    monkeypatch.setattr(at_rest, "_taken", lambda loop: next(loops))
    measured = iter([[4.0], [2.0], [1.0]])
    taken = at_rest.at_rest(lambda: next(measured))
    assert taken.whenever == times
    assert taken.at_rest == times[-1:]
    assert taken.had_rest == (seconds > 0)


def test_the_figures_of_the_protocol_cover_reading_screening_and_planning(monkeypatch):
    monkeypatch.setattr(at_rest, "MOMENTS", 1)
    monkeypatch.setattr(at_rest, "MOST_MOMENTS", 1)
    monkeypatch.setattr(protocol, "PROCESSES", 1)
    monkeypatch.setattr(protocol, "RUNS", 1)
    found = {shown.name.split(",")[0]: shown.goal for shown in protocol.figures()}
    assert found == {"catalogue load": 30, "screen()": 1, "course proposal": 2}


def test_the_figures_of_the_search_stand_beside_an_exact_solver_where_there_is_one(monkeypatch):
    monkeypatch.setattr(at_rest, "MOMENTS", 1)
    monkeypatch.setattr(at_rest, "MOST_MOMENTS", 1)
    for size in ("RUNS", "TIMED_AGAINST_THE_SOLVER", "COMPARED"):
        monkeypatch.setattr(scheduling, size, 1)
    compared = 4 if exact_solver.is_there() else 0
    assert len(list(scheduling.figures())) == 3 + compared
    assert (scheduling.missing() is None) is bool(compared)
    monkeypatch.setattr(exact_solver, "is_there", lambda: False)
    assert len(list(scheduling.figures())) == 3
    assert "pip install -r requirements-dev.txt" in scheduling.missing()
