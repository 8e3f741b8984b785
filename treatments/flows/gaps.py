"""A patient takes a free time: her visit is booked or moved there, the call is kept, and she waits no more."""

from uuid import UUID

from django.db import transaction

from clinic.errors import DomainError
from clinic.models import Clinic, User
from treatments.appointments import services as appointments
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.courses.services import OF_A_VISIT
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.offers import place_of_value
from treatments.appointments.places import LENGTHS, place_of
from treatments.flows import visits
from treatments.plans.models import PlannedSession


@transaction.atomic
def take(
    *,
    clinic: Clinic,
    planned_session: PlannedSession | None,
    waiting: WaitingEntry | None,
    visit_ref: UUID | None,
    value: str,
    hole: tuple,
    by: User,
) -> tuple[CallOutcome, Appointment]:
    """Book the place a form sent (`value`), or move the visit there, through the same gates as at the desk.

    Raises whatever `appointments.book` and `appointments.move` raise.
    """
    appointments.under_its_rules(clinic)
    if visit_ref is not None:
        visit = clinic.appointments.select_related(*OF_A_VISIT).get(ref=visit_ref)
        place = place_of_value(value, clinic=clinic, length=place_of(visit).length)
        visit = appointments.move(visit=visit, place=place, by=by)
    else:
        kind = Appointment.Kind.TREATMENT if planned_session is not None else Appointment.Kind(waiting.kind)
        patient = planned_session.plan.patient if planned_session is not None else waiting.patient
        place = place_of_value(value, clinic=clinic, length=LENGTHS[kind])
        visit = appointments.book(
            patient=patient,
            kind=kind,
            place=place,
            planned_session=planned_session,
            by=by,
        )
    if waiting is not None:
        calls.stop_waiting(entry=waiting, reason="Has an earlier place", by=by)
    about = planned_session if planned_session is not None else waiting
    made = calls.record(
        about=about,
        list_code="gap" if planned_session is not None else "waiting",
        outcome="booked",
        hole=hole,
        by=by,
    )
    return made, visit


@transaction.atomic
def give_back(*, outcome: CallOutcome, visit: Appointment, version: int, by: User) -> Appointment:
    """Undo `take`: the visit goes where it was, or is not booked after all; whoever waited waits again, with the same wishes.

    `version`: of the visit when it was taken. Raises DomainError where somebody has changed it since.
    """
    appointments.under_its_rules(outcome.clinic)
    visit = appointments.locked(visit)
    outcome = CallOutcome.objects.select_related("clinic", "patient__clinic", "by").get(pk=outcome.pk)
    if outcome.outcome != CallOutcome.Outcome.BOOKED or outcome.hole is None or outcome.taken_back_at is not None:
        raise DomainError("This was taken back already.")
    if (visit.patient_id, visit.schedule_version) != (outcome.patient_id, version) or visit.status not in COMING:
        raise DomainError("This visit was changed since. Open it to change it again.")
    # A visit that was moved there had another place before.
    if version == 1:
        visit = visits.cancel(visit=visit, reason=visits.BY_MISTAKE, by=by)
    else:
        visit = appointments.move_back(visit=visit, by=by)
    calls.take_back(outcome=outcome, by=by)
    # Everything that `take` wrote bears the moment of its transaction.
    entry = WaitingEntry.objects.filter(patient=outcome.patient, ended_at=outcome.said_at, ended_by=outcome.by).first()
    if entry is not None:
        calls.wait(
            patient=entry.patient,
            kind=entry.kind,
            planned_session=entry.planned_session,
            weekdays=entry.weekdays,
            from_time=entry.from_time,
            until_time=entry.until_time,
            clinician=entry.clinician,
            note=entry.note,
            by=by,
        )
    return visit
