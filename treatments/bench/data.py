"""A clinic to measure on: 10 clinicians, 6 rooms, 20,000 patients, a full diary for half a year to come, and a past.

Two databases on a server of their own that is gone at the end: the same clinic with 50,000 visits and with 500,000. What lies
ahead is the same in both, so that what differs is the price of history, which nobody sees.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from clinic import clock
from clinic import services as clinic_services
from clinic.embedded import Postgres
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from patients.models import Patient
from patients.services import people
from treatments.appointments.taken.checking import rebuild
from treatments.rules import services as rules

CLINICIANS, ROOMS, PATIENTS = 10, 6, 20_000
ZONE = "Europe/London"
DAYS_AHEAD = 190
# About 193 visits on each weekday: so long a past makes 50,000 and 500,000 of them.
SMALL_DAYS_BACK, LARGE_DAYS_BACK = 175, 3_440
VISITS = """
INSERT INTO treatments_appointment
    (ref, clinic_id, patient_id, kind, status, clinician_id, room_id, device_id, day, starts_at, zone, fold, prep_minutes,
     treat_minutes, turnover_minutes, during, room_during, clinician_during, overlap_reason, to_ask, session_counts,
     schedule_version, closed_reason)
SELECT gen_random_uuid(), %(clinic)s, (%(patients)s::bigint[])[1 + nth %% cardinality(%(patients)s::bigint[])], 'review',
    CASE WHEN day < %(today)s THEN 'done' ELSE 'booked' END,
    (%(clinicians)s::bigint[])[1 + (room + 6 * (slot / 4) + number) %% cardinality(%(clinicians)s::bigint[])],
    (%(rooms)s::bigint[])[room], (%(devices)s::bigint[])[room], day, starts_at, %(zone)s, 0, 0, 20, 0, during, during, during,
    '', false, true, 1, ''
