"""What the skin shows, and an assessment that was wrong; the rules run again in the same breath."""

from datetime import date

from django.db import transaction

from clinic.models import User
from patients.models import Patient
from treatments.assessments import services as assessments
from treatments.assessments.models import Assessment
from treatments.screenings import services as screenings


@transaction.atomic
def record(
    *,
    patient: Patient,
    assessed_on: date,
    skin_type: int | None,
    pih_history: bool,
    concerns: list[dict],
    by: User,
    note: str = "",
) -> Assessment:
    """Write one assessment, as the room's service does: a darker skin type waits longer after almost everything."""
    assessment = assessments.record(
        patient=patient,
        assessed_on=assessed_on,
        skin_type=skin_type,
        pih_history=pih_history,
        concerns=concerns,
        by=by,
        note=note,
    )
    screenings.perform_again(patient=patient, by=by)
    return assessment


@transaction.atomic
def mark_entered_in_error(*, assessment: Assessment, reason: str, by: User) -> Assessment:
    """The assessment before it counts again."""
    marked = assessments.mark_entered_in_error(assessment=assessment, reason=reason, by=by)
    screenings.perform_again(patient=marked.patient, by=by)
    return marked
