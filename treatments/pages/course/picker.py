"""Choosing a time: the wishes, the window in words and as a ruler, and the free visits by day."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property

from django.http import QueryDict

from clinic import clock
from clinic.models import Clinic, Membership, Room
from clinic.templatetags.clinic_ui import date_words, date_year
from patients.models import Patient
from treatments.appointments.forms import MOST_SHOWN, WishForm
from treatments.appointments.free_slots import devices_in_service, free_slots
from treatments.appointments.gates import fixed_days, last_day_for
from treatments.appointments.leeway import Leeway, leeway, next_booked
from treatments.appointments.models import BLOCKING, Appointment
from treatments.appointments.offers import Offer, offers
from treatments.appointments.own_limits import who_may_take
from treatments.appointments.places import LENGTHS, Place
from treatments.appointments.working_time import people, time_off, weekly_hours
from treatments.pages.today.verdicts import Verdict
from treatments.pages.today.visit_card import ended_words, window_ruler, window_words
from treatments.plans.models import PlannedSession
from treatments.protocol import changes
from treatments.protocol.screening import PERMITS, Screening
from treatments.protocol.wording import desk_sentence
from treatments.rules.policy import catalogue_for
from treatments.scheduling import offers as ranking
from treatments.scheduling.slots import Slot, VisitLength
from treatments.screenings import services as screenings

SHOWN_FIRST = 12
# A day with forty free starts is not forty choices: a few of each, far enough apart to differ.
A_DAY, APART = 4, timedelta(minutes=60)
# Visits without a window are looked for this far ahead.
OPEN_HORIZON_DAYS = 42
# A free time does not outlive the days around it by much.
NEAR_DAYS = 21


@dataclass(frozen=True)
class Choice:
    """For whom, for what and when: what the search for free times starts from."""

    clinic: Clinic
    patient: Patient
    kind: str
    now: datetime
    planned: PlannedSession | None = None
    moving: Appointment | None = None
    counted_from: date | None = None
    # Somebody who stands at the desk: whoever is free soonest, today.
    is_here: bool = False

    @property
    def today(self) -> date:
        return self.now.astimezone(self.clinic.tz).date()

    @property
    def length(self) -> VisitLength:
        if self.moving is not None:
            return VisitLength(self.moving.prep_minutes, self.moving.treat_minutes, self.moving.turnover_minutes)
        return LENGTHS[Appointment.Kind(self.kind)]

    @cached_property
    def taken(self) -> dict[int, date]:
        """Session number to its day, of the course this visit belongs to. One query."""
        return fixed_days(self.planned.plan) if self.planned is not None else {}

    @property
    def next_booked(self) -> int | None:
        """The number of the session after this one that is booked."""
        return next_booked(self.taken, self.planned.number) if self.planned is not None else None

    @cached_property
    def own_clinician(self) -> int | None:
        """The key of whose visit this is: hers who has it, or had the last of the course. One query at most."""
        if self.moving is not None or self.planned is None:
            return self.moving.clinician_id if self.moving is not None else None
        of_course = Appointment.objects.filter(planned_session__plan=self.planned.plan, status__in=BLOCKING)
        return of_course.order_by("-during").values_list("clinician_id", flat=True).first()


@dataclass(frozen=True)
class Span:
    """First and last day on which a visit may be; an empty span where there is none. `said`: what the rules say of the first
    day that would do, `deciding` of the first day that they allow. `leeway`: of a session."""

    first: date
    last: date
    said: Screening | None = None
    deciding: Screening | None = None
    leeway: Leeway | None = None

    @property
    def is_refused(self) -> bool:
        return self.deciding is not None and not PERMITS[self.deciding.outcome].book


@dataclass
class Staff:
    """Who, which rooms and which devices (their keys) there are to choose from."""

    clinicians: list[Membership]
    rooms: list[Room]
    devices: list[int]
    hours: dict

    @classmethod
    def of(cls, clinic: Clinic) -> "Staff":
        hours = weekly_hours(clinic)
        clinicians = people(hours)
        for person in clinicians:
            person.clinic = clinic
        rooms = list(clinic.rooms.filter(in_service=True))
        return cls(clinicians=clinicians, rooms=rooms, devices=devices_in_service(clinic), hours=hours)


@dataclass
class Picker:
    """What the page shows above its form. `days`: each day with its free times."""

    choice: Choice
    wish: WishForm
    verdict: Verdict | None
    days: list[tuple[date, list[Offer]]]
    first_day: date
    last_day: date
    is_late: bool
    more: str = ""
    earlier: str = ""
    why_none: str = ""
    words: str = ""
    ruler: dict | None = None
    refused: bool = False
    # What was asked for and cannot be, with what is shown instead.
    notice: str = ""
    # No other visit of the course may have to move with this one.
    moves_alone: bool = True


def pick(choice: Choice, staff: Staff, asked: QueryDict) -> Picker:
    """Free times for a choice and the wishes in the query of the page."""
    span = _span(choice)
    first, last = span.first, span.last
    target = span.leeway.target_on if span.leeway else first
    start = min(max(first, target), max(first, last))
    wish = WishForm(asked, clinicians=staff.clinicians, first_day=start, shown=SHOWN_FIRST)
    from_day = min(max(wish.from_day, first), max(first, last))
    found = [] if span.is_refused else _wished(choice, staff, wish, from_day, last)
    kept = _soonest_of_each(found) if choice.is_here else _thinned(found, choice)
    shown = offers(
        kept[: wish.shown],
        clinic=choice.clinic,
        clinicians=staff.clinicians,
        rooms=staff.rooms,
        counted_from=choice.counted_from,
    )
    is_late = _is_late(choice)
    picker = Picker(
        choice=choice,
        wish=wish,
        verdict=_verdict(span.said, choice),
        days=_by_day(shown),
        first_day=first,
        last_day=last,
        is_late=is_late,
        refused=span.is_refused,
        more=_more(asked, wish, len(kept)),
        earlier=_changed(asked, first_day=first.isoformat()) if from_day > first else "",
        words=_window(choice, span),
        ruler=None if is_late else _ruler(choice, span, shown),
        notice="" if span.is_refused or last < first else _notice(choice, span, wish.asked_day),
        moves_alone=choice.next_booked is None,
    )
    picker.why_none = "" if shown else _why_none(choice, span, asked)
    return picker


def nearest_free(choice: Choice, staff: Staff, place: Place, count: int = 3) -> list[Offer]:
    """The free times nearest to one that cannot be had: those of its clinician, and the nearest of anybody's."""
    span = _span(choice)
    if span.is_refused:
        return []
    wanted = datetime.combine(place.day, place.starts_at, tzinfo=choice.clinic.tz).astimezone(clock.UTC)
    near = timedelta(days=NEAR_DAYS)
    found = _free(choice, staff, staff.clinicians, max(span.first, place.day - near), min(span.last, place.day + near))
    chosen = ranking.nearest([slot for slot in found if slot.clinician == place.clinician.pk], wanted, count - 1)
    starts = {slot.start for slot in chosen}
    chosen += ranking.nearest([slot for slot in found if slot.start not in starts], wanted, count - len(chosen))
    return offers(
        sorted(chosen),
        clinic=choice.clinic,
        clinicians=staff.clinicians,
        rooms=staff.rooms,
        counted_from=choice.counted_from,
    )


