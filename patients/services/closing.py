"""Closing a record and opening it again. What hangs on it further along the path: `treatments/flows/closing.py`."""

from datetime import date

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import User
from patients.links import services as links
from patients.models import Patient, RecordClosing
from patients.outbox.services import address_changed

CLOSED = "The record was closed."


@transaction.atomic
def close(*, patient: Patient, why: str, reason: str, by: User, on: date | None = None) -> RecordClosing:
    """End a record. Nothing is mailed any more: what waits is refused with the reason, and every link of hers ends.

    Raises DomainError where it is closed already, where no reason is given, or where the day cannot be.
    """
    patient = _locked(patient)
    if patient.status != Patient.Status.ACTIVE:
        raise DomainError(f"This record is closed already: {patient.get_status_display().lower()}.")
    _refuse_day(on, patient)
    if not reason.strip():
        raise DomainError("Write how we know, or why.", field="reason")
    with explained():
        closing = RecordClosing.objects.create(
            patient=patient, why=why, reason=reason.strip(), on=on, closed_at=clock.now(), closed_by=by
        )
    _save(patient, why)
    links.close_all(patient=patient, because=CLOSED, by=by)
    address_changed(patient=patient, by=by)
    audit.record("patient.closed", patient, by=by, why=why)
    return closing


@transaction.atomic
def reopen(*, patient: Patient, reason: str, by: User) -> Patient:
    """Take the closing back. Mails that were refused for it go after all while there is time; cancelled visits, links and
    courses stay ended. Raises DomainError where it is not closed, or was merged into another record."""
    patient = _locked(patient)
    closing = patient.closings.filter(reopened_at=None).first()
    if patient.status == Patient.Status.MERGED:
        raise DomainError("This record is part of another one now. Take the merge back instead.")
    if closing is None:
        raise DomainError("This record is open.")
    if not reason.strip():
        raise DomainError("Write why the record is opened again.", field="reason")
    closing.reopened_at, closing.reopened_by, closing.reopened_reason = clock.now(), by, reason.strip()
    with explained():
        closing.save(update_fields=["reopened_at", "reopened_by", "reopened_reason"])
    _save(patient, Patient.Status.ACTIVE)
    address_changed(patient=patient, by=by)
    audit.record("patient.reopened", patient, by=by)
    return patient


def _locked(patient: Patient) -> Patient:
    return Patient.objects.select_for_update(of=("self",), no_key=True).select_related("clinic").get(pk=patient.pk)


def _save(patient: Patient, status: str) -> None:
    patient.status = status
    patient.version += 1
    with explained():
        patient.save(update_fields=["status", "version"])


def _refuse_day(on: date | None, patient: Patient) -> None:
    if on is not None and on > clock.today(patient.clinic):
        raise DomainError("This day has not come yet.", field="on")
    if on is not None and on < patient.born_on:
        raise DomainError("This day is before the date of birth.", field="on")
