"""Where a visit fits into free time: for one visit every start with its clinician and room, for a course an Availability."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cached_property

from treatments.appointments.taken.days import WHOLE_DAY, each, lasting, on_grid, runs
from treatments.appointments.taken.models import TICK_MINUTES, TICKS_A_DAY
from treatments.appointments.taken.reading import FreeTime
from treatments.appointments.taken.working import sum_of
from treatments.scheduling.availability import Obstacle
from treatments.scheduling.problems import Interval, Problem
from treatments.scheduling.slots import Slot, VisitLength

# A key that stands for everybody or for any room, where somebody asks what stands in the way.
ANYBODY = 0
AS_TEXT = f"{{:0{TICKS_A_DAY}b}}".format


class Fitting:
    """Bits of the starts from which a visit of one length fits. What ends inside a tick needs all of it."""

    def __init__(self, free: FreeTime, length: VisitLength) -> None:
        self.free, self.length = free, length
        self._lead = length.prep_minutes // TICK_MINUTES
        self._treat = _up(length.patient_minutes) - self._lead

    @cached_property
    def by_room(self) -> dict[int, int]:
        """Room to the starts at which it is free for all of the visit."""
        needed = _up(self.length.patient_minutes + self.length.turnover_minutes)
        return {room: lasting(bits, needed) for room, bits in self.free.rooms.items()}

    @cached_property
    def whoever_treats(self) -> int:
        """Starts with a room, a device where there are any, and the patient free."""
        starts = sum_of(self.by_room.values())
        if self.free.devices and starts:
            starts &= sum_of(self._treating(bits) for bits in self.free.devices.values())
        if self.free.busy:
            starts &= lasting(self.free.days.whole & ~self.free.busy, _up(self.length.patient_minutes))
        return starts

    def with_clinician(self, clinician: int) -> int:
        return self.whoever_treats and self.whoever_treats & self._treating(self.free.clinicians[clinician])

    def _treating(self, bits: int) -> int:
        return lasting(bits, self._treat) >> self._lead


class ShortRests:
    """Bits of the starts whose treatment leaves a rest of free time that is too short for another treatment."""

    def __init__(self, prep_minutes: int, treat_minutes: int) -> None:
        # The treatment begins in the tick so many after the start, so many minutes into it; what it leaves begins with another
        # tick and the minutes before that.
        self._lead, into = divmod(prep_minutes, TICK_MINUTES)
        self._until = _up(prep_minutes + treat_minutes)
        left = self._until * TICK_MINUTES - prep_minutes - treat_minutes
        # So many ticks more, and it is long enough; without minutes of its own, none is no rest.
        self._ticks_before, self._any_before = max(0, _up(treat_minutes - into)), into > 0
        self._ticks_after, self._any_after = max(0, _up(treat_minutes - left)), left > 0

    def around(self, free: int) -> tuple[int, int]:
        """`free`: the wall ticks of a clinician's day. Those before, and those after."""
        enough = _all_of(free, self._ticks_before)
        # By the tick in which the treatment begins, and by the one with which it has ended.
        before = WHOLE_DAY & ~(enough << self._ticks_before)
        if self._ticks_after != self._ticks_before:
            enough = _all_of(free, self._ticks_after)
        after = (WHOLE_DAY << 1 | 1) & ~enough
        if not self._any_before:
            before &= free << 1
        if not self._any_after:
            after &= free
        return before >> self._lead, after >> self._until


def _all_of(free: int, ticks: int) -> int:
    """Bits from which on so many ticks are free; no tick is everywhere."""
    return lasting(free, ticks) if ticks else -1


def single_visits(free: FreeTime, length: VisitLength, *, not_before: datetime, grid_minutes: int) -> Iterator[Slot]:
    """Every start at which somebody and some room are free, by clinician; the first free room is named.

    Starts lie on the grid counted from local midnight; where the clocks go back both passes of the repeated hour are there.
    """
    fitting, days = Fitting(free, length), free.days
    allowed = days.same_each_day(on_grid(grid_minutes)) & days.since(not_before)
    for clinician in free.clinicians:
        left = fitting.with_clinician(clinician) & allowed
        for room, starts in fitting.by_room.items():
            for bit in each(left & starts):
                yield Slot(days.moment(bit), clinician, room)
            left &= ~starts


