"""The diary: booking, moving, cancelling, and the steps of a visit.

Lock order: clinic, plan, visit, clinician, room, device, patient, and last what the database keeps of taken times (see
`taken.models`: who writes several visits writes them in order of time). Whoever takes a place holds the clinic's rules first, so
that a change of them finds the visit or the visit finds the change. Whatever touches a visit of a course takes the course first,
so that its windows are worked out from days that nobody is changing.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.locks import not_for_long
from clinic.models import Clinic, User
from patients.models import Patient
from treatments.appointments import messages, missed
from treatments.appointments.by_patient import services as by_patient
from treatments.appointments.gates import (
    AlreadyBooked,
    OutsideWindow,
    SlotTaken,
    fixed_days,
    marks_to_ask,
    refuse_foreign,
    refuse_off_duty,
    refuse_past,
    refuse_somebody_elses,
    refuse_too_close,
)
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.overlaps.rules import allowed_reason, record_overlap, stands_beside
from treatments.appointments.places import LENGTHS, Place, at_slot, place_of
from treatments.appointments.taking import lock_place, save_in_place, take, take_instead
from treatments.appointments.working_time import duty
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol import lifecycle
from treatments.rules.policy import hold_rules

__all__ = [
    "LENGTHS", "AlreadyBooked", "OutsideWindow", "Place", "SlotTaken", "at_slot", "book", "cancel", "fixed_days",
    "free_session", "locked", "mark_no_show", "move", "move_back", "place_of", "step", "undo_step", "walk_in",
]  # fmt: skip
CLOSED = ("cancelled", "no_show")
# The step of a visit and the field that keeps when it was taken.
TIMES = {
    "confirmed": "confirmed_at",
    "arrived": "arrived_at",
    "numbing": "numbing_at",
    "in_room": "in_room_at",
    "done": "done_at",
    "cancelled": "closed_at",
    "no_show": "closed_at",
}


@transaction.atomic
def book(
    *,
    patient: Patient,
    kind: str,
    place: Place,
    by: User,
    planned_session: PlannedSession | None = None,
    overlap_reason: str = "",
) -> Appointment:
    """Put a visit into the diary and write its messages. A treatment holds a device, where the clinic has one in service.

    `overlap_reason`: why it may stand beside others at that time; only what really meets one keeps it, and only a clinician
    or a manager gives one. Nobody is ever in two visits at once, and no gate of the protocol is passed for it.

    Raises SlotTaken, OutsideWindow, NotPermitted (outcome table of the protocol), Busy, or DomainError with a sentence.
    """
    visit = put_down(
        patient=patient, kind=kind, place=place, by=by, planned_session=planned_session, overlap_reason=overlap_reason
    )
    messages.owe_for_booking(visit, by=by)
    return visit


@transaction.atomic
def walk_in(
    *, patient: Patient, kind: str, place: Place, by: User, planned_session: PlannedSession | None = None
) -> Appointment:
    """A visit of somebody who came without one: put down for today, and she has arrived. She is told at the desk, by no mail.

    Raises what `book` raises: a treatment passes the same gates and lies in the same window.
    """
    if place.day != clock.today(patient.clinic):
        raise DomainError("Whoever is here now is seen today. For another day book a visit.", field="day")
    visit = put_down(patient=patient, kind=kind, place=place, by=by, planned_session=planned_session, walked_in=True)
    return step(visit=visit, to="arrived", by=by)


@transaction.atomic
def put_down(
    *,
    patient: Patient,
    kind: str,
    place: Place,
    by: User,
    planned_session: PlannedSession | None = None,
    overlap_reason: str = "",
    walked_in: bool = False,
) -> Appointment:
    """The same, and nobody is told: who books several visits writes one message for all of them."""
    clinic = under_its_rules(patient.clinic)
    refuse_foreign(clinic, place, patient, planned_session)
    start = place.start(clinic)
    visit = Appointment(
        clinic=clinic,
        patient=patient,
        planned_session=planned_session,
        kind=kind,
        overlap_reason=allowed_reason(clinic, overlap_reason, by=by),
        walked_in=walked_in,
        booked_by=by,
    )
    plan = _locked_plan(planned_session.pk if planned_session else None)
    refuse_somebody_elses(patient, plan)
    place = lock_place(visit, place, start)
    others = stands_beside(visit, place, start)
    _refuse_then(visit, place, start)
    if kind == Appointment.Kind.TREATMENT:
        visit.to_ask = marks_to_ask(patient, planned_session, plan, place.day)
    take(visit, place, start)
    _reanchor(plan)
    audit.record("visit.booked", visit, by=by, day=place.day.isoformat(), kind=kind)
    record_overlap(visit, others, by=by)
    return visit


@transaction.atomic
def move(*, visit: Appointment, place: Place, by: User, overlap_reason: str = "") -> Appointment:
    """Give a visit another place. Its old messages are cancelled and new ones written; nothing else moves.

    A reason for an overlap was given for the place it had: it goes with that place, and another needs its own (see `book`).
    """
    return _move(visit, place, by=by, overlap_reason=allowed_reason(visit.clinic, overlap_reason, by=by))


def _move(visit: Appointment, place: Place, *, by: User, overlap_reason: str) -> Appointment:
    under_its_rules(visit.clinic)
    visit = locked(visit)
    if visit.status not in COMING:
        raise DomainError(f"This visit is {visit.get_status_display().lower()} and can no longer be moved.")
    refuse_foreign(visit.clinic, place, visit.patient, visit.planned_session)
    start = place.start(visit.clinic)
    visit.overlap_reason = overlap_reason
    plan, place = _plan_of(visit), lock_place(visit, place, start)
    others = stands_beside(visit, place, start)
    _refuse_then(visit, place, start)
    if visit.kind == Appointment.Kind.TREATMENT:
        visit.to_ask = marks_to_ask(visit.patient, visit.planned_session, plan, place.day, moving=visit)
    take_instead(visit, place, start, by=by)
    record_overlap(visit, others, by=by)
    _reanchor(plan)
    messages.owe_for_move(visit, by=by)
    return visit


def place_before(visit: Appointment) -> Place | None:
    """Where a visit was before its last move; None where it was not moved."""
    before = _before(visit)
    return None if before is None or place_of(before) == place_of(visit) else replace(place_of(before), device=None)


@transaction.atomic
def move_back(*, visit: Appointment, by: User) -> Appointment:
    """Undo the last move: the visit goes where it was before. Raises what `move` raises, so also SlotTaken."""
    under_its_rules(visit.clinic)
    visit = locked(visit)
    before = place_before(visit)
    if before is None:
        raise DomainError("This visit was not moved.")
    # Where it stood beside another on purpose, it does so again for the same reason.
    return _move(visit, before, by=by, overlap_reason=_before(visit).overlap_reason)


def _before(visit: Appointment):
    """The visit as it was before its last move."""
    moved = visit.events.filter(schedule_version=visit.schedule_version - 1, status__in=COMING)
    return moved.select_related("clinician__user", "clinician__clinic", "room", "device").order_by("-pgh_id").first()


@transaction.atomic
def cancel(*, visit: Appointment, reason: str, by: User) -> Appointment:
    """Take a visit out of the diary; it stays visible, struck. Its open messages are cancelled in the same transaction."""
    if not reason.strip():
        raise DomainError("Say why the visit is cancelled.", field="reason")
    return _close(locked(visit), "cancelled", reason=reason.strip(), by=by)


@transaction.atomic
def mark_no_show(*, visit: Appointment, by: User) -> Appointment:
    visit = locked(visit)
    if clock.now() < visit.during.lower:
        raise DomainError("This visit has not begun yet. Cancel it instead.")
    visit = _close(visit, "no_show", reason="Did not come", by=by)
    missed.is_missed(visit, by=by)
    return visit


@transaction.atomic
def step(*, visit: Appointment, to: str, by: User) -> Appointment:
    """Confirmed, arrived, numbing, in room, done: one step, with its time. Raises DomainError for a step out of order."""
    visit = locked(visit)
    if not lifecycle.can_move("appointment", visit.status, to):
        raise DomainError(f"This visit is {visit.get_status_display().lower()}; it cannot be {_label(to)} from there.")
    if to in ("arrived", "numbing", "in_room") and visit.day != clock.today(visit.clinic):
        raise DomainError("This visit is on another day. Move it to today first.")
    came_after_all = visit.status in CLOSED
    if came_after_all and visit.planned_session is not None:
        refuse_too_close(visit.patient, visit.planned_session.plan, visit.planned_session, visit.day)
    visit.status = to
    # She came after all: the visit is no longer closed, if its place is still free, and later windows hang on it again.
    visit.closed_at, visit.closed_reason = None, ""
    setattr(visit, TIMES[to], clock.now())
    save_in_place(visit, ["status", TIMES[to], "closed_at", "closed_reason"])
    if came_after_all:
        _reanchor(_plan_of(visit))
        missed.stands_again(visit, by=by)
    audit.record(f"visit.{to}", visit, by=by)
    return visit


@transaction.atomic
def undo_step(*, visit: Appointment, by: User) -> Appointment:
    """Back to the step before, where the status table allows it; its time is taken out again.

    A cancelled or missed visit takes its place back, with its messages, if a booking could be made there now. Raises
    SlotTaken where somebody else has it, else what `book` raises.
    """
    under_its_rules(visit.clinic)
    visit = locked(visit)
    back, undone = _step_before(visit), visit.status
    if back is None or not lifecycle.can_undo("appointment", undone, back):
        raise DomainError("This step can no longer be undone.")
    if undone in CLOSED:
        _refuse_to_restore(visit)
        visit.schedule_version += 1
    visit.status = back
    setattr(visit, TIMES[undone], None)
    visit.closed_reason = ""
    save_in_place(visit, ["status", TIMES[undone], "closed_reason", "schedule_version", "to_ask", "device"])
    if undone in CLOSED:
        _reanchor(_plan_of(visit))
        by_patient.after_restoring(visit, by=by)
        messages.owe_for_restoring(visit, by=by)
        missed.stands_again(visit, by=by)
    audit.record("visit.step_undone", visit, by=by, step=undone)
    return visit


@transaction.atomic
def free_session(*, visit: Appointment, by: User) -> Appointment:
    """The needling of a past visit does not count as its session: the visit stays done, the session is to book again."""
    visit = locked(visit)
    visit.session_counts = False
    visit.save(update_fields=["session_counts"])
    _reanchor(_plan_of(visit))
    audit.record("visit.session_freed", visit, by=by)
    return visit


def locked(visit: Appointment) -> Appointment:
    """The visit as it is now, under the lock of its course and its own: what every change to it begins with.

    Sessions open under the same lock of the course, so whoever holds it reads a settled answer to "has it begun?".
    Raises Busy after three seconds.
    """
    _locked_plan(visit.planned_session_id)
    [found] = locked_under_the_course([visit])
    return found


def locked_under_the_course(visits: Collection[Appointment]) -> list[Appointment]:
    """The same for visits of a course that is locked already."""
    rows = Appointment.objects.select_for_update(of=("self",)).select_related(
        "clinic", "patient__clinic", "planned_session__plan__clinic", "clinician__user", "clinician__clinic", "room", "device"
    )  # fmt: skip
    with not_for_long():
        return list(rows.filter(pk__in=[visit.pk for visit in visits]).order_by("pk"))


def under_its_rules(clinic: Clinic) -> Clinic:
    """The clinic with the rules as they are and stay until we are done. Raises Busy after three seconds."""
    with not_for_long():
        return hold_rules(clinic)


def _locked_plan(planned_session: int | None) -> TreatmentPlan | None:
    """The course of a planned session (its key), as it is now and stays until we are done."""
    if planned_session is None:
        return None
    plans_of = TreatmentPlan.objects.select_for_update(of=("self",)).select_related("clinic")
    with not_for_long():
        return plans_of.get(planned_sessions=planned_session)


def _refuse_then(visit: Appointment, place: Place, start: datetime) -> None:
    refuse_past(start, now=clock.now())
    refuse_off_duty(place, start, visit.planned_session, duty(visit.clinic, [place.clinician], [place.day]))


def _refuse_to_restore(visit: Appointment) -> None:
    """A cancelled or missed visit comes back only where it could be booked now. Sets what a booking would have set."""
    start = visit.during.lower
    place = lock_place(visit, replace(place_of(visit), device=None), start)
    if visit.status == Appointment.Status.CANCELLED:
        _refuse_then(visit, place, start)
    elif visit.day != clock.today(visit.clinic):
        raise DomainError("The day of this visit is over: it stays missed. Book another one instead.")
    if visit.kind == Appointment.Kind.TREATMENT:
        visit.to_ask = marks_to_ask(visit.patient, visit.planned_session, _plan_of(visit), visit.day, moving=visit)
    visit.device = place.device


def _plan_of(visit: Appointment) -> TreatmentPlan | None:
    return visit.planned_session.plan if visit.planned_session else None


def _reanchor(plan: TreatmentPlan | None) -> None:
    if plan is not None:
        plans.reanchor(plan=plan, fixed=fixed_days(plan))


def _close(visit: Appointment, to: str, *, reason: str, by: User) -> Appointment:
    if not lifecycle.can_move("appointment", visit.status, to):
        raise DomainError(f"This visit is {visit.get_status_display().lower()}; it cannot be {_label(to)} any more.")
    visit.status, visit.closed_at, visit.closed_reason = to, clock.now(), reason
    visit.schedule_version += 1
    with explained():
        visit.save(update_fields=["status", "closed_at", "closed_reason", "schedule_version"])
    _reanchor(_plan_of(visit))
    by_patient.after_closing(visit, by=by)
    messages.owe_for_closing(visit, by=by)
    audit.record(f"visit.{to}", visit, by=by)
    return visit


def _step_before(visit: Appointment) -> str | None:
    steps = ["booked", "confirmed", "arrived", "numbing", "in_room", "done"]
    if visit.status in CLOSED:
        return "confirmed" if visit.confirmed_at else "booked"
    if visit.status not in steps[1:]:
        return None
    earlier = steps[: steps.index(visit.status)]
    return next((s for s in reversed(earlier) if s == "booked" or getattr(visit, TIMES[s]) is not None), None)


def _label(status: str) -> str:
    return Appointment.Status(status).label.lower()
