"""Time that is left: working stretches less what is taken. Moments are aware; stretches are half-open."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Stretch(NamedTuple):
    start: datetime
    end: datetime


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Sorted, with overlapping and touching stretches joined."""
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
    """What remains of `open_time` once `taken` is cut out."""
    left: list[Stretch] = []
    busy = merged(taken)
    for stretch in merged(open_time):
        start = stretch.start
        for block in busy:
            if block.end <= start:
                continue
            if block.start >= stretch.end:
                break
            if block.start > start:
                left.append(Stretch(start, block.start))
            start = max(start, block.end)
        if start < stretch.end:
            left.append(Stretch(start, stretch.end))
    return left


def holds(free: Iterable[Stretch], wanted: Stretch) -> bool:
    """Does one free stretch contain all of `wanted`?"""
    return any(stretch.start <= wanted.start and wanted.end <= stretch.end for stretch in free)
