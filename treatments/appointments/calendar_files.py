"""Visits as calendar files (RFC 5545 and 5546): the patient's attachment and the clinician's feed are written here.

Nothing clinical and nobody's name stands in them: a calendar is read on lock screens and shared in families.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vDuration

# PUBLISH and not REQUEST: a request has her calendar program answer by mail, which nobody here reads. CANCEL may follow
# either; programs match it by UID and SEQUENCE.
Method = Literal["PUBLISH", "CANCEL"]

PRODUCT = "-//Stratum//Visits//EN"
READ_AGAIN_AFTER = timedelta(minutes=15)
FRAME_ENDS = "END:VCALENDAR\r\n"


@dataclass(frozen=True)
class Entry:
    """One visit as a calendar shows it. Moments are aware; `sequence` rises with every change of the visit.

    `changed_at` becomes DTSTAMP. Equal entries give equal text, byte for byte.
    """

    ref: UUID
    starts_at: datetime
    ends_at: datetime
    sequence: int
    changed_at: datetime
    summary: str
    location: str = ""
    description: str = ""
    organizer: str = ""
    organizer_name: str = ""

    def __post_init__(self) -> None:
        # Two passes of one hour are equal to Python as long as both are in the clinic's zone; in UTC they are not.
        for name in ("starts_at", "ends_at", "changed_at"):
            object.__setattr__(self, name, getattr(self, name).astimezone(UTC))

    @property
    def uid(self) -> str:
        """The same in every file of a visit: a calendar replaces the entry instead of adding one."""
        return f"{self.ref}@stratum"


def calendar_file(entries: Iterable[Entry], method: Method, *, zone: ZoneInfo) -> str:
    """A file for one person's calendar, one event a visit. Lines end in CRLF and hold 75 octets at most."""
    entries = list(entries)
    calendar = _calendar()
    calendar.add("METHOD", method)
    status = "CANCELLED" if method == "CANCEL" else "CONFIRMED"
    return _filled(calendar, entries, zone, status=status, moments=_moments(entries))


def calendar_feed(entries: Iterable[Entry], *, zone: ZoneInfo, name: str, at: datetime) -> str:
    """A calendar to subscribe to, read `at` a moment; it may be empty. No METHOD: what it no longer holds is no longer so."""
    entries = list(entries)
    calendar = _calendar()
    calendar.add("NAME", name)
    calendar.add("X-WR-CALNAME", name)
    calendar.add("REFRESH-INTERVAL", READ_AGAIN_AFTER, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vDuration(READ_AGAIN_AFTER).to_ical().decode())
    return _filled(calendar, entries, zone, status="CONFIRMED", moments=[at, *_moments(entries)])


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", PRODUCT)
    calendar.add("CALSCALE", "GREGORIAN")
    return calendar


def _moments(entries: list[Entry]) -> list[datetime]:
    return [moment for entry in entries for moment in (entry.starts_at, entry.ends_at)]


def _filled(calendar: Calendar, entries: list[Entry], zone: ZoneInfo, *, status: str, moments: list[datetime]) -> str:
    """The calendar with the description of its zone for the years of `moments`, and its events."""
    years = [moment.astimezone(zone).year for moment in moments]
    parts = [_time_zone(zone, min(years), max(years)), *(_event(entry, zone, status) for entry in entries)]
    return calendar.to_ical(sorted=False).decode().removesuffix(FRAME_ENDS) + "".join(parts) + FRAME_ENDS


# A feed of half a year is read again after each change of one visit: the others keep their text. 0.5 ms an event saved.
@lru_cache(maxsize=8192)
def _event(entry: Entry, zone: ZoneInfo, status: str) -> str:
    event = Event()
    event.add("UID", entry.uid)
    event.add("DTSTAMP", entry.changed_at)
    event.add("SEQUENCE", entry.sequence)
    event.add("STATUS", status)
    starts_at, ends_at = _on_the_wall(entry, zone)
    event.add("DTSTART", starts_at)
    event.add("DTEND", ends_at)
    event.add("SUMMARY", entry.summary)
    if entry.location:
        event.add("LOCATION", entry.location)
    if entry.description:
        event.add("DESCRIPTION", entry.description)
    if entry.organizer:
        event.add("ORGANIZER", f"mailto:{entry.organizer}", parameters={"CN": entry.organizer_name})
    event.add("CLASS", "PRIVATE")
    event.add("TRANSP", "OPAQUE")
    return event.to_ical(sorted=False).decode()


def _on_the_wall(entry: Entry, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end as the clinic's clock shows them, whatever the reader's telephone believes about the zone.

    In the hour that comes twice a local time means its first pass, so what lies in the second is written in UTC.
    """
    starts_at, ends_at = entry.starts_at.astimezone(zone), entry.ends_at.astimezone(zone)
    if starts_at.fold or ends_at.fold:
        return entry.starts_at, entry.ends_at
    return starts_at, ends_at


@lru_cache(maxsize=64)
def _time_zone(zone: ZoneInfo, first_year: int, last_year: int) -> str:
    """What the zone's clocks do in these years, each change by itself.

    The library's own description puts a change forward one hour late, so the changes are found here.
    """
    described = Timezone()
    described.add("TZID", zone.key)
    # A day on either side: the year begins and ends earlier or later here than in Greenwich.
    began = datetime(first_year - 1, 12, 31, tzinfo=UTC)
    described.add_component(_observance(zone, began, began))
    for moment in _changes(zone, began, datetime(last_year + 1, 1, 2, tzinfo=UTC)):
        described.add_component(_observance(zone, moment, moment - timedelta(seconds=1)))
    return described.to_ical(sorted=False).decode()


def _observance(zone: ZoneInfo, onset: datetime, before: datetime) -> TimezoneStandard | TimezoneDaylight:
    """What holds from `onset`. Its local time is the one that the clock shows as the change comes (RFC 5545, 3.6.5)."""
    now, then = onset.astimezone(zone), before.astimezone(zone)
    observance = TimezoneDaylight() if now.dst() else TimezoneStandard()
    observance.add("DTSTART", (onset + then.utcoffset()).replace(tzinfo=None))
    observance.add("TZOFFSETFROM", then.utcoffset())
    observance.add("TZOFFSETTO", now.utcoffset())
    observance.add("TZNAME", now.tzname())
    return observance


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The moments at which the offset changes, to the second."""
    day = start
    while day < end:
        following = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield _change_between(zone, day, following)
        day = following


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """`before` and `after` lie on either side of one change."""
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before.astimezone(zone).utcoffset():
            before = middle
        else:
            after = middle
    return after
