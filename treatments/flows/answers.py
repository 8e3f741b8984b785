"""The questions of a form, answered; and the rules run on them in the same breath."""

from django.db import transaction

from clinic import clock
from clinic.models import User
from patients.models import Patient
from patients.services import history
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord


@transaction.atomic
def answer_form(*, patient: Patient, answers: list[dict], via: str, purpose: str, by: User) -> ScreeningRecord:
    """Keep the answers of today and screen for today. `answers`: dicts with `code`, `value`, `on`, `detail`, `note`."""
    today = clock.today(patient.clinic)
    history.record_answers(patient=patient, answers=answers, answered_on=today, via=via, by=by)
    return screenings.perform(patient=patient, on=today, purpose=purpose, by=by)
