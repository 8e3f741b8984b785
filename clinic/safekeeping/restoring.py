"""A restore: every byte of the file is looked at, then all of it comes back or nothing does.

It is brought back into a database of its own beside the empty one, compared, brought up to date and frozen there, and only
then takes the empty one's name. So nobody ever meets a database that is half restored, or whole and not yet frozen, and a
run that is killed leaves the empty one as it was.
"""

import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg2
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from clinic.safekeeping import box, contents, freezing, manifest, programs, servers
from clinic.safekeeping.manifest import Manifest
from clinic.safekeeping.sentences import CannotKeep, Damaged

# Made by every migration or by a program that looked in: a database that holds rows in these alone is empty.
NOBODYS = {
    "public.django_migrations", "public.django_content_type", "public.auth_permission", "public.django_session",
    "public.clinic_cache", "public.patients_workerseen",
}  # fmt: skip
IN_THE_MAKING, EMPTY_BEFORE = "_restoring", "_empty_before"
# Beside a file until it is whole.
HALF = ".restoring"
ONE_AT_A_TIME = 5_240_117
Say = Callable[[str], object]


@dataclass(frozen=True)
class Restored:
    """What came back: of which moment, how many clinics are frozen, how many migrations it lacked, how long it took."""

    manifest: Manifest
    clinics: int
    migrated: int
    seconds: float


def restore(path: Path, say: Say = lambda said: None) -> Restored:
    """Brings a backup back into an empty database and an empty folder of files. Raises CannotKeep with a sentence; then both
    are as they were."""
    began = time.monotonic()
    try:
        with open(path, "rb") as file:
            opened = box.read(file)
            told = manifest.checked(opened)
            say(f"The file is whole: {len(told.tables)} tables with {told.rows:,} rows, {len(told.files):,} files.")
            refuse_newer(told)
            with servers.running(alone=True):
                clinics, migrated = _brought_back(file, opened, told, say)
        return Restored(told, clinics, migrated, time.monotonic() - began)
    except psycopg2.Error as exc:
        what = str(exc).strip().splitlines()
        raise CannotKeep(
            f"The database refused or went away: {what[0] if what else type(exc).__name__}. Nothing was restored."
        ) from None
    except OSError as exc:
        raise CannotKeep(f"{exc.filename or path}: {exc.strerror}. Nothing was restored.") from None


def refuse_newer(told: Manifest) -> None:
    """A file that has migrations this version does not know was made by a later one."""
    loader = MigrationLoader(None)
    known = set(loader.disk_migrations) | {one for folded in loader.replacements.values() for one in folded.replaces}
    newer = [f"{app}.{name}" for app, names in told.migrations.items() for name in names if (app, name) not in known]
    if newer:
        raise CannotKeep(
            f"This backup was made by a newer version of Stratum ({told.version}): it has {newer[0]}, which this one lacks. "
            "Restore it with that version."
        )


def _brought_back(file: IO[bytes], opened: box.Opened, told: Manifest, say: Say) -> tuple[int, int]:
    target = connection.settings_dict["NAME"]
    made = target + IN_THE_MAKING
    with _server(target) as cursor:
        _refuse_server(cursor, told, target)
        _refuse_what_is_there(told, target)
        _make(cursor, made, like=target)
        try:
            with Files(told) as files:
                _fill(file, opened.pieces[box.DATABASE], told, made)
                _compare(told, made)
                say("Every table is as it was kept, by its hash.")
                files.write(file, opened)
                say("Every file is as it was kept, by its hash.")
                clinics, migrated = _made_ready(told, made)
                aside = _swap(cursor, made, target)
                files.stay()
        except BaseException:
            _drop(cursor, made)
            raise
        # From here on it is restored, whatever becomes of the empty one.
        _tidy(cursor, aside, say)
    return clinics, migrated


# ── The server ────────────────────────────────────────────────────────────────


