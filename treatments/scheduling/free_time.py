"""Time that is left: working stretches less what is taken. Moments are aware; stretches are half-open."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple


class Stretch(NamedTuple):
    start: datetime
    end: datetime


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Sorted, with overlapping and touching stretches joined and empty ones left out."""
    result: list[Stretch] = []
    for stretch in sorted(stretches):
        if stretch.start >= stretch.end:
            continue
        if result and stretch.start <= result[-1].end:
            result[-1] = Stretch(result[-1].start, max(result[-1].end, stretch.end))
        else:
            result.append(stretch)
    return result


def without(open_time: Iterable[Stretch], taken: Iterable[Stretch]) -> list[Stretch]:
    """What remains of `open_time` once `taken` is cut out: sorted, and no two stretches touch."""
    left: list[Stretch] = []
    busy = merged(taken)
    ends = [block.end for block in busy]
    for stretch in merged(open_time):
        start = stretch.start
        for index in range(bisect_right(ends, start), len(busy)):
            block = busy[index]
            if block.start >= stretch.end:
                break
            if block.start > start:
                left.append(Stretch(start, block.start))
            start = block.end
        if start < stretch.end:
            left.append(Stretch(start, stretch.end))
    return left


def holds(free: Sequence[Stretch], wanted: Stretch) -> bool:
    """Does one free stretch contain all of `wanted`? `free` is sorted and disjoint, as `without` and `merged` give it."""
    last_to_begin = bisect_right(free, wanted.start, key=attrgetter("start")) - 1
    return last_to_begin >= 0 and wanted.end <= free[last_to_begin].end


def meets(taken: Sequence[Stretch], wanted: Stretch) -> bool:
    """Does any taken stretch share a moment with `wanted`? `taken` is sorted and disjoint, as `merged` gives it."""
    first_to_begin_after = bisect_left(taken, wanted.end, key=attrgetter("start"))
    return first_to_begin_after > 0 and wanted.start < taken[first_to_begin_after - 1].end
