"""`manage.py course FACTS.json --from 2026-12-01`: the sessions still to come, with their windows and depths."""

from datetime import date
from typing import Any

from treatments.management.facts_command import FactsCommand
from treatments.protocol.catalogue import load
from treatments.protocol.facts import from_json
from treatments.protocol.planning import propose_course


class Command(FactsCommand):
    help = "Proposes a course from a patient's facts and prints it as JSON."
    day_option = "--from"

    def answer(self, data: dict[str, object], day: date, options: dict[str, Any]) -> dict[str, object]:
        protocol = load()
        return propose_course(from_json(data, protocol), start_on=day, catalogue=protocol).to_json()
