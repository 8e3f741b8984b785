"""The machine at rest. A goal in milliseconds means that; on a machine that is shared the same work takes up to twice as long, for
seconds or minutes on end. Nothing like it is needed where two sides are measured in turns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from statistics import median
from time import perf_counter, sleep

MOMENTS, MOST_MOMENTS = 8, 120
PAUSE_SECONDS = 0.4
LOOPS = 5
# At rest is what comes so near to the fastest loop of the whole run.
NEARLY = 1.1
_loops: list[float] = []


@dataclass(frozen=True)
class Taken:
    """Milliseconds of one act: in the quietest of the moments, and in all of them."""

    at_rest: list[float]
    whenever: list[float]


def at_rest(measure: Callable[[], list[float]]) -> Taken:
    """The times of one act, measured at several moments."""
    [taken] = each_at_rest(lambda: [measure()])
    return taken


def each_at_rest(measure: Callable[[], list[list[float]]]) -> list[Taken]:
    """The times of several acts. The quietest moment is told by a loop that does the same each time, not by what is measured.

    While the machine has no rest, more moments are tried.
    """
    moments: list[tuple[float, list[list[float]]]] = []
    while len(moments) < MOMENTS or (len(moments) < MOST_MOMENTS and not _had_rest(moments)):
        if moments:
            sleep(PAUSE_SECONDS)
        before = _loop()
        times = measure()
        after = _loop()
        _loops.extend((before, after))
        moments.append((max(before, after), times))
    _, quietest = min(moments, key=_noise)
    everything = zip(*(times for _, times in moments), strict=True)
    return [Taken(rest, sum(all_of_it, [])) for rest, all_of_it in zip(quietest, everything, strict=True)]


def _had_rest(moments: list[tuple[float, list[list[float]]]]) -> bool:
    return min(map(_noise, moments)) <= NEARLY * min(_loops)


_noise = itemgetter(0)


def _loop() -> float:
    """Milliseconds of a piece of pure Python."""
    taken = []
    for _ in range(LOOPS):
        begun = perf_counter()
        for _ in range(20_000):
            pass
        taken.append((perf_counter() - begun) * 1000)
    return median(taken)
