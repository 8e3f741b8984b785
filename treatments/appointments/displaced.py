"""Booked visits that cannot be as they stand: the room is out of service, the clinician not in, the clinic closed.

They stay booked, and they are on a list until somebody has moved them: nothing is dropped in silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from django.db.models.expressions import RawSQL
from django.urls import reverse

from clinic import clock
from clinic.models import Clinic
from clinic.resources.touched import Touched
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.own_limits import may_take
from treatments.appointments.taken.reading import clinicians_taken
from treatments.appointments.taken.working import at_work as ticks_at_work
from treatments.appointments.working_time import at_work, time_off, weekly_hours
from treatments.scheduling.free_time import Stretch, holds, meets, merged

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Displaced:
    """A booked visit (with its patient, clinician, room, device) and why it cannot be as it stands, in words for everybody."""

    visit: Appointment
    reasons: tuple[str, ...]

    @property
    def why(self) -> str:
        return " · ".join(self.reasons)


def displaced_visits(clinic: Clinic, *, now: datetime) -> list[Displaced]:
    """Visits still to come that somebody has to move, earliest first. Four queries, however many there are."""
    roster = _Roster(clinic, now)
    visits = (
        clinic.appointments.filter(pk__in=_without_a_place(roster))
        .select_related("clinic", "patient", "clinician__user", "room", "device", "planned_session")
        .order_by("during", "id")
    )
    judged = ((visit, tuple(reasons(visit, roster))) for visit in visits if visit.during.upper > now)
    return [Displaced(visit, reasons) for visit, reasons in judged if reasons]


class _Roster:
    """Who works when, and when the clinic is closed, from today to the last day that is booked."""

    def __init__(self, clinic: Clinic, now: datetime) -> None:
        self.clinic, self.first_on = clinic, now.astimezone(clinic.tz).date()
        self._days, self._taken = clinicians_taken(clinic, self.first_on)
        self._hours = weekly_hours(clinic, self.first_on, self._days.last + ONE_DAY)
        self._away = time_off(clinic, now, None)
        self._working: dict[tuple[int, date], list[Stretch]] = {}
        self.closed = merged(self._away.get(None, ()))

    def is_closed(self, held: Stretch) -> bool:
        return meets(self.closed, held)

    def is_in(self, visit: Appointment) -> bool:
        who, day = visit.clinician_id, visit.day
        if (who, day) not in self._working:
            self._working[who, day] = at_work(who, self._hours, self._away, day, day + ONE_DAY, self.clinic)
        return holds(self._working[who, day], Stretch(visit.clinician_during.lower, visit.clinician_during.upper))

    def taken_while_not_in(self) -> Iterator[tuple[int, date]]:
        """Clinicians with the days on which something of theirs is booked outside of their hours: by the ticks that are kept, and
        of a visit that begins the day before, that day too."""
        for who, taken in self._taken.items():
            outside = taken & ~ticks_at_work(who, self._hours, self._away, self._days)
            for day in self._days.touched_by(outside):
                yield who, day
                yield who, day - ONE_DAY


def _without_a_place(roster: _Roster) -> RawSQL:
    """Keys of the visits of which `reasons` may have something to say, found where they are kept: thousands may be
    booked, and hardly one of them has lost its place. As an array, so that they are looked for once, whatever plan is made."""
    outside = set(roster.taken_while_not_in())
    return RawSQL(
        """
        SELECT unnest(ARRAY(SELECT visit.id FROM treatments_appointment visit
        WHERE visit.clinic_id = %s AND visit.day >= %s AND visit.status = ANY(%s) AND (
            (visit.clinician_id, visit.day) IN (SELECT * FROM unnest(%s::bigint[], %s::date[]))
            OR visit.room_id = ANY(ARRAY(SELECT id FROM clinic_room WHERE clinic_id = %s AND NOT in_service))
            OR visit.device_id = ANY(ARRAY(SELECT id FROM treatments_device WHERE clinic_id = %s AND NOT in_service))
            OR visit.during && %s::tstzmultirange
            OR visit.planned_session_id IS NOT NULL
                AND visit.clinician_id = ANY(ARRAY(
                    SELECT id FROM clinic_membership WHERE clinic_id = %s AND max_depth_mm IS NOT NULL))
                AND (SELECT max((treated.value ->> 'start_mm')::numeric) > who.max_depth_mm
                    FROM clinic_membership who, treatments_plannedsession planned, jsonb_array_elements(planned.zones) treated
                    WHERE who.id = visit.clinician_id AND planned.id = visit.planned_session_id GROUP BY who.id)
        )))
        """,
        [
            roster.clinic.pk,
            roster.first_on,
            list(COMING),
            [who for who, _ in outside],
            [day for _, day in outside],
            roster.clinic.pk,
            roster.clinic.pk,
            "{" + ",".join(_range(stretch) for stretch in roster.closed) + "}",
            roster.clinic.pk,
        ],
    )


def _range(stretch: Stretch) -> str:
    return f"[{stretch.start.isoformat()},{stretch.end.isoformat()})"


class WhoIsIn(Protocol):
    """When the clinic is closed, and whether a visit's clinician works then."""

    def is_closed(self, held: Stretch) -> bool: ...

    def is_in(self, visit: Appointment) -> bool: ...


def reasons(visit: Appointment, roster: WhoIsIn) -> Iterator[str]:
    """Why a visit that is still to come cannot be as it stands, in words for everybody. No query where the visit was read with
    its clinician, room, device and session."""
    if roster.is_closed(Stretch(visit.during.lower, visit.during.upper)):
        yield "The clinic is closed"
    elif said := _of_the_clinician(visit, roster):
        yield said
    if visit.room is not None and not visit.room.in_service:
        yield f"{visit.room} is out of service"
    if visit.device is not None and not visit.device.in_service:
        yield f"{visit.device} is out of service"


def _of_the_clinician(visit: Appointment, roster: WhoIsIn) -> str:
    who = visit.clinician
    if who is None:
        return ""
    if not who.is_active:
        return f"{who} has left"
    if not who.sees_patients:
        return f"{who} does not see patients"
    if not roster.is_in(visit):
        return f"{who} is not in"
    if not may_take(who, visit.planned_session):
        return f"{who} does not take this session"
    return ""


def touched_visits(clinic: Clinic) -> list[Touched]:
    """The same for whoever changes hours, rooms or devices: what she reads before it counts."""
    return [_touched(found) for found in displaced_visits(clinic, now=clock.now())]


def _touched(found: Displaced) -> Touched:
    visit = found.visit
    return Touched(
        ref=visit.ref,
        starts_at=visit.during.lower.astimezone(visit.clinic.tz),
        patient=visit.patient.full_name,
        kind=visit.get_kind_display(),
        clinician=str(visit.clinician or ""),
        room=visit.room.short_name if visit.room else "",
        why=found.why,
        url=reverse("treatments:visit", args=[visit.ref]),
    )
