"""The Celery application. Jobs ring a bell and sweep; what is owed to whom lives in PostgreSQL."""

import os

from celery import Celery
from celery.signals import worker_process_init

from clinic.garbage import leave_what_stays

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings.demo")

app = Celery("stratum")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def _leave_what_stays(**_: object) -> None:
    leave_what_stays()
