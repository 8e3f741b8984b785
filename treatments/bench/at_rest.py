"""The machine at rest. A goal in milliseconds means that; on a machine that is shared the same work takes up to twice as long, for
seconds or minutes on end. Nothing like it is needed where two sides are measured in turns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep

MOMENTS, MOST_MOMENTS = 8, 120
# One quiet moment may still be broken into while the act runs, where no loop sees it.
QUIET_MOMENTS = 3
PAUSE_SECONDS = 0.4
LOOPS = 5
Loop = Callable[[], object]
# At rest is what comes so near to the fastest loop of the whole run.
NEARLY = 1.1
# Of each loop the fastest of the whole run, in milliseconds.
_fastest: dict[Loop, float] = {}


@dataclass(frozen=True)
class Taken:
    """Milliseconds of one act: in the quietest three of the moments, and in all of them."""

    at_rest: list[float]
    whenever: list[float]


def a_python_loop() -> None:
    for _ in range(20_000):
        pass


def at_rest(measure: Callable[[], list[float]]) -> Taken:
    """The times of one act, measured at several moments."""
    [taken] = each_at_rest(lambda: [measure()])
    return taken


def each_at_rest(measure: Callable[[], list[list[float]]], *, loops: Sequence[Loop] = (a_python_loop,)) -> list[Taken]:
    """The times of several acts. Quiet moments are told by loops that do the same each time, not by what is measured: one for each
    process that takes part.

    While the machine has no rest, more moments are tried.
    """
    moments: list[tuple[dict[Loop, float], list[list[float]]]] = []
    while len(moments) < MOMENTS or (len(moments) < MOST_MOMENTS and not _had_rest(moments)):
        if moments:
            sleep(PAUSE_SECONDS)
        before = _compared(loops)
        times = measure()
        after = _compared(loops)
        moments.append(({loop: max(before[loop], after[loop]) for loop in loops}, times))
    quiet = sorted(moments, key=_noise)[:QUIET_MOMENTS]
    return [Taken(at_rest, whenever) for at_rest, whenever in zip(_together(quiet), _together(moments), strict=True)]


def _together(moments: list[tuple[dict[Loop, float], list[list[float]]]]) -> list[list[float]]:
    """Of each act its times of all these moments."""
    return [sum(times, []) for times in zip(*(times for _, times in moments), strict=True)]


def _had_rest(moments: list[tuple[dict[Loop, float], list[list[float]]]]) -> bool:
    return sum(_noise(moment) <= NEARLY for moment in moments) >= QUIET_MOMENTS


def _noise(moment: tuple[dict[Loop, float], object]) -> float:
    """How many times as long as at its fastest the slowest of the loops took."""
    return max(taken / _fastest[loop] for loop, taken in moment[0].items())


def _compared(loops: Sequence[Loop]) -> dict[Loop, float]:
    taken = {loop: _taken(loop) for loop in loops}
    for loop, ms in taken.items():
        _fastest[loop] = min(ms, _fastest.get(loop, ms))
    return taken


def _taken(loop: Loop) -> float:
    """Milliseconds of a loop."""
    taken = []
    for _ in range(LOOPS):
        begun = perf_counter()
        loop()
        taken.append((perf_counter() - begun) * 1000)
    return median(taken)
