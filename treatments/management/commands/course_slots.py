"""`manage.py course_slots PROBLEM.json`: the sets of visits in which a whole course can be booked."""

from typing import Any

from treatments.management.facts_command import JsonCommand
from treatments.scheduling.finding import find_sets
from treatments.scheduling.problems import problem_from_json


class Command(JsonCommand):
    help = "Finds the best visits for a whole course and prints them as JSON."
    about, about_help = "PROBLEM.json", "file with the problem, or - for standard input"

    def answer_to(self, options: dict[str, Any]) -> dict[str, object]:
        return find_sets(problem_from_json(self.object_of(options))).to_json()
