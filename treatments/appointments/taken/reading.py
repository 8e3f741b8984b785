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

TAKEN = """
SELECT * FROM treatments_taken_between(
    %(clinic)s, %(first_block)s, %(last_block)s, %(first_day)s, %(last_day)s, %(clinicians)s::bigint[], %(rooms)s::bigint[],
    %(devices)s::bigint[], %(patient)s, %(own_course)s, %(ignored)s::bigint[], %(blocking)s)
"""

CLINICIANS_FROM = """
SELECT key, block::bigint, bits FROM treatments_taken WHERE clinic_id = %s AND kind = 'clinician' AND block >= %s
"""

# As the function calls them.
CLINICIAN, ROOM, DEVICE, PATIENT = b"c", b"r", b"d", b"p"
Span = tuple[int, int]  # ticks: first and end
NOTHING = bytes(BLOCK_TICKS // 8)
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
    usable = open_hours(hours, away, days)
    return FreeTime(
        days=days,
        clinicians={key: at_work(key, hours, away, days) & ~taken[CLINICIAN, key] for key in asked[CLINICIAN]},
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
    first_block, into_it = divmod(days.begin, BLOCK_TICKS)
    last_block = (days.end - 1) // BLOCK_TICKS
    given = {
        "clinic": clinic.pk,
        "patient": patient.pk if patient is not None else 0,
        "ignored": [visit.pk for visit in ignore],
        "own_course": own_course,
        "blocking": list(BLOCKING),
        "first_block": first_block,
        "last_block": last_block,
        "first_day": days.first,
        "last_day": days.last,
        "clinicians": asked[CLINICIAN],
        "rooms": asked[ROOM],
        "devices": asked[DEVICE],
    }
    blocks: dict[Which, list[bytes]] = defaultdict(lambda: [NOTHING] * (last_block - first_block + 1))
    small: list[tuple[Which, Span]] = []
    own: dict[Which, list[Span]] = defaultdict(list)
    beside: dict[tuple[bytes, int, int], list[Span]] = defaultdict(list)
    for what, kind, key, first, end, visit, bits in fetch(TAKEN, given):
        match what:
            case b"k":
                blocks[kind, key][first - first_block] = bits
            case b"t":
                small.append(((kind, key), (first, end)))
            case b"-":
                own[kind, key].append((first, end))
            case b"+":
                beside[kind, key, visit].append((first, end))
    taken: dict[Which, int] = defaultdict(int)
    for which, in_order in blocks.items():
        taken[which] = int.from_bytes(b"".join(in_order), "little") >> into_it
    for which, stretch in small:
        taken[which] |= days.between(*stretch)
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
