"""A day of the clinic: its visits with what the desk may know of each, and the lanes they are drawn in.

All times are wall times of the clinic. The grid knows five-minute rows from 06:00 to 22:00.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from django.db.models import F, QuerySet

from clinic import clock
from clinic.models import Clinic, Membership, Room
from clinic.templatetags.clinic_ui import STATES, at_class, for_class, icon, initial_surname, numb_class
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.appointments.working_time import Away, Hours, at_work, people
from treatments.pages.verdicts import GONE, Verdict, verdict_of, with_screening
from treatments.scheduling.free_time import Stretch, without

FIRST_MINUTE, LAST_MINUTE = 6 * 60, 22 * 60
USUAL_FROM, USUAL_TO = 9 * 60, 17 * 60
MOST_LANES = 12
TITLES = ("Dr", "Mr", "Ms", "Mrs")
# Shorter than this there is one line of text; a struck visit needs no more room than that.
ONE_LINE_MINUTES = 20
# A hole worth offering: a treatment fits, and it is not simply an empty half day.
GAP_MINUTES = range(30, 121)


@dataclass
class Visit:
    """One visit as the day shows it: where in the grid, in which shape, in which words."""

    row: Appointment
    verdict: Verdict | None
    starts: time
    minutes: int
    name: str
    words: str
    short_words: str
    state_words: str
    what: str
    who: str
    where: str
    tag: str
    shape: str
    is_split: bool
    is_gone: bool
    icon: str = ""
    spoken: str = ""
    chip_hue: str = ""
    chip_icon: str = ""
    is_chosen: bool = False
    width: str = "whole"

    @property
    def first_minute(self) -> int:
        return _minute(self.starts)

    @property
    def last_minute(self) -> int:
        return self.first_minute + self.minutes

    @property
    def classes(self) -> str:
        """Place, length, shape: one string, because a full day draws hundreds."""
        row = self.row
        said = [self.width, at_class(self.starts), for_class(self.minutes), self.shape]
        if self.is_split:
            said += ["split", numb_class(row.prep_minutes, row.treat_minutes)]
        said += ["oneline"] if self.minutes <= ONE_LINE_MINUTES else []
        said += ["chosen"] if self.is_chosen else []
        return " ".join(part for part in said if part)


@dataclass
class Block:
    """Time off, or a hole that could be filled."""

    starts: time
    minutes: int
    words: str = ""
    can_fill: int = 0


@dataclass
class Lane:
    title: str
    sub: str
    visits: list[Visit] = field(default_factory=list)
    off: list[Block] = field(default_factory=list)
    gaps: list[Block] = field(default_factory=list)


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
    def not_before(self) -> int:
        return sum(_is_coming(visit) and visit.verdict is not None and visit.verdict.refuses for visit in self.visits)

    @property
    def to_ask(self) -> int:
        asks = ("ask", "needs_clinician")
        return sum(_is_open(visit) and visit.verdict is not None and visit.verdict.state in asks for visit in self.visits)


def visits_of(clinic: Clinic, day: date) -> QuerySet[Appointment]:
    """Every visit of a day, cancelled and missed ones too, with all that the page shows of it. One query.

    Of the course only two numbers, of the clinician only the name: whole rows of plans are a hundred times as much.
    """
    rows = Appointment.objects.filter(clinic=clinic, day=day).select_related("patient")
    rows = rows.annotate(
        number=F("planned_session__number"),
        of_sessions=F("planned_session__plan__sessions_planned"),
        clinician_name=F("clinician__user__full_name"),
        clinician_title=F("clinician__title"),
        room_name=F("room__name"),
        room_short=F("room__short_name"),
    ).defer("patient__search_keys", "patient__contact_asked_at")
    return with_screening(rows).order_by("during", "id")


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
    may_be_filled_by: int = 0,
) -> Day:
    """The day as lanes `by` "clinicians" or "rooms". No query: everything is given.

    `may_be_filled_by`: how many patients to book have this day in their window.
    """
    now = now.astimezone(clinic.tz)
    today = now.date()
    visits = [_visit(row, clinic=clinic, now=now, today=today, by=by, chosen=chosen) for row in rows]
    working = {person.pk: at_work(person.pk, hours, away, on, on, clinic) for person in people(hours)}
    # The grid has no rows at night: whatever is there stands in the list only.
    drawn = [visit for visit in visits if FIRST_MINUTE <= visit.first_minute < LAST_MINUTE]
    opens, closes = _frame(drawn, working.values(), clinic)
    if by == "rooms":
        lanes = _room_lanes(rooms, drawn)
    else:
        lanes = _clinician_lanes(people(hours), drawn, working, clinic=clinic, frame=(opens, closes), on=on, away=away)
        if on >= today:
            _add_gaps(lanes, now=now if on == today else None, can_fill=may_be_filled_by)
    for lane in lanes:
        _share(lane.visits)
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


# ── Visits ────────────────────────────────────────────────────────────────────


def _visit(row: Appointment, *, clinic: Clinic, now: datetime, today: date, by: str, chosen: Appointment | None) -> Visit:
    row.clinic = clinic  # the same object: its zone is asked for again and again
    verdict = verdict_of(row, today=today)
    minutes = row.prep_minutes + row.treat_minutes
    words, short_words = _words(row, verdict, now)
    is_gone = row.status in GONE
    hue, glyph, _ = STATES[verdict.state] if verdict else ("", "", "")
    return Visit(
        row=row,
        verdict=verdict,
        starts=row.starts_at,
        minutes=min(minutes, ONE_LINE_MINUTES) if is_gone else minutes,
        name=row.patient.full_name,
        words=words,
        short_words=short_words,
        state_words=_list_words(row, now),
        what=f"Session {row.number} of {row.of_sessions}" if row.number else row.get_kind_display(),
        who=row.clinician_name or "nobody yet",
        where=row.room_name or "no room yet",
        tag=_initials(row.clinician_name) if by == "rooms" else row.room_short or "",
        shape=_shape(row, verdict),
        is_split=bool(row.prep_minutes) and not is_gone,
        is_gone=is_gone,
        icon=_icon("check") if row.status == "done" else _icon(glyph, hue) if verdict and row.status != "in_room" else "",
        spoken=f"{verdict.label.lower()}, " if verdict and row.status != "done" else "",
        chip_hue=hue,
        chip_icon=_icon(glyph) if verdict else "",
        is_chosen=chosen is not None and chosen.pk == row.pk,
    )


@lru_cache(maxsize=64)
def _icon(name: str, classes: str = "") -> str:
    """The same few glyphs, drawn hundreds of times a day."""
    return icon(name, classes)


def _initials(name: str | None) -> str:
    return "".join(part[0] for part in (name or "").split() if part not in TITLES)


def _shape(row: Appointment, verdict: Verdict | None) -> str:
    shapes = {
        "booked": "unconfirmed", "arrived": "here", "numbing": "live", "in_room": "inroom", "done": "done",
        "cancelled": "gone", "no_show": "gone",
    }  # fmt: skip
    refused = verdict is not None and verdict.refuses and row.status in COMING
    return "held" if refused else shapes.get(row.status, "")


def _words(row: Appointment, verdict: Verdict | None, now: datetime) -> tuple[str, str]:
    """What stands under the name, and what of it where two share a lane."""
    if row.status in GONE:
        gone = f"cancelled {_clock(row.closed_at, row)}" if row.status == "cancelled" else "did not come"
        return gone, gone
    number = _number(row)
    plain = number or (f"{row.get_kind_display()} · {row.room_short}" if row.room_short else row.get_kind_display())
    state = _state(row, verdict, now)
    if row.status == "in_room":
        return state, state
    if not number:
        return (f"{row.get_kind_display()} · {state}" if row.status in PRESENT else plain), row.get_kind_display()
    short = f"{number} · done" if row.status == "done" else number
    return (f"{number} · {state}" if state else number), short


def _state(row: Appointment, verdict: Verdict | None, now: datetime) -> str:
    if row.status == "done":
        return f"done {_clock(row.done_at, row)}"
    if row.status == "in_room":
        return f"In room since {_clock(row.in_room_at, row)}"
    if row.status == "numbing":
        since = max(0, int((now - row.numbing_at).total_seconds() // 60))
        return f"numbing {since} of {row.prep_minutes} min"
    if row.status == "arrived":
        return "arrived, to ask" if verdict and verdict.state == "ask" else f"arrived {_clock(row.arrived_at, row)}"
    if verdict and verdict.state in ("block", "defer", "needs_clinician", "ask"):
        label = verdict.label
        return label[:1].lower() + label[1:] if verdict.state != "ask" else "to ask"
    return "confirmed" if row.status == "confirmed" else "not confirmed"


def _number(row: Appointment) -> str:
    return f"{row.number}/{row.of_sessions}" if row.number else ""


def _list_words(row: Appointment, now: datetime) -> str:
    """The state of a visit in a row of its own, where the verdict stands beside it."""
    if row.status in GONE:
        return f"{'Cancelled' if row.status == 'cancelled' else 'Did not come'}, {_clock(row.closed_at, row)}"
    said = _state(row, None, now)
    return said[:1].upper() + said[1:]


def _clock(moment: datetime | None, row: Appointment) -> str:
    return f"{moment.astimezone(row.clinic.tz):%H:%M}" if moment else ""


def _is_coming(visit: Visit) -> bool:
    return visit.row.status in COMING


def _is_open(visit: Visit) -> bool:
    return _is_coming(visit) or visit.row.status in ("arrived", "numbing")


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
    others = {v.row.clinician_id: (v.row.clinician_name, v.row.clinician_title) for v in visits if v.row.clinician_id not in known}
    others.pop(None, None)
    everybody = {person.pk: (str(person), person.title) for person in staff} | others
    shown = [key for key in everybody if working.get(key) or of[key]] or list(everybody)
    lanes = []
    for key in shown:
        name, title = everybody[key]
        lane = Lane(title=name, sub=_lane_words(title, of[key]), visits=of[key])
        has_leave = any(away.get(who) for who in (None, key))
        lane.off = _off(working.get(key, []), frame=frame, clinic=clinic, on=on, has_leave=has_leave)
        lanes.append(lane)
    return lanes


def _room_lanes(rooms: list[Room], visits: list[Visit]) -> list[Lane]:
    of: dict[int | None, list[Visit]] = defaultdict(list)
    for visit in visits:
        of[visit.row.room_id].append(visit)
    shown = [room for room in rooms if room.in_service or of[room.pk]]
    return [Lane(title=room.name, sub=_lane_words(room.short_name, of[room.pk]), visits=of[room.pk]) for room in shown]


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


def _add_gaps(lanes: list[Lane], *, now: datetime | None, can_fill: int) -> None:
    """Holes between visits that a treatment would fill, from now on."""
    for lane in lanes:
        # Numbing leaves the clinician free, but what is drawn there is no hole.
        busy = sorted(
            [(visit.first_minute, visit.last_minute) for visit in lane.visits]
            + [(_minute(block.starts), _minute(block.starts) + block.minutes) for block in lane.off]
        )
        begins = -(-_minute(now.time()) // 5) * 5 if now is not None else 0
        for number, (start, end) in enumerate(busy):
            if number and start - begins in GAP_MINUTES:
                lane.gaps.append(Block(_time(begins), start - begins, f"{start - begins} min free", can_fill))
            begins = max(begins, end)


def _share(visits: list[Visit]) -> None:
    """Visits that are there at the same time stand side by side, two to a lane."""
    cluster: list[Visit] = []
    until = -1
    for visit in sorted(visits, key=lambda one: (one.first_minute, -one.last_minute)):
        if visit.first_minute >= until:
            _halve(cluster)
            cluster = []
        cluster.append(visit)
        until = max(until, visit.last_minute)
    _halve(cluster)


def _halve(cluster: list[Visit]) -> None:
    if len(cluster) < 2:
        return
    ends = [0, 0]
    for visit in cluster:
        half = 0 if ends[0] <= ends[1] else 1
        ends[half] = max(ends[half], visit.last_minute)
        visit.width = ("half-a", "half-b")[half]
        visit.name, visit.words = initial_surname(visit.name), visit.short_words


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
