"""What `screen`, `course` and `course_slots` share: one JSON object in, one out, one line on standard error and 2 for bad input.

None of them touches a database, so a clinic's script can run them anywhere. They call the same functions as the app.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from treatments.protocol.jsonreading import BadFacts, read_day, read_object


class JsonCommand(ABC, BaseCommand):
    """A command that answers one question about one file."""

    requires_system_checks: list[str] = []
    about, about_help = "FACTS.json", "file with the patient's facts, or - for standard input"

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        # argparse would print its usage over several lines first.
        parser.error = self.refuse  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar=self.about, help=self.about_help)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = self.answer_to(options)
        except BadFacts as error:
            self.refuse(str(error))
        self.stdout.write(json.dumps(answer))

    @abstractmethod
    def answer_to(self, options: dict[str, Any]) -> dict[str, object]:
        """What the command prints."""

    def object_of(self, options: dict[str, Any]) -> dict[str, object]:
        """The object in the file."""
        return read_object(self.read(options["file"]), options["file"])

    def read(self, name: str) -> bytes:
        source: Callable[[], bytes] = sys.stdin.buffer.read if name == "-" else Path(name).read_bytes
        try:
            return source()
        except (OSError, ValueError) as error:
            raise BadFacts(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})") from None

    def refuse(self, sentence: str) -> NoReturn:
        # ASCII and one line: the terminal of a script may take neither.
        line = " ".join(sentence.split()).encode("ascii", "backslashreplace").decode("ascii")
        self.stderr.write(line)
        raise SystemExit(2)


class FactsCommand(JsonCommand):
    """A command that answers one question about the facts of one patient on one day."""

    day_option = "--on"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            self.day_option, dest="day", required=True, metavar="YYYY-MM-DD", help="the day asked about"
        )

    def answer_to(self, options: dict[str, Any]) -> dict[str, object]:
        day = read_day(options["day"], self.day_option)
        return self.answer(self.object_of(options), day, options)

    @abstractmethod
    def answer(self, data: dict[str, object], day: date, options: dict[str, Any]) -> dict[str, object]:
        """What the command prints, from the facts as read."""
