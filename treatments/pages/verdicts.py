"""What the desk may know of a booked visit's screening: go ahead, ask, not before a date. Never the reason.

Lists and the day show hundreds of visits, so the rules are not run again here: the verdict is read from the newest
stored screening of each patient, whose findings carry their dates. The gate before a session runs the rules anew.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from clinic.templatetags.clinic_ui import clock, day
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.screenings.models import ScreeningRecord

GONE = ("cancelled", "no_show")
NOT_PERMITTED = ("block", "defer", "needs_clinician")


@dataclass(frozen=True)
class Verdict:
    """A state of the chips, its words without a reason, and since when. `earliest_on` where a date decides."""

    state: str
    label: str
    note: str = ""
    earliest_on: date | None = None

    @property
    def refuses(self) -> bool:
        """The visit cannot be on its day as things stand."""
        return self.state in ("block", "defer")


def newest_screening(**of) -> QuerySet[ScreeningRecord]:
    """A subquery's worth of the newest screening: outcome, day, findings and what is missing, as one JSON value."""
    shown = JSONObject(
        outcome="outcome",
        on=F("on"),
        purpose="purpose",
        made_at="made_at",
        findings="result__findings",
        missing="result__missing",
    )
    return ScreeningRecord.objects.filter(**of).order_by("-id").annotate(shown=shown).values("shown")[:1]


def with_screening(visits: QuerySet[Appointment]) -> QuerySet[Appointment]:
    """Visits with `screened`: the newest screening of their patient, for `verdict_of`. Adds no query."""
    return visits.annotate(screened=Subquery(newest_screening(patient=OuterRef("patient"))))


def verdict_of(visit: Appointment, *, today: date) -> Verdict | None:
    """The desk's verdict on a visit that came from `with_screening`; None where none is due."""
    if visit.kind != Appointment.Kind.TREATMENT or visit.status in GONE:
        return None
    screened = visit.screened
    asked_today = screened is not None and screened["purpose"] == "session" and screened["on"] == visit.day.isoformat()
    if visit.status in PRESENT and visit.day == today and not asked_today:
        return Verdict("ask", "Ask", "the questions of the day")
    if screened is None:
        return Verdict("ask", "Ask", "nothing was asked yet")
    state, earliest_on = outcome_on(screened, visit.day)
    made_at = datetime.fromisoformat(screened["made_at"])
    if visit.to_ask and state in ("clear", "caution") and made_at <= visit.booked_at:
        state = "ask"
    since = (
        f"asked today {clock(made_at)}" if asked_today and visit.day == today else _since(max(made_at, visit.booked_at))
    )
    return Verdict(state, _label(state, earliest_on), _note(state, since, visit), earliest_on)


def outcome_on(screened: dict, on: date) -> tuple[str, date | None]:
    """What a stored screening says of another day: its findings are still there, each with the day it ends.

    Same order as the rules themselves: block, defer, needs_clinician, ask, caution, clear. The date is the first on
    which no dated finding stands, None where none does or an undated block stands.
    """
    standing = [finding for finding in screened["findings"] if not _is_lifted(finding, on)]
    undated = [f for f in standing if f["category"] == "ABS" and not f["earliest_on"]]
    waits = [
        date.fromisoformat(f["earliest_on"]) for f in standing if f["earliest_on"] and f["category"] in ("ABS", "TMP")
    ]
    earliest_on = max((day for day in waits if day > on), default=None)
    if undated:
        return "block", None
    if earliest_on is not None:
        return "defer", earliest_on
    # A finding that was lifted until before that day stands again, whatever it was lifted from.
    if any(finding["category"] == "REL" or finding["cleared_until"] for finding in standing):
        return "needs_clinician", None
    if screened["missing"]:
        return "ask", None
    return ("caution" if screened["findings"] else "clear"), None


def _is_lifted(finding: dict, on: date) -> bool:
    return bool(finding["cleared_until"]) and date.fromisoformat(finding["cleared_until"]) >= on


def _label(state: str, earliest_on: date | None) -> str:
    if state == "defer":
        return f"Not before {earliest_on.day} {earliest_on:%b}"
    return {
        "block": "Ask a clinician",
        "needs_clinician": "Ask a clinician",
        "ask": "Ask",
        "caution": "Clear, with care",
        "clear": "Clear",
    }[state]


def _note(state: str, since: str, visit: Appointment) -> str:
    if state == "ask":
        return "questions to answer first"
    if state in ("block", "defer") and visit.status in COMING:
        return "move or cancel this visit"
    if state == "needs_clinician":
        return "before this visit"
    return since


def _since(moment: datetime) -> str:
    return f"as of {day(moment)}, asked again on the day"
