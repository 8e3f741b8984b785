"""A day of the clinic: its visits with what the desk may know of each, and the lanes they are drawn in.

All times are wall times of the clinic. The grid knows five-minute rows from 06:00 to 22:00.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from clinic import clock
from clinic.models import Clinic, Membership, Room
from clinic.templatetags.clinic_ui import initial_surname
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import Away, Hours, at_work, people
from treatments.pages.day_visits import Visit, shown
from treatments.pages.gaps import GAP_MINUTES, DayHoles, Hole
from treatments.pages.verdicts import GONE
from treatments.scheduling.free_time import Stretch, without

FIRST_MINUTE, LAST_MINUTE = 6 * 60, 22 * 60
USUAL_FROM, USUAL_TO = 9 * 60, 17 * 60
MOST_LANES = 12
# How the columns of a lane are called, by their number.
WIDTHS = (("whole",), ("half-a", "half-b"), ("third-a", "third-b", "third-c"))


@dataclass
class Block:
    """Time off."""

    starts: time
    minutes: int
    words: str = ""


@dataclass
class Gap(Block):
    """A hole that could be filled, by how many, and where that is done."""

    hole: Hole | None = None
    can_fill: int = 0
    url: str = ""


@dataclass
class Lane:
    title: str
    sub: str
    visits: list[Visit] = field(default_factory=list)
    off: list[Block] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    clinician: Membership | None = None


@dataclass
class Day:
    on: date
    today: date
    now: datetime
    lanes: list[Lane]
    visits: list[Visit]
    opens: time
    closes: time
    left_out: int = 0

    @property
    def hours(self) -> list[time]:
        """The full hours with a line: all but the one the day begins with."""
        first = _minute(self.opens) // 60 + 1
        return [time(hour) for hour in range(first, -(-_minute(self.closes) // 60))]

    @property
    def now_line(self) -> datetime | None:
        wall = self.now.time()
        return self.now if self.on == self.today and self.opens <= wall < self.closes else None

    @property
    def gaps(self) -> list[Gap]:
        return [gap for lane in self.lanes for gap in lane.gaps]

    @property
    def not_before(self) -> int:
        return sum(visit.is_coming and visit.verdict is not None and visit.verdict.refuses for visit in self.visits)

    @property
    def to_ask(self) -> int:
        asks = ("ask", "needs_clinician")
        return sum(visit.is_open and visit.verdict is not None and visit.verdict.state in asks for visit in self.visits)


def day_of(
    *,
    clinic: Clinic,
    on: date,
    now: datetime,
    by: str,
    rows: Iterable[Appointment],
    hours: Hours,
    away: Away,
    rooms: list[Room],
    chosen: Appointment | None = None,
    holes: DayHoles | None = None,
) -> Day:
    """The day as lanes `by` "clinicians" or "rooms". No query: everything is given.

    `holes`: what is free in that day; where it is given, the lanes of clinicians have their gaps.
    """
    now = now.astimezone(clinic.tz)
    today = now.date()
    visits = [shown(row, clinic=clinic, now=now, today=today, by=by, chosen=chosen) for row in rows]
    working = {person.pk: at_work(person.pk, hours, away, on, on, clinic) for person in people(hours)}
    # The grid has no rows at night: whatever is there stands in the list only.
    drawn = [visit for visit in visits if FIRST_MINUTE <= visit.first_minute < LAST_MINUTE]
    opens, closes = _frame(drawn, working.values(), clinic)
    if by == "rooms":
        lanes = _room_lanes(rooms, drawn)
    else:
        lanes = _clinician_lanes(people(hours), drawn, working, clinic=clinic, frame=(opens, closes), on=on, away=away)
        if holes is not None and on >= today:
            _add_gaps(lanes, holes, now=now if on == today else None)
    for lane in lanes:
        _share(lane)
    return Day(
        on=on,
        today=today,
        now=now,
        lanes=lanes[:MOST_LANES],
        visits=visits,
        opens=_time(opens),
        closes=_time(closes),
        left_out=max(0, len(lanes) - MOST_LANES),
    )


# ── Lanes ─────────────────────────────────────────────────────────────────────


def _clinician_lanes(
    staff: list[Membership],
    visits: list[Visit],
    working: dict[int, list[Stretch]],
    *,
    clinic: Clinic,
    frame: tuple[int, int],
    on: date,
    away: Away,
) -> list[Lane]:
    """A lane for everybody who works that day or has a visit; the clinic's order."""
    of: dict[int | None, list[Visit]] = defaultdict(list)
    for visit in visits:
        of[visit.row.clinician_id].append(visit)
    known = {person.pk for person in staff}
    others = {
        v.row.clinician_id: (v.row.clinician_name, v.row.clinician_title)
        for v in visits
        if v.row.clinician_id not in known
    }
    others.pop(None, None)
    everybody = {person.pk: (str(person), person.title) for person in staff} | others
    drawn = [key for key in everybody if working.get(key) or of[key]] or list(everybody)
    lanes = []
    for key in drawn:
        name, title = everybody[key]
        lane = Lane(title=name, sub=_lane_words(title, of[key]), visits=of[key])
        lane.clinician = next((person for person in staff if person.pk == key), None)
        has_leave = any(away.get(who) for who in (None, key))
        lane.off = _off(working.get(key, []), frame=frame, clinic=clinic, on=on, has_leave=has_leave)
        lanes.append(lane)
    return lanes


