"""The days of a horizon as ticks: where each begins, where the clocks change, and bits laid out day by day.

Bit `n` of a horizon is the tick `begin + n`: absolute time, so that a length is a number of bits on every day. Bits of a
day by the clock on the wall (288, whatever the clocks do) are what weekly hours and the search for a course speak of.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from clinic import clock
from treatments.appointments.taken.models import TICK_MINUTES, TICK_SECONDS, TICKS_A_DAY
from treatments.scheduling.free_time import Stretch

DAY_BYTES = TICKS_A_DAY // 8
WHOLE_DAY = (1 << TICKS_A_DAY) - 1


class Piece(NamedTuple):
    """A piece of a day on which the clocks change, between changes. `begin`: ticks since the day began; `wall`: its first
    wall tick, and how many wall ticks at its beginning an earlier piece has shown already (`repeats`)."""

    begin: int
    wall: int
    ticks: int
    repeats: int


@dataclass(frozen=True)
class Days:
    """From `first` to `last`, both included, in one zone."""

    first: date
    last: date
    zone: ZoneInfo

    @cached_property
    def begins(self) -> list[int]:
        """First tick of each day, and of the day after the last."""
        return [_first_tick(self.first + timedelta(days=n), self.zone) for n in range(self.count + 1)]

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def begin(self) -> int:
        return self.begins[0]

    @property
    def end(self) -> int:
        return self.begins[-1]

    @cached_property
    def whole(self) -> int:
        """Every tick of the horizon."""
        return (1 << (self.end - self.begin)) - 1

    @cached_property
    def changed(self) -> dict[int, tuple[Piece, ...]]:
        """Number of each day on which the clocks change, with its pieces."""
        lengths = (after - begin for begin, after in zip(self.begins, self.begins[1:], strict=False))
        return {
            n: _pieces(self.begins[n], self.begins[n + 1], self.zone)
            for n, ticks in enumerate(lengths)
            if ticks != TICKS_A_DAY
        }

    @property
    def leaps(self) -> list[int]:
        """Bits at which the clocks have just changed."""
        return [self.offset(n) + piece.begin for n, pieces in self.changed.items() for piece in pieces[1:]]

    def day(self, n: int) -> date:
        return self.first + timedelta(days=n)

    def offset(self, n: int) -> int:
        """The bit with which day `n` begins."""
        return self.begins[n] - self.begins[0]

    def laid_out(self, walls: bytes | bytearray, changed: dict[int, int]) -> int:
        """Bits of the horizon from the wall bits of its days, one after the other; for days on which the clocks change
        from `changed`, bits counted from the day's own beginning."""
        bits, n = 0, 0
        for leap in [*self.changed, self.count]:
            bits |= int.from_bytes(walls[n * DAY_BYTES : leap * DAY_BYTES], "little") << self.offset(n)
            if leap < self.count:
                bits |= changed[leap] << self.offset(leap)
            n = leap + 1
        return bits

    def same_each_day(self, wall: int) -> int:
        """The wall bits of one day on every day; where a wall time comes twice, both times."""
        changed = {
            n: sum(((wall >> piece.wall) & ((1 << piece.ticks) - 1)) << piece.begin for piece in pieces)
            for n, pieces in self.changed.items()
        }
        return self.laid_out(wall.to_bytes(DAY_BYTES, "little") * self.count, changed)

    def wall(self, bits: int, n: int) -> int:
        """Day `n` of some bits by the wall clock: of a repeated hour its first time, of one that is left out nothing."""
        bits >>= self.offset(n)
        if n not in self.changed:
            return bits & WHOLE_DAY
        shown = 0
        for piece in self.changed[n]:
            new = (bits >> (piece.begin + piece.repeats)) & ((1 << (piece.ticks - piece.repeats)) - 1)
            shown |= new << (piece.wall + piece.repeats)
        return shown

    def bit_of(self, n: int, wall_tick: int) -> int:
        """The bit of a wall tick of day `n`; where it comes twice, the first."""
        for piece in self.changed.get(n, ()):
            if piece.wall <= wall_tick < piece.wall + piece.ticks:
                return self.offset(n) + piece.begin + wall_tick - piece.wall
        return self.offset(n) + wall_tick

    def wall_pieces(self, n: int) -> list[tuple[int, int]]:
        """The wall ticks of day `n` that follow each other without a change of the clocks, first and end."""
        if n not in self.changed:
            return [(0, TICKS_A_DAY)]
        return [(piece.wall + piece.repeats, piece.wall + piece.ticks) for piece in self.changed[n]]

    def inside(self, stretches: Iterable[Stretch]) -> int:
        """Ticks that lie wholly in a stretch."""
        return self._bits((_first_from(some.start), _tick(some.end)) for some in stretches)

    def touched(self, stretches: Iterable[Stretch]) -> int:
        """Ticks that a stretch touches."""
        return self._bits((_tick(some.start), _first_from(some.end)) for some in stretches)

    def touched_by(self, bits: int) -> list[date]:
        """The days on which any of the bits is set."""
        found = []
        while bits:
            n = bisect_right(self.begins, self.begin + (bits & -bits).bit_length() - 1) - 1
            found.append(self.day(n))
            bits = bits >> self.offset(n + 1) << self.offset(n + 1)
        return found

    def between(self, first: int, end: int) -> int:
        """Ticks from `first` up to `end`, absolute, as far as they lie in the horizon."""
        first, end = max(first, self.begin) - self.begin, min(end, self.end) - self.begin
        return (1 << end) - (1 << first) if first < end else 0

    def since(self, moment: datetime) -> int:
        """Ticks that begin at a moment or after it."""
        return self.between(_first_from(moment), self.end)

    def _bits(self, spans: Iterable[tuple[int, int]]) -> int:
        bits = 0
        for first, end in spans:
            bits |= self.between(first, end)
        return bits

    def moment(self, bit: int) -> datetime:
        return datetime.fromtimestamp((self.begin + bit) * TICK_SECONDS, UTC)


