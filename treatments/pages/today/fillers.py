"""Who could come into a free time of the day, ranked.

What hangs on the day alone is worked out once for everybody; of a free time only the length, the depth and the wishes are
asked. All of it is read from stored rows, as in the lists of calls; the gate at booking runs the rules anew.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import DateField, F, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject

from clinic.models import Clinic
from clinic.statements import Given, Statement, among
from patients.models import Patient
from treatments.appointments.calls.heard import NEVER, Heard, called_again_on, heard, heard_about, last_word, tag
from treatments.appointments.calls.models import CallOutcome
from treatments.appointments.calls.wishes import wish_words
from treatments.appointments.gates import last_day_for
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.appointments.own_limits import deepest_start_mm, goes_as_deep
from treatments.appointments.places import LENGTHS
from treatments.pages.today.gaps import DayHoles, Hole, Need, Wished
from treatments.pages.today.verdicts import outcome_on
from treatments.pages.worklists.call_rows import days, sentence, session_words, short_day
from treatments.pages.worklists.session_calls import CLOSING_DAYS, told_of
from treatments.pages.worklists.waiting import Known, Waiter
from treatments.plans.models import PlannedSession
from treatments.scheduling.slots import Slot, VisitLength
from treatments.screenings.models import ScreeningRecord

# Whoever is booked this much later may be glad of an earlier day; further away nobody looks, however full the diary is.
BOOKED_LATER_DAYS = 28
MAY_COME = ("clear", "caution", "ask")
# In this order they are called.
CLOSING, OVERDUE, WAITING, LATE, TO_BOOK = range(5)


@dataclass(slots=True)
class Candidate:
    """Somebody who could come on a day: for what, why the plan gains, what the desk may know, and what was said before."""

    rank: tuple
    need: Need
    patient: Patient | Known
    what: str
    reason: str
    state: str
    told: list[Heard]
    session_ref: UUID | None = None
    visit_ref: UUID | None = None
    booked_on: date | None = None
    waiting: Waiter | None = None

    @property
    def name(self) -> str:
        return self.patient.full_name

    @property
    def phone(self) -> str:
        return self.patient.phone

    @property
    def key(self) -> str:
        """What a form sends back."""
        return f"session.{self.session_ref}" if self.session_ref else f"waiting.{self.waiting.ref}"

    @property
    def tag(self) -> str:
        return tag(self.told)

    @property
    def booked_words(self) -> str:
        return f"booked {short_day(self.booked_on)}" if self.booked_on else ""

    @property
    def said_no(self) -> list[tuple[datetime, datetime]]:
        """To which free times."""
        return [one.hole for one in self.told if one.outcome == CallOutcome.Outcome.DECLINED and one.hole]


@dataclass(frozen=True)
class Filler:
    """A candidate with the place that a free time has for her."""

    who: Candidate
    place: Slot
    declined: bool


@dataclass
class Candidates:
    """Everybody who might fill a free time of a day: the sessions to book (with what the screening says of that day), who
    waits, and who is booked later than best. One query, for the last of them."""

    clinic: Clinic
    on: date
    today: date
    sessions: list[PlannedSession]
    later: list["BookedLater"]
    waiting: list[Waiter]
    # Keys of patients who are in the diary of that day.
    there: set[int]

    @classmethod
    def of(
        cls,
        clinic: Clinic,
        *,
        on: date,
        today: date,
        sessions: list[PlannedSession],
        waiting: list[Waiter],
        rows: Iterable[Appointment],
    ) -> "Candidates":
        booked = [entry.booked.pk for entry in waiting if entry.booked is not None]
        return cls(
            clinic=clinic,
            on=on,
            today=today,
            sessions=sessions,
            later=booked_later(clinic, on=on, waiting=booked),
            waiting=waiting,
            there={row.patient_id for row in rows if row.status in BLOCKING},
        )

    def fillers(self, hole: Hole, day: DayHoles) -> list[Filler]:
        """Who could come into this hole, the first to call first; those who said no to it at the end."""
        places = {need: self._place(hole, need, day) for need in self._alike}
        found = [
            Filler(one, place, any(hole.meets(other) for other in one.said_no))
            for one in self._could_come
            if (place := places[one.need]) is not None
        ]
        return sorted(found, key=lambda filler: (filler.declined, *filler.who.rank))

    def can_fill(self, hole: Hole, day: DayHoles) -> int:
        """How many of them are still to be asked."""
        may = {need for need in self._alike if self._place(hole, need, day) is not None}
        said_no = sum(one.need in may and any(hole.meets(other) for other in one.said_no) for one in self._have_said_no)
        return sum(self._alike[need] for need in may) - said_no

    def _place(self, hole: Hole, need: Need, day: DayHoles) -> Slot | None:
        return day.place_for(hole, need) if goes_as_deep(hole.clinician, need.begins_mm) else None

    @cached_property
    def _alike(self) -> Counter[Need]:
        return Counter(one.need for one in self._could_come)

    @cached_property
    def _have_said_no(self) -> list[Candidate]:
        return [one for one in self._could_come if one.said_no]

    @cached_property
    def _could_come(self) -> list[Candidate]:
        """Whoever could come on this day, whatever the hour and whoever treats."""
        entries = {entry.planned_session_id: entry for entry in self.waiting if entry.planned_session_id is not None}
        found = [self._unbooked(session, entries.get(session.pk)) for session in self.sessions]
        found += [self._booked(visit, entries.get(visit.session_id)) for visit in self.later]
        found += [self._alone(entry) for entry in self.waiting if entry.planned_session_id is None]
        return [one for one in found if one is not None]

    def _unbooked(self, session: PlannedSession, entry: Waiter | None) -> Candidate | None:
        plan, is_late = session.plan, session.latest_on < self.today
        if plan.patient_id in self.there or self.on < session.earliest_on or self.on > self._last_day(session):
            return None
        if session.booked_next is not None and self.on > _last_before(session):
            return None
        told = told_of(session)
        state = self._state(session.screened)
        if state not in MAY_COME or self._is_for_later(told, "gap"):
            return None
        left = (session.latest_on - self.today).days
        if is_late:
            rank, reason = (OVERDUE, left), f"window closed {days(-left)} ago"
        elif left <= CLOSING_DAYS:
            rank, reason = (CLOSING, left), f"window closes {_in(left)}"
        elif entry is not None:
            rank, reason = (WAITING, entry.asked_at.timestamp()), "waits for a place"
        else:
            rank, reason = (TO_BOOK, left), f"not booked yet, until {short_day(session.latest_on)}"
        return Candidate(
            rank=(*rank, plan.patient.name_key),
            need=_need("treatment", LENGTHS["treatment"], session.zones, entry),
            patient=plan.patient,
            what=session_words(session.number, plan.sessions_planned, "Treatment"),
            reason=_with_wishes(reason, entry),
            # A clinician looks first at who is late.
            state="ask" if is_late else state,
            told=told,
            session_ref=session.ref,
            waiting=entry,
        )

    def _booked(self, visit: "BookedLater", entry: Waiter | None) -> Candidate | None:
        if visit.patient.pk in self.there:
            return None
        told = heard(visit.calls, "gap", since=visit.booked_at)
        state = self._state(visit.screened)
        if state not in MAY_COME or self._is_for_later(told, "gap"):
            return None
        too_late = (visit.day - visit.target_on).days
        if entry is not None:
            rank, reason = (WAITING, entry.asked_at.timestamp()), "wants an earlier place"
        else:
            nearer = too_late - abs((self.on - visit.target_on).days)
            rank, reason = (LATE, -nearer), f"booked {days(too_late)} later than best"
        return Candidate(
            rank=(*rank, visit.patient.name_key),
            need=_need("treatment", visit.length, visit.zones, entry),
            patient=visit.patient,
            what=session_words(visit.number, visit.of_sessions, "Treatment"),
            reason=_with_wishes(reason, entry),
            state=state,
            told=told,
            session_ref=visit.session_ref,
            visit_ref=visit.ref,
            booked_on=visit.day,
            waiting=entry,
        )

    def _alone(self, entry: Waiter) -> Candidate | None:
        """A consultation or a review: no window, no rule."""
        booked = entry.booked
        if entry.patient.pk in self.there or (booked is not None and booked.day <= self.on):
            return None
        told = heard(entry.calls, "waiting")
        if self._is_for_later(told, "waiting"):
            return None
        reason = "waits for a place" if booked is None else "wants an earlier place"
        return Candidate(
            rank=(WAITING, entry.asked_at.timestamp(), entry.patient.name_key),
            need=_need(entry.kind, LENGTHS[entry.kind], (), entry),
            patient=entry.patient,
            what=session_words(None, None, Appointment.Kind(entry.kind).label),
            reason=_with_wishes(reason, entry),
            state="",
            told=told,
            visit_ref=booked.ref if booked else None,
            booked_on=booked.day if booked else None,
            waiting=entry,
        )

    def _last_day(self, session: PlannedSession) -> date:
        session.plan.clinic = self.clinic
        return last_day_for(session, session.plan, today=self.today)

    def _state(self, screened: dict | None) -> str:
        return outcome_on(screened, self.on)[0] if screened else "ask"

    def _is_for_later(self, told: list[Heard], list_code: str) -> bool:
        """Nobody calls any more, or on another day."""
        if not told:
            return False
        again_on, said = called_again_on(told, list_code, self.clinic.tz), last_word(told)
        is_another_day = said is not None and said.outcome == CallOutcome.Outcome.CALL_BACK and again_on > self.today
        return again_on == NEVER or is_another_day


def _last_before(session: PlannedSession) -> date:
    """The last day that leaves the floor to the next booked session, and to each in between that has no visit yet."""
    booked = session.booked_next
    floors = booked["number"] - session.number
    return date.fromisoformat(booked["on"]) - timedelta(days=floors * session.plan.floor_days)


def _need(kind: str, length: VisitLength, zones: Iterable[dict], entry: Waiter | None) -> Need:
    wished = None
    if entry is not None:
        wished = Wished(tuple(entry.weekdays), entry.from_time, entry.until_time, entry.clinician_id)
    return Need(kind, length, deepest_start_mm(zones), wished)


def _with_wishes(reason: str, entry: Waiter | None) -> str:
    return sentence(f"{reason}; {wish_words(entry)}" if entry is not None else reason)


def _in(left: int) -> str:
    return "today" if left == 0 else f"in {days(left)}"


# ── Who is booked later than best ─────────────────────────────────────────────


@dataclass(slots=True)
class BookedLater:
    """A visit that would be better earlier: thousands may be, so they are no rows of models."""

    ref: UUID
    day: date
    booked_at: datetime
    length: VisitLength
    session_id: int
    session_ref: UUID
    number: int
    of_sessions: int
    target_on: date
    zones: list[dict]
    patient: Known
    screened: dict | None
    calls: list[dict]


READ_OF_LATER = (
    "ref", "day", "booked_at", "prep_minutes", "treat_minutes", "turnover_minutes", "planned_session_id",
    "planned_session__ref", "planned_session__number", "planned_session__plan__sessions_planned",
    "planned_session__target_on", "planned_session__zones", "patient_id", "patient__ref", "patient__given_name",
    "patient__family_name", "patient__phone", "patient__name_key", "screened_then", "calls",
)  # fmt: skip


def booked_later(clinic: Clinic, *, on: date, waiting: list[int]) -> list[BookedLater]:
    """Visits after a day that lies in the window of their own session, where it is nearer to the best day than theirs (for
    the next weeks), or (keys) an earlier place is wanted. One query."""
    until = on + timedelta(days=BOOKED_LATER_DAYS)
    found = _later_than(bool(waiting)).rows(clinic=clinic.pk, on=on, until=until, waiting=waiting)
    return [_later(row) for row in found]


@lru_cache
def _later_than(waiting: bool) -> Statement:
    """With `screened_then`: what the newest screening says of that day. `waiting`: whether anybody wants an earlier place; where
    nobody does, the next weeks are all that is looked through."""
    shown = JSONObject(on=F("on"), purpose="purpose", made_at="made_at", outlook="result__outlook")
    on = Given("on", DateField())
    newest = ScreeningRecord.objects.filter(patient=OuterRef("patient"), on__lte=on).order_by("-id")
    target_on = F("planned_session__target_on")
    # Since the visit is later than the day, it is further away from its best day exactly where that lies nearer to the day.
    would_gain = Q(too_late__gt=target_on - on, day__lte=Given("until", DateField()))
    wanted = would_gain | Q(among("pk", Given("waiting", ArrayField(IntegerField())))) if waiting else would_gain
    return Statement(
        Appointment.objects.annotate(too_late=F("day") - target_on)
        .filter(
            wanted,
            clinic=Given("clinic", IntegerField()),
            kind="treatment",
            status__in=COMING,
            day__gt=on,
            planned_session__earliest_on__lte=on,
            planned_session__latest_on__gte=on,
            planned_session__plan__status="active",
            patient__status="active",
        )
        .annotate(
            screened_then=Subquery(newest.annotate(shown=shown).values("shown")[:1]),
            calls=heard_about("planned_session", key="planned_session"),
        )
        .order_by("id")
        .values_list(*READ_OF_LATER)
    )


def _later(row: tuple) -> BookedLater:
    (
        ref, day, booked_at, prep, treat, turnover, session_id, session_ref, number, of_sessions, target_on, zones,
        patient_id, patient_ref, given_name, family_name, phone, name_key, screened, calls,
    ) = row  # fmt: skip
    return BookedLater(
        ref=ref,
        day=day,
        booked_at=booked_at,
        length=VisitLength(prep, treat, turnover),
        session_id=session_id,
        session_ref=session_ref,
        number=number,
        of_sessions=of_sessions,
        target_on=target_on,
        zones=zones,
        patient=Known(patient_id, patient_ref, f"{given_name} {family_name}", phone, name_key),
        screened=screened,
        calls=calls,
    )
