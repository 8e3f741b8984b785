"""A day of the clinic: its visits with what the desk may know of each, and the lanes they are drawn in.

All times are wall times of the clinic: on a day on which the clocks change too, a visit stands at what the wall shows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

from clinic import clock
from clinic.models import Clinic, Membership, Room
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import Away, Hours, at_work, people
from treatments.pages.today.day_visits import Visit, shown
from treatments.pages.today.gaps import GAP_MINUTES, DayHoles, Hole
from treatments.pages.today.lost_places import Roster
from treatments.pages.today.verdicts import GONE
from treatments.scheduling.free_time import Stretch, without

USUAL_FROM, USUAL_TO = 9 * 60, 17 * 60
MIDNIGHT = 24 * 60
TOO_FAR = "That day is too far away. This is today."
# A struck visit is drawn beside one other at most.
STAND_BEFORE_A_STRUCK_ONE = 2


@dataclass
class Block:
    """Time off."""

    starts: time
    minutes: int
    words: str = ""

    @property
    def first_minute(self) -> int:
        return minute_of(self.starts)

    @property
    def last_minute(self) -> int:
        return self.first_minute + self.minutes


@dataclass
class Gap(Block):
    """A hole that could be filled, by how many, and where that is done."""

    hole: Hole | None = None
    can_fill: int = 0
    url: str = ""


@dataclass
class Lane:
    """`ref`: of the clinician or the room whose lane it is; None for visits of nobody."""

    ref: UUID | None
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
    # Minutes from midnight.
    opens: int
    closes: int
    roster: Roster

    @property
    def gaps(self) -> list[Gap]:
        return [gap for lane in self.lanes for gap in lane.gaps]

    @property
    def lost(self) -> list[UUID]:
        """Visits that cannot be as they stand: their clinician, room or device is not there any more."""
        return [visit.row.ref for visit in self.visits if visit.why_not]

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
    roster = Roster(clinic, hours, away)
    visits = [
        shown(
            row,
            clinic=clinic,
            now=now,
            today=today,
            by=by,
            chosen=chosen,
            why_not=roster.why_not(row) if row.during.upper > now else "",
        )
        for row in rows
    ]
    working = {person.pk: at_work(person.pk, hours, away, on, on, clinic) for person in people(hours)}
    opens, closes = _frame(visits, working.values(), clinic)
    if by == "rooms":
        lanes = _room_lanes(rooms, visits)
    else:
        lanes = _clinician_lanes(people(hours), visits, working, clinic=clinic, frame=(opens, closes), on=on, away=away)
        if holes is not None and on >= today:
            begins = -(-minute_of(now.time()) // 5) * 5 if on == today else opens
            _add_gaps(lanes, holes, frame=(max(opens, begins), closes))
    for lane in lanes:
        lane.visits = _drawn(lane.visits)
    return Day(on, today, now, lanes, visits, opens, closes, roster)


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
    known = {person.pk: person for person in staff}
    others = {visit.row.clinician_id: visit.row for visit in visits if visit.row.clinician_id not in known}
    drawn = [key for key in known if working.get(key) or of[key]] or ([] if others else list(known))
    lanes = []
    begins, ends = clock.day_bounds(on, clinic.tz)
    for key in [*drawn, *others]:
        person, row = known.get(key), others.get(key)
        lane = Lane(
            ref=person.ref if person else row.clinician_ref,
            title=str(person) if person else row.clinician_name or "Nobody yet",
            sub=_lane_words((person.title if person else row.clinician_title) or "", of[key]),
            visits=of[key],
            clinician=person,
        )
        has_leave = any(one.start < ends and begins < one.end for who in (None, key) for one in away.get(who, ()))
        lane.off = _off(working.get(key, []), frame=frame, clinic=clinic, on=on, has_leave=has_leave)
        lanes.append(lane)
    return lanes


def _room_lanes(rooms: list[Room], visits: list[Visit]) -> list[Lane]:
    of: dict[int | None, list[Visit]] = defaultdict(list)
    for visit in visits:
        of[visit.row.room_id].append(visit)
    lanes = [
        Lane(ref=room.ref, title=room.name, sub=_lane_words(room.short_name, of[room.pk]), visits=of[room.pk])
        for room in rooms
        if room.in_service or of[room.pk]
    ]
    if of[None]:
        lanes.append(Lane(ref=None, title="No room yet", sub=_lane_words("", of[None]), visits=of[None]))
    return lanes


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
        starts, ends = (_wall_minute(moment, on, clinic) for moment in (stretch.start, stretch.end))
        if ends <= starts:
            continue  # inside an hour that comes twice
        if not working:
            words = "Away" if has_leave else "Not working"
        elif stretch.start == opens:
            words = f"Starts {time_of(ends):%H:%M}" if ends - starts >= 30 else ""
        elif stretch.end == closes:
            words = ""
        else:
            lunch = 11 <= starts // 60 <= 13 and ends - starts <= 90
            words = "Lunch" if lunch else "Away" if has_leave else "Break"
        blocks.append(Block(time_of(starts), ends - starts, words))
    return blocks


def _add_gaps(lanes: list[Lane], holes: DayHoles, *, frame: tuple[int, int]) -> None:
    """Free times from the first to the last minute of `frame` into which a visit fits: also with its room and its device."""
    for lane in lanes:
        if lane.clinician is None:
            continue
        for begins, ends in _worth_offering(lane, frame):
            hole = holes.between(lane.clinician, time_of(begins), ends - begins)
            if holes.fits_anything(hole):
                lane.gaps.append(Gap(time_of(begins), ends - begins, f"{ends - begins} min free", hole))


def _worth_offering(lane: Lane, frame: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """In minutes from midnight, by time: what is free and not simply half a day; of that, what a struck visit has left."""
    # Numbing leaves the clinician free, but what is drawn there is no hole.
    standing = [visit for visit in lane.visits if not visit.is_gone]
    busy = [(one.first_minute, one.last_minute) for one in (*standing, *lane.off)]
    struck = [(one.first_minute, one.first_minute + one.booked_minutes) for one in lane.visits if one.is_gone]
    for free in _outside(busy, frame):
        if free[1] - free[0] in GAP_MINUTES:
            yield free
        elif free[1] - free[0] >= GAP_MINUTES.stop:
            yield from _outside(_outside(struck, free), free)


def _outside(taken: Iterable[tuple[int, int]], frame: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """What of the minutes of `frame` is not taken, by time."""
    begins, closes = frame
    for start, end in (*sorted(taken), (closes, closes)):
        if begins < min(start, closes):
            yield begins, min(start, closes)
        begins = max(begins, end)


def _drawn(visits: list[Visit]) -> list[Visit]:
    """Those of a lane that are drawn, by time. Visits that are there at the same time stand side by side; a struck one gives
    way where there is no room for it: it stands in the list, and the head of the lane counts it."""
    drawn = [visit for visit in visits if not visit.is_gone]
    for struck in (visit for visit in visits if visit.is_gone):
        if sum(struck.meets(other) for other in drawn) < STAND_BEFORE_A_STRUCK_ONE:
            drawn.append(struck)
    return sorted(drawn, key=lambda visit: (visit.first_minute, -visit.last_minute))


def _frame(visits: list[Visit], working: Iterable[list[Stretch]], clinic: Clinic) -> tuple[int, int]:
    """From when to when the day is drawn, in minutes: from a full hour to a half one, all hours worked and every visit."""
    stretches = [stretch for mine in working for stretch in mine]
    begins = [minute_of(s.start.astimezone(clinic.tz).time()) for s in stretches] + [v.first_minute for v in visits]
    ends = [minute_of(s.end.astimezone(clinic.tz).time()) or MIDNIGHT for s in stretches]
    ends += [v.last_minute for v in visits]
    opens = min(begins, default=USUAL_FROM) // 60 * 60
    closes = -(-max(ends, default=USUAL_TO) // 30) * 30
    return opens, max(min(closes, MIDNIGHT), opens + 60)


def _moment(on: date, minute: int, clinic: Clinic) -> datetime:
    midnight = datetime.combine(on, time.min, tzinfo=clinic.tz)
    return (midnight + timedelta(minutes=minute)).astimezone(clock.UTC)


def _wall_minute(moment: datetime, on: date, clinic: Clinic) -> int:
    """What the wall shows, counted from the midnight the day begins with."""
    wall = moment.astimezone(clinic.tz)
    return minute_of(wall.time()) if wall.date() == on else MIDNIGHT


def minute_of(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def time_of(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
