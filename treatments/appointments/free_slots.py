"""Free visits of the clinic for a horizon: three queries, whatever the history."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import islice

from clinic import clock
from clinic.models import Clinic, Membership, TimeOff, WorkingHours
from patients.models import Patient
from treatments.appointments.models import BLOCKING, Appointment
from treatments.scheduling.free_time import Stretch, without
from treatments.scheduling.slots import Slot, VisitLength, slots

HORIZON_DAYS = 120


def free_slots(
    *,
    clinic: Clinic,
    patient: Patient,
    length: VisitLength,
    first_day: date,
    last_day: date,
    clinicians: list[Membership],
    ignore: Appointment | None = None,
    now: datetime,
) -> list[Slot]:
    """All free visits from `first_day` to `last_day` (both included, at most 120 days), earliest first."""
    last_day = min(last_day, first_day + timedelta(days=HORIZON_DAYS))
    if last_day < first_day:
        return []
    begin, end = clock.day_bounds(first_day, clinic.tz)[0], clock.day_bounds(last_day, clinic.tz)[1]
    # A visit that moves leaves its own place, so it is not in its own way.
    taken = _taken(clinic, begin, end, ignore)
    away = _away(clinic, begin, end)
    hours = _hours(clinicians)
    free = {
        who.pk: without(_open(hours[who.pk], first_day, last_day, clinic), [*away[None], *away[who.pk], *taken["clinician", who.pk]])
        for who in clinicians
    }
    rooms = {
        room.pk: without([Stretch(begin, end)], taken["room", room.pk]) for room in clinic.rooms.all() if room.in_service
    }
    found = slots(
        length=length,
        clinicians=free,
        rooms=rooms,
        patient_busy=taken["patient", patient.pk],
        zone=clinic.tz,
        not_before=now,
    )
    return sorted(found)


def spread(found: list[Slot], *, near: datetime, count: int) -> list[Slot]:
    """The `count` slots nearest to a moment, in order of time, no two at the same moment."""
    by_start = {slot.start: slot for slot in reversed(found)}
    nearest = islice(sorted(by_start.values(), key=lambda slot: (abs(slot.start - near), slot.start)), count)
    return sorted(nearest)


def _taken(clinic: Clinic, begin: datetime, end: datetime, ignore: Appointment | None) -> dict[tuple[str, int], list[Stretch]]:
    visits = Appointment.objects.filter(clinic=clinic, status__in=BLOCKING, room_during__overlap=(begin, end))
    if ignore is not None:
        visits = visits.exclude(pk=ignore.pk)
    taken: dict[tuple[str, int], list[Stretch]] = defaultdict(list)
    for clinician, room, patient, during, room_during, clinician_during in visits.values_list(
        "clinician_id", "room_id", "patient_id", "during", "room_during", "clinician_during"
    ):
        taken["clinician", clinician].append(Stretch(clinician_during.lower, clinician_during.upper))
        taken["room", room].append(Stretch(room_during.lower, room_during.upper))
        taken["patient", patient].append(Stretch(during.lower, during.upper))
    return taken


def _away(clinic: Clinic, begin: datetime, end: datetime) -> dict[int | None, list[Stretch]]:
    away: dict[int | None, list[Stretch]] = defaultdict(list)
    for who, during in TimeOff.objects.filter(clinic=clinic, during__overlap=(begin, end)).values_list("membership_id", "during"):
        away[who].append(Stretch(during.lower or begin, during.upper or end))
    return away


def _hours(clinicians: list[Membership]) -> dict[int, list[WorkingHours]]:
    hours: dict[int, list[WorkingHours]] = defaultdict(list)
    for row in WorkingHours.objects.filter(membership__in=clinicians):
        hours[row.membership_id].append(row)
    return hours


def _open(hours: list[WorkingHours], first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """Weekly hours as moments: worked out day by day in wall time, so that 09:00 stays 09:00 across a clock change."""
    stretches = []
    for offset in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=offset)
        for row in hours:
            if row.weekday != day.isoweekday():
                continue
            if (row.valid_from and day < row.valid_from) or (row.valid_until and day > row.valid_until):
                continue
            start = datetime.combine(day, row.starts, tzinfo=clinic.tz).astimezone(clock.UTC)
            stretches.append(Stretch(start, datetime.combine(day, row.ends, tzinfo=clinic.tz).astimezone(clock.UTC)))
    return stretches


def working_stretches(clinician: Membership, day: date) -> list[Stretch]:
    """When someone works on a day, time off taken out."""
    clinic = clinician.clinic
    begin, end = clock.day_bounds(day, clinic.tz)
    away = _away(clinic, begin, end)
    return without(_open(_hours([clinician])[clinician.pk], day, day, clinic), [*away[None], *away[clinician.pk]])
