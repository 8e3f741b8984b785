"""Taking a place in the diary: what is locked for it, which device it gets, and the row that keeps it.

The lock order of the diary is told in `services`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from psycopg2.extras import DateTimeTZRange

from clinic import audit
from clinic.errors import Busy, ConstraintRefused, explained
from clinic.locks import not_for_long
from clinic.models import Membership, Room, User
from clinic.prepared import Prepared
from clinic.rows import insert
from patients.models import Patient
from treatments.appointments.by_patient import services as by_patient
from treatments.appointments.gates import AlreadyBooked, SlotTaken, refuse_closed
from treatments.appointments.models import BLOCKING_IN_SQL, Appointment
from treatments.appointments.places import Place, place_of
from treatments.rules.models import Device
from treatments.scheduling.free_time import Stretch

OVERLAPS = (
    "appointment_clinician_free", "appointment_device_free", "appointment_patient_free", "appointment_room_free",
)  # fmt: skip
TAKEN = {*OVERLAPS, "appointment_not_held", "appointment_beside_an_overlap"}


def lock_place(visit: Appointment, place: Place, start: datetime) -> Place:
    """What the visit will hold, in the fixed order and after its course. Returns the place with its device, and with the
    clinician and the room as they are now: somebody may have left, a room may have gone out of service meanwhile."""
    people = Membership.objects.select_for_update(of=("self",), no_key=True).select_related("user", "clinic")
    with not_for_long():
        place = replace(
            place,
            clinician=people.get(pk=place.clinician.pk),
            room=Room.objects.select_for_update(no_key=True).get(pk=place.room.pk),
        )
        place = replace(place, device=_device_for(visit, place, start))
        patient = Patient.objects.select_for_update(no_key=True).get(pk=visit.patient_id)
    refuse_closed(patient, is_new=visit.pk is None)
    return place


def _device_for(visit: Appointment, place: Place, start: datetime) -> Device | None:
    """The device the visit will hold, locked: the one that is named, else for a treatment the one it has, else a free one.

    A clinic without a device in service books without one. Raises SlotTaken where every device is in use.
    """
    if place.device is not None:
        return Device.objects.select_for_update(no_key=True).get(pk=place.device.pk)
    if visit.kind != Appointment.Kind.TREATMENT:
        return visit.device
    held = place.length.stretches(start).clinician
    [free] = free_devices([visit], [held])
    # Only upwards from the one that was tried: devices are locked by id.
    first = visit.device_id if visit.device_id in free else 0
    for key in (key for key in free if key >= first):
        mine = Device.objects.select_for_update(no_key=True).get(pk=key)
        if key in free_devices([visit], [held])[0]:
            return mine
    if visit.overlap_reason or not visit.clinic.devices.filter(in_service=True).exists():
        return None
    raise no_device_left(place)


def no_device_left(place: Place) -> SlotTaken:
    return SlotTaken(
        f"Just taken: {place.words()}. Every device is in use at that time.", code="appointment_device_free"
    )


# Only days on which something that meets a stretch can begin: every visit there ever was would else be read.
# Another visit of the same patient is not in the way: it moves at the same moment, or she would be in two places, which the
# database refuses.
FREE_DEVICES = Prepared(
    "free_devices",
    f"""
    SELECT wanted.nth, device.id
    FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS wanted (begins, ends, nth)
    JOIN treatments_device device ON device.clinic_id = %(clinic)s AND device.in_service
    WHERE NOT EXISTS (
        SELECT FROM treatments_appointment visit
        WHERE visit.clinic_id = %(clinic)s AND visit.day = ANY(%(days)s::date[])
            AND visit.device_id = device.id AND visit.status IN ({BLOCKING_IN_SQL}) AND visit.patient_id <> %(patient)s
            AND visit.clinician_during && tstzrange(wanted.begins, wanted.ends)
    ) AND NOT EXISTS (
        SELECT FROM treatments_heldvisit held JOIN treatments_coursehold hold ON hold.id = held.hold_id
        WHERE held.device_id = device.id AND held.clinician_during && tstzrange(wanted.begins, wanted.ends)
            AND hold.expires_at > clinic_now() AND hold.plan_id IS DISTINCT FROM %(plan)s
    ) ORDER BY device.id
    """,  # noqa: S608  a constant of ours
)
# From the beginning of a visit to the last moment it can keep a device: the longest numbing and the longest treatment that
# `appointment_minutes_sane` lets in.
LONGEST = timedelta(minutes=240 + 240)


def free_devices(visits: Sequence[Appointment], stretches: Sequence[Stretch]) -> list[list[int]]:
    """For each of these visits of one patient, alone or all of one course, the keys of the devices in service that nobody
    else's visit, and no hold of another course, keeps for its stretch, by id. One query."""
    clinic, planned = visits[0].clinic, visits[0].planned_session
    moments = [moment for one in stretches for moment in (one.start - LONGEST, one.start, one.end)]
    free: list[list[int]] = [[] for _ in visits]
    with connection.cursor() as cursor:
        FREE_DEVICES.execute(
            cursor,
            {
                "clinic": clinic.pk,
                "patient": visits[0].patient_id,
                "plan": planned.plan_id if planned else None,
                "begins": [stretch.start for stretch in stretches],
                "ends": [stretch.end for stretch in stretches],
                "days": sorted({moment.astimezone(clinic.tz).date() for moment in moments}),
            },
        )
        for nth, device in cursor.fetchall():
            free[nth - 1].append(device)
    return free