class KeptTime:
    """`Availability` for a course, over what the database keeps. The days speak by the wall clock: a repeated hour is there
    the first time only, and no visit lies across a change of the clocks."""

    def __init__(self, free: FreeTime, problem: Problem, *, not_before: datetime) -> None:
        """`problem`: the lengths, the grid (a multiple of five minutes) and the days to avoid are read from it."""
        self._free, self._problem, self._not_before = free, problem, not_before
        self.clinicians: Sequence[str] = tuple(str(key) for key in free.clinicians)
        self.last_on = free.days.last
        self._step, left = divmod(problem.grid_minutes, TICK_MINUTES)
        if left:
            raise ValueError(f"grid_minutes: must be a multiple of {TICK_MINUTES}")
        length = VisitLength(problem.prep_minutes, problem.treat_minutes, problem.turnover_minutes)
        self._fitting = Fitting(free, length)
        self._short_rests = ShortRests(problem.prep_minutes, problem.treat_minutes)
        self._first, self._count = free.days.first.toordinal(), free.days.count
        self._starts: dict[str, int] = {}
        self._allowed = self._not_over_nor_across_a_change()

    def starts(self, clinician: str, day: date) -> int:
        n = day.toordinal() - self._first
        if not 0 <= n < self._count or day in self._problem.prefer.avoid:
            return 0
        bits = self._starts.get(clinician)
        if bits is None:
            bits = self._starts[clinician] = self._fitting.with_clinician(int(clinician)) & self._allowed
        return _on_each(self._free.days.wall(bits, n), self._step)

    def room_at(self, clinician: str, day: date, start: int) -> str:
        bit = self._free.days.bit_of(day.toordinal() - self._first, start * self._step)
        return next(str(room) for room, starts in self._fitting.by_room.items() if starts >> bit & 1)

    def orphans(self, clinician: str, day: date) -> tuple[int, int]:
        days, n = self._free.days, day.toordinal() - self._first
        free = days.wall(self._free.clinicians[int(clinician)], n)
        before, after = self._around_changes(free, n) if n in days.changed else self._short_rests.around(free)
        return _on_each(before, self._step), _on_each(after, self._step)

    def ignoring(self, obstacle: Obstacle) -> "KeptTime":
        free, problem = self._free, self._problem
        whole = free.days.whole
        match obstacle:
            case "clinicians":
                free = replace(free, clinicians=dict.fromkeys(free.clinicians or (ANYBODY,), whole))
            case "rooms":
                free = replace(free, rooms={ANYBODY: whole})
            case "devices":
                free = replace(free, devices={})
            case "patient_busy":
                free = replace(free, busy=0)
            case "avoid":
                problem = replace(problem, prefer=replace(problem.prefer, avoid=frozenset()))
        return KeptTime(free, problem, not_before=self._not_before)

    def dumped(self) -> Problem:
        """The problem with these free times written into it, without a key of ours: A, B for clinicians, R1, R2 for rooms."""
        free, wish = self._free, self._problem.prefer.clinician
        who = {str(key): _letters(n) for n, key in enumerate(free.clinicians)}
        # A room is where a visit begins: without one before the present moment none begins there.
        to_come = free.days.since(self._not_before)
        return replace(
            self._problem,
            prefer=replace(self._problem.prefer, clinician=who.get(wish) if wish else None),
            clinicians={who[str(key)]: self._intervals(bits) for key, bits in free.clinicians.items()},
            rooms={f"R{n}": self._intervals(bits & to_come) for n, bits in enumerate(free.rooms.values(), 1)},
            devices={f"D{n}": self._intervals(bits) for n, bits in enumerate(free.devices.values(), 1)},
            patient_busy=self._intervals(free.busy),
        )

    def _around_changes(self, free: int, n: int) -> tuple[int, int]:
        """The same of a day on which the clocks change: no free time goes on across the change."""
        before = after = 0
        for since, until in self._free.days.wall_pieces(n):
            piece = (1 << until) - (1 << since)
            short_before, short_after = self._short_rests.around(free & piece)
            before, after = before | short_before & piece, after | short_after & piece
        return before, after

    def _not_over_nor_across_a_change(self) -> int:
        days = self._free.days
        allowed = days.since(self._not_before)
        length = _up(self._problem.room_minutes)
        for leap in days.leaps:
            allowed &= ~days.between(days.begin + leap - length + 1, days.begin + leap)
        return allowed

    def _free_pieces(self, bits: int, n: int) -> list[tuple[int, int]]:
        """Day `n` of some bits as pieces in minutes of the wall clock, first and end, cut where the clocks change."""
        wall, pieces = self._free.days.wall(bits, n), []
        for since, until in self._free.days.wall_pieces(n):
            part = wall >> since & ((1 << until - since) - 1)
            pieces += [((since + first) * TICK_MINUTES, (since + end) * TICK_MINUTES) for first, end in runs(part)]
        return pieces

    def _intervals(self, bits: int) -> tuple[Interval, ...]:
        """Bits as wall times, cut at midnight and where the clocks change."""
        found = []
        for n in range(self._free.days.count):
            midnight = datetime.combine(self._free.days.day(n), time.min)
            for piece in self._free_pieces(bits, n):
                found.append(Interval(*(midnight + timedelta(minutes=minutes) for minutes in piece)))
        return tuple(found)


def _up(minutes: int) -> int:
    """Ticks that minutes reach into."""
    return -(-minutes // TICK_MINUTES)


def _on_each(wall: int, step: int) -> int:
    """Every `step`-th bit of a day, moved together."""
    if step == 1 or not wall:
        return wall
    # In text the last bit comes first.
    return int(AS_TEXT(wall)[(TICKS_A_DAY - 1) % step :: step], 2)


def _letters(n: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    return (_letters(n // 26 - 1) if n >= 26 else "") + chr(ord("A") + n % 26)
