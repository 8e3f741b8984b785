"""A patient's story, newest first: everything but the mails in one query, whatever she has been through.

What the desk may read (visits and mails) is chosen here, before the query: a clinical word that is not asked for
cannot be shown.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet
from django.db.models.functions import JSONObject
from django.urls import reverse

from clinic.models import ClinicNow
from clinic.templatetags.clinic_ui import date_year, mm, roman
from patients.models import Consent, DepthClass, MedicationStatement, Message, Patient
from patients.outbox import wording
from patients.outbox.models import OPEN
from treatments.appointments.models import COMING, Appointment
from treatments.assessments.models import AssessedConcern, Assessment
from treatments.protocol.catalogue import load
from treatments.screenings.models import Clearance, ScreeningRecord
from treatments.sessions.forms import ADVERSE_EVENTS
from treatments.sessions.models import AdverseEvent, SessionZone, TreatmentSession

SHOWN = 40
OUTCOMES = {
    "clear": "Clear", "caution": "Caution", "ask": "Questions open", "needs_clinician": "Needs a clinician", "defer": "Not before",
    "block": "Blocked",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line: when, what, a sentence or two, a chip (state and words; `message`: of the ledger's states)."""

    at: datetime
    kind: str
    title: str
    lines: list[str] = field(default_factory=list)
    url: str = ""
    chip: tuple[str, str] | None = None
    message: bool = False
    void: bool = False
    # Done, cancelled or gone: no longer to come, whatever its time.
    over: bool = True


@dataclass(frozen=True)
class Story:
    """What a page of the timeline shows. `coming`: later than now, the next first; `older_than`: where the next page begins."""

    now: datetime
    coming: list[Entry]
    past: list[Entry]
    older_than: datetime | None


@dataclass(frozen=True)
class _Kind:
    """A kind of entry: its rows as JSON for one subquery, and how a row reads."""

    name: str
    label: str
    rows: Callable[[], QuerySet]
    moment: str
    entry: Callable[[dict, datetime], Entry]
    clinical: bool = True


def story(patient: Patient, *, clinical: bool, show: str = "", before: datetime | None = None) -> Story:
    """The newest entries of a patient, of one kind or of all, before a moment. Two queries."""
    kinds = [kind for kind in KINDS if (clinical or not kind.clinical) and show in ("", kind.name)]
    asked = {kind.name: ArraySubquery(_newest(kind, before)) for kind in kinds}
    found = Patient.objects.filter(pk=patient.pk).values("pk").annotate(present=ClinicNow(), **asked).get()
    now = found["present"]
    entries = [kind.entry(row, _moment(row["at"])) for kind in kinds for row in found[kind.name]]
    if show in ("", "messages"):
        entries += _mails(patient, now, before)
    entries.sort(key=lambda entry: entry.at, reverse=True)
    shown = entries[:SHOWN]
    return Story(
        now=now,
        coming=[entry for entry in reversed(shown) if not entry.over and entry.at > now],
        past=[entry for entry in shown if entry.over or entry.at <= now],
        older_than=shown[-1].at if len(entries) > SHOWN else None,
    )


def filters(*, clinical: bool) -> list[tuple[str, str]]:
    """What the story can be narrowed to: name and words."""
    kinds = [(kind.name, kind.label) for kind in KINDS if clinical or not kind.clinical]
    return [("", "Everything"), *kinds, ("messages", "Messages")]


def _newest(kind: _Kind, before: datetime | None) -> QuerySet:
    rows = kind.rows().filter(patient=OuterRef("pk"))
    if before is not None:
        rows = rows.filter(**{f"{kind.moment}__lt": before})
    return rows.order_by(F(kind.moment).desc(), "-pk").values_list("shown", flat=True)[: SHOWN + 1]


def _mails(patient: Patient, now: datetime, before: datetime | None) -> list[Entry]:
    mails = (
        Message.objects.filter(patient=patient).select_related("clinic", "closed_by").defer("body_text", "body_html")
    )
    if before is not None:
        mails = mails.filter(send_at__lt=before)
    return [_mail(wording.row(mail, now)) for mail in mails.order_by("-send_at", "-pk")[: SHOWN + 1]]


