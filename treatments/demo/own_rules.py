"""What the demo's clinic has set for itself: a stricter value, a looser one until a day, and one that was ended again.

None of them touches a story: nobody of the demo had filler, a vaccine or hair removal.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class OwnValue:
    """Days are offsets from the demo's today. `until`: the last day of a looser value; `ended`: when and why it was ended."""

    path: str
    value: int
    set_on: int
    reason: str = ""
    until: int | None = None
    ended_on: int | None = None
    ended_reason: str = ""


OWN_VALUES = (
    OwnValue("rule.filler.washout_days", 180, set_on=-150),
    OwnValue(
        "rule.vaccine_recent.washout_days",
        28,
        set_on=-120,
        ended_on=-60,
        ended_reason="No reaction in four months: back to the default.",
    ),
    OwnValue(
        "rule.hair_removal.washout_days",
        3,
        set_on=-20,
        until=40,
        reason="Threading of the upper lip only, looked at by the prescriber before each session.",
    ),
)
