"""The file of a backup: an ordinary tar archive with a seal behind it.

`tar -xf` opens it on any machine, so nobody depends on us to get at it. The seal is the last line: SHA-256 of the list of
contents and of every byte before the seal, headers and padding too. A file that was cut short has none.
"""

import errno
import fcntl
import hashlib
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clinic.safekeeping.sentences import CannotKeep, Damaged

BLOCK = tarfile.BLOCKSIZE
CHUNK = 1024 * 1024
MANIFEST, DATABASE, FILES = "manifest.json", "database.dump", "media/"
SEAL = re.compile(rb"stratum-backup 1 contents=([0-9a-f]{64}) all=([0-9a-f]{64})\n")
SEAL_BYTES = len(b"stratum-backup 1 contents= all=\n") + 2 * 64
BETWEEN = "This backup is damaged between its parts. Use another one."
# Beside the file in the making; a name that no restore would take for a whole one.
PART = ".part"
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True)
class Piece:
    """One part of the file: where its bytes begin, how many, and their SHA-256."""

    name: str
    offset: int
    size: int
    sha256: str


def in_words(name: str) -> str:
    if name == DATABASE:
        return "the database"
    if name == MANIFEST:
        return "the list of contents"
    return f"the file {name.removeprefix(FILES)}"


class Writing:
    """A piece that is being written: whatever is written to it is counted and hashed."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._digest, self.size = out, hashlib.sha256(), 0

    def write(self, content: bytes) -> None:
        self._out.write(content)
        self._digest.update(content)
        self.size += len(content)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Writer:
    """A file in the making under a name of its own; `finish` seals it and gives it its name."""

    def __init__(self, to: Path) -> None:
        self.to = to
        self.part = to.with_name(f".{to.name}{PART}")
        self._out: IO[bytes] = _private(self.part)

    @contextmanager
    def piece(self, name: str) -> Iterator[Writing]:
        """The size is known only at the end, so the header is written twice."""
        begins = self._out.tell()
        self._out.write(_header(name, 0))
        writing = Writing(self._out)
        yield writing
        self._out.write(b"\0" * (-writing.size % BLOCK))
        ends = self._out.tell()
        self._out.seek(begins)
        self._out.write(_header(name, writing.size))
        self._out.seek(ends)

    def finish(self, manifest: bytes) -> None:
        with self.piece(MANIFEST) as piece:
            piece.write(manifest)
        self._out.write(b"\0" * (2 * BLOCK))
        self._out.flush()
        whole = _sha256_of(self.part).encode()
        self._out.write(b"stratum-backup 1 contents=%s all=%s\n" % (piece.sha256.encode(), whole))
        self._out.flush()
        os.fsync(self._out.fileno())
        _give_name(self.part, self.to)
        _remember_name(self.to.parent)

    def close(self) -> None:
        self.part.unlink(missing_ok=True)
        self._out.close()


def _private(path: Path) -> IO[bytes]:
    """A new file that only its owner may read, held as long as it is open: what nobody holds was left by a killed run."""
    sweep(path.parent)
    try:
        out = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w+b")
    except FileExistsError:
        raise CannotKeep("Another backup is being made under this name. Wait for it, or choose another.") from None
    fcntl.flock(out, fcntl.LOCK_EX)
    return out


def sweep(folder: Path) -> None:
    """Removes what killed runs left half-made."""
    for part in folder.glob(f".*{PART}"):
        with suppress(OSError), open(part, "rb") as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


@dataclass(frozen=True)
class Opened:
    """A file that was read through: its list of contents, its pieces by name, and whether its seal covers what is there."""

    manifest: bytes
    pieces: dict[str, Piece]
    intact: bool


def read(file: IO[bytes]) -> Opened:
    """Looks at every byte. Raises Damaged where not even the list of contents can be trusted."""
    seal = _seal_of(file)
    ends = file.tell() - SEAL_BYTES
    file.seek(0)
    whole = hashlib.sha256()
    try:
        pieces = {piece.name: piece for piece in _walk(file, ends, whole)}
    except tarfile.TarError:
        raise Damaged(BETWEEN) from None
    if MANIFEST not in pieces:
        raise Damaged(BETWEEN)
    intact = whole.hexdigest() == seal[2].decode()
    if pieces[MANIFEST].sha256 != seal[1].decode():
        at_fault = "its seal" if intact else in_words(MANIFEST)
        raise Damaged(f"This backup is damaged: {at_fault} is not as it was kept. Use another one.")
    return Opened(b"".join(chunks(file, pieces[MANIFEST])), pieces, intact)


def _seal_of(file: IO[bytes]) -> re.Match[bytes]:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - SEAL_BYTES))
    found = SEAL.fullmatch(file.read())
    if found is None:
        raise Damaged("This is no whole backup: its seal is missing or damaged. Use another one.")
    return found


def _walk(file: IO[bytes], ends: int, whole) -> Iterator[Piece]:
    while file.tell() < ends:
        header = _hashed(file, BLOCK, whole)
        if not header.strip(b"\0"):
            break
        found = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        offset, padded = file.tell(), found.size + -found.size % BLOCK
        if offset + padded > ends:
            raise tarfile.ReadError
        digest, left = hashlib.sha256(), found.size
        while left:
            content = _hashed(file, min(CHUNK, left), whole)
            digest.update(content)
            left -= len(content)
        _hashed(file, padded - found.size, whole)
        yield Piece(found.name, offset, found.size, digest.hexdigest())
    while file.tell() < ends:
        _hashed(file, min(CHUNK, ends - file.tell()), whole)


def _hashed(file: IO[bytes], size: int, whole) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise tarfile.ReadError
    whole.update(content)
    return content


def chunks(file: IO[bytes], piece: Piece) -> Iterator[bytes]:
    file.seek(piece.offset)
    left = piece.size
    while left:
        content = file.read(min(CHUNK, left))
        if not content:
            raise Damaged("This backup changed while it was read. Use another one.")
        left -= len(content)
        yield content


def _header(name: str, size: int) -> bytes:
    found = tarfile.TarInfo(name)
    found.size, found.mode = size, 0o600
    header = found.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
    if len(header) != BLOCK:
        raise CannotKeep(f"The name of a file is too long to be kept: {name}")
    return header


def _sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _give_name(part: Path, to: Path) -> None:
    """Never over a file that is there. The disks that people carry about (FAT, exFAT) know no links: there the name is taken
    first, and the file moved onto it."""
    try:
        os.link(part, to)
    except OSError as refusal:
        if refusal.errno not in NO_LINKS:
            raise
        os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        part.replace(to)


def _remember_name(folder: Path) -> None:
    """A rename is safe only when the folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
