"""Whether a coming visit can be as it stands, from what a page has read already: no query of its own.

`displaced_visits` finds all of a clinic; a day that is drawn asks about its own rows only, by the same judgement.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
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


# When the patient comes and leaves, and from when to when she is treated, in seconds since 1970.
HELD = Func(
    _moment("during__startswith"),
    _moment("during__endswith"),
    _moment("clinician_during__startswith"),
    _moment("clinician_during__endswith"),
    template="ARRAY[%(expressions)s]::float8[]",
    output_field=ArrayField(FloatField()),
)
# Where more than the hours has to be looked at: somebody or something may not be there any more, or has a limit.
IN_DOUBT = (
    Q(clinician__is_active=False)
    | Q(clinician__sees_patients=False)
    | Q(clinician__max_depth_mm__isnull=False)
    | Q(room__in_service=False)
    | Q(device__in_service=False)
)
# What is read of a place then.
SHOWN_OF_PLACE = {
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


def place_read(only: Q) -> dict[str, Case]:
    """Annotations for visits, by which `Roster` judges beside `clinician_name`: `held`, None where a visit is not asked about,
    and `place`, None where nothing of it is in doubt."""
    return {
        "held": Case(When(only, then=HELD)),
        "place": Case(When(only & IN_DOUBT, then=JSONObject(**SHOWN_OF_PLACE)), output_field=JSONField()),
    }


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


NOT_IN_DOUBT = {
    "is_active": True, "sees_patients": True, "max_depth_mm": None, "room": None, "room_in_service": None, "device": None,
    "device_in_service": None, "zones": None,
}  # fmt: skip


def _placed(visit: Any) -> _Placed:
    said = visit.place or NOT_IN_DOUBT
    comes, leaves, treated_from, treated_to = visit.held
    limit, zones = said["max_depth_mm"], said["zones"]
    depth_mm = None if limit is None else Decimal(str(limit))
    return _Placed(
        day=visit.day,
        during=_range(comes, leaves),
        clinician_during=_range(treated_from, treated_to),
        clinician_id=visit.clinician_id,
        clinician=_Clinician(visit.clinician_name, said["is_active"], said["sees_patients"], depth_mm)
        if visit.clinician_id is not None
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
    _seconds: dict[tuple[int, date], list[tuple[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._closed = merged(self.away.get(None, ()))
        self._closed_seconds = _in_seconds(self._closed)

    def why_not(self, visit: Any) -> str:
        """Why a visit read with `place_read` cannot be as it stands; empty where it can, or where it is not asked about."""
        if visit.held is None or (visit.place is None and self._is_open(visit) and self._is_worked(visit)):
            return ""
        return " · ".join(reasons(_placed(visit), self))

    def _is_open(self, visit: Any) -> bool:
        comes, leaves, *_ = visit.held
        return not any(begin < leaves and comes < end for begin, end in self._closed_seconds)

    def _is_worked(self, visit: Any) -> bool:
        """The same as `is_in`, in seconds: of hundreds of visits hardly one is not."""
        who, day = visit.clinician_id, visit.day
        if who is None:
            return True
        if (who, day) not in self._seconds:
            self._seconds[who, day] = _in_seconds(self._at_work(who, day))
        *_, treated_from, treated_to = visit.held
        return any(begin <= treated_from and treated_to <= end for begin, end in self._seconds[who, day])

    def is_closed(self, held: Stretch) -> bool:
        return meets(self._closed, held)

    def is_in(self, visit: Any) -> bool:
        held = Stretch(visit.clinician_during.lower, visit.clinician_during.upper)
        return holds(self._at_work(visit.clinician_id, visit.day), held)

    def _at_work(self, who: int, day: date) -> list[Stretch]:
        if (who, day) not in self._working:
            self._working[who, day] = at_work(who, self.hours, self.away, day, day + ONE_DAY, self.clinic)
        return self._working[who, day]


def _in_seconds(stretches: list[Stretch]) -> list[tuple[float, float]]:
    return [(stretch.start.timestamp(), stretch.end.timestamp()) for stretch in stretches]
