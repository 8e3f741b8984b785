"""Which status may follow which. One table a kind; everybody asks `can_move` before writing a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Kind = Literal["plan", "appointment", "session"]
Moves = Mapping[str, tuple[str, ...]]

PLAN: Moves = {
    "draft": ("submitted", "revoked", "entered_in_error"),
    # Back to draft: the prescriber sends it back for a change.
    "submitted": ("draft", "active", "revoked", "entered_in_error"),
    "active": ("on_hold", "completed", "revoked", "entered_in_error"),
    "on_hold": ("active", "completed", "revoked", "entered_in_error"),
    "completed": ("entered_in_error",),
    "revoked": ("entered_in_error",),
    "entered_in_error": (),
}

APPOINTMENT: Moves = {
    "booked": ("confirmed", "arrived", "no_show", "cancelled"),
    # A moved visit asks for a new confirmation.
    "confirmed": ("booked", "arrived", "no_show", "cancelled"),
    "arrived": ("numbing", "in_room", "cancelled"),
    "numbing": ("in_room", "cancelled"),
    "in_room": ("done", "cancelled"),
    "done": (),
    # She came after all.
    "no_show": ("arrived",),
    "cancelled": (),
}

SESSION: Moves = {
    "open": ("completed", "stopped", "entered_in_error"),
    "completed": ("entered_in_error",),
    "stopped": ("entered_in_error",),
    "entered_in_error": (),
}

# Steps back, for a slip of the finger. A service adds its own condition: "done" only before signing and before a
# message was handed off.
APPOINTMENT_UNDO: Moves = {
    "confirmed": ("booked",),
    "arrived": ("booked", "confirmed"),
    "numbing": ("arrived",),
    "in_room": ("numbing", "arrived"),
    "done": ("in_room",),
    "no_show": ("booked", "confirmed"),
    "cancelled": ("booked", "confirmed"),
}

MOVES: Mapping[str, Moves] = {"plan": PLAN, "appointment": APPOINTMENT, "session": SESSION}
UNDO: Mapping[str, Moves] = {"plan": {}, "appointment": APPOINTMENT_UNDO, "session": {}}


def statuses(kind: Kind) -> tuple[str, ...]:
    """Every status of a kind, in the order of its life."""
    return tuple(MOVES[kind])


def can_move(kind: Kind, old: str, new: str) -> bool:
    """Whether a status may follow another one. A status that does not exist follows nothing and is followed by nothing."""
    return new in MOVES[kind].get(old, ())


def can_undo(kind: Kind, old: str, new: str) -> bool:
    """Whether a step may be taken back to an earlier status."""
    return new in UNDO[kind].get(old, ())
