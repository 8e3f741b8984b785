"""What the search for a course asks of time. Who keeps the time, and how, is not its business.

Two keep it: `intervals.py` over the free intervals of a problem file, and the appointments over what the database keeps.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal, Protocol

# What can stand in the way of a visit besides the calendar itself. Named as in a problem file.
Obstacle = Literal["clinicians", "rooms", "devices", "patient_busy", "avoid"]


class Availability(Protocol):
    """Free time as one patient meets it: every obstacle is already considered, her own visits are none.

    A start is a number: visit number `i` of a day begins (its prep) at the wall time of local midnight + i * grid_minutes, and belongs to
    the day it begins on. Windows, gaps and `finish_by` are the search's business and not considered here.
    Every answer is the same each time it is asked for; the search may ask in any order and keeps what it heard.
    """

    @property
    def clinicians(self) -> Sequence[str]:
        """Keys of those who may be offered, in the order in which ties between them are broken."""

    @property
    def last_on(self) -> date:
        """The last day known of: the search asks about none after it."""

    def starts(self, clinician: str, day: date) -> int:
        """Where a visit may begin on the day with this clinician, as a bit mask: bit i for start i.

        The treatment lies inside one free interval of the clinician, the whole visit with its turnover inside one of a room, a device is
        free for the treatment where devices are asked for, the patient is free for prep and treatment, the day is none she avoids, and
        the start is not over yet.
        """

    def room_at(self, clinician: str, day: date, start: int) -> str:
        """The first room, in the clinic's order, that is free for a start out of `starts`."""

    def orphans(self, clinician: str, day: date) -> tuple[int, int]:
        """The starts out of `starts` whose treatment leaves a rest too short for another one before it, and those that leave one
        after it: more than 0 and fewer than `treat_minutes` of the clinician's free interval. Bits of other starts mean nothing."""

    def ignoring(self, obstacle: Obstacle) -> "Availability":
        """The same time as if this one obstacle were not there: every clinician (or room) always free, a device never asked for, the patient
        never busy, no day avoided. Asked only when nothing fits, to say what stands in the way."""
