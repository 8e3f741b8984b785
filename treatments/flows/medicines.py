"""A medicine that was begun, stopped or struck out may forbid a booked visit, or free it."""

from clinic.models import User
from patients.models import MedicationStatement
from patients.services import history
from treatments import facts
from treatments.screenings import services as screenings


def medicine_changed(*, medication: MedicationStatement, by: User) -> None:
    """Screen again where the rules read this kind of medicine. Runs in the transaction that wrote it down."""
    if medication.kind in facts.MEDICINE_SAYS_YES:
        screenings.perform_again(patient=medication.patient, by=by)


def register() -> None:
    """The list of medicines lies in the patients' app, which knows of no rules."""
    history.after_every_medicine(medicine_changed)
