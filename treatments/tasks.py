"""Gathers the tasks of the path: Celery looks for this file only."""

from celery import shared_task

from treatments.screenings.by_patient import services as own_forms
from treatments.sessions import retiming


@shared_task(name="treatments.tasks.retime_messages")
def retime_messages() -> None:
    retiming.run()


@shared_task(name="treatments.tasks.forget_half_forms")
def forget_half_forms() -> None:
    """What patients began on a tablet and did not give goes once its day is over."""
    own_forms.forget_half_forms()
