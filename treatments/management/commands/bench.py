"""`manage.py bench`: measures, prints one line a figure with its goal and ratio, and keeps docs/evidence/bench.json.

With `--database` also what a clinic's database takes part in: that starts a server of its own and takes minutes.
"""

import json
from pathlib import Path
from time import gmtime, strftime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from treatments.bench import gathering, scheduling
from treatments.bench.figures import as_json


class Command(BaseCommand):
    help = "Runs the benchmarks and writes docs/evidence/bench.json. Ends with an error when a goal is missed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", action="store_true", help="also measure on a database of its own")
        parser.add_argument("--to", type=Path, default=Path(settings.BASE_DIR) / "docs" / "evidence" / "bench.json")

    def handle(self, *args: Any, to: Path, database: bool = False, **options: Any) -> None:
        figures = []
        for figure in gathering.figures(database=database):
            figures.append(figure)
            self.stdout.write(figure.line())
        if sentence := scheduling.missing():
            self.stdout.write(sentence)
        kept = as_json(figures, on=strftime("%Y-%m-%d", gmtime()))
        busy, processors = kept["machine"]["load_1_5_15"][0], kept["machine"]["processors"]
        self.stdout.write(f"Python {kept['machine']['python']}, {processors} processors, load {busy}")
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        if missed := [figure.name for figure in figures if not figure.is_reached]:
            raise CommandError(f"Missed: {', '.join(missed)}.")
