"""`manage.py screen FACTS.json --on 2026-12-01 [--for session|booking]`: may this patient be treated on that day?"""

from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from treatments.management.facts_command import FactsCommand
from treatments.protocol.catalogue import load
from treatments.protocol.facts import from_json
from treatments.protocol.screening import screen


class Command(FactsCommand):
    help = "Screens a patient's facts for one day and prints the verdict as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--for", dest="purpose", choices=("session", "booking"), default="session")

    def answer(self, data: dict[str, object], day: date, options: dict[str, Any]) -> dict[str, object]:
        protocol = load()
        return screen(from_json(data, protocol), on=day, purpose=options["purpose"], catalogue=protocol).to_json()
