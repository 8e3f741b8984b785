"""Who works when, as moments: weekly hours in wall time, less time off. When the clinic is open follows from it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from clinic import clock
from clinic.models import Clinic, Membership, TimeOff, WorkingHours
from treatments.scheduling.free_time import Stretch, without

Hours = dict[int, list[WorkingHours]]  # membership key -> weekly hours
Away = dict[int | None, list[Stretch]]  # membership key, or None for the whole clinic


def weekly_hours(clinic: Clinic) -> Hours:
    """Weekly hours of everybody who sees patients, each row with its person. One query."""
    rows = WorkingHours.objects.filter(
        membership__clinic=clinic, membership__is_active=True, membership__sees_patients=True
    ).select_related("membership__user")
    hours: Hours = defaultdict(list)
    for row in rows.order_by("membership__position", "membership_id", "weekday", "starts"):
        hours[row.membership_id].append(row)
    return hours


def people(hours: Hours) -> list[Membership]:
    """Those whose hours these are, in the clinic's order."""
    return [rows[0].membership for rows in hours.values() if rows]


def time_off(clinic: Clinic, begin: datetime, end: datetime) -> Away:
    """Who is away between two moments. One query."""
    away: Away = defaultdict(list)
    for who, during in TimeOff.objects.filter(clinic=clinic, during__overlap=(begin, end)).values_list(
        "membership_id", "during"
    ):
        away[who].append(Stretch(during.lower or begin, during.upper or end))
    return away


def rostered(rows: Iterable[WorkingHours], first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """Weekly hours as moments: worked out day by day in wall time, so that 09:00 stays 09:00 across a clock change."""
    rows = list(rows)
    stretches = []
    for offset in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=offset)
        stretches += [
            Stretch(_moment(day, row.starts, clinic), _moment(day, row.ends, clinic))
            for row in rows
            if _is_valid(row, day)
        ]
    return stretches


def at_work(who: int, hours: Hours, away: Away, first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """When one person works, time off taken out."""
    absent = [*away.get(None, ()), *away.get(who, ())]
    return without(rostered(hours.get(who, ()), first_day, last_day, clinic), absent)


def opening(hours: Hours, away: Away, first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """When rooms may be used: each day from the first person's beginning to the last one's end.

    Numbing needs a room and nobody in particular, but somebody has to be in the house.
    """
    everybody = [row for rows in hours.values() for row in rows]
    stretches = []
    for offset in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=offset)
        if rows := [row for row in everybody if _is_valid(row, day)]:
            begins, ends = min(row.starts for row in rows), max(row.ends for row in rows)
            stretches.append(Stretch(_moment(day, begins, clinic), _moment(day, ends, clinic)))
    return without(stretches, away.get(None, ()))


def working_stretches(clinician: Membership, day: date) -> list[Stretch]:
    """When someone works on a day, time off taken out. Two queries."""
    clinic = clinician.clinic
    hours: Hours = {clinician.pk: list(clinician.working_hours.all())}
    return at_work(clinician.pk, hours, time_off(clinic, *clock.day_bounds(day, clinic.tz)), day, day, clinic)


def _is_valid(row: WorkingHours, day: date) -> bool:
    return (
        row.weekday == day.isoweekday()
        and (row.valid_from is None or row.valid_from <= day)
        and (row.valid_until is None or day <= row.valid_until)
    )


def _moment(day: date, wall_time: time, clinic: Clinic) -> datetime:
    return datetime.combine(day, wall_time, tzinfo=clinic.tz).astimezone(clock.UTC)
