"""The message part of the fault runs: every scenario of the ledger in a fresh copy of a database, and bookings without a broker."""

from collections.abc import Callable, Iterator
from typing import Any

from clinic.embedded import Postgres
from patients.outbox.faults.running import controlled, played, what_can_be_played
from treatments.faults import broker
from treatments.faults.world import copy_of_this

BROKER = {"bookings": 1_000, "flushes": 10, "silent_minutes": 10}
# One ring in thirty seconds waits for a silent broker: of twenty bookings that is one, and not the 95th of a hundred.
BROKER_SHORT = {"bookings": 20, "flushes": 3, "silent_minutes": 0}
# What shows that each check can speak, and no more.
BROKER_CONTROL: dict[str, dict[str, Any]] = {
    "rows": {"bookings": 3, "flushes": 1, "silent_minutes": None, "arrivals": False},
    "impatience": {"bookings": 1, "flushes": 0, "silent_minutes": 0, "arrivals": False},
}
Say = Callable[[str], object]


def run(*, share: float, seed: int, server: Postgres | None, say: Say) -> dict[str, Any]:
    """Plays everything, a `share` of the long form; says a line a figure, returns what is kept."""
    kept: dict[str, Any] = {"share": share}
    for scenario in what_can_be_played(server=server):
        with copy_of_this("mail"):
            outcome = played(scenario, scenario.sizes(share), server=server, seed=seed)
        _say(outcome.lines(), say)
        controls = {}
        for control in scenario.controls:
            spoken = controlled(scenario, control, lambda: copy_of_this("control"), server=server)
            say(spoken.line())
            controls[control.name] = spoken.as_json()
        kept[scenario.name] = outcome.as_json() | {"found_in_words": _words(outcome.found), "controls": controls}
    kept["broker"] = _broker(share, say)
    return kept


def _broker(share: float, say: Say) -> dict[str, Any]:
    sizes = {what: max(BROKER_SHORT[what], round(count * share)) for what, count in BROKER.items()}
    with copy_of_this("mail"):
        outcome = broker.run(**sizes)
    _say(broker.lines(outcome), say)
    controls = {name: broker_control(name) for name in broker.CONTROLS}
    for name, control in controls.items():
        say(f"    control, {name}: {control['found'][control['has_to_find']]} {control['has_to_find']}")
    found = outcome.pop("found")
    counted = {check: len(what) for check, what in found.items()}
    return outcome | {"found": counted, "found_in_words": _words(found), "controls": controls}


def broker_control(name: str) -> dict[str, Any]:
    guard, finds = broker.CONTROLS[name]
    with copy_of_this("control"):
        found = broker.run(**BROKER_CONTROL[guard], without=guard)["found"]
    return {"has_to_find": finds, "found": {check: len(what) for check, what in found.items()}}


def broken(kept: dict[str, Any]) -> list[str]:
    """What a run found, and controls that found nothing: in words, nothing where all is well."""
    said = []
    for part, outcome in kept.items():
        if part == "share":
            continue
        said += [f"{part}: {count} {check}" for check, count in outcome["found"].items() if count]
        said += [
            f"{part}: the control found nothing, so the check proves nothing: {name}"
            for name, control in outcome["controls"].items()
            if not control["found"].get(control["has_to_find"])
        ]
    return said


def _words(found: dict[str, list[str]], most: int = 5) -> list[str]:
    """A few of what was found, to begin looking with."""
    return [one for what in found.values() for one in what[:most]]


def _say(lines: Iterator[str], say: Say) -> None:
    for line in lines:
        say(line)
