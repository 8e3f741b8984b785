"""`manage.py bench`: measures, prints one line a figure with its goal and ratio, and keeps docs/evidence/bench.json.

With `--database` also what a clinic's database takes part in: that starts a server of its own and takes minutes. `--only`
measures some subjects anew and keeps the others' figures, each with the day on which it was measured.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from time import gmtime, strftime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.garbage import leave_what_stays
from treatments.bench import gathering, scheduling
from treatments.bench.figures import Figure, as_json


class Command(BaseCommand):
    help = "Runs the benchmarks and writes docs/evidence/bench.json. Ends with an error when a goal is missed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", action="store_true", help="also measure on a database of its own")
        parser.add_argument(
            "--only", nargs="+", choices=gathering.SUBJECTS, help="measure these anew; the others stay as they are kept"
        )
        parser.add_argument("--to", type=Path, default=Path(settings.BASE_DIR) / "docs" / "evidence" / "bench.json")

    def handle(
        self, *args: Any, to: Path, database: bool = False, only: Sequence[str] | None = None, **options: Any
    ) -> None:
        leave_what_stays()  # as every process that serves does
        measured: dict[str, list[Figure]] = {}
        for subject, figure in gathering.figures(database=database, only=only or gathering.SUBJECTS):
            measured.setdefault(subject, []).append(figure)
            self.stdout.write(figure.line())
        if sentence := scheduling.missing():
            self.stdout.write(sentence)
        kept = as_json(measured, on=strftime("%Y-%m-%d", gmtime()))
        busy, processors = kept["machine"]["load_1_5_15"][0], kept["machine"]["processors"]
        self.stdout.write(f"Python {kept['machine']['python']}, {processors} processors, load {busy}")
        to.parent.mkdir(parents=True, exist_ok=True)
        if only and to.exists():
            kept["figures"] = _beside_those_kept(kept["figures"], json.loads(to.read_text(encoding="utf-8"))["figures"])
        to.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        if missed := [figure.name for figures in measured.values() for figure in figures if not figure.is_reached]:
            raise CommandError(f"Missed: {', '.join(missed)}.")


def _beside_those_kept(new: list[dict], kept: list[dict]) -> list[dict]:
    """What was measured now in place of what was known of its subject, in the order of the subjects."""
    anew = {figure["subject"] for figure in new}
    figures = new + [figure for figure in kept if figure.get("subject") not in anew]
    return sorted(figures, key=lambda figure: gathering.SUBJECTS.index(figure["subject"]))
