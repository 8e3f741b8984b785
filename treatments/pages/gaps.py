"""Free times of the day that a visit would fill, and the patients who could come, ranked.

A hole is offered only where a clinician and a room and a device are free. Who could come is read from stored rows, as in
the lists of calls; the gate at booking runs the rules anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from clinic import clock
from clinic.models import Clinic, Membership, Room
from patients.models import Patient
from treatments.appointments.calls.heard import NEVER, Heard, called_again_on, heard, heard_about, last_word, tag
from treatments.appointments.calls.models import CallOutcome
from treatments.appointments.calls.wishes import fits, wish_words
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.appointments.own_limits import may_take
from treatments.appointments.places import LENGTHS
from treatments.appointments.working_time import Away, Hours, at_work, opening
from treatments.pages.call_rows import SHOWN_OF_PATIENT, days, sentence, session_words, short_day
from treatments.pages.session_calls import CLOSING_DAYS, told_of
from treatments.pages.verdicts import outcome_on
from treatments.pages.waiting import Known, Waiter
from treatments.plans.models import PlannedSession
from treatments.rules.policy import catalogue_for
from treatments.scheduling.free_time import Stretch, without
from treatments.scheduling.slots import Slot, VisitLength, slots
from treatments.screenings.models import ScreeningRecord

# A hole worth offering: a treatment fits, and it is not simply an empty half day.
GAP_MINUTES = range(30, 121)
GRID_MINUTES = 5
# Whoever is booked this much later may be glad of an earlier day; further away nobody looks, however full the diary is.
BOOKED_LATER_DAYS = 28
MAY_COME = ("clear", "caution", "ask")
# In this order they are called.
CLOSING, OVERDUE, WAITING, LATE, TO_BOOK = range(5)


@dataclass(frozen=True)
class Hole:
    """A stretch between the visits of one clinician in which at least one visit fits."""

    clinician: Membership
    starts: datetime
    ends: datetime

    @property
    def minutes(self) -> int:
        return int((self.ends - self.starts).total_seconds() // 60)

    def meets(self, other: tuple[datetime, datetime] | None) -> bool:
        return other is not None and other[0] < self.ends and self.starts < other[1]


@dataclass(frozen=True)
class Filler:
    """Somebody who could come: for what, why the plan gains, what the desk may know, and what was said before."""

    rank: tuple
    name: str
    phone: str
    patient_ref: UUID
    kind: str
    what: str
    reason: str
    state: str
    place: Slot
    planned: PlannedSession | None
    visit_ref: UUID | None
    waiting: Waiter | None
    told: list[Heard]
    declined: bool
    booked_words: str = ""

    @property
    def key(self) -> str:
        """What a form sends back."""
        if self.planned is not None:
            return f"session.{self.planned.ref}"
        return f"waiting.{self.waiting.ref}" if self.waiting is not None else ""

    @property
    def tag(self) -> str:
        return tag(self.told)


@dataclass
class DayHoles:
    """The free stretches of a day and what fits into them. No query: everything is given."""

    clinic: Clinic
    on: date
    now: datetime
    rows: list[Appointment]
    hours: Hours
    away: Away
    rooms: list[Room]
    devices: list[int]
    _places: dict = field(default_factory=dict)

    def places(self, hole: Hole, kind: str, length: VisitLength) -> list[Slot]:
        """Where a visit of that kind and length fits, its treatment inside the hole, earliest first."""
        key = (hole.clinician.pk, hole.starts, hole.ends, kind, length)
        if key not in self._places:
            self._places[key] = list(
                slots(
                    length=length,
                    clinicians={hole.clinician.pk: self._free_in(hole)},
                    rooms=self._rooms,
                    devices=self._devices if kind == Appointment.Kind.TREATMENT else {},
                    patient_busy=[],
                    zone=self.clinic.tz,
                    not_before=self.now,
                    grid_minutes=GRID_MINUTES,
                )
            )
        return self._places[key]

    def fits_anything(self, hole: Hole) -> bool:
        return any(self.places(hole, kind, length) for kind, length in LENGTHS.items())

    def place_for(self, hole: Hole, kind: str, length: VisitLength, entry: Waiter | None) -> Slot | None:
        """The place offered: one that fits her wishes and lies in the hole from its beginning, where there is one."""
        found = [slot for slot in self.places(hole, kind, length) if entry is None or self._wished(entry, slot)]
        whole = (slot for slot in found if slot.start >= hole.starts)
        return next(whole, found[-1] if found else None)

    def _wished(self, entry: Waiter, slot: Slot) -> bool:
        return fits(entry, slot.start.astimezone(self.clinic.tz), slot.clinician)

    def _free_in(self, hole: Hole) -> list[Stretch]:
        busy = [_stretch(row.clinician_during) for row in self._blocking if row.clinician_id == hole.clinician.pk]
        free = without(at_work(hole.clinician.pk, self.hours, self.away, self.on, self.on, self.clinic), busy)
        cut = (Stretch(max(one.start, hole.starts), min(one.end, hole.ends)) for one in free)
        return [one for one in cut if one.start < one.end]

    @cached_property
    def _blocking(self) -> list[Appointment]:
        return [row for row in self.rows if row.status in BLOCKING]

    @cached_property
    def _rooms(self) -> dict[int, list[Stretch]]:
        usable = opening(self.hours, self.away, self.on, self.on, self.clinic)
        return {
            room.pk: without(usable, [_stretch(row.room_during) for row in self._blocking if row.room_id == room.pk])
            for room in self.rooms
            if room.in_service
        }

    @cached_property
    def _devices(self) -> dict[int, list[Stretch]]:
        usable = opening(self.hours, self.away, self.on, self.on, self.clinic)
        return {
            key: without(usable, [_stretch(row.clinician_during) for row in self._blocking if row.device_id == key])
            for key in self.devices
        }

    def between(self, clinician: Membership, first: time, minutes: int) -> Hole:
        """A hole by the wall time it begins at, in this day."""
        starts = datetime.combine(self.on, first, tzinfo=self.clinic.tz).astimezone(clock.UTC)
        return Hole(clinician, starts, starts + timedelta(minutes=minutes))


def _stretch(during) -> Stretch:
    return Stretch(during.lower, during.upper)


# ── Who could come ────────────────────────────────────────────────────────────


@dataclass
class Candidates:
    """Everybody who might fill a free time of a day: the sessions to book (with what the screening says of that day), who
    waits, and who is booked later than best. One query, for the last of them."""

    clinic: Clinic
    on: date
    today: date
    sessions: list[PlannedSession]
    later: list[Appointment]
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
            later=list(booked_later(clinic, on=on, waiting=booked)),
            waiting=waiting,
            there={row.patient_id for row in rows if row.status in BLOCKING},
        )

    def fillers(self, hole: Hole, day: DayHoles) -> list[Filler]:
        """Who could come into this hole, the first to call first; those who said no to it at the end."""
        entries = {entry.planned_session_id: entry for entry in self.waiting if entry.planned_session_id is not None}
        found = [self._unbooked(session, entries.get(session.pk), hole, day) for session in self.sessions]
        found += [self._booked(visit, entries.get(visit.planned_session_id), hole, day) for visit in self.later]
        found += [self._alone(entry, hole, day) for entry in self.waiting if entry.planned_session_id is None]
        known = [filler for filler in found if filler is not None]
        return sorted(known, key=lambda filler: (filler.declined, *filler.rank))

    def can_fill(self, hole: Hole, day: DayHoles) -> int:
        """How many of them are still to be asked."""
        return sum(not filler.declined for filler in self.fillers(hole, day))

    def _unbooked(self, session: PlannedSession, entry: Waiter | None, hole: Hole, day: DayHoles) -> Filler | None:
        is_late = session.latest_on < self.today
        if not session.earliest_on <= self.on <= (self._latest(session) if is_late else session.latest_on):
            return None
        if session.next_on is not None and (session.next_on - self.on).days < session.plan.floor_days:
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
        return self._filler(
            session, rank, reason, entry, hole, day, patient=session.plan.patient, screened=session.screened,
            told=told_of(session), of_sessions=session.plan.sessions_planned, looked_at=is_late,
        )  # fmt: skip

    def _booked(self, visit: Appointment, entry: Waiter | None, hole: Hole, day: DayHoles) -> Filler | None:
        session = visit.planned_session
        too_late = (visit.day - session.target_on).days
        nearer = too_late - abs((self.on - session.target_on).days)
        if nearer <= 0 and entry is None:
            return None
        if entry is not None:
            rank, reason = (WAITING, entry.asked_at.timestamp()), "wants an earlier place"
        else:
            rank, reason = (LATE, -nearer), f"booked {days(too_late)} later than best"
        told = heard(visit.calls, "gap", since=visit.booked_at)
        return self._filler(
            session, rank, reason, entry, hole, day, patient=visit.patient, screened=visit.screened_then,
            told=told, of_sessions=visit.of_sessions, visit=visit,
        )  # fmt: skip

    def _alone(self, entry: Waiter, hole: Hole, day: DayHoles) -> Filler | None:
        """A consultation or a review: no window, no rule."""
        booked_on = entry.booked.day if entry.booked else None
        if booked_on is not None and booked_on <= self.on:
            return None
        reason = "waits for a place" if booked_on is None else "wants an earlier place"
        rank = (WAITING, entry.asked_at.timestamp())
        return self._filler(
            None, rank, reason, entry, hole, day, patient=entry.patient, screened=None,
            told=heard(entry.calls, "waiting"), of_sessions=None,
        )  # fmt: skip

    def _filler(
        self,
        session: PlannedSession | None,
        rank: tuple[int, float],
        reason: str,
        entry: Waiter | None,
        hole: Hole,
        day: DayHoles,
        *,
        patient: Patient | Known,
        screened: dict | None,
        told: list[Heard],
        of_sessions: int | None,
        visit: Appointment | None = None,
        looked_at: bool = False,
    ) -> Filler | None:
        if patient.pk in self.there or not may_take(hole.clinician, session):
            return None
        kind = entry.kind if session is None else Appointment.Kind.TREATMENT
        state = "" if session is None else outcome_on(screened, self.on)[0] if screened else "ask"
        if session is not None and state not in MAY_COME:
            return None
        again_on = called_again_on(told, "waiting" if session is None else "gap", self.clinic.tz)
        said = last_word(told)
        is_for_later = said is not None and said.outcome == CallOutcome.Outcome.CALL_BACK and again_on > self.today
        if again_on == NEVER or is_for_later:
            return None
        length = LENGTHS[kind] if visit is None else _length(visit)
        place = day.place_for(hole, kind, length, entry)
        if place is None:
            return None
        booked = visit.ref if visit is not None else entry.booked.ref if entry and entry.booked else None
        booked_on = visit.day if visit is not None else entry.booked.day if booked else None
        why = f"{reason}; {wish_words(entry)}" if entry is not None else reason
        return Filler(
            rank=(*rank, patient.name_key),
            name=patient.full_name,
            phone=patient.phone,
            patient_ref=patient.ref,
            kind=kind,
            what=session_words(session.number if session else None, of_sessions, Appointment.Kind(kind).label),
            reason=sentence(why),
            state="ask" if looked_at and state else state,
            place=place,
            planned=session,
            visit_ref=booked,
            waiting=entry,
            told=told,
            declined=any(one.outcome == CallOutcome.Outcome.DECLINED and hole.meets(one.hole) for one in told),
            booked_words=f"booked {short_day(booked_on)}" if booked_on else "",
        )

    def _latest(self, session: PlannedSession) -> date:
        """The last day of a late session: until a new baseline is due (see `gates.last_day_for`)."""
        anchor = session.latest_on - timedelta(days=session.plan.latest_days)
        return max(session.latest_on, anchor + timedelta(days=self._new_baseline_days))

    @cached_property
    def _new_baseline_days(self) -> int:
        return catalogue_for(self.clinic, self.today).interval.new_baseline_after_days


def booked_later(clinic: Clinic, *, on: date, waiting: list[int]) -> QuerySet[Appointment]:
    """Visits of the next weeks after a day that lies in the window of their own session, and those (keys) for which an
    earlier place is wanted. One query.

    With `screened_then`: what the newest screening says of that day.
    """
    shown = JSONObject(on=F("on"), purpose="purpose", made_at="made_at", outlook="result__outlook")
    newest = ScreeningRecord.objects.filter(patient=OuterRef("patient"), on__lte=on).order_by("-id")
    return (
        Appointment.objects.filter(
            Q(day__lte=on + timedelta(days=BOOKED_LATER_DAYS)) | Q(pk__in=waiting),
            clinic=clinic,
            kind="treatment",
            status__in=COMING,
            day__gt=on,
            planned_session__earliest_on__lte=on,
            planned_session__latest_on__gte=on,
            planned_session__plan__status="active",
            patient__status="active",
        )
        .annotate(
            of_sessions=F("planned_session__plan__sessions_planned"),
            screened_then=Subquery(newest.annotate(shown=shown).values("shown")[:1]),
            calls=heard_about("planned_session", key="planned_session"),
        )
        .select_related("patient", "planned_session")
        .only(
            "ref", "day", "booked_at", "prep_minutes", "treat_minutes", "turnover_minutes",
            "planned_session__ref", "planned_session__number", "planned_session__earliest_on",
            "planned_session__target_on", "planned_session__latest_on", "planned_session__zones",
            *(f"patient__{name}" for name in SHOWN_OF_PATIENT),
        )
        .order_by("id")
    )  # fmt: skip


def _length(visit: Appointment) -> VisitLength:
    return VisitLength(visit.prep_minutes, visit.treat_minutes, visit.turnover_minutes)


def _in(left: int) -> str:
    return "today" if left == 0 else f"in {days(left)}"
