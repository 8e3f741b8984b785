"""Figures of a benchmark: medians, each beside the goal it has to reach and the reference that goal comes from."""

import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from time import perf_counter

from treatments.bench.at_rest import Taken


@dataclass(frozen=True)
class Figure:
    """A median of `runs` in milliseconds (or another `unit`), the largest of them, and the goal.

    `reference`: what was measured beside it in the same run, where the goal is `times` that. `note`: what was compared.
    `whenever`: where the median is of the machine at rest, the median of all that was measured.
    """

    name: str
    median: float
    largest: float
    goal: float
    runs: int
    unit: str = "ms"
    reference: float | None = None
    times: float | None = None
    note: str = ""
    whenever: float | None = None

    @property
    def ratio(self) -> float:
        return self.median / self.goal

    @property
    def is_reached(self) -> bool:
        return self.ratio <= 1

    def line(self) -> str:
        verdict = "reached" if self.is_reached else "MISSED"
        goal = f"goal {self.goal:.4g} {self.unit}"
        if self.reference is not None:
            goal += f" ({self.times:.4g} x {self.reference:.4g})"
        line = f"{self.name:<60} {self.median:9.3f} {self.unit}   {goal:<32} {self.ratio:5.2f} x   {verdict}"
        if self.whenever is not None:
            line += f"   (at its quietest; {self.whenever:.3g} {self.unit} whenever)"
        return f"{line}\n    {self.note}" if self.note else line


def figure(name: str, *, goal_ms: float, taken_ms: Iterable[float], note: str = "") -> Figure:
    """The figure of measured times in milliseconds."""
    taken = sorted(taken_ms)
    return Figure(name, statistics.median(taken), taken[-1], goal_ms, len(taken), note=note)


def at_rest_within(goal_ms: float, name: str, taken: Taken) -> Figure:
    """The figure of times in milliseconds that were measured at several moments."""
    note = "" if taken.had_rest else "the machine had no rest: the quietest moments there were"
    found = figure(name, goal_ms=goal_ms, taken_ms=taken.at_rest, note=note)
    return replace(found, largest=max(taken.whenever), whenever=statistics.median(taken.whenever))


def against(name: str, taken: Sequence[float], reference: Sequence[float], times: float, note: str = "") -> Figure:
    """Milliseconds that may be `times` those of a reference, median beside median."""
    beside = statistics.median(reference)
    return Figure(
        name, statistics.median(taken), max(taken), times * beside, len(taken), reference=beside, times=times, note=note
    )


def counted(name: str, *, goal: int, taken: int) -> Figure:
    """Queries of one act, which are the same each time."""
    return Figure(name, taken, taken, goal, 1, unit="queries")


def timed(act: Callable[[], object], *, runs: int) -> list[float]:
    """Milliseconds of each run; the first one, which warms caches, is not among them."""
    act()
    return [once(act) for _ in range(runs)]


def once(act: Callable[[], object]) -> float:
    """Milliseconds of one run."""
    begun = perf_counter()
    act()
    return (perf_counter() - begun) * 1000


def machine() -> dict:
    """Which machine it was, and how busy."""
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_1_5_15": [round(load, 2) for load in os.getloadavg()],
    }


def as_json(measured: Mapping[str, Iterable[Figure]], *, on: str) -> dict:
    """What is kept: the figures of each subject with their day, and how busy which machine was at the end."""
    return {
        "machine": machine(),
        "figures": [
            {"subject": subject, "measured_on": on} | _kept(figure)
            for subject, figures in measured.items()
            for figure in figures
        ],
    }


def _kept(shown: Figure) -> dict:
    given = {name: value for name, value in asdict(shown).items() if value not in (None, "")}
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in given.items()}
    return rounded | {"ratio": round(shown.ratio, 3), "reached": shown.is_reached}
