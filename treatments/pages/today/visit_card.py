"""The chosen visit: who, may she be treated, how far the visit is, where the course stands and what comes next.

The drawer of Today and the page of a visit show the same. Nothing here names a concern, a zone or a rule.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.urls import reverse

from clinic import clock
from clinic.models import Clinic, Membership, Room
from clinic.templatetags.clinic_ui import age_words, date_year, day
from treatments.appointments.free_slots import free_slots
from treatments.appointments.leeway import Leeway, leeway
from treatments.appointments.models import BLOCKING, COMING, PRESENT, Appointment
from treatments.appointments.offers import Offer, offers
from treatments.appointments.own_limits import who_may_take
from treatments.appointments.places import LENGTHS
from treatments.appointments.working_time import Away, Hours, people, time_off
from treatments.pages.header import dot_state, with_states
from treatments.pages.today.verdicts import GONE, Verdict, verdict_of
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.scheduling.offers import Wish, best
from treatments.scheduling.slots import Slot

# The best three lie near the target; looking further costs time and changes nothing.
SEARCHED_DAYS_BEFORE, SEARCHED_DAYS_AFTER = 14, 21
# The small ruler's box and what a label takes of it, in its own units.
BAND_X, BAND_WIDTH, LABEL_WIDTH = 29.6, 236.8, 76.0

STEP_WORDS = {
    "confirmed": "Confirmed",
    "arrived": "Arrived",
    "numbing": "Numbing",
    "in_room": "In room",
    "done": "Done",
}


@dataclass(frozen=True)
class Step:
    label: str
    when: str
    state: str  # past, is or open


@dataclass(frozen=True)
class Act:
    """A step that can be taken now: where to, what the button says, which key presses it."""

    to: str
    label: str
    key: str = ""


@dataclass
class NextSession:
    """The next session of the course without a visit, its window and the best free times in it."""

    planned: PlannedSession
    ruler: dict
    words: str
    offered: list[Offer] = field(default_factory=list)
    why_none: str = ""


@dataclass
class VisitCard:
    visit: Appointment
    who: str
    where: str
    sub: str
    verdict: Verdict | None
    steps: list[Step]
    acts: list[Act]
    undo: str
    now: datetime
    can_move: bool
    can_cancel: bool
    can_miss: bool
    number: int | None = None
    dots: list[dict] = field(default_factory=list)
    course_words: str = ""
    next_session: NextSession | None = None
    # Why it cannot take place as it stands, from `lost_places`: nobody is asked to confirm it.
    why_not: str = ""
    # The course, where it waits: nothing of it is confirmed or moved before a clinician has spoken.
    waiting: TreatmentPlan | None = None
    # The session of the course that this visit is for.
    planned_ref: UUID | None = None
    plan_ref: UUID | None = None
    # "Book 3 and 4 together", where the course has more than one session to book.
    together: str = ""

    @property
    def wait_url(self) -> str:
        """The waiting list, for an earlier place than this one; a query may be added."""
        if self.visit.kind == Appointment.Kind.TREATMENT and self.planned_ref is not None:
            return f"{reverse('treatments:wait_for_session', args=[self.planned_ref])}?"
        return f"{reverse('treatments:wait_for_visit', args=[self.visit.patient.ref])}?kind={self.visit.kind}&"

    @property
    def is_today(self) -> bool:
        return self.visit.day == self.now.astimezone(self.visit.clinic.tz).date()

    @property
    def numbing(self) -> str:
        """How long the cream has been on, of how long; that it is ready is a word."""
        return numbing_words(self.visit, self.now) if self.visit.status == "numbing" else ""

    @property
    def is_here_today(self) -> bool:
        """She has arrived: what she has to answer and to sign she does herself, on a tablet."""
        return self.is_today and self.visit.status in PRESENT

    @property
    def is_coming_treatment(self) -> bool:
        """What she rings about before it is told to a clinician."""
        return self.visit.kind == Appointment.Kind.TREATMENT and self.visit.status in COMING

    @property
    def is_at_the_chair(self) -> bool:
        """A treatment whose patient is here: her questions are asked and her session begins."""
        return self.visit.kind == Appointment.Kind.TREATMENT and self.is_here

    @property
    def is_here(self) -> bool:
        return self.visit.status in PRESENT


def card_of(
    visit: Appointment,
    *,
    now: datetime,
    rooms: list[Room],
    hours: Hours,
    sessions: list[PlannedSession],
    devices: list[int],
    away: Away | None = None,
) -> VisitCard:
    """Everything about a visit from `with_screening`. `sessions`: those of its plan from `with_states`, or none.
    `devices`: keys of those in service.

    Two queries (time off and what is taken) where a next session can be booked, else none.
    """
    today = now.astimezone(visit.clinic.tz).date()
    verdict = verdict_of(visit, today=today)
    on_hold = verdict is not None and verdict.is_on_hold
    why_not = getattr(visit, "why_not", "")
    card = VisitCard(
        visit=visit,
        who=_who(visit, hours),
        where=next((room.name for room in rooms if room.pk == visit.room_id), ""),
        sub=_sub(visit, today),
        verdict=verdict,
        steps=_steps(visit),
        acts=[act for act in _acts(visit, today) if not ((on_hold or why_not) and act.to == "confirmed")],
        why_not=why_not,
        undo=_undo(visit, sessions, now=now),
        now=now,
        can_move=visit.status in COMING and (not on_hold or verdict.paused_until is not None),
        can_cancel=visit.status in (*COMING, "arrived", "numbing"),
        can_miss=visit.status in COMING and visit.during.lower <= now,
        dots=[{"number": session.number, "state": dot_state(session)} for session in sessions],
    )
    if sessions:
        plan = sessions[0].plan
        card.waiting = plan if on_hold else None
        card.plan_ref = plan.ref
        # A cancelled visit of a session that was left out when the course got shorter has none any more.
        if mine := next((session for session in sessions if session.pk == visit.planned_session_id), None):
            card.number, card.planned_ref = mine.number, mine.ref
        card.course_words = course_words(plan, sessions)
        if plan.status == "active" and (planned := next_to_book(sessions)):
            card.next_session = next_session(
                planned, visit=visit, now=now, rooms=rooms, hours=hours, sessions=sessions, devices=devices, away=away
            )
            card.together = _together(sessions)
    return card


def numbing_words(visit: Appointment, now: datetime) -> str:
    """ "Numbing, 12 of 30 min", then "Numbing is ready, 33 of 30 min". numbing.js says the same as it counts on."""
    since = max(0, int((now - visit.numbing_at).total_seconds() // 60))
    is_ready = since >= visit.prep_minutes
    return f"{'Numbing is ready' if is_ready else 'Numbing'}, {since} of {visit.prep_minutes} min"


def _together(sessions: list[PlannedSession]) -> str:
    to_book = [session.number for session in sessions if _waits_for_a_date(session)]
    if len(to_book) < 2:
        return ""
    return f"Book {to_book[0]} {'and' if len(to_book) == 2 else 'to'} {to_book[-1]} together"


def _who(visit: Appointment, hours: Hours) -> str:
    """The clinician, also one who has left meanwhile."""
    known = {person.pk: str(person) for person in people(hours)}
    if visit.clinician_id in known:
        return known[visit.clinician_id]
    return visit.clinician_name or "" if hasattr(visit, "clinician_name") else str(visit.clinician or "")


def sessions_of(visit: Appointment) -> list[PlannedSession]:
    """The sessions of the visit's course with what became of each and their plan; none without a course. One query."""
    if visit.planned_session_id is None:
        return []
    of_course = PlannedSession.objects.filter(plan__planned_sessions=visit.planned_session_id)
    return list(with_states(of_course).select_related("plan"))


