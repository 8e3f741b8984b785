"""Lifting a finding and taking that back; the rules run again in the same breath, for the visits that are booked."""

from datetime import date

from django.db import transaction

from clinic.models import Membership, User
from patients.models import Patient
from treatments.screenings import services as screenings
from treatments.screenings.models import Clearance


@transaction.atomic
def give(
    *, patient: Patient, code: str, reason: str, expires_on: date, by: Membership, evidence: str = "", licence: str = ""
) -> Clearance:
    """Lift a raised rule until `expires_on`. Raises DomainError where nobody, or not she, may."""
    clearance = screenings.give_clearance(
        patient=patient, code=code, reason=reason, expires_on=expires_on, by=by, evidence=evidence, licence=licence
    )
    screenings.perform_again(patient=patient, by=by.user)
    return clearance


@transaction.atomic
def revoke(*, clearance: Clearance, by: User) -> Clearance:
    """The finding counts again at once, also for the visits that are booked."""
    if clearance.revoked_at is not None:
        return clearance
    revoked = screenings.revoke_clearance(clearance=clearance, by=by)
    screenings.perform_again(patient=revoked.patient, by=by)
    return revoked