def taken_words(said: str, *, was_offered: bool) -> str:
    """ "Just taken: Tue 16 Mar, 11:00." of a time that was offered, so was free a moment ago; of one that somebody chose for
    herself only "Taken": it may have been another's for weeks."""
    return said if was_offered else said.replace("Just taken", "Taken", 1)


def _span(choice: Choice) -> Span:
    """The days on which a visit may be, by its window, by the rules and by what is booked of its course; of somebody who is
    here, today or none."""
    span = _allowed(choice)
    return replace(span, last=min(span.last, choice.today)) if choice.is_here else span


def _allowed(choice: Choice) -> Span:
    planned, today = choice.planned, choice.today
    first = today if planned is None else max(planned.earliest_on, today)
    last = today + timedelta(days=OPEN_HORIZON_DAYS)
    if choice.kind != Appointment.Kind.TREATMENT or planned is None:
        return Span(first, last)
    if planned.plan.paused_until is not None:
        first = max(first, planned.plan.paused_until + timedelta(days=1))
    # Who moves may take the later visits along.
    taken = choice.taken if choice.moving is None else {}
    after = next_booked(taken, planned.number)
    looked = _screened(choice, first, *([] if after is None else [taken[after]]))
    said = deciding = looked[first]
    if said.earliest_on and said.earliest_on > first:
        first = said.earliest_on
        # Behind a date may stand what only a clinician lifts: what holds on that day decides.
        deciding = _screened(choice, first)[first]
    able = leeway(
        planned,
        taken,
        floor_days=_floor_days(choice, deciding),
        floor_after=None if after is None else _floor_days(choice, looked[taken[after]]),
        latest_on=last_day_for(planned, planned.plan, today=today),
    )
    return Span(max(first, able.earliest_on), able.latest_on, said, deciding, able)


