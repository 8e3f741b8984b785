"""Recording what the skin shows."""

from datetime import date

from django.db import transaction

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import User
from patients.models import Patient
from treatments.assessments.models import AssessedConcern, Assessment
from treatments.protocol.catalogue import Catalogue
from treatments.rules.policy import catalogue_for


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
    """Write one assessment. `concerns`: dicts with `code`, `zones` and `severity` of the catalogue.

    Raises DomainError for a concern, zone or pair that the catalogue does not offer.
    """
    catalogue = catalogue_for(patient.clinic)
    for concern in concerns:
        _refuse_not_offered(concern["code"], concern["zones"], skin_type, catalogue)
    with explained():
        assessment = Assessment.objects.create(
            patient=patient,
            assessed_on=assessed_on,
            assessed_by=by,
            skin_type=skin_type,
            pih_history=pih_history,
            note=note,
        )
        AssessedConcern.objects.bulk_create(AssessedConcern(assessment=assessment, **concern) for concern in concerns)
    audit.record("assessment.recorded", assessment, by=by, clinic=patient.clinic)
    return assessment


@transaction.atomic
def mark_entered_in_error(*, assessment: Assessment, reason: str, by: User) -> Assessment:
    assessment = (
        Assessment.objects.select_for_update(of=("self",)).select_related("patient__clinic").get(pk=assessment.pk)
    )
    if not reason.strip():
        raise DomainError("Say why this assessment was entered in error.", field="reason")
    if assessment.entered_in_error:
        raise DomainError("This assessment was already marked as an error. It stays as it is.")
    assessment.entered_in_error, assessment.error_reason = True, reason.strip()
    assessment.save(update_fields=["entered_in_error", "error_reason"])
    audit.record("assessment.entered_in_error", assessment, by=by, clinic=assessment.patient.clinic)
    return assessment


def latest(patient: Patient) -> Assessment | None:
    """The assessment that counts, with its concerns."""
    return patient.assessments.filter(entered_in_error=False).prefetch_related("concerns").first()


def offered_on(code: str, zone: str, skin_type: int | None, catalogue: Catalogue) -> bool:
    """Whether a concern is treated on a zone at all; of an unknown skin type: whether any type may be."""
    if zone not in catalogue.zones or catalogue.zone(zone).prohibited:
        return False
    return any(catalogue.cell(zone, code, known) for known in ([skin_type] if skin_type else (1, 6)))


def _refuse_not_offered(code: str, zones: list[str], skin_type: int | None, catalogue: Catalogue) -> None:
    concern = catalogue.concerns.get(code)
    if concern is None or not concern.offered:
        raise DomainError("Choose a concern from the list.", field="concerns")
    for zone in zones:
        if zone not in catalogue.zones:
            raise DomainError("Choose a zone from the list.", field=f"zones-{code}")
        if not offered_on(code, zone, skin_type, catalogue):
            label = catalogue.zone(zone).label
            ever = " at this skin type" if offered_on(code, zone, None, catalogue) else ""
            raise DomainError(f"{label} is not treated for this concern{ever}. Leave it out.", field=f"zones-{code}")
