"""`manage.py restore`, the engine of `make restore FILE=`: a backup comes back into an empty database, frozen."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.safekeeping.manifest import knows_the_key
from clinic.safekeeping.restoring import Restored, restore
from clinic.safekeeping.sentences import CannotKeep

ANOTHER_KEY = (
    "The secret key of this machine is not the one of those days: second factors cannot be read, and whoever has one "
    "cannot sign in. Put the old key into SECRET_KEY (or var/secret-key) before anybody signs in; or name it in "
    "SECRET_KEY_FALLBACKS beside a new one."
)


class Command(BaseCommand):
    help = "Brings a backup back into an empty database and compares every table and file. Messages stay until a manager releases them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args, file: Path, **options) -> None:
        try:
            restored = restore(file, say=self._say)
        except CannotKeep as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(in_words(restored))
        if not knows_the_key(restored.manifest):
            self.stderr.write(ANOTHER_KEY, self.style.WARNING)

    def _say(self, said: str) -> None:
        self.stdout.write(said)
        self.stdout.flush()


def in_words(restored: Restored) -> str:
    told = restored.manifest
    migrated = f" Migrations applied: {restored.migrated}." if restored.migrated else ""
    lost = f" {len(told.lost_files)} files were gone when it was made." if told.lost_files else ""
    return (
        f"Restored after {restored.seconds:.1f} s: the data are of {told.moment:%Y-%m-%d %H:%M:%S} UTC.{migrated}{lost}\n"
        f"Everybody has to sign in again. No message leaves from here ({restored.clinics} "
        f"clinic{'' if restored.clinics == 1 else 's'} frozen) until a manager has looked at Messages and released them."
    )