def _floor_days(choice: Choice, screening: Screening) -> int:
    """As the gates count: the plan's own, or what the rules of that day ask for where it is longer."""
    rules = catalogue_for(choice.clinic, screening.on)
    return max(choice.planned.plan.floor_days, changes.floor_days(screening.changes, rules))


def _is_late(choice: Choice) -> bool:
    """The window of its session has closed, and the course may go on all the same."""
    planned = choice.planned
    return planned is not None and last_day_for(planned, planned.plan, today=choice.today) > planned.latest_on


def _wished(choice: Choice, staff: Staff, wish: WishForm, first: date, last: date) -> list[Slot]:
    since, until = wish.hours
    zone = choice.clinic.tz
    found = _free(choice, staff, wish.clinicians, first, last)
    return [slot for slot in found if since <= slot.start.astimezone(zone).time() < until]


def _free(choice: Choice, staff: Staff, clinicians: list[Membership], first: date, last: date) -> list[Slot]:
    if last < first:
        return []
    clinic = choice.clinic
    return free_slots(
        clinic=clinic,
        patient=choice.patient,
        length=choice.length,
        first_day=first,
        last_day=last,
        clinicians=who_may_take(clinicians, choice.planned),
        now=choice.now,
        ignore=choice.moving,
        rooms=staff.rooms,
        devices=staff.devices if choice.kind == Appointment.Kind.TREATMENT else (),
        hours=staff.hours,
        away=time_off(clinic, clock.day_bounds(first, clinic.tz)[0], clock.day_bounds(last, clinic.tz)[1]),
    )


def _thinned(found: list[Slot], choice: Choice) -> list[Slot]:
    """A few times of each day, from its first to its last, each moment once: of the visit's own clinician before others."""
    of_day: dict[date, list[Slot]] = defaultdict(list)
    for slot in found:
        of_day[slot.start.astimezone(choice.clinic.tz).date()].append(slot)
    kept: list[Slot] = []
    for slots in of_day.values():
        few = _spread([slot for slot in slots if slot.clinician == choice.own_clinician], A_DAY)
        few += _spread([slot for slot in slots if _is_apart(slot, few)], A_DAY - len(few))
        kept += sorted(few)
    return kept


def _soonest_of_each(found: list[Slot]) -> list[Slot]:
    """The first time of each clinician."""
    first: dict[int, Slot] = {}
    for slot in found:
        first.setdefault(slot.clinician, slot)
    return sorted(first.values())


