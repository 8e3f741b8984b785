"""The ground the tests stand on, and the health page that says whether the app stands on its own."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.cache.backends.db import DatabaseCache
from django.db import connection

from clinic import health


@pytest.fixture(autouse=True)
def _ask_anew():
    health.migrations_are_applied.cache_clear()
    yield
    health.migrations_are_applied.cache_clear()


@pytest.mark.django_db
def test_tests_run_on_a_database_of_their_own_outside_var():
    assert connection.settings_dict["NAME"] == "test_stratum"
    assert str(settings.BASE_DIR / "var") not in connection.settings_dict["HOST"]


@pytest.mark.django_db
def test_the_health_page_answers_strangers_without_a_session(client, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.cookies == {}
    with django_assert_max_num_queries(1):
        client.get("/healthz")


@pytest.mark.django_db
def test_a_missing_migration_is_not_healthy(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'clinic'")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["missing"]) == (503, "migrations")


@pytest.mark.django_db
def test_the_table_of_the_cache_is_there_and_counts():
    kept = DatabaseCache("clinic_cache", {})
    kept.set("attempts", 4, timeout=60)
    assert kept.incr("attempts") == 5


CHILD = """
import django, json
django.setup()
from django.conf import settings
from django.contrib.sessions.models import Session
print(json.dumps([list(Session.objects.values_list("session_key", flat=True)), settings.CELERY_BROKER_URL]))
"""


def test_a_process_of_a_test_sees_the_same_rows_and_the_same_broker(worker_env):
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    Session.objects.create(session_key="shared", session_data="", expire_date=timezone.now())
    said = subprocess.run(
        [sys.executable, "-c", CHILD], env=worker_env, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout) == [["shared"], settings.CELERY_BROKER_URL]
