"""Who is in when, as the pages of the settings show it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from clinic import clock
from clinic.models import Clinic, Membership, TimeOff, WorkingHours
from clinic.resources.stretches import Stretches, words

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass
class Period:
    """Weekly hours from one day to another; an empty end is open."""

    first_day: date | None
    last_day: date | None
    of_weekday: dict[int, Stretches] = field(default_factory=lambda: defaultdict(list))

    def counts_on(self, day: date) -> bool:
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Weekday and its hours in words; empty words: not in."""
        return [(name, words(self.of_weekday.get(number, ()))) for number, name in enumerate(WEEKDAYS, start=1)]


@dataclass
class DayHours:
    """A single day with hours of its own; without any: not in."""

    on: date
    reason: str
    stretches: Stretches

    @property
    def words(self) -> str:
        return words(self.stretches) or "not in"


def periods(membership: Membership, *, today: date) -> list[Period]:
    """The weekly hours that count today and later, in order of time. One query."""
    found: dict[tuple[date | None, date | None], Period] = {}
    for row in _standing(membership).filter(on=None).order_by("weekday", "starts"):
        if row.valid_until is None or row.valid_until >= today:
            span = (row.valid_from, row.valid_until)
            period = found.setdefault(span, Period(*span))
            period.of_weekday[row.weekday].append((row.starts, row.ends))
    return sorted(found.values(), key=lambda period: period.first_day or date.min)


def weekly_words(membership: Membership, on: date) -> dict[int, str]:
    """Weekday to the hours that count in the week of a day, as a form takes them."""
    counting: dict[int, list[tuple[time, time]]] = defaultdict(list)
    for period in periods(membership, today=on):
        if period.counts_on(on):
            for weekday, stretches in period.of_weekday.items():
                counting[weekday] += stretches
    return {weekday: words(sorted(stretches)) for weekday, stretches in counting.items()}


def days_ahead(membership: Membership, *, today: date) -> list[DayHours]:
    """Single days from today on with hours of their own. One query."""
    found: dict[date, DayHours] = {}
    for row in _standing(membership).filter(on__gte=today).order_by("on", "starts"):
        day = found.setdefault(row.on, DayHours(row.on, row.reason, []))
        if row.starts is not None:
            day.stretches.append((row.starts, row.ends))
    return list(found.values())


def opening_words(clinic: Clinic) -> list[tuple[str, str]]:
    """Weekday and when the clinic is open, in words; closed days are left out."""
    said = ((name, clinic.opening_hours.get(str(number), "")) for number, name in enumerate(WEEKDAYS, start=1))
    return [(name, hours) for name, hours in said if hours]


def day_hours(membership: Membership, on: date) -> DayHours | None:
    return next((day for day in days_ahead(membership, today=on) if day.on == on), None)


def away_ahead(clinic: Clinic, membership: Membership | None) -> list[TimeOff]:
    """Time off that is not over, of a person or of the whole clinic, earliest first; each with its `span` in words."""
    rows = clinic.time_off.filter(membership=membership, withdrawn_at=None, during__endswith__gt=clock.now())
    away = list(rows.order_by("during"))
    for row in away:
        row.span = span_words(row, clinic)
    return away


def span_words(away: TimeOff, clinic: Clinic) -> str:
    """ "Mon 1 Mar to Fri 5 Mar", "Mon 1 Mar", "Mon 1 Mar, 13:00 to 17:00"."""
    begins, ends = (clock.local(moment, clinic) for moment in (away.during.lower, away.during.upper))
    whole_from = begins.time() == time.min
    last, whole_until = ends, ends.time() == time.min
    if whole_until:
        last = clock.local(away.during.upper - timedelta(minutes=1), clinic)
    one_day = begins.date() == last.date()
    if whole_from and whole_until:
        return _day(begins) if one_day else f"{_day(begins)} to {_day(last)}"
    until = "the end of the day" if whole_until else f"{ends:%H:%M}"
    return (
        f"{_day(begins)}, {begins:%H:%M} to {until}"
        if one_day
        else f"{_day(begins)}, {begins:%H:%M} to {_day(last)}, {until}"
    )


def _standing(membership: Membership):
    return WorkingHours.objects.filter(membership=membership, withdrawn_at=None)


def _day(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b} {moment.year}"
