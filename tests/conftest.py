"""The ground under the tests: one throw-away PostgreSQL and Redis for a run, started when the first test needs them."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.test import TransactionTestCase

from clinic.embedded import Postgres, Redis
from clinic.garbage import leave_what_stays
from tests.fixtures.emptied import empty_tables
from tests.prepared import copy_from_cache, keep_in_cache, sweep

pytest_plugins = ["tests.fixtures.world", "tests.fixtures.browser"]

# The tests start our programs some hundred times. Where the shell tells Python to keep nothing that it compiled, each of
# those starts would compile all of Stratum anew: two thirds of a second that say nothing about Stratum.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


# Files that take longest are begun first: no worker is left alone with one of them at the end. Before them those that
# fork: a process in which a browser was driven has threads that a fork does not survive.
FIRST = (
    "appointments/test_diary.py",
    "faults/test_b",  # booking and broker: both fork
    "outbox/test_kills.py",
    "running/test_up.py",
    "journeys",
    "look/test_parts.py",
    "access/test_access.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By files: those named above, then those with a test that drives a browser, then all others."""
    drive_a_browser = {item.path for item in items if item.get_closest_marker("browser")}

    def turn(item: pytest.Item) -> int:
        named = next((at for at, part in enumerate(FIRST) if part in item.nodeid), None)
        return named if named is not None else len(FIRST) + (item.path not in drive_a_browser)

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """What is imported by now stays to the end, as in the processes that serve: a twentieth of the run."""
    leave_what_stays()


class Ground:
    """The folder of one run with its servers; None where TEST_DATABASE_URL or TEST_REDIS_URL name somebody else's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = self.redis = None
        if not os.environ.get("TEST_DATABASE_URL"):
            self.postgres = Postgres(folder / "postgres", database="postgres", durable=False, dies_with_us=True)
        if not os.environ.get("TEST_REDIS_URL"):
            self.redis = Redis(folder / "redis", dies_with_us=True)
        self.is_migrated = False

    @property
    def servers(self) -> list[Postgres | Redis]:
        return [server for server in (self.postgres, self.redis) if server is not None]


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A PostgreSQL and a Redis in a folder that is gone at the end. Nothing in `var/` is ever touched.

    Both servers die with this process, also when it is killed.
    """
    ground = Ground(Path(settings.TEST_GROUND))
    sweep(ground.folder.parent)
    ground.folder.mkdir(mode=0o700)
    try:
        if ground.postgres is not None:
            ground.is_migrated = copy_from_cache(request.config, ground.postgres.data_dir)
        for server in ground.servers:
            server.start()
        yield ground
    finally:
        for server in ground.servers:
            server.stop()
        shutil.rmtree(ground.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(ground: Ground) -> None:
    """Asked for by pytest-django before it makes the test database: the server has to be there.

    Every worker has a server of its own, so no database needs a worker's name in its own.
    """


@pytest.fixture(scope="session")
def django_db_keepdb(ground: Ground) -> bool:
    """Never dropped on a server of ours: that goes with its folder, whoever may still be connected. What an earlier run
    has migrated is taken over, and only missing migrations are applied."""
    return ground.postgres is not None


@pytest.fixture(scope="session")
def django_db_setup(request, ground: Ground, django_db_setup: None, django_db_blocker) -> None:
    """After the migrations: keeps their outcome for later runs."""
    if ground.postgres is None or ground.is_migrated:
        return
    with django_db_blocker.unblock():
        connections.close_all()
    ground.postgres.stop()
    keep_in_cache(request.config, ground.postgres.data_dir)
    ground.postgres.start()


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Rate limits count in the cache; one test's wrong passwords are no other's."""
    cache.clear()


def test_database_url() -> str:
    """Address of the database the tests write to, for another process."""
    described = connection.settings_dict
    account = quote(described["USER"]) + (f":{quote(described['PASSWORD'])}" if described["PASSWORD"] else "")
    if described["HOST"].startswith("/"):
        return f"postgres://{account}@/{described['NAME']}?host={quote(described['HOST'], safe='/')}"
    return f"postgres://{account}@{described['HOST']}:{described['PORT'] or 5432}/{described['NAME']}"


test_database_url.__test__ = False


@pytest.fixture
def worker_env(transactional_db: None) -> dict[str, str]:
    """Environment for a process of a test: same settings, same test database and broker, committed rows only."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "clinic.settings.test",
        "TEST_DATABASE_URL": test_database_url(),
        "TEST_REDIS_URL": settings.CELERY_BROKER_URL.replace("redis+socket://", "unix://", 1),
    }
