"""Where a visit fits: the room for prep, treat and turnover, the clinician for treat only, the patient for prep and treat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from treatments.scheduling.free_time import Stretch, holds


@dataclass(frozen=True)
class VisitLength:
    """Minutes a visit takes: numbing or preparation, treatment, and turning the room over."""

    prep_minutes: int
    treat_minutes: int
    turnover_minutes: int

    def stretches(self, start: datetime) -> "VisitStretches":
        """What each resource is held for when the visit starts (its prep) at `start`."""
        start = start.astimezone(UTC)
        treat_at = start + timedelta(minutes=self.prep_minutes)
        treated_at = treat_at + timedelta(minutes=self.treat_minutes)
        return VisitStretches(
            patient=Stretch(start, treated_at),
            clinician=Stretch(treat_at, treated_at),
            room=Stretch(start, treated_at + timedelta(minutes=self.turnover_minutes)),
        )


@dataclass(frozen=True)
class VisitStretches:
    patient: Stretch
    clinician: Stretch
    room: Stretch


@dataclass(frozen=True, order=True)
class Slot:
    start: datetime
    clinician: int
    room: int


def slots(
    *,
    length: VisitLength,
    clinicians: Mapping[int, Sequence[Stretch]],
    rooms: Mapping[int, Sequence[Stretch]],
    patient_busy: Sequence[Stretch],
    zone: ZoneInfo,
    not_before: datetime,
    grid_minutes: int = 15,
) -> Iterator[Slot]:
    """Every start at which somebody and some room are free, by clinician and then by time; the first free room is named.

    `clinicians` and `rooms`: key to free stretches. Starts lie on the grid counted from local midnight.
    """
    for clinician, free in clinicians.items():
        for stretch in free:
            for start in _starts(stretch, length, zone, grid_minutes):
                held = length.stretches(start)
                if start < not_before or any(_meet(held.patient, busy) for busy in patient_busy):
                    continue
                if not holds(free, held.clinician):
                    continue
                room = next((key for key, open_time in rooms.items() if holds(open_time, held.room)), None)
                if room is not None:
                    yield Slot(start, clinician, room)


def _starts(stretch: Stretch, length: VisitLength, zone: ZoneInfo, grid_minutes: int) -> Iterator[datetime]:
    """Grid moments from which the treatment would lie inside the clinician's stretch."""
    first = stretch.start - timedelta(minutes=length.prep_minutes)
    last = stretch.end - timedelta(minutes=length.prep_minutes + length.treat_minutes)
    local = first.astimezone(zone)
    minutes = local.hour * 60 + local.minute + (1 if local.second or local.microsecond else 0)
    on_grid = -(-minutes // grid_minutes) * grid_minutes
    moment = datetime.combine(local.date(), time.min, tzinfo=zone) + timedelta(minutes=on_grid)
    while moment.astimezone(UTC) <= last:
        # Across a clock change the wall time may not exist: it is left out rather than guessed.
        start = moment.astimezone(UTC)
        if start.astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None) and start >= first:
            yield start
        moment += timedelta(minutes=grid_minutes)


def _meet(one: Stretch, other: Stretch) -> bool:
    return one.start < other.end and other.start < one.end