def next_to_book(sessions: list[PlannedSession]) -> PlannedSession | None:
    """The first session (from `with_states`) that is neither booked nor done."""
    return next((session for session in sessions if _waits_for_a_date(session)), None)


def _waits_for_a_date(session: PlannedSession) -> bool:
    return dot_state(session) in ("open", "missed") and not _is_taken(session)


def _is_taken(session: PlannedSession) -> bool:
    return bool(session.visit and session.visit["status"] in BLOCKING)


def next_session(
    planned: PlannedSession,
    *,
    visit: Appointment,
    now: datetime,
    rooms: list[Room],
    hours: Hours,
    sessions: list[PlannedSession],
    devices: list[int],
    away: Away | None = None,
) -> NextSession:
    clinic = visit.clinic
    today = now.astimezone(clinic.tz).date()
    window = leeway(planned, _taken(sessions), floor_days=planned.plan.floor_days)
    found = _searched(
        planned, window, visit=visit, now=now, today=today, rooms=rooms, hours=hours, devices=devices, away=away
    )
    wish = Wish(on=max(window.target_on, today), at=visit.starts_at, clinician=visit.clinician_id)
    offered = offers(
        best(found, wish, clinic.tz),
        clinic=clinic,
        clinicians=people(hours),
        rooms=rooms,
        counted_from=day_before(planned, sessions),
        like=(visit.day, visit.starts_at, visit.clinician_id),
    )
    return NextSession(
        planned=planned,
        ruler=window_ruler(planned, window, [offer.starts_at.date() for offer in offered]),
        words=window_words(window),
        offered=offered,
        why_none="" if offered else _why_none(planned, window, today),
    )