def take(visit: Appointment, place: Place, start: datetime) -> None:
    """The visit stands there now. Raises SlotTaken where the database says somebody has it."""
    _put(visit, place, start)
    save_in_place(visit)


def take_all(wanted: Iterable[tuple[Appointment, Place, datetime]]) -> None:
    """The same for new visits, written by one statement. The refusal names the first whose place is gone."""
    visits = []
    for visit, place, start in wanted:
        _put(visit, place, start)
        visits.append(visit)
    try:
        with explained(), transaction.atomic():
            insert(visits)
    except ConstraintRefused:
        # Which of them was refused, the database does not say.
        for visit in visits:
            save_in_place(visit)
    except Busy as refusal:
        raise SlotTaken(
            "One of these times is just being taken. Nothing was saved: try again.", code="busy"
        ) from refusal


def _put(visit: Appointment, place: Place, start: datetime) -> None:
    held = place.length.stretches(start)
    visit.day, visit.starts_at, visit.zone = place.day, place.starts_at, visit.clinic.zone
    visit.fold = start.astimezone(visit.clinic.tz).fold
    visit.clinician, visit.room, visit.device = place.clinician, place.room, place.device
    visit.prep_minutes, visit.treat_minutes = place.length.prep_minutes, place.length.treat_minutes
    visit.turnover_minutes = place.length.turnover_minutes
    visit.during, visit.clinician_during, visit.room_during = (
        DateTimeTZRange(*stretch) for stretch in (held.patient, held.clinician, held.room)
    )


def take_instead(visit: Appointment, place: Place, start: datetime, *, by: User) -> None:
    """The same for a visit that moves: it is booked anew, and what was told of its old time is no longer true."""
    before = visit.day
    visit.schedule_version += 1
    visit.status, visit.confirmed_at = "booked", None
    take(visit, place, start)
    by_patient.after_a_move(visit, by=by)
    audit.record("visit.moved", visit, by=by, from_day=before.isoformat(), to_day=place.day.isoformat())


def save_in_place(visit: Appointment, fields: list[str] | None = None) -> None:
    """Save a visit that takes its place in the diary. Raises SlotTaken where the database says somebody has it."""
    words = place_of(visit).words()
    try:
        with explained():
            _save(visit, fields)
    except ConstraintRefused as refusal:
        if refusal.code in TAKEN:
            raise SlotTaken(f"Just taken: {words}. {refusal.sentence}", code=refusal.code) from refusal
        if refusal.code == "planned_session_booked_once":
            raise AlreadyBooked(refusal.sentence, code=refusal.code) from refusal
        raise
    except Busy as refusal:
        raise SlotTaken(f"Just taken: {words}.", code="busy") from refusal


def _save(visit: Appointment, fields: list[str] | None) -> None:
    if visit.pk is None:
        insert([visit])
    else:
        visit.save(update_fields=fields)
