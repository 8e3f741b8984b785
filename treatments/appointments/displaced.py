"""Booked visits that cannot be as they stand: the room is out of service, the clinician not in, the clinic closed.

They stay booked, and they are on a list until somebody has moved them: nothing is dropped in silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max
from django.db.models.expressions import RawSQL
from django.urls import reverse

from clinic import clock
from clinic.models import Clinic, Membership
from clinic.resources.touched import Touched
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.own_limits import may_take
from treatments.appointments.working_time import at_work, time_off, weekly_hours
from treatments.scheduling.free_time import Stretch, holds, meets, merged


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
    last_on = clinic.appointments.filter(status__in=COMING).aggregate(last=Max("day"))["last"]
    roster = _Roster(clinic, now.astimezone(clinic.tz).date(), last_on, now)
    visits = (
        clinic.appointments.filter(pk__in=_without_a_place(roster))
        .select_related("clinic", "patient", "clinician__user", "room", "device", "planned_session")
        .order_by("during", "id")
    )
    judged = ((visit, tuple(_reasons(visit, roster))) for visit in visits if visit.during.upper > now)
    return [Displaced(visit, reasons) for visit, reasons in judged if reasons]


class _Roster:
    """Who works when, and when the clinic is closed, from a day on to the last day that is booked."""

    def __init__(self, clinic: Clinic, first_on: date, last_on: date | None, now: datetime) -> None:
        self.clinic, self.first_on = clinic, first_on
        hours, away = weekly_hours(clinic), time_off(clinic, now, None)
        self.closed = merged(away.get(None, ()))
        self.working = {who: at_work(who, hours, away, first_on, last_on or first_on, clinic) for who in hours}

    def is_closed(self, held: Stretch) -> bool:
        return meets(self.closed, held)

    def is_in(self, who: Membership, held: Stretch) -> bool:
        return holds(self.working.get(who.pk, []), held)


def _without_a_place(roster: _Roster) -> RawSQL:
    """Keys of the visits of which `_reasons` may have something to say, found where they are kept: thousands may be
    booked, and hardly one of them has lost its place."""
    held = [(who, stretch) for who, stretches in roster.working.items() for stretch in stretches]
    return RawSQL(
        """
        SELECT visit.id FROM treatments_appointment visit
            LEFT JOIN clinic_membership who ON who.id = visit.clinician_id
            LEFT JOIN clinic_room room ON room.id = visit.room_id
            LEFT JOIN treatments_device device ON device.id = visit.device_id
            LEFT JOIN unnest(%s::bigint[], %s::date[], %s::text[]::tstzrange[]) AS roster(who_id, on_day, working)
                ON roster.who_id = visit.clinician_id AND roster.on_day = visit.day
                AND visit.clinician_during <@ roster.working
        WHERE visit.clinic_id = %s AND visit.day >= %s AND visit.status = ANY(%s) AND (
            (who.id IS NOT NULL AND (roster.who_id IS NULL OR NOT who.is_active OR NOT who.sees_patients))
            OR NOT room.in_service OR NOT device.in_service OR visit.during && %s::tstzmultirange
            OR (who.max_depth_mm IS NOT NULL AND visit.planned_session_id IS NOT NULL)
        )
        """,
        [
            [who for who, _ in held],
            [stretch.start.astimezone(roster.clinic.tz).date() for _, stretch in held],
            [_range(stretch) for _, stretch in held],
            roster.clinic.pk,
            roster.first_on,
            list(COMING),
            "{" + ",".join(_range(stretch) for stretch in roster.closed) + "}",
        ],
    )


def _range(stretch: Stretch) -> str:
    return f"[{stretch.start.isoformat()},{stretch.end.isoformat()})"


def _reasons(visit: Appointment, roster: _Roster) -> Iterator[str]:
    if roster.is_closed(Stretch(visit.during.lower, visit.during.upper)):
        yield "The clinic is closed"
    elif said := _of_the_clinician(visit, roster):
        yield said
    if visit.room is not None and not visit.room.in_service:
        yield f"{visit.room} is out of service"
    if visit.device is not None and not visit.device.in_service:
        yield f"{visit.device} is out of service"


def _of_the_clinician(visit: Appointment, roster: _Roster) -> str:
    who = visit.clinician
    if who is None:
        return ""
    if not who.is_active:
        return f"{who} has left"
    if not who.sees_patients:
        return f"{who} does not see patients"
    if not roster.is_in(who, Stretch(visit.clinician_during.lower, visit.clinician_during.upper)):
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