def window_words(window: Leeway) -> str:
    said = (
        f"Session {window.number} may be on any day from {_short(window.earliest_on)} to {_short(window.latest_on)}, "
    )
    said += f"best on {_short(window.target_on)}."
    if window.earliest_on == window.latest_on:
        said = f"Session {window.number} may be on {_short(window.earliest_on)} only."
    if window.ended_by is None:
        return said
    later, on = window.ended_by
    return f"{said} Session {later} is booked for {_short(on)}." if window.is_open else ended_words(later, on)


def ended_words(later: int, on: date) -> str:
    return f"Session {later} is booked for {day(on)}, and no day is left before it. Move session {later} first."


def course_words(plan: TreatmentPlan, sessions: list[PlannedSession]) -> str:
    # A course that goes on after a stopped one begins with a later number: those before it are done.
    done = sessions[0].number - 1 + sum(dot_state(session) == "done" for session in sessions)
    apart = apart_words(plan)
    return f"{done} of {plan.sessions_planned} done. {apart}" if done else f"{plan.sessions_planned} sessions. {apart}"


def apart_words(plan: TreatmentPlan) -> str:
    if plan.floor_days == plan.target_days:
        return f"At least {plan.floor_days} days apart."
    return f"At least {plan.floor_days} days apart, best {plan.target_days}."


def day_before(planned: PlannedSession, sessions: list[PlannedSession]) -> date | None:
    """The day of the session before this one where it is known: what the gap is counted from."""
    earlier = next((s for s in sessions if s.number == planned.number - 1), None)
    if earlier is None:
        return None
    if earlier.needling:
        return date.fromisoformat(earlier.needling["on"])
    return date.fromisoformat(earlier.visit["day"]) if _is_taken(earlier) else None


def window_ruler(planned: PlannedSession, window: Leeway, chosen: list[date]) -> dict:
    """The window as the small ruler draws it: band, target and a dot for each offer, the first one larger. Where no day of it
    is left, the whole of it, and words that say so."""
    spoken = window_words(window)
    if not window.is_open:
        window = leeway(planned, {}, floor_days=0)
    length = max((window.latest_on - window.earliest_on).days, 1)

    def x(on: date) -> float:
        share = (on - window.earliest_on).days / length
        return round(BAND_X + BAND_WIDTH * min(1.0, max(0.0, share)), 1)

    target_x = x(window.target_on)
    # A label that would stand in another's place takes it over.
    begins_best, ends_best = target_x - BAND_X < LABEL_WIDTH, BAND_X + BAND_WIDTH - target_x < LABEL_WIDTH
    if chosen:
        spoken += f" Offered: {', '.join(_short(on) for on in chosen)}."
    return {
        "label": spoken,
        "from_x": BAND_X,
        "width": BAND_WIDTH,
        "from_label": "" if begins_best else _short(window.earliest_on),
        "to_label": ""
        if window.target_on == window.latest_on or ends_best and not begins_best
        else _short(window.latest_on),
        "target_x": target_x,
        "target_label": f"best {_short(window.target_on)}",
        "label_x": min(BAND_X + BAND_WIDTH - LABEL_WIDTH / 2, max(BAND_X + LABEL_WIDTH / 2, target_x)),
        "dots": [{"x": x(on), "r": 3 if index else 4.5} for index, on in enumerate(chosen)],
    }


