"""Photos of patients: refused in words, drawn anew, kept as files that only the view finds.

A picture is read and kept before the transaction that names it: file first, then the row. A rollback leaves a file that
no row names, which `sweep` removes; a row without its file cannot come about.
"""

import hashlib
import os
import re
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from patients.models import Patient, Photo
from patients.services import redraw

MOST_BYTES = 15 * 1024 * 1024
LONGEST_SECONDS = 12
CONTENT_TYPE = "image/jpeg"
NAME = re.compile(r"[0-9a-f]{32}\.jpg")
# So long a file may wait for the row that names it.
IN_THE_MAKING = timedelta(hours=24)
# The signatures of what is asked for, and of what telephones make beside it.
JPEG, PNG, RIFF, WEBP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"WEBP"
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

TOO_BIG = "This photo is larger than 15 MB. Take a new one, or send it in a smaller size."
HEIC = (
    'This photo is in the format HEIC, which we cannot open. Choose "Most compatible" in the camera\'s settings and take '
    "it again, or send a screenshot of it."
)
NO_PHOTO = "We could not open this file as a photo. Send a JPEG, PNG or WebP picture."
TOO_MANY_PIXELS = "This photo has more than 40 megapixels. Send it in a smaller size."
NOT_KEPT = "The photo could not be kept just now. Please send it again later."
REFUSALS = {redraw.NOT_A_PICTURE: NO_PHOTO, redraw.TOO_MANY_PIXELS: TOO_MANY_PIXELS}


class PhotoRefused(DomainError):
    """What is wrong with a photo, and what to send instead."""


@dataclass(frozen=True)
class Kept:
    """A picture whose file stands. Nobody's yet: `add` makes it a patient's, `discard` gives it up."""

    name: str
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int


def keep(upload: BinaryIO) -> Kept:
    """Read what was sent, draw it anew and write the file. Raises PhotoRefused with the sentence for whoever sent it."""
    data = upload.read(MOST_BYTES + 1)
    _refuse_at_first_sight(data)
    width_px, height_px, jpeg = _redrawn(data)
    name = f"{secrets.token_hex(16)}.jpg"
    try:
        _write(name, jpeg)
    except OSError:
        raise PhotoRefused(NOT_KEPT) from None
    return Kept(name, hashlib.sha256(jpeg).hexdigest(), len(jpeg), width_px, height_px)


def add(*, patient: Patient, kept: Kept, about: UUID | None, by: User | None) -> Photo:
    """The row of a kept picture, within the caller's transaction. `by`: None where she sent it herself."""
    with explained():
        photo = Photo.objects.create(
            patient=patient,
            about=about,
            source=Photo.Source.PATIENT if by is None else Photo.Source.CLINIC,
            name=kept.name,
            content_type=CONTENT_TYPE,
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            width_px=kept.width_px,
            height_px=kept.height_px,
            added_by=by,
        )
    audit.record("photo.added", photo, by=by, system=by is None, clinic=patient.clinic)
    return photo


def discard(kept: Kept | None) -> None:
    """Give a picture up that became nobody's. What cannot be removed now, `sweep` removes."""
    if kept is not None:
        _remove(_folder() / kept.name)


def of_clinic(clinic: Clinic) -> QuerySet[Photo]:
    return Photo.objects.filter(patient__clinic=clinic, entered_in_error=False).select_related("patient")


def shown(photo: Photo, *, by: User, clinic: Clinic) -> bytes | None:
    """The picture for somebody who looks at it, which goes on record. None where its file is gone or is not the one that was
    kept."""
    found = path_of(photo)
    try:
        content = found.read_bytes() if found else b""
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != photo.sha256:
        return None
    audit.record("photo.seen", photo, by=by, clinic=clinic)
    return content


def path_of(photo: Photo) -> Path | None:
    """Where its file stands; None for a name that is none of ours, whatever the row says."""
    return _folder() / photo.name if NAME.fullmatch(photo.name) else None


def named(cursor) -> list[tuple[str, str]]:
    """Path below MEDIA_ROOT and SHA-256 of every file that a row names, as `cursor` sees the rows: for a backup."""
    cursor.execute("SELECT 'photos/' || name, sha256 FROM patients_photo ORDER BY name")
    return cursor.fetchall()


def sweep(*, older_than: timedelta = IN_THE_MAKING) -> int:
    """Remove files that no row names, if they are older than a transaction ever is (in real time). Returns how many."""
    before = time.time() - older_than.total_seconds()
    old = {file.name: file for file in _files() if _written_at(file) < before}
    named = set(Photo.objects.filter(name__in=old).values_list("name", flat=True))
    return sum(_remove(file) for name, file in old.items() if name not in named)


def _refuse_at_first_sight(data: bytes) -> None:
    if len(data) > MOST_BYTES:
        raise PhotoRefused(TOO_BIG)
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        raise PhotoRefused(HEIC)
    is_webp = data.startswith(RIFF) and data[8:12] == WEBP
    if not (is_webp or data.startswith((JPEG, PNG))):
        raise PhotoRefused(NO_PHOTO)


def _redrawn(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and bytes as `redraw.py` answers. Isolated: it reads no variable, no folder of its caller's and no file."""
    program = [sys.executable, "-I", "-B", redraw.__file__]
    try:
        done = subprocess.run(  # noqa: S603  our own program, and nothing of the file in its arguments
            program, input=data, capture_output=True, timeout=LONGEST_SECONDS, env={}, check=False
        )
    except subprocess.TimeoutExpired:
        raise PhotoRefused(NO_PHOTO) from None
    except OSError:
        raise PhotoRefused(NOT_KEPT) from None
    if done.returncode != 0:
        raise PhotoRefused(REFUSALS.get(done.returncode, NO_PHOTO))
    size, _, jpeg = done.stdout.partition(b"\n")
    width, height = size.split()
    return int(width), int(height), jpeg


def _folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "photos"


def _write(name: str, content: bytes) -> None:
    """Whole and on the disk, or not at all: nobody else may read it, and no file is ever written over."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    whole = folder / name
    try:
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        _remove(whole)
        raise


def _files() -> list[Path]:
    try:
        return [file for file in _folder().iterdir() if NAME.fullmatch(file.name)]
    except FileNotFoundError:
        return []


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _remove(file: Path) -> bool:
    try:
        file.unlink()
    except OSError:
        return False
    return True
