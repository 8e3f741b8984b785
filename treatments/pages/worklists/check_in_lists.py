"""Check-ins that wait for a clinician, as lists of people to call: with their level for clinicians, without a clinical word
for the desk."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.db.models.functions import JSONObject

from clinic.templatetags.clinic_ui import day as day_words
from treatments.pages.worklists.call_rows import Call, CallList, near_day
from treatments.protocol.triage import LEVELS
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.healing.services import RED, WITHIN_DAYS, to_look_at

OF_PATIENT = {
    "given_name": "patient__given_name",
    "family_name": "patient__family_name",
    "phone": "patient__phone",
    "patient_ref": "patient__ref",
}
CLINICAL = {name: name for name in ("level", "day")} | {"number": "session__planned_session__number"}
SAYS = {
    "red": "Emergency signs: call now",
    "amber_1": "Call today",
    "amber_2": "Look at it within three days",
    "green": "As expected, with a note to read",
}
# level -> state and words of its chip
CHIPS = {
    "red": ("block", "Emergency"),
    "amber_1": ("ask", "Same day"),
    "amber_2": ("caution", "Within three days"),
    "green": ("clear", "As expected"),
}


def shown(rows: QuerySet[CheckIn], *, clinical: bool, with_notes: bool = False) -> QuerySet:
    """Those that wait, the longest first, as one JSON object each: for a subquery, or a query of its own. The desk's hold a
    name and a number of those who are to be called now, and nothing of why."""
    waiting = to_look_at(rows, with_notes=with_notes and clinical)
    if not clinical:
        waiting = waiting.filter(level=RED)
    said = OF_PATIENT | {"ref": "ref", "at": "answered_at"} | (CLINICAL if clinical else {})
    return waiting.order_by("answered_at", "pk").annotate(shown=JSONObject(**said)).values_list("shown", flat=True)


def list_of(rows: Iterable[dict[str, Any]], *, clinical: bool, today: date, zone: ZoneInfo) -> CallList:
    """What `shown` found, as the one list this member has of it. No query."""
    return clinicians_list(rows, today=today, zone=zone) if clinical else desk_list(rows, today=today, zone=zone)


def desk_list(rows: Iterable[dict[str, Any]], *, today: date, zone: ZoneInfo) -> CallList:
    """Whom a clinician must call now. It leaves when a clinician has looked."""
    found = CallList(
        "call-now",
        "A clinician must call now",
        "s-who",
        "Nobody waits for a clinician's call.",
        "Since",
        means="Tell a clinician at once. The line goes once one has looked.",
    )
    for row in rows:
        found.calls.append(
            Call(
                name=_name(row),
                say="A clinician must call now",
                why="A clinician must call now",
                due=_since(_at(row, zone), today),
                phone=row["phone"],
                leads_to=("chart", UUID(row["patient_ref"])),
                patient_ref=UUID(row["patient_ref"]),
                act="Chart",
                hue="stop",
            )
        )
    return found


def clinicians_list(rows: Iterable[dict[str, Any]], *, today: date, zone: ZoneInfo) -> CallList:
    """Check-ins to look at: the most urgent first, then the longest waiting."""
    found = CallList("check-ins", "Check-ins to look at", "s-who", "No check-in waits for a clinician.", "When")
    for row in sorted(rows, key=lambda row: -LEVELS.index(row["level"])):
        due, hue = _due(row, today, zone)
        found.calls.append(
            Call(
                name=_name(row),
                session=f"Session {row['number']}, day {row['day']}",
                say=SAYS[row["level"]],
                why=SAYS[row["level"]],
                due=due,
                phone=row["phone"],
                leads_to=("check_in", UUID(row["ref"])),
                patient_ref=UUID(row["patient_ref"]),
                act="Look",
                hue=hue,
            )
        )
    return found


def _name(row: dict[str, Any]) -> str:
    return f"{row['given_name']} {row['family_name']}"


def _at(row: dict[str, Any], zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(row["at"]).astimezone(zone)


def _since(told_at: datetime, today: date) -> str:
    return f"{told_at:%H:%M}" if told_at.date() == today else f"{day_words(told_at.date())}, {told_at:%H:%M}"


def _due(row: dict[str, Any], today: date, zone: ZoneInfo) -> tuple[str, str]:
    """Since when somebody has to look, where that is at once; else the last day. And its hue."""
    told_at = _at(row, zone)
    if row["level"] in (RED, "amber_1"):
        on_time = told_at.date() >= today
        return f"told {told_at:%H:%M}" if on_time else f"late, {day_words(told_at.date())}", "stop"
    last_day = told_at.date() + timedelta(days=WITHIN_DAYS)
    return f"by {near_day(last_day, today)}", "stop" if last_day < today else "ask"
