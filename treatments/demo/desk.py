"""What the demo's desk did lately: calls and what came of them, who waits for a place, a course booked at once, one moved.

Days are offsets from the demo's today; patients are named by the number of their story. Nothing is held for anybody: a hold
lasts five minutes, so it would be gone before anybody has looked around.
"""

from dataclasses import dataclass
from datetime import date, time, timedelta

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Membership, User
from patients.models import Patient
from patients.services import history, people
from treatments.appointments import places
from treatments.appointments.calls import services as calls
from treatments.appointments.courses import services as courses
from treatments.appointments.courses.problems import Wishes, course_times, sessions_to_place
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.models import Appointment
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.scheduling.finding import find_sets

# By how many days the second visit of a course is put off, the first of them that moves the third as well.
PUT_OFF_DAYS = range(17, 28)


@dataclass(frozen=True)
class Call:
    """A call about the next session of a story. `back_on`: where she said when to call again."""

    story: int
    list_code: str
    on: int
    outcome: str
    note: str = ""
    back_on: int | None = None
    back_at: time | None = None


CALLS = (
    Call(3, "window-closing", -1, "call_back", "Works until three", back_on=2, back_at=time(15)),
    Call(15, "window-closing", -4, "message"),
    Call(27, "window-closing", -1, "no_answer"),
    Call(39, "window-closing", 0, "message"),
    Call(4, "overdue", -6, "call_back", "Back from leave on Tuesday", back_on=0, back_at=time(15)),
    Call(16, "overdue", -5, "message"),
    Call(16, "overdue", -1, "message"),
    Call(28, "overdue", -3, "stop", "Has moved to Leeds and goes on there"),
    Call(40, "overdue", -3, "call_back", "Away until next week", back_on=7),
    Call(52, "overdue", -1, "no_answer"),
)


@dataclass(frozen=True)
class Wait:
    """Somebody who would come earlier: to the session she has a date for, or to her consultation."""

    story: int
    on: int
    session: int | None = None
    weekdays: tuple[int, ...] = ()
    from_time: time | None = None
    until_time: time | None = None
    note: str = ""


WAITING = (
    Wait(29, -2, note="Comes at short notice"),
    Wait(41, -1, until_time=time(16), note="Lunch breaks"),
    Wait(62, -1, session=1, from_time=time(12), note="Works next door"),
    Wait(74, -1, session=1, note="Any time today or tomorrow"),
    Wait(1, -3, session=3, weekdays=(2, 4)),
)


@dataclass(frozen=True)
class Closed:
    """A record that ended `on` a day, as somebody told us the day after."""

    story: int
    on: int
    why: str
    reason: str


CLOSED = (
    Closed(88, -5, "moved_away", "Telephoned: lives in Leeds now and goes on there"),
    Closed(33, -9, "deceased", "Her brother wrote to us"),
)


@dataclass(frozen=True)
class Twice:
    """Somebody who was not found when she telephoned and was put down again, her name as it sounded. A nurse noted what she
    takes: it counts for her once the two records are one."""

    story: int
    on: int
    family_name: str
    medicine: str


TWICE = (Twice(13, -1, "Shaw", "Tretinoin cream 0.05 %"),)


def put_down_again(twice: Twice, first: Patient, *, by: User, nurse: User) -> None:
    again = people.register(
        clinic=first.clinic, given_name=first.given_name, family_name=twice.family_name, born_on=first.born_on,
        phone=first.phone, by=by,
    )  # fmt: skip
    history.record_medication(patient=again, kind="topical_retinoid", name=twice.medicine, prescribed=True, by=nurse)


def record(call: Call, plan: TreatmentPlan, *, done: int, today: date, by: User) -> None:
    """`done`: how many sessions of the course were; the call is about the next one."""
    back_on = today + timedelta(days=call.back_on) if call.back_on is not None else None
    calls.record(
        about=plan.planned_sessions.select_related("plan__patient__clinic").get(number=done + 1),
        list_code=call.list_code,
        outcome=call.outcome,
        note=call.note,
        call_back_on=back_on,
        call_back_at=call.back_at,
        by=by,
    )


def wait(wish: Wait, patient: Patient, plan: TreatmentPlan | None, *, by: User) -> None:
    planned = plan.planned_sessions.get(number=wish.session) if plan and wish.session else None
    calls.wait(
        patient=patient,
        kind=Appointment.Kind.TREATMENT if planned else Appointment.Kind.CONSULTATION,
        planned_session=planned,
        weekdays=wish.weekdays,
        from_time=wish.from_time,
        until_time=wish.until_time,
        note=wish.note,
        by=by,
    )


def book_whole_course(plan: TreatmentPlan, *, clinician: Membership, first_day: date, by: User) -> None:
    """Every session in one step, told in one message: the best set for somebody who prefers mornings with one clinician."""
    wishes = Wishes(clinician=clinician, between=(time(9), time(12, 30)), first_day=first_day)
    times = course_times(plan, sessions_to_place(plan), wishes, now=clock.now())
    sets = find_sets(times.problem, times.free).sets
    if not sets:
        raise DomainError(f"The demo has no times for the whole course of {plan.patient}.")
    best = sets[0]
    chosen: dict[PlannedSession, places.Place] = {
        planned: times.place(visit) for planned, visit in zip(times.planned, best.visits, strict=True)
    }
    courses.book_all(plan=plan, places=chosen, by=by)


def put_off_second(plan: TreatmentPlan, *, by: User) -> None:
    """The second visit moves so far that the third has to follow: the fewest that must, in one message."""
    rows = Appointment.objects.filter(planned_session__plan=plan, status="booked").select_related(*courses.OF_A_VISIT)
    second = rows.get(planned_session__number=2)
    was = places.place_of(second)
    for days in PUT_OFF_DAYS:
        try:
            found = rearrangement(plan, {second: _later(was, days)}, now=clock.now())
            fewest = found.found.fewest
            if fewest is None or len(found.places(fewest)) < 2:
                continue
            courses.move_together(plan=plan, places=found.places(fewest), by=by)
        except DomainError:
            continue  # nobody is in on that day, or the place is taken: the next one
        return
    raise DomainError(f"The demo has no later day for the second visit of {plan.patient} that moves the third.")


def _later(was: places.Place, days: int) -> places.Place:
    return places.Place(
        day=was.day + timedelta(days=days),
        starts_at=was.starts_at,
        clinician=was.clinician,
        room=was.room,
        length=was.length,
    )
