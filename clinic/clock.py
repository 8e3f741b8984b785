"""The one clock. Moments are aware and come from the database; days and wall times belong to the clinic's zone.

Sign-in, tokens and leases use real time instead: a demo that moves its clock must not sign people out.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from clinic.errors import DomainError
from clinic.models import Clinic, ClockShift


class NonexistentTime(DomainError):
    """The clocks go forward over this wall time."""


class AmbiguousTime(DomainError):
    """The clocks go back: this wall time happens twice."""


def now() -> datetime:
    """The present moment of the clinic, from the database (constant within a transaction)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clinic_now()")
        return cursor.fetchone()[0]


def today(clinic: Clinic) -> date:
    """The calendar day it is now in the clinic's zone."""
    return now().astimezone(clinic.tz).date()


def local(moment: datetime, clinic: Clinic) -> datetime:
    return moment.astimezone(clinic.tz)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of the day and of the next one, in UTC: 23, 24 or 25 hours apart."""
    start = datetime.combine(day, time.min, tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def resolve(
    day: date, wall_time: time, zone: ZoneInfo, *, fold: int | None = None, field: str | None = None
) -> datetime:
    """The moment at which the clinic's wall clock shows `wall_time` on `day`.

    Raises NonexistentTime or AmbiguousTime (unless `fold` says which: 0 before, 1 after the change), in words.
    """
    first = datetime.combine(day, wall_time, tzinfo=zone).replace(fold=0)
    second = first.replace(fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != first.replace(tzinfo=None):
        raise NonexistentTime(
            f"The clocks go forward that night: {wall_time:%H:%M} does not exist on {day.day} {day:%B}. Choose an earlier or later time.",
            field=field,
        )
    if fold is None:
        raise AmbiguousTime(
            f"The clocks go back that night: {wall_time:%H:%M} happens twice on {day.day} {day:%B}. Choose the first or the second, or another time.",
            field=field,
        )
    return (second if fold else first).astimezone(UTC)


def shift(delta: timedelta) -> None:
    """Move the demo's clock by `delta` from where it stands. Refused where the clock is not movable."""
    row = ClockShift.objects.first()
    _set_offset((row.offset if row else timedelta()) + delta)


def move_to(moment: datetime) -> None:
    """Set the demo's clock to `moment`, running on from there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        _set_offset(moment - cursor.fetchone()[0])


def _set_offset(offset: timedelta) -> None:
    if not settings.CLOCK_MOVABLE:
        raise DomainError("The clock of a real clinic does not move.")
    ClockShift.objects.update_or_create(only=True, defaults={"offset": offset})
