"""What the desk may read of a patient's story: visits, calls, waiting, what she told us. Clinical words of it are for clinicians."""

from datetime import datetime

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Concat
from django.urls import reverse
from django.utils import timezone

from patients.models import RecordClosing, RecordMerge
from treatments.appointments.by_patient.models import ChangeReport, MoveRequest
from treatments.appointments.calls.matters import TITLES
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import COMING, Appointment
from treatments.pages.timeline.entries import Entry, Kind, day, day_of, same, shortened, whether
from treatments.pages.worklists.told_calls import OF_WISHES, WAITS_FOR_A_LOOK, WAITS_FOR_A_TIME, wishes_of
from treatments.protocol.catalogue import Catalogue


def _visit(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    what = Appointment.Kind(row["kind"]).label
    status = Appointment.Status(row["status"])
    void = status in (Appointment.Status.CANCELLED, Appointment.Status.NO_SHOW)
    return Entry(
        at=at,
        kind="Visit",
        title=f"{what}, session {row['number']}" if row["number"] else what,
        lines=[f"with {row['clinician']}"] if row["clinician"] else [],
        url=reverse("treatments:visit", args=[row["ref"]]),
        chip=("note" if void else "plain", status.label),
        void=void,
        over=status not in COMING,
    )


def _call(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """Whom the desk rang up, and what came of it. No clinical word is kept there."""
    back = f"Call back {day(row['call_back_on'])}" if row["call_back_on"] else ""
    after = f" after {row['call_back_at'][:5]}" if back and row["call_back_at"] else ""
    what = f"{TITLES[row['list_code']]}{', session ' + str(row['number']) if row['number'] else ''}, by {row['who']}"
    return Entry(
        at=at,
        kind="Call",
        title=f"Called: {CallOutcome.Outcome(row['outcome']).label.lower()}",
        lines=[line for line in (what, back + after, row["note"]) if line],
        chip=("note", "Taken back") if row["taken_back_at"] else None,
        void=row["taken_back_at"] is not None,
    )


def _waiting(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    what = f"session {row['number']}" if row["number"] else f"a {row['kind']}"
    ended = f"Ended {day_of(row['ended_at'])}: {row['ended_reason']}" if row["ended_at"] else ""
    return Entry(
        at=at,
        kind="Waiting list",
        title=f"Waits for an earlier place, {what}",
        lines=[line for line in (row["note"], ended) if line],
        chip=("note", "Ended") if ended else ("plain", "Waits"),
        void=bool(ended),
    )


def _closing(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    opened = f"Opened again {day_of(row['reopened_at'])}: {row['reopened_reason']}" if row["reopened_at"] else ""
    happened = f"On {day(row['on'])}" if row["on"] else ""
    return Entry(
        at=at,
        kind="Record",
        title=f"Record closed: {RecordClosing.Why(row['why']).label.lower()}",
        lines=[line for line in (f"{row['reason']}, entered by {row['who']}", happened, opened) if line],
        chip=("note", "Opened again") if opened else ("plain", "Closed"),
        void=bool(opened),
    )


def _merge(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """Told on both records, in the same words."""
    undone = f"Taken back {day_of(row['undone_at'])} by {row['undone_by']}: {row['undone_reason']}" if row["undone_at"] else ""  # fmt: skip
    said = f"{row['reason']}, merged by {row['who']}" if row["reason"] else f"Merged by {row['who']}"
    return Entry(
        at=at,
        kind="Record",
        title=f"The record of {row['gone']} became part of the one of {row['stays']}",
        lines=[line for line in (said, undone) if line],
        chip=("note", "Taken back") if undone else ("plain", "Merged"),
        void=bool(undone),
    )


def _report(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """Her answers before a visit. The desk reads that something changed, and whether a clinician has looked."""
    rules = catalogue.rules_by_code
    changed = [rules[code].label for code in row.get("codes", ()) if code in rules]
    looked = f"Looked at by {row['seen_by']}" if row["seen_by"] else ""
    note = f": {shortened(row['seen_note'])}" if looked and row.get("seen_note") else ""
    said = f"“{shortened(row['said'])}”" if row.get("said") else ""
    chip = ("ask", "To look at") if row["waits"] else ("plain", "Looked at") if looked else None
    return Entry(
        at=at,
        kind="Before a visit",
        title=_told(row),
        lines=[line for line in (_about_visit(row), said, "; ".join(changed), looked + note) if line],
        url=reverse("treatments:change_report", args=[row["ref"]]),
        chip=chip,
    )


def _told(row: dict) -> str:
    if row["heard"]:
        return "Something changed, by telephone"
    return "Answers changed" if row["has_changed"] else "Answered again, nothing changed"


def _wish(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """She asked for another time. Her own words may tell more than the desk is to read here."""
    ended = MoveRequest.Ended(row["ended_because"]).label if row["ended_because"] else ""
    by = f", {row['who']}" if row["who"] else ""
    wished = f"Would suit: {wishes_of({'note': ''} | row).words(timezone.get_current_timezone())}"
    settled = f"{ended} {day_of(row['ended_at'])}{by}" if ended else ""
    return Entry(
        at=at,
        kind="Wish",
        title="Asked for another time",
        lines=[line for line in (_about_visit(row), wished, shortened(row.get("note", "")), settled) if line],
        url=reverse("treatments:move_request", args=[row["ref"]]),
        chip=("note", ended) if ended else ("ask", "Waits for a call") if row["waits"] else None,
        void=row["ended_because"] in (MoveRequest.Ended.TAKEN_BACK, MoveRequest.Ended.REPLACED),
    )


def _about_visit(row: dict) -> str:
    what = f"session {row['number']}" if row["number"] else f"the {Appointment.Kind(row['visit_kind']).label.lower()}"
    return f"About {what} on {day(row['visit_day'])}"


def _name(whose: str) -> Concat:
    return Concat(f"{whose}__given_name", Value(" "), f"{whose}__family_name")


OF_ITS_VISIT = {"number": "visit__planned_session__number", "visit_kind": "visit__kind", "visit_day": "visit__day"}
KINDS = (
    Kind(
        "visits", "Visits", Appointment, "during__startswith",
        same("kind", "status", "ref") | {"number": "planned_session__number", "clinician": "clinician__user__full_name"},
        _visit, clinical=False,
    ),
    Kind(
        "calls", "Calls", CallOutcome, "said_at",
        same("outcome", "list_code", "call_back_on", "call_back_at", "note", "taken_back_at")
        | {"who": "by__full_name", "number": Coalesce("planned_session__number", "visit__planned_session__number", "waiting__planned_session__number")},
        _call, clinical=False,
    ),
    Kind(
        "waiting", "Waiting list", WaitingEntry, "asked_at",
        same("kind", "note", "ended_at", "ended_reason") | {"number": "planned_session__number"},
        _waiting, clinical=False,
    ),
    Kind(
        "closings", "Record", RecordClosing, "closed_at",
        same("why", "reason", "reopened_at", "reopened_reason") | {"on": F("on"), "who": "closed_by__full_name"},
        _closing, clinical=False,
    ),
    Kind(
        "merges", "Merges", RecordMerge, "merged_at",
        same("reason", "undone_at", "undone_reason")
        | {"who": "merged_by__full_name", "undone_by": "undone_by__full_name", "gone": _name("gone"), "stays": _name("stays")},
        _merge, clinical=False, of=("stays", "gone"),
    ),
    Kind(
        "answers", "Before a visit", ChangeReport, "answered_at",
        OF_ITS_VISIT | {"ref": "ref", "seen_by": "seen_by__full_name", "has_changed": whether(Q(changed__len__gt=0)), "heard": whether(Q(heard_by__isnull=False)), "waits": whether(WAITS_FOR_A_LOOK)},
        _report, clinical=False, for_clinicians={"codes": "changed", "seen_note": "seen_note", "said": "said"},
    ),
    Kind(
        "wishes", "Wishes", MoveRequest, "asked_at",
        same("ref", "ended_at", "ended_because", *(name for name in OF_WISHES if name != "note"))
        | OF_ITS_VISIT | {"who": "ended_by__full_name", "waits": whether(WAITS_FOR_A_TIME)},
        _wish, clinical=False, for_clinicians={"note": "note"},
    ),
)  # fmt: skip
