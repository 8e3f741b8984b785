"""One day on paper: who comes when, where, and a column to write on what came of it. Ten queries at most, sign-in included.

The desk's sheet names no diagnosis and no reason. Somebody who may see what is clinical can ask for it to be added; it is
left out unless she does, because a sheet lies about.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic import clock
from clinic.models import Clinic, Membership, Room
from clinic.roles import member
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import people, weekly_hours
from treatments.pages.today.day import TOO_FAR
from treatments.pages.today.day_visits import Visit, shown, visits_of
from treatments.pages.today.page import asked_day, is_too_far
from treatments.pages.today.verdicts import newest_screening
from treatments.protocol.catalogue import Catalogue
from treatments.rules.policy import catalogue_for
from treatments.screenings.models import ScreeningFinding

BY = ("clinicians", "rooms")


@dataclass
class Line:
    """A visit as a row of the sheet."""

    visit: Visit
    # When the clinician is needed, where that is later than the patient: numbing comes first.
    treat_from: time | None
    clinical: str = ""

    @property
    def is_to_ask(self) -> bool:
        verdict = self.visit.verdict
        return self.visit.is_open and verdict is not None and verdict.state in ("ask", "needs_clinician")


@dataclass
class Part:
    """A clinician's or a room's own part of the day; on paper each can be handed to whom it concerns."""

    title: str
    sub: str
    lines: list[Line] = field(default_factory=list)

    @property
    def count_words(self) -> str:
        coming = sum(not line.visit.is_gone for line in self.lines)
        return "1 visit" if coming == 1 else f"{coming} visits"


@member()
def day_sheet(request: HttpRequest) -> HttpResponse:
    """`?day=YYYY-MM-DD&by=clinicians|rooms&of=<ref of one of them>&clinical=yes`; what is not understood is as usual."""
    clinic, asked = request.clinic, request.GET
    now = clock.now().astimezone(clinic.tz)
    on = asked_day(asked.get("day", ""), now.date())
    if is_too_far(asked.get("day", ""), now.date()):
        messages.warning(request, TOO_FAR)
    by = BY[1] if asked.get("by") == BY[1] else BY[0]
    rows = list(visits_of(clinic, on))
    with_clinical = request.membership.may_see_clinical and asked.get("clinical") == "yes"
    clinical = _clinical_words(rows, catalogue_for(clinic, on)) if with_clinical else {}
    staff, rooms = people(weekly_hours(clinic)), list(clinic.rooms.all())
    lines = [_line(row, clinic=clinic, now=now, by=by, clinical=clinical) for row in rows]
    parts = _by_room(rooms, lines) if by == "rooms" else _by_clinician(staff, lines)
    choices = [(str(one.ref), str(one)) for one in (rooms if by == "rooms" else staff)]
    of = next((ref for ref, _ in choices if ref == _tidy(asked.get("of", ""))), "")
    context = {
        "on": on,
        "now": now,
        "by": by,
        "of": of,
        "choices": choices,
        "parts": [part for ref, part in parts if (ref == of if of else part.lines)],
        "with_clinical": with_clinical,
        "may_have_clinical": request.membership.may_see_clinical,
        "coming": sum(not line.visit.is_gone for line in lines),
    }
    return render(request, "treatments/pages/day_sheet.html", context)


def _line(row: Appointment, *, clinic: Clinic, now: datetime, by: str, clinical: dict[int, str]) -> Line:
    visit = shown(row, clinic=clinic, now=now, today=now.date(), by=by, chosen=None)
    treat_from = None
    if row.prep_minutes and not visit.is_gone:
        begins = datetime.combine(row.day, row.starts_at) + timedelta(minutes=row.prep_minutes)
        treat_from = begins.time()
    return Line(visit, treat_from, clinical.get(row.pk, ""))


def _by_clinician(staff: list[Membership], lines: list[Line]) -> list[tuple[str, Part]]:
    """Everybody who works here in the clinic's order, then who has left but still has a visit, then visits of nobody."""
    known = {person.pk: (str(person.ref), Part(str(person), person.title)) for person in staff}
    return _sorted_into(
        known, lines, key=lambda row: row.clinician_id, other=lambda row: row.clinician_name or "Nobody yet"
    )


def _by_room(rooms: list[Room], lines: list[Line]) -> list[tuple[str, Part]]:
    known = {room.pk: (str(room.ref), Part(room.name, "" if room.in_service else "out of service")) for room in rooms}
    return _sorted_into(known, lines, key=lambda row: row.room_id, other=lambda row: "No room yet")


def _sorted_into(
    known: dict[int, tuple[str, Part]],
    lines: Iterable[Line],
    *,
    key: Callable[[Appointment], int | None],
    other: Callable[[Appointment], str],
) -> list[tuple[str, Part]]:
    others: dict[str, Part] = {}
    for line in lines:
        row = line.visit.row
        found = known.get(key(row))
        part = found[1] if found else others.setdefault(other(row), Part(other(row), ""))
        part.lines.append(line)
    return [*known.values(), *(("", part) for part in others.values())]


# ── For the chair, where somebody who may see it asks for it ──────────────────


def _clinical_words(rows: list[Appointment], catalogue: Catalogue) -> dict[int, str]:
    """What each course is for, and what the newest screening found, by the visit's key. Two queries."""
    visits = Appointment.objects.filter(pk__in=[row.pk for row in rows]).annotate(
        screening=Subquery(newest_screening().values("pk")[:1])
    )
    told = {pk: said for pk, *said in visits.values_list("pk", "planned_session__plan__concerns", "screening")}
    found = _findings({screening for _, screening in told.values()}, catalogue)
    return {
        pk: ". ".join(part for part in (_concern_words(concerns or [], catalogue), found.get(screening, "")) if part)
        for pk, (concerns, screening) in told.items()
    }


def _findings(screenings: set[int | None], catalogue: Catalogue) -> dict[int | None, str]:
    rows: QuerySet = ScreeningFinding.objects.filter(record__in=screenings - {None}).order_by("record_id", "id")
    found: dict[int | None, list[str]] = {}
    for record, code in rows.values_list("record_id", "code"):
        if code in catalogue.rules_by_code:
            found.setdefault(record, []).append(catalogue.rule(code).label)
    return {record: ", ".join(labels) for record, labels in found.items()}


def _concern_words(concerns: list[dict], catalogue: Catalogue) -> str:
    known = [concern for concern in concerns if concern["code"] in catalogue.concerns]
    return "; ".join(
        f"{catalogue.concerns[concern['code']].label}: "
        f"{', '.join(catalogue.zone_label(zone).lower() for zone in concern['zones'])}"
        for concern in known
    )


def _tidy(said: str) -> str:
    try:
        return str(UUID(said))
    except ValueError:
        return ""
