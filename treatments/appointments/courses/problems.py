"""A course and the wishes for it as a problem for the search, with the free time in which it is solved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from clinic.errors import DomainError
from clinic.models import Membership, Room
from treatments.appointments.gates import fixed_days, last_day_for
from treatments.appointments.leeway import before_the_next, next_booked
from treatments.appointments.models import Appointment
from treatments.appointments.own_limits import who_may_take
from treatments.appointments.places import LENGTHS, Place
from treatments.appointments.taken.fitting import KeptTime
from treatments.appointments.taken.reading import free_time
from treatments.appointments.working_time import Hours, House, hours_and_house, people
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol import changes
from treatments.protocol.screening import PERMITS
from treatments.protocol.wording import desk_sentence
from treatments.rules.policy import catalogue_for
from treatments.scheduling.problems import DayWindow, Preferences, Problem
from treatments.scheduling.sets import Visit
from treatments.screenings import services as screenings
from treatments.screenings.services import NotPermitted

GRID_MINUTES = 15
# A year and a half: eight sessions at their usual distance fit into it, and no diary is kept further ahead.
HORIZON_DAYS = 540
# How long a set of times is kept for a course while the desk speaks with the patient.
HELD_FOR = timedelta(minutes=5)


@dataclass(frozen=True)
class Wishes:
    """What the patient would like. What is empty is all the same to her; `avoid` and `finish_by` are no wishes but bounds."""

    sessions: int | None = None
    clinician: Membership | None = None
    weekdays: frozenset[int] = frozenset()
    between: tuple[time, time] | None = None
    first_day: date | None = None
    avoid: frozenset[date] = frozenset()
    finish_by: date | None = None


@dataclass(frozen=True)
class CourseTimes:
    """What the search is asked, and the words for its answers: sessions to place, who and which rooms by key."""

    plan: TreatmentPlan
    planned: Sequence[PlannedSession]
    problem: Problem
    free: KeptTime
    clinicians: dict[str, Membership] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)

    def place(self, visit: Visit) -> Place:
        """A place of the diary for a visit of a set. Of a wall time that comes twice the first is meant."""
        return Place(
            day=visit.on,
            starts_at=visit.start.time(),
            clinician=self.clinicians[visit.clinician],
            room=self.rooms[visit.room],
            length=LENGTHS[Appointment.Kind.TREATMENT],
            fold=0,
        )


def sessions_to_place(
    plan: TreatmentPlan,
    *,
    sessions: Iterable[PlannedSession] | None = None,
    taken: Mapping[int, date] | None = None,
) -> list[PlannedSession]:
    """The next sessions without a visit, up to one that has one. `sessions` of the course in order and `taken` days, where
    they are known already."""
    taken = fixed_days(plan) if taken is None else taken
    waiting: list[PlannedSession] = []
    for planned in plan.planned_sessions.order_by("number") if sessions is None else sessions:
        if planned.number in taken:
            if waiting:
                break
        else:
            waiting.append(planned)
    return waiting


def course_times(
    plan: TreatmentPlan,
    planned: Sequence[PlannedSession],
    wishes: Wishes,
    *,
    now: datetime,
    taken: Mapping[int, date] | None = None,
    roster: tuple[Hours, House] | None = None,
) -> CourseTimes:
    """The problem of placing these sessions. Raises NotPermitted where the rules let none be booked, DomainError for wishes
    that contradict each other. `taken` days of the course and the clinic's `hours_and_house`, where they are known already."""
    today = now.astimezone(plan.clinic.tz).date()
    planned = list(planned[: wishes.sessions or len(planned)])
    taken = fixed_days(plan) if taken is None else taken
    first = planned[0]
    latest_on = last_day_for(first, plan, today=today)
    earliest_on, floor_days = allowed_from(plan, max(first.earliest_on, today, wishes.first_day or today))
    is_late = latest_on > first.latest_on
    _refuse_contradictions(wishes, earliest_on, latest_on)
    finish_by = _last_day(wishes, _days_left_before_the_next(planned, taken, earliest_on, floor_days))
    problem = problem_of(
        plan,
        sessions=len(planned),
        earliest_on=earliest_on,
        floor_days=floor_days,
        finish_by=finish_by,
        # The window of the first session is counted from the one before; of a late one the gap is over the latest already.
        previous_on=None if is_late else plans.counts_from(plan, taken.get(first.number - 1)),
        windows=(DayWindow(earliest_on, latest_on), *(DayWindow() for _ in planned[1:])),
        prefer=Preferences(
            clinician=str(wishes.clinician.pk) if wishes.clinician else None,
            weekdays=wishes.weekdays,
            between=wishes.between,
            avoid=wishes.avoid,
        ),
    )
    return in_free_time(plan, planned, problem, now=now, roster=roster)


