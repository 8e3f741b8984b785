"""`manage.py check_taken`: compares the taken times that the database keeps with its visits; `--rebuild` works them out anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from treatments.appointments.taken import checking

MOST_SHOWN = 20


class Command(BaseCommand):
    help = "Says whether the taken times that the database keeps are those of its visits. Ends with an error where not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rebuild", action="store_true", help="work all of them out anew first; bookings wait meanwhile"
        )

    def handle(self, *args: Any, rebuild: bool, **options: Any) -> None:
        if rebuild:
            checking.rebuild()
        found = checking.differences()
        for difference in found[:MOST_SHOWN]:
            self.stderr.write(str(difference))
        if found:
            raise CommandError(
                f"{len(found)} rows differ from the visits. `check_taken --rebuild` works them out anew."
            )
        self.stdout.write("The taken times are those of the visits.")
