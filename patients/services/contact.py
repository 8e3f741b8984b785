"""How we may write to a patient, as she says it herself from a link in our mail."""

from django.db import transaction

from clinic import audit
from patients.models import Patient, PatientLink
from patients.outbox.services import address_changed


@transaction.atomic
def choose(*, link: PatientLink, mail_allowed: bool, reminders_allowed: bool, via: str = "page") -> Patient:
    """What she wants from now on; waiting mail follows in the same transaction. Said twice it is done once.

    `by` is nobody of ours: the audit names her link. Who asked her at the desk, and when, stays on record beside it.
    """
    patient = Patient.objects.select_for_update().select_related("clinic").get(pk=link.patient_id)
    said = {"mail_allowed": mail_allowed, "reminders_allowed": mail_allowed and reminders_allowed}
    changed = sorted(name for name, value in said.items() if getattr(patient, name) != value)
    if not changed:
        return patient
    for name in changed:
        setattr(patient, name, said[name])
    patient.version += 1
    patient.save(update_fields=[*changed, "version"])
    audit.record(
        "patient.contact_chosen", patient, by=None, system=True, said_by="patient", link=str(link.ref), fields=changed, via=via
    )  # fmt: skip
    address_changed(patient=patient, by=None)
    return patient


@transaction.atomic
def stop_optional(*, link: PatientLink, via: str) -> Patient:
    """No more reminders; what she needs to know still comes."""
    patient = Patient.objects.select_for_update().get(pk=link.patient_id)
    return choose(link=link, mail_allowed=patient.mail_allowed, reminders_allowed=False, via=via)
