"""Several visits of a course put into the diary or moved at once: what they meet is read once and judged for all of them.

All of it inside the transaction of whoever has locked the course.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from django.db import connection

from clinic import audit
from clinic.errors import ConstraintRefused, DomainError, explained
from clinic.models import User
from treatments.appointments import services as diary
from treatments.appointments.courses.locked import LockedCourse
from treatments.appointments.gates import (
    AlreadyBooked,
    SlotTaken,
    marks_to_ask_together,
    refuse_foreign,
    refuse_off_duty,
    refuse_past,
)
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.places import Place
from treatments.appointments.taking import OVERLAPS, free_devices, no_device_left, take_all, take_instead
from treatments.appointments.working_time import duty
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession
from treatments.rules.models import Device

Wanted = Sequence[tuple[Appointment, Place]]


def put_down(course: LockedCourse, places: Mapping[PlannedSession, Place], *, by: User) -> list[Appointment]:
    """Put several sessions of a course into the diary, each judged by where all of them will be; nobody is told.

    Raises what `diary.book` raises.
    """
    plan, taken = course.plan, course.taken
    for planned in places:
        if planned.number in taken:
            raise AlreadyBooked(f"Session {planned.number} of the course is already booked. Look at the course again.")
    days = taken | {planned.number: place.day for planned, place in places.items()}
    to_ask = _marks_to_ask(course, days, [planned.number for planned in places])
    wanted = [
        (
            Appointment(
                clinic=plan.clinic,
                patient=plan.patient,
                planned_session=planned,
                kind=Appointment.Kind.TREATMENT,
                booked_by=by,
                to_ask=to_ask[planned.number],
            ),
            place,
        )
        for planned, place in sorted(places.items(), key=lambda item: item[0].number)
    ]
    take_all(_let_in(course, wanted))
    visits = [visit for visit, _ in wanted]
    facts = {visit: {"day": visit.day.isoformat(), "kind": visit.kind} for visit in visits}
    audit.record_each("visit.booked", facts, by=by)
    _settle(course, days)
    return visits


def shift(course: LockedCourse, places: Mapping[Appointment, Place], *, by: User) -> list[Appointment]:
    """Give several visits of a course other places, each judged by where all of them will be; nobody is told.

    Two visits may swap places, so overlaps are looked for when all have moved. Raises what `diary.move` raises.
    """
    new = {visit.pk: place for visit, place in places.items()}
    visits = diary.locked_under_the_course(places)
    numbers = {visit.pk: visit.planned_session.number for visit in visits}
    days = course.taken | {numbers[pk]: place.day for pk, place in new.items()}
    to_ask = _marks_to_ask(course, days, numbers.values())
    _set_constraints("DEFERRED")
    visits.sort(key=lambda visit: new[visit.pk].start(visit.clinic))
    for visit in visits:
        if visit.status not in COMING:
            raise DomainError(f"This visit is {visit.get_status_display().lower()} and can no longer be moved.")
        # The reason for an overlap was given for the place it leaves.
        visit.overlap_reason = ""
        visit.to_ask = to_ask[numbers[visit.pk]]
    for visit, place, start in _let_in(course, [(visit, new[visit.pk]) for visit in visits]):
        take_instead(visit, place, start, by=by)
    try:
        with explained():
            _set_constraints("IMMEDIATE")
    except ConstraintRefused as refusal:
        raise SlotTaken(f"Just taken. {refusal.sentence}", code=refusal.code) from refusal
    _settle(course, days)
    return visits


def _marks_to_ask(course: LockedCourse, days: Mapping[int, date], moved: Collection[int]) -> dict[int, bool]:
    """`gates.marks_to_ask_together`, by what was read under the lock."""
    device = next((device for device in course.devices.values() if device.in_service), None)
    return marks_to_ask_together(
        course.plan.patient, course.plan, days, moved, sessions=course.sessions, device=device, now=course.now
    )


def _settle(course: LockedCourse, days: Mapping[int, date]) -> None:
    """The sessions of the course are on these days now, and its windows hang on them."""
    course.taken.update(days)
    plans.hang_windows(course.plan, course.sessions, days)


def _let_in(course: LockedCourse, wanted: Wanted) -> Iterable[tuple[Appointment, Place, datetime]]:
    """Each visit with its place, as it is now and with its device, and its start. Raises what booking them one by one would."""
    clinic = course.plan.clinic
    for visit, place in wanted:
        refuse_foreign(clinic, place, visit.patient, visit.planned_session)
    starts = [place.start(clinic) for _, place in wanted]
    places = _as_they_are(course, wanted, starts)
    on_duty = duty(clinic, [place.clinician for place in places], [place.day for place in places])
    for (visit, _), place, start in zip(wanted, places, starts, strict=True):
        refuse_past(start, now=course.now)
        refuse_off_duty(place, start, visit.planned_session, on_duty)
    return zip((visit for visit, _ in wanted), places, starts, strict=True)


def _as_they_are(course: LockedCourse, wanted: Wanted, starts: Sequence[datetime]) -> list[Place]:
    """The places with the clinicians and rooms as they are now, each with the device its visit will hold."""
    held = [place.length.stretches(start).clinician for (_, place), start in zip(wanted, starts, strict=True)]
    free = free_devices([visit for visit, _ in wanted], held)
    return [
        replace(
            place,
            clinician=course.people[place.clinician.pk],
            room=course.rooms[place.room.pk],
            device=_device_for(course, visit, place, keys),
        )
        for (visit, place), keys in zip(wanted, free, strict=True)
    ]


def _device_for(course: LockedCourse, visit: Appointment, place: Place, free: Sequence[int]) -> Device | None:
    """The device that is named, else the one the visit has, else the first that is free (keys). A clinic without a device in
    service books without one."""
    if place.device is not None:
        return course.devices[place.device.pk]
    # Not one that has come into service since: nobody has locked it.
    free = [key for key in free if key in course.devices]
    if free:
        return course.devices[visit.device_id if visit.device_id in free else free[0]]
    if any(device.in_service for device in course.devices.values()):
        raise no_device_left(place)
    return None


def _set_constraints(when: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS {', '.join(OVERLAPS)} {when}")
