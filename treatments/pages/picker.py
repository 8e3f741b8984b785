"""Choosing a time: the wishes, the window in words and as a ruler, and the free visits by day."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import QueryDict

from clinic import clock
from clinic.models import Clinic, Membership, Room
from clinic.templatetags.clinic_ui import date_words, date_year
from patients.models import Patient
from treatments.appointments.forms import MOST_SHOWN, WishForm
from treatments.appointments.free_slots import devices_in_service, free_slots
from treatments.appointments.gates import last_day_for
from treatments.appointments.models import Appointment
from treatments.appointments.offers import Offer, offers
from treatments.appointments.own_limits import who_may_take
from treatments.appointments.places import LENGTHS, Place
from treatments.appointments.working_time import people, time_off, weekly_hours
from treatments.pages.verdicts import Verdict
from treatments.pages.visit_card import mini_ruler, window_words
from treatments.plans.models import PlannedSession
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

    @property
    def today(self) -> date:
        return self.now.astimezone(self.clinic.tz).date()

    @property
    def length(self) -> VisitLength:
        if self.moving is not None:
            return VisitLength(self.moving.prep_minutes, self.moving.treat_minutes, self.moving.turnover_minutes)
        return LENGTHS[Appointment.Kind(self.kind)]

    def days(self) -> tuple[date, date]:
        """First and last day on which the visit may be; an empty span where there is none."""
        if self.planned is None:
            return self.today, self.today + timedelta(days=OPEN_HORIZON_DAYS)
        return max(self.planned.earliest_on, self.today), last_day_for(
            self.planned, self.planned.plan, today=self.today
        )


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


def pick(choice: Choice, staff: Staff, asked: QueryDict) -> Picker:
    """Free times for a choice and the wishes in the query of the page."""
    first, last = choice.days()
    screening = deciding = _screened(choice, first)
    if screening is not None and screening.earliest_on and screening.earliest_on > first:
        first = screening.earliest_on
        # Behind a date may stand what only a clinician lifts: what holds on that day decides.
        deciding = _screened(choice, first)
    target = choice.planned.target_on if choice.planned else first
    start = min(max(first, target), max(first, last))
    wish = WishForm(asked, clinicians=staff.clinicians, first_day=start, shown=SHOWN_FIRST)
    refused = deciding is not None and not PERMITS[deciding.outcome].book
    from_day = min(max(wish.from_day, first), max(first, last))
    found = [] if refused else _wished(choice, staff, wish, from_day, last)
    kept = _thinned(found, choice.clinic)
    shown = offers(
        kept[: wish.shown],
        clinic=choice.clinic,
        clinicians=staff.clinicians,
        rooms=staff.rooms,
        counted_from=choice.counted_from,
    )
    is_late = choice.planned is not None and last > choice.planned.latest_on
    picker = Picker(
        choice=choice,
        wish=wish,
        verdict=_verdict(screening, choice),
        days=_by_day(shown),
        first_day=first,
        last_day=last,
        is_late=is_late,
        refused=refused,
        more=_more(asked, wish, len(kept)),
        earlier=_changed(asked, first_day=first.isoformat()) if from_day > first else "",
        words=_window(choice, last),
        ruler=None if is_late else _ruler(choice, shown),
    )
    picker.why_none = "" if shown else _why_none(picker, found, asked)
    return picker


def nearest_free(choice: Choice, staff: Staff, place: Place, count: int = 3) -> list[Offer]:
    """The free times nearest to one that was just taken, inside the window."""
    first, last = choice.days()
    wanted = datetime.combine(place.day, place.starts_at, tzinfo=choice.clinic.tz).astimezone(clock.UTC)
    begin, end = max(first, place.day - timedelta(days=NEAR_DAYS)), min(last, place.day + timedelta(days=NEAR_DAYS))
    found = _free(choice, staff, staff.clinicians, begin, end)
    return offers(
        ranking.nearest(found, wanted, count),
        clinic=choice.clinic,
        clinicians=staff.clinicians,
        rooms=staff.rooms,
        counted_from=choice.counted_from,
    )


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


def _thinned(found: list[Slot], clinic: Clinic) -> list[Slot]:
    """A few times of each day, each moment once."""
    kept: list[Slot] = []
    of_day: dict[date, list[Slot]] = defaultdict(list)
    for slot in found:
        day = of_day[slot.start.astimezone(clinic.tz).date()]
        if len(day) < A_DAY and (not day or slot.start - day[-1].start >= APART):
            day.append(slot)
            kept.append(slot)
    return kept


def _by_day(shown: list[Offer]) -> list[tuple[date, list[Offer]]]:
    days: dict[date, list[Offer]] = defaultdict(list)
    for offer in shown:
        days[offer.starts_at.date()].append(offer)
    return list(days.items())


def _screened(choice: Choice, on: date) -> Screening | None:
    """What the rules say of the first day that would do. Only for a treatment, and never with its reasons."""
    if choice.kind != Appointment.Kind.TREATMENT:
        return None
    return screenings.look(choice.patient, on=on, purpose="booking")


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


def _window(choice: Choice, last: date) -> str:
    planned = choice.planned
    if planned is None:
        return ""
    if last <= planned.latest_on:
        return window_words(planned)
    return (
        f"The window of session {planned.number} closed on {date_words(planned.latest_on)}. A late session may be booked until "
        f"{date_year(last)}, and a clinician looks again first."
    )


def _ruler(choice: Choice, shown: list[Offer]) -> dict | None:
    if choice.planned is None:
        return None
    days = list(dict.fromkeys(offer.starts_at.date() for offer in shown))
    return mini_ruler(choice.planned, days)


def _why_none(picker: Picker, found: list[Slot], asked: QueryDict) -> str:
    if picker.refused:
        return "A clinician has to decide first. Ask one of them to open the screening."
    if picker.last_day < picker.first_day:
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
