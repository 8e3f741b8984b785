"""What follows when a visit fell out of a course: cancelled, missed, ended early, or so far off that the next no longer keeps its gap.

Asked of the search and never written. Only what breaks is moved, the fewest visits first, then the cheapest way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from treatments.appointments.courses.problems import CourseTimes, allowed_from, in_free_time, problem_of
from treatments.appointments.courses.rearranging import as_booked, visit_of
from treatments.appointments.courses.services import OF_A_VISIT
from treatments.appointments.courses.trying import places_near
from treatments.appointments.gates import fixed_days, last_day_for
from treatments.appointments.leeway import before_the_next
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.places import Place
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.scheduling.problems import DayWindow, Preferences, Problem
from treatments.scheduling.replanning import Replan, days_of, replan
from treatments.scheduling.sets import CourseSet


@dataclass(frozen=True)
class Following:
    """The sessions from the first that has no visit, or whose visit breaks its gap, to the last that is booked.

    `visits`: where each is booked now, None where it is not. `gone`: the visit that fell out last, of those that are not.
    """

    planned: list[PlannedSession]
    visits: list[Appointment | None]
    gone: dict[int, Appointment]
    times: CourseTimes
    found: Replan

    def moved(self, way: CourseSet) -> dict[Appointment, Place]:
        return {
            visit: self.times.place(new)
            for visit, new in zip(self.visits, way.visits, strict=True)
            if visit is not None and new != visit_of(visit)
        }

    def booked(self, way: CourseSet) -> dict[PlannedSession, Place]:
        """Sessions that get a visit again."""
        return {
            planned: self.times.place(new)
            for planned, visit, new in zip(self.planned, self.visits, way.visits, strict=True)
            if visit is None
        }


def breaks(plan: TreatmentPlan) -> list[int]:
    """Numbers of the sessions that have to be looked at: without a visit while a later one is booked, or booked further from
    the one before than the course allows. A visit that somebody booked late on purpose is marked, and is none. Two queries."""
    taken = fixed_days(plan)
    rows = Appointment.objects.filter(planned_session__plan=plan, status__in=COMING, session_counts=True)
    coming = dict(rows.values_list("planned_session__number", "to_ask"))
    if plan.status != TreatmentPlan.Status.ACTIVE or not coming:
        return []
    numbers = plan.planned_sessions.filter(number__lt=max(coming)).values_list("number", flat=True)
    without = [number for number in numbers if number not in taken]
    too_far = [
        number
        for number, to_ask in coming.items()
        if not to_ask
        and (before := plans.counts_from(plan, taken.get(number - 1))) is not None
        and (taken[number] - before).days > plan.latest_days
    ]
    return sorted({*without, *too_far})


def leaves_behind(visit: Appointment, day: date) -> bool:
    """Whether on that day the next visit of its course, which keeps its gap now, would come later than the course allows. A
    visit that somebody booked late on purpose is left where it is. One query."""
    if visit.planned_session is None:
        return False
    plan, number = visit.planned_session.plan, visit.planned_session.number
    next_on = fixed_days(plan).get(number + 1)
    return next_on is not None and (next_on - visit.day).days <= plan.latest_days < (next_on - day).days


def following(plan: TreatmentPlan, *, now: datetime) -> Following | None:
    """The ways to go on; None where nothing breaks. Raises NotPermitted where the rules let no session be booked."""
    broken = breaks(plan)
    if not broken:
        return None
    booked = _by_session(plan, COMING)
    planned = _run(plan, broken[0], booked)
    if not planned:
        return None  # what follows was cancelled meanwhile
    visits = [booked.get(session.number) for session in planned]
    gone = {
        number: visit
        for number, visit in _by_session(plan, ("cancelled", "no_show", "done")).items()
        if number in broken and booked.get(number) is None
    }
    standing = [visit for visit in visits if visit is not None]
    # She cannot come then, or it was too late to come: the day she gave up is not offered to her again.
    prefer = as_booked([*standing, *gone.values()], avoid=(visit.day for visit in gone.values()))
    problem = _problem(plan, planned, prefer, now=now)
    times = in_free_time(plan, planned, problem, now=now, moving=standing, known_days=[visit.day for visit in standing])
    current = [visit and visit_of(visit) for visit in visits]
    found = replan(problem, current, pinned={}, availability=times.free)
    was_at = gone.get(planned[0].number) if current[0] is None else None
    if found.fewest is not None and was_at is not None and found.fewest.visits[0].on > was_at.day:
        # Shifting counts from where the visit was: by as many days as it comes later, all that follow do. Nothing is ever
        # drawn to the front.
        was = [visit_of(was_at), *current[1:]]
        shifted = replan(problem, was, pinned={1: found.fewest.visits[0]}, availability=times.free).shift_all
        if shifted is not None and days_of(shifted.visits) != days_of(found.fewest.visits):
            found = replace(found, shift_all=shifted)
    return Following(planned, visits, gone, times, found)


def again(plan: TreatmentPlan, follows: Following, *, now: datetime) -> list[Place]:
    """The best places for the first session that has none, so that nothing else has to move; empty where there is none."""
    first = follows.planned[0]
    if first.number not in follows.gone:
        return []
    problem = follows.times.problem
    today = now.astimezone(plan.clinic.tz).date()
    before = before_the_next(fixed_days(plan), first.number, problem.floor_days)
    last_on = min(day for day in (last_day_for(first, plan, today=today), before) if day)
    if last_on < problem.earliest_on:
        return []
    near = min(max(first.target_on, problem.earliest_on), last_on)
    found = places_near(follows.gone[first.number], problem.earliest_on, last_on, now=now, near=near, count=4)
    return [place for place in found if place.day not in problem.prefer.avoid][:3]


def _run(plan: TreatmentPlan, first: int, booked: Mapping[int, Appointment]) -> list[PlannedSession]:
    """From this session to the last that is booked, up to one that has begun."""
    taken, last, run = fixed_days(plan), max(booked, default=0), []
    for session in plan.planned_sessions.filter(number__gte=first, number__lte=last).order_by("number"):
        if session.number in taken and session.number not in booked:
            break
        run.append(session)
    return run


def _by_session(plan: TreatmentPlan, statuses: tuple[str, ...]) -> dict[int, Appointment]:
    """Session number to its newest visit in one of these states."""
    rows = Appointment.objects.filter(planned_session__plan=plan, status__in=statuses)
    return {
        visit.planned_session.number: visit for visit in rows.select_related(*OF_A_VISIT).order_by("booked_at", "pk")
    }


def _problem(plan: TreatmentPlan, planned: list[PlannedSession], prefer: Preferences, *, now: datetime) -> Problem:
    today, taken, first = now.astimezone(plan.clinic.tz).date(), fixed_days(plan), planned[0]
    before = taken.get(first.number - 1)
    earliest_on, floor_days = allowed_from(plan, max(today, first.earliest_on))
    if before is not None:
        earliest_on = max(earliest_on, before + timedelta(days=floor_days))
    latest_on = last_day_for(first, plan, today=today)
    return problem_of(
        plan,
        sessions=len(planned),
        earliest_on=earliest_on,
        floor_days=floor_days,
        finish_by=before_the_next(taken, planned[-1].number, floor_days),
        # Late already: the series goes on until a new baseline is due, and the gap to the one before binds no more.
        previous_on=None if latest_on > first.latest_on else plans.counts_from(plan, before),
        windows=(DayWindow(earliest_on, latest_on), *(DayWindow() for _ in planned[1:])),
        prefer=prefer,
    )
