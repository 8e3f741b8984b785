"""Free visits of the clinic for a horizon: three queries, whatever the history."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from clinic.models import Clinic, Membership, Room
from patients.models import Patient
from treatments.appointments.models import Appointment
from treatments.appointments.taken.fitting import single_visits
from treatments.appointments.taken.reading import free_time
from treatments.appointments.working_time import Away, Hours, house_between, weekly_hours
from treatments.scheduling.slots import Slot, VisitLength

HORIZON_DAYS = 120
GRID_MINUTES = 15


def free_slots(
    *,
    clinic: Clinic,
    patient: Patient,
    length: VisitLength,
    first_day: date,
    last_day: date,
    clinicians: Iterable[Membership],
    now: datetime,
    ignore: Appointment | None = None,
    rooms: Iterable[Room] | None = None,
    hours: Hours | None = None,
    away: Away | None = None,
    devices: Iterable[int] = (),
) -> list[Slot]:
    """All free visits from `first_day` to `last_day` (both included, at most 120 days), earliest first; a visit that begins
    between two of the five minutes that are kept takes all five.

    The keys of a slot are those of Membership and Room. `hours` and `away` (of the whole horizon) spare their queries
    where a page has read them already. A visit that moves (`ignore`) is not in its own way. `devices`: keys of those of
    which a treatment needs one (see `devices_in_service`).
    """
    last_day = min(last_day, first_day + timedelta(days=HORIZON_DAYS))
    if last_day < first_day:
        return []
    house = None if rooms is not None and away is not None else house_between(clinic, first_day, last_day)
    free = free_time(
        clinic=clinic,
        patient=patient,
        first_day=first_day,
        last_day=last_day,
        clinicians=[who.pk for who in clinicians],
        rooms=house.rooms if rooms is None else [room.pk for room in rooms if room.in_service],
        devices=devices,
        hours=weekly_hours(clinic, first_day, last_day) if hours is None else hours,
        away=house.away if away is None else away,
        ignore=() if ignore is None else (ignore,),
    )
    return sorted(single_visits(free, length, not_before=now, grid_minutes=GRID_MINUTES), key=_in_order)


def devices_in_service(clinic: Clinic) -> list[int]:
    """Keys of the devices of which each treatment holds one; none where the clinic has listed none. One query."""
    return list(clinic.devices.filter(in_service=True).order_by("pk").values_list("pk", flat=True))


def _in_order(slot: Slot) -> tuple[datetime, int, int]:
    return slot.start, slot.clinician, slot.room
