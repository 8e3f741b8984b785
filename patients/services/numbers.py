"""A patient's number in the clinic's own books: from a file, or typed by whoever has the old card in her hand."""

from django.db import transaction

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import User
from clinic.templatetags.clinic_ui import date_year
from patients.importing.models import PatientNumber
from patients.models import Patient


@transaction.atomic
def give(*, patient: Patient, number: str, by: User) -> PatientNumber:
    """Write down a number of hers. Raises DomainError at `number` for one that stands on a record already: whose it is decides
    to whom a file of past sessions writes."""
    patient = _locked(patient)
    number = _as_written(number)
    _refuse_taken(patient, number)
    row = PatientNumber(clinic=patient.clinic, patient=patient, number=number, given_by=by)
    with explained():
        row.save()
    audit.record("patient_number.given", patient, by=by)
    return row


@transaction.atomic
def take_away(*, patient: Patient, number: str, by: User) -> None:
    """It is not hers. What files wrote by it stays. Raises DomainError where she does not have it (any more)."""
    patient = _locked(patient)
    gone, _ = patient.numbers.filter(number=number).delete()
    if not gone:
        raise DomainError(f"{patient.full_name} does not have this number any more. Look again.")
    audit.record("patient_number.taken_away", patient, by=by)


def _locked(patient: Patient) -> Patient:
    return Patient.objects.select_for_update(of=("self",), no_key=True).select_related("clinic").get(pk=patient.pk)


def _as_written(number: str) -> str:
    written = " ".join(number.split())
    if not written:
        raise DomainError("Write the number as it stands in your books.", field="number")
    return written


def _refuse_taken(patient: Patient, number: str) -> None:
    row = patient.clinic.patient_numbers.filter(number=number).select_related("patient").first()
    if row is None:
        return
    if row.patient == patient:
        raise DomainError("She has this number already.", field="number")
    raise DomainError(
        f"This number is {row.patient.full_name}'s here, born {date_year(row.patient.born_on)}. If it is not hers, take it away "
        "there first.",
        field="number",
    )