def _searched(
    planned: PlannedSession,
    window: Leeway,
    *,
    visit: Appointment,
    now: datetime,
    today: date,
    rooms: list[Room],
    hours: Hours,
    devices: list[int],
    away: Away | None,
) -> list[Slot]:
    first, last = max(window.earliest_on, today), window.latest_on
    if last < first:
        return []
    near = max(window.target_on, today)
    first = max(first, near - timedelta(days=SEARCHED_DAYS_BEFORE))
    last = min(last, near + timedelta(days=SEARCHED_DAYS_AFTER))
    clinic: Clinic = visit.clinic
    clinicians: list[Membership] = who_may_take(people(hours), planned)
    if away is None:
        away = time_off(clinic, clock.day_bounds(first, clinic.tz)[0], clock.day_bounds(last, clinic.tz)[1])
    return free_slots(
        clinic=clinic,
        patient=visit.patient,
        length=LENGTHS[Appointment.Kind.TREATMENT],
        first_day=first,
        last_day=last,
        clinicians=clinicians,
        now=now,
        rooms=rooms,
        hours=hours,
        devices=devices,
        away=away,
    )


def _taken(sessions: list[PlannedSession]) -> dict[int, date]:
    """Session number to the day it is booked for or was done."""
    return {session.number: date.fromisoformat(session.visit["day"]) for session in sessions if _is_taken(session)}


def _why_none(planned: PlannedSession, window: Leeway, today: date) -> str:
    if planned.latest_on < today:
        return f"The window closed on {_short(planned.latest_on)}. A late session is booked under Other times."
    if window.ended_by and window.latest_on < max(window.earliest_on, today):
        return ended_words(*window.ended_by)
    return "No free time near the best day. Look under Other times."


def _sub(visit: Appointment, today: date) -> str:
    patient = visit.patient
    said = f"{age_words(patient.born_on, today)}, born {date_year(patient.born_on)}"
    return f"{said} · speaks {patient.speaks}" if patient.speaks else said


def _first_word(visit: Appointment) -> str:
    return "Walk-in" if visit.walked_in else "Booked"


def _steps(visit: Appointment) -> list[Step]:
    if visit.status in GONE:
        return [
            Step(_first_word(visit), _when(visit.booked_at, visit), "past"),
            Step(visit.get_status_display(), _when(visit.closed_at, visit), "is"),
        ]
    moments = {name: getattr(visit, f"{name}_at") for name in STEP_WORDS}
    if not visit.prep_minutes:
        del moments["numbing"]
    taken = [name for name, moment in moments.items() if moment]
    last = taken[-1] if taken else ""
    steps = []
    if not moments.pop("confirmed"):
        steps.append(Step(_first_word(visit), _when(visit.booked_at, visit), "is" if not taken else "past"))
    else:
        steps.append(Step("Confirmed", _when(visit.confirmed_at, visit), "is" if last == "confirmed" else "past"))
    for name, moment in moments.items():
        state = "open" if not moment else "is" if name == last else "past"
        steps.append(Step(STEP_WORDS[name], _when(moment, visit), state))
    return steps


def _acts(visit: Appointment, today: date) -> list[Act]:
    """The next steps a press can take, the usual one first."""
    if visit.status in COMING:
        here = [Act("arrived", "Arrived", "a")] if visit.day == today else []
        return here + ([Act("confirmed", "Confirmed", "y")] if visit.status == "booked" and visit.day >= today else [])
    if visit.status == "arrived":
        numb = [Act("numbing", "Numbing begins", "b")] if visit.prep_minutes else []
        return [*numb, Act("in_room", "In room", "i")]
    if visit.status == "numbing":
        return [Act("in_room", "In room", "i")]
    if visit.status == "in_room":
        return [Act("done", "Done", "d")]
    if visit.status == "no_show" and visit.day == today:
        return [Act("arrived", "Came after all", "a")]
    return []


def _undo(visit: Appointment, sessions: list[PlannedSession], *, now: datetime) -> str:
    """What the last step is called, where it can be taken back: a closed visit only while it could be booked there."""
    is_final = {
        "booked": True,
        "cancelled": visit.during.lower < now,
        "no_show": visit.day != now.astimezone(visit.clinic.tz).date(),
    }.get(visit.status, False)
    if visit.status in GONE:
        mine = next((session for session in sessions if session.pk == visit.planned_session_id), None)
        is_final |= mine is not None and (mine.plan.status != "active" or _is_taken(mine))
    return "" if is_final else visit.get_status_display().lower()


def _when(moment: datetime | None, visit: Appointment) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(visit.clinic.tz)
    return f"{local:%H:%M}" if local.date() == visit.day else f"{local:%a} {local.day} {local:%b}"


def _short(on: date) -> str:
    return f"{on.day} {on:%b}"
