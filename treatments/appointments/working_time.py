"""Who works when, as moments: hours in wall time, less time off. When the clinic is open follows from it.

The hours of a weekday count week after week; where a single day has hours of its own, those replace them.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import DateField, IntegerField, Model, Q

from clinic import clock
from clinic.models import Clinic, Membership, User, WorkingHours
from clinic.prepared import Prepared
from clinic.statements import Given, Statement, among
from treatments.scheduling.free_time import Stretch, merged, without


class WorkedHours(NamedTuple):
    """A row of WorkingHours that counts, with its person: a horizon asks for many, and values are made in a tenth of the time."""

    membership: Membership
    weekday: int | None
    on: date | None
    starts: time | None
    ends: time | None
    valid_from: date | None
    valid_until: date | None

    @property
    def membership_id(self) -> int:
        return self.membership.pk


Hours = dict[int, list[WorkedHours]]  # membership key -> hours of weekdays and of single days
Away = dict[int | None, list[Stretch]]  # membership key, or None for the whole clinic
FOREVER = datetime.max.replace(tzinfo=clock.UTC)


def weekly_hours(clinic: Clinic, first_day: date | None = None, last_day: date | None = None) -> Hours:
    """Hours of everybody who sees patients, weekly and of single days, each with its person. One query.

    Who asks for some days only says which (None: no bound): single days pile up over the years. Whoever has hours on single days
    outside of them only is not there.
    """
    hours, _ = _hours(_hours_and_people(), {"clinic": clinic.pk, "first": first_day, "last": last_day})
    return hours


def hours_and_house(clinic: Clinic, first_day: date, last_day: date) -> tuple[Hours, "House"]:
    """`weekly_hours` and `house_between` of the same days. One query, and one more where nobody sees patients."""
    begin, end = clock.day_bounds(first_day, clinic.tz)[0], clock.day_bounds(last_day, clinic.tz)[1]
    given = {"clinic": clinic.pk, "first": first_day, "last": last_day, "begin": begin, "end": end}
    hours, told = _hours(_hours_people_and_house(), given)
    return hours, _house_of(json.loads(told), begin, end) if told else house_between(clinic, first_day, last_day)


def _hours(statement: Prepared, given: Mapping[str, object]) -> tuple[Hours, str]:
    """Hours by person, and what the statement says at the end of each row: always the same."""
    hours: Hours = {}
    person_fields, user_fields = _fields(Membership), _fields(User)
    users = len(person_fields) + len(user_fields)
    told = ""
    with connection.cursor() as cursor:
        statement.execute(cursor, given)
        for values in cursor.fetchall():
            person = Membership.from_db(connection.alias, person_fields, values[: len(person_fields)])
            person.user = User.from_db(connection.alias, user_fields, values[len(person_fields) : users])
            hours[person.pk] = [WorkedHours(person, *row) for row in _read(values[users])]
            told = values[-1]
    return hours, told


READ = (int, date.fromisoformat, time.fromisoformat, time.fromisoformat, date.fromisoformat, date.fromisoformat)


@lru_cache(maxsize=512)
def _read(rows: str) -> list[tuple]:
    """Hours without their person, out of the statement's JSON. They are the same from one search to the next."""
    return [
        tuple(None if value is None else read(value) for read, value in zip(READ, row, strict=True))
        for row in json.loads(rows)
    ]


