"""What a visit must meet before it takes a place in the diary, each refusal in its own sentence.

Booking, moving and taking back a cancelled visit ask the same gates, under the lock of the course.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic
from patients.models import Patient
from treatments.appointments.models import BLOCKING, Appointment
from treatments.appointments.own_limits import may_take
from treatments.appointments.places import Place
from treatments.appointments.working_time import Duty
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol import changes
from treatments.protocol.planning import Window
from treatments.protocol.screening import PERMITS, Screening
from treatments.protocol.wording import desk_sentence
from treatments.rules.models import Device
from treatments.rules.policy import catalogue_for
from treatments.scheduling.free_time import holds, meets
from treatments.screenings import services as screenings
from treatments.screenings.services import NotPermitted


class SlotTaken(DomainError):
    """Somebody was faster. The view offers the nearest free times."""


class OutsideWindow(DomainError):
    """The day is not one on which this session may be."""


class AlreadyBooked(DomainError):
    """This session of the course has a visit: somebody booked it in between."""


def refuse_foreign(clinic: Clinic, place: Place, patient: Patient, planned: PlannedSession | None) -> None:
    """Faults of a caller that no person can make in a form, but a script can."""
    if any(part.clinic_id != clinic.pk for part in (place.clinician, place.room, place.device) if part is not None):
        raise DomainError("Choose a clinician, a room and a device of this clinic.")
    refuse_somebody_elses(patient, planned and planned.plan)


def refuse_somebody_elses(patient: Patient, plan: TreatmentPlan | None) -> None:
    """Asked again under the lock of the course: a merge that was taken back meanwhile has given it to another record."""
    if plan is not None and plan.patient_id != patient.pk:
        raise DomainError("This session belongs to somebody else's course. Book it from the patient's own course.")


def refuse_closed(patient: Patient, *, is_new: bool) -> None:
    """Of a record that is closed nothing is booked. Who has moved away may still come for what she has."""
    if patient.status == Patient.Status.ACTIVE or (patient.status == Patient.Status.MOVED_AWAY and not is_new):
        return
    if patient.status == Patient.Status.MERGED:
        raise DomainError("This record is part of another one now. Open that one and book there.")
    raise DomainError(f"This record is closed: {patient.get_status_display().lower()}. Open it again first.")


def refuse_past(start: datetime, *, now: datetime) -> None:
    if start < now:
        raise DomainError("This time has passed. Choose a later one.", field="starts_at")


def refuse_off_duty(place: Place, start: datetime, planned: PlannedSession | None, on_duty: Duty) -> None:
    """Who has left, who is not in, what is out of service, a closed clinic; and who does not go as deep as `planned` begins
    (why is not for the desk). `on_duty`: who works that day, read under the lock of whom it is about."""
    if not place.clinician.is_active:
        raise DomainError(f"{place.clinician} has left. Choose another clinician.", field="clinician")
    if not place.clinician.sees_patients:
        raise DomainError(f"{place.clinician} does not see patients here. Choose another clinician.", field="clinician")
    if not may_take(place.clinician, planned):
        raise DomainError(
            f"{place.clinician} does not take this session. Choose another clinician.",
            field="clinician",
        )
    if not place.room.in_service:
        raise DomainError(f"{place.room} is out of service. Choose another room.", field="room")
    if place.device is not None and not place.device.in_service:
        raise DomainError(f"{place.device} is out of service. Choose another device.")
    held = place.length.stretches(start)
    if meets(on_duty.closed(), held.patient):
        raise DomainError("The clinic is closed then. Choose another day or time.", field="starts_at")
    working = on_duty.working(place.clinician, place.day)
    if not holds(working, held.clinician):
        hours = ", ".join(f"{_wall(s.start, place)} to {_wall(s.end, place)}" for s in working) or "not at all that day"
        raise DomainError(f"{place.clinician} works {hours}. Choose another time or clinician.", field="starts_at")


def marks_to_ask(
    patient: Patient,
    planned: PlannedSession | None,
    plan: TreatmentPlan | None,
    day: date,
    *,
    moving: Appointment | None = None,
) -> bool:
    """May this session of the course be on that day? True where a clinician looks again first: late, or a question is open.

    `moving`: the visit that holds this session already. Raises OutsideWindow, AlreadyBooked, NotPermitted, or DomainError
    where the course is not under way.
    """
    if planned is None or plan is None:
        raise DomainError("A treatment belongs to a session of a course. Book it from the course.")
    if moving is None or not goes_behind_the_pause(plan, day):
        _refuse_inactive(plan)
    # Read under the lock: what was booked meanwhile may have moved its window.
    days = fixed_days(plan)
    if moving is None and planned.number in days:
        raise AlreadyBooked(f"This session of the course is already booked for {_words(days[planned.number])}.")
    return _marks(patient, plan, days | {planned.number: day}, [planned.number])[planned.number]


def goes_behind_the_pause(plan: TreatmentPlan, day: date) -> bool:
    """Of a course that is paused nothing is booked, but a visit that it has may move to a day after the pause."""
    return plan.paused_until is not None and day > plan.paused_until


def marks_to_ask_together(
    patient: Patient,
    plan: TreatmentPlan,
    days: Mapping[int, date],
    moved: Collection[int],
    *,
    sessions: Sequence[PlannedSession] | None = None,
    device: Device | None = None,
    now: datetime | None = None,
) -> dict[int, bool]:
    """The same for sessions of a course that move at once: each is judged by where all of them will be.

    `days`: session number to its day, done, booked or new. Returns for each of `moved` whether a clinician looks again first.
    Who has read them already gives the sessions of the course by number, the device it is judged with, and the moment.
    """
    _refuse_inactive(plan)
    return _marks(patient, plan, days, moved, sessions=sessions, device=device, now=now)


def _marks(
    patient: Patient,
    plan: TreatmentPlan,
    days: Mapping[int, date],
    moved: Collection[int],
    *,
    sessions: Sequence[PlannedSession] | None = None,
    device: Device | None = None,
    now: datetime | None = None,
) -> dict[int, bool]:
    today = (now or clock.now()).astimezone(plan.clinic.tz).date()
    windows = plans.windows(plan, fixed=days) if sessions is None else plans.windows_of(plan, sessions, days)
    screened = _screened(patient, days, moved, today=today, device=device)
    marks = {}
    for number in sorted(moved):
        if number not in windows:
            raise DomainError(f"Session {number} is no longer part of this course: it was made shorter.")
        screening = screened[days[number]]
        is_late = _refuse_outside_window(plan, windows[number], days[number], today=today)
        _refuse_too_close(plan, days, number, moved=moved, screened=screened)
        _refuse_not_permitted(patient, screening)
        marks[number] = screening.outcome == "ask" or is_late
    return marks


def refuse_too_close(patient: Patient, plan: TreatmentPlan, planned: PlannedSession, day: date) -> None:
    """Who came after all is where she was booked: nothing that was booked since lies nearer than the floor."""
    days, moved = fixed_days(plan) | {planned.number: day}, [planned.number]
    screened = _screened(patient, days, moved, today=clock.today(plan.clinic))
    _refuse_too_close(plan, days, planned.number, moved=moved, screened=screened)


def _screened(
    patient: Patient, days: Mapping[int, date], moved: Collection[int], *, today: date, device: Device | None = None
) -> dict[date, Screening]:
    """What the rules say on the day of each session that moves, and of the one after it: each day asks for its own floor."""
    after = {min((n for n in days if n > number), default=number) for number in moved}
    asked = {days[number] for number in {*moved, *after}}
    return screenings.look_on(patient, asked, purpose="booking", today=today, device=device)


def _refuse_too_close(
    plan: TreatmentPlan,
    days: Mapping[int, date],
    number: int,
    *,
    moved: Collection[int],
    screened: Mapping[date, Screening],
) -> None:
    """Raises OutsideWindow where a session lies nearer than the floor, or leaves no room for one that has no visit yet."""
    day, floor_days = days[number], _floor_days(plan, screened[days[number]])
    before = max((n for n in days if n < number), default=None)
    if before is not None:
        least = (number - before) * floor_days
        if (day - days[before]).days < least:
            raise OutsideWindow(
                f"Session {before} is on {_words(days[before])}: {_between(before, number, least)}", field="day"
            )
    after = min((n for n in days if n > number), default=None)
    if after is not None:
        least = (after - number) * _floor_days(plan, screened[days[after]])
        if (days[after] - day).days < least:
            way_out = "" if after in moved else " Move that one first."
            raise OutsideWindow(
                f"Session {after} is booked for {_words(days[after])}: {_between(number, after, least)}{way_out}",
                field="day",
            )


def _between(before: int, after: int, least: int) -> str:
    if after - before == 1:
        return f"at least {least} days lie between two."
    missing = " and ".join(str(number) for number in range(before + 1, after))
    return f"session {missing} has to fit in between, so at least {least} days lie between the two."


def last_day_for(planned: PlannedSession | Window, plan: TreatmentPlan, *, today: date) -> date:
    """The last day a session may be booked for: the end of its window while that is open.

    Once it has closed the series may still go on (the protocol: late until a new baseline is due).
    """
    if today <= planned.latest_on:
        return planned.latest_on
    anchor = planned.latest_on - timedelta(days=plan.latest_days)
    return max(
        planned.latest_on, anchor + timedelta(days=catalogue_for(plan.clinic, today).interval.new_baseline_after_days)
    )


def _refuse_inactive(plan: TreatmentPlan) -> None:
    if plan.is_paused:
        until = f"until {_words(plan.paused_until)}" if plan.paused_until else "for now"
        raise DomainError(f"This course is paused {until}: none of its sessions is booked before it goes on.")
    if plan.status != TreatmentPlan.Status.ACTIVE:
        raise DomainError(
            "This course is not active: none of its sessions can be booked or moved. Activate the plan first."
        )


def _refuse_not_permitted(patient: Patient, screening: Screening) -> None:
    if not PERMITS[screening.outcome].book:
        said = desk_sentence(screening, catalogue_for(patient.clinic, screening.on))
        raise NotPermitted(f"{said}.", screening=screening, field="day")


def fixed_days(plan: TreatmentPlan) -> dict[int, date]:
    """Session number to the day it is booked for or was done."""
    booked = Appointment.objects.filter(planned_session__plan=plan, status__in=BLOCKING, session_counts=True)
    return dict(booked.values_list("planned_session__number", "day"))


def _refuse_outside_window(plan: TreatmentPlan, window: Window, day: date, *, today: date) -> bool:
    """Raises OutsideWindow; True where the day is late and a clinician looks again first."""
    if day < window.earliest_on:
        raise OutsideWindow(
            f"Not before {_words(window.earliest_on)}: the shortest interval of this course.", field="day"
        )
    last_on = last_day_for(window, plan, today=today)
    if day > last_on:
        way_out = (
            "Ask a clinician to assess and plan again." if last_on > window.latest_on else "Choose an earlier day."
        )
        raise OutsideWindow(
            f"Not after {_words(last_on)}: the window of this session ends then. {way_out}", field="day"
        )
    return day > window.latest_on


def _floor_days(plan: TreatmentPlan, screening: Screening) -> int:
    """The plan keeps the interval it was made with; where the rules of the visit's day ask for a longer one, they win."""
    return max(plan.floor_days, changes.floor_days(screening.changes, catalogue_for(plan.clinic, screening.on)))


def _wall(moment: datetime, place: Place) -> str:
    return f"{moment.astimezone(place.clinician.clinic.tz):%H:%M}"


def _words(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
