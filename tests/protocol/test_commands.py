"""`manage.py screen` and `manage.py course`, run as a clinic's script runs them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import execute_from_command_line

from tests.protocol.people import D, described
from treatments.protocol.catalogue import load
from treatments.protocol.planning import propose_course
from treatments.protocol.screening import screen

ROOT = Path(__file__).resolve().parents[2]
PATIENT = described("skin IV; concern acne_scar_face cheek; isotretinoin_past yes D-100; session D-30")
WHOLE = json.dumps(PATIENT.to_json()).encode()


def run(*words: str, text: bytes = WHOLE, **environment: str) -> subprocess.CompletedProcess[bytes]:
    # No database anywhere: whoever tried to reach one would fail and say so.
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        input=text,
        capture_output=True,
        timeout=60,
        env={**os.environ, **nowhere, **environment},
        check=False,
    )


@pytest.fixture(scope="module")
def facts_file(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("facts") / "facts.json"
    path.write_bytes(WHOLE)
    return str(path)


@pytest.fixture(scope="module")
def course(facts_file) -> subprocess.CompletedProcess[bytes]:
    """What the command says; a process takes a second."""
    return run("course", facts_file, "--from", "2026-12-01")


def test_screen_prints_the_verdict_of_the_function_and_nothing_else(facts_file):
    done = run("screen", facts_file, "--on", "2026-12-01")
    assert (done.returncode, done.stderr) == (0, b"")
    expected = screen(PATIENT, on=D, purpose="session", catalogue=load()).to_json()
    assert json.loads(done.stdout) == expected
    assert expected["outcome"] == "defer"


def test_screen_for_a_booking_reads_standard_input():
    unasked = described("unanswered pregnant; unanswered diabetes").to_json()
    done = run("screen", "-", "--on", "2026-12-01", "--for", "booking", text=json.dumps(unasked).encode())
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (found["for"], found["outcome"], found["missing"]) == ("booking", "ask", ["diabetes"])


def test_course_prints_the_proposal_of_the_function_and_nothing_else(course):
    assert (course.returncode, course.stderr) == (0, b"")
    assert json.loads(course.stdout) == propose_course(PATIENT, start_on=D, catalogue=load()).to_json()


def test_numbers_are_json_numbers_and_days_iso_text(course):
    found = json.loads(course.stdout)
    zone = found["sessions"][0]["zones"][0]
    assert [type(zone[key]) for key in ("start_mm", "soft_max_mm", "hard_cap_mm")] == [float] * 3
    assert found["from"] == "2026-12-01"


# What is typed, what is read, the field that the one line names
BAD = [
    (["screen", "-", "--on", "2026-02-30"], WHOLE, "--on: "),
    (["screen", "-", "--on", "01.12.2026"], WHOLE, "--on: "),
    (["screen", "-", "--on", "9999-12-31"], WHOLE, "--on: "),
    (["screen", "-", "--on", ""], WHOLE, "--on: "),
    (["screen", "-"], WHOLE, "--on"),
    (["screen", "--on", "2026-12-01"], WHOLE, "FACTS.json"),
    (["screen", "-", "--on", "2026-12-01", "--for", "fun"], WHOLE, "--for"),
    (["screen", "-", "--on", "2026-12-01", "--from", "2026-12-01"], WHOLE, "--from"),
    (["screen", "/nowhere/facts.json", "--on", "2026-12-01"], WHOLE, "/nowhere/facts.json: "),
    (["screen", "tests", "--on", "2026-12-01"], WHOLE, "tests: "),
    (["screen", "-", "--on", "2026-12-01"], b"", "-: is not valid JSON"),
    (["screen", "-", "--on", "2026-12-01"], b"[]", "-: must hold one JSON object"),
    (["screen", "-", "--on", "2026-12-01"], b'{"born_on": NaN}', "-: NaN"),
    (["screen", "-", "--on", "2026-12-01"], b'{"born_on": "1990-04-02", "skin_type": 1e400}', "skin_type: "),
    (["screen", "-", "--on", "2026-12-01"], b'{"born_on": "1990-04-02", "skin_type": true}', "skin_type: "),
    (["screen", "-", "--on", "2026-12-01"], b'{"born_on": "1990-04-02", "\\ud800\\n": 1}', "'\\ud800\\n': "),
    (["screen", "-", "--on", "2026-12-01"], b'{"born_on": "2026-12-02"}', "born_on: "),
    (["screen", "-", "--on", "2026-12-01"], b'{"born_on": "1990-04-02", "answers": {"isotretinon_past": {"value": "no"}}}', "answers.isotretinon_past: "),
    (["course", "-", "--from", "2026-12-01"], b'{"born_on": "1990-04-02"}', "concerns: "),
    (["course", "-", "--from", "yesterday"], WHOLE, "--from: "),
    (["course", "-", "--on", "2026-12-01"], WHOLE, "--from"),
]  # fmt: skip


def refused(code: object, out: str, err: str, field: str) -> bool:
    """Exit code 2, nothing on standard output, one line on standard error with the name of the field."""
    return code == 2 and out == "" and err.endswith("\n") and err.count("\n") == 1 and field in err


@pytest.mark.parametrize(("words", "text", "field"), BAD, ids=[f"{words[0]} {field}" for words, _, field in BAD])
def test_bad_input_exits_with_two_and_one_line_that_names_the_field(words, text, field, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    with pytest.raises(SystemExit) as left:
        execute_from_command_line(["manage.py", *words])
    out, err = capsys.readouterr()
    assert refused(left.value.code, out, err, field)


@pytest.mark.parametrize(("words", "text", "field"), [BAD[0], BAD[4], BAD[15], BAD[18]])
def test_the_process_itself_refuses_in_the_same_way(words, text, field):
    done = run(*words, text=text)
    assert refused(done.returncode, done.stdout.decode(), done.stderr.decode(), field)