@cache
def _fields(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _hours_and_people() -> Prepared:
    return Prepared("hours_and_people", _of_everybody("''"))


@cache
def _hours_people_and_house() -> Prepared:
    return Prepared("hours_people_and_house", _of_everybody(f"({_HOUSE_AS_JSON})"))


def _of_everybody(beside: str) -> str:
    """Each person once: the fields of person and user, hours as JSON, and what is asked for beside."""
    columns = [f'person."{field.column}"' for field in Membership._meta.concrete_fields]
    columns += [f'usr."{field.column}"' for field in User._meta.concrete_fields]
    of_hours = ", ".join(f'hours."{name}"' for name in WorkedHours._fields[1:])
    return f"""
        SELECT {", ".join(columns)}, json_agg(json_build_array({of_hours}) ORDER BY hours."on", hours.weekday, hours.starts)::text,
            {beside}
        FROM clinic_workinghours hours
        JOIN clinic_membership person ON person.id = hours.membership_id JOIN clinic_user usr ON usr.id = person.user_id
        WHERE person.clinic_id = %(clinic)s AND person.is_active AND person.sees_patients AND hours.withdrawn_at IS NULL
            AND (hours."on" IS NULL
            OR hours."on" BETWEEN coalesce(%(first)s::date, '-infinity') AND coalesce(%(last)s::date, 'infinity'))
        GROUP BY person.id, usr.id ORDER BY person.position, person.id
    """  # noqa: S608  names of our own columns


def people(hours: Hours) -> list[Membership]:
    """Those whose hours these are, in the clinic's order."""
    return [rows[0].membership for rows in hours.values() if rows]


TIME_OFF = """
SELECT 'away' AS kind, membership_id AS key, lower(during) AS since, upper(during) AS until, 0 AS position FROM clinic_timeoff
WHERE clinic_id = %(clinic)s AND during && tstzrange(%(begin)s::timestamptz, %(end)s::timestamptz) AND withdrawn_at IS NULL
"""
HOUSE = f"""
{TIME_OFF} UNION ALL SELECT 'room', id, NULL, NULL, position FROM clinic_room WHERE clinic_id = %(clinic)s AND in_service
UNION ALL SELECT 'device', id, NULL, NULL, 0 FROM treatments_device WHERE clinic_id = %(clinic)s AND in_service
ORDER BY position, key
"""  # noqa: S608  constants of ours only


_AWAY, _HOUSE = Prepared("time_off", TIME_OFF), Prepared("house", HOUSE)
_HOUSE_AS_JSON = f"""
SELECT json_agg(json_build_array(kind, key, since, until) ORDER BY position, key)::text FROM ({HOUSE}) house
"""  # noqa: S608  constants of ours only


@dataclass(frozen=True)
class House:
    """What is there for some days: who is away, and the keys of the rooms and devices in service, in the clinic's order."""

    away: Away
    rooms: list[int]
    devices: list[int]


def house_between(clinic: Clinic, first_day: date, last_day: date) -> House:
    """For the days from first to last, both included. One query."""
    return _house(_HOUSE, clinic, clock.day_bounds(first_day, clinic.tz)[0], clock.day_bounds(last_day, clinic.tz)[1])


def time_off(clinic: Clinic, begin: datetime, end: datetime | None) -> Away:
    """Who is away between two moments (`end` None: from then on). One query."""
    return _house(_AWAY, clinic, begin, end).away


def _house(statement: Prepared, clinic: Clinic, begin: datetime, end: datetime | None) -> House:
    with connection.cursor() as cursor:
        statement.execute(cursor, {"clinic": clinic.pk, "begin": begin, "end": end})
        return _house_of((row[:-1] for row in cursor.fetchall()), begin, end)


def _house_of(rows: Iterable[Sequence], begin: datetime, end: datetime | None) -> House:
    """Out of rows of HOUSE without their position; a moment may be written as JSON writes it."""
    away: Away = defaultdict(list)
    keys: dict[str, list[int]] = {"room": [], "device": []}
    for kind, key, since, until in rows:
        if kind == "away":
            away[key].append(Stretch(_as_told(since) or begin, _as_told(until) or end or FOREVER))
        else:
            keys[kind].append(key)
    return House(away, keys["room"], keys["device"])


def _as_told(told: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(told) if isinstance(told, str) else told


def rostered(rows: Iterable[WorkedHours], first_day: date, last_day: date, zone: ZoneInfo) -> list[Stretch]:
    """Hours as moments: worked out day by day in wall time, so that 09:00 stays 09:00 across a clock change."""
    counting = day_by_day(rows)
    return [
        _stretch(row, day, zone, offset) for day, offset in _days(first_day, last_day, zone) for row in counting(day)
    ]


def hours_of_day(rows: Iterable[WorkedHours], day: date) -> list[WorkedHours]:
    """What counts of one person's hours on a day: its own where it has any (without times: not in), else the weekday's."""
    return day_by_day(rows)(day)


def at_work(who: int, hours: Hours, away: Away, first_day: date, last_day: date, clinic: Clinic) -> list[Stretch]:
    """When one person works, time off taken out."""
    absent = [*away.get(None, ()), *away.get(who, ())]
    return without(rostered(hours.get(who, ()), first_day, last_day, clinic.tz), absent)


def opening(hours: Hours, away: Away, first_day: date, last_day: date, zone: ZoneInfo) -> list[Stretch]:
    """When rooms may be used: each day from the first person's beginning to the last one's end.

    Numbing needs a room and nobody in particular, but somebody has to be in the house.
    """
    stretches = []
    everybody = [day_by_day(rows) for rows in hours.values()]
    for day, offset in _days(first_day, last_day, zone):
        of_day = [_stretch(row, day, zone, offset) for counting in everybody for row in counting(day)]
        if of_day:
            stretches.append(Stretch(min(s.start for s in of_day), max(s.end for s in of_day)))
    return without(stretches, away.get(None, ()))


@dataclass(frozen=True)
class Duty:
    """When some people work, and when the clinic is closed, on the days it was asked for."""

    clinic: Clinic
    hours: Hours
    away: Away

    def working(self, clinician: Membership, day: date) -> list[Stretch]:
        """When someone works on a day, time off taken out."""
        return at_work(clinician.pk, self.hours, self.away, day, day, self.clinic)

    def closed(self) -> list[Stretch]:
        return merged(self.away.get(None, ()))


def duty(clinic: Clinic, clinicians: Iterable[Membership], days: Collection[date]) -> Duty:
    """When these people work on these days, whoever they are. Two queries."""
    hours: Hours = defaultdict(list)
    for row in _hours_on().rows(people=list({person.pk for person in clinicians}), days=list(days)):
        hours[row.membership_id].append(row)
    begin, end = clock.day_bounds(min(days), clinic.tz)[0], clock.day_bounds(max(days), clinic.tz)[1]
    return Duty(clinic, hours, time_off(clinic, begin, end))


@cache
def _hours_on() -> Statement:
    people, days = Given("people", ArrayField(IntegerField())), Given("days", ArrayField(DateField()))
    counts = Q(on=None) | Q(among("on", days))
    return Statement(WorkingHours.objects.filter(counts, among("membership_id", people), withdrawn_at=None))


def day_by_day(rows: Iterable[WorkedHours]) -> Callable[[date], list[WorkedHours]]:
    """The same for many days: the rows of one person are sorted once, by their single day and by their weekday."""
    own: dict[date, list[WorkedHours]] = defaultdict(list)
    weekly: dict[int, list[WorkedHours]] = defaultdict(list)
    for row in rows:
        if row.on is None:
            weekly[row.weekday].append(row)
        else:
            own[row.on].append(row)

    def counting(day: date) -> list[WorkedHours]:
        if day in own:
            return [row for row in own[day] if row.starts is not None]
        return [row for row in weekly.get(day.isoweekday(), ()) if _is_valid(row, day)]

    return counting


def _is_valid(row: WorkedHours, day: date) -> bool:
    return (row.valid_from is None or row.valid_from <= day) and (row.valid_until is None or day <= row.valid_until)


def _days(first_day: date, last_day: date, zone: ZoneInfo) -> Iterator[tuple[date, timedelta | None]]:
    """Each day with its distance from UTC; None where the clocks change on it, so that every time has to be asked."""
    offset = _offset(first_day, zone)
    for number in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=number)
        following = _offset(day + timedelta(days=1), zone)
        yield day, offset if offset == following else None
        offset = following


def _offset(day: date, zone: ZoneInfo) -> timedelta | None:
    return datetime.combine(day, time.min, tzinfo=zone).utcoffset()


def _stretch(row: WorkedHours, day: date, zone: ZoneInfo, offset: timedelta | None) -> Stretch:
    if offset is not None:
        return Stretch(
            datetime.combine(day, row.starts, tzinfo=clock.UTC) - offset,
            datetime.combine(day, row.ends, tzinfo=clock.UTC) - offset,
        )
    # From the first time the wall clock shows the beginning to the last time it shows the end: a repeated hour is worked twice.
    return Stretch(_moment(day, row.starts, zone), max(_moment(day, row.ends, zone, fold) for fold in (0, 1)))


def _moment(day: date, wall_time: time, zone: ZoneInfo, fold: int = 0) -> datetime:
    return datetime.combine(day, wall_time, tzinfo=zone).replace(fold=fold).astimezone(clock.UTC)
