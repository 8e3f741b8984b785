"""`manage.py faults`: the long fault runs. Starts a server of its own, prints a line a figure and keeps docs/evidence/faults.json."""

import json
import sys
from pathlib import Path
from time import gmtime, strftime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from treatments.bench.figures import as_json as machine
from treatments.faults import booking
from treatments.faults.controls import CONTROLS
from treatments.faults.world import copy_of_this, own_server

MOST_SHOWN = 20
CONTROL_TRIES = 2_000


class Command(BaseCommand):
    help = "Races, kills and looks for what is broken, and writes docs/evidence/faults.json. Ends with an error where it finds any."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--tries", type=int, default=100_000, help="how often the racers try; 100000 is the figure that counts"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--to", type=Path, default=Path(settings.BASE_DIR) / "docs" / "evidence" / "faults.json")

    def handle(self, *args: Any, tries: int, seed: int, to: Path, **options: Any) -> None:
        with own_server():
            with copy_of_this("race"):
                outcome = booking.run(tries=tries, seed=seed, meanwhile=self._progress(tries))
            self._end_of_progress()
            for line in booking.lines(outcome):
                self.stdout.write(line)
            controls = {control.name: self._control(control, min(tries, CONTROL_TRIES)) for control in CONTROLS}
        about = machine([], on=strftime("%Y-%m-%d", gmtime()))
        del about["figures"]
        kept = about | {"booking": booking.as_json(outcome) | {"controls": controls}}
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        self._end_with_error(outcome, controls)

    def _control(self, control: Any, tries: int) -> dict[str, Any]:
        found = {check: len(what) for check, what in booking.control_run(control, tries=tries).found.items()}
        self.stdout.write(f"control, {control.name}: {found[control.finds]} {control.finds} in {tries} tries")
        return {"tries": tries, "has_to_find": control.finds, "found": found}

    def _end_with_error(self, outcome: booking.Outcome, controls: dict[str, dict[str, Any]]) -> None:
        broken = {check: found for check, found in outcome.found.items() if found}
        for found in broken.values():
            for one in found[:MOST_SHOWN]:
                self.stderr.write(one)
        if broken:
            raise CommandError(f"Found: {', '.join(f'{len(found)} {check}' for check, found in broken.items())}.")
        for name, control in controls.items():
            if not control["found"][control["has_to_find"]]:
                raise CommandError(f"The control found nothing, so the checks prove nothing: {name}.")

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
