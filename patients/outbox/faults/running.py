"""All scenarios, long and short, each with the guards that are taken off to see that its checks speak."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clinic.embedded import Postgres
from patients.outbox.faults import checks, controls, scenarios
from patients.outbox.faults.scenarios import BATCHES, Control, Scenario
from patients.outbox.faults.scene import Outcome

# Whether a kill or two workers meet is chance: a control is played again with other dice until its check speaks.
MOST_CONTROL_RUNS = 6


def _without(guard: Any) -> dict[str, object]:
    return {"without": guard}


SCENARIOS = (
    Scenario(
        "killed", scenarios.killed, {"messages": 12_000, "kills": 1_000}, {"messages": 150, "kills": 20},
        (
            Control("the outcome is written before the text leaves", checks.LOST, _without(controls.say_sent_before_sending)),
            Control("what is in doubt is sent again without asking", checks.TWICE, _without(controls.send_again_without_asking)),
        ),
        always={"limits": BATCHES},
    ),
    Scenario(
        "unfriendly", scenarios.unfriendly, {"messages": 3_000, "dead": 60}, {"messages": 150, "dead": 4},
        (Control("what is in doubt is sent again without asking", checks.TWICE, _without(controls.send_again_without_asking)),),
    ),
    Scenario(
        "outage", scenarios.outage, {"messages": 2_000}, {"messages": 60},
        (Control("an outage counts as tries", checks.BURNT, _without(controls.count_an_outage_as_tries)),),
    ),
    Scenario(
        "asleep", scenarios.asleep, {"messages": 3_000}, {"messages": 60},
        (
            Control("nothing that is stale is closed", checks.STALE, _without(controls.close_nothing_that_is_stale)),
            Control("nobody asks whether it is still of use", checks.STALE, _without(controls.send_what_is_stale)),
        ),
    ),
    Scenario(
        "frozen", scenarios.frozen, {"messages": 1_600, "freezes": 36}, {"messages": 60, "freezes": 4},
        (
            # Where nothing is asked, whoever was frozen before the marker sends what others have sent: two are enough.
            Control("the marker asks nothing", checks.TWICE, _without(controls.send_whatever_was_claimed), {"messages": 12, "freezes": 2}),
            Control("nobody asks how old the marker is", checks.TWICE, _without(controls.send_however_late)),
        ),
    ),
    Scenario(
        "cancelled", scenarios.cancelled, {"messages": 4_000, "cancels": 1_500}, {"messages": 200, "cancels": 100},
        (Control("the marker asks nothing", checks.CANCELLED, _without(controls.send_whatever_was_claimed)),),
    ),
    Scenario(
        "two_beats", scenarios.two_beats, {"messages": 3_000}, {"messages": 150},
        (Control("a claim without a lock, a marker that asks nothing", checks.TWICE, _without(controls.claim_without_a_lock)),),
    ),
    Scenario(
        "restarted", scenarios.restarted, {"messages": 3_000, "restarts": 20}, {"messages": 120, "restarts": 2},
        (Control("commits that are answered before they are written", checks.TWICE, {"waits": False}),),
        needs_server=True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ControlOutcome:
    """`runs`: how often it was played until the check spoke, or until it was given up."""

    control: Control
    sizes: dict[str, int]
    runs: int
    found: checks.Found

    @property
    def has_spoken(self) -> bool:
        return bool(self.found[self.control.finds])

    def line(self) -> str:
        return f"    control, {self.control.name}: {len(self.found[self.control.finds])} {self.control.finds}"

    def as_json(self) -> dict[str, Any]:
        found = {check: len(what) for check, what in self.found.items() if what}
        return {"has_to_find": self.control.finds, "runs": self.runs, "sizes": self.sizes, "found": found}


def played(scenario: Scenario, sizes: dict[str, int], *, server: Postgres | None = None, seed: int = 1) -> Outcome:
    """In the present database: it has to be one to throw away."""
    return scenario.play(**sizes, **scenario.always, **_server(scenario, server), seed=seed)


def controlled(
    scenario: Scenario, control: Control, fresh_database: Any, *, server: Postgres | None = None
) -> ControlOutcome:
    """The short form with a guard off, each time in a database of its own, which `fresh_database()` puts in place."""
    runs, outcome, sizes = 0, None, scenario.short | control.sizes
    while runs < MOST_CONTROL_RUNS and not (outcome and outcome.found[control.finds]):
        runs += 1
        with fresh_database():
            outcome = scenario.play(**sizes, **_server(scenario, server), **control.guard, seed=runs)
    return ControlOutcome(control, sizes, runs, outcome.found)


def _server(scenario: Scenario, server: Postgres | None) -> dict[str, Postgres]:
    return {"server": server} if scenario.needs_server and server else {}


def what_can_be_played(*, server: Postgres | None) -> Iterator[Scenario]:
    """Without a server of one's own none is restarted."""
    return (scenario for scenario in SCENARIOS if server is not None or not scenario.needs_server)
