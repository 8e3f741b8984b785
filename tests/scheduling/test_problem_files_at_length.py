"""Files that a script gets wrong in ways no person would: each refused at once, in one line that names the field."""

import io
import json
import sys
from time import process_time

import pytest
from django.core.management import call_command

from tests.scheduling.test_problem_files import in_this_process
from tests.scheduling.tiny import on, tiny

LONGEST_SECONDS = 5
MANY = 10_000


def written(**changes: object) -> bytes:
    return json.dumps(tiny(**changes)).encode()


def minutes(first: int, count: int) -> list[list[str]]:
    """So many intervals of a minute each, two minutes apart, from a day on."""
    return [[on(at // 720, f"{at % 720 * 2 // 60:02d}:{at % 720 * 2 % 60:02d}"), on(at // 720, f"{at % 720 * 2 // 60:02d}:{at % 720 * 2 % 60 + 1:02d}")] for at in range(first, first + count)]  # fmt: skip


def doubled(count: int) -> list[list[str]]:
    intervals = minutes(0, count)
    return [*intervals, intervals[-1]]


REFUSED = {
    "NaN": (written().replace(b'"sessions": 2', b'"sessions": NaN'), "NaN is not a number of JSON"),
    "infinity": (written().replace(b'"sessions": 2', b'"sessions": -Infinity'), "-Infinity is not a number of JSON"),
    "a float": (written(floor_days=28.5), "floor_days: must be a whole number"),
    "a float that is whole": (written().replace(b'"sessions": 2', b'"sessions": 2e0'), "sessions: must be a whole number"),
    "negative": (written(prep_minutes=-1), "prep_minutes: must be a whole number"),
    "huge sessions": (written().replace(b'"sessions": 2', b'"sessions": ' + b"9" * 4_000), "sessions: must be a whole number"),
    "more digits than a number may have": (written().replace(b'"sessions": 2', b'"sessions": ' + b"9" * 5_000), "-: is not valid JSON"),
    "an exponent beyond all": (written().replace(b'"sessions": 2', b'"sessions": 1e999999999'), "sessions: must be a whole number"),
    "an unknown key": (written(wishes={}), "wishes: is not a known key"),
    "a key twice": (b'{"sessions": 1, "rooms": {"R1": [], "R1": []}}', "the key 'R1' is there twice"),
    "a key twice after many others": (
        b"{" + b", ".join(b'"%d": 0' % number for number in range(300_000)) + b', "299999": 0}',
        "the key '299999' is there twice",
    ),
    "deep nesting": (b'{"sessions": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "-: is not valid JSON"),
    "deep in objects": (b'{"prefer": ' * 100_000 + b"1" + b"}" * 100_000, "-: is not valid JSON"),
    "not UTF-8": (written().replace(b'"R1"', b'"R\xff1"'), "-: is not valid JSON"),
    "another encoding": (json.dumps(tiny()).encode("utf-16"), "-: is not valid JSON"),
    "a lone surrogate": (written(rooms={"\ud800": "x"}), "rooms.'\\ud800': must be a list"),
    "cut off": (written()[:-20], "-: is not valid JSON"),
    "nothing": (b"", "-: is not valid JSON"),
    "too large": (b" " * 5_000_001, "-: is larger than 5 MB"),
    "overlapping": (written(rooms={"R1": doubled(1)}), "rooms.R1[1]: overlaps another interval of 'R1'"),
    "the last of many overlaps": (written(rooms={"R1": doubled(MANY)}), f"rooms.R1[{MANY - 1}]: overlaps another interval of 'R1'"),
    "a horizon too long": (written(clinicians={"A": [[on(0), "2099-01-01T00:00"]]}), "clinicians.A[0]: must end by "),
    "a wait too long": (written(latest_days=1_000_000), "latest_days: must be a whole number"),
    "a year too far": (written(finish_by="9999-12-31"), "finish_by: the year must lie between 1900 and 2200"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_the_field_and_quickly(name, monkeypatch, capsys):
    text, said = REFUSED[name]
    begun = process_time()
    code = in_this_process(["-"], text, monkeypatch)
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n"), len(err) < 300) == (2, "", 1, True)
    assert said in err
    assert process_time() - begun < LONGEST_SECONDS


def test_ten_thousand_intervals_of_each_are_no_fault_and_soon_answered(monkeypatch, capsys):
    many = minutes(0, MANY)
    text = written(clinicians={"A": many}, rooms={"R1": many, "R2": many}, devices={"D": many})
    begun = process_time()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    call_command("course_slots", "-")
    # A minute is too short for anybody.
    assert json.loads(capsys.readouterr().out)["sets"] == []
    assert process_time() - begun < LONGEST_SECONDS
