"""Free visits as people choose among them: the words, the value a form carries, and back again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic, Membership, Room
from treatments.appointments.places import FURTHEST_DAYS, Place, at_slot
from treatments.scheduling.slots import Slot, VisitLength

STAMP = "%Y%m%dT%H%MZ"


@dataclass(frozen=True)
class Offer:
    """One free visit. `value` goes through the form, `words` names it, `tag` counts from the last session."""

    value: str
    starts_at: datetime  # in the clinic's zone
    clinician: str
    room: str
    tag: str = ""
    note: str = ""

    @property
    def words(self) -> str:
        return f"{self.starts_at:%a} {self.starts_at.day} {self.starts_at:%b}, {self.starts_at:%H:%M}"

    @property
    def second_pass(self) -> bool:
        """The clocks go back: this wall time comes for the second time."""
        return bool(self.starts_at.fold)


def offers(
    found: Iterable[Slot],
    *,
    clinic: Clinic,
    clinicians: Iterable[Membership],
    rooms: Iterable[Room],
    counted_from: date | None = None,
    like: tuple[date, time, int | None] | None = None,
) -> list[Offer]:
    """Slots in words. `counted_from`: day of the session before; `like`: day, wall time and clinician to compare with."""
    who = {person.pk: person for person in clinicians}
    where = {room.pk: room for room in rooms}
    made = []
    for slot in found:
        local = slot.start.astimezone(clinic.tz)
        person, room = who[slot.clinician], where[slot.room]
        days = (local.date() - counted_from).days if counted_from else None
        made.append(
            Offer(
                value=f"{slot.start:{STAMP}}.{person.ref}.{room.ref}",
                starts_at=local,
                clinician=str(person),
                room=room.short_name,
                tag="" if days is None else f"{days} days",
                note=", ".join(part for part in (str(person), _alike(local, slot, like)) if part),
            )
        )
    return made


def value_of(place: Place) -> str:
    """A place as a form's value; `place_of_value` reads it."""
    start = place.start(place.clinician.clinic).astimezone(UTC)
    return f"{start:{STAMP}}.{place.clinician.ref}.{place.room.ref}"


def place_of_value(value: str, *, clinic: Clinic, length: VisitLength) -> Place:
    """The place a form's value stands for. Raises DomainError for anything this clinic never offered."""
    try:
        stamp, clinician, room = value.split(".")
        start = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
        local = start.astimezone(clinic.tz)
        who = clinic.memberships.select_related("user", "clinic").get(ref=UUID(clinician), sees_patients=True)
        where = clinic.rooms.get(ref=UUID(room))
    except (ValueError, OverflowError, Membership.DoesNotExist, Room.DoesNotExist):
        raise DomainError("Choose one of the times offered, or enter another one.", field="slot") from None
    if abs(local.date() - clock.today(clinic)) > timedelta(days=FURTHEST_DAYS):
        raise DomainError("Choose a day from today on, within the next two years.", field="slot")
    blank = Place(day=local.date(), starts_at=local.time(), clinician=who, room=where, length=length)
    return at_slot(blank, start=start, clinician=who, room=where)


def _alike(local: datetime, slot: Slot, like: tuple[date, time, int | None] | None) -> str:
    if like is None:
        return ""
    on, at, _ = like
    same = [word for word, is_so in (("day", local.weekday() == on.weekday()), ("time", local.time() == at)) if is_so]
    return f"same {' and '.join(same)}" if same else ""
