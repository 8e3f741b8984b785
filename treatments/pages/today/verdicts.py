"""What the desk may know of a booked visit's screening: go ahead, ask, not before a date. Never the reason.

Lists and the day show hundreds of visits, so the rules are not run again here: the verdict is read from the newest
stored screening of each patient, which keeps what it means for later days. The gate before a session runs the rules anew.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone

from clinic.templatetags.clinic_ui import clock, day
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.rules.words import verdict_words
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
    # The course itself waits: whatever the screening says, nothing happens before a clinician has spoken.
    is_on_hold: bool = False
    # It is paused until a day: the visit may move behind it.
    paused_until: date | None = None

    @property
    def refuses(self) -> bool:
        """The visit cannot be on its day as things stand."""
        return self.state in ("block", "defer")


def newest_screening() -> QuerySet[ScreeningRecord]:
    """The newest screening that speaks of a visit's day, for a subquery of visits.

    One that was made for a later day says nothing of this one: it does not hold what ends in between.
    """
    return ScreeningRecord.objects.filter(patient=OuterRef("patient"), on__lte=OuterRef("day")).order_by("-id")


def with_screening(visits: QuerySet[Appointment]) -> QuerySet[Appointment]:
    """Visits with what `verdict_of` reads: `screened`, a dict, `course_status` and `paused_until`. Adds no query."""
    shown = JSONObject(on=F("on"), purpose="purpose", made_at="made_at", outlook="result__outlook")
    return visits.annotate(
        screened=Subquery(newest_screening().annotate(shown=shown).values("shown")[:1]),
        course_status=F("planned_session__plan__status"),
        paused_until=F("planned_session__plan__paused_until"),
    )


def verdict_of(visit: Appointment, *, today: date) -> Verdict | None:
    """The desk's verdict on a visit that came from `with_screening`; None where none is due."""
    if visit.kind != Appointment.Kind.TREATMENT or visit.status in GONE:
        return None
    if visit.status in (*COMING, *PRESENT) and visit.course_status != "active" and not _behind_the_pause(visit, today):
        if visit.paused_until is not None and visit.paused_until >= today and visit.status in COMING:
            note = f"until {day(visit.paused_until)}: move or cancel this visit"
            return Verdict("needs_clinician", "Course paused", note, is_on_hold=True, paused_until=visit.paused_until)
        label = "Course on hold" if visit.course_status == "on_hold" else "Course not active"
        note = "ask a clinician before this visit" if visit.status in COMING else "ask a clinician now"
        return Verdict("needs_clinician", label, note, is_on_hold=True)
    screened = visit.screened
    asked_today = screened is not None and screened["purpose"] == "session" and screened["on"] == visit.day.isoformat()
    state, earliest_on = outcome_on(screened, visit.day) if screened else ("ask", None)
    # What blocks for good, as an open reaction, is said before anybody asks her anything: no answer of the day ends it.
    if visit.status in PRESENT and visit.day == today and not asked_today and state != "block":
        return Verdict("ask", "Ask", "the questions of the day")
    if screened is None:
        return Verdict("ask", "Ask", "nothing was asked yet")
    made_at = datetime.fromisoformat(screened["made_at"])
    if visit.to_ask and state in ("clear", "caution") and made_at <= visit.booked_at:
        state = "ask"
    since = (
        f"asked today {clock(made_at)}" if asked_today and visit.day == today else _since(max(made_at, visit.booked_at))
    )
    return Verdict(state, verdict_words(state, earliest_on, near=visit.day), _note(state, since, visit), earliest_on)


def _behind_the_pause(visit: Appointment, today: date) -> bool:
    """Whether a paused course is to have gone on by the day of the visit. Once the pause is over somebody has to say so."""
    return visit.paused_until is not None and today <= visit.paused_until < visit.day


def outcome_on(screened: dict, on: date) -> tuple[str, date | None]:
    """What a stored screening says of a day from its own on, read from its outlook. A dated block reads as a wait."""
    reached = [turn for turn in screened["outlook"] or [] if date.fromisoformat(turn["on"]) <= on]
    if not reached:
        return "ask", None
    outcome, earliest_on = reached[-1]["outcome"], reached[-1]["earliest_on"]
    if earliest_on and outcome in ("block", "defer"):
        return "defer", date.fromisoformat(earliest_on)
    return outcome, None


def _note(state: str, since: str, visit: Appointment) -> str:
    if state == "ask":
        return "questions to answer first"
    if state in ("block", "defer") and visit.status in COMING:
        return "move or cancel this visit"
    if state == "block" and visit.status in PRESENT:
        return "no session before that"
    if state == "needs_clinician":
        return "before this visit"
    return since


def _since(moment: datetime) -> str:
    return f"as of {_day_words(timezone.localdate(moment))}, asked again on the day"


@lru_cache(maxsize=256)
def _day_words(on: date) -> str:
    """The same few days, worded hundreds of times a page."""
    return day(on)
