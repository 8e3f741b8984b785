"""A booked visit of a course, tried on another day: the place it would take there, what follows from it, or why it cannot be.

Nothing is written and nothing is locked: whoever then moves the visit is asked again by every gate.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from clinic.errors import DomainError
from treatments.appointments.courses.problems import allowed_from
from treatments.appointments.courses.rearranging import Rearrangement, rearrangement
from treatments.appointments.free_slots import devices_in_service, free_slots
from treatments.appointments.gates import fixed_days, last_day_for, marks_to_ask_together
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.own_limits import who_may_take
from treatments.appointments.places import Place, at_slot, place_of
from treatments.appointments.working_time import people, weekly_hours
from treatments.plans import services as plans
from treatments.scheduling import offers as ranking
from treatments.scheduling.sets import CourseSet
from treatments.scheduling.slots import Slot

# Where a day has nothing free, the days around it are looked at; where no day before an earliest one will do, those after it.
NEAR_DAYS, AHEAD_DAYS = 14, 42
# Nobody keeps a diary further ahead, and no ruler is drawn so long.
FURTHEST_DAYS = 540


@dataclass(frozen=True)
class Tried:
    """`place` and `found` where the visit may go there; else `refusal`, with places (`instead`) that may be tried."""

    place: Place | None = None
    found: Rearrangement | None = None
    refusal: str = ""
    instead: tuple[Place, ...] = ()


def try_day(visit: Appointment, day: date, *, now: datetime) -> Tried:
    """The visit on another day, with its clinician and near its time where that is free."""
    if visit.status not in COMING:
        return Tried(refusal=f"This visit is {visit.get_status_display().lower()} and can no longer be moved.")
    today = now.astimezone(visit.clinic.tz).date()
    taken = fixed_days(visit.planned_session.plan)
    try:
        earliest_on, before = _earliest_on(visit, taken, today)
    except DomainError as refused:
        return Tried(refusal=refused.sentence)
    last_on = _last_on(visit, taken, today)
    if day < earliest_on:
        why = "That day has passed." if day < today else before or f"Not before {_words(earliest_on)}."
        ahead = min(last_on, earliest_on + timedelta(days=AHEAD_DAYS))
        first = places_near(visit, earliest_on, ahead, now=now, soonest=True, count=1)
        return Tried(refusal=why, instead=tuple(first))
    if day > today + timedelta(days=FURTHEST_DAYS):
        return Tried(refusal="That is too far ahead. Choose a day within the next year and a half.")
    if day > last_on:
        why = f"Not after {_words(last_on)}: the window of this session ends then."
        since = max(earliest_on, last_on - timedelta(days=NEAR_DAYS))
        return Tried(refusal=why, instead=tuple(places_near(visit, since, last_on, now=now, near=last_on)))
    there = places_near(visit, day, day, now=now, near=day, count=1)
    if there:
        return try_place(visit, there[0], now=now)
    since, until = max(earliest_on, day - timedelta(days=NEAR_DAYS)), min(last_on, day + timedelta(days=NEAR_DAYS))
    around = places_near(visit, since, until, now=now, near=day)
    return Tried(refusal=f"No time is free on {_words(day)}.", instead=tuple(around))


def try_place(visit: Appointment, place: Place, *, now: datetime) -> Tried:
    """The visit at one place: what else has to move with it."""
    plan = visit.planned_session.plan
    try:
        found = rearrangement(plan, {visit: place}, now=now)
        if found.found.fewest is None:
            return Tried(refusal=sentence_of(found))
        if not found.places(found.found.fewest):
            return Tried(refusal="The visit is there already: nothing would change.")
        judge(found, found.found.fewest)
    except DomainError as refused:
        return Tried(refusal=refused.sentence)
    return Tried(place=place, found=found)


def judge(found: Rearrangement, way: CourseSet) -> Mapping[int, bool]:
    """Which of the sessions that move a clinician looks at again first. Raises what moving them would raise."""
    plan = found.times.plan
    moved = {visit.planned_session.number: place.day for visit, place in found.places(way).items()}
    return marks_to_ask_together(plan.patient, plan, fixed_days(plan) | moved, moved)


def sentence_of(found: Rearrangement) -> str:
    """Why there is no way, in a sentence that numbers the sessions as the course does."""
    why = found.found.why_none
    return course_words(why.text, found.visits[0].planned_session.number) if why else "There is no way to do that."


def course_words(text: str, first: int) -> str:
    """What the search says of its sessions, which it counts from 1, in the numbers of the course."""
    said = re.sub(r"\bsession (\d+)", lambda found: f"session {int(found[1]) + first - 1}", text)
    return f"{said[:1].upper()}{said[1:]}."


def _last_on(visit: Appointment, taken: Mapping[int, date], today: date) -> date:
    """The last day the visit may be on: whatever moves with it, the sessions before it stay. One query."""
    plan = visit.planned_session.plan
    return last_day_for(plans.windows(plan, fixed=taken)[visit.planned_session.number], plan, today=today)


def _earliest_on(visit: Appointment, taken: Mapping[int, date], today: date) -> tuple[date, str]:
    """The first day the visit may be on, and in words what stands before it. Raises NotPermitted."""
    plan, number = visit.planned_session.plan, visit.planned_session.number
    done = {n: day for n, day in taken.items() if n < number}
    last = max(done, default=None)
    earliest_on, floor_days = allowed_from(
        plan, today if last is None else max(today, done[last] + timedelta(days=plan.floor_days))
    )
    if last is None:
        return earliest_on, ""
    after_the_floor = done[last] + timedelta(days=floor_days)
    if after_the_floor < earliest_on:
        return earliest_on, ""
    why = f"Session {last} is on {_words(done[last])}: at least {floor_days} days lie between two sessions."
    return after_the_floor, why


def places_near(
    visit: Appointment,
    first: date,
    last: date,
    *,
    now: datetime,
    near: date | None = None,
    soonest: bool = False,
    count: int = 3,
) -> list[Place]:
    """Free places for a visit of a course in these days, a day each: on the soonest day, or near one and like the place it has.

    Also for a visit that fell out: its session is booked there again.
    """
    found = _free(visit, first, last, now=now)
    zone = visit.clinic.tz
    if soonest and found:
        near = min(slot.start for slot in found).astimezone(zone).date()
        found = [slot for slot in found if slot.start.astimezone(zone).date() == near]
    wish = ranking.Wish(on=near or first, at=visit.starts_at, clinician=visit.clinician_id)
    chosen = ranking.best(found, wish, zone, count=count)
    who = {person.pk: person for person in visit.clinic.memberships.select_related("user", "clinic")} if chosen else {}
    where = {room.pk: room for room in visit.clinic.rooms.all()} if chosen else {}
    return [
        at_slot(
            replace(place_of(visit), device=None),
            start=slot.start,
            clinician=who[slot.clinician],
            room=where[slot.room],
        )
        for slot in chosen
    ]


def _free(visit: Appointment, first: date, last: date, *, now: datetime) -> list[Slot]:
    clinic, hours = visit.clinic, weekly_hours(visit.clinic)
    return free_slots(
        clinic=clinic,
        patient=visit.patient,
        length=place_of(visit).length,
        first_day=first,
        last_day=last,
        clinicians=who_may_take(people(hours), visit.planned_session),
        now=now,
        ignore=visit,
        devices=devices_in_service(clinic),
        hours=hours,
    )


def _words(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
