"""Who works when, as moments: hours in wall time, less time off. When the clinic is open follows from it.

The hours of a weekday count week after week; where a single day has hours of its own, those replace them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache

from django.db import connection

from clinic import clock
from clinic.models import Clinic, Membership, TimeOff, User, WorkingHours
from treatments.scheduling.free_time import Stretch, merged, without

Hours = dict[int, list[WorkingHours]]  # membership key -> hours of weekdays and of single days
Away = dict[int | None, list[Stretch]]  # membership key, or None for the whole clinic
FOREVER = datetime.max.replace(tzinfo=clock.UTC)


def weekly_hours(clinic: Clinic) -> Hours:
    """Hours of everybody who sees patients, weekly and of single days, each row with its person. One query.

    Each person is made once and not once a row: made by the ORM this took half as long as the whole search for a course.
    """
    statement, models = _hours_and_people()
    hours: Hours = defaultdict(list)
    known: dict[int, Membership] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, [clinic.pk])
        for values in cursor.fetchall():
            (hours_of, to_person), (person_of, to_user), (user_of, _) = models
            row = WorkingHours.from_db(connection.alias, hours_of, values[:to_person])
            if row.membership_id not in known:
                person = Membership.from_db(connection.alias, person_of, values[to_person:to_user])
                person.user = User.from_db(connection.alias, user_of, values[to_user:])
                known[row.membership_id] = person
            row.membership = known[row.membership_id]
            hours[row.membership_id].append(row)
    return hours


@cache
def _hours_and_people() -> tuple[str, list[tuple[list[str], int]]]:
    """The statement, and of each model in it the names of its fields and where the next one's values begin."""
    columns, models = [], []
    for alias, model in (("hours", WorkingHours), ("person", Membership), ("usr", User)):
        fields = model._meta.concrete_fields
        columns += [f'{alias}."{field.column}"' for field in fields]
        models.append(([field.attname for field in fields], len(columns)))
    statement = f"""
        SELECT {", ".join(columns)} FROM clinic_workinghours hours
        JOIN clinic_membership person ON person.id = hours.membership_id JOIN clinic_user usr ON usr.id = person.user_id
        WHERE person.clinic_id = %s AND person.is_active AND person.sees_patients AND hours.withdrawn_at IS NULL
        ORDER BY person.position, person.id, hours."on", hours.weekday, hours.starts
    """  # noqa: S608  names of our own columns
    return statement, models


def people(hours: Hours) -> list[Membership]:
    """Those whose hours these are, in the clinic's order."""
    return [rows[0].membership for rows in hours.values() if rows]


def time_off(clinic: Clinic, begin: datetime, end: datetime | None) -> Away:
    """Who is away between two moments (`end` None: from then on). One query."""
    rows = TimeOff.objects.filter(clinic=clinic, during__overlap=(begin, end), withdrawn_at=None)
    away: Away = defaultdict(list)
    for who, during in rows.values_list("membership_id", "during"):
        away[who].append(Stretch(during.lower or begin, during.upper or end or FOREVER))
    return away


def rostered(rows: Iterable[WorkingHours], first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """Hours as moments: worked out day by day in wall time, so that 09:00 stays 09:00 across a clock change."""
    counting = _by_day(rows)
    return [
        _stretch(row, day, clinic, offset)
        for day, offset in _days(first_day, last_day, clinic)
        for row in counting(day)
    ]


def hours_of_day(rows: Iterable[WorkingHours], day: date) -> list[WorkingHours]:
    """What counts of one person's hours on a day: its own where it has any (without times: not in), else the weekday's."""
    return _by_day(rows)(day)


def at_work(who: int, hours: Hours, away: Away, first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """When one person works, time off taken out."""
    absent = [*away.get(None, ()), *away.get(who, ())]
    return without(rostered(hours.get(who, ()), first_day, last_day, clinic), absent)


def opening(hours: Hours, away: Away, first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """When rooms may be used: each day from the first person's beginning to the last one's end.

    Numbing needs a room and nobody in particular, but somebody has to be in the house.
    """
    stretches = []
    everybody = [_by_day(rows) for rows in hours.values()]
    for day, offset in _days(first_day, last_day, clinic):
        of_day = [_stretch(row, day, clinic, offset) for counting in everybody for row in counting(day)]
        if of_day:
            stretches.append(Stretch(min(s.start for s in of_day), max(s.end for s in of_day)))
    return without(stretches, away.get(None, ()))


def working_stretches(clinician: Membership, day: date) -> list[Stretch]:
    """When someone works on a day, time off taken out. Two queries."""
    clinic = clinician.clinic
    hours: Hours = {clinician.pk: list(clinician.working_hours.filter(withdrawn_at=None))}
    return at_work(clinician.pk, hours, time_off(clinic, *clock.day_bounds(day, clinic.tz)), day, day, clinic)


def closed_stretches(clinic: Clinic, day: date) -> list[Stretch]:
    """When the whole clinic is closed on a day. One query."""
    return merged(time_off(clinic, *clock.day_bounds(day, clinic.tz)).get(None, ()))


def _by_day(rows: Iterable[WorkingHours]) -> Callable[[date], list[WorkingHours]]:
    """A horizon asks for many days, so the rows are sorted once: by their single day and by their weekday."""
    own: dict[date, list[WorkingHours]] = defaultdict(list)
    weekly: dict[int, list[WorkingHours]] = defaultdict(list)
    for row in rows:
        if row.on is None:
            weekly[row.weekday].append(row)
        else:
            own[row.on].append(row)

    def counting(day: date) -> list[WorkingHours]:
        if day in own:
            return [row for row in own[day] if row.starts is not None]
        return [row for row in weekly.get(day.isoweekday(), ()) if _is_valid(row, day)]

    return counting


def _is_valid(row: WorkingHours, day: date) -> bool:
    return (row.valid_from is None or row.valid_from <= day) and (row.valid_until is None or day <= row.valid_until)


def _days(first_day: date, last_day: date, clinic: Clinic) -> Iterator[tuple[date, timedelta | None]]:
    """Each day with its distance from UTC; None where the clocks change on it, so that every time has to be asked."""
    offset = _offset(first_day, clinic)
    for number in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=number)
        following = _offset(day + timedelta(days=1), clinic)
        yield day, offset if offset == following else None
        offset = following


def _offset(day: date, clinic: Clinic) -> timedelta | None:
    return datetime.combine(day, time.min, tzinfo=clinic.tz).utcoffset()


def _stretch(row: WorkingHours, day: date, clinic: Clinic, offset: timedelta | None) -> Stretch:
    if offset is not None:
        return Stretch(
            datetime.combine(day, row.starts, tzinfo=clock.UTC) - offset,
            datetime.combine(day, row.ends, tzinfo=clock.UTC) - offset,
        )
    # From the first time the wall clock shows the beginning to the last time it shows the end: a repeated hour is worked twice.
    return Stretch(_moment(day, row.starts, clinic), max(_moment(day, row.ends, clinic, fold) for fold in (0, 1)))


def _moment(day: date, wall_time: time, clinic: Clinic, fold: int = 0) -> datetime:
    return datetime.combine(day, wall_time, tzinfo=clinic.tz).replace(fold=fold).astimezone(clock.UTC)
