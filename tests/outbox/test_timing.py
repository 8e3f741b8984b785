"""Wall time and elapsed time across both clock changes, in four zones; quiet hours; waiting after a refusal."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.outbox import timing

# Both change days of 2027 in each zone; Kolkata has none and stands for the ordinary day.
CHANGES = {
    "Europe/London": [date(2027, 3, 28), date(2027, 10, 31)],
    "America/New_York": [date(2027, 3, 14), date(2027, 11, 7)],
    "Australia/Lord_Howe": [date(2027, 4, 4), date(2027, 10, 3)],
    "Asia/Kolkata": [date(2027, 3, 28), date(2027, 10, 31)],
}
GRID = [(zone, day, quarter) for zone, days in CHANGES.items() for day in days for quarter in range(96)]
zones = st.sampled_from([ZoneInfo(name) for name in CHANGES])
moments = st.timedeltas(timedelta(), timedelta(days=730)).map(lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed)
walls = st.times().map(lambda wall: wall.replace(microsecond=0))


def exists(day: date, wall: time, zone: ZoneInfo) -> bool:
    there = datetime.combine(day, wall, tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == there.replace(tzinfo=None)


def test_the_zones_of_the_grid_do_change_their_clocks():
    for name, days in CHANGES.items():
        zone = ZoneInfo(name)
        lengths = {
            (timing.day_at(day + timedelta(days=1), time(0), zone) - timing.day_at(day, time(0), zone)) for day in days
        }
        expected = {
            "Asia/Kolkata": {timedelta(hours=24)},
            "Australia/Lord_Howe": {timedelta(hours=24, minutes=30), timedelta(hours=23, minutes=30)},
        }.get(name, {timedelta(hours=23), timedelta(hours=25)})
        assert lengths == expected


@pytest.mark.parametrize("zone_name", CHANGES)
def test_a_reminder_the_day_before_at_ten_comes_at_ten_on_the_wall(zone_name):
    zone = ZoneInfo(zone_name)
    for change in CHANGES[zone_name]:
        for visit_day in (change, change + timedelta(days=1)):
            told = timing.days_before_at(visit_day, 1, time(10), zone).astimezone(zone)
            assert (told.date(), told.time()) == (visit_day - timedelta(days=1), time(10))


@pytest.mark.parametrize("zone_name", CHANGES)
def test_every_quarter_hour_of_both_change_days_reads_as_it_was_meant(zone_name):
    zone = ZoneInfo(zone_name)
    for name, day, quarter in GRID:
        wall = time(quarter // 4, quarter % 4 * 15)
        if name != zone_name:
            continue
        moment = timing.day_at(day, wall, zone)
        if exists(day, wall, zone):
            assert moment.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, wall)
        else:
            # The hour that is skipped: shown as much later as the clocks jump, never on another day.
            assert moment.astimezone(zone).replace(tzinfo=None) > datetime.combine(day, wall)
            assert moment.astimezone(zone).date() == day


def test_control_subtracting_a_day_from_a_local_time_is_not_24_hours():
    """What the separate functions are for: the naive way counts hours on the wall."""
    london = ZoneInfo("Europe/London")
    visit = datetime(2027, 3, 28, 10, 0, tzinfo=london)
    naive = (visit - timedelta(hours=24)).astimezone(UTC)
    assert visit.astimezone(UTC) - naive == timedelta(hours=23)
    assert visit.astimezone(UTC) - timing.hours_after(visit, -24) == timedelta(hours=24)


@pytest.mark.parametrize("zone_name", CHANGES)
def test_four_hours_after_a_visit_are_four_hours_that_pass(zone_name):
    zone = ZoneInfo(zone_name)
    for change in CHANGES[zone_name]:
        for hour in range(24):
            begun = datetime.combine(change, time(hour), tzinfo=zone)
            assert timing.hours_after(begun, 4) - begun.astimezone(UTC) == timedelta(hours=4)


@given(moments, walls, walls, zones)
def test_the_edges_of_quiet_hours_enclose_every_quiet_moment(moment, begin, end, zone):
    quiet = timing.QuietHours(begin, end, zone)
    if quiet.cover(moment):
        assert quiet.begin_before(moment) <= moment < quiet.end_after(moment)


@given(moments, zones, st.integers(0, 72))
def test_no_message_is_left_in_the_night(moment, zone, hours_of_use):
    quiet = timing.QuietHours(time(20), time(8), zone)
    moved = timing.outside_quiet_hours(moment, expires_at=moment + timedelta(hours=hours_of_use), quiet=quiet)
    assert not quiet.cover(moved)


@pytest.mark.parametrize("zone_name", CHANGES)
def test_no_quarter_hour_of_a_change_day_is_moved_into_quiet_hours(zone_name):
    zone = ZoneInfo(zone_name)
    quiet = timing.QuietHours(time(20), time(8), zone)
    for name, day, quarter in GRID:
        if name == zone_name:
            moment = timing.day_at(day, time(quarter // 4, quarter % 4 * 15), zone)
            for use in (timedelta(hours=2), timedelta(days=2)):
                assert not quiet.cover(timing.outside_quiet_hours(moment, expires_at=moment + use, quiet=quiet))


def london(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo("Europe/London"))


NIGHT = timing.QuietHours(time(20), time(8), ZoneInfo("Europe/London"))


@pytest.mark.parametrize(
    ("due", "visit", "goes"),
    [
        (london(2027, 3, 9, 7, 59), london(2027, 3, 9, 12, 0), london(2027, 3, 9, 8, 0)),
        (london(2027, 3, 9, 7, 59), london(2027, 3, 9, 11, 59), london(2027, 3, 8, 19, 59)),
        (london(2027, 3, 9, 8, 0), london(2027, 3, 9, 9, 0), london(2027, 3, 9, 8, 0)),
        (london(2027, 3, 9, 20, 0), london(2027, 3, 10, 14, 0), london(2027, 3, 10, 8, 0)),
        (london(2027, 3, 9, 19, 59), london(2027, 3, 10, 9, 0), london(2027, 3, 9, 19, 59)),
    ],
    ids=["four hours left", "one minute less", "on the edge", "the evening's edge", "a minute before it"],
)
def test_a_night_reminder_moves_to_the_morning_unless_less_than_four_hours_would_be_left(due, visit, goes):
    assert timing.outside_quiet_hours(due, expires_at=visit, quiet=NIGHT) == goes.astimezone(UTC)


def test_a_clinic_without_quiet_hours_writes_at_night():
    never = timing.QuietHours(time(8), time(8), ZoneInfo("Europe/London"))
    assert not never.cover(london(2027, 3, 9, 3, 0))


def test_quiet_hours_may_lie_within_one_day():
    siesta = timing.QuietHours(time(13), time(15), ZoneInfo("Europe/London"))
    assert siesta.cover(london(2027, 3, 9, 13, 0))
    assert not siesta.cover(london(2027, 3, 9, 15, 0))
    assert siesta.end_after(london(2027, 3, 9, 13, 0)) == london(2027, 3, 9, 15, 0)


@pytest.mark.parametrize(
    ("now", "due", "waits"),
    [
        (london(2027, 3, 9, 20, 5), london(2027, 3, 9, 19, 58), None),
        (london(2027, 3, 9, 20, 9), london(2027, 3, 9, 19, 58), london(2027, 3, 10, 8, 0)),
        (london(2027, 3, 9, 20, 5), london(2027, 3, 9, 20, 1), london(2027, 3, 10, 8, 0)),
        (london(2027, 3, 9, 12, 0), london(2027, 3, 9, 4, 0), None),
    ],
    ids=["late by a tick", "late by an outage", "due at night", "in daylight"],
)
def test_a_message_about_to_leave_at_night_waits_unless_it_is_only_a_tick_late(now, due, waits):
    assert timing.waits_until(now, send_at=due, quiet=NIGHT) == (waits and waits.astimezone(UTC))


@pytest.mark.parametrize(
    ("attempt", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 30), (5, 60), (6, 120), (7, 240), (30, 240)]
)
def test_a_busy_server_is_asked_again_after_growing_waits(attempt, minutes):
    assert timing.backoff(attempt, smtp_code=451, spread=0.5) == timedelta(minutes=minutes)


def test_other_temporary_refusals_wait_a_step_longer():
    assert timing.backoff(1, smtp_code=450) == timedelta(minutes=5)
    assert timing.backoff(1, smtp_code=421) == timedelta(minutes=1)


@given(st.integers(1, 40), st.floats(0, 0.999))
def test_waits_are_scattered_by_half_either_way(attempt, spread):
    middle = timing.backoff(attempt, spread=0.5)
    assert middle * 0.5 <= timing.backoff(attempt, spread=spread) <= middle * 1.5
