"""What came of earlier calls, in the query of what they were about; and from which day on somebody calls again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef
from django.db.models.functions import JSONObject

from treatments.appointments.calls.matters import TOLD_BY_PATIENTS, TOLD_SETTLES, same_matter
from treatments.appointments.calls.models import CallOutcome

NEVER = date.max
# Who has a message to answer is given this long.
MESSAGE_DAYS = 2
# Called so often without a place, a course stands still.
FRUITLESS_CALLS = 3
# More of them say nothing new.
MOST_KEPT = 20

Outcome = CallOutcome.Outcome


@dataclass(frozen=True)
class Heard:
    """What came of one call."""

    ref: UUID
    outcome: str
    list_code: str
    said_at: datetime
    call_back_on: date | None
    call_back_at: time | None
    note: str
    hole: tuple[datetime, datetime] | None


def heard_about(subject: str, key: str = "pk", *, version: str = "schedule_version") -> ArraySubquery:
    """An annotation: what came of the calls about a row, the newest first. `subject` is the field of CallOutcome that `key`
    fills.

    Of a visit only as it stands, which its `version` says: once it was moved, nobody has called about it.
    """
    told = JSONObject(
        ref="ref",
        outcome="outcome",
        list_code="list_code",
        said_at="said_at",
        call_back_on="call_back_on",
        call_back_at="call_back_at",
        note="note",
        hole_from=F("hole__startswith"),
        hole_until=F("hole__endswith"),
    )
    outcomes = CallOutcome.objects.filter(**{subject: OuterRef(key)}, taken_back_at=None)
    if subject == "visit":
        outcomes = outcomes.filter(visit_version=OuterRef(version))
    return ArraySubquery(outcomes.order_by("-id").values(told=told)[:MOST_KEPT])


def heard(rows: Iterable[dict] | None, list_code: str, *, since: datetime | None = None) -> list[Heard]:
    """Rows of `heard_about` that bear upon a list. `since`: when the session was last booked or fell out; what was said
    before is another story."""
    matter = same_matter(list_code)
    found = [_heard(row) for row in rows or () if row["list_code"] in matter]
    return [one for one in found if since is None or one.said_at > since]


def _heard(row: dict) -> Heard:
    hole = (
        (datetime.fromisoformat(row["hole_from"]), datetime.fromisoformat(row["hole_until"]))
        if row["hole_from"]
        else None
    )
    return Heard(
        ref=UUID(row["ref"]),
        outcome=row["outcome"],
        list_code=row["list_code"],
        said_at=datetime.fromisoformat(row["said_at"]),
        call_back_on=date.fromisoformat(row["call_back_on"]) if row["call_back_on"] else None,
        call_back_at=time.fromisoformat(row["call_back_at"]) if row["call_back_at"] else None,
        note=row["note"],
        hole=hole,
    )


def called_again_on(told: list[Heard], list_code: str, zone: ZoneInfo) -> date | None:
    """From which day on the patient is called again: NEVER after "stop", None where nobody was reached yet.

    The day to call back; two days after a message, or at once where she is the one who waits; the next day where a place was
    promised and is not there.
    """
    if any(one.outcome == Outcome.STOP for one in told):
        return NEVER
    newest = last_word(told)
    if newest is None:
        return None
    said_on = newest.said_at.astimezone(zone).date()
    if newest.outcome == Outcome.CALL_BACK:
        return newest.call_back_on
    if newest.outcome == Outcome.MESSAGE:
        return said_on + timedelta(days=0 if list_code in TOLD_BY_PATIENTS else MESSAGE_DAYS)
    if newest.outcome == Outcome.TOLD and list_code in TOLD_SETTLES:
        return NEVER
    return said_on + timedelta(days=1)


def last_word(told: list[Heard]) -> Heard | None:
    """The newest call in which somebody was reached about the thing itself."""
    return next((one for one in told if one.outcome not in (Outcome.DECLINED, Outcome.NO_ANSWER)), None)


def fruitless(told: list[Heard]) -> bool:
    return len(told) >= FRUITLESS_CALLS


def tag(told: list[Heard]) -> str:
    """What stands beside the name of somebody who was called before."""
    if not told:
        return ""
    newest = told[0]
    if newest.outcome == Outcome.CALL_BACK:
        return f"call after {newest.call_back_at:%H:%M}" if newest.call_back_at else "asked to be called back"
    if newest.outcome == Outcome.MESSAGE:
        return "left a message" if len(told) == 1 else f"left a message, {times(len(told))}"
    return times(len(told))


def times(count: int) -> str:
    return {1: "called once", 2: "called twice"}.get(count, f"called {count} times")


def outcome_words(one: Heard, zone: ZoneInfo) -> str:
    """One call in words, with its day: "Left a message Tue 9 Mar, 10:42"."""
    said = one.said_at.astimezone(zone)
    when = f"{said:%a} {said.day} {said:%b}, {said:%H:%M}"
    what = Outcome(one.outcome).label
    if one.outcome == Outcome.CALL_BACK and one.call_back_on:
        at = f" after {one.call_back_at:%H:%M}" if one.call_back_at else ""
        what = f"Call back {one.call_back_on:%a} {one.call_back_on.day} {one.call_back_on:%b}{at}"
    note = f": {one.note}" if one.note else ""
    return f"{when} · {what}{note}"
