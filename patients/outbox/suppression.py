"""Why a patient must not be written to. Asked when a message is written and again as it leaves.

Two patients may share an address, a mother and her daughter. Each hears what is hers, in a mail of her own: they are
different facts, also where the words are the same. No mail names more of a patient than her first name. What to leave out
before a visit and how to heal after it tell what is treated, so to a shared address these words do not go: the mail has a
link to them, and they stand behind her date of birth (`patients.links.letter`). The ledger says that the address is shared.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from clinic.models import Clinic
from patients.models.people import Patient
from patients.outbox.kinds import Kind

CLOSED = {
    Patient.Status.MOVED_AWAY: "The record is closed: moved away.",
    Patient.Status.DECEASED: "The record is closed.",
    Patient.Status.MERGED: "The record was merged into another.",
    Patient.Status.ENTERED_IN_ERROR: "The record was entered in error.",
}
# Whoever has moved away still reads the mailbox; a record that was merged or never meant anybody does not.
READERS = (Patient.Status.ACTIVE, Patient.Status.MOVED_AWAY)

READ_BY_SEVERAL = """
SELECT clinic_id, lower(email) FROM patients_patient
WHERE email <> '' AND lower(email) = ANY(%(addresses)s::text[]) AND clinic_id = ANY(%(clinics)s) AND status = ANY(%(readers)s)
GROUP BY clinic_id, lower(email) HAVING count(*) > 1
"""


@dataclass(frozen=True)
class WhyNot:
    code: str
    sentence: str


def why_not(patient: Patient, kind: Kind) -> WhyNot | None:
    """The reason that forbids a message of `kind` to `patient`, or None."""
    if (barred := unreachable(patient)) is not None:
        return barred
    if not kind.essential and not patient.reminders_allowed:
        return WhyNot("reminders_off", "Does not want reminders.")
    return None


def unreachable(patient: Patient) -> WhyNot | None:
    """The reason that forbids every message to `patient`, or None."""
    if patient.status != Patient.Status.ACTIVE:
        return WhyNot("record_closed", CLOSED[Patient.Status(patient.status)])
    if not patient.mail_allowed:
        if patient.contact_asked_at is None:
            return WhyNot("not_asked", "Nobody has asked yet whether we may e-mail.")
        return WhyNot("mail_not_allowed", "Does not want e-mail.")
    if not patient.email:
        return WhyNot("no_address", "No e-mail address.")
    if patient.email_bounced_at is not None:
        return WhyNot("bounced", "E-mail to this address comes back: call instead.")
    return None


def sharing(patients: Iterable[Patient]) -> set[int]:
    """Ids of those of the patients whose address somebody else of their clinic reads too. One query, however many."""
    patients = [patient for patient in patients if patient.email]
    several = _read_by_several({patient.email for patient in patients}, {patient.clinic_id for patient in patients})
    return {patient.pk for patient in patients if (patient.clinic_id, patient.email.lower()) in several}


def shared(addresses: Iterable[str], *, clinic: Clinic) -> set[str]:
    """Those of the addresses that more than one patient of the clinic has, in lower case. One query, however many."""
    asked = {address for address in addresses if address}
    several = {address for _, address in _read_by_several(asked, {clinic.pk})}
    return {address.lower() for address in asked} & several


def _read_by_several(addresses: set[str], clinics: set[int]) -> set[tuple[int, str]]:
    """(clinic, address in lower case) that more than one of its patients reads."""
    if not addresses:
        return set()
    asked = {"clinics": list(clinics), "readers": list(READERS), "addresses": [one.lower() for one in addresses]}
    with connection.cursor() as cursor:
        cursor.execute(READ_BY_SEVERAL, asked)
        return set(cursor.fetchall())
