"""`manage.py faults`: the long fault runs. Starts a server of its own, prints a line a figure and keeps docs/evidence/faults.json.

Two parts, `booking` and `messages`; with `--only` the other part's figures stay as they were kept.
"""

import json
import sys
from pathlib import Path
from time import gmtime, strftime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.embedded import Postgres
from treatments.bench.figures import machine
from treatments.faults import booking, mail
from treatments.faults.controls import CONTROLS
from treatments.faults.world import copy_of_this, own_server

MOST_SHOWN = 20
CONTROL_TRIES = 2_000
PARTS = ("booking", "messages")


class Command(BaseCommand):
    help = "Races, kills and looks for what is broken, and writes docs/evidence/faults.json. Ends with an error where it finds any."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", choices=PARTS, help="one part; the figures of the other stay as they were kept")
        parser.add_argument(
            "--tries",
            type=int,
            default=100_000,
            help="booking: how often the racers try; 100000 is the figure that counts",
        )
        parser.add_argument(
            "--share",
            type=float,
            default=1.0,
            help="messages: how much of each scenario's long form; 1 is the figure that counts",
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--to", type=Path, default=Path(settings.BASE_DIR) / "docs" / "evidence" / "faults.json")

    def handle(
        self, *args: Any, only: str | None, tries: int, share: float, seed: int, to: Path, **options: Any
    ) -> None:
        kept, wrong = _kept(to), []
        to.parent.mkdir(parents=True, exist_ok=True)
        with own_server() as server:
            for part in (only,) if only else PARTS:
                found, broken = (
                    self._messages(share, seed, server) if part == "messages" else self._booking(tries, seed)
                )
                kept[part] = _about() | found
                # After each part: what was found out in half an hour is not lost with the next.
                to.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
                wrong += broken
        if wrong:
            raise CommandError("\n".join(wrong))

    def _messages(self, share: float, seed: int, server: Postgres | None) -> tuple[dict[str, Any], list[str]]:
        found = mail.run(share=share, seed=seed, server=server, say=self._say)
        for outcome in (one for one in found.values() if isinstance(one, dict)):
            for words in outcome.pop("found_in_words"):
                self.stderr.write(words)
        return found, mail.broken(found)

    def _booking(self, tries: int, seed: int) -> tuple[dict[str, Any], list[str]]:
        with copy_of_this("race"):
            outcome = booking.run(tries=tries, seed=seed, meanwhile=self._progress(tries))
        self._end_of_progress()
        for line in booking.lines(outcome):
            self.stdout.write(line)
        controls = {control.name: self._control(control, min(tries, CONTROL_TRIES)) for control in CONTROLS}
        return booking.as_json(outcome) | {"controls": controls}, self._broken(outcome, controls)

    def _control(self, control: Any, tries: int) -> dict[str, Any]:
        runs, outcome = booking.controlled(control, tries=tries)
        found = {check: len(what) for check, what in outcome.found.items()}
        self.stdout.write(
            f"control, {control.name}: {found[control.finds]} {control.finds} in run {runs} of {tries} tries"
        )
        return {"tries": tries, "runs": runs, "has_to_find": control.finds, "found": found}

    def _broken(self, outcome: booking.Outcome, controls: dict[str, dict[str, Any]]) -> list[str]:
        broken = {check: found for check, found in outcome.found.items() if found}
        for found in broken.values():
            for one in found[:MOST_SHOWN]:
                self.stderr.write(one)
        if broken:
            return [f"Found: {', '.join(f'{len(found)} {check}' for check, found in broken.items())}."]
        return [
            f"The control found nothing, so the checks prove nothing: {name}."
            for name, control in controls.items()
            if not control["found"][control["has_to_find"]]
        ]

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _progress(self, tries: int) -> booking.Meanwhile:
        """On one line that is written over where there is a terminal; else a word a minute."""
        shown_at = -60.0 if not sys.stdout.isatty() else -1.0
        pause = 60.0 if not sys.stdout.isatty() else 1.0

        def say(done: int, killed: int, seconds: float) -> None:
            nonlocal shown_at
            if seconds - shown_at < pause:
                return
            shown_at = seconds
            left = (tries - done) * seconds / max(done, 1)
            self.stdout.write(
                f"{done} of {tries} tries, {killed} killed, {done / max(seconds, 1):.0f} a second, {left / 60:.0f} minutes left ",
                ending="\r" if sys.stdout.isatty() else "\n",
            )
            self.stdout.flush()

        return say

    def _end_of_progress(self) -> None:
        if sys.stdout.isatty():
            self.stdout.write("")


def _about() -> dict[str, Any]:
    """When a part was run, and on which machine."""
    return {"measured_on": strftime("%Y-%m-%d", gmtime()), "machine": machine()}


def _kept(path: Path) -> dict[str, Any]:
    """What an earlier run kept. Day and machine once stood beside the only part there was."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    about = {name: kept[name] for name in ("measured_on", "machine") if name in kept}
    return {part: about | kept[part] for part in PARTS if part in kept}
