"""`manage.py backup`, the engine of `make backup`: database and files of one moment in one file."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from clinic.safekeeping.keeping import Kept, keep
from clinic.safekeeping.sentences import CannotKeep

KEY = (
    "The secret key (SECRET_KEY, or the file secret-key in var/) is not in it, so that whoever finds the file cannot use "
    "it to sign in. Keep it apart: without it nobody's second factor can be read after a restore."
)


class Command(BaseCommand):
    help = (
        "Keeps the database and every file, as they are at one moment, in one new file. People go on working meanwhile."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, help="the new file; without it a dated one in var/backups/")

    def handle(self, *args, to: Path | None = None, **options) -> None:
        try:
            kept = keep(to)
        except CannotKeep as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{kept.file}\n{in_words(kept)}\n{KEY}")
        if lost := kept.manifest.lost_files:
            raise CommandError(
                f"The backup stands, but {len(lost)} of the files that the records name are gone from this machine or "
                f"changed, the first of them {lost[0]}. Look for them in an older backup."
            )


def in_words(kept: Kept) -> str:
    told = kept.manifest
    return (
        f"Everything of {told.moment:%Y-%m-%d %H:%M:%S} UTC: {len(told.tables)} tables with {told.rows:,} rows, "
        f"{len(told.files):,} files; {filesizeformat(kept.bytes)} after {kept.seconds:.1f} s."
    )
