"""The fault run of booking: racers and kills, then everything that has to be true afterwards, with the time it took."""

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

from treatments.faults import claim_checks, diary_checks, intents, ledger_checks
from treatments.faults.controls import Control
from treatments.faults.intents import Intent
from treatments.faults.race import RACERS, Meanwhile, Race, race
from treatments.faults.world import copy_of_this

HALF_BOOKED = "half-booked"
TRIES_A_KILL = 200
LOOKS = 10
# Tries whose time is compared: what they write is as much.
WHOLE_COURSE = 4
COURSE, RAW_COURSE, VISIT, RAW_VISIT = "book_course", "raw_course", "book_alone", "raw_visit"
MOST_CONTROL_RUNS = 8


@dataclass
class Outcome:
    """What a run of racers left: `found` by each check, in words, and how the tries were answered."""

    run: Race
    found: dict[str, list[str]]
    looks: int
    intents: list[Intent] = field(repr=False)
    deadlocks: int = 0

    @property
    def answers(self) -> Counter[str]:
        return Counter("killed" if one.was_killed else one.outcome for one in self.intents)

    @property
    def acts(self) -> dict[str, tuple[int, int]]:
        """Act to how often it was tried, and how often it was done."""
        tried, done = (
            Counter(one.act for one in self.intents),
            Counter(one.act for one in self.intents if one.outcome in (intents.DONE, intents.LED_ON)),
        )
        return {act: (tried[act], done[act]) for act in sorted(tried)}

    def times_ms(self, act: str) -> list[float]:
        """Of those that were done; a course counts where all four of its visits were booked at once."""
        done = (one for one in self.intents if one.act == act and one.outcome == intents.DONE)
        return sorted(one.taken_ms for one in done if act != COURSE or len(one.visits) == WHOLE_COURSE)


def run(
    *,
    tries: int,
    kills: int | None = None,
    seed: int = 1,
    control: Control | None = None,
    meanwhile: Meanwhile = lambda *said: None,
) -> Outcome:
    """Races in the present database, looking at it ten times on the way, and holds the end against the racers' logs."""
    kills = tries // TRIES_A_KILL if kills is None else kills
    seen: dict[str, list[str]] = {}
    looks = 0

    def look(done: int, killed: int, seconds: float) -> None:
        nonlocal looks
        meanwhile(done, killed, seconds)
        if control is None and done >= tries * (looks + 1) / (LOOKS + 1) and looks < LOOKS:
            looks += 1
            _add(seen, diary_checks.ALWAYS, f"after {done} tries")

    with tempfile.TemporaryDirectory(prefix="stratum-faults-logs-") as folder:
        if control is not None:
            control.to_the_database()
        before = _deadlocks()
        raced = race(
            Path(folder), tries=tries, kills=kills, seed=seed, meanwhile=look,
            acts=control.acts if control else (), without=control.to_each_racer if control else None,
        )  # fmt: skip
        told = list(intents.read(Path(folder)))
    _add(seen, diary_checks.ALWAYS | ledger_checks.SETTLED, "at the end")
    _add(seen, {
        HALF_BOOKED: lambda: claim_checks.half_booked(told),
        "changes that were lost": lambda: claim_checks.lost_changes(told),
        "changes that were told twice": lambda: claim_checks.told_twice(told),
        "answers of 500 and more, and other faults": lambda: faults(told),
    }, "at the end")  # fmt: skip
    return Outcome(raced, seen, looks, told, _deadlocks() - before)


def control_run(control: Control, *, tries: int, kills: int = 4, seed: int = 1) -> Outcome:
    """The same with a guard off, in a copy of the present database that is dropped. Another `seed`, other dice."""
    with copy_of_this("control"):
        return run(tries=tries, kills=kills, seed=seed, control=control)


def controlled(control: Control, *, tries: int, kills: int = 4) -> tuple[int, Outcome]:
    """Whether two meet, or a kill comes between two visits, is chance: the run is repeated with other dice until its check speaks,
    or is given up. Returns how often it ran, and what the last run found."""
    for runs in range(1, MOST_CONTROL_RUNS + 1):
        outcome = control_run(control, tries=tries, kills=kills, seed=runs)
        if outcome.found[control.finds]:
            break
    return runs, outcome


def faults(told: Iterable[Intent]) -> list[str]:
    """Tries that were answered with no sentence: a fault of ours."""
    return [f"{one.act}: {one.outcome}: {one.said}" for one in told if is_fault(one)]


def is_fault(one: Intent) -> bool:
    outcome = one.outcome or ""
    return outcome == "fault" or (outcome.startswith("http ") and int(outcome.removeprefix("http ")) >= 500)


def percentile(taken: list[float], share: float) -> float | None:
    """Of times in order; None where there are none."""
    return round(taken[min(len(taken) - 1, math.ceil(share * len(taken)) - 1)], 3) if taken else None


def lines(outcome: Outcome) -> Iterator[str]:
    """One for each figure."""
    raced, answers = outcome.run, outcome.answers
    requests = sum(count for answer, count in answers.items() if answer.startswith("http "))
    yield f"{raced.tries} tries by {RACERS} processes, {raced.kills} of them killed ({answers['killed']} in the middle of a try), {raced.seconds:.0f} s"
    yield f"{requests} requests over HTTP, {sum(1 for one in outcome.intents if one.outcome == intents.DONE)} other changes done"
    yield f"deadlocks: {outcome.deadlocks}; whoever was sent away for one, or waited too long, was told so in a sentence ({answers['Busy']})"
    for check, found in outcome.found.items():
        yield f"{check}: {len(found)}"
    for act, reference in ((COURSE, RAW_COURSE), (VISIT, RAW_VISIT)):
        mine, raw = outcome.times_ms(act), outcome.times_ms(reference)
        yield f"{act}: p50 {percentile(mine, 0.5)} ms, p95 {percentile(mine, 0.95)} ms; {reference}: p50 {percentile(raw, 0.5)} ms, p95 {percentile(raw, 0.95)} ms"


def as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "tries": outcome.run.tries,
        "processes": RACERS,
        "killed": outcome.run.kills,
        "killed_in_the_middle_of_a_try": outcome.answers["killed"],
        "seconds": round(outcome.run.seconds, 1),
        "looks_on_the_way": outcome.looks,
        "found": {check: len(found) for check, found in outcome.found.items()},
        "deadlocks": outcome.deadlocks,
        "answers": dict(sorted(outcome.answers.items())),
        "acts": {act: {"tried": tried, "done": done} for act, (tried, done) in outcome.acts.items()},
        "ms": {
            act: {"done": len(times), "p50": percentile(times, 0.5), "p95": percentile(times, 0.95), "max": percentile(times, 1)}
            for act in (COURSE, RAW_COURSE, VISIT, RAW_VISIT)
            for times in [outcome.times_ms(act)]
        },
    }  # fmt: skip


def _add(seen: dict[str, list[str]], checks: dict[str, diary_checks.Check], when: str) -> None:
    for name, check in checks.items():
        seen.setdefault(name, []).extend(f"{when}: {found}" for found in check())


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot(), deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return cursor.fetchone()[1]
