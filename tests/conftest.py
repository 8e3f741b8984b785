"""The ground under the tests: one throw-away PostgreSQL and Redis for a run, started when the first test needs them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from clinic.embedded import Postgres, Redis

pytest_plugins = ["tests.fixtures.world"]


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder with a PostgreSQL and a Redis in it, gone at the end. Nothing in `var/` is ever touched.

    With TEST_DATABASE_URL and TEST_REDIS_URL the servers are somebody else's and only the folder is made. Both
    servers die with this process, also when it is killed.
    """
    folder = Path(settings.TEST_GROUND)
    folder.mkdir(mode=0o700)
    servers = []
    if not os.environ.get("TEST_DATABASE_URL"):
        servers.append(Postgres(folder / "postgres", database="postgres", durable=False, dies_with_us=True))
    if not os.environ.get("TEST_REDIS_URL"):
        servers.append(Redis(folder / "redis", dies_with_us=True))
    try:
        for server in servers:
            server.start()
        yield folder
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(ground: Path, django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Called by pytest-django before it makes the test database: the server has to be there."""


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