@contextmanager
def _server(target: str) -> Iterator[Any]:
    """A cursor on another database of the server, from which the target can be renamed; held by one restore at a time."""
    connection.close()
    with servers.connected(to_database="postgres" if target != "postgres" else "template1") as beside:
        beside.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with beside.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [ONE_AT_A_TIME])
            if not cursor.fetchone()[0]:
                raise CannotKeep("Another restore is at work on this server. Wait until it is done.")
            yield cursor


def _refuse_server(cursor: Any, told: Manifest, target: str) -> None:
    if (here := servers.major(cursor)) < told.server:
        raise CannotKeep(
            f"This backup is of PostgreSQL {told.server}, the server here is {here}: use one that is not older."
        )
    cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
    if not cursor.fetchone()[0]:
        raise CannotKeep("The user of DATABASE_URL must be allowed to make databases: ALTER ROLE … CREATEDB.")
    cursor.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'", [target]
    )
    if others := cursor.fetchone()[0]:
        raise CannotKeep(
            f"{others} connection{'s' if others > 1 else ''} to the database {'are' if others > 1 else 'is'} open. "
            "Stop web, worker and beat first: `docker compose stop web worker beat`."
        )


def _refuse_what_is_there(told: Manifest, target: str) -> None:
    _refuse_rows(target)
    if strange := strange_file(told):
        raise CannotKeep(f"{settings.MEDIA_ROOT} holds a file that is not in this backup ({strange}). {_way(target)}")


def _refuse_rows(target: str) -> None:
    if not is_empty(target):
        raise CannotKeep(f"The database is not empty, and a restore never writes over anything. {_way(target)}")


def is_empty(database: str) -> bool:
    """No table has a row, but for those that come by themselves."""
    with servers.connected(to_database=database) as there, there.cursor() as cursor:
        cursor.execute(contents.PLAIN)
        cursor.execute(contents.TABLES)
        for schema, name, _, _ in cursor.fetchall():
            if f"{schema}.{name}" in NOBODYS:
                continue
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(schema, name)))
            if cursor.fetchone()[0]:
                return False
    return True


def _way(target: str) -> str:
    media = settings.MEDIA_ROOT
    if folder := settings.EMBEDDED_POSTGRES:
        return f"Move {folder} and {media} away (mv {folder} {folder}.before; mv {media} {media}.before), then restore again."
    return (
        f"Make an empty one (createdb {target}2), name it in DATABASE_URL, and move {media} away; "
        "or keep what is there under another name (ALTER DATABASE … RENAME TO …)."
    )


def _make(cursor: Any, made: str, *, like: str) -> None:
    _drop(cursor, made)  # left by a run that was killed
    cursor.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [like])
    make = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' OWNER {}"
    cursor.execute(sql.SQL(make).format(sql.Identifier(made), sql.Identifier(cursor.fetchone()[0])))


