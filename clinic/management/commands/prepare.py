"""`manage.py prepare`: what must be done before the first page, by the runner and by nobody else."""

import io

from django.apps import apps
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from clinic.celery import app
from clinic.left_behind import left_behind
from clinic.running.demo_mark import being_made, is_half_made, throw_away
from clinic.settings.environment import env


class Command(BaseCommand):
    help = (
        "Applies migrations and fills an empty demo. Progress goes to standard error, the sign-ins to standard output."
    )
    requires_system_checks: list[str] = []

    def handle(self, **options):
        with connection.cursor() as cursor:
            if is_half_made(cursor):
                self._say("The demo clinic was cut short; starting it anew.")
                throw_away(cursor)
        self._migrate()
        if env.bool("DEMO", default=True) and "demo_clinic" in get_commands():
            if not apps.get_model("clinic", "Clinic").objects.exists():
                self._make_demo()
            self.stdout.write(sign_ins())

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if refusal := left_behind(executor.loader):
            raise CommandError(refusal)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            self._say(f"Applying {len(waiting)} migrations.")
            call_command("migrate", interactive=False, verbosity=0, stdout=self.stderr)

    def _make_demo(self) -> None:
        self._say("Making the demo clinic of fictional people. Once, and it takes a minute or two.")
        with connection.cursor() as cursor, being_made(cursor):
            call_command("demo_clinic", stdout=io.StringIO())
        # Every visit of the past rang the bell; the sweep finds what is due without them.
        app.control.purge()

    def _say(self, text: str) -> None:
        self.stderr.write(text, self.style.NOTICE)


def sign_ins() -> str:
    """How to sign in to the demo, in the words of the command that made it."""
    said = io.StringIO()
    call_command("demo_clinic", "--sign-ins", stdout=said)
    return said.getvalue()
