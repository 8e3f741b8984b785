"""What a backup says of itself: of which moment and version it is, and what every part of it has to be.

Counts, hashes and names of tables and files; nothing about anybody. Read back as strictly as it was written.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.conf import settings

from clinic.safekeeping import box
from clinic.safekeeping.contents import Table
from clinic.safekeeping.sentences import CannotKeep, Damaged

FORMAT = 1


@dataclass(frozen=True)
class File:
    """A file below MEDIA_ROOT."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`moment` is real time, `clinic_moment` the clinic's clock; they differ in a demo alone. `server` and `dumped_with` are
    major versions of PostgreSQL. `key` tells one SECRET_KEY from another and gives nothing of it away."""

    version: str
    moment: datetime
    clinic_moment: datetime
    server: int
    dumped_with: int
    migrations: dict[str, list[str]]
    key: str
    tables: dict[str, Table]
    files: dict[str, File]
    database: File
    lost_files: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    def as_json(self) -> bytes:
        told = asdict(self) | {"moment": self.moment.isoformat(), "clinic_moment": self.clinic_moment.isoformat()}
        return json.dumps(told, indent=1).encode()


def parsed(told: bytes) -> Manifest:
    try:
        said = json.loads(told)
        if said["format"] != FORMAT:
            raise CannotKeep("This backup was made by another version of Stratum, which keeps them in another form.")
        return Manifest(
            **said
            | {
                "moment": datetime.fromisoformat(said["moment"]),
                "clinic_moment": datetime.fromisoformat(said["clinic_moment"]),
                "tables": {name: Table(**table) for name, table in said["tables"].items()},
                "files": {name: File(**file) for name, file in said["files"].items()},
                "database": File(**said["database"]),
            }
        )
    except (ValueError, KeyError, TypeError):
        raise Damaged("This backup is damaged: its list of contents cannot be read. Use another one.") from None


def checked(opened: box.Opened) -> Manifest:
    """The list, held against the file: every part is there and as it was, and nothing beside. Raises Damaged with the part
    that differs."""
    manifest = parsed(opened.manifest)
    listed = {box.DATABASE: manifest.database} | {box.FILES + name: file for name, file in manifest.files.items()}
    for name, file in listed.items():
        found = opened.pieces.get(name)
        if found is None or (found.size, found.sha256) != (file.bytes, file.sha256):
            raise Damaged(f"This backup is damaged: {box.in_words(name)} is not as it was kept. Use another one.")
    if not opened.intact or set(opened.pieces) - {box.MANIFEST} != set(listed):
        raise Damaged(box.BETWEEN)
    if any(name.startswith("/") or ".." in name.split("/") for name in manifest.files):
        raise Damaged("This backup names a file outside its own folder. Use another one.")
    return manifest


def fingerprint(secret: str) -> str:
    return hmac.new(secret.encode(), b"stratum-backup", hashlib.sha256).hexdigest()[:16]


def knows_the_key(manifest: Manifest) -> bool:
    """Whether the secret key of this machine is the one of those days, or one that took its place."""
    return manifest.key in map(fingerprint, _secrets())


def _secrets() -> Iterable[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
