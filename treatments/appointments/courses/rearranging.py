"""When life moves a visit of a course: what else has to move, asked of the search before anything is written."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from clinic.errors import DomainError
from treatments.appointments.courses.problems import CourseTimes, allowed_from, in_free_time, problem_of
from treatments.appointments.courses.services import OF_A_VISIT
from treatments.appointments.gates import fixed_days
from treatments.appointments.leeway import before_the_next
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.places import Place, place_of
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.scheduling.problems import Preferences, Problem
from treatments.scheduling.replanning import Replan, replan
from treatments.scheduling.sets import CourseSet, Visit


@dataclass(frozen=True)
class Rearrangement:
    """The booked visits from the first that moves on, in order, and the ways to go on from what was decided."""

    visits: list[Appointment]
    times: CourseTimes
    found: Replan

    def places(self, way: CourseSet) -> dict[Appointment, Place]:
        """Where each visit that moves would go; those that stay are left out."""
        return {
            visit: self.times.place(new)
            for visit, new in zip(self.visits, way.visits, strict=True)
            if new != visit_of(visit)
        }


def rearrangement(plan: TreatmentPlan, decided: Mapping[Appointment, Place], *, now: datetime) -> Rearrangement:
    """What follows from giving some visits of a course (`decided`) other places. Raises NotPermitted where the rules let no
    session be booked, DomainError where one of these visits has begun or fell out, also meanwhile."""
    for visit in decided:
        if visit.status not in COMING:
            raise DomainError(f"This visit is {visit.get_status_display().lower()} and can no longer be moved.")
    visits = _booked_from(plan, min(visit.planned_session.number for visit in decided))
    if not visits:
        raise DomainError("This visit was changed meanwhile. Look at the course again: nothing was moved.")
    problem = _problem(plan, visits, now=now)
    days = [*(visit.day for visit in visits), *(place.day for place in decided.values())]
    sessions = [visit.planned_session for visit in visits]
    times = in_free_time(plan, sessions, problem, now=now, moving=visits, known_days=days)
    for place in decided.values():
        times.clinicians.setdefault(str(place.clinician.pk), place.clinician)
        times.rooms.setdefault(str(place.room.pk), place.room)
    pinned = {number: _visit_at(decided[visit]) for number, visit in enumerate(visits, start=1) if visit in decided}
    found = replan(problem, [visit_of(visit) for visit in visits], pinned=pinned, availability=times.free)
    return Rearrangement(visits, times, found)


def _booked_from(plan: TreatmentPlan, number: int) -> list[Appointment]:
    """The visits from this session on, as long as each is booked and none has begun."""
    rows = Appointment.objects.filter(
        planned_session__plan=plan, planned_session__number__gte=number, status__in=COMING
    )
    rows = rows.select_related(*OF_A_VISIT)
    visits = []
    for visit in rows.order_by("planned_session__number"):
        if visit.planned_session.number != number + len(visits):
            break
        visits.append(visit)
    return visits


def _problem(plan: TreatmentPlan, visits: list[Appointment], *, now: datetime) -> Problem:
    taken = fixed_days(plan)
    first, last = visits[0].planned_session, visits[-1].planned_session
    earliest_on, floor_days = allowed_from(plan, now.astimezone(plan.clinic.tz).date())
    return problem_of(
        plan,
        sessions=len(visits),
        earliest_on=earliest_on,
        floor_days=floor_days,
        finish_by=before_the_next(taken, last.number, floor_days),
        previous_on=plans.counts_from(plan, taken.get(first.number - 1)),
        prefer=as_booked(visits),
    )


def as_booked(visits: Collection[Appointment], *, avoid: Iterable[date] = ()) -> Preferences:
    """What her visits were like, as wishes: what has to move stays with whom she mostly sees, on her weekdays, at her times.
    Of no visits nothing but the days to `avoid`."""
    if not visits:
        return Preferences(avoid=frozenset(avoid))
    clinicians = Counter(str(visit.clinician.pk) for visit in visits)
    starts = [visit.starts_at for visit in visits]
    return Preferences(
        clinician=clinicians.most_common(1)[0][0],
        weekdays=frozenset(visit.day.isoweekday() for visit in visits),
        between=(min(starts), max(starts)),
        avoid=frozenset(avoid),
    )


def visit_of(visit: Appointment) -> Visit:
    return _visit_at(place_of(visit))


def _visit_at(place: Place) -> Visit:
    return Visit(datetime.combine(place.day, place.starts_at), str(place.clinician.pk), str(place.room.pk))
