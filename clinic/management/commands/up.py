"""`manage.py up`, the engine of `make run`: servers, web, worker, beat and mail sink under one roof."""

import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic.running.leftovers import AlreadyRunning
from clinic.running.output import Terminal
from clinic.running.runner import CannotRun, Runner, plan_from


class Command(BaseCommand):
    help = "Runs all of Stratum on this machine until Ctrl-C. PORT, DATABASE_URL, REDIS_URL, EMAIL_URL, DEMO override."
    requires_system_checks: list[str] = []

    def handle(self, **options):
        try:
            plan = plan_from(
                os.environ,
                root=settings.BASE_DIR,
                var=settings.VAR_DIR,
                port=settings.PORT,
                debug=settings.DEBUG,
            )
            Runner(plan, Terminal()).run()
        except (CannotRun, AlreadyRunning) as refusal:
            raise CommandError(str(refusal)) from None
