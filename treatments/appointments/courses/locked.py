"""A course under lock, with everything its visits take or leave: what booking or moving several of them begins with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from clinic.locks import not_for_long
from clinic.models import Membership, Room, User
from clinic.rows import Select
from patients.models import Patient
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.models import BLOCKING_IN_SQL
from treatments.appointments.places import Place
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.rules.models import Device
from treatments.rules.policy import hold_rules

PLAN = Select(
    "course_to_lock", "SELECT {plan} FROM treatments_treatmentplan plan WHERE plan.id = %(plan)s FOR UPDATE", plan=TreatmentPlan
)  # fmt: skip
PEOPLE = Select(
    "people_to_lock",
    """
    SELECT {person}, {account} FROM clinic_membership person JOIN clinic_user account ON account.id = person.user_id
    WHERE person.id = ANY(%(keys)s::bigint[]) ORDER BY person.id FOR NO KEY UPDATE OF person
    """,
    person=Membership,
    account=User,
)
ROOMS = Select(
    "rooms_to_lock",
    "SELECT {room} FROM clinic_room room WHERE room.id = ANY(%(keys)s::bigint[]) ORDER BY room.id FOR NO KEY UPDATE",
    room=Room,
)
DEVICES = Select(
    "devices_to_lock",
    """
    SELECT {device} FROM treatments_device device
    WHERE device.clinic_id = %(clinic)s AND (device.in_service OR device.id = ANY(%(named)s::bigint[]))
    ORDER BY device.id FOR NO KEY UPDATE
    """,
    device=Device,
)
PATIENT = Select(
    "patient_to_lock",
    "SELECT {patient} FROM patients_patient patient WHERE patient.id = %(patient)s FOR NO KEY UPDATE",
    patient=Patient,
)
# Each session with the day it is booked for or was done, as `gates.fixed_days` says it.
SESSIONS = Select(
    "sessions_to_lock",
    f"""
    SELECT {{session}}, visit.day, clinic_now() FROM treatments_plannedsession session
    LEFT JOIN treatments_appointment visit ON visit.planned_session_id = session.id AND visit.session_counts
        AND visit.status IN ({BLOCKING_IN_SQL})
    WHERE session.plan_id = %(plan)s ORDER BY session.number FOR UPDATE OF session
    """,  # noqa: S608  a constant of ours
    session=PlannedSession,
)
HOLDS = Select(
    "holds_in_the_way",
    """
    SELECT {hold}, {holder}, hold.expires_at <= clinic_now() FROM treatments_coursehold hold
    JOIN clinic_user holder ON holder.id = hold.held_by_id
    WHERE hold.clinic_id = %(clinic)s AND (hold.plan_id = %(plan)s OR hold.expires_at <= clinic_now())
    """,
    hold=CourseHold,
    holder=User,
)


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


def lock(plan: TreatmentPlan, places: Collection[Place]) -> LockedCourse:
    """Everything the visits of a course will hold or leave, in the one order, before the first of them: two courses that
    meet in two places would else wait for each other. Raises Busy after three seconds."""
    named = [place.device.pk for place in places if place.device is not None]
    with not_for_long():
        clinic = hold_rules(plan.clinic)
        [(plan,)] = PLAN.fetch(plan=plan.pk)
        people = PEOPLE.fetch(keys=list({place.clinician.pk for place in places}))
        rooms = ROOMS.fetch(keys=list({place.room.pk for place in places}))
        devices = DEVICES.fetch(clinic=clinic.pk, named=named)
        [(patient,)] = PATIENT.fetch(patient=plan.patient_id)
        sessions = SESSIONS.fetch(plan=plan.pk)
        held = _clear_away(plan)
    plan.clinic = patient.clinic = clinic
    plan.patient = patient
    for person, account in people:
        person.user = account
        if person.clinic_id == clinic.pk:
            person.clinic = clinic
    return LockedCourse(
        plan=plan,
        people={person.pk: person for person, _ in people},
        rooms={room.pk: room for (room,) in rooms},
        devices={device.pk: device for (device,) in devices},
        sessions=[session for session, _, _ in sessions],
        taken={session.number: day for session, day, _ in sessions if day is not None},
        held=held,
        now=sessions[0][2],
    )


def _clear_away(plan: TreatmentPlan) -> CourseHold | None:
    """Holds that are over hold nothing; they only stand in the way of the constraint. Returns the one of this course that is
    not over."""
    own, over = None, []
    for hold, holder, is_over in HOLDS.fetch(clinic=plan.clinic_id, plan=plan.pk):
        hold.held_by = holder
        if is_over:
            over.append(hold.pk)
        else:
            own = hold
    if over:
        CourseHold.objects.filter(pk__in=over).delete()
    return own
