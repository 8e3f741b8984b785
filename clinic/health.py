"""Whether this process can serve, and whether messages leave. For machines: no session, no sign-in, no redirect."""

from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string

from clinic.left_behind import left_behind
from clinic.models import Clinic
from clinic.roles import public


@public(methods=["GET"])
def healthz(request: HttpRequest) -> HttpResponse:
    """200 `{"status": "ok"}`, or 503 with what is missing: the database answers and no migration is missing."""
    try:
        database_answers()
        migrations_are_applied()
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "missing": "database"}, status=503)
    except MigrationsPending:
        return JsonResponse({"status": "unavailable", "missing": "migrations"}, status=503)
    return JsonResponse({"status": "ok"})


@public(methods=["GET"])
def healthz_messages(request: HttpRequest) -> HttpResponse:
    """200 `{"status": "ok"}`, or 503 with what is wrong: `worker` (none has looked for two minutes), `relay` (the mail
    server cannot be reached), `late` (a due message is still here after 15 minutes), `frozen` (a restored clinic
    that no manager has released) or `database`. Of no clinic by name."""
    try:
        found = messages_unwell()
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "wrong": "database"}, status=503)
    if found is not None:
        return JsonResponse({"status": "unavailable", "wrong": found.wrong}, status=503)
    return JsonResponse({"status": "ok"})


def messages_unwell(clinic: Clinic | None = None):
    """Why the messages of a clinic, or of any, do not leave; None when all is well. They belong to another app, so the
    settings name who answers."""
    return import_string(settings.MESSAGES_HEALTH)(clinic)


class MigrationsPending(Exception):
    """The code is newer than the database."""


def database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@cache  # only success is kept: a new release is a new process
def migrations_are_applied() -> None:
    executor = MigrationExecutor(connection)
    if left_behind(executor.loader) or executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MigrationsPending
