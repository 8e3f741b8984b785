"""Calendar files, read by a parser and, line by line, without one. No database."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Timezone

from tests.treatments.feeds.raw import components, lines_of, moment_of
from treatments.appointments import calendar_files
from treatments.appointments.calendar_files import Entry, calendar_feed, calendar_file

LONDON = ZoneInfo("Europe/London")
REF = UUID("12345678-1234-5678-1234-567812345678")
WRITTEN_AT = datetime(2027, 3, 9, 10, 42, 7, tzinfo=UTC)
# Zone to its two changes of 2027 in UTC; Santiago changes at midnight, Lord Howe by half an hour, Kolkata never.
CHANGES = {
    "Europe/London": ["2027-03-28T01:00Z", "2027-10-31T01:00Z"],
    "America/New_York": ["2027-03-14T07:00Z", "2027-11-07T06:00Z"],
    "Australia/Sydney": ["2027-04-03T16:00Z", "2027-10-02T16:00Z"],
    "America/Santiago": ["2027-04-04T03:00Z", "2027-09-05T04:00Z"],
    "Australia/Lord_Howe": ["2027-04-03T15:00Z", "2027-10-02T15:30Z"],
    "Asia/Kolkata": ["2027-04-04T03:00Z", "2027-10-31T01:00Z"],
}


def a_visit(starts_at: datetime = datetime(2027, 4, 20, 10, 30, tzinfo=LONDON), **differing) -> Entry:
    return Entry(
        **{
            "ref": REF,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=60),
            "sequence": 3,
            "changed_at": WRITTEN_AT,
            "summary": "Visit at Alder Lane",
        }
        | differing
    )


def the_event(text: str) -> dict:
    (event,) = components(lines_of(text.encode()), "VEVENT")
    return {name: line.value for name, line in event.items()}


def test_a_file_says_what_a_calendar_needs_and_no_more():
    text = calendar_file(
        [a_visit(location="5 Alder Lane, London", organizer="desk@alder.example", organizer_name="Alder Lane")],
        "PUBLISH",
        zone=LONDON,
    )
    (calendar,) = components(lines_of(text.encode()), "VCALENDAR")
    assert {name: line.value for name, line in calendar.items()} == {
        "VERSION": "2.0",
        "PRODID": "-//Stratum//Visits//EN",
        "CALSCALE": "GREGORIAN",
        "METHOD": "PUBLISH",
    }
    assert the_event(text) == {
        "UID": f"{REF}@stratum",
        "DTSTAMP": "20270309T104207Z",
        "SEQUENCE": "3",
        "STATUS": "CONFIRMED",
        "DTSTART": "20270420T103000",
        "DTEND": "20270420T113000",
        "SUMMARY": "Visit at Alder Lane",
        "LOCATION": r"5 Alder Lane\, London",
        "ORGANIZER": "mailto:desk@alder.example",
        "CLASS": "PRIVATE",
        "TRANSP": "OPAQUE",
    }


def test_a_cancellation_is_the_same_visit_with_a_higher_number():
    booked = calendar_file([a_visit()], "PUBLISH", zone=LONDON)
    gone = calendar_file([a_visit(sequence=4)], "CANCEL", zone=LONDON)
    assert "METHOD:CANCEL\r\n" in gone
    assert the_event(gone) == the_event(booked) | {"STATUS": "CANCELLED", "SEQUENCE": "4"}


def test_several_visits_make_one_file_with_one_description_of_the_zone():
    first, last = datetime(2026, 12, 29, 9, tzinfo=LONDON), datetime(2027, 6, 1, 9, tzinfo=LONDON)
    visits = [a_visit(at, ref=UUID(int=number)) for number, at in enumerate((first, last))]
    text = calendar_file(visits, "PUBLISH", zone=LONDON)
    lines = lines_of(text.encode())
    assert [event["UID"].value for event in components(lines, "VEVENT")] == [visit.uid for visit in visits]
    assert len(components(lines, "VTIMEZONE")) == 1
    assert [moment_of(lines, event["DTSTART"]) for event in components(lines, "VEVENT")] == [first, last]
    assert [event.start for event in Calendar.from_ical(text).events] == [first, last]


def test_an_empty_feed_is_still_a_calendar():
    text = calendar_feed([], zone=LONDON, name="Alder Lane visits", at=WRITTEN_AT)
    (calendar,) = components(lines_of(text.encode()), "VCALENDAR")
    assert calendar["X-WR-CALNAME"].value == calendar["NAME"].value == "Alder Lane visits"
    assert calendar["REFRESH-INTERVAL"].parameters == "VALUE=DURATION"
    assert calendar["REFRESH-INTERVAL"].value == calendar["X-PUBLISHED-TTL"].value == "PT15M"
    assert "METHOD" not in calendar
    assert len(components(lines_of(text.encode()), "VTIMEZONE")) == 1
    assert Calendar.from_ical(text).events == []


def test_equal_visits_are_written_alike_to_the_byte():
    first = calendar_file([a_visit()], "PUBLISH", zone=LONDON)
    calendar_files._event.cache_clear()
    calendar_files._time_zone.cache_clear()
    assert calendar_file([a_visit()], "PUBLISH", zone=LONDON) == first


# ── Clock changes ─────────────────────────────────────────────────────────────


def around_the_changes(zone: str) -> list[datetime]:
    """Every quarter of an hour from four hours before each change to four hours after it."""
    return [
        datetime.fromisoformat(change) + timedelta(minutes=15 * step)
        for change in CHANGES[zone]
        for step in range(-16, 17)
    ]


@pytest.mark.parametrize("zone", CHANGES)
def test_on_both_change_days_every_reader_comes_to_the_same_moment(zone):
    """By the file's own description of the zone, and by what a parser knows of it."""
    moments = around_the_changes(zone)
    visits = [a_visit(at, ref=UUID(int=number)) for number, at in enumerate(moments)]
    text = calendar_file(visits, "PUBLISH", zone=ZoneInfo(zone))
    lines = lines_of(text.encode())
    events = components(lines, "VEVENT")
    assert [moment_of(lines, event["DTSTART"]) for event in events] == moments
    assert [moment_of(lines, event["DTEND"]) for event in events] == [visit.ends_at for visit in visits]
    parsed = Calendar.from_ical(text).events
    assert [event.start.astimezone(UTC) for event in parsed] == moments
    assert [event.end.astimezone(UTC) for event in parsed] == [visit.ends_at for visit in visits]


