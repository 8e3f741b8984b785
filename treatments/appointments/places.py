"""Where and when a visit is meant to be: what a form enters, what a free slot stands for, what the diary keeps."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time

from clinic import clock
from clinic.models import Clinic, Membership, Room
from treatments.appointments.models import Appointment
from treatments.rules.models import Device
from treatments.scheduling.slots import VisitLength

# Nobody books further ahead than two years: a day beyond is a slip of the keyboard, or worse.
FURTHEST_DAYS = 730
LENGTHS = {
    Appointment.Kind.TREATMENT: VisitLength(prep_minutes=30, treat_minutes=30, turnover_minutes=10),
    Appointment.Kind.CONSULTATION: VisitLength(prep_minutes=0, treat_minutes=30, turnover_minutes=0),
    Appointment.Kind.REVIEW: VisitLength(prep_minutes=0, treat_minutes=20, turnover_minutes=0),
}


@dataclass(frozen=True)
class Place:
    """Where and when a visit is meant to be, in the clinic's wall time. Without a device a treatment gets a free one."""

    day: date
    starts_at: time
    clinician: Membership
    room: Room
    length: VisitLength
    fold: int | None = None
    device: Device | None = None

    def start(self, clinic: Clinic) -> datetime:
        return clock.resolve(self.day, self.starts_at, clinic.tz, fold=self.fold, field="starts_at")

    def words(self) -> str:
        return f"{self.day:%a} {self.day.day} {self.day:%b}, {self.starts_at:%H:%M}"


def place_of(visit: Appointment) -> Place:
    return Place(
        day=visit.day,
        starts_at=visit.starts_at,
        clinician=visit.clinician,
        room=visit.room,
        length=VisitLength(visit.prep_minutes, visit.treat_minutes, visit.turnover_minutes),
        fold=visit.fold,
        device=visit.device,
    )


def at_slot(place: Place, *, start: datetime, clinician: Membership, room: Room) -> Place:
    """The same visit at another moment, with its wall time and which of two equal wall times it is."""
    local = start.astimezone(clinician.clinic.tz)
    return replace(
        place, day=local.date(), starts_at=local.time().replace(fold=0), fold=local.fold, clinician=clinician, room=room
    )