def _spread(slots: list[Slot], count: int) -> list[Slot]:
    """Some of them, each an hour at least from the next, as evenly as they lie."""
    apart: list[Slot] = []
    for slot in slots:
        if _is_apart(slot, apart[-1:]):
            apart.append(slot)
    if len(apart) <= count:
        return apart
    if count < 2:
        return apart[:count]
    return [apart[round(n * (len(apart) - 1) / (count - 1))] for n in range(count)]


def _is_apart(slot: Slot, others: list[Slot]) -> bool:
    return all(abs(slot.start - other.start) >= APART for other in others)


def _by_day(shown: list[Offer]) -> list[tuple[date, list[Offer]]]:
    days: dict[date, list[Offer]] = defaultdict(list)
    for offer in shown:
        days[offer.starts_at.date()].append(offer)
    return list(days.items())


def _screened(choice: Choice, *days: date) -> dict[date, Screening]:
    """What the rules say of these days. Never with its reasons."""
    return screenings.look_on(choice.patient, set(days), purpose="booking", today=choice.today)


def _verdict(screening: Screening | None, choice: Choice) -> Verdict | None:
    if screening is None:
        return None
    notes = {
        "ask": "It may be booked: the visit is marked until the questions are answered.",
        "needs_clinician": "Nothing can be booked until a clinician has decided.",
        "block": "" if screening.earliest_on else "Nothing can be booked until a clinician has decided.",
    }
    said = desk_sentence(screening, catalogue_for(choice.clinic, choice.today))
    return Verdict(screening.outcome, said, notes.get(screening.outcome, ""), screening.earliest_on)


def _window(choice: Choice, span: Span) -> str:
    planned, able = choice.planned, span.leeway
    if planned is None or able is None:
        return ""
    if not _is_late(choice):
        return window_words(able)
    closed = f"The window of session {planned.number} closed on {date_words(planned.latest_on)}."
    if span.last < span.first and able.ended_by:
        return f"{closed} {ended_words(*able.ended_by)}"
    return f"{closed} A late session may be booked until {date_year(span.last)}, and a clinician looks again first."


def _ruler(choice: Choice, span: Span, shown: list[Offer]) -> dict | None:
    if choice.planned is None or span.leeway is None:
        return None
    days = list(dict.fromkeys(offer.starts_at.date() for offer in shown))
    return window_ruler(choice.planned, span.leeway, days)


def _notice(choice: Choice, span: Span, asked_on: date | None) -> str:
    """A first day was asked for on which the visit cannot be: the times shown are others, and that is said."""
    if asked_on is None or span.first <= asked_on <= span.last:
        return ""
    if asked_on < span.first:
        return f"{date_year(asked_on)} is too early for this visit. It may be from {date_year(span.first)} on."
    if choice.planned is None:
        return f"Free times are looked for until {date_year(span.last)}. For a later day enter another time."
    return f"{date_year(asked_on)} is too late for this visit. It may be until {date_year(span.last)}."


def _why_none(choice: Choice, span: Span, asked: QueryDict) -> str:
    if span.is_refused:
        return "A clinician has to decide first. Ask one of them to open the screening."
    if choice.is_here and span.first > choice.today:
        return f"This visit may not be today: it may be from {date_year(span.first)} on. Book it for then."
    if choice.is_here and span.last == choice.today:
        return "Nobody is free any more today. Enter a time yourself, or book another day."
    if span.last < span.first:
        if span.leeway and span.leeway.ended_by:
            return ended_words(*span.leeway.ended_by)
        return "No day is left on which this session may be. Ask a clinician to assess and plan again."
    if asked:
        return "Nothing free fits these wishes. Ask for anyone, at any time, or for an earlier day."
    return "No time is free in these days. Enter a time yourself, or ask a clinician to plan again."


def _more(asked: QueryDict, wish: WishForm, available: int) -> str:
    if available <= wish.shown or wish.shown >= MOST_SHOWN:
        return ""
    return _changed(asked, show=str(min(wish.shown + SHOWN_FIRST, MOST_SHOWN)))


def _changed(asked: QueryDict, **changes: str) -> str:
    query = asked.copy()
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}"
