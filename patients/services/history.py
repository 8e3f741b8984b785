"""What they told us: answers are only added, medicines and allergies also end or turn out to be wrong."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import User
from patients.models import Allergy, HistoryAnswer, MedicationStatement, Patient

ANSWER_KEYS = frozenset({"code", "value", "on", "detail", "note"})
# Who is told of every medicine that is recorded, stopped or struck out, with `medication` and `by`; see `after_every_medicine`.
_told_of_medicines: list[Callable[..., None]] = []


def after_every_medicine(told: Callable[..., None]) -> None:
    """Called with `medication` and `by` in the transaction that writes. Registered by the owner in AppConfig.ready()."""
    if told not in _told_of_medicines:
        _told_of_medicines.append(told)


@transaction.atomic
def record_answers(
    *, patient: Patient, answers: Iterable[Mapping], answered_on: date, via: HistoryAnswer.Via | str, by: User | None
) -> list[HistoryAnswer]:
    """Add answers, each `{"code", "value"}` with `on` (a day), `detail` and `note` where there is something to say.

    Which codes exist and what they mean is the protocol's business; whoever calls has asked it. `by` is empty only
    where the patient answered for herself. Returns the rows in the order given.
    """
    if by is None and via != HistoryAnswer.Via.PATIENT:
        raise TypeError("an answer taken by staff says who took it")
    patient = _locked(patient)
    rows = [_answer(patient, given, answered_on=answered_on, via=via, by=by) for given in answers]
    with explained():
        HistoryAnswer.objects.bulk_create(rows)
    if rows:
        audit.record("history.answered", patient, by=by, system=by is None, via=str(via), answers=len(rows))
    return rows


def _answer(patient: Patient, given: Mapping, **common) -> HistoryAnswer:
    unknown = given.keys() - ANSWER_KEYS
    if unknown:
        raise TypeError(f"not part of an answer: {sorted(unknown)}")
    return HistoryAnswer(
        patient=patient,
        code=given["code"],
        value=given["value"],
        on=given.get("on"),
        detail=given.get("detail") or "",
        note=given.get("note") or "",
        answered_on=common["answered_on"],
        via=common["via"],
        recorded_by=common["by"],
    )


@transaction.atomic
def record_medication(
    *,
    patient: Patient,
    kind: str,
    name: str,
    prescribed: bool,
    by: User,
    started_on: date | None = None,
    stopped_on: date | None = None,
    note: str = "",
) -> MedicationStatement:
    """A medicine she takes or took. Without `stopped_on` it counts as still taken."""
    patient = _locked(patient)
    _refuse_impossible_days(patient, started_on=started_on, stopped_on=stopped_on)
    medication = MedicationStatement(
        patient=patient,
        kind=kind,
        name=name,
        prescribed=prescribed,
        started_on=started_on,
        stopped_on=stopped_on,
        note=note,
        recorded_by=by,
    )
    return _told(_saved(medication, "medication.recorded", by=by), by)


@transaction.atomic
def stop_medication(*, medication: MedicationStatement, stopped_on: date, by: User) -> MedicationStatement:
    """The day of the last dose. Washouts count from it."""
    patient = _locked(medication.patient)
    medication = _current(MedicationStatement, medication)
    if medication.stopped_on is not None:
        raise DomainError("This medicine already has a last day. If that day is wrong, mark the entry as an error.")
    _refuse_impossible_days(patient, started_on=medication.started_on, stopped_on=stopped_on)
    medication.stopped_on = stopped_on
    return _told(_saved(medication, "medication.stopped", by=by, fields=["stopped_on"]), by)


@transaction.atomic
def mark_medication_in_error(*, medication: MedicationStatement, reason: str, by: User) -> MedicationStatement:
    """It should never have been written down. It stays to be seen, struck out, and counts for nothing."""
    _locked(medication.patient)
    marked = _marked_in_error(_current(MedicationStatement, medication), "medication.entered_in_error", reason, by)
    return _told(marked, by)


@transaction.atomic
def record_allergy(
    *, patient: Patient, substance: str, by: User, reaction: str = "", noted_on: date | None = None
) -> Allergy:
    """`noted_on` is the day she told us: today where nothing else is said."""
    patient = _locked(patient)
    today = clock.today(patient.clinic)
    if noted_on and noted_on > today:
        raise DomainError("This day is still to come. Write the day you were told.", field="noted_on")
    allergy = Allergy(
        patient=patient, substance=substance, reaction=reaction, noted_on=noted_on or today, recorded_by=by
    )
    return _saved(allergy, "allergy.recorded", by=by)


@transaction.atomic
def mark_allergy_in_error(*, allergy: Allergy, reason: str, by: User) -> Allergy:
    _locked(allergy.patient)
    return _marked_in_error(_current(Allergy, allergy), "allergy.entered_in_error", reason, by)


def _locked(patient: Patient) -> Patient:
    """The patient's row first, always: the trigger that raises her facts_version ends there, and so does the session's."""
    return Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=patient.pk)


def _current(model, row):
    row = model.objects.select_for_update(of=("self",)).select_related("patient__clinic").get(pk=row.pk)
    if row.entered_in_error:
        raise DomainError("This entry was already marked as an error. It stays as it is.")
    return row


def _marked_in_error(row, action: str, reason: str, by: User):
    if not reason.strip():
        raise DomainError("Say what was wrong, in a few words.", field="reason")
    row.entered_in_error = True
    row.error_reason = reason
    return _saved(row, action, by=by, fields=["entered_in_error", "error_reason"])


def _saved(row, action: str, *, by: User, fields: list[str] | None = None):
    with explained():
        row.save(update_fields=fields)
    audit.record(action, row, by=by, clinic=row.patient.clinic, patient=str(row.patient.ref))
    return row


def _told(medication: MedicationStatement, by: User) -> MedicationStatement:
    for told in _told_of_medicines:
        told(medication=medication, by=by)
    return medication


def _refuse_impossible_days(patient: Patient, *, started_on: date | None, stopped_on: date | None) -> None:
    today = clock.today(patient.clinic)
    if started_on and started_on > today:
        raise DomainError("This day is still to come. Write the day it was begun.", field="started_on")
    if stopped_on and stopped_on > today:
        raise DomainError("This day is still to come. Write it down once the last dose is taken.", field="stopped_on")
    if started_on and stopped_on and stopped_on < started_on:
        raise DomainError("The last day is before the first one.", field="stopped_on")
