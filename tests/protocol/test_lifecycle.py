"""One table says which status may follow which."""

import pytest

from treatments.protocol.lifecycle import MOVES, UNDO, can_move, can_undo, statuses


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("plan", "draft submitted active on_hold completed revoked entered_in_error"),
        ("appointment", "booked confirmed arrived numbing in_room done no_show cancelled"),
        ("session", "open completed stopped entered_in_error"),
    ],
)
def test_the_statuses_are_those_of_the_design(kind, words):
    assert statuses(kind) == tuple(words.split())


@pytest.mark.parametrize("kind", ["plan", "appointment", "session"])
def test_every_move_leads_to_a_known_status_and_never_to_itself(kind):
    for table in (MOVES[kind], UNDO[kind]):
        for old, following in table.items():
            assert old in statuses(kind)
            assert set(following) <= set(statuses(kind)) - {old}


@pytest.mark.parametrize(
    ("kind", "old", "new", "allowed"),
    [
        ("plan", "draft", "submitted", True),
        ("plan", "draft", "active", False),
        ("plan", "submitted", "active", True),
        ("plan", "active", "draft", False),
        ("plan", "completed", "active", False),
        ("plan", "revoked", "entered_in_error", True),
        ("appointment", "booked", "arrived", True),
        ("appointment", "booked", "in_room", False),
        ("appointment", "done", "booked", False),
        ("appointment", "cancelled", "booked", False),
        ("session", "open", "stopped", True),
        ("session", "completed", "open", False),
        ("session", "nonsense", "open", False),
        ("session", "open", "nonsense", False),
    ],
)
def test_a_status_follows_only_where_the_table_says_so(kind, old, new, allowed):
    assert can_move(kind, old, new) is allowed


def test_a_slip_of_the_finger_can_be_taken_back_for_visits_only():
    assert can_undo("appointment", "arrived", "booked")
    assert not can_undo("appointment", "booked", "arrived")
    assert not can_undo("plan", "submitted", "draft")
    assert not can_undo("session", "completed", "open")
