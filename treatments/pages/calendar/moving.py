"""A visit was dropped somewhere else: what that would change, what else of its course would move, and what stands in the way."""

from dataclasses import dataclass, field
from datetime import date, time, timedelta

from django.http import QueryDict

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic, Membership, Room, User
from clinic.templatetags.clinic_ui import day as day_words
from patients.models import Patient
from treatments.appointments.courses.models import HeldVisit
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.courses.trying import sentence_of
from treatments.appointments.forms import FURTHEST_DAYS
from treatments.appointments.gates import OutsideWindow, SlotTaken
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.appointments.offers import Offer, place_of_value, value_of
from treatments.appointments.places import Place, place_of
from treatments.flows import moving as flow
from treatments.pages.course.picker import Choice, Staff, nearest_free, taken_words
from treatments.pages.course.rearrange_page import Line, ways_of

ALONE = "alone"


@dataclass(frozen=True)
class Proposal:
    """One way to go on: the visits that move, those of the course that stay, and the press that does it."""

    code: str
    act: str
    others: list[Line]
    places: dict[Appointment, Place]

    @property
    def mails(self) -> int:
        """However many visits move, she is told once."""
        return 1


@dataclass
class Tray:
    """What the tray shows. `value`: the place, for the press that goes there; `notes`: what was chosen for whoever dropped it."""

    visit: Appointment
    place: Place | None = None
    value: str = ""
    notes: list[str] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    refusal: DomainError | None = None
    offers: list[Offer] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What moves, beside the name that stands above it."""
        planned = self.visit.planned_session
        return f"Session {planned.number}" if planned else self.visit.get_kind_display()

    @property
    def before(self) -> str:
        return _when(place_of(self.visit), self.place)

    @property
    def after(self) -> str:
        return _when(self.place, place_of(self.visit))

    @property
    def with_whom(self) -> str:
        """ "Dr Ines Halloran, R1 stays": what is the same is said to stay."""
        old, new = place_of(self.visit), self.place
        who = f"{new.clinician} stays" if new.clinician == old.clinician else f"with {new.clinician}"
        where = f"{new.room.short_name} stays" if new.room == old.room else f"in {new.room.short_name}"
        if new.clinician == old.clinician and new.room == old.room:
            return f"{new.clinician} and {new.room.short_name} stay"
        return f"{who}, {where}"

    @property
    def mail_words(self) -> str:
        return mail_words(self.visit.patient)


def tray_of(visit: Appointment, asked: QueryDict, *, by: User, staff: Staff) -> Tray:
    """`?to=` a place, or `day`, `at`, `by` (clinicians, rooms) and `lane` (a ref) of where it was dropped."""
    tray = Tray(visit)
    now = clock.now()
    try:
        if visit.status not in COMING:
            raise DomainError(f"This visit is {visit.get_status_display().lower()} and can no longer be moved.")
        tray.place, tray.notes = _asked_place(visit, asked, staff=staff, today=now.astimezone(visit.clinic.tz).date())
        tray.value = value_of(tray.place)
    except DomainError as refused:
        tray.refusal = refused
        return tray
    if _spot(tray.place) == _spot(place_of(visit)):
        tray.refusal = DomainError("The visit is there already: nothing would change.")
        return tray
    tray.refusal = flow.refusal(places={visit: tray.place}, by=by)
    if isinstance(tray.refusal, SlotTaken):
        # Where she dropped it the other one was to be seen.
        said = taken_words(tray.refusal.sentence, was_offered="to" in asked)
        tray.refusal = SlotTaken(said, code=tray.refusal.code)
    if tray.refusal is None or isinstance(tray.refusal, OutsideWindow):
        try:
            tray.proposals, reason = _proposals(tray, now=now)
        except DomainError as refused:
            reason = refused.sentence
        if tray.proposals:
            tray.refusal = None
        elif reason and tray.refusal is not None:
            tray.refusal = DomainError(reason)
    if tray.refusal is not None:
        choice = Choice(visit.clinic, visit.patient, visit.kind, now, visit.planned_session, visit)
        tray.offers = nearest_free(choice, staff, tray.place, count=2)
    return tray


def _spot(place: Place) -> tuple:
    return place.day, place.starts_at, place.clinician, place.room


def _proposals(tray: Tray, *, now) -> tuple[list[Proposal], str]:
    """The ways to go on, the one that moves least first; and where there is none, why."""
    visit, place = tray.visit, tray.place
    alone = Proposal(ALONE, "Move it", [], {visit: place})
    if visit.planned_session is None:
        return [alone], ""
    found = rearrangement(visit.planned_session.plan, {visit: place}, now=now)
    number = visit.planned_session.number
    made = [
        Proposal(way.code, way.act, [line for line in way.lines if line.number != number], found.places(way.made))
        for way in ways_of(found)
    ]
    if tray.refusal is None and (not made or len(made[0].places) > 1):
        # It may go there with the others where they are, so nothing has to move with it.
        others = [line for line in made[0].others if not line.moves] if made else []
        made.insert(0, Proposal(ALONE, f"Move session {number}", others, {visit: place}))
    return made, "" if made or found.found.why_none is None else sentence_of(found)


def _asked_place(visit: Appointment, asked: QueryDict, *, staff: Staff, today: date) -> tuple[Place, list[str]]:
    was = place_of(visit)
    if asked.get("to"):
        return place_of_value(asked["to"], clinic=visit.clinic, length=was.length), []
    try:
        on, at = date.fromisoformat(asked.get("day", "")), time.fromisoformat(asked.get("at", ""))
    except ValueError:
        raise DomainError("Drop the visit on a time of the calendar.") from None
    if at.tzinfo is not None or not today <= on <= today + timedelta(days=FURTHEST_DAYS):
        raise DomainError("Choose a day from today on, within the next two years.")
    clinician, room = was.clinician, was.room
    lane, is_room = asked.get("lane", ""), asked.get("by") == "rooms"
    if lane:
        among: list[Membership] | list[Room] = staff.rooms if is_room else staff.clinicians
        found = next((one for one in among if str(one.ref) == lane), None)
        if found is None:
            raise DomainError(f"This {'room' if is_room else 'clinician'} takes no visits now. Choose another column.")
        clinician, room = (clinician, found) if is_room else (found, room)
    if clinician is None or room is None:
        raise DomainError("This visit has no clinician or no room yet. Choose both on the page of the visit.")
    place = Place(
        day=on, starts_at=at.replace(second=0, microsecond=0), clinician=clinician, room=room, length=was.length
    )
    return (place, []) if is_room and lane else _in_a_free_room(visit, place, staff)


def _in_a_free_room(visit: Appointment, place: Place, staff: Staff) -> tuple[Place, list[str]]:
    """The same place in its room, or in the first free one where that is taken; said, because nobody chose it."""
    held = place.length.stretches(place.start(visit.clinic)).room
    taken = _taken_rooms(visit, (held.start, held.end))
    if place.room.pk not in taken and place.room.in_service:
        return place, []
    free = next((room for room in staff.rooms if room.in_service and room.pk not in taken), None)
    if free is None:
        return place, []
    why = "is taken then" if place.room.pk in taken else "is out of service"
    return (
        Place(**{**vars(place), "room": free}),
        [f"{place.room.short_name} {why}: {free.short_name} is free."],
    )


def _taken_rooms(visit: Appointment, during: tuple) -> set[int]:
    """Keys of rooms that somebody has, or holds for a course."""
    clinic: Clinic = visit.clinic
    on = clock.local(during[0], clinic).date()
    near = clinic.appointments.filter(day__range=(on - timedelta(days=1), on + timedelta(days=1)))
    visits = near.filter(status__in=BLOCKING, room_during__overlap=during).exclude(pk=visit.pk)
    held = HeldVisit.objects.filter(
        hold__clinic=clinic, hold__expires_at__gt=clock.now(), room_during__overlap=during
    ).order_by()
    return set(visits.order_by().values_list("room_id", flat=True).union(held.values_list("room_id", flat=True)))


def _when(place: Place, beside: Place) -> str:
    """A day and a time; within one day the time alone."""
    at = f"{place.starts_at:%H:%M}"
    return at if place.day == beside.day else f"{day_words(place.day)}, {at}"


def mail_words(patient: Patient) -> str:
    if not patient.email or not patient.mail_allowed:
        return f"none: {patient.given_name} gets no e-mail, tell by telephone"
    return f"one to {patient.given_name}, leaves a minute after you accept"
