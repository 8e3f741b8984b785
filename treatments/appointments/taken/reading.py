"""Free time of a horizon, out of what the database keeps: one query, whatever the history."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from clinic.models import Clinic
from patients.models import Patient
from treatments.appointments.models import BLOCKING, Appointment
from treatments.appointments.taken.days import Days, days_between, runs
from treatments.appointments.taken.models import BLOCK_TICKS, TICK_SECONDS
from treatments.appointments.taken.rows import fetch
from treatments.appointments.taken.working import at_work, open_hours
from treatments.appointments.working_time import Away, Hours
from treatments.scheduling.free_time import Stretch

# What is kept of those asked about ('k', in blocks); and what nothing keeps because it is little ('t', in ticks): the visits
# of the patient herself, and the places that somebody holds for another course for some minutes.
KEPT = """
SELECT 'k'::"char", left(kind, 1)::"char", key, block::bigint, 0::bigint, 0::bigint, bits FROM treatments_taken
WHERE clinic_id = %(clinic)s AND block BETWEEN %(first_block)s AND %(last_block)s AND (
    (kind = 'clinician' AND key = ANY(%(clinicians)s)) OR (kind = 'room' AND key = ANY(%(rooms)s))
    OR (kind = 'device' AND key = ANY(%(devices)s)))
UNION ALL
SELECT 't', 'p', patient_id, treatments_tick(lower(during)), treatments_last_tick(upper(during)) + 1, 0, ''
FROM treatments_appointment
WHERE patient_id = %(patient)s AND clinic_id = %(clinic)s AND day BETWEEN %(first_day)s - 1 AND %(last_day)s + 1
    AND status = ANY(%(blocking)s) AND id <> ALL(%(ignored)s::bigint[])
UNION ALL
SELECT 't', held.kind::"char", held.key, treatments_tick(lower(held.during)), treatments_last_tick(upper(held.during)) + 1, 0, ''
FROM treatments_coursehold hold JOIN treatments_heldvisit visit ON visit.hold_id = hold.id, LATERAL (VALUES
    ('c', visit.clinician_id, visit.clinician_during),
    ('r', visit.room_id, visit.room_during),
    ('d', visit.device_id, visit.clinician_during)
) held (kind, key, during)
WHERE hold.clinic_id = %(clinic)s AND hold.plan_id <> %(own_course)s AND hold.expires_at > clinic_now() AND held.key IS NOT NULL
"""
# Visits that move ('-') are not in their own way. Where somebody sits beside one on purpose, the place stays taken: all
# that takes it ('+'), the visit itself among them.
IGNORED = """
UNION ALL
SELECT taking.sign::"char", left(held.kind, 1)::"char", held.key, treatments_tick(lower(taking.during)),
    treatments_last_tick(upper(taking.during)) + 1, visit.id, ''
FROM treatments_appointment visit, LATERAL (VALUES
    ('clinician', visit.clinician_id, visit.clinician_during),
    ('room', visit.room_id, visit.room_during),
    ('device', visit.device_id, visit.clinician_during)
) held (kind, key, during), LATERAL (
    SELECT '-' AS sign, held.during
    UNION ALL SELECT '+', other FROM treatments_taking(held.kind, held.key, tstzrange(
        to_timestamp(treatments_tick(lower(held.during)) * 300),
        to_timestamp((treatments_last_tick(upper(held.during)) + 1) * 300))) other
) taking
WHERE visit.id = ANY(%(ignored)s::bigint[]) AND held.key IS NOT NULL AND visit.status = ANY(%(blocking)s)
"""

CLINICIANS_FROM = """
SELECT key, block::bigint, bits FROM treatments_taken WHERE clinic_id = %s AND kind = 'clinician' AND block >= %s
"""

NOTHING = bytes(BLOCK_TICKS // 8)
# As the statements call them.
CLINICIAN, ROOM, DEVICE, PATIENT = b"c", b"r", b"d", b"p"
Span = tuple[int, int]  # ticks: first and end
Which = tuple[bytes, int]  # one of these letters and a key


@dataclass
class FreeTime:
    """Who and what is free when, as bits of `days`, by key and in the order asked for. `busy`: the patient's own visits."""

    days: Days
    clinicians: dict[int, int]
    rooms: dict[int, int]
    devices: dict[int, int]
    busy: int

    def stretches(self, bits: int) -> list[Stretch]:
        """Bits as stretches, sorted and apart."""
        return [Stretch(self.days.moment(first), self.days.moment(end)) for first, end in runs(bits)]


