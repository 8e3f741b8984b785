"""Problem files and `manage.py course_slots`, run as a clinic's script runs it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import execute_from_command_line
from hypothesis import given, settings

from tests.scheduling.tiny import every_day, on, span, tiny, tiny_problems, wishes
from treatments.bench.made_up import any_problem
from treatments.scheduling.finding import find_sets
from treatments.scheduling.problems import BadProblem, problem_from_json, problem_to_json

ROOT = Path(__file__).resolve().parents[2]


@settings(max_examples=40, deadline=None)
@given(tiny_problems())
def test_a_problem_written_and_read_again_is_the_same(problem):
    read = problem_from_json(problem)
    written = json.loads(json.dumps(problem_to_json(read)))
    assert problem_from_json(written) == read
    assert set(written) == set(problem)


def test_a_made_up_problem_with_everything_in_it_is_the_same_after_a_file():
    for number in range(20):
        problem = any_problem(number)
        assert problem_from_json(json.loads(json.dumps(problem_to_json(problem)))) == problem


def test_what_may_be_left_out_means_nothing_is_wished_and_the_weights_of_the_contract():
    short = {key: value for key, value in tiny().items() if key not in OPTIONAL}
    assert find_sets(problem_from_json(short)) == find_sets(problem_from_json(tiny()))
    nulls = {**short, **dict.fromkeys(OPTIONAL)}
    assert problem_from_json(nulls) == problem_from_json(short)
    assert problem_from_json({**short, "weights": {"gap": 5}}).weights.gap == 5


OPTIONAL = ("finish_by", "previous_on", "windows", "prefer", "devices", "patient_busy", "weights")
REQUIRED = sorted(set(tiny()) - set(OPTIONAL))


@pytest.mark.parametrize("key", REQUIRED)
def test_what_is_required_is_missed(key):
    with pytest.raises(BadProblem, match=rf"^{key}: is missing$"):
        problem_from_json({name: value for name, value in tiny().items() if name != key})


def test_intervals_may_come_in_any_order():
    backwards = every_day(21)[::-1]
    assert find_sets(problem_from_json(tiny(clinicians={"A": backwards}))) == find_sets(problem_from_json(tiny()))


NOON = [on(0, "12:00"), on(0, "13:00")]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"sesions": 3}, "sesions: is not a known key"),
    ({"sessions": 0}, "sessions: must be a whole number from 1 to 8"),
    ({"sessions": 9}, "sessions: "),
    ({"sessions": 2.0}, "sessions: "),
    ({"sessions": True}, "sessions: "),
    ({"earliest_on": "1.3.2027"}, "earliest_on: write the day as YYYY-MM-DD"),
    ({"finish_by": "2027-02-30"}, "finish_by: "),
    ({"floor_days": 0}, "floor_days: must be a whole number from 1 "),
    ({"target_days": -1}, "target_days: "),
    ({"latest_days": 4}, "latest_days: must not be below floor_days"),
    ({"treat_minutes": -5}, "treat_minutes: "),
    ({"grid_minutes": 0}, "grid_minutes: "),
    ({"windows": []}, "windows: must hold one window for each of the 2 sessions"),
    ({"windows": [{}]}, "windows: "),
    ({"windows": [{}, {"earliest_on": on(2)[:10], "latest_on": on(1)[:10]}]}, "windows[1].latest_on: must not be before earliest_on"),
    ({"windows": [{}, {"from": on(1)[:10]}]}, "windows[1].from: is not a known key"),
    ({"windows": {}}, "windows: must be a list"),
    ({"prefer": wishes(clinician="B")}, "prefer.clinician: 'B' is not a known clinician"),
    ({"prefer": wishes(clinician=7)}, "prefer.clinician: "),
    ({"prefer": wishes(weekdays=[1, 8])}, "prefer.weekdays[1]: must be a weekday from 1 (Monday) to 7 (Sunday)"),
    ({"prefer": wishes(weekdays=[True])}, "prefer.weekdays[0]: "),
    ({"prefer": wishes(weekdays=2)}, "prefer.weekdays: must be a list"),
    ({"prefer": wishes(between=["12:00", "09:00"])}, "prefer.between: must not end before it begins"),
    ({"prefer": wishes(between=["09:00"])}, "prefer.between: must hold two times"),
    ({"prefer": wishes(between=["9:00", "24:00"])}, "prefer.between[0]: write the time as HH:MM"),
    ({"prefer": wishes(between=["09:00", "24:00"])}, "prefer.between[1]: "),
    ({"prefer": wishes(avoid=["tomorrow"])}, "prefer.avoid[0]: "),
    ({"prefer": wishes(like="mornings")}, "prefer.like: is not a known key"),
    ({"clinicians": [NOON]}, "clinicians: must be a JSON object"),
    ({"clinicians": {"A": "always"}}, "clinicians.A: must be a list"),
    ({"clinicians": {"A": [NOON[0]]}}, "clinicians.A[0]: must be a pair of start and end"),
    ({"clinicians": {"A": [[*NOON, NOON[1]]]}}, "clinicians.A[0]: "),
    ({"rooms": {"R1": [NOON[::-1]]}}, "rooms.R1[0]: must end after it begins"),
    ({"rooms": {"R1": [[NOON[0], NOON[0]]]}}, "rooms.R1[0]: "),
    ({"rooms": {"R1": [NOON, [on(0, "12:59"), on(0, "14:00")]]}}, "rooms.R1[1]: overlaps another interval of 'R1'"),
    ({"rooms": {"R1": [["2027-03-01", on(0, "14:00")]]}}, "rooms.R1[0][0]: write the time as YYYY-MM-DDTHH:MM"),
    ({"rooms": {"R1": [[on(0) + ":00", on(0, "14:00")]]}}, "rooms.R1[0][0]: "),
    ({"rooms": {"R1": [["2027-03-01T09:60", on(0, "14:00")]]}}, "rooms.R1[0][0]: "),
    ({"rooms": {"R1": [[on(0), "2044-01-01T00:00"]]}}, "rooms.R1[0]: must end by 2032-03-04, 1830 days after earliest_on"),
    ({"devices": {"D": [NOON, NOON]}}, "devices.D[1]: overlaps"),
    ({"patient_busy": [NOON[::-1]]}, "patient_busy[0]: must end after it begins"),
    ({"weights": {"gaps": 1}}, "weights.gaps: is not a known key"),
    ({"weights": {"gap": -1}}, "weights.gap: "),
    ({"weights": {"gap": 0.5}}, "weights.gap: "),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_bad_input_is_refused_with_the_field(changes, sentence):
    with pytest.raises(BadProblem) as refused:
        problem_from_json(tiny(**changes))
    assert str(refused.value).startswith(sentence)


def test_what_is_no_object_is_refused():
    with pytest.raises(BadProblem, match="^problem: must be a JSON object$"):
        problem_from_json([])


def test_what_the_patient_has_on_may_overlap_and_touch():
    busy = [span(0, "09:00", "10:00"), span(0, "09:30", "11:00"), span(0, "11:00", "12:00"), span(1, "07:00", "08:00")]
    [best] = find_sets(problem_from_json(tiny(sessions=1, patient_busy=busy))).sets
    assert f"{best.visits[0].start:%Y-%m-%dT%H:%M}" == on(1)


# --- the command


def run(problem: Any, **environment: str) -> subprocess.CompletedProcess[bytes]:
    # No database anywhere: whoever tried to reach one would fail and say so.
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, "manage.py", "course_slots", "-"],
        cwd=ROOT,
        input=json.dumps(problem).encode(),
        capture_output=True,
        timeout=60,
        env={**os.environ, **nowhere, **environment},
        check=False,
    )


def test_course_slots_prints_the_sets_of_the_function_and_nothing_else():
    done = run(tiny())
    assert (done.returncode, done.stderr) == (0, b"")
    printed = json.loads(done.stdout)
    assert printed == find_sets(problem_from_json(tiny())).to_json()
    assert list(printed) == ["sets", "why_none"]
    assert list(printed["sets"][0]) == ["label", "cost", "terms", "visits"]
    assert printed["sets"][0]["visits"][0] == {"start": on(0), "clinician": "A", "room": "R1"}


def in_this_process(words: list[str], text: bytes, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    with pytest.raises(SystemExit) as left:
        execute_from_command_line(["manage.py", "course_slots", *words])
    return left.value.code


@pytest.mark.parametrize(
    ("words", "text", "field"),
    [
        (["-"], json.dumps(tiny(sessions=9)).encode(), "sessions: "),
        (["-"], b"[]", "-: must hold one JSON object"),
        (["-"], b'{"sessions": 1, "sessions": 2}', "-: the key 'sessions' is there twice"),
        (["/nowhere/problem.json"], b"", "/nowhere/problem.json: cannot be read"),
        ([], b"", "PROBLEM.json"),
        (["-", "--on", "2026-12-01"], b"{}", "--on"),
    ],
)
def test_course_slots_exits_with_two_and_one_line_that_names_the_field(words, text, field, monkeypatch, capsys):
    code = in_this_process(words, text, monkeypatch)
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert field in err


def test_when_nothing_fits_the_command_says_why_and_that_is_no_error():
    done = run(tiny(sessions=2, finish_by=on(3)[:10]))
    printed = json.loads(done.stdout)
    assert (done.returncode, printed["sets"]) == (0, [])
    assert printed["why_none"] == {"session": 2, "constraint": "finish_by", "text": "only 1 of 2 fits before 4 March"}
