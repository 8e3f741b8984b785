"""The diary: booking, moving, cancelling, and the steps of a visit. Lock order: plan, clinician, room, device, patient."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from django.db import connection, transaction

from clinic import audit, clock
from clinic.errors import Busy, ConstraintRefused, DomainError, explained
from clinic.models import Clinic, Membership, Room, User
from patients.models import Patient
from treatments.appointments import messages
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.appointments.working_time import working_stretches
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol import lifecycle
from treatments.protocol.catalogue import load
from treatments.protocol.screening import PERMITS
from treatments.protocol.wording import desk_sentence
from treatments.rules.models import Device
from treatments.scheduling.free_time import holds
from treatments.scheduling.slots import VisitLength
from treatments.screenings import services as screenings
from treatments.screenings.services import NotPermitted

LENGTHS = {
    Appointment.Kind.TREATMENT: VisitLength(prep_minutes=30, treat_minutes=30, turnover_minutes=10),
    Appointment.Kind.CONSULTATION: VisitLength(prep_minutes=0, treat_minutes=30, turnover_minutes=0),
    Appointment.Kind.REVIEW: VisitLength(prep_minutes=0, treat_minutes=20, turnover_minutes=0),
}
TAKEN = {"appointment_room_free", "appointment_clinician_free", "appointment_device_free", "appointment_patient_free"}
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


class SlotTaken(DomainError):
    """Somebody was faster. The view offers the nearest free times."""


class OutsideWindow(DomainError):
    """The day is not one on which this session may be."""


class AlreadyBooked(DomainError):
    """This session of the course has a visit: somebody booked it in between."""


@dataclass(frozen=True)
class Place:
    """Where and when a visit is meant to be, in the clinic's wall time."""

    day: date
    starts_at: time
    clinician: Membership
    room: Room
    length: VisitLength
    fold: int | None = None
    device: Device | None = None

    def start(self, clinic: Clinic) -> datetime:
        return clock.resolve(self.day, self.starts_at, clinic.tz, fold=self.fold, field="starts_at")

    def words(self) -> str:
        return f"{self.day:%a} {self.day.day} {self.day:%b}, {self.starts_at:%H:%M}"


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
    """Put a visit into the diary and write its messages.

    Raises SlotTaken, OutsideWindow, NotPermitted (outcome table of the protocol), Busy, or DomainError with a sentence.
    """
    clinic = patient.clinic
    _refuse_foreign(clinic, place, patient, planned_session)
    plan = _lock(plan=planned_session.plan if planned_session else None, place=place, patient=patient)
    start = place.start(clinic)
    _refuse_past(start)
    _refuse_off_duty(place, start)
    to_ask = False
    if kind == Appointment.Kind.TREATMENT:
        planned_session = _bookable(planned_session, plan)
        is_late = _refuse_outside_window(planned_session, plan, place.day)
        to_ask = _permitted_on(patient, place.day) or is_late
    visit = Appointment(
        clinic=clinic,
        patient=patient,
        planned_session=planned_session,
        kind=kind,
        overlap_reason=overlap_reason.strip(),
        to_ask=to_ask,
        booked_by=by,
    )
    _take(visit, place, start)
    if plan is not None:
        plans.reanchor(plan=plan, fixed=fixed_days(plan))
    messages.owe_for_booking(visit, by=by)
    audit.record("visit.booked", visit, by=by, day=place.day.isoformat(), kind=kind)
    return visit


@transaction.atomic
def move(*, visit: Appointment, place: Place, by: User) -> Appointment:
    """Give a visit another place. Its old messages are cancelled and new ones written; nothing else moves."""
    plan = _lock(plan=visit.planned_session.plan if visit.planned_session else None, place=place, patient=visit.patient)
    visit = _locked(visit)
    if visit.status not in COMING:
        raise DomainError(f"This visit is {visit.get_status_display().lower()} and can no longer be moved.")
    _refuse_foreign(visit.clinic, place, visit.patient, visit.planned_session)
    start = place.start(visit.clinic)
    _refuse_past(start)
    _refuse_off_duty(place, start)
    if visit.kind == Appointment.Kind.TREATMENT:
        is_late = _refuse_outside_window(visit.planned_session, plan, place.day, moving=visit)
        visit.to_ask = _permitted_on(visit.patient, place.day) or is_late
    before = visit.day
    visit.schedule_version += 1
    visit.status, visit.confirmed_at = "booked", None
    _take(visit, place, start)
    if plan is not None:
        plans.reanchor(plan=plan, fixed=fixed_days(plan))
    messages.owe_for_move(visit, by=by)
    audit.record("visit.moved", visit, by=by, from_day=before.isoformat(), to_day=place.day.isoformat())
    return visit


