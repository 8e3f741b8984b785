"""What a patient does with her own visit. Nobody of ours did it: the audit names her link."""

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError
from patients.models import PatientLink
from treatments.appointments import services as appointments
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.taking import save_in_place

CONFIRMED = Appointment.Status.CONFIRMED
CANCELLED = "This visit was cancelled, so there is nothing to confirm. Call us if you would like another one."


@transaction.atomic
def say_she_comes(*, visit: Appointment, version: int | None, link: PatientLink) -> Appointment:
    """She will come. `version`: of the visit that her page showed. Said twice it is done once.

    Raises DomainError where the visit was moved, cancelled or has begun since, and Busy.
    """
    visit = appointments.locked(visit)
    if visit.status == Appointment.Status.CANCELLED:
        raise DomainError(CANCELLED)
    if visit.schedule_version != version:
        raise DomainError("This visit was moved. Look at the time as it is now, then tell us again.")
    if visit.status not in COMING or visit.during.lower <= clock.now():
        raise DomainError("This visit has begun, so there is nothing to confirm. Call us if you are late.")
    if visit.status == CONFIRMED:
        return visit
    visit.status, visit.confirmed_at = CONFIRMED, clock.now()
    save_in_place(visit, ["status", "confirmed_at"])
    audit.record("visit.confirmed", visit, by=None, system=True, said_by="patient", link=str(link.ref))
    return visit
