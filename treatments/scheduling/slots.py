"""Where a visit fits: the room for prep, treat and turnover, the clinician for treat only, the patient for prep and treat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from treatments.scheduling.free_time import Stretch, holds, meets, merged


@dataclass(frozen=True)
class VisitLength:
    """Minutes a visit takes: numbing or preparation, treatment, and turning the room over."""

    prep_minutes: int
    treat_minutes: int
    turnover_minutes: int

    @property
    def patient_minutes(self) -> int:
        """How long the patient is there."""
        return self.prep_minutes + self.treat_minutes

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
    """A visit that would fit: its start in UTC, and the keys of clinician and room."""

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
    devices: Mapping[int, Sequence[Stretch]] | None = None,
    grid_minutes: int = 15,
) -> Iterator[Slot]:
    """Every start at which somebody and some room are free, by clinician and then by time; the first free room is named.

    `clinicians` and `rooms`: key to free stretches, sorted and disjoint. `devices` likewise; where there are any, one of
    them has to be free for the treatment, and which one is settled when the visit is booked. Starts lie on the grid counted from local
    midnight; where the clocks go back both passes of the repeated hour are there.

    The plain way, over stretches of moments. The product asks `taken.fitting.single_visits`, which does the same with whole
    days at once and is checked against this.
    """
    busy = merged(patient_busy)
    for clinician, free in clinicians.items():
        for stretch in free:
            for start in _starts(stretch, length, zone, grid_minutes):
                held = length.stretches(start)
                if start < not_before or meets(busy, held.patient):
                    continue
                if devices and not any(holds(open_time, held.clinician) for open_time in devices.values()):
                    continue
                room = next((key for key, open_time in rooms.items() if holds(open_time, held.room)), None)
                if room is not None:
                    yield Slot(start, clinician, room)


def _starts(stretch: Stretch, length: VisitLength, zone: ZoneInfo, grid_minutes: int) -> Iterator[datetime]:
    """Grid moments from which the treatment would lie inside the clinician's stretch."""
    first = stretch.start - timedelta(minutes=length.prep_minutes)
    last = stretch.end - timedelta(minutes=length.patient_minutes)
    moment = _next_on_grid(first, zone, grid_minutes)
    while moment <= last:
        yield moment
        moment = _next_on_grid(moment + timedelta(minutes=grid_minutes), zone, grid_minutes)


def _next_on_grid(moment: datetime, zone: ZoneInfo, grid_minutes: int) -> datetime:
    """The first moment from `moment` on whose wall time lies on the grid, in UTC.

    Steps in real time and asks the wall clock, so that a time the clocks leap over is never met.
    """
    moment = moment.astimezone(UTC)
    while missing := _past_grid(moment.astimezone(zone), grid_minutes):
        moment += missing
    return moment


def _past_grid(wall: datetime, grid_minutes: int) -> timedelta:
    past = timedelta(
        minutes=(wall.hour * 60 + wall.minute) % grid_minutes, seconds=wall.second, microseconds=wall.microsecond
    )
    return timedelta(minutes=grid_minutes) - past if past else past
