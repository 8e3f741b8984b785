"""Keeping places for a whole course, and booking them all or none."""

from collections.abc import Mapping

from django.db import transaction

from clinic import audit, clock
from clinic.errors import ConstraintRefused, DomainError, explained
from clinic.models import User
from treatments.appointments import messages
from treatments.appointments import services as diary
from treatments.appointments.courses import together
from treatments.appointments.courses.locked import LockedCourse, lock
from treatments.appointments.courses.models import CourseHold, HeldVisit
from treatments.appointments.courses.problems import HELD_FOR
from treatments.appointments.models import Appointment
from treatments.appointments.places import LENGTHS, Place
from treatments.appointments.services import SlotTaken
from treatments.plans.models import PlannedSession, TreatmentPlan

Places = Mapping[PlannedSession, Place]
OF_A_VISIT = (
    "clinic", "patient__clinic", "planned_session__plan__clinic", "clinician__user", "clinician__clinic", "room", "device",
)  # fmt: skip


class LetGo(DomainError):
    """The five minutes are over and somebody has cleared the places away."""


NO_LONGER_HELD = "These times are no longer held. Choose again: nothing was booked."


@transaction.atomic
def hold(*, plan: TreatmentPlan, places: Places, by: User) -> CourseHold:
    """Keep these places for five minutes; a hold of this course by the same person is given up for it.

    Refused where booking them all would be: raises what `diary.book` raises, SlotTaken where another booking is held there.
    """
    course = lock(plan, places.values())
    plan = course.plan
    _give_up_own(course, by)
    visits = _rehearsed(course, places, by)
    now = clock.now()
    held = CourseHold.objects.create(clinic=plan.clinic, plan=plan, held_by=by, held_at=now, expires_at=now + HELD_FOR)
    try:
        with explained(), transaction.atomic():
            HeldVisit.objects.bulk_create(_held(held, visit) for visit in visits)
    except ConstraintRefused as refusal:
        raise SlotTaken(f"Just taken. {refusal.sentence}", code=refusal.code) from refusal
    audit.record("course.held", held, by=by, clinic=plan.clinic, sessions=len(visits))
    return held


@transaction.atomic
def let_go(*, plan: TreatmentPlan, by: User) -> None:
    """Give up what this person holds for this course. Nothing held is nothing to do."""
    for held in CourseHold.objects.filter(plan=plan, held_by=by).select_for_update():
        audit.record("course.let_go", held, by=by, clinic=plan.clinic)
        held.delete()


@transaction.atomic
def book_held(*, plan: TreatmentPlan, by: User, shown: str = "") -> list[Appointment]:
    """Book every place that is held for this course, or none: one message tells them all. `shown`: the ref of the hold that
    was read before it was booked; any other is refused.

    Also where the five minutes are over, if nobody has taken a place meanwhile. Raises LetGo where nothing is held any
    more, SlotTaken naming the first place that is gone, else what `diary.book` raises.
    """
    held = CourseHold.objects.filter(plan=plan, held_by=by).first()
    if held is None:
        raise LetGo(NO_LONGER_HELD)
    if shown and shown != str(held.ref):
        raise LetGo("Other times are held for this course by now. Look at them again: nothing was booked.")
    rows = held.visits.select_related("planned_session__plan", "clinician__user", "clinician__clinic", "room", "device")
    places = {row.planned_session: place_of(row) for row in rows}
    # Let go between the one question and the other.
    if not places:
        raise LetGo(NO_LONGER_HELD)
    return _book(plan, places, by=by)


@transaction.atomic
def book_all(*, plan: TreatmentPlan, places: Places, by: User) -> list[Appointment]:
    """Book all of these places, or none, without having held them. Raises what `book_held` raises."""
    return _book(plan, places, by=by)


@transaction.atomic
def move_together(*, plan: TreatmentPlan, places: Mapping[Appointment, Place], by: User) -> list[Appointment]:
    """Give visits of a course other places, all or none: one message tells of them. Raises what `diary.move` raises."""
    course = lock(plan, [*places.values(), *map(diary.place_of, places)], books=False)
    visits = together.shift(course, places, by=by)
    messages.owe_for_rearranging(visits, by=by)
    audit.record("course.rearranged", course.plan, by=by, sessions=len(visits))
    return visits


@transaction.atomic
def go_on(*, plan: TreatmentPlan, booked: Places, moved: Mapping[Appointment, Place], by: User) -> list[Appointment]:
    """After a visit fell out: book its session again and move what follows, all or none; one message tells of them.

    Raises what `diary.book` and `diary.move` raise.
    """
    course = lock(plan, [*booked.values(), *moved.values(), *map(diary.place_of, moved)], books=bool(booked))
    visits = together.shift(course, moved, by=by) if moved else []
    visits += together.put_down(course, booked, by=by) if booked else []
    visits.sort(key=lambda visit: visit.during.lower)
    messages.owe_for_rearranging(visits, by=by)
    audit.record("course.rearranged", course.plan, by=by, sessions=len(visits))
    return visits


def _book(plan: TreatmentPlan, places: Places, *, by: User) -> list[Appointment]:
    course = lock(plan, places.values())
    _give_up_own(course, by)
    visits = together.put_down(course, places, by=by)
    messages.owe_for_course(visits, by=by)
    audit.record("course.booked", course.plan, by=by, sessions=len(visits))
    return visits


def _give_up_own(course: LockedCourse, by: User) -> None:
    held = course.held
    if held is None:
        return
    if held.held_by_id != by.pk:
        until = clock.local(held.expires_at, course.plan.clinic)
        raise SlotTaken(f"{held.held_by.full_name} holds times for this course until {until:%H:%M}. Ask, or wait.")
    held.delete()


def _rehearsed(course: LockedCourse, places: Places, by: User) -> list[Appointment]:
    """The visits as booking would make them, by every gate of booking; nothing of it stays."""
    with transaction.atomic():
        visits = together.put_down(course, places, by=by)
        transaction.set_rollback(True)
    return visits


def _held(held: CourseHold, visit: Appointment) -> HeldVisit:
    return HeldVisit(
        hold=held,
        planned_session=visit.planned_session,
        clinician=visit.clinician,
        room=visit.room,
        device=visit.device,
        day=visit.day,
        starts_at=visit.starts_at,
        during=visit.during,
        room_during=visit.room_during,
        clinician_during=visit.clinician_during,
    )


def place_of(row: HeldVisit) -> Place:
    return Place(
        day=row.day,
        starts_at=row.starts_at,
        clinician=row.clinician,
        room=row.room,
        length=LENGTHS[Appointment.Kind.TREATMENT],
        # The second pass of an hour that comes twice is told apart by the moment that is held.
        fold=row.during.lower.astimezone(row.clinician.clinic.tz).fold,
    )
