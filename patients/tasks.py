"""Gathers the tasks of the rooms: Celery looks for this file only."""

from patients.outbox.tasks import dispatch, move_clock, reconcile

__all__ = ["dispatch", "move_clock", "reconcile"]