def free_time(
    *,
    clinic: Clinic,
    patient: Patient | None,
    first_day: date,
    last_day: date,
    clinicians: Iterable[int],
    rooms: Iterable[int],
    devices: Iterable[int],
    hours: Hours,
    away: Away,
    ignore: Iterable[Appointment] = (),
    own_course: int = 0,
) -> FreeTime:
    """Free time of some clinicians, rooms and devices (keys) from `first_day` to `last_day`, both included. One query.

    `hours` and `away` of the whole horizon, from `working_time`. Visits that move (`ignore`) are not in their own way,
    nor are places held for the course itself (`own_course`, its key). Without a `patient` nobody is busy.
    """
    days = days_between(first_day, last_day, clinic.tz)
    asked = {CLINICIAN: list(clinicians), ROOM: list(rooms), DEVICE: list(devices)}
    taken = _taken(clinic, patient, days, asked, ignore, own_course)
    usable = open_hours(hours, away, days, clinic)
    return FreeTime(
        days=days,
        clinicians={key: at_work(key, hours, away, days, clinic) & ~taken[CLINICIAN, key] for key in asked[CLINICIAN]},
        rooms={key: usable & ~taken[ROOM, key] for key in asked[ROOM]},
        devices={key: usable & ~taken[DEVICE, key] for key in asked[DEVICE]},
        busy=0 if patient is None else taken[PATIENT, patient.pk],
    )


def clinicians_taken(clinic: Clinic, first_day: date) -> tuple[Days, dict[int, int]]:
    """What is taken of each clinician, whoever she is by now, from a day on to the last day on which anything is. One query."""
    begin = Days(first_day, first_day, clinic.tz).begin
    first_block, into_it = divmod(begin, BLOCK_TICKS)
    taken: dict[int, int] = defaultdict(int)
    with connection.cursor() as cursor:
        cursor.execute(CLINICIANS_FROM, [clinic.pk, first_block])
        for key, block, bits in cursor.fetchall():
            taken[key] |= int.from_bytes(bits, "little") << (block - first_block) * BLOCK_TICKS
    taken = {key: bits >> into_it for key, bits in taken.items()}
    ticks = max((bits.bit_length() for bits in taken.values()), default=0)
    last_moment = datetime.fromtimestamp((begin + max(0, ticks - 1)) * TICK_SECONDS, clinic.tz)
    return Days(first_day, last_moment.date(), clinic.tz), taken


def _taken(
    clinic: Clinic,
    patient: Patient | None,
    days: Days,
    asked: dict[bytes, list[int]],
    ignore: Iterable[Appointment],
    own_course: int,
) -> dict[Which, int]:
    ignored = [visit.pk for visit in ignore]
    given = {
        "clinic": clinic.pk,
        "patient": patient.pk if patient is not None else 0,
        "ignored": ignored,
        "own_course": own_course,
        "blocking": list(BLOCKING),
        "first_block": days.begin // BLOCK_TICKS,
        "last_block": (days.end - 1) // BLOCK_TICKS,
        "first_day": days.first,
        "last_day": days.last,
        "clinicians": asked[CLINICIAN],
        "rooms": asked[ROOM],
        "devices": asked[DEVICE],
    }
    taken: dict[Which, int] = defaultdict(int)
    own: dict[Which, list[Span]] = defaultdict(list)
    beside: dict[tuple[bytes, int, int], list[Span]] = defaultdict(list)
    blocks: dict[Which, dict[int, bytes]] = defaultdict(dict)
    for what, kind, key, first, end, visit, bits in fetch(KEPT + IGNORED if ignored else KEPT, given):
        match what:
            case b"k":
                blocks[kind, key][first] = bits
            case b"t":
                taken[kind, key] |= days.between(first, end)
            case b"-":
                own[kind, key].append((first, end))
            case b"+":
                beside[kind, key, visit].append((first, end))
    for which, kept in blocks.items():
        in_order = b"".join(kept.get(block, NOTHING) for block in range(given["first_block"], given["last_block"] + 1))
        taken[which] |= int.from_bytes(in_order, "little") >> (days.begin - given["first_block"] * BLOCK_TICKS)
    for which, stretches in own.items():
        for stretch in stretches:
            taken[which] &= ~days.between(*stretch)
    for (kind, key, _), takings in beside.items():
        for stretch in own[kind, key]:
            if stretch in takings:
                takings.remove(stretch)
        for other in takings:
            taken[kind, key] |= days.between(*other)
    return taken
