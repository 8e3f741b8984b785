"""Whether a coming visit can be as it stands, from what a page has read already: no query of its own.

`displaced_visits` finds all of a clinic; a day that is drawn asks about its own rows only, by the same judgement.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, FloatField, Func, JSONField, Q, When
from django.db.models.functions import JSONObject
from psycopg2.extras import DateTimeTZRange

from clinic import clock
from clinic.models import Clinic
from treatments.appointments.displaced import reasons
from treatments.appointments.working_time import Away, Hours, at_work
from treatments.scheduling.free_time import Stretch, holds, meets, merged

ONE_DAY = timedelta(days=1)


def _moment(bound: str) -> Func:
    """Seconds since 1970: hundreds of visits are judged, and a range is read in ten times as long."""
    return Func(F(bound), template="extract(epoch FROM %(expressions)s)", output_field=FloatField())


# What is read of a visit's place.
SHOWN_OF_PLACE = {
    "comes": _moment("during__startswith"),
    "leaves": _moment("during__endswith"),
    "treated_from": _moment("clinician_during__startswith"),
    "treated_to": _moment("clinician_during__endswith"),
    "clinician": "clinician__user__full_name",
    "is_active": "clinician__is_active",
    "sees_patients": "clinician__sees_patients",
    "max_depth_mm": "clinician__max_depth_mm",
    "room": "room__name",
    "room_in_service": "room__in_service",
    "device": "device__name",
    "device_in_service": "device__in_service",
    # The depths matter only where the clinician has a limit of her own.
    "zones": Case(When(clinician__max_depth_mm__isnull=False, then="planned_session__zones"), output_field=JSONField()),
}


def place_read(only: Q) -> Case:
    """An annotation `place` for visits: what `Roster` judges by. None where a visit is not asked about."""
    return Case(When(only, then=JSONObject(**SHOWN_OF_PLACE)), output_field=JSONField())


@dataclass(frozen=True)
class _Clinician:
    name: str
    is_active: bool
    sees_patients: bool
    max_depth_mm: Decimal | None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class _Thing:
    name: str
    in_service: bool

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class _Session:
    zones: list[dict]


@dataclass(frozen=True)
class _Placed:
    """A visit as `reasons` reads it."""

    day: date
    during: DateTimeTZRange
    clinician_during: DateTimeTZRange
    clinician_id: int | None
    clinician: _Clinician | None
    room: _Thing | None
    device: _Thing | None
    planned_session: _Session | None


def _range(since: float, until: float) -> DateTimeTZRange:
    return DateTimeTZRange(datetime.fromtimestamp(since, clock.UTC), datetime.fromtimestamp(until, clock.UTC))


def _placed(visit: Any) -> _Placed:
    said = visit.place
    limit, zones = said["max_depth_mm"], said["zones"]
    depth_mm = None if limit is None else Decimal(str(limit))
    return _Placed(
        day=visit.day,
        during=_range(said["comes"], said["leaves"]),
        clinician_during=_range(said["treated_from"], said["treated_to"]),
        clinician_id=visit.clinician_id,
        clinician=_Clinician(said["clinician"], said["is_active"], said["sees_patients"], depth_mm)
        if said["clinician"] is not None
        else None,
        room=_Thing(said["room"], said["room_in_service"]) if said["room"] is not None else None,
        device=_Thing(said["device"], said["device_in_service"]) if said["device"] is not None else None,
        planned_session=_Session(zones) if zones is not None else None,
    )


@dataclass
class Roster:
    """Who works when, on the days that a page has read. Hours and absences are given."""

    clinic: Clinic
    hours: Hours
    away: Away
    _working: dict[tuple[int, date], list[Stretch]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._closed = merged(self.away.get(None, ()))

    def why_not(self, visit: Any) -> str:
        """Why a visit with `place` cannot be as it stands; empty where it can, or where it is not asked about."""
        return " · ".join(reasons(_placed(visit), self)) if visit.place else ""

    def is_closed(self, held: Stretch) -> bool:
        return meets(self._closed, held)

    def is_in(self, visit: Any) -> bool:
        who, day = visit.clinician_id, visit.day
        if (who, day) not in self._working:
            self._working[who, day] = at_work(who, self.hours, self.away, day, day + ONE_DAY, self.clinic)
        return holds(self._working[who, day], Stretch(visit.clinician_during.lower, visit.clinician_during.upper))