def _mail(row: wording.Row) -> Entry:
    return Entry(
        at=row.due_at,
        kind="Message",
        title=row.label,
        lines=[row.proof] if row.proof else [],
        url=reverse("patients:message", args=[row.message.ref]),
        chip=(row.chip_state, row.chip_label),
        message=True,
        void=row.is_struck,
        over=row.message.state not in OPEN,
    )


# ── Rows ──────────────────────────────────────────────────────────────────────


def _visits() -> QuerySet:
    return Appointment.objects.annotate(
        starts=F("during__startswith"),
        shown=JSONObject(
            at=F("during__startswith"),
            kind="kind",
            status="status",
            number="planned_session__number",
            clinician="clinician__user__full_name",
            ref="ref",
        ),
    )


def _visit(row: dict, at: datetime) -> Entry:
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


def _sessions() -> QuerySet:
    zones = SessionZone.objects.filter(session=OuterRef("pk")).order_by("pk")
    zone = JSONObject(zone="zone", depth="depth_mm", passes="passes")
    return TreatmentSession.objects.annotate(
        shown=JSONObject(
            at=F("opened_at"),
            status="status",
            number="planned_session__number",
            operator="operator__user__full_name",
            note="note",
            lot="cartridge_lot__lot",
            error="error_reason",
            stopped="stopped_reason",
            ref="ref",
            zones=ArraySubquery(zones.annotate(shown=zone).values("shown")),
        )
    )


def _session(row: dict, at: datetime) -> Entry:
    status, zones = TreatmentSession.Status(row["status"]), load().zones
    depths = [
        f"{zones[z['zone']].label.lower()} {mm(z['depth'])} mm × {z['passes']}"
        for z in row["zones"]
        if z["zone"] in zones
    ]
    in_error = status == TreatmentSession.Status.ENTERED_IN_ERROR
    said = [", ".join(depths).capitalize(), f"Lot {row['lot']}" if row["lot"] else "", _shortened(row["note"])]
    said.append(row["error"] if in_error else row["stopped"])
    return Entry(
        at=at,
        kind="Session",
        title=f"Session {row['number']}, {row['operator']}",
        lines=[line for line in said if line],
        url=reverse("treatments:session", args=[row["ref"]]),
        chip=({"completed": "clear", "stopped": "caution", "open": "ask"}.get(status, "note"), status.label),
        void=in_error,
    )


def _screenings() -> QuerySet:
    return ScreeningRecord.objects.annotate(
        shown=JSONObject(
            at=F("made_at"),
            on=F("on"),
            purpose="purpose",
            outcome="outcome",
            earliest="earliest_on",
            findings=F("result__findings"),
        )
    )


def _screening(row: dict, at: datetime) -> Entry:
    rules = load().rules_by_code
    raised = [rules[finding["code"]].label for finding in row["findings"] if finding["code"] in rules]
    for_what = "the session of" if row["purpose"] == "session" else "a booking on"
    words = OUTCOMES[row["outcome"]]
    if row["outcome"] == "defer" and row["earliest"]:
        words = f"Not before {_day(row['earliest'])}"
    return Entry(
        at=at,
        kind="Screening",
        title=f"Screened for {for_what} {_day(row['on'])}",
        lines=[", ".join(raised)] if raised else ["Nothing was raised"],
        chip=(row["outcome"], words),
    )


def _assessments() -> QuerySet:
    concerns = AssessedConcern.objects.filter(assessment=OuterRef("pk")).order_by("pk")
    concern = JSONObject(code="code", severity="severity")
    return Assessment.objects.annotate(
        shown=JSONObject(
            at=F("recorded_at"),
            skin_type="skin_type",
            error="entered_in_error",
            reason="error_reason",
            note="note",
            concerns=ArraySubquery(concerns.annotate(shown=concern).values("shown")),
        )
    )


def _assessment(row: dict, at: datetime) -> Entry:
    known = load().concerns
    seen = [f"{known[c['code']].label}, {c['severity']}" for c in row["concerns"] if c["code"] in known]
    said = [f"Skin type {roman(row['skin_type'])}" if row["skin_type"] else "Skin type not known", *seen]
    return Entry(
        at=at,
        kind="Assessment",
        title="Assessed",
        lines=[
            "; ".join(said),
            *([_shortened(row["note"])] if row["note"] else []),
            *([row["reason"]] if row["error"] else []),
        ],
        chip=("note", "Entered in error") if row["error"] else None,
        void=row["error"],
    )


