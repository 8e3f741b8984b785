"""A backup: the database and every file of one moment, while people go on working.

One transaction looks at the database and lends its eyes (an exported snapshot) to pg_dump and to whoever hashes the tables,
so that all three see the same rows. Files are copied afterwards: a row is written after its file, so every file that these
rows name is there by then.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
from django.conf import settings
from django.utils.module_loading import import_string

from clinic.safekeeping import box, contents, manifest, programs, servers
from clinic.safekeeping.manifest import File, Manifest
from clinic.safekeeping.sentences import CannotKeep


@dataclass(frozen=True)
class Kept:
    """A backup that stands: where, what it holds, and how long it took."""

    file: Path
    manifest: Manifest
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Moment:
    """What one transaction sees; `snapshot` is the name under which others see the same."""

    snapshot: str
    real: datetime
    of_clinic: datetime
    server: int
    migrations: dict[str, list[str]]
    named_files: dict[str, str]


def usual_place() -> Path:
    """A new name in the folder of backups, which nobody else may enter."""
    folder = Path(settings.VAR_DIR) / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder / f"stratum-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.tar"


def keep(to: Path | None = None) -> Kept:
    """Makes a backup. Raises CannotKeep with a sentence; then nothing stands there that looks like one."""
    began = time.monotonic()
    try:
        to = usual_place() if to is None else to.absolute()
        _refuse_place(to)
        with servers.running(alone=False), _one_moment() as moment:
            kept = _written(to, moment)
        return Kept(to, kept, to.stat().st_size, time.monotonic() - began)
    except psycopg2.Error as exc:
        what = str(exc).strip().splitlines()
        raise CannotKeep(
            f"The database went away or refused: {what[0] if what else type(exc).__name__}. Nothing was kept."
        ) from None
    except OSError as exc:
        raise CannotKeep(f"The file could not be written: {exc.strerror}. Nothing was kept.") from None


def _refuse_place(to: Path) -> None:
    if to.exists():
        raise CannotKeep(f"{to} is there already, and no backup is written over. Choose another name.")
    if not to.parent.is_dir():
        raise CannotKeep(f"There is no folder {to.parent}. Make it first.")


@contextmanager
def _one_moment() -> Iterator[Moment]:
    with servers.connected() as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            cursor.execute(contents.PLAIN)
            cursor.execute("SELECT to_regclass('public.django_migrations')")
            if cursor.fetchone()[0] is None:
                raise CannotKeep("There is nothing to keep yet: this database has no tables of Stratum.")
            cursor.execute("SELECT pg_export_snapshot(), now(), clinic_now()")
            snapshot, real, of_clinic = cursor.fetchone()
            cursor.execute(
                "SELECT app, array_agg(name::text ORDER BY name) FROM django_migrations GROUP BY app ORDER BY app"
            )
            migrations = dict(cursor.fetchall())
            named = dict(import_string(settings.NAMED_FILES)(cursor))
            yield Moment(snapshot, real, of_clinic, servers.major(cursor), migrations, named)


def _written(to: Path, moment: Moment) -> Manifest:
    program = programs.find("pg_dump", at_least=moment.server)
    writer = box.Writer(to)
    try:
        with ThreadPoolExecutor(1) as beside:
            tables = beside.submit(_tables, servers.parameters(), moment.snapshot)
            database = _dump(writer, program, moment.snapshot)
            files = dict(_files(writer))
            lost = [
                name for name, sha256 in moment.named_files.items() if name not in files or files[name].sha256 != sha256
            ]
            told = Manifest(
                version=settings.PRODUCT_VERSION,
                moment=moment.real,
                clinic_moment=moment.of_clinic,
                server=moment.server,
                dumped_with=program.major,
                migrations=moment.migrations,
                key=manifest.fingerprint(settings.SECRET_KEY),
                tables=tables.result(),
                files=files,
                database=database,
                lost_files=lost,
            )
        writer.finish(told.as_json())
    finally:
        writer.close()
    return told


def _tables(address: dict[str, Any], snapshot: str) -> dict[str, contents.Table]:
    with servers.connected(address) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
            return contents.of_database(cursor)


def _dump(writer: box.Writer, program: programs.Program, snapshot: str) -> File:
    """pg_dump's own form, from the same moment. Owners and rights stay behind: the other server has its own."""
    left_out = [f"--exclude-table-data={name}" for name in contents.LEFT_OUT]
    command = [program.path, "--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges", *left_out]
    env: dict[str, Any] = programs.env(servers.parameters())
    with tempfile.TemporaryFile() as complaints:
        dumping = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=env)  # noqa: S603  the database's own tool
        try:
            with writer.piece(box.DATABASE) as piece:
                while content := dumping.stdout.read(box.CHUNK):
                    piece.write(content)
        except BaseException:
            dumping.kill()
            raise
        finally:
            dumping.stdout.close()
            dumping.wait()
        if dumping.returncode != 0:
            complaints.seek(0)
            raise CannotKeep(
                f"The database could not be dumped: {programs.complaint(complaints.read())}. Nothing was kept."
            )
    return File(piece.size, piece.sha256)


def _files(writer: box.Writer) -> Iterator[tuple[str, File]]:
    """Every file below MEDIA_ROOT. One that is removed meanwhile was named by no row: only such files are."""
    root = Path(settings.MEDIA_ROOT)
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        name = path.relative_to(root).as_posix()
        with writer.piece(box.FILES + name) as piece:
            piece.write(content)
        yield name, File(piece.size, piece.sha256)
