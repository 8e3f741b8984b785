"""`manage.py migrate`: Django's own, for databases that it can bring up to date."""

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from clinic.left_behind import left_behind


class Command(migrate.Command):
    def handle(self, *args, **options):
        if refusal := left_behind(MigrationLoader(connections[options["database"]])):
            raise CommandError(refusal)
        return super().handle(*args, **options)
