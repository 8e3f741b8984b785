"""Other times that a booked visit could have with nothing else moving: free, inside its own window, by the rules of each day."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from treatments.appointments.free_slots import devices_in_service, free_slots
from treatments.appointments.gates import fixed_days
from treatments.appointments.leeway import leeway, next_booked
from treatments.appointments.models import Appointment
from treatments.appointments.own_limits import who_may_take
from treatments.appointments.working_time import Hours, people, weekly_hours
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol import changes
from treatments.protocol.screening import Screening
from treatments.rules.policy import catalogue_for
from treatments.scheduling import offers as ranking
from treatments.scheduling.slots import Slot, VisitLength
from treatments.screenings import services as screenings

# Nearer than this nobody at the desk may look at a list in time, and the mail of the day before says "please call us today".
NEAREST = timedelta(hours=24)
SHOWN = 6
# The six lie among so many of the nearest days with something free: near enough to be wanted, far enough apart to differ.
NEAR_DAYS = 12
# A visit without a window is looked for this far ahead.
OPEN_HORIZON_DAYS = 42
# Who cannot at the usual time is also shown the other half of the day.
NOON, OTHER_MORNING, OTHER_AFTERNOON = time(12, 30), time(10), time(15)


@dataclass(frozen=True)
class OtherTimes:
    """Aware starts. `shown`: a few of `free`, in order of time. `weekdays`: ISO days on which somebody works."""

    free: frozenset[datetime]
    shown: tuple[datetime, ...]
    weekdays: tuple[int, ...]


def other_times(visit: Appointment, *, now: datetime) -> OtherTimes:
    """For a visit with its clinic, patient and course. A fixed number of queries, whatever the diary holds."""
    hours = weekly_hours(visit.clinic)
    weekdays = tuple(sorted({row.weekday for rows in hours.values() for row in rows if row.on is None}))
    taken = _others_of_the_course(visit)
    first, last = _span(visit, taken, today=now.astimezone(visit.clinic.tz).date())
    found = free_for(visit, first, last, now=now + NEAREST, hours=hours)
    found = _allowed(visit, [slot for slot in found if slot.start != visit.during.lower], taken, now=now)
    return OtherTimes(frozenset(slot.start for slot in found), _spread(visit, found), weekdays)


def free_for(visit: Appointment, first: date, last: date, *, now: datetime, hours: Hours | None = None) -> list[Slot]:
    """Free places for this visit from `first` to `last`, none before `now`; it is not in its own way."""
    clinic = visit.clinic
    hours = weekly_hours(clinic) if hours is None else hours
    return free_slots(
        clinic=clinic,
        patient=visit.patient,
        length=VisitLength(visit.prep_minutes, visit.treat_minutes, visit.turnover_minutes),
        first_day=first,
        last_day=last,
        clinicians=who_may_take(people(hours), visit.planned_session),
        now=now,
        ignore=visit,
        devices=devices_in_service(clinic) if visit.kind == Appointment.Kind.TREATMENT else (),
        hours=hours,
    )


def _others_of_the_course(visit: Appointment) -> dict[int, date]:
    planned = visit.planned_session
    if planned is None:
        return {}
    return {number: day for number, day in fixed_days(planned.plan).items() if number != planned.number}


def _span(visit: Appointment, taken: Mapping[int, date], *, today: date) -> tuple[date, date]:
    """First and last day; the last lies before the first where there is none."""
    planned = visit.planned_session
    if planned is None:
        return today, today + timedelta(days=OPEN_HORIZON_DAYS)
    if planned.plan.status != TreatmentPlan.Status.ACTIVE:
        return today, today - timedelta(days=1)
    able = leeway(planned, taken, floor_days=planned.plan.floor_days)
    return max(today, able.earliest_on), able.latest_on


def _allowed(visit: Appointment, found: list[Slot], taken: Mapping[int, date], *, now: datetime) -> list[Slot]:
    """Those on days that the gates of booking would let in as they stand now. Why a day is not among them is said nowhere."""
    planned, zone = visit.planned_session, visit.clinic.tz
    days = {slot.start.astimezone(zone).date() for slot in found}
    if planned is None or not days:
        return found
    after = next_booked(taken, planned.number)
    asked = days if after is None else days | {taken[after]}
    today = now.astimezone(zone).date()
    screened = screenings.look_on(visit.patient, asked, purpose="booking", today=today)
    may_be = {day for day in days if _may_be(planned, day, screened, taken, after)}
    return [slot for slot in found if slot.start.astimezone(zone).date() in may_be]


def _may_be(
    planned: PlannedSession,
    day: date,
    screened: Mapping[date, Screening],
    taken: Mapping[int, date],
    after: int | None,
) -> bool:
    floor_after = None if after is None else _floor_days(planned.plan, screened[taken[after]])
    able = leeway(planned, taken, floor_days=_floor_days(planned.plan, screened[day]), floor_after=floor_after)
    return screened[day].permits.book and able.earliest_on <= day <= able.latest_on


def _floor_days(plan: TreatmentPlan, screening: Screening) -> int:
    """As the gates count: the plan's own, or what the rules of that day ask for where it is longer."""
    return max(plan.floor_days, changes.floor_days(screening.changes, catalogue_for(plan.clinic, screening.on)))


def _spread(visit: Appointment, found: Collection[Slot]) -> tuple[datetime, ...]:
    """A few starts on different days around the visit's own: one at its usual time, the next in the other half of the day.
    Where few days have something free, several of a day."""
    zone = visit.clinic.tz
    of_day: dict[date, list[Slot]] = defaultdict(list)
    for slot in found:
        of_day[slot.start.astimezone(zone).date()].append(slot)
    near = sorted(of_day, key=lambda day: (abs((day - visit.day).days), day))[:NEAR_DAYS]
    usual, other = visit.starts_at, OTHER_AFTERNOON if visit.starts_at < NOON else OTHER_MORNING
    chosen: list[datetime] = []
    for nth, day in enumerate(_evenly(sorted(near), SHOWN)):
        wish = ranking.Wish(on=day, at=other if nth % 2 else usual, clinician=visit.clinician_id)
        chosen += [slot.start for slot in ranking.best(of_day[day], wish, zone, count=1)]
    more = ranking.best(found, ranking.Wish(on=visit.day, at=other), zone, count=2 * SHOWN)
    chosen += [start for start in dict.fromkeys(slot.start for slot in more) if start not in chosen]
    return tuple(sorted(chosen[:SHOWN]))


def _evenly(days: list[date], count: int) -> list[date]:
    if len(days) <= count:
        return days
    return [days[round(nth * (len(days) - 1) / (count - 1))] for nth in range(count)]
