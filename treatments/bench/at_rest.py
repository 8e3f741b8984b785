"""The machine at rest. A goal in milliseconds means that; on a machine that is shared the same work takes up to twice as long, for
seconds or minutes on end. Nothing like it is needed where two sides are measured in turns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep

MOMENTS, MOST_MOMENTS = 8, 40
# One quiet moment may still be broken into while the act runs, where no loop sees it.
QUIET_MOMENTS = 3
PAUSE_SECONDS = 0.4
# For how long rest is waited for in all, and how often it is asked for.
WAIT_SECONDS, ASK_SECONDS = 180, 0.05
LOOPS = 5
Loop = Callable[[], object]
Moment = tuple[dict[Loop, float], list[list[float]]]  # milliseconds of the loops, and of each act
# At rest is what comes so near to the fastest loop of the whole run.
NEARLY = 1.1
# Of each loop the fastest of the whole run, in milliseconds.
_fastest: dict[Loop, float] = {}


@dataclass(frozen=True)
class Taken:
    """Milliseconds of one act: in the quietest three of the moments, and in all of them. `had_rest`: whether those were quiet."""

    at_rest: list[float]
    whenever: list[float]
    had_rest: bool


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

    While the machine has no rest, it is waited for and more moments are tried.
    """
    moments: list[Moment] = []
    patience = WAIT_SECONDS
    while len(moments) < MOMENTS or (patience > 0 and len(moments) < MOST_MOMENTS and not _had_rest(moments)):
        if moments:
            sleep(PAUSE_SECONDS)
        if len(moments) >= MOMENTS:
            patience -= _waited_for_rest(loops, at_most=patience)
        before = _compared(loops)
        times = measure()
        after = _compared(loops)
        moments.append(({loop: max(before[loop], after[loop]) for loop in loops}, times))
    quiet = sorted(moments, key=_noise)[:QUIET_MOMENTS]
    each = zip(_together(quiet), _together(moments), strict=True)
    return [Taken(at_rest, whenever, _had_rest(moments)) for at_rest, whenever in each]


def _waited_for_rest(loops: Sequence[Loop], *, at_most: float) -> float:
    """Seconds until the loops are as quick as they were, or until patience ends."""
    begun = perf_counter()
    while (waited := perf_counter() - begun) < at_most:
        if _times_slower(_compared(loops)) <= NEARLY:
            break
        sleep(ASK_SECONDS)
    return waited


def _together(moments: list[Moment]) -> list[list[float]]:
    """Of each act its times of all these moments."""
    return [sum(times, []) for times in zip(*(times for _, times in moments), strict=True)]


def _had_rest(moments: list[Moment]) -> bool:
    return sum(_noise(moment) <= NEARLY for moment in moments) >= QUIET_MOMENTS


def _noise(moment: Moment) -> float:
    return _times_slower(moment[0])


def _times_slower(taken: dict[Loop, float]) -> float:
    """How many times as long as at its fastest the slowest of the loops took."""
    return max(ms / _fastest[loop] for loop, ms in taken.items())


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
