"""Gathers the tasks of the rooms: Celery looks for this file only."""

from patients.outbox.tasks import dispatch, reconcile

__all__ = ["dispatch", "reconcile"]