def wall_ticks(starts: time, ends: time) -> int:
    """Wall bits of a day that lie wholly between two wall times."""
    first = -(-_second_of_day(starts) // TICK_SECONDS)
    end = _second_of_day(ends) // TICK_SECONDS
    return (1 << end) - (1 << first) if first < end else 0


@lru_cache(maxsize=64)
def on_grid(grid_minutes: int) -> int:
    """Wall bits of a day at every `grid_minutes`, a multiple of five, counted from midnight."""
    step, left = divmod(grid_minutes, TICK_MINUTES)
    if left or step < 1:
        raise ValueError(f"A grid of {grid_minutes} minutes does not lie on ticks of {TICK_MINUTES}.")
    return sum(1 << tick for tick in range(0, TICKS_A_DAY, step))


def lasting(bits: int, ticks: int) -> int:
    """Bits from which on at least `ticks` in a row are set."""
    done = 1
    while done < ticks and bits:
        step = min(done, ticks - done)
        bits &= bits >> step
        done += step
    return bits


def each(bits: int) -> Iterator[int]:
    """Numbers of the bits that are set, from the lowest."""
    text = f"{bits:b}"[::-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


def runs(bits: int) -> Iterator[tuple[int, int]]:
    """First and end of each row of bits that are set."""
    text = f"{bits:b}"[::-1]
    first = text.find("1")
    while first >= 0:
        end = text.find("0", first)
        yield first, end if end >= 0 else len(text)
        first = text.find("1", end) if end >= 0 else -1


def every_week(days: Sequence[bytes], count: int) -> bytes:
    """`count` days of wall bits: those of the first week again and again."""
    return (b"".join(days) * (-(-count // len(days))))[: count * DAY_BYTES]


@lru_cache(maxsize=256)
def days_between(first: date, last: date, zone: ZoneInfo) -> Days:
    """The same days again and again: everybody at the desk asks for the months ahead of today."""
    return Days(first, last, zone)


@lru_cache(maxsize=16_384)
def _first_tick(day: date, zone: ZoneInfo) -> int:
    return _tick(clock.day_bounds(day, zone)[0])


@lru_cache(maxsize=256)
def _pieces(begin: int, end: int, zone: ZoneInfo) -> tuple[Piece, ...]:
    """A day cut where the clocks change."""
    cuts = [begin]
    cuts += [tick for tick in range(begin + 1, end) if _ahead(tick, zone) != _ahead(tick - 1, zone)]
    pieces, shown = [], 0
    for first, last in zip(cuts, [*cuts[1:], end], strict=True):
        wall = (first - begin + _ahead(first, zone) - _ahead(begin, zone)) + _wall_tick(begin, zone)
        ticks = last - first
        pieces.append(Piece(first - begin, wall, ticks, min(max(0, shown - wall), ticks)))
        shown = max(shown, wall + ticks)
    return tuple(pieces)


def _ahead(tick: int, zone: ZoneInfo) -> int:
    """Ticks by which the zone is ahead of UTC."""
    offset = datetime.fromtimestamp(tick * TICK_SECONDS, zone).utcoffset()
    return int(offset.total_seconds()) // TICK_SECONDS


def _wall_tick(tick: int, zone: ZoneInfo) -> int:
    return _second_of_day(datetime.fromtimestamp(tick * TICK_SECONDS, zone).time()) // TICK_SECONDS


def _second_of_day(wall: time) -> int:
    return wall.hour * 3600 + wall.minute * 60 + wall.second


def _tick(moment: datetime) -> int:
    """The tick in which a moment lies."""
    return math.floor(moment.timestamp() / TICK_SECONDS)


def _first_from(moment: datetime) -> int:
    """The first tick that begins at a moment or after it."""
    return math.ceil(moment.timestamp() / TICK_SECONDS)
