"""What a patient does with her own visit. Nobody of ours did it: the audit names her link."""

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError
from patients.models import Patient, PatientLink
from treatments.appointments import services as appointments
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.taking import save_in_place
from treatments.rules.policy import catalogue_for
from treatments.sessions import reactions_list

CONFIRMED = Appointment.Status.CONFIRMED
CANCELLED = "This visit was cancelled, so there is nothing to confirm. Call us if you would like another one."
# Whoever has the mail may read this: it says nothing of what was treated.
SPEAK_FIRST = "We speak with you before this visit, so please call us. Until then there is nothing to confirm."


def is_held(visit: Appointment) -> bool:
    """Whether an open reaction holds this visit. One that is no session, as a look at her skin, takes place."""
    return visit.kind == Appointment.Kind.TREATMENT and sessions_wait(visit.patient)


def sessions_wait(patient: Patient) -> bool:
    """Whether an open reaction refuses her every session, by the rule that the gate goes by."""
    return reactions_list.hold_next_session(patient, catalogue_for(patient.clinic))


@transaction.atomic
def say_she_comes(*, visit: Appointment, version: int | None, link: PatientLink) -> Appointment:
    """She will come. `version`: of the visit that her page showed. Said twice it is done once.

    Raises DomainError where the visit was moved, cancelled or has begun since, where we speak with her first (`is_held`), and Busy.
    """
    visit = appointments.locked(visit)
    if visit.status == Appointment.Status.CANCELLED:
        raise DomainError(CANCELLED)
    if visit.schedule_version != version:
        raise DomainError("This visit was moved. Look at the time as it is now, then tell us again.")
    if visit.status not in COMING or visit.during.lower <= clock.now():
        raise DomainError("This visit has begun, so there is nothing to confirm. Call us if you are late.")
    if is_held(visit):
        raise DomainError(SPEAK_FIRST)
    if visit.status == CONFIRMED:
        return visit
    visit.status, visit.confirmed_at = CONFIRMED, clock.now()
    save_in_place(visit, ["status", "confirmed_at"])
    audit.record("visit.confirmed", visit, by=None, system=True, said_by="patient", link=str(link.ref))
    return visit
