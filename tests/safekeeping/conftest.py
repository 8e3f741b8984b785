"""A clinic worth keeping, a second server to bring it back to, and our commands as somebody at a terminal runs them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings

from clinic.embedded import Postgres
from patients.services import photos
from tests.patients.test_photos import a_picture

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Elsewhere:
    """Another machine: a PostgreSQL and a folder of its own."""

    postgres: Postgres
    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def media(self) -> Path:
        return self.folder / "var" / "media"

    @property
    def env(self) -> dict[str, str]:
        here = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        return here | {
            "DJANGO_SETTINGS_MODULE": "clinic.settings.test",
            "TEST_DATABASE_URL": self.postgres.url,
            "TEST_REDIS_URL": settings.CELERY_BROKER_URL.replace("redis+socket://", "unix://", 1),
            "STRATUM_TEST_GROUND": str(self.folder),
            **self.more,
        }

    def run(self, *command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", *command],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def restore(self, file: Path) -> subprocess.CompletedProcess[str]:
        return self.run("manage.py", "restore", str(file))

    def ask(self, question: str, *, database: str = "") -> list[tuple]:
        parameters = {"host": str(self.postgres._socket_folder), "user": "postgres"}
        there = psycopg2.connect(dbname=database or self.postgres.database, **parameters)
        with there, there.cursor() as cursor:
            cursor.execute(question)
            rows = cursor.fetchall()
        there.close()
        return rows

    def begin_anew(self) -> None:
        """One empty database, as on a new machine."""
        beside = psycopg2.connect(dbname="postgres", user="postgres", host=str(self.postgres._socket_folder))
        beside.autocommit = True
        with beside.cursor() as cursor:
            for name in self.databases - {"postgres"}:
                cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            cursor.execute("CREATE DATABASE stratum")
        beside.close()

    @property
    def databases(self) -> set[str]:
        asked = self.ask("SELECT datname FROM pg_database WHERE NOT datistemplate", database="postgres")
        return {name for (name,) in asked}

    @property
    def is_empty(self) -> bool:
        return self.ask("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


@pytest.fixture(scope="session")
def _second_server(ground, tmp_path_factory) -> Iterator[Postgres]:
    server = Postgres(ground.folder / "second", durable=False, dies_with_us=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def elsewhere(_second_server: Postgres, tmp_path: Path) -> Elsewhere:
    """Empty again for every test."""
    there = Elsewhere(_second_server, tmp_path / "elsewhere")
    there.begin_anew()
    return there


@pytest.fixture
def media(tmp_path: Path, settings) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.VAR_DIR = tmp_path / "var"
    return settings.MEDIA_ROOT


@pytest.fixture
def photo(media: Path, patient):
    return photos.add(patient=patient, kept=photos.keep(a_picture()), about=None, by=None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test has its backup written to."""
    return tmp_path / "kept.tar"
