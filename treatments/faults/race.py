"""Eight racers side by side, some of them killed in the middle of a try, others put in their place at once."""

import contextlib
import mmap
import os
import random
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from django.urls import reverse

from patients.outbox.faults.processes import LOOK_SECONDS, PATIENCE_SECONDS, Stuck, forked, wait_until_alone
from treatments.faults.intents import Log
from treatments.faults.racer import Racer

RACERS = 8
LONGEST_STEP_SECONDS = 0.12
Meanwhile = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Race:
    """What a run was. `kills`: racers that got SIGKILL before all tries were done."""

    tries: int
    kills: int
    seconds: float


class Board:
    """How many tries each racer has begun, in memory that all of them share. Each writes its own number only, so that a
    killed one leaves no lock behind."""

    WIDTH = 8

    def __init__(self, racers: int) -> None:
        self._shared = mmap.mmap(-1, racers * self.WIDTH)
        self.racers = racers

    def count(self, racer: int) -> None:
        at = slice(racer * self.WIDTH, (racer + 1) * self.WIDTH)
        self._shared[at] = (int.from_bytes(self._shared[at], "little") + 1).to_bytes(self.WIDTH, "little")

    @property
    def total(self) -> int:
        words = self._shared[: self.racers * self.WIDTH]
        return sum(int.from_bytes(words[at : at + self.WIDTH], "little") for at in range(0, len(words), self.WIDTH))


def race(
    folder: Path,
    *,
    tries: int,
    kills: int,
    racers: int = RACERS,
    seed: int = 1,
    acts: Iterable[str] = (),
    without: Callable[[], None] | None = None,
    meanwhile: Meanwhile = lambda done, killed, seconds: None,
) -> Race:
    """Lets `racers` processes try until all of them together have begun `tries`, killing `kills` of them on the way.

    Their logs go to `folder`. `acts`: the only ones they try. `without` switches a guard off in each of them, for a negative
    control. `meanwhile` is told how many were begun, how many were killed, and after how many seconds. Forks: call it before
    anything has started a thread.
    """
    board, chance, begun = Board(racers), random.Random(seed), time.monotonic()  # noqa: S311  dice, no secret
    started, killed, alive = 0, 0, {}
    next_kill = [tries * (nth + 1) // (kills + 1) for nth in range(kills)]
    moved_at, moved_to = begun, -1

    def start(slot: int) -> None:
        nonlocal started
        started += 1
        log, dice = folder / f"{started:05d}.log", seed * 1_000_003 + started

        def run() -> None:
            if without is not None:
                without()
            racer = Racer(slot, Log(log), seed=dice, acts=acts)
            while board.total < tries:
                racer.try_something(before=lambda: board.count(slot))

        alive[forked(run)] = slot

    # Read now what the racers' requests need: they are all of one state of the source, however long the run.
    reverse("treatments:today")
    try:
        for slot in range(racers):
            start(slot)
        while board.total < tries and alive:
            if killed < kills and board.total >= next_kill[killed]:
                # At a random moment of whatever the racer is doing.
                time.sleep(chance.uniform(0, LONGEST_STEP_SECONDS))
                victim = chance.choice(sorted(alive))
                slot = alive.pop(victim)
                os.kill(victim, signal.SIGKILL)
                _, how = os.waitpid(victim, 0)
                if os.waitstatus_to_exitcode(how) == -signal.SIGKILL:
                    killed += 1
                else:
                    # It had ended of itself already.
                    _refuse_failed(how)
                start(slot)
            time.sleep(LOOK_SECONDS)
            _refuse_broken(alive)
            meanwhile(board.total, killed, time.monotonic() - begun)
            if board.total > moved_to:
                moved_at, moved_to = time.monotonic(), board.total
            elif time.monotonic() - moved_at > PATIENCE_SECONDS:
                raise Stuck(f"Nobody has tried anything for {PATIENCE_SECONDS} seconds; {moved_to} tries were begun.")
        for racer in list(alive):
            _, how = os.waitpid(racer, 0)
            del alive[racer]
            _refuse_failed(how)
    finally:
        for racer in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(racer, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(racer, 0)
    wait_until_alone()
    return Race(board.total, killed, time.monotonic() - begun)


def _refuse_broken(alive: dict[int, int]) -> None:
    """Takes those out that have ended of themselves, because all tries are begun."""
    for racer in list(alive):
        ended, how = os.waitpid(racer, os.WNOHANG)
        if ended:
            del alive[racer]
            _refuse_failed(how)


def _refuse_failed(how: int) -> None:
    """A racer that breaks down outside of a try is a fault of this run; its words are on standard error."""
    if how:
        raise Stuck(f"A racer broke down with code {os.waitstatus_to_exitcode(how)}.")
