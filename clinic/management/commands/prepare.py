"""`manage.py prepare`: what must be done before the first page, by the runner and by nobody else."""

import io

from django.apps import apps
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from clinic.settings.environment import env


class Command(BaseCommand):
    help = (
        "Applies migrations and fills an empty demo. Progress goes to standard error, the sign-ins to standard output."
    )
    requires_system_checks: list[str] = []

    def handle(self, **options):
        self._migrate()
        if env.bool("DEMO", default=True) and "demo_clinic" in get_commands():
            if not apps.get_model("clinic", "Clinic").objects.exists():
                self.stderr.write("Making the demo clinic: fictional people, once.", self.style.NOTICE)
                call_command("demo_clinic", stdout=self.stderr)
            self.stdout.write(sign_ins())

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            self.stderr.write(f"Applying {len(waiting)} migrations.", self.style.NOTICE)
            call_command("migrate", interactive=False, verbosity=0, stdout=self.stderr)


def sign_ins() -> str:
    """How to sign in to the demo, in the words of the command that made it."""
    said = io.StringIO()
    call_command("demo_clinic", "--sign-ins", stdout=said)
    return said.getvalue()