def _drop(cursor: Any, name: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _swap(cursor: Any, made: str, target: str) -> str:
    """One transaction gives the names away: the empty one's to the restored one. Somebody may have begun to work in it
    meanwhile: then nothing is restored. Returns the name that the empty one has now."""
    aside, rename = f"{target}{EMPTY_BEFORE}_{os.getpid()}", "ALTER DATABASE {} RENAME TO {}"
    _refuse_rows(target)
    cursor.execute("BEGIN")
    try:
        for old, new in ((target, aside), (made, target)):
            cursor.execute(sql.SQL(rename).format(sql.Identifier(old), sql.Identifier(new)))
    except psycopg2.errors.ObjectInUse:
        cursor.execute("ROLLBACK")
        raise CannotKeep(
            "Somebody connected to the database meanwhile. Stop web, worker and beat, then restore again."
        ) from None
    cursor.execute("COMMIT")
    return aside


def _tidy(cursor: Any, aside: str, say: Say) -> None:
    """The empty database goes. What somebody wrote into it at the last moment stays, and so does one that will not go."""
    try:
        if is_empty(aside):
            _drop(cursor, aside)
    except (psycopg2.Error, CannotKeep):
        say(f"The empty database could not be removed: it stays beside the restored one as {aside}.")


# ── What comes back ───────────────────────────────────────────────────────────


def _fill(file: IO[bytes], piece: box.Piece, told: Manifest, made: str) -> None:
    program = programs.find("pg_restore", at_least=told.dumped_with)
    command = [
        program.path,
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={made}",
    ]
    env: dict[str, Any] = programs.env(servers.parameters())
    with tempfile.TemporaryFile() as complaints:
        filling = subprocess.Popen(  # noqa: S603  the database's own tool
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints, env=env
        )
        try:
            for content in box.chunks(file, piece):
                filling.stdin.write(content)
            filling.stdin.close()
        except BrokenPipeError:
            pass  # it has given up, and says below why
        except BaseException:
            filling.kill()
            raise
        finally:
            filling.wait()
        if filling.returncode != 0:
            complaints.seek(0)
            raise CannotKeep(
                f"The database could not be restored: {programs.complaint(complaints.read())}. Nothing was restored."
            )


def _compare(told: Manifest, made: str) -> None:
    with servers.connected(to_database=made) as there, there.cursor() as cursor:
        found = contents.of_database(cursor)
    if unlike := contents.differences(told.tables, found):
        raise Damaged(f"Restored, these tables are not as they were kept: {', '.join(unlike)}. Nothing was restored.")


def _made_ready(told: Manifest, made: str) -> tuple[int, int]:
    """Up to date, frozen and known to the planner, before anybody can see it. Returns how many clinics, how many migrations."""
    with _django_looks_at(made):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM django_migrations")
                before = cursor.fetchone()[0]
                call_command("migrate", interactive=False, verbosity=0)
                cursor.execute("SELECT count(*) FROM django_migrations")
                migrated = cursor.fetchone()[0] - before
                clinics = freezing.freeze(data_of=told.clinic_moment)
                cursor.execute("ANALYZE")
        except CommandError as refusal:
            raise CannotKeep(f"{refusal} Nothing was restored.") from None
    return len(clinics), migrated


@contextmanager
def _django_looks_at(made: str) -> Iterator[None]:
    target = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = made
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = target


def strange_file(told: Manifest) -> str | None:
    """A file below MEDIA_ROOT that this backup does not hold just so. Those of a restore that was killed are no strangers."""
    root = Path(settings.MEDIA_ROOT)
    for path in sorted(root.rglob("*")) if root.exists() else []:
        name = path.relative_to(root).as_posix()
        if path.is_dir() or name.endswith(HALF):
            continue
        listed = told.files.get(name)
        if listed is None or path.stat().st_size != listed.bytes or _sha256(path) != listed.sha256:
            return name
    return None


class Files:
    """Every file of the backup below MEDIA_ROOT, whole and compared; taken back unless they may `stay`."""

    def __init__(self, told: Manifest) -> None:
        self._listed, self._root = told.files, Path(settings.MEDIA_ROOT)
        self._written: list[Path] = []

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *how: object) -> None:
        for path in self._written:
            path.unlink(missing_ok=True)

    def stay(self) -> None:
        self._written.clear()

    def write(self, file: IO[bytes], opened: box.Opened) -> None:
        for name, listed in self._listed.items():
            path = self._root / name
            if not path.exists():
                self._write(path, box.chunks(file, opened.pieces[box.FILES + name]))
            if _sha256(path) != listed.sha256:
                raise Damaged(f"Restored, the file {name} is not as it was kept. Nothing was restored.")

    def _write(self, path: Path, content: Iterator[bytes]) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = path.with_name(path.name + HALF)
        half.unlink(missing_ok=True)
        self._written += [half, path]
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
            out.writelines(content)
            out.flush()
            os.fsync(out.fileno())
        half.rename(path)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
