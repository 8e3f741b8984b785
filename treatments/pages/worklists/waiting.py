"""Who waits for a place, as one JSON object each: for the list of all, and for the free times of a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, JSONObject

from clinic.templatetags.clinic_ui import day as day_words
from treatments.appointments.calls.heard import heard_about
from treatments.appointments.calls.models import WaitingEntry
from treatments.appointments.calls.wishes import wish_words
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.pages.worklists.call_rows import Call, CallList, Sorter, session_words


@dataclass(frozen=True)
class Known:
    """What a line says of a patient."""

    pk: int
    ref: UUID
    full_name: str
    phone: str
    name_key: str


@dataclass(frozen=True)
class Booked:
    """The visit that stands for the wish now."""

    pk: int
    ref: UUID
    status: str
    day: date
    booked_at: datetime


@dataclass(frozen=True)
class Waiter:
    """An open wish for an earlier place, or any."""

    ref: UUID
    patient: Known
    kind: str
    asked_at: datetime
    planned_session_id: int | None
    session_ref: UUID | None
    number: int | None
    of_sessions: int | None
    weekdays: list[int]
    from_time: time | None
    until_time: time | None
    clinician_id: int | None
    clinician: str
    note: str
    booked: Booked | None
    calls: list[dict]

    @property
    def still_waits(self) -> bool:
        """Nothing is booked, or an earlier place is wanted than the one that was booked when the patient asked."""
        if self.booked is None:
            return True
        return self.booked.status in COMING and self.booked.booked_at <= self.asked_at


def waiting_shown(entries: QuerySet[WaitingEntry]) -> QuerySet:
    """Open wishes, the oldest first, as one JSON object each: for a subquery, or a query of its own.

    A session whose course is not under way waits no more.
    """
    standing = Appointment.objects.filter(status__in=BLOCKING).order_by("-id")
    of_session = standing.filter(planned_session=OuterRef("planned_session"), session_counts=True)
    alone = standing.filter(patient=OuterRef("patient"), kind=OuterRef("kind"), planned_session=None, status__in=COMING)
    visit = JSONObject(pk="pk", ref="ref", status="status", day="day", booked_at="booked_at")
    own = (
        "ref",
        "kind",
        "asked_at",
        "planned_session_id",
        "weekdays",
        "from_time",
        "until_time",
        "clinician_id",
        "note",
    )
    shown: dict[str, str | Combinable] = {name: name for name in own}
    shown |= {
        f"patient_{name}": f"patient__{name}"
        for name in ("pk", "ref", "given_name", "family_name", "phone", "name_key")
    }
    shown |= {
        "session_ref": "planned_session__ref",
        "number": "planned_session__number",
        "of_sessions": "planned_session__plan__sessions_planned",
        "clinician": "clinician__user__full_name",
        "booked": Coalesce(
            Subquery(of_session.annotate(shown=visit).values("shown")[:1]),
            Subquery(alone.annotate(shown=visit).values("shown")[:1]),
        ),
        "calls": F("calls"),
    }
    return (
        entries.filter(ended_at=None, patient__status="active")
        .filter(Q(planned_session=None) | Q(planned_session__plan__status="active"))
        .annotate(calls=heard_about("waiting"))
        .annotate(shown=JSONObject(**shown))
        .order_by("asked_at", "id")
        .values_list("shown", flat=True)
    )


def waiters(rows: Iterable[dict]) -> list[Waiter]:
    """Rows of `waiting_shown`: those who still wait."""
    known = [_waiter(row) for row in rows]
    return [one for one in known if one.still_waits]


def _waiter(row: dict) -> Waiter:
    booked = row["booked"]
    return Waiter(
        ref=UUID(row["ref"]),
        patient=Known(
            pk=row["patient_pk"],
            ref=UUID(row["patient_ref"]),
            full_name=f"{row['patient_given_name']} {row['patient_family_name']}",
            phone=row["patient_phone"],
            name_key=row["patient_name_key"],
        ),
        kind=row["kind"],
        asked_at=datetime.fromisoformat(row["asked_at"]),
        planned_session_id=row["planned_session_id"],
        session_ref=UUID(row["session_ref"]) if row["session_ref"] else None,
        number=row["number"],
        of_sessions=row["of_sessions"],
        weekdays=row["weekdays"],
        from_time=_time(row["from_time"]),
        until_time=_time(row["until_time"]),
        clinician_id=row["clinician_id"],
        clinician=row["clinician"] or "",
        note=row["note"],
        booked=Booked(
            pk=booked["pk"],
            ref=UUID(booked["ref"]),
            status=booked["status"],
            day=date.fromisoformat(booked["day"]),
            booked_at=datetime.fromisoformat(booked["booked_at"]),
        )
        if booked
        else None,
        calls=row["calls"],
    )


def _time(said: str | None) -> time | None:
    return time.fromisoformat(said) if said else None


# ── The list ──────────────────────────────────────────────────────────────────


def waiting_list(waiting: list[Waiter], sorter: Sorter) -> CallList:
    """No query."""
    found = CallList(
        "waiting", "Waiting list", "hourglass", "Nobody waits for an earlier place.", "Asked",
        means="Patients who would take an earlier place, or any. A free time in the day counts those it fits.",
    )  # fmt: skip
    for one in waiting:
        sorter.add(found, _waiting_call(one, sorter), one.calls, about=one.ref)
    return found


def _waiting_call(one: Waiter, sorter: Sorter) -> Call:
    wanted = f"Earlier than {day_words(one.booked.day)}" if one.booked else "Any place"
    why = f"{wanted}: {wish_words(one)}"
    page, ref = ("move_visit", one.booked.ref) if one.booked else ("book", one.session_ref)
    if ref is None:
        page, ref = "book_visit", one.patient.ref
    return Call(
        name=one.patient.full_name,
        session=session_words(one.number, one.of_sessions, Appointment.Kind(one.kind).label),
        say=why,
        why=f"{why} · {one.note}" if one.note else why,
        due=day_words(one.asked_at.astimezone(sorter.zone)),
        phone=one.patient.phone,
        leads_to=(page, ref),
        patient_ref=one.patient.ref,
        act="Move" if one.booked else "Book",
    )
