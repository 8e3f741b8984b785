"""Registering people and keeping what we know of them right."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from patients.models import Patient
from patients.outbox.services import address_changed
from patients.services.finding import Likeness, possible_duplicates

ADULT_AGE = 18
# Rows of one statement, where a file brings many.
BATCH = 500
DETAILS = ("given_name", "family_name", "born_on", "email", "phone", "language", "speaks")
CONTACT = ("mail_allowed", "reminders_allowed")
# What decides whether and where a message goes.
REACHED_BY = {"email", *CONTACT}


class PossibleDuplicates(DomainError):
    """Somebody on record may be the same person; a human being decides. `found` says who and why."""

    def __init__(self, found: list[Likeness]) -> None:
        super().__init__("Nothing was saved yet: this person may be on record already.", field="different_person")
        self.found = found


class ChangedMeanwhile(DomainError):
    """The record was saved by somebody else since it was read. `saved` is how it stands now."""

    def __init__(self, saved: Patient) -> None:
        super().__init__("Somebody else changed this record while you were writing. Nothing of yours was saved yet.")
        self.saved = saved


@transaction.atomic
def register(
    *,
    clinic: Clinic,
    by: User,
    given_name: str,
    family_name: str,
    born_on: date,
    email: str = "",
    phone: str = "",
    language: str = "en",
    speaks: str = "",
    mail_allowed: bool | None = None,
    reminders_allowed: bool | None = None,
    duplicates_seen: Collection[UUID] | None = None,
) -> Patient:
    """A new patient. `mail_allowed=None`: she was not asked yet, so nothing is mailed.

    Raises PossibleDuplicates unless every likeness is among `duplicates_seen`, the refs a person has looked at. None:
    nobody is there to look (demo, import), so nobody is asked.
    """
    if duplicates_seen is not None:
        _ask_about_duplicates(
            clinic,
            duplicates_seen,
            given_name=given_name,
            family_name=family_name,
            born_on=born_on,
            email=email,
            phone=phone,
        )
    patient = Patient(
        clinic=clinic,
        given_name=given_name,
        family_name=family_name,
        born_on=born_on,
        email=email,
        phone=phone,
        language=language,
        speaks=speaks,
        registered_by=by,
    )
    if mail_allowed is not None:
        _answer_contact(patient, mail_allowed=mail_allowed, reminders_allowed=bool(reminders_allowed), by=by)
    _save(patient)
    audit.record("patient.registered", patient, by=by, unlike=sorted(str(ref) for ref in duplicates_seen or ()))
    return patient


def register_all(*, patients: Sequence[Patient], by: User, imported_in: UUID) -> None:
    """Those whom a file brought, looked at already. The caller holds the transaction. Nobody is mailed by it."""
    for patient in patients:
        patient.set_keys()
    with explained():
        Patient.objects.bulk_create(patients, batch_size=BATCH)
    for start in range(0, len(patients), BATCH):
        some = patients[start : start + BATCH]
        audit.record_each("patient.registered", {patient: {"import": str(imported_in)} for patient in some}, by=by)


def _ask_about_duplicates(clinic: Clinic, seen: Collection[UUID], **details) -> None:
    # Two desks registering the same walk-in: the second waits here and then sees the first one's record.
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    found = possible_duplicates(clinic=clinic, **details)
    if any(likeness.patient.ref not in seen for likeness in found):
        raise PossibleDuplicates(found)


@transaction.atomic
def correct_details(*, patient: Patient, version: int, by: User, **details) -> Patient:
    """Change any of DETAILS and CONTACT. `version` is the one the form was filled from.

    Raises ChangedMeanwhile where the record has moved on. A new e-mail has not bounced, and with it the two contact
    questions count as asked again of somebody who has answered them before. Who was never asked stays so: not asked is
    not a no.
    """
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    unknown = details.keys() - {*DETAILS, *CONTACT}
    if unknown:
        raise TypeError(f"not details of a patient: {sorted(unknown)}")
    if patient.status == Patient.Status.MERGED:
        raise DomainError("This record is part of another one now: correct that one.")
    if patient.version != version:
        raise ChangedMeanwhile(patient)
    changed = sorted(name for name, value in details.items() if getattr(patient, name) != value)
    asked_now, asked_before = details.keys() >= set(CONTACT), patient.contact_asked_at is not None
    first_asked = asked_now and not asked_before
    if not changed and not first_asked:
        return patient
    for name in changed:
        setattr(patient, name, details[name])
    if first_asked or (asked_before and REACHED_BY & set(changed)):
        _answer_contact(patient, mail_allowed=patient.mail_allowed, reminders_allowed=patient.reminders_allowed, by=by)
    if "email" in changed:
        patient.email_bounced_at = None
    patient.version += 1
    _save(patient)
    audit.record("patient.corrected", patient, by=by, fields=changed)
    if REACHED_BY & set(changed):
        address_changed(patient=patient, by=by)
    return patient


def _answer_contact(patient: Patient, *, mail_allowed: bool, reminders_allowed: bool, by: User) -> None:
    if reminders_allowed and not mail_allowed:
        raise DomainError("Reminders go by e-mail: they need a yes to e-mail as well.", field="reminders_allowed")
    patient.mail_allowed = mail_allowed
    patient.reminders_allowed = reminders_allowed
    patient.contact_asked_at = clock.now()
    patient.contact_asked_by = by


def _save(patient: Patient) -> None:
    with explained():
        patient.save()


def adult_on(born_on: date) -> date:
    """The day of the 18th birthday; born on 29 February, the 1 March after it."""
    try:
        return born_on.replace(year=born_on.year + ADULT_AGE)
    except ValueError:
        return date(born_on.year + ADULT_AGE, 3, 1)
