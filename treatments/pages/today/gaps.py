"""Free times of the day that a visit would fill, and what fits into them.

A hole is offered only where a clinician and a room and a device are free, and nobody holds them for a course.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from clinic import clock
from clinic.models import Clinic, Membership, Room
from treatments.appointments.calls.wishes import fits
from treatments.appointments.models import Appointment
from treatments.appointments.places import LENGTHS
from treatments.appointments.taken.fitting import single_visits
from treatments.appointments.taken.reading import FreeTime, free_time
from treatments.appointments.working_time import Away, Hours, people
from treatments.scheduling.free_time import Stretch
from treatments.scheduling.slots import Slot, VisitLength

# A hole worth offering: a treatment fits, and it is not simply an empty half day. Longer than that, only what a cancelled or
# missed visit has left is offered.
GAP_MINUTES = range(30, 121)
GRID_MINUTES = 5


@dataclass(frozen=True)
class Hole:
    """A stretch between the visits of one clinician in which at least one visit fits."""

    clinician: Membership
    starts: datetime
    ends: datetime

    @property
    def minutes(self) -> int:
        return int((self.ends - self.starts).total_seconds() // 60)

    def meets(self, other: tuple[datetime, datetime] | None) -> bool:
        return other is not None and other[0] < self.ends and self.starts < other[1]


class Wished(NamedTuple):
    """What somebody on the waiting list would take; `calls.wishes.fits` reads it."""

    weekdays: tuple[int, ...]
    from_time: time | None
    until_time: time | None
    clinician_id: int | None


class Need(NamedTuple):
    """What somebody needs of a hole. Hundreds need the same and are asked about once. `begins_mm`: the depth her session
    begins with."""

    kind: str
    length: VisitLength
    begins_mm: Decimal | None = None
    wished: Wished | None = None


@dataclass
class DayHoles:
    """The free stretches of a day and what fits into them. One query, at the first hole that is asked about."""

    clinic: Clinic
    on: date
    now: datetime
    rows: list[Appointment]
    hours: Hours
    away: Away
    rooms: list[Room]
    devices: list[int]
    _places: dict[tuple[Hole, str, VisitLength], list[Slot]] = field(default_factory=dict)

    def places(self, hole: Hole, kind: str, length: VisitLength) -> list[Slot]:
        """Where a visit of that kind and length fits, its treatment inside the hole, earliest first."""
        key = (hole, kind, length)
        if key not in self._places:
            free = self._free
            inside = free.days.inside([Stretch(hole.starts, hole.ends)])
            free = replace(
                free,
                clinicians={hole.clinician.pk: free.clinicians[hole.clinician.pk] & inside},
                devices=free.devices if kind == Appointment.Kind.TREATMENT else {},
            )
            self._places[key] = sorted(single_visits(free, length, not_before=self.now, grid_minutes=GRID_MINUTES))
        return self._places[key]

    def fits_anything(self, hole: Hole) -> bool:
        return any(self.places(hole, kind, length) for kind, length in LENGTHS.items())

    def place_for(self, hole: Hole, need: Need) -> Slot | None:
        """The place offered: one that fits the wishes and lies in the hole from its beginning, where there is one."""
        found = list(self._wanted(hole, need))
        whole = (slot for slot in found if slot.start >= hole.starts)
        return next(whole, found[-1] if found else None)

    def _wanted(self, hole: Hole, need: Need) -> Iterator[Slot]:
        for slot in self.places(hole, need.kind, need.length):
            if need.wished is None or fits(need.wished, slot.start.astimezone(self.clinic.tz), slot.clinician):
                yield slot

    @cached_property
    def _free(self) -> FreeTime:
        return free_time(
            clinic=self.clinic,
            patient=None,
            first_day=self.on,
            last_day=self.on,
            clinicians=[person.pk for person in people(self.hours)],
            rooms=[room.pk for room in self.rooms if room.in_service],
            devices=self.devices,
            hours=self.hours,
            away=self.away,
        )

    def between(self, clinician: Membership, first: time, minutes: int) -> Hole:
        """A hole by the wall time it begins at, in this day."""
        starts = datetime.combine(self.on, first, tzinfo=self.clinic.tz).astimezone(clock.UTC)
        return Hole(clinician, starts, starts + timedelta(minutes=minutes))
