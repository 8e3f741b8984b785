"""What beat, the bell and the demo's clock start. Two tasks at once are harmless: a second one finds nothing to claim."""

import logging
from datetime import datetime

from celery import shared_task
from celery.signals import worker_ready

from clinic.errors import DomainError
from clinic.models import Clinic, User
from patients.outbox import dispatch as dispatching
from patients.outbox import health, travel
from patients.outbox import reconcile as reconciling

log = logging.getLogger(__name__)


@shared_task(name="patients.outbox.tasks.dispatch")
def dispatch() -> None:
    health.note_worker()
    dispatching.run()


@worker_ready.connect
def note_a_worker_that_begins(**said: object) -> None:
    """So that nobody is told that no worker runs, in the half minute before beat rings for the first time."""
    health.note_worker()


@shared_task(name="patients.outbox.tasks.reconcile")
def reconcile() -> None:
    reconciling.run()
    health.forget_silent_workers()


# Weeks of mail take longer than any other task may; it ends by itself before these limits.
@shared_task(name=travel.TASK, soft_time_limit=travel.LONGEST_SECONDS + 120, time_limit=travel.LONGEST_SECONDS + 150)
def move_clock(clinic_ref: str, to: str, user_ref: str) -> None:
    """The demo's clock goes to `to` (ISO). Of two at once the second does nothing."""
    clinic, by = Clinic.objects.get(ref=clinic_ref), User.objects.get(ref=user_ref)
    try:
        travel.go(clinic=clinic, to=datetime.fromisoformat(to), by=by, tell=lambda stop: health.note_worker())
    except DomainError as refusal:
        log.warning("The clock was not moved: %s", refusal.sentence)
