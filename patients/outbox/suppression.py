"""Why a patient must not be written to. Asked when a message is written and again as it leaves."""

from dataclasses import dataclass

from patients.models.people import Patient
from patients.outbox.kinds import Kind

CLOSED = {
    Patient.Status.MOVED_AWAY: "The record is closed: moved away.",
    Patient.Status.DECEASED: "The record is closed.",
    Patient.Status.MERGED: "The record was merged into another.",
    Patient.Status.ENTERED_IN_ERROR: "The record was entered in error.",
}


@dataclass(frozen=True)
class WhyNot:
    code: str
    sentence: str


def why_not(patient: Patient, kind: Kind) -> WhyNot | None:
    """The reason that forbids a message of `kind` to `patient`, or None."""
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
    if not kind.essential and not patient.reminders_allowed:
        return WhyNot("reminders_off", "Does not want reminders.")
    return None
