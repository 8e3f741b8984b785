"""Figures of a benchmark: medians, each beside the goal it has to reach."""

import os
import platform
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from time import perf_counter


@dataclass(frozen=True)
class Figure:
    """A median of `runs` in milliseconds, the slowest of them, and the goal."""

    name: str
    median_ms: float
    slowest_ms: float
    goal_ms: float
    runs: int

    @property
    def ratio(self) -> float:
        return self.median_ms / self.goal_ms

    @property
    def is_reached(self) -> bool:
        return self.ratio <= 1

    def line(self) -> str:
        verdict = "reached" if self.is_reached else "MISSED"
        return f"{self.name:<52} {self.median_ms:8.3f} ms   goal {self.goal_ms:g} ms   {self.ratio:5.2f} x   {verdict}"


def figure(name: str, *, goal_ms: float, taken_ms: Iterable[float]) -> Figure:
    """The figure of measured times in milliseconds."""
    taken = sorted(taken_ms)
    return Figure(name, statistics.median(taken), taken[-1], goal_ms, len(taken))


def timed(act: Callable[[], object], *, runs: int) -> list[float]:
    """Milliseconds of each run; the first one, which warms caches, is not among them."""
    act()
    taken = []
    for _ in range(runs):
        begun = perf_counter()
        act()
        taken.append((perf_counter() - begun) * 1000)
    return taken


def as_json(figures: Iterable[Figure], *, on: str) -> dict:
    """What is kept: the figures, and how busy which machine was."""
    return {
        "measured_on": on,
        "machine": {
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "load_1_5_15": [round(load, 2) for load in os.getloadavg()],
        },
        "figures": [asdict(f) | {"ratio": round(f.ratio, 3), "reached": f.is_reached} for f in figures],
    }
