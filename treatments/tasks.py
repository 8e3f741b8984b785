"""Gathers the tasks of the path: Celery looks for this file only."""

from celery import shared_task

from treatments.sessions import retiming


@shared_task(name="treatments.tasks.retime_messages")
def retime_messages() -> None:
    retiming.run()
