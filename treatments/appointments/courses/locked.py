"""A course under lock, with everything its visits take or leave: what booking or moving several of them begins with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, FilteredRelation, IntegerField, Q, QuerySet

from clinic.locks import not_for_long
from clinic.models import ClinicNow, Membership, Room
from clinic.statements import Given, Statement, among
from patients.models import Patient
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.gates import refuse_closed
from treatments.appointments.models import BLOCKING
from treatments.appointments.places import Place
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.rules.models import Device
from treatments.rules.policy import hold_rules

KEYS = ArrayField(IntegerField())


@cache
def _locking() -> dict[str, Statement]:
    """What is locked, in the one order: two courses that meet in two places would else wait for each other."""
    plan, clinic = Given("plan", IntegerField()), Given("clinic", IntegerField())
    devices = Device.objects.filter(Q(in_service=True) | Q(among("pk", Given("devices", KEYS))), clinic=clinic)
    rows = {
        "plan": TreatmentPlan.objects.filter(pk=plan).select_for_update(),
        "people": _by_key(Membership.objects.select_related("user").filter(among("pk", Given("people", KEYS)))),
        "rooms": _by_key(Room.objects.filter(among("pk", Given("rooms", KEYS)))),
        "devices": _by_key(devices),
        "patient": _by_key(Patient.objects.filter(plans=plan)),
        "sessions": _with_their_days(PlannedSession.objects.filter(plan=plan)).select_for_update(of=("self",)),
    }
    return {name: Statement(each) for name, each in rows.items()}


def _by_key(rows: QuerySet) -> QuerySet:
    return rows.order_by("pk").select_for_update(no_key=True, of=("self",))


def _with_their_days(sessions: QuerySet[PlannedSession]) -> QuerySet[PlannedSession]:
    """By number, each with the day it is booked for or was done (`taken_on`), as `gates.fixed_days` says it; and the moment."""
    counts = Q(appointments__session_counts=True, appointments__status__in=BLOCKING)
    with_visit = sessions.annotate(visit=FilteredRelation("appointments", condition=counts))
    return with_visit.annotate(taken_on=F("visit__day"), now=ClinicNow()).order_by("number")


@cache
def _holds_in_the_way() -> Statement:
    is_over = Q(expires_at__lte=ClinicNow())
    holds = CourseHold.objects.filter(
        Q(plan=Given("plan", IntegerField())) | is_over, clinic=Given("clinic", IntegerField())
    )
    return Statement(holds.select_related("held_by").annotate(is_over=is_over))


@dataclass(frozen=True)
class LockedCourse:
    """A course, and by their keys who and what its visits take or leave: as they are now, until our transaction ends."""

    plan: TreatmentPlan
    people: Mapping[int, Membership]
    rooms: Mapping[int, Room]
    # Those that are named, and all in service: which of them a visit gets is settled when it is let in.
    devices: Mapping[int, Device]
    # By number.
    sessions: list[PlannedSession]
    # Session number to the day it is booked for or was done; who books or moves some keeps it so.
    taken: dict[int, date]
    # Who keeps places for this course at this moment.
    held: CourseHold | None
    now: datetime


def lock(plan: TreatmentPlan, places: Collection[Place], *, books: bool = True) -> LockedCourse:
    """Everything the visits of a course will hold or leave, before the first of them. `books`: a visit that she does not have
    yet is among them. Raises Busy after three seconds, and DomainError where her record is closed."""
    asked = {
        "clinic": plan.clinic_id,
        "plan": plan.pk,
        "people": list({place.clinician.pk for place in places}),
        "rooms": list({place.room.pk for place in places}),
        "devices": [place.device.pk for place in places if place.device is not None],
    }
    with not_for_long():
        clinic = hold_rules(plan.clinic)
        rows = {name: statement.rows(**asked) for name, statement in _locking().items()}
        held = _clear_away(plan)
    [plan], [patient], sessions = rows["plan"], rows["patient"], rows["sessions"]
    refuse_closed(patient, is_new=books)
    plan.clinic = patient.clinic = clinic
    plan.patient = patient
    for person in rows["people"]:
        if person.clinic_id == clinic.pk:
            person.clinic = clinic
    return LockedCourse(
        plan=plan,
        people={person.pk: person for person in rows["people"]},
        rooms={room.pk: room for room in rows["rooms"]},
        devices={device.pk: device for device in rows["devices"]},
        sessions=sessions,
        taken={session.number: session.taken_on for session in sessions if session.taken_on is not None},
        held=held,
        now=sessions[0].now,
    )


def _clear_away(plan: TreatmentPlan) -> CourseHold | None:
    """Holds that are over hold nothing; they only stand in the way of the constraint. Returns the one of this course that is
    not over."""
    holds = _holds_in_the_way().rows(clinic=plan.clinic_id, plan=plan.pk)
    if over := [hold.pk for hold in holds if hold.is_over]:
        CourseHold.objects.filter(pk__in=over).delete()
    return next((hold for hold in holds if not hold.is_over), None)
