"""Whether this process can serve: the database answers and no migration is missing."""

from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from clinic.roles import public


@public(methods=["GET"])
def healthz(request: HttpRequest) -> HttpResponse:
    """200 `{"status": "ok"}`, or 503 with what is missing. For machines: no session, no sign-in, no redirect."""
    try:
        database_answers()
        migrations_are_applied()
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "missing": "database"}, status=503)
    except MigrationsPending:
        return JsonResponse({"status": "unavailable", "missing": "migrations"}, status=503)
    return JsonResponse({"status": "ok"})


class MigrationsPending(Exception):
    """The code is newer than the database."""


def database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@cache  # only success is kept: a new release is a new process
def migrations_are_applied() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MigrationsPending