FROM (
    SELECT day, room, slot, starts_at, number, tstzrange((day + starts_at) AT TIME ZONE %(zone)s,
        (day + starts_at) AT TIME ZONE %(zone)s + interval '20 minutes') AS during,
        row_number() OVER (ORDER BY day, slot, room) AS nth
    FROM (
        SELECT at::date AS day, at::date - DATE '2000-01-03' AS number, room, slot,
            time '08:00' + slot * interval '20 minutes' AS starts_at
        FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') at,
            generate_series(1, %(room_count)s) room, generate_series(0, 35) slot
        WHERE extract(isodow FROM at) < 6
    ) place
    -- One in nine stretches of eighty minutes is left free: long enough for a treatment.
    WHERE abs(hashint8((number * 100 + room * 10 + slot / 4)::bigint)) %% 100 < 89
) visit
"""

INDEXES = """
SELECT other.indexrelid::regclass::text, pg_get_indexdef(other.indexrelid), promise.conname
FROM pg_index other LEFT JOIN pg_constraint promise ON promise.conindid = other.indexrelid AND promise.contype IN ('x', 'u')
WHERE other.indrelid = 'treatments_appointment'::regclass AND NOT other.indisprimary
"""


@dataclass(frozen=True)
class Bench:
    """Two connections to the clinic, which stands in the place of the default one at a time."""

    small: DatabaseWrapper
    large: DatabaseWrapper

    def use(self, database: DatabaseWrapper) -> None:
        connections["default"] = database


@contextmanager
def bench_clinic() -> Iterator[Bench]:
    """Starts a server, fills it (a minute or two) and takes everything away at the end."""
    usual = connections["default"]
    with tempfile.TemporaryDirectory(prefix="stratum-bench-") as folder:
        server = Postgres(Path(folder) / "postgres", database="small", durable=False, dies_with_us=True)
        server.start()
        try:
            bench = Bench(_connected(usual, server, "small"), _connected(usual, server, "large"))
            bench.use(bench.small)
            call_command("migrate", verbosity=0)
            indexes = _fill()
            bench.small.close()
            _copy(_connected(usual, server, "postgres"))
            bench.use(bench.large)
            _add_history()
            for database in (bench.small, bench.large):
                bench.use(database)
                _settle(indexes)
            yield bench
        finally:
            connections["default"].close()
            connections["default"] = usual
            server.stop()


def _connected(usual: DatabaseWrapper, server: Postgres, name: str) -> DatabaseWrapper:
    address = {"NAME": name, "USER": "postgres", "PASSWORD": "", "HOST": str(server.data_dir), "PORT": ""}
    return DatabaseWrapper(usual.settings_dict | address, alias="default")


def _copy(server: DatabaseWrapper) -> None:
    with server.cursor() as cursor:
        cursor.execute("CREATE DATABASE large TEMPLATE small STRATEGY file_copy")
    server.close()


def _fill() -> list[str]:
    """The clinic with its recent past. Returns what makes the indexes of the visits, which are left out so far."""
    clinic = clinic_services.create_clinic(
        name="Bench clinic", zone=ZONE, manager_email="manager@bench.example", manager_name="Mara Quist", password=None,
        is_demo=True, urgent_phone="020 7946 0142", emergency_number="999", reply_to="desk@bench.example",
    )  # fmt: skip
    manager = clinic.memberships.get().user
    for number in range(1, ROOMS + 1):
        clinic_services.add_room(clinic=clinic, name=f"Room {number}", short_name=f"R{number}", by=manager)
        rules.add_device(clinic=clinic, by=manager, name=f"Pen {number}", max_depth_mm={"face": 1.5})
    for number in range(CLINICIANS):
        _add_clinician(clinic, manager, number)
    first = people.register(
        clinic=clinic, by=manager, given_name="Leila", family_name="Haddad", born_on=date(1992, 6, 9)
    )
    today = clock.today(clinic)
    with _unchecked() as cursor:
        indexes = _without_indexes(cursor)
        _multiply(cursor, first)
        _add_visits(cursor, clinic, today, today - timedelta(days=SMALL_DAYS_BACK), today + timedelta(days=DAYS_AHEAD))
    return indexes


def _add_clinician(clinic: Clinic, manager: User, number: int) -> Membership:
    user = User.objects.create_user(f"clinician{number}@bench.example", None, full_name=f"Clinician {number}")
    member = clinic_services.join(
        clinic=clinic,
        user=user,
        roles=[Role.CLINICIAN, Role.FRONT_DESK],
        by=manager,
        sees_patients=True,
        position=number,
    )
    clinic_services.set_weekly_hours(
        membership=member, hours={weekday: [(time(8), time(20))] for weekday in range(1, 6)}, by=manager
    )
    return member


def _multiply(cursor, patient: Patient) -> None:
    """Patients like one that a service made. Nobody is looked for by name here."""
    columns = ", ".join(f.column for f in Patient._meta.local_fields if f.column not in ("id", "ref"))
    cursor.execute(
        f"INSERT INTO patients_patient (ref, {columns}) SELECT gen_random_uuid(), {columns}"  # noqa: S608  column names of ours
        " FROM patients_patient, generate_series(2, %s) WHERE id = %s",
        [PATIENTS, patient.pk],
    )


def _add_history() -> None:
    clinic = Clinic.objects.get()
    today = clock.today(clinic)
    begin, end = today - timedelta(days=LARGE_DAYS_BACK), today - timedelta(days=SMALL_DAYS_BACK + 1)
    with _unchecked() as cursor:
        _add_visits(cursor, clinic, today, begin, end)


def _add_visits(cursor, clinic: Clinic, today: date, first: date, last: date) -> None:
    keys = {
        "patients": clinic.patients.order_by("pk"),
        "clinicians": clinic.memberships.filter(sees_patients=True).order_by("pk"),
        "rooms": clinic.rooms.order_by("pk"),
        "devices": clinic.devices.order_by("pk"),
    }
    cursor.execute(
        VISITS,
        {name: list(rows.values_list("pk", flat=True)) for name, rows in keys.items()}
        | {"clinic": clinic.pk, "today": today, "first": first, "last": last, "zone": ZONE, "room_count": ROOMS},
    )


@contextmanager
def _unchecked() -> Iterator:
    """Half a million rows, each of which is known to be in order: no trigger looks at them."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = DEFAULT")


def _without_indexes(cursor) -> list[str]:
    """Takes the indexes away and returns the statements that make them. Those of the constraints come back as indexes only:
    the constraints themselves would look at every row again, for minutes, and reading asks the index."""
    cursor.execute(INDEXES)
    found = cursor.fetchall()
    for index, _, promise in found:
        cursor.execute(
            f"ALTER TABLE treatments_appointment DROP CONSTRAINT {promise}" if promise else f"DROP INDEX {index}"
        )
    return [definition for _, definition, _ in found]


def _settle(indexes: list[str]) -> None:
    """Indexes, what the triggers would have kept, and what the server's own housekeeping does within minutes."""
    with connection.cursor() as cursor:
        for definition in indexes:
            cursor.execute(definition)
    rebuild()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
