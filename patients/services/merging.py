"""One record becomes part of another, and comes out of it again: the patients' own rows, links and mail.

What belongs to her is moved, not looked up under an alias. Every reader of this house, the gates and the exclusion
constraints of the database among them, asks by `patient_id`: moved rows are seen by all of them at once, and a reader that
somebody writes next year needs to know nothing of merging. An alias would have to be followed by each of them, and one that
forgets it finds half a patient without any error. In return every row that moved is on record by table and key
(`MovedRow`), so that taking the merge back is not a guess: exactly those rows return. What never changes goes along too,
by a way that only the merge's own transaction has (`patients.models.fixed`); whose name stands under it stays as it was.

Which kinds of row move is said further along the path, in `treatments/flows/merging.py`.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Func, Max, Model, QuerySet

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.locks import not_for_long
from clinic.models import User
from patients.links import services as links
from patients.models import Message, MovedRow, Patient, RecordMerge
from patients.outbox import services as outbox

CLOSED = "The record is part of another one now."
TAKEN_BACK = "Two records that had been merged are two again."
# What a person decides about, and the columns it is made of.
CONTACT = ("mail_allowed", "reminders_allowed", "contact_asked_at", "contact_asked_by_id")
CHOICES: dict[str, tuple[str, ...]] = {
    "given_name": ("given_name",),
    "family_name": ("family_name",),
    "born_on": ("born_on",),
    "email": ("email", "email_bounced_at"),
    "phone": ("phone",),
    "language": ("language",),
    "speaks": ("speaks",),
    "contact": CONTACT,
}
COMPARED = {"email": ("email",), "contact": ("mail_allowed", "reminders_allowed")}


class ChangedMeanwhile(DomainError):
    """One of the two records was saved by somebody else since the preview was read."""


def differing(stays: Patient, gone: Patient) -> list[str]:
    """Those of CHOICES in which two records differ."""
    return [choice for choice in CHOICES if _told(stays, choice) != _told(gone, choice)]


def _told(patient: Patient, choice: str) -> list:
    if choice == "contact" and patient.contact_asked_at is None:
        return []
    return [getattr(patient, name) for name in COMPARED.get(choice, CHOICES[choice])]


def locked(*patients: Patient) -> list[Patient]:
    """These records as they are now, in the order given. Locked in the order of their keys: two desks that merge the same two,
    each in its own direction, never wait for each other. Nothing else is written about them until we are done."""
    rows = Patient.objects.select_for_update(of=("self",)).select_related("clinic")
    with not_for_long():
        found = {row.pk: row for row in rows.filter(pk__in=[one.pk for one in patients]).order_by("pk")}
    return [found[one.pk] for one in patients]


def refuse(stays: Patient, gone: Patient) -> None:
    """Raises DomainError where these two cannot become one."""
    if stays.pk == gone.pk:
        raise DomainError("This is the same record. Choose the other one.")
    if stays.clinic_id != gone.clinic_id:
        raise DomainError("These records are of two clinics.")
    for patient in (stays, gone):
        if patient.status == Patient.Status.MERGED:
            raise DomainError(f"The record of {patient.full_name} is part of another one already. Merge with that one.")
        if patient.status != Patient.Status.ACTIVE:
            said = patient.get_status_display().lower()
            raise DomainError(f"The record of {patient.full_name} is closed: {said}. Open it again first, then merge.")
    if gone.taken_in.standing().exists():
        raise DomainError(
            f"Another record was merged into the one of {gone.full_name}. Let that one stay, or take the first merge back."
        )


@transaction.atomic
def begin(
    *, stays: Patient, gone: Patient, take: Iterable[str], reason: str, newest: Mapping[str, int], by: User
) -> RecordMerge:
    """Write down that they are one, with the details that `take` (of CHOICES) brings over from `gone`. The caller has locked both
    and moves what belongs to her, then ends with `finish`."""
    refuse(stays, gone)
    if stays.born_on != gone.born_on and not reason.strip():
        raise DomainError("The dates of birth differ: write how we know that this is one person.", field="reason")
    columns = [name for choice in take for name in CHOICES[choice]]
    was = _written(stays, columns)
    for name in columns:
        setattr(stays, name, getattr(gone, name))
    with explained():
        merge = RecordMerge.objects.create(
            stays=stays, gone=gone, reason=reason.strip(), was=was, became=_written(stays, columns), newest=dict(newest),
            merged_at=clock.now(), merged_by=by,
        )  # fmt: skip
    _open_the_way(merge)
    return merge


@transaction.atomic
def finish(*, merge: RecordMerge, by: User) -> None:
    """After its rows have moved: the record that went is closed, its links end, and waiting mail follows the one that stays."""
    stays, gone = merge.stays, merge.gone
    stays.took_in += 1
    gone.status = Patient.Status.MERGED
    _save_both(stays, gone)
    _close_the_way(merge)
    links.close_all(patient=gone, because=CLOSED, by=by)
    outbox.moved(messages=_moved_messages(merge), patient=stays, by=by)
    facts = {"merge": str(merge.ref), "rows": merge.moved.count()}
    audit.record("patient.merged", stays, by=by, gone=str(gone.ref), fields=sorted(merge.was), **facts)
    audit.record("patient.merged_into", gone, by=by, stays=str(stays.ref), **facts)


def refuse_undoing(merge: RecordMerge) -> None:
    """Raises DomainError where the two cannot be told apart any more, as far as this app knows."""
    stays = merge.stays
    if merge.undone_at is not None:
        raise DomainError("This merge was taken back already.")
    if stays.status != Patient.Status.ACTIVE:
        raise DomainError(f"The record of {stays.full_name} was closed since. Open it again first.")
    later = stays.taken_in.standing().filter(pk__gt=merge.pk).select_related("gone").first()
    if later is not None:
        raise DomainError(f"The record of {later.gone.full_name} was merged into this one later. Take that back first.")
    contact = [name for name in CONTACT if name in merge.became]
    if contact and _written(stays, contact) != {name: merge.became[name] for name in contact}:
        raise DomainError(
            "It cannot be taken back any more: how we may write to this patient was changed since, and nobody can say for"
            " which of the two records."
        )


@transaction.atomic
def begin_undoing(*, merge: RecordMerge, reason: str) -> None:
    """The way back is open for its rows. The caller has locked both records."""
    refuse_undoing(merge)
    if not reason.strip():
        raise DomainError("Write why these are two people after all.", field="reason")
    _open_the_way(merge)


@transaction.atomic
def finish_undoing(*, merge: RecordMerge, reason: str, by: User) -> None:
    """After its rows are back: two records as they were. What was corrected since the merge stays corrected."""
    stays, gone = merge.stays, merge.gone
    now = _written(stays, merge.was)
    for name, value in merge.was.items():
        if now[name] == merge.became[name]:
            setattr(stays, name, Patient._meta.get_field(name).to_python(value) if value is not None else None)
    stays.took_in -= 1
    gone.status = Patient.Status.ACTIVE
    merge.undone_at, merge.undone_by, merge.undone_reason = clock.now(), by, reason.strip()
    with explained():
        merge.save(update_fields=["undone_at", "undone_by", "undone_reason"])
    _save_both(stays, gone)
    _close_the_way(merge)
    # A link that went to her address since may be about a visit that is somebody else's now.
    links.close_all(patient=stays, because=TAKEN_BACK, by=by, made_after=merge.newest.get("patients_patientlink", 0))
    outbox.moved(messages=_moved_messages(merge), patient=gone, by=by)
    outbox.address_changed(patient=stays, by=by)
    audit.record("patient.merge_undone", stays, by=by, gone=str(gone.ref), merge=str(merge.ref))
    audit.record("patient.merge_undone", gone, by=by, stays=str(stays.ref), merge=str(merge.ref))


# ── Rows ──────────────────────────────────────────────────────────────────────


def newest_keys(models: Iterable[type[Model]], patients: Iterable[Patient]) -> dict[str, int]:
    """Table to the key of the last row that any of the patients has in it."""
    patients = list(patients)
    return {
        model._meta.db_table: model._default_manager.filter(patient__in=patients).aggregate(last=Max("pk"))["last"] or 0
        for model in models
    }


def move(*, merge: RecordMerge, rows: QuerySet, was: Mapping[int, dict] | None = None) -> int:
    """Rows of one kind go over to the record that stays, each on record. `was`: key to what else the caller changes of it.
    Returns how many."""
    keys = list(rows.filter(patient=merge.gone_id).order_by("pk").values_list("pk", flat=True))
    table, was = rows.model._meta.db_table, was or {}
    MovedRow.objects.bulk_create(MovedRow(merge=merge, table=table, key=key, was=was.get(key, {})) for key in keys)
    with explained():
        rows.model._default_manager.filter(pk__in=keys).update(patient=merge.stays_id)
    return len(keys)


def note(*, merge: RecordMerge, rows: Iterable[Model], was: Mapping[int, dict]) -> None:
    """Rows that stay where they are and that the caller has changed with the merge."""
    MovedRow.objects.bulk_create(
        MovedRow(merge=merge, table=row._meta.db_table, key=row.pk, went=False, was=was[row.pk]) for row in rows
    )


def move_back(*, merge: RecordMerge, model: type[Model]) -> None:
    """The rows of one kind that came with the merge return."""
    keys = merge.went(model)
    bring_over(merge=merge, rows=model._default_manager.filter(pk__in=keys))


def bring_over(*, merge: RecordMerge, rows: QuerySet) -> None:
    """Rows of the record that stays which belong to what returns: written since, and about nothing else."""
    with explained():
        rows.filter(patient=merge.stays_id).update(patient=merge.gone_id)


def _moved_messages(merge: RecordMerge) -> list[Message]:
    return list(Message.objects.filter(pk__in=merge.went(Message)).order_by("pk"))


def _open_the_way(merge: RecordMerge) -> None:
    this_transaction = Func(function="txid_current", output_field=BigIntegerField())
    RecordMerge.objects.filter(pk=merge.pk).update(moving_in=this_transaction)


def _close_the_way(merge: RecordMerge) -> None:
    RecordMerge.objects.filter(pk=merge.pk).update(moving_in=None)


def _save_both(stays: Patient, gone: Patient) -> None:
    """Both have changed for whoever has a form of them open. No screening of either counts any more: it was made of other facts,
    and one that came along must not meet the number it was made under by chance."""
    numbers = Patient.objects.filter(pk__in=[stays.pk, gone.pk]).values_list("facts_version", flat=True)
    facts_version = max(numbers) + 1
    for patient in (stays, gone):
        patient.version += 1
        patient.facts_version = facts_version
        with explained():
            patient.save()


def _written(patient: Patient, columns: Iterable[str]) -> dict[str, Any]:
    """Columns of a record as JSON keeps them, to the microsecond."""
    values = {name: getattr(patient, name) for name in columns}
    return {name: value.isoformat() if isinstance(value, (date, datetime)) else value for name, value in values.items()}