@transaction.atomic
def move_back(*, visit: Appointment, by: User) -> Appointment:
    """Undo the last move: the visit goes where it was before. Raises what `move` raises, so also SlotTaken."""
    before = (
        visit.events.filter(schedule_version=visit.schedule_version - 1, status__in=COMING)
        .select_related("clinician__user", "clinician__clinic", "room", "device")
        .order_by("-pgh_id")
        .first()
    )
    if before is None or place_of(before) == place_of(visit):
        raise DomainError("This visit was not moved.")
    return move(visit=visit, place=place_of(before), by=by)


@transaction.atomic
def cancel(*, visit: Appointment, reason: str, by: User) -> Appointment:
    """Take a visit out of the diary; it stays visible, struck. Its open messages are cancelled in the same transaction."""
    if not reason.strip():
        raise DomainError("Say why the visit is cancelled.", field="reason")
    return _close(visit, "cancelled", reason=reason.strip(), by=by)


@transaction.atomic
def mark_no_show(*, visit: Appointment, by: User) -> Appointment:
    if clock.now() < visit.during.lower:
        raise DomainError("This visit has not begun yet. Cancel it instead.")
    return _close(visit, "no_show", reason="Did not come", by=by)


@transaction.atomic
def step(*, visit: Appointment, to: str, by: User) -> Appointment:
    """Confirmed, arrived, numbing, in room, done: one step, with its time. Raises DomainError for a step out of order."""
    visit = _locked(visit)
    if not lifecycle.can_move("appointment", visit.status, to):
        raise DomainError(f"This visit is {visit.get_status_display().lower()}; it cannot be {_label(to)} from there.")
    if to in ("arrived", "numbing", "in_room") and visit.day != clock.today(visit.clinic):
        raise DomainError("This visit is on another day. Move it to today first.")
    visit.status = to
    # She came after all: the visit is no longer closed, if its place is still free.
    visit.closed_at, visit.closed_reason = None, ""
    setattr(visit, TIMES[to], clock.now())
    _save_in_place(visit, ["status", TIMES[to], "closed_at", "closed_reason"])
    audit.record(f"visit.{to}", visit, by=by)
    return visit


@transaction.atomic
def undo_step(*, visit: Appointment, by: User) -> Appointment:
    """Back to the step before, where the status table allows it; its time is taken out again.

    A cancelled or missed visit takes its place back, with its messages. Raises SlotTaken where somebody else has it.
    """
    visit = _locked(visit)
    back = _step_before(visit)
    if back is None or not lifecycle.can_undo("appointment", visit.status, back):
        raise DomainError("This step can no longer be undone.")
    undone = visit.status
    visit.status = back
    setattr(visit, TIMES[undone], None)
    visit.closed_reason = ""
    if undone in CLOSED:
        visit.schedule_version += 1
    _save_in_place(visit, ["status", TIMES[undone], "closed_reason", "schedule_version"])
    if undone in CLOSED:
        if visit.planned_session is not None:
            plans.reanchor(plan=visit.planned_session.plan, fixed=fixed_days(visit.planned_session.plan))
        messages.owe_for_restoring(visit, by=by)
    audit.record("visit.step_undone", visit, by=by, step=undone)
    return visit


@transaction.atomic
def free_session(*, visit: Appointment, by: User) -> Appointment:
    """The needling of a past visit does not count as its session: the visit stays done, the session is to book again."""
    visit = _locked(visit)
    visit.session_counts = False
    visit.save(update_fields=["session_counts"])
    plans.reanchor(plan=visit.planned_session.plan, fixed=fixed_days(visit.planned_session.plan))
    audit.record("visit.session_freed", visit, by=by)
    return visit


