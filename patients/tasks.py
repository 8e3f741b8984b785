"""Gathers the tasks of the rooms: Celery looks for this file only."""

from celery import shared_task

from patients.importing import services as imports
from patients.links import services as links
from patients.outbox.tasks import dispatch, move_clock, reconcile
from patients.services import photos

__all__ = ["dispatch", "forget_ended_links", "move_clock", "reconcile", "sweep_photos"]


@shared_task(name="patients.tasks.forget_ended_links")
def forget_ended_links() -> None:
    """Links that ended more than a year ago. Harmless at any time and twice at once."""
    links.forget_ended()


@shared_task(name="patients.tasks.sweep_photos")
def sweep_photos() -> None:
    """Files that nobody needs: of photos that no row names, of imports older than a day. Harmless at any time and twice
    at once."""
    photos.sweep()
    imports.forget_files()
