"""Which questions a patient is asked before a visit: those of the day form, what may have changed since the last visit."""

from datetime import date

from patients.models import Patient
from treatments.appointments.models import Appointment
from treatments.screenings.by_patient.asking import Asked, asked_of_her
from treatments.screenings.by_patient.models import PatientForm


def asked_before_a_visit(patient: Patient, *, today: date) -> list[Asked]:
    """In the order of the catalogue. Two queries."""
    return asked_of_her(patient, PatientForm.Kind.DAY, today=today, last_visit_on=last_visit_on(patient))


def last_visit_on(patient: Patient) -> date | None:
    """The day of her last visit that took place. One query."""
    took_place = patient.appointments.filter(status=Appointment.Status.DONE).order_by("-day")
    return took_place.values_list("day", flat=True).first()
