"""Both clock changes of a year in four zones, a visit at every quarter hour of each change day and of the days beside it: every
message leaves when the clinic's wall clock shows what was meant, none in quiet hours, none twice. What was meant is read from a
list of all quarter hours, not worked out by the rules that are tried. The usual arithmetic fails the same grid."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import pytest

from patients.outbox import timing

# Kolkata changes nothing and stands beside the others on London's days.
CHANGES = {
    "Europe/London": [date(2027, 3, 28), date(2027, 10, 31)],
    "America/New_York": [date(2027, 3, 14), date(2027, 11, 7)],
    "Australia/Lord_Howe": [date(2027, 4, 4), date(2027, 10, 3)],
    "Asia/Kolkata": [date(2027, 3, 28), date(2027, 10, 31)],
}
THEY_CHANGE = [name for name in CHANGES if name != "Asia/Kolkata"]
QUARTER, DAY, TICK = timedelta(minutes=15), timedelta(days=1), timedelta(seconds=30)
TEN, EVENING, MORNING = time(10), time(20), time(8)
EXACT = timedelta(seconds=60)
LONG_OF_USE, HARDLY_OF_USE = timedelta(days=9), timedelta(hours=5)


@dataclass(frozen=True)
class Visit:
    """Begins at `at` (UTC), when the wall shows `wall`."""

    zone: ZoneInfo
    at: datetime
    wall: datetime


Rule = Callable[[Visit], datetime]


@dataclass(frozen=True)
class Weeks:
    """Twelve days around a change, quarter by quarter, as the wall shows them: UTC to local time leaves nothing open."""

    zone: ZoneInfo
    change: date

    @cached_property
    def walls(self) -> dict[datetime, list[datetime]]:
        """Each wall time that occurs, to its moments: two in the hour that happens twice."""
        found: dict[datetime, list[datetime]] = {}
        moment = datetime.combine(self.change, time(), tzinfo=UTC) - 12 * DAY
        for _ in range(24 * 96):
            found.setdefault(moment.astimezone(self.zone).replace(tzinfo=None), []).append(moment)
            moment += QUARTER
        return found

    def visits(self) -> Iterator[Visit]:
        for wall, moments in self.walls.items():
            if abs(wall.date() - self.change) <= DAY:
                yield from (Visit(self.zone, at, wall) for at in moments)

    def at_ten(self, day: date) -> datetime:
        (moment,) = self.walls[datetime.combine(day, TEN)]
        return moment

    def is_quiet(self, moment: datetime) -> bool:
        shown = moment.astimezone(self.zone).time()
        return shown >= EVENING or shown < MORNING

    def morning_after(self, moment: datetime) -> datetime:
        return min(at[0] for wall, at in self.walls.items() if wall.time() == MORNING and at[0] > moment)

    def meant(self, rule: str, visit: Visit) -> datetime:
        seconds = {"4 hours after": 4 * 3600, "24 hours after": 24 * 3600}.get(rule)
        if seconds is not None:
            return datetime.fromtimestamp(visit.at.timestamp() + seconds, UTC)
        return self.at_ten(visit.wall.date() + (7 * DAY if rule == "7 days after at 10:00" else -DAY))


OURS: dict[str, Rule] = {
    "the day before at 10:00": lambda visit: timing.days_before_at(visit.wall.date(), 1, TEN, visit.zone),
    "4 hours after": lambda visit: timing.hours_after(visit.at.astimezone(visit.zone), 4),
    "24 hours after": lambda visit: timing.hours_after(visit.at.astimezone(visit.zone), 24),
    "7 days after at 10:00": lambda visit: timing.days_after_at(visit.wall.date(), 7, TEN, visit.zone),
}


def ten_on_the_day(visit: Visit) -> datetime:
    return datetime.combine(visit.wall.date(), TEN, tzinfo=visit.zone).astimezone(UTC)


# Hours counted on the wall, days counted as 24 hours.
NAIVE: dict[str, Rule] = {
    "the day before at 10:00": lambda visit: ten_on_the_day(visit) - timedelta(hours=24),
    "4 hours after": lambda visit: visit.at.astimezone(visit.zone) + timedelta(hours=4),
    "24 hours after": lambda visit: visit.at.astimezone(visit.zone) + timedelta(hours=24),
    "7 days after at 10:00": lambda visit: ten_on_the_day(visit) + 7 * timedelta(hours=24),
}


def weeks(zone: str) -> list[Weeks]:
    return [Weeks(ZoneInfo(zone), change) for change in CHANGES[zone]]


def leaves_at(send_at: datetime, *, expires_at: datetime, zone: ZoneInfo) -> datetime:
    """The tick of the beat at which a worker hands it over: what is written with the row, then what is asked as it leaves."""
    quiet = timing.QuietHours(EVENING, MORNING, zone)
    send_at = timing.outside_quiet_hours(send_at, expires_at=expires_at, quiet=quiet)
    tick = next_tick(send_at)
    while (until := timing.waits_until(tick, send_at=send_at, quiet=quiet)) is not None:
        tick = next_tick(until)
    return tick


def next_tick(moment: datetime) -> datetime:
    return datetime.fromtimestamp(-(-moment.timestamp() // TICK.total_seconds()) * TICK.total_seconds(), UTC)


def wrong(around: Weeks, rules: dict[str, Rule]) -> list[str]:
    """Every message of the grid that leaves at another moment than the one that was meant, or by night."""
    found = []
    for rule, moment_of in rules.items():
        for visit in around.visits():
            meant = around.meant(rule, visit)
            due = meant if not around.is_quiet(meant) else around.morning_after(meant)
            moment = moment_of(visit)
            leaves = leaves_at(moment, expires_at=meant + LONG_OF_USE, zone=around.zone)
            in_time = timedelta() <= leaves - due <= EXACT
            # Also where the morning would hide it.
            if abs(moment.astimezone(UTC) - meant) > EXACT or not in_time or around.is_quiet(leaves):
                found.append(f"{around.zone}, visit at {visit.wall}, {rule}: {leaves}, meant {due}")
    return found


@pytest.mark.parametrize("zone", CHANGES)
def test_every_message_of_the_grid_leaves_at_the_wall_time_that_was_meant(zone):
    for around in weeks(zone):
        visits = list(around.visits())
        # Three days and what the clocks give or take.
        assert len(visits) in {288, 284, 292, 286, 290}
        assert wrong(around, OURS) == []


@pytest.mark.parametrize("rule", NAIVE)
def test_control_the_usual_arithmetic_fails_wherever_the_clocks_change(rule):
    naive = {rule: NAIVE[rule]}
    assert [zone for zone in CHANGES if all(wrong(around, naive) for around in weeks(zone))] == THEY_CHANGE
    assert not any(wrong(around, naive) for around in weeks("Asia/Kolkata"))


@pytest.mark.parametrize("zone", CHANGES)
def test_what_is_hardly_of_use_any_more_is_not_sent_by_night_either(zone):
    for around in weeks(zone):
        for rule, moment_of in OURS.items():
            for visit in around.visits():
                due = moment_of(visit)
                leaves = leaves_at(due, expires_at=due + HARDLY_OF_USE, zone=around.zone)
                assert not around.is_quiet(leaves), (rule, visit)


@pytest.mark.parametrize("zone", THEY_CHANGE)
def test_control_quiet_hours_as_they_lay_in_utc_before_the_change_send_by_night(zone):
    """Clinics that keep "20:00 is 20:00 UTC" in mind."""

    def leaves(send_at: datetime, visit: Visit, before: timedelta) -> datetime:
        shown = (send_at.astimezone(UTC) + before).time()
        if not (shown >= EVENING or shown < MORNING):
            return send_at
        days = DAY if shown >= EVENING else timedelta()
        return datetime.combine((send_at.astimezone(UTC) + before).date() + days, MORNING, tzinfo=UTC) - before

    by_night = 0
    for around in weeks(zone):
        before = (datetime.combine(around.change - 3 * DAY, TEN, tzinfo=around.zone)).utcoffset()
        moments = (leaves(OURS["24 hours after"](visit), visit, before) for visit in around.visits())
        by_night += sum(around.is_quiet(moment) for moment in moments)
    assert by_night > 0


@pytest.mark.parametrize("zone", CHANGES)
def test_a_time_on_the_wall_comes_once_a_day_also_where_it_happens_twice_or_never(zone):
    for around in weeks(zone):
        days = [around.change + n * DAY for n in range(-2, 3)]
        for quarter in range(96):
            wall = time(quarter // 4, quarter % 4 * 15)
            moments = [timing.day_at(day, wall, around.zone) for day in days]
            assert moments == sorted(set(moments))
            assert [moment.astimezone(around.zone).date() for moment in moments] == days


@pytest.mark.parametrize("zone", THEY_CHANGE)
def test_control_a_beat_that_watches_the_wall_clock_rings_twice_and_not_at_all(zone):
    """What a crontab does: it rings whenever the wall shows the time."""
    rings = set()
    for around in weeks(zone):
        for quarter in range(96):
            wall = datetime.combine(around.change, time(quarter // 4, quarter % 4 * 15))
            rings.add(len(around.walls.get(wall, [])))
    assert rings == {0, 1, 2}


@pytest.mark.parametrize("zone", CHANGES)
def test_no_two_visits_share_a_message_and_no_visit_has_two(zone):
    """Counted in hours each visit has its own moment: also those in the hour that happens twice."""
    for around in weeks(zone):
        visits = list(around.visits())
        for rule in ("4 hours after", "24 hours after"):
            moments = [OURS[rule](visit) for visit in visits]
            assert len(set(moments)) == len(visits)