def _consents() -> QuerySet:
    return Consent.objects.annotate(
        shown=JSONObject(
            at=F("signed_at"),
            depth="depth_class",
            withdrawn=F("withdrawn_at"),
            reason="withdrawn_reason",
            name="signed_name",
        )
    )


def _consent(row: dict, at: datetime) -> Entry:
    withdrawn = row["withdrawn"] is not None
    return Entry(
        at=at,
        kind="Consent",
        title=f"Consent signed, {DepthClass(row['depth']).label}",
        lines=[f"Withdrawn {_day(row['withdrawn'])}: {row['reason']}"] if withdrawn else [f"by {row['name']}"],
        chip=("note", "Withdrawn") if withdrawn else ("clear", "Signed"),
        void=withdrawn,
    )


def _medicines() -> QuerySet:
    return MedicationStatement.objects.annotate(
        shown=JSONObject(
            at=F("recorded_at"), name="name", kind="kind", started="started_on", stopped="stopped_on", error="entered_in_error",
            reason="error_reason",
        )
    )  # fmt: skip


def _medicine(row: dict, at: datetime) -> Entry:
    started = f"started {_day(row['started'])}" if row["started"] else "start not known"
    ended = f"stopped {_day(row['stopped'])}" if row["stopped"] else "still taken"
    return Entry(
        at=at,
        kind="Medicine",
        title=row["name"],
        lines=[f"{started}, {ended}".capitalize(), *([row["reason"]] if row["error"] else [])],
        chip=("note", "Entered in error") if row["error"] else ("plain", "Stopped" if row["stopped"] else "Taken"),
        void=row["error"],
    )


def _clearances() -> QuerySet:
    return Clearance.objects.annotate(
        shown=JSONObject(
            at=F("recorded_at"),
            code="code",
            by="given_by__full_name",
            reason="reason",
            until=F("expires_on"),
            revoked=F("revoked_at"),
        )
    )


def _clearance(row: dict, at: datetime) -> Entry:
    rule = load().rules_by_code.get(row["code"])
    revoked = row["revoked"] is not None
    return Entry(
        at=at,
        kind="Clearance",
        title=f"{rule.label if rule else row['code']}: lifted until {_day(row['until'])}",
        lines=[f"{row['by']}: {row['reason']}"],
        chip=("note", f"Taken back {_day(row['revoked'])}") if revoked else ("caution", "Lifted"),
        void=revoked,
    )


def _reactions() -> QuerySet:
    return AdverseEvent.objects.annotate(
        shown=JSONObject(
            at=F("reported_at"), code="code", grade="grade", note="note", resolved=F("resolved_on"), error="entered_in_error",
            session="session__ref",
        )
    )  # fmt: skip


def _reaction(row: dict, at: datetime) -> Entry:
    closed = row["resolved"] is not None
    state = (
        ("note", "Entered in error")
        if row["error"]
        else ("plain", f"Settled {_day(row['resolved'])}")
        if closed
        else ("block", "Open")
    )
    return Entry(
        at=at,
        kind="Adverse event",
        title=f"{dict(ADVERSE_EVENTS).get(row['code'], row['code'])}, grade {row['grade']}",
        lines=[_shortened(row["note"])] if row["note"] else [],
        url=reverse("treatments:session", args=[row["session"]]) if row["session"] else "",
        chip=state,
        void=row["error"],
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _day(text: str) -> str:
    return date_year(date.fromisoformat(text[:10]))


def _shortened(text: str) -> str:
    return text if len(text) <= 240 else f"{text[:239].rstrip()}…"


KINDS = (
    _Kind("visits", "Visits", _visits, "starts", _visit, clinical=False),
    _Kind("sessions", "Sessions", _sessions, "opened_at", _session),
    _Kind("screenings", "Screenings", _screenings, "made_at", _screening),
    _Kind("assessments", "Assessments", _assessments, "recorded_at", _assessment),
    _Kind("consents", "Consents", _consents, "signed_at", _consent),
    _Kind("medicines", "Medicines", _medicines, "recorded_at", _medicine),
    _Kind("clearances", "Clearances", _clearances, "recorded_at", _clearance),
    _Kind("reactions", "Adverse events", _reactions, "reported_at", _reaction),
)


def names() -> Iterator[str]:
    yield from (name for name, _ in filters(clinical=True))