def problem_of(
    plan: TreatmentPlan,
    *,
    sessions: int,
    earliest_on: date,
    floor_days: int,
    finish_by: date | None,
    previous_on: date | None,
    windows: tuple[DayWindow, ...] = (),
    prefer: Preferences | None = None,
) -> Problem:
    """Treatments of this course, at its distances. Where the rules ask for a longer interval (`floor_days`) than the course
    was planned with, its target and its latest give way."""
    length = LENGTHS[Appointment.Kind.TREATMENT]
    return Problem(
        sessions=sessions,
        earliest_on=earliest_on,
        finish_by=finish_by,
        previous_on=previous_on,
        windows=windows,
        floor_days=floor_days,
        target_days=max(plan.target_days, floor_days),
        latest_days=max(plan.latest_days, floor_days),
        prep_minutes=length.prep_minutes,
        treat_minutes=length.treat_minutes,
        turnover_minutes=length.turnover_minutes,
        grid_minutes=GRID_MINUTES,
        prefer=prefer or Preferences(),
    )


def in_free_time(
    plan: TreatmentPlan,
    planned: Sequence[PlannedSession],
    problem: Problem,
    *,
    now: datetime,
    moving: Sequence[Appointment] = (),
    known_days: Iterable[date] = (),
    roster: tuple[Hours, House] | None = None,
) -> CourseTimes:
    """The problem with the free time of everybody who may take these sessions, as far ahead as they can be and as
    `known_days` reach.

    `moving`: visits whose places count as free, and whose clinicians and rooms are known even where they are no longer offered.
    """
    clinic = plan.clinic
    last_on = max(min(_furthest(problem), problem.earliest_on + timedelta(days=HORIZON_DAYS)), *known_days, date.min)
    hours, house = roster or hours_and_house(clinic, problem.earliest_on, last_on)
    clinicians = _who(people(hours), planned)
    rooms = list(clinic.rooms.filter(in_service=True))
    free = free_time(
        clinic=clinic,
        patient=plan.patient,
        first_day=problem.earliest_on,
        last_day=last_on,
        clinicians=[person.pk for person in clinicians],
        rooms=[room.pk for room in rooms],
        devices=house.devices,
        hours=hours,
        away=house.away,
        ignore=moving,
        own_course=plan.pk,
    )
    for person in clinicians:
        person.clinic = clinic
    return CourseTimes(
        plan=plan,
        planned=planned,
        problem=problem,
        # A time that begins while it is still being held cannot be booked any more.
        free=KeptTime(free, problem, not_before=now + HELD_FOR),
        clinicians={str(person.pk): person for person in (*(visit.clinician for visit in moving), *clinicians)},
        rooms={str(room.pk): room for room in (*(visit.room for visit in moving), *rooms)},
    )


def _who(clinicians: Iterable[Membership], planned: Sequence[PlannedSession]) -> list[Membership]:
    """Those who may take every one of these sessions."""
    found = list(clinicians)
    for session in planned:
        found = who_may_take(found, session)
    return found


def allowed_from(plan: TreatmentPlan, day: date) -> tuple[date, int]:
    """The first day from `day` on which the rules allow a visit, and the shortest interval they ask for by then."""
    screening = screenings.look(plan.patient, on=day, purpose="booking")
    if screening.earliest_on and screening.earliest_on > day:
        day = screening.earliest_on
        screening = screenings.look(plan.patient, on=day, purpose="booking")
    rules = catalogue_for(plan.clinic, day)
    if not PERMITS[screening.outcome].book:
        raise NotPermitted(f"{desk_sentence(screening, rules)}.", screening=screening)
    return day, max(plan.floor_days, changes.floor_days(screening.changes, rules))


def _last_day(wishes: Wishes, bound: date | None) -> date | None:
    """The last day that is left: by the wish, and before the session that is booked after these."""
    return min((day for day in (wishes.finish_by, bound) if day), default=None)


def _days_left_before_the_next(
    planned: Sequence[PlannedSession], taken: Mapping[int, date], earliest_on: date, floor_days: int
) -> date | None:
    """The last day that leaves room for what is booked after these sessions, and for those in between that are not. Raises
    DomainError where none is left."""
    last = planned[-1].number
    day, number = before_the_next(taken, last, floor_days), next_booked(taken, last)
    if day is None or number is None:
        return None
    if day < earliest_on:
        raise DomainError(
            f"Session {number} is booked for {_words(taken[number])}, and at least {floor_days} days lie between two: no day "
            f"from {_words(earliest_on)} on is left before it. Move session {number} first."
        )
    return day


def _refuse_contradictions(wishes: Wishes, earliest_on: date, latest_on: date) -> None:
    if wishes.finish_by is not None and wishes.finish_by < earliest_on:
        raise DomainError(
            f"The first session may be from {_words(earliest_on)} on. Choose a later day to be done by.",
            field="done_by",
        )
    if latest_on < earliest_on:
        field_name = "first_day" if wishes.first_day and wishes.first_day >= earliest_on else None
        raise DomainError(
            f"The window of the first session closes on {_words(latest_on)}. Choose an earlier day, or ask a clinician to plan again.",
            field=field_name,
        )


def _furthest(problem: Problem) -> date:
    """The last day that any session can be on."""
    latest_on = problem.window(0).latest_on or problem.earliest_on + timedelta(days=problem.latest_days)
    furthest = latest_on + timedelta(days=(problem.sessions - 1) * problem.latest_days)
    return min(furthest, problem.finish_by) if problem.finish_by else furthest


def _words(day: date) -> str:
    return f"{day:%a} {day.day} {day:%B}"
