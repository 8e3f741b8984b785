"""What came of a call, and the waiting list. Rows are added and taken back or ended, never changed.

Whoever was called is asked for by the row of the session, visit, course or wish; nothing of the diary is touched here.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Model

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from clinic.templatetags.clinic_ui import day as day_words
from patients.models import Patient
from treatments.appointments.calls.matters import TITLES, TOLD_BY_PATIENTS, outcomes_of, subject_of
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import weekly_hours
from treatments.plans.models import PlannedSession, TreatmentPlan

Outcome = CallOutcome.Outcome
# A call further away than this is no plan but a slip of the keyboard.
FURTHEST_CALL_BACK_DAYS = 365
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@transaction.atomic
def record(
    *,
    about: PlannedSession | Appointment | TreatmentPlan | WaitingEntry,
    list_code: str,
    outcome: str,
    by: User,
    note: str = "",
    call_back_on: date | None = None,
    call_back_at: time | None = None,
    hole: tuple[datetime, datetime] | None = None,
) -> CallOutcome:
    """Keep what came of a call made from a list. Raises DomainError with the field it belongs to.

    Who told us something is called back before the visit it is about, and only what is written on its own page ends it.
    """
    if list_code not in TITLES or subject_of(list_code) != _field_of(about):
        raise DomainError("This call belongs to another list. Open it from there again.")
    is_told = list_code in TOLD_BY_PATIENTS
    if is_told and outcome not in outcomes_of(list_code):
        raise DomainError("A call does not end this. Open what was said and settle it there.", field="outcome")
    patient = about.plan.patient if isinstance(about, PlannedSession) else about.patient
    if outcome == Outcome.CALL_BACK:
        _refuse_day(call_back_on, clinic=patient.clinic)
        if is_told and call_back_on > about.day:
            raise DomainError(f"The visit is on {day_words(about.day)}. Call back by then.", field="call_back_on")
    else:
        call_back_on = call_back_at = None
    if outcome == Outcome.STOP and not note.strip():
        raise DomainError("Say why nobody calls any more.", field="note")
    with explained():
        made = CallOutcome.objects.create(
            clinic=patient.clinic,
            patient=patient,
            list_code=list_code,
            outcome=outcome,
            note=note.strip(),
            call_back_on=call_back_on,
            call_back_at=call_back_at,
            hole=hole,
            visit_version=about.schedule_version if isinstance(about, Appointment) else None,
            by=by,
            **{_field_of(about): about},
        )
    audit.record("call.recorded", made, by=by, outcome=outcome, list=list_code)
    return made


@transaction.atomic
def take_back(*, outcome: CallOutcome, by: User) -> CallOutcome:
    """As if that call had not been made: the patient is on her list again, also after "not called any more"."""
    outcome = CallOutcome.objects.select_for_update().get(pk=outcome.pk)
    if outcome.taken_back_at is not None:
        raise DomainError("This was taken back already.")
    outcome.taken_back_at, outcome.taken_back_by = clock.now(), by
    outcome.save(update_fields=["taken_back_at", "taken_back_by"])
    audit.record("call.taken_back", outcome, by=by, outcome=outcome.outcome)
    return outcome


@transaction.atomic
def wait(
    *,
    patient: Patient,
    kind: str,
    by: User,
    planned_session: PlannedSession | None = None,
    weekdays: Iterable[int] = (),
    from_time: time | None = None,
    until_time: time | None = None,
    clinician: Membership | None = None,
    note: str = "",
) -> WaitingEntry:
    """Put a patient on the waiting list; other wishes than before end the entry that stands. Raises DomainError."""
    weekdays = sorted(set(weekdays))
    _refuse_waiting(patient, kind, planned_session, clinician)
    _refuse_wishes(patient.clinic, weekdays, from_time, until_time, clinician)
    _hold_patient(patient)
    standing = _standing(patient, kind, planned_session)
    if standing is not None:
        _end(standing, reason="Other wishes", by=by)
    with explained():
        entry = WaitingEntry.objects.create(
            clinic=patient.clinic,
            patient=patient,
            kind=kind,
            planned_session=planned_session,
            weekdays=weekdays,
            from_time=from_time,
            until_time=until_time,
            clinician=clinician,
            note=note.strip(),
            asked_by=by,
        )
    audit.record("waiting.added", entry, by=by, kind=kind)
    return entry


@transaction.atomic
def stop_waiting(*, entry: WaitingEntry, reason: str, by: User) -> WaitingEntry:
    """Take a patient off the waiting list."""
    entry = WaitingEntry.objects.select_for_update().get(pk=entry.pk)
    if entry.ended_at is not None:
        raise DomainError("This patient is no longer on the waiting list.")
    if not reason.strip():
        raise DomainError("Say why the patient no longer waits.", field="reason")
    return _end(entry, reason=reason.strip(), by=by)


def _hold_patient(patient: Patient) -> None:
    """Two desks at once: the one that comes second finds the entry of the first."""
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)


def _standing(patient: Patient, kind: str, planned: PlannedSession | None) -> WaitingEntry | None:
    return WaitingEntry.objects.filter(patient=patient, kind=kind, planned_session=planned, ended_at=None).first()


def _end(entry: WaitingEntry, *, reason: str, by: User) -> WaitingEntry:
    entry.ended_at, entry.ended_by, entry.ended_reason = clock.now(), by, reason
    with explained():
        entry.save(update_fields=["ended_at", "ended_by", "ended_reason"])
    audit.record("waiting.ended", entry, by=by)
    return entry


def _field_of(about: Model) -> str:
    fields = {PlannedSession: "planned_session", Appointment: "visit", TreatmentPlan: "plan", WaitingEntry: "waiting"}
    return fields[type(about)]


def _refuse_day(on: date | None, *, clinic: Clinic) -> None:
    today = clock.today(clinic)
    if on is None:
        raise DomainError("Choose the day to call back.", field="call_back_on")
    if on < today:
        raise DomainError("This day has passed. Choose today or a later one.", field="call_back_on")
    if on > today + timedelta(days=FURTHEST_CALL_BACK_DAYS):
        raise DomainError("Choose a day within the next year.", field="call_back_on")


def _refuse_waiting(patient: Patient, kind: str, planned: PlannedSession | None, clinician: Membership | None) -> None:
    if patient.status != Patient.Status.ACTIVE:
        raise DomainError("This record is closed. Nobody waits for a place.")
    if planned is not None and (planned.plan.patient_id != patient.pk or kind != Appointment.Kind.TREATMENT):
        raise DomainError("This session belongs to somebody else's course. Open it from the patient's own course.")
    if planned is not None and planned.plan.status != TreatmentPlan.Status.ACTIVE:
        raise DomainError("This course is not active: none of its sessions can be booked. Activate the plan first.")
    if clinician is not None and clinician.clinic_id != patient.clinic_id:
        raise DomainError("Choose a clinician of this clinic.", field="clinician")


def _refuse_wishes(
    clinic: Clinic, weekdays: list[int], from_time: time | None, until_time: time | None, clinician: Membership | None
) -> None:
    """Wishes that nobody could ever fulfil: refused now rather than waited for in vain."""
    if from_time and until_time and until_time <= from_time:
        raise DomainError("Choose a time until which that lies after the time from which.", field="until_time")
    hours = weekly_hours(clinic)
    rows = hours.get(clinician.pk, []) if clinician else [row for mine in hours.values() for row in mine]
    # Hours of single days come and go; a wish is weighed against the usual week.
    rows = [row for row in rows if row.on is None]
    on_days = [row for row in rows if not weekdays or row.weekday in weekdays]
    if rows and not on_days:
        named = " or ".join(WEEKDAYS[day - 1] for day in weekdays)
        never = f"{clinician} does not work" if clinician else "Nobody works"
        raise DomainError(f"{never} on {named}. Choose another day.", field="weekdays")
    begins, ends = from_time or time.min, until_time or time.max
    if on_days and not any(row.starts < ends and begins < row.ends for row in on_days):
        raise DomainError("Nobody works then. Choose other times.", field="from_time")
