"""What beat and the bell start. Two tasks at once are harmless: a second one finds nothing to claim."""

from celery import shared_task

from patients.outbox import dispatch as dispatching
from patients.outbox import reconcile as reconciling


@shared_task(name="patients.outbox.tasks.dispatch")
def dispatch() -> None:
    dispatching.run()


@shared_task(name="patients.outbox.tasks.reconcile")
def reconcile() -> None:
    reconciling.run()
