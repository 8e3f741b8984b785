"""A clinic as large as design section 6 says: rows copied by the database from one course that the services made.

Triggers are off meanwhile, as nothing is written that they have not seen once.
"""

from datetime import date, timedelta

from django.db import connection, models

from clinic.models import Clinic, Room
from clinic.roles import Role
from patients.models import Patient
from tests import factories
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.screenings.models import ScreeningRecord

CLINICIANS = 10
# Forty minutes each, one place in five is left free; Sundays nobody comes.
PLACES_A_DAY, FREE_EVERY = 12, 5
FIRST_KEY = 100_000


def fill_diary(clinic: Clinic, seed: TreatmentPlan, *, weeks: int, unbooked: int, late_every: int) -> int:
    """Session 1 of as many courses as there are places in the next weeks, and `unbooked` courses more.

    One visit in `late_every` is booked a week later than best. Returns how many visits there are.
    """
    made = [
        factories.make_member(clinic, Role.CLINICIAN, name=f"Clinician {n}", licence="1").pk
        for n in range(CLINICIANS - 1)
    ]
    Room.objects.bulk_create(
        Room(clinic=clinic, name=f"Place {n}", short_name=f"P{n}", position=9 + n) for n in range(CLINICIANS - 2)
    )
    people = sorted([factories.a_clinician(clinic).pk, *made])
    rooms = list(clinic.rooms.order_by("pk").values_list("pk", flat=True))
    places = [
        (factories.TODAY + timedelta(days=day), who, place)
        for day in range(7 * weeks)
        if (factories.TODAY + timedelta(days=day)).isoweekday() != 7
        for who in range(CLINICIANS)
        for place in range(PLACES_A_DAY)
        if (day * 7 + who * 3 + place) % FREE_EVERY
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        _copy_courses(cursor, seed, len(places) + unbooked)
        _book(cursor, clinic, places, people, rooms)
        _set_windows(cursor, late_every)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("SELECT treatments_rebuild_taken()")
        cursor.execute("ANALYZE")
    return len(places)


def _copy_courses(cursor, seed: TreatmentPlan, count: int) -> None:
    made = "gen_random_uuid()"
    for model, own, where in (
        (Patient, {"id": f"{FIRST_KEY} + n", "ref": made}, f"id = {seed.patient_id}"),
        (TreatmentPlan, {"id": f"{FIRST_KEY} + n", "ref": made, "patient_id": f"{FIRST_KEY} + n"}, f"id = {seed.pk}"),
        (PlannedSession, {"ref": made, "plan_id": f"{FIRST_KEY} + n"}, f"plan_id = {seed.pk}"),
        (ScreeningRecord, {"ref": made, "patient_id": f"{FIRST_KEY} + n"}, f"patient_id = {seed.patient_id}"),
    ):
        same = ", ".join(_columns(model, without={"id", *own}))
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(own)}, {same}) "  # noqa: S608
            f"SELECT {', '.join(own.values())}, {same} FROM {model._meta.db_table}, generate_series(1, {count}) n "
            f"WHERE {where}"
        )


def _columns(model: type[models.Model], *, without: set[str]) -> list[str]:
    return [f'"{field.column}"' for field in model._meta.local_fields if field.column not in without]


def _book(cursor, clinic: Clinic, places: list[tuple[date, int, int]], people: list[int], rooms: list[int]) -> None:
    cursor.execute(
        """
        INSERT INTO treatments_appointment (
            ref, clinic_id, patient_id, planned_session_id, kind, status, clinician_id, room_id, day, starts_at, zone,
            fold, prep_minutes, treat_minutes, turnover_minutes, during, room_during, clinician_during, overlap_reason,
            to_ask, session_counts, schedule_version, closed_reason, booked_at)
        SELECT gen_random_uuid(), %s, plan.patient_id, session.id, 'treatment', 'booked', who, room, on_day, wall,
            'Europe/London', 0, 0, 30, 0, held, held, held, '', false, true, 1, '', clinic_now()
        FROM unnest(%s::date[], %s::int[], %s::int[], %s::int[]) WITH ORDINALITY place (on_day, who, room, number, n)
        CROSS JOIN LATERAL (SELECT time '09:00' + number * interval '40 minutes') at (wall)
        CROSS JOIN LATERAL (SELECT tstzrange((on_day + wall) AT TIME ZONE 'Europe/London',
            (on_day + wall + interval '30 minutes') AT TIME ZONE 'Europe/London')) span (held)
        JOIN treatments_treatmentplan plan ON plan.id = %s + n
        JOIN treatments_plannedsession session ON session.plan_id = plan.id AND session.number = 1
        """,
        [
            clinic.pk,
            [day for day, _, _ in places],
            [people[who] for _, who, _ in places],
            [rooms[who] for _, who, _ in places],
            [place for _, _, place in places],
            FIRST_KEY,
        ],
    )


def _set_windows(cursor, late_every: int) -> None:
    """Of who is booked: around the visit; of who is not: open, opening and closing in turns."""
    cursor.execute(
        """
        UPDATE treatments_plannedsession session SET earliest_on = visit.day - 14, latest_on = visit.day + 42,
            target_on = visit.day - CASE WHEN visit.id %% %s = 0 THEN 7 ELSE 0 END
        FROM treatments_appointment visit WHERE visit.planned_session_id = session.id
        """,
        [late_every],
    )
    cursor.execute(
        """
        UPDATE treatments_plannedsession session SET earliest_on = %(today)s - 14 + (plan_id %% 18)::int,
            target_on = %(today)s - 11 + (plan_id %% 18)::int, latest_on = %(today)s + 7 + (plan_id %% 30)::int
        WHERE number = 1 AND plan_id > %(first)s
            AND NOT EXISTS (SELECT FROM treatments_appointment visit WHERE visit.planned_session_id = session.id)
        """,
        {"today": factories.TODAY, "first": FIRST_KEY},
    )
