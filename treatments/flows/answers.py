"""The questions of a form, answered; and the rules run on them in the same breath."""

from collections.abc import Collection

from django.db import transaction

from clinic import clock
from clinic.models import Membership
from patients.models import Patient
from patients.services import history
from treatments.appointments.by_patient.models import ChangeReport
from treatments.flows import changes
from treatments.screenings import services as screenings
from treatments.screenings.by_patient import services as own
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.models import ScreeningRecord

ASKED_ANEW = "Asked all of it anew."


@transaction.atomic
def answer_form(
    *,
    patient: Patient,
    answers: list[dict],
    via: str,
    purpose: str,
    by: Membership,
    own_forms: Collection[PatientForm] = (),
    heard: Collection[ChangeReport] = (),
) -> ScreeningRecord:
    """Keep the answers of today and screen for today. `answers`: dicts with `code`, `value`, `on`, `detail`, `note`.

    `own_forms`, `heard`: what the patient had told us and the clinician has read above these questions. She has asked them anew, so
    both are looked at. Raises DomainError for a session while something else of the patient's waits for a look.
    """
    patient = Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=patient.pk)
    today = clock.today(patient.clinic)
    if own_forms:
        own.look_at(forms=list(own_forms), note=ASKED_ANEW, by=by)
    for report in heard:
        changes.mark_seen(report=report, note=ASKED_ANEW, by=by)
    history.record_answers(patient=patient, answers=answers, answered_on=today, via=via, by=by.user)
    return screenings.perform(patient=patient, on=today, purpose=purpose, by=by.user)
