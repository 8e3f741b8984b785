"""A patient has died, moved away, or was entered in error: her visits, courses and messages end with her record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import transaction

from clinic.errors import DomainError
from clinic.models import User
from patients.models import Patient, RecordClosing
from patients.services import closing
from treatments.appointments import services as appointments
from treatments.appointments.calls import services as calls
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.flows import courses
from treatments.plans import services as plans
from treatments.plans.models import NOT_ENDED, TreatmentPlan
from treatments.sessions.models import TreatmentSession

Why = RecordClosing.Why
# Who has moved away may come for one more visit; nobody else does.
MAY_KEEP_VISITS = (Why.MOVED_AWAY,)
WORDS = {Why.DECEASED: "Deceased", Why.MOVED_AWAY: "Moved away", Why.ENTERED_IN_ERROR: "Record entered in error"}


@dataclass(frozen=True)
class Ahead:
    """What hangs on a record that is to be closed."""

    visits: list[Appointment]
    courses: list[TreatmentPlan]
    waiting: int


def ahead_of(patient: Patient) -> Ahead:
    """Three queries."""
    return Ahead(
        visits=list(_coming(patient).select_related("clinician__user", "planned_session__plan")),
        courses=list(_courses(patient)),
        waiting=patient.waiting_entries.filter(ended_at=None).count(),
    )


@transaction.atomic
def close_record(
    *, patient: Patient, why: str, reason: str, by: User, on: date | None = None, keep: Collection[UUID] = ()
) -> RecordClosing:
    """Close a record with all that is ahead of it. `keep`: refs of visits that stay, of somebody who has moved away.

    A course stops with the last of its visits. Raises DomainError where she is in the building, where something was booked
    meanwhile, and where a record that was used is called an error; and what `closing.close` raises.
    """
    kept = set(keep) if why in MAY_KEEP_VISITS else set()
    for plan in _courses(patient):
        plans.locked(plan)
    _refuse_under_way(patient)
    if why == Why.ENTERED_IN_ERROR:
        _refuse_used(patient)
    _end_visits(patient, kept, said=WORDS[Why(why)], by=by)
    for entry in patient.waiting_entries.filter(ended_at=None).order_by("id"):
        calls.stop_waiting(entry=entry, reason=WORDS[Why(why)], by=by)
    closed = closing.close(patient=patient, why=why, reason=reason, on=on, by=by)
    # Who books holds the patient too: whatever was there before us is seen now, and whoever comes after us is refused.
    if _coming(patient).exclude(ref__in=kept).exists():
        raise DomainError("A visit was booked meanwhile. Look at the list again, then close the record.")
    return closed


def _end_visits(patient: Patient, kept: Collection[UUID], *, said: str, by: User) -> None:
    kept_visits = _coming(patient).filter(ref__in=kept, planned_session__isnull=False)
    going_on = set(kept_visits.values_list("planned_session__plan", flat=True))
    for plan in _courses(patient).exclude(pk__in=going_on):
        courses.stop_course(plan=plan, reason=said, by=by)
    # What the courses did not take along.
    for visit in _coming(patient).exclude(ref__in=kept):
        appointments.cancel(visit=visit, reason=said, by=by)


def _coming(patient: Patient):
    return patient.appointments.filter(status__in=COMING).select_related("planned_session").order_by("during")


def _courses(patient: Patient):
    return patient.plans.filter(status__in=NOT_ENDED).order_by("id")


def _refuse_under_way(patient: Patient) -> None:
    if patient.appointments.filter(status__in=PRESENT).exists():
        raise DomainError("A visit of today is under way. Finish or cancel it first.")
    if patient.sessions.filter(status=TreatmentSession.Status.OPEN).exists():
        raise DomainError("A session has begun. Finish or stop it at the chair first.")


def _refuse_used(patient: Patient) -> None:
    """What somebody was treated or has signed for belongs to somebody: such a record is merged with hers."""
    treated = patient.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR).exists()
    if treated or patient.consents.exists():
        raise DomainError(
            "Somebody was treated or has signed on this record, so it was meant for somebody. If she has another one, merge the"
            " two from the chart.",
            field="why",
        )
