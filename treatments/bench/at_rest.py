"""The machine at rest. A goal in milliseconds means that; on a machine that is shared the same work takes up to twice as long, for
seconds or minutes on end. Nothing like it is needed where two sides are measured in turns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep

MOMENTS = 12
PAUSE_SECONDS = 0.4
LOOPS = 5


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
    """The times of several acts. The quietest moment is told by a loop that does the same each time, not by what is measured."""
    moments = []
    for number in range(MOMENTS):
        if number:
            sleep(PAUSE_SECONDS)
        before = _loop()
        times = measure()
        moments.append((max(before, _loop()), times))
    _, quietest = min(moments, key=lambda moment: moment[0])
    everything = zip(*(times for _, times in moments), strict=True)
    return [Taken(rest, sum(all_of_it, [])) for rest, all_of_it in zip(quietest, everything, strict=True)]


def _loop() -> float:
    """Milliseconds of a piece of pure Python."""
    taken = []
    for _ in range(LOOPS):
        begun = perf_counter()
        for _ in range(20_000):
            pass
        taken.append((perf_counter() - begun) * 1000)
    return median(taken)
