"""One scenario being played: the relay, the people, and the wait until everything has come to an end."""

import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import Count

from clinic import clock
from clinic.models import Clinic
from patients.models import Patient
from patients.outbox.bell import bell
from patients.outbox.faults import checks, world
from patients.outbox.faults.crew import Crew, Guard, Orders
from patients.outbox.faults.sink import Script, Sink
from patients.outbox.limits import Limits
from patients.outbox.models import State

LOOK_SECONDS = 0.1
# Longer than any lease, grace and wait of a run: what has not changed by then changes no more.
STILL_SECONDS = 10
# Leases of seconds, so that what a dead worker held comes free while somebody watches. Backoff of a minute lasts 60 ms.
LIMITS = Limits(
    claim=10, hand_off=5, lease_seconds=2.5, margin_seconds=1.2, fresh_seconds=1, run_seconds=20, grace_seconds=0.6,
    backoff_scale=0.001,
)  # fmt: skip


@dataclass
class Outcome:
    """What a scenario left. `did`: how often what was done to it. `found`: by each check, in words."""

    name: str
    did: dict[str, float]
    seconds: float
    states: Counter[str]
    events: Counter[str]
    arrived: int
    found: checks.Found

    @property
    def is_whole(self) -> bool:
        return not any(self.found.values())

    def lines(self) -> Iterator[str]:
        done = ", ".join(f"{what}: {count:g}" for what, count in self.did.items())
        ends = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        yield f"{self.name}: {done}; {self.arrived} arrived; {ends}; {self.seconds:.0f} s"
        for check, found in self.found.items():
            yield f"    {check}: {len(found)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "did": self.did,
            "seconds": round(self.seconds, 1),
            "arrived": self.arrived,
            "states": dict(sorted(self.states.items())),
            "events": dict(sorted(self.events.items())),
            "found": {check: len(found) for check, found in self.found.items()},
        }


@dataclass
class Scene:
    folder: Path
    sink: Sink
    clinic: Clinic
    people: list[Patient]
    dice: random.Random
    without: Guard | None = None
    limits: Limits = LIMITS
    did: dict[str, float] = field(default_factory=dict)
    found: checks.Found = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def crew(self, workers: int, **orders: Any) -> Crew:
        told = Orders(self.limits, without=self.without, **orders)
        return Crew(self.sink, told, workers=workers, seed=self.dice.randrange(1_000_000))

    def owe(self, count: int, kind: str = world.NOTICE, **details: Any) -> None:
        world.owe(self.people, count, kind, **details)

    def is_over(self) -> bool:
        return not checks.mine().filter(state__in=checks.UNSETTLED).exists()

    def settle(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Waits until every message has its end, or nothing changes any more: then a check will say so."""
        last, deadline = None, time.monotonic() + STILL_SECONDS
        while not self.is_over() and time.monotonic() < deadline:
            meanwhile()
            now = self._standing()
            if now != last:
                last, deadline = now, time.monotonic() + STILL_SECONDS
            time.sleep(LOOK_SECONDS)

    def _standing(self) -> tuple:
        states = checks.mine().order_by().values_list("state").annotate(Count("pk"))
        return (*sorted(states), sum(self.sink.truth.look().copies.values()))

    def look_at_doubts(self) -> None:
        """No worker leaves more open than the batch it was handing over."""
        handed = checks.mine().filter(state__in=[State.SENDING, State.UNKNOWN], handed_off_at__isnull=False)
        many = handed.order_by().values("worker").annotate(n=Count("pk")).filter(n__gt=self.limits.hand_off)
        self.add({checks.MANY_IN_DOUBT: [f"{one['n']} of one batch" for one in many]})

    def add(self, found: checks.Found) -> None:
        for check, what in found.items():
            self.found.setdefault(check, []).extend(what)

    def outcome(self, name: str) -> Outcome:
        self.add(checks.always(self.sink.truth))
        states = Counter(dict(checks.mine().order_by().values_list("state").annotate(Count("pk"))))
        events = Counter(dict(checks.mine().order_by().values_list("events__what").annotate(Count("events__pk"))))
        events.pop(None, None)
        arrived = len(self.sink.truth.copies)
        return Outcome(name, self.did, time.monotonic() - self.began, states, events, arrived, self.found)


@contextmanager
def scene(
    script: Script, *, without: Guard | None = None, limits: Limits = LIMITS, seed: int = 1, dead: int = 0
) -> Iterator[Scene]:
    """In the present database, which has to be one to throw away. `dead`: how many people have an address that does not exist."""
    with tempfile.TemporaryDirectory(prefix="stratum-faults-mail-") as folder, world.own_kinds(), nobody_rung():
        clock.move_to(world.NOON)
        clinic = world.make_clinic()
        people = world.make_people(clinic, world.PATIENTS)
        people += world.make_people(clinic, dead, address=script.nobody)
        with Sink(Path(folder), script) as sink:
            dice = random.Random(seed)  # noqa: S311  dice, no secret
            yield Scene(Path(folder), sink, clinic, people, dice, without=without, limits=limits)


@contextmanager
def nobody_rung() -> Iterator[None]:
    """The workers of a run look without being called; a broker that is there may be somebody's."""
    usual, bell.silent_until = bell.silent_until, math.inf
    try:
        yield
    finally:
        bell.silent_until = usual