def fixed_days(plan: TreatmentPlan) -> dict[int, date]:
    """Session number to the day it is booked for or was done."""
    booked = Appointment.objects.filter(planned_session__plan=plan, status__in=BLOCKING, session_counts=True)
    return dict(booked.values_list("planned_session__number", "day"))


def place_of(visit: Appointment) -> Place:
    return Place(
        day=visit.day,
        starts_at=visit.starts_at,
        clinician=visit.clinician,
        room=visit.room,
        length=VisitLength(visit.prep_minutes, visit.treat_minutes, visit.turnover_minutes),
        fold=visit.fold,
        device=visit.device,
    )


def at_slot(place: Place, *, start: datetime, clinician: Membership, room: Room) -> Place:
    """The same visit at another moment, with its wall time and which of two equal wall times it is."""
    local = start.astimezone(clinician.clinic.tz)
    return replace(
        place, day=local.date(), starts_at=local.time().replace(fold=0), fold=local.fold, clinician=clinician, room=room
    )


def _lock(*, plan: TreatmentPlan | None, place: Place, patient: Patient) -> TreatmentPlan | None:
    """Rows in the fixed order; waiting longer than three seconds is answered, not endured."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '3s'")
    with explained():
        if plan is not None:
            plan = TreatmentPlan.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=plan.pk)
        Membership.objects.select_for_update(no_key=True).get(pk=place.clinician.pk)
        Room.objects.select_for_update(no_key=True).get(pk=place.room.pk)
        if place.device is not None:
            Device.objects.select_for_update(no_key=True).get(pk=place.device.pk)
        Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    return plan


def _locked(visit: Appointment) -> Appointment:
    return (
        Appointment.objects.select_for_update(of=("self",))
        .select_related(
            "clinic",
            "patient__clinic",
            "planned_session__plan",
            "clinician__user",
            "clinician__clinic",
            "room",
            "device",
        )
        .get(pk=visit.pk)
    )


def _take(visit: Appointment, place: Place, start: datetime) -> None:
    held = place.length.stretches(start)
    visit.day, visit.starts_at, visit.zone = place.day, place.starts_at, visit.clinic.zone
    visit.fold = start.astimezone(visit.clinic.tz).fold
    visit.clinician, visit.room, visit.device = place.clinician, place.room, place.device
    visit.prep_minutes, visit.treat_minutes = place.length.prep_minutes, place.length.treat_minutes
    visit.turnover_minutes = place.length.turnover_minutes
    visit.during, visit.clinician_during, visit.room_during = (
        tuple(held.patient),
        tuple(held.clinician),
        tuple(held.room),
    )
    _save_in_place(visit)
    visit.refresh_from_db(fields=["during", "clinician_during", "room_during"])


def _save_in_place(visit: Appointment, fields: list[str] | None = None) -> None:
    """Save a visit that takes its place in the diary. Raises SlotTaken where the database says somebody has it."""
    words = place_of(visit).words()
    try:
        with explained(), transaction.atomic():
            visit.save(update_fields=fields)
    except ConstraintRefused as refusal:
        if refusal.code in TAKEN:
            raise SlotTaken(f"Just taken: {words}. {refusal.sentence}", code=refusal.code) from refusal
        if refusal.code == "planned_session_booked_once":
            raise AlreadyBooked(refusal.sentence, code=refusal.code) from refusal
        raise
    except Busy as refusal:
        raise SlotTaken(f"Just taken: {words}.", code="busy") from refusal


def _bookable(planned_session: PlannedSession | None, plan: TreatmentPlan | None) -> PlannedSession:
    if planned_session is None or plan is None:
        raise DomainError("A treatment belongs to a session of a course. Book it from the course.")
    if plan.status != "active":
        raise DomainError("This course is not active. Activate the plan before booking its sessions.")
    return PlannedSession.objects.get(pk=planned_session.pk)


def _refuse_foreign(clinic: Clinic, place: Place, patient: Patient, planned: PlannedSession | None) -> None:
    """Faults of a caller that no person can make in a form, but a script can."""
    if place.clinician.clinic_id != clinic.pk or place.room.clinic_id != clinic.pk:
        raise DomainError("Choose a clinician and a room of this clinic.")
    if planned is not None and planned.plan.patient_id != patient.pk:
        raise DomainError("This session belongs to somebody else's course. Book it from the patient's own course.")


def _refuse_past(start: datetime) -> None:
    if start < clock.now():
        raise DomainError("This time has passed. Choose a later one.", field="starts_at")


def _refuse_off_duty(place: Place, start: datetime) -> None:
    if not place.clinician.is_active or not place.clinician.sees_patients:
        raise DomainError(f"{place.clinician} does not see patients here. Choose another clinician.", field="clinician")
    if not place.room.in_service:
        raise DomainError(f"{place.room} is out of service. Choose another room.", field="room")
    working = working_stretches(place.clinician, place.day)
    if not holds(working, place.length.stretches(start).clinician):
        hours = ", ".join(f"{_wall(s.start, place)} to {_wall(s.end, place)}" for s in working) or "not at all that day"
        raise DomainError(f"{place.clinician} works {hours}. Choose another time or clinician.", field="starts_at")


def _wall(moment: datetime, place: Place) -> str:
    return f"{moment.astimezone(place.clinician.clinic.tz):%H:%M}"


def _refuse_outside_window(
    planned: PlannedSession, plan: TreatmentPlan, day: date, *, moving: Appointment | None = None
) -> bool:
    """Raises OutsideWindow or AlreadyBooked; True where the day is late and a clinician looks again first."""
    if day < planned.earliest_on:
        raise OutsideWindow(
            f"Not before {_words(planned.earliest_on)}: the shortest interval of this course.", field="day"
        )
    last_on = last_day_for(planned, plan, today=clock.today(plan.clinic))
    if day > last_on:
        way_out = (
            "Ask a clinician to assess and plan again." if last_on > planned.latest_on else "Choose an earlier day."
        )
        raise OutsideWindow(
            f"Not after {_words(last_on)}: the window of this session ends then. {way_out}", field="day"
        )
    for number, other in fixed_days(plan).items():
        if number == planned.number and moving is None:
            raise AlreadyBooked(f"This session of the course is already booked for {_words(other)}.")
        if number < planned.number and (day - other).days < plan.floor_days:
            raise OutsideWindow(
                f"Session {number} is on {_words(other)}: at least {plan.floor_days} days lie between two.", field="day"
            )
        if number > planned.number and (other - day).days < plan.floor_days:
            raise OutsideWindow(
                f"Session {number} is booked for {_words(other)}: at least {plan.floor_days} days lie between two. Move that one first.",
                field="day",
            )
    return day > planned.latest_on


def last_day_for(planned: PlannedSession, plan: TreatmentPlan, *, today: date) -> date:
    """The last day a session may be booked for: the end of its window while that is open.

    Once it has closed the series may still go on (the protocol: late until a new baseline is due).
    """
    if today <= planned.latest_on:
        return planned.latest_on
    anchor = planned.latest_on - timedelta(days=plan.latest_days)
    return max(planned.latest_on, anchor + timedelta(days=load().interval.new_baseline_after_days))


def _permitted_on(patient: Patient, day: date) -> bool:
    """Screen for that date; True when it may be booked but a question is open."""
    screening = screenings.look(patient, on=day, purpose="booking")
    if not PERMITS[screening.outcome].book:
        raise NotPermitted(f"{desk_sentence(screening, load())}.", screening=screening, field="day")
    return screening.outcome == "ask"


def _close(visit: Appointment, to: str, *, reason: str, by: User) -> Appointment:
    visit = _locked(visit)
    if not lifecycle.can_move("appointment", visit.status, to):
        raise DomainError(f"This visit is {visit.get_status_display().lower()}; it cannot be {_label(to)} any more.")
    visit.status, visit.closed_at, visit.closed_reason = to, clock.now(), reason
    visit.schedule_version += 1
    visit.save(update_fields=["status", "closed_at", "closed_reason", "schedule_version"])
    if visit.planned_session is not None:
        plans.reanchor(plan=visit.planned_session.plan, fixed=fixed_days(visit.planned_session.plan))
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


def _words(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
