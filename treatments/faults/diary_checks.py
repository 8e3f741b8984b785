"""Is the diary whole? Asked of the rows, by arithmetic of our own: no constraint and no service is believed.

Each check returns what it found wrong, in words for whoever runs it; an empty list is well.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

from treatments.appointments.models import BLOCKING
from treatments.appointments.taken.checking import differences

STANDING = "', '".join(BLOCKING)
OVERLAPS = f"""
WITH standing AS MATERIALIZED (
    SELECT visit.id, held.kind, held.key, lower(held.during) AS begins, upper(held.during) AS ends
    FROM treatments_appointment visit, LATERAL (VALUES
        ('clinician', visit.clinician_id, visit.clinician_during),
        ('room', visit.room_id, visit.room_during),
        ('device', visit.device_id, visit.clinician_during),
        ('patient', visit.patient_id, visit.during)
    ) held (kind, key, during)
    WHERE visit.status IN ('{STANDING}') AND visit.overlap_reason = '' AND held.key IS NOT NULL
)
SELECT one.kind, one.key, one.id, other.id FROM standing one JOIN standing other
    ON one.kind = other.kind AND one.key = other.key AND one.id < other.id
    AND one.begins < other.ends AND other.begins < one.ends
"""  # noqa: S608  constants of ours only
HELD_TWICE = f"""
WITH held AS MATERIALIZED (
    SELECT row.id, hold.plan_id, busy.kind, busy.key, lower(busy.during) AS begins, upper(busy.during) AS ends
    FROM treatments_heldvisit row JOIN treatments_coursehold hold ON hold.id = row.hold_id, LATERAL (VALUES
        ('clinician', row.clinician_id, row.clinician_during), ('room', row.room_id, row.room_during),
        ('device', row.device_id, row.clinician_during)
    ) busy (kind, key, during)
    WHERE busy.key IS NOT NULL AND hold.expires_at > clinic_now()
), booked AS MATERIALIZED (
    SELECT visit.id, session.plan_id, busy.kind, busy.key, lower(busy.during) AS begins, upper(busy.during) AS ends
    FROM treatments_appointment visit LEFT JOIN treatments_plannedsession session ON session.id = visit.planned_session_id,
    LATERAL (VALUES
        ('clinician', visit.clinician_id, visit.clinician_during), ('room', visit.room_id, visit.room_during),
        ('device', visit.device_id, visit.clinician_during)
    ) busy (kind, key, during)
    -- A hold binds whoever locks what he takes; a raw row of somebody who locks nothing may slip past it.
    WHERE visit.status IN ('{STANDING}') AND visit.overlap_reason = '' AND busy.key IS NOT NULL AND visit.booked_by_id IS NOT NULL
)
SELECT 'held twice', one.kind, one.id, other.id FROM held one JOIN held other ON one.kind = other.kind AND one.key = other.key
    AND one.id < other.id AND one.begins < other.ends AND other.begins < one.ends
UNION ALL
SELECT 'booked over a hold', held.kind, held.id, booked.id FROM held JOIN booked ON held.kind = booked.kind
    AND held.key = booked.key AND booked.plan_id IS DISTINCT FROM held.plan_id
    AND held.begins < booked.ends AND booked.begins < held.ends
"""  # noqa: S608  constants of ours only
BELOW_THE_FLOOR = f"""
SELECT plan_id, number, before, day - day_before, floor_days FROM (
    SELECT plan.id AS plan_id, session.number, visit.day, plan.floor_days,
        lag(visit.day) OVER course AS day_before, lag(session.number) OVER course AS before
    FROM treatments_appointment visit JOIN treatments_plannedsession session ON session.id = visit.planned_session_id
        JOIN treatments_treatmentplan plan ON plan.id = session.plan_id
    WHERE visit.status IN ('{STANDING}') AND visit.session_counts
    WINDOW course AS (PARTITION BY plan.id ORDER BY session.number, visit.id)
) gap WHERE before = number OR day - day_before < floor_days
"""  # noqa: S608  constants of ours only
# A visit is booked once, and each later version of it is one move, one closing or one restoring.
NOT_AUDITED = """
SELECT visit.id, visit.schedule_version, booked, changed FROM treatments_appointment visit, LATERAL (
    SELECT count(*) FILTER (WHERE action = 'visit.booked') AS booked,
        count(*) FILTER (WHERE action IN ('visit.moved', 'visit.cancelled', 'visit.no_show')
            OR (action = 'visit.step_undone' AND facts->>'step' IN ('cancelled', 'no_show'))) AS changed
    FROM clinic_auditevent event WHERE event.target_ref = visit.ref
) audit
WHERE visit.booked_by_id IS NOT NULL AND (booked <> 1 OR changed <> visit.schedule_version - 1)
"""
# Every version of a visit is in its history, the newest as the row itself stands.
HISTORY_GONE = """
SELECT visit.id, visit.schedule_version, kept, last.status FROM treatments_appointment visit, LATERAL (
    SELECT count(DISTINCT schedule_version) AS kept, max(pgh_id) AS newest
    FROM treatments_appointmentevent event WHERE event.pgh_obj_id = visit.id
) history LEFT JOIN treatments_appointmentevent last ON last.pgh_id = history.newest
WHERE kept <> visit.schedule_version OR (last.status, last.during, last.room_id, last.clinician_id)
    IS DISTINCT FROM (visit.status, visit.during, visit.room_id, visit.clinician_id)
"""
Check = Callable[[], list[str]]


def rows(statement: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def overlaps() -> list[str]:
    return [f"{kind} {key}: visits {one} and {other} at once" for kind, key, one, other in rows(OVERLAPS)]


def held_twice() -> list[str]:
    return [f"{what} ({kind}): {one} and {other}" for what, kind, one, other in rows(HELD_TWICE)]


def below_the_floor() -> list[str]:
    return [
        f"course {plan}: session {number} is {gap} days after session {before}, the floor is {floor}"
        for plan, number, before, gap, floor in rows(BELOW_THE_FLOOR)
    ]


def ticks_that_differ() -> list[str]:
    return [str(one) for one in differences()]


def not_audited() -> list[str]:
    return [
        f"visit {visit}, version {version}: audited as booked {booked} times, as changed {changed} times"
        for visit, version, booked, changed in rows(NOT_AUDITED)
    ]


def history_gone() -> list[str]:
    return [
        f"visit {visit}, version {version}: {kept} versions are kept, the last is {status}"
        for visit, version, kept, status in rows(HISTORY_GONE)
    ]


# What holds at any moment, also while everybody races.
ALWAYS: dict[str, Check] = {
    "overlaps": overlaps,
    "places held twice": held_twice,
    "intervals below the floor": below_the_floor,
    "kept ticks that differ from the visits": ticks_that_differ,
    "changes without their audit row": not_audited,
    "versions that history has lost": history_gone,
}