@pytest.mark.parametrize("zone", CHANGES)
def test_what_is_not_in_the_hour_that_comes_twice_is_written_as_the_wall_shows_it(zone):
    for number, at in enumerate(around_the_changes(zone)):
        visit = a_visit(at, ref=UUID(int=number))
        starts, ends = at.astimezone(ZoneInfo(zone)), visit.ends_at.astimezone(ZoneInfo(zone))
        written = the_event(calendar_file([visit], "PUBLISH", zone=ZoneInfo(zone)))
        if starts.fold or ends.fold:
            assert written["DTSTART"] == f"{at:%Y%m%dT%H%M%SZ}"
        else:
            assert written["DTSTART"] == f"{starts:%Y%m%dT%H%M%S}"
            assert written["DTEND"] == f"{ends:%Y%m%dT%H%M%S}"


def test_the_two_passes_of_one_hour_are_two_visits():
    first = datetime(2027, 10, 31, 1, 30, tzinfo=LONDON)
    written = [
        the_event(calendar_file([a_visit(at, ends_at=at)], "PUBLISH", zone=LONDON))["DTSTART"]
        for at in (first, first.replace(fold=1))
    ]
    assert written == ["20271031T013000", "20271031T013000Z"]


def test_the_check_above_would_see_a_change_an_hour_late():
    """Negative control: the library's own description of London, which puts the change forward at 02:00."""
    moment = datetime(2027, 3, 28, 1, 15, tzinfo=UTC)
    ours = calendar_file([a_visit(moment)], "PUBLISH", zone=LONDON)
    theirs = Timezone.from_tzinfo(LONDON, first_date=date(2027, 1, 1), last_date=date(2027, 12, 31))
    before, _, rest = ours.partition("BEGIN:VTIMEZONE")
    after = rest.partition("END:VTIMEZONE\r\n")[2]
    lines = lines_of((before + theirs.to_ical().decode() + after).encode())
    with pytest.raises(AssertionError, match="no clock shows 20270328T021500"):
        moment_of(lines, components(lines, "VEVENT")[0]["DTSTART"])


# ── Lines ─────────────────────────────────────────────────────────────────────

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
@example("Visit at Ålesund Hud; kl. 10, \\ og så videre " * 3, "é" * 100)
@example("🙂" * 40, "a,b;c\\n")
def test_any_words_fit_the_lines_and_come_back_whole(summary, location):
    text = calendar_file([a_visit(summary=summary, location=location)], "PUBLISH", zone=LONDON)
    lines_of(text.encode())
    (event,) = Calendar.from_ical(text).events
    assert (str(event["SUMMARY"]), str(event["LOCATION"])) == (summary, location)


def test_a_name_cannot_write_lines_of_its_own():
    text = calendar_file(
        [a_visit(summary="Visit\r\nATTENDEE:mailto:x@y.z", organizer="a@b.c", organizer_name='A "B"\nX:1')],
        "PUBLISH",
        zone=LONDON,
    )
    assert {line.name for line in lines_of(text.encode())}.isdisjoint({"ATTENDEE", "X"})


@pytest.mark.parametrize(
    "broken", [b"A:1\n", b"A:1\r\nB:2", b"A:" + b"x" * 74 + b"\r\n", b"A:1\r\n\r\nB:2\r\n", b"A:\xc3\r\n \xa9\r\n"]
)
def test_the_check_of_the_lines_sees_what_is_wrong(broken):
    with pytest.raises((AssertionError, UnicodeDecodeError)):
        lines_of(broken)