def _room_lanes(rooms: list[Room], visits: list[Visit]) -> list[Lane]:
    of: dict[int | None, list[Visit]] = defaultdict(list)
    for visit in visits:
        of[visit.row.room_id].append(visit)
    drawn = [room for room in rooms if room.in_service or of[room.pk]]
    return [Lane(title=room.name, sub=_lane_words(room.short_name, of[room.pk]), visits=of[room.pk]) for room in drawn]


def _lane_words(title: str, visits: list[Visit]) -> str:
    here = [visit.row.status for visit in visits]
    count = len(here) - sum(status in GONE for status in here)
    said = "1 visit" if count == 1 else f"{count} visits"
    if done := here.count("done"):
        said += f", {done} done"
    if gone := here.count("cancelled"):
        said += f", {gone} cancelled"
    return f"{title} · {said}" if title else said


def _off(working: list[Stretch], *, frame: tuple[int, int], clinic: Clinic, on: date, has_leave: bool) -> list[Block]:
    """What of the drawn day somebody does not work, in words where there is something to say."""
    opens, closes = (_moment(on, minute, clinic) for minute in frame)
    blocks = []
    for stretch in without([Stretch(opens, closes)], working):
        starts = stretch.start.astimezone(clinic.tz)
        minutes = int((stretch.end - stretch.start).total_seconds() // 60)
        if not working:
            words = "Away" if has_leave else "Not working"
        elif stretch.start == opens:
            words = f"Starts {stretch.end.astimezone(clinic.tz):%H:%M}" if minutes >= 30 else ""
        elif stretch.end == closes:
            words = ""
        else:
            words = "Lunch" if 11 <= starts.hour <= 13 and minutes <= 90 else "Away" if has_leave else "Break"
        blocks.append(Block(starts.time(), minutes, words))
    return blocks


def _add_gaps(lanes: list[Lane], holes: DayHoles, *, now: datetime | None) -> None:
    """Holes between visits, from now on, into which a visit fits: also with its room and its device."""
    for lane in lanes:
        if lane.clinician is None:
            continue
        # Numbing leaves the clinician free, but what is drawn there is no hole.
        busy = sorted(
            [(visit.first_minute, visit.last_minute) for visit in lane.visits]
            + [(_minute(block.starts), _minute(block.starts) + block.minutes) for block in lane.off]
        )
        begins = -(-_minute(now.time()) // 5) * 5 if now is not None else 0
        for number, (start, end) in enumerate(busy):
            if number and start - begins in GAP_MINUTES:
                hole = holes.between(lane.clinician, _time(begins), start - begins)
                if holes.fits_anything(hole):
                    lane.gaps.append(Gap(_time(begins), start - begins, f"{start - begins} min free", hole))
            begins = max(begins, end)


def _share(lane: Lane) -> None:
    """Visits that are there at the same time stand side by side. A struck one gives way where there is no room for it:
    it stands in the list, and the head of the lane counts it."""
    cluster: list[Visit] = []
    drawn: list[Visit] = []
    until = -1
    for visit in sorted(lane.visits, key=_first_the_longer):
        if visit.first_minute >= until:
            drawn += _side_by_side(cluster)
            cluster = []
        cluster.append(visit)
        until = max(until, visit.last_minute)
    lane.visits = drawn + _side_by_side(cluster)


def _side_by_side(cluster: list[Visit]) -> list[Visit]:
    columns: list[list[Visit]] = []
    for visit in sorted(cluster, key=lambda one: (one.is_gone, *_first_the_longer(one))):
        free = next((column for column in columns if not any(visit.meets(other) for other in column)), None)
        if free is not None:
            free.append(visit)
        elif len(columns) < (2 if visit.is_gone else len(WIDTHS)):
            columns.append([visit])
        elif not visit.is_gone:
            columns[-1].append(visit)
    if len(columns) > 1:
        for width, column in zip(WIDTHS[len(columns) - 1], columns, strict=True):
            for visit in column:
                _narrow(visit, width)
    return sorted((visit for column in columns for visit in column), key=_first_the_longer)


def _narrow(visit: Visit, width: str) -> None:
    visit.width, visit.name, visit.words = width, initial_surname(visit.name), visit.short_words
    # What has no room beside the name is still said.
    visit.spoken += f"{visit.state_words.lower()}, "


def _first_the_longer(visit: Visit) -> tuple[int, int]:
    return visit.first_minute, -visit.last_minute


def _frame(visits: list[Visit], working: Iterable[list[Stretch]], clinic: Clinic) -> tuple[int, int]:
    """From when to when the day is drawn, in minutes on the half hour: the hours worked and every visit."""
    stretches = [stretch for mine in working for stretch in mine]
    begins = [_minute(s.start.astimezone(clinic.tz).time()) for s in stretches] + [v.first_minute for v in visits]
    ends = [_minute(s.end.astimezone(clinic.tz).time()) or 24 * 60 for s in stretches] + [v.last_minute for v in visits]
    opens = min(begins, default=USUAL_FROM) // 30 * 30
    closes = -(-max(ends, default=USUAL_TO) // 30) * 30
    opens = min(max(opens, FIRST_MINUTE), LAST_MINUTE - 60)
    return opens, max(min(closes, LAST_MINUTE), opens + 60)


def _moment(on: date, minute: int, clinic: Clinic) -> datetime:
    midnight = datetime.combine(on, time.min, tzinfo=clinic.tz)
    return (midnight + timedelta(minutes=minute)).astimezone(clock.UTC)


def _minute(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
