"""Free visits of the clinic for a horizon: three queries, whatever the history (one more where the rooms are not at hand)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from clinic import clock
from clinic.models import Clinic, Membership, Room
from patients.models import Patient
from treatments.appointments.models import BLOCKING, Appointment
from treatments.appointments.working_time import Away, Hours, at_work, opening, time_off, weekly_hours
from treatments.scheduling.free_time import Stretch, without
from treatments.scheduling.slots import Slot, VisitLength, slots

HORIZON_DAYS = 120

Taken = dict[tuple[str, int], list[Stretch]]  # ("clinician" | "room" | "device" | "patient", key) -> stretches


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
    """All free visits from `first_day` to `last_day` (both included, at most 120 days), earliest first.

    The keys of a slot are those of Membership and Room. `hours` and `away` (of the whole horizon) spare their queries
    where a page has read them already. A visit that moves (`ignore`) is not in its own way. `devices`: keys of those of
    which a treatment needs one (see `devices_in_service`).
    """
    last_day = min(last_day, first_day + timedelta(days=HORIZON_DAYS))
    if last_day < first_day:
        return []
    begin, end = clock.day_bounds(first_day, clinic.tz)[0], clock.day_bounds(last_day, clinic.tz)[1]
    hours = weekly_hours(clinic) if hours is None else hours
    away = time_off(clinic, begin, end) if away is None else away
    taken = _taken(clinic, begin, end, ignore)
    usable = opening(hours, away, first_day, last_day, clinic)
    found = slots(
        length=length,
        clinicians={
            who.pk: without(at_work(who.pk, hours, away, first_day, last_day, clinic), taken["clinician", who.pk])
            for who in clinicians
        },
        rooms={
            room.pk: without(usable, taken["room", room.pk])
            for room in (clinic.rooms.all() if rooms is None else rooms)
            if room.in_service
        },
        devices={device: without(usable, taken["device", device]) for device in devices},
        patient_busy=taken["patient", patient.pk],
        zone=clinic.tz,
        not_before=now,
    )
    return sorted(slot for slot in found if begin <= slot.start < end)


def devices_in_service(clinic: Clinic) -> list[int]:
    """Keys of the devices of which each treatment holds one; none where the clinic has listed none. One query."""
    return list(clinic.devices.filter(in_service=True).order_by("pk").values_list("pk", flat=True))


def _taken(clinic: Clinic, begin: datetime, end: datetime, ignore: Appointment | None) -> Taken:
    # Deliberate overlaps count too: nobody is offered a time that somebody already sits in.
    visits = Appointment.objects.filter(clinic=clinic, status__in=BLOCKING, room_during__overlap=(begin, end))
    if ignore is not None:
        visits = visits.exclude(pk=ignore.pk)
    taken: Taken = defaultdict(list)
    rows = visits.order_by().values_list(
        "clinician_id", "room_id", "device_id", "patient_id", "during", "room_during", "clinician_during"
    )
    for clinician, room, device, patient, during, room_during, clinician_during in rows:
        treated = Stretch(clinician_during.lower, clinician_during.upper)
        taken["clinician", clinician].append(treated)
        taken["device", device].append(treated)
        taken["room", room].append(Stretch(room_during.lower, room_during.upper))
        taken["patient", patient].append(Stretch(during.lower, during.upper))
    return taken
