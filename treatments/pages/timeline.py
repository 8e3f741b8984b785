"""A patient's story, newest first: everything but the mails in one query, whatever she has been through.

What the desk may read (visits, mails, that she told us something) is chosen here, before the query: a clinical word that is
not asked for cannot be shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    DateTimeField,
    ExpressionWrapper,
    F,
    Func,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, JSONObject
from django.urls import reverse
from django.utils import timezone

from clinic.models import ClinicNow
from clinic.statements import Given, Statement
from clinic.templatetags.clinic_ui import date_year, mm, roman
from patients.models import Consent, DepthClass, MedicationStatement, Message, Patient, RecordClosing
from patients.outbox import wording
from patients.outbox.models import OPEN
from treatments.appointments.by_patient.models import ChangeReport, MoveRequest
from treatments.appointments.calls.matters import TITLES
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import COMING, Appointment
from treatments.assessments.models import AssessedConcern, Assessment
from treatments.assessments.past.models import PastSession
from treatments.outcomes.history import label_of
from treatments.outcomes.models import OutcomeScore
from treatments.pages.check_in_lists import CHIPS
from treatments.pages.told_calls import OF_WISHES, WAITS_FOR_A_LOOK, WAITS_FOR_A_TIME, wishes_of
from treatments.plans import reasons
from treatments.plans.models import CourseChange
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.wording import OUTCOMES
from treatments.rules.policy import catalogue_for
from treatments.screenings.models import Clearance, ScreeningRecord
from treatments.sessions import reactions_list
from treatments.sessions.healing.forms import SCALES
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent, SessionZone, TreatmentSession

SHOWN = 40
# Of what is known by its day alone.
NOON_OF_ITS_DAY = Func(
    F("on"),
    F("patient__clinic__zone"),
    template="(%(expressions)s)",
    arg_joiner=" + time '12:00') AT TIME ZONE (",
    output_field=DateTimeField(),
)
LONG_AGO = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)


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
    # Known by its day alone: its time of day is only where it stands in the story.
    by_day: bool = False


@dataclass(frozen=True)
class Story:
    """What a page of the timeline shows. `coming`: later than now, the next first; `older_than`: where the next page begins."""

    now: datetime
    coming: list[Entry]
    past: list[Entry]
    older_than: datetime | None


@dataclass(frozen=True, eq=False)
class _Kind:
    """A kind of entry: the rows of a model, what is shown of each (as JSON, for one subquery), and how a row reads.

    `moment`: the column, or what is worked out from columns, by which the story is sorted; "noon": of its day in the clinic. `for_clinicians`: what is shown of
    each beside, and asked for them alone.
    """

    name: str
    label: str
    model: type[Model]
    moment: str
    shown: dict[str, str | Combinable]
    entry: Callable[[dict, datetime, Catalogue], Entry]
    clinical: bool = True
    for_clinicians: dict[str, str | Combinable] = field(default_factory=dict)


def story(patient: Patient, *, clinical: bool, show: str = "", before: datetime | None = None) -> Story:
    """The newest entries of a patient, of one kind or of all, before a moment. Two queries."""
    kinds = tuple(kind for kind in KINDS if (clinical or not kind.clinical) and show in ("", kind.name))
    asked = _everything_of(kinds, clinical=clinical, is_continued=before is not None)
    (found,) = asked.rows(patient=patient.pk, before=before)
    now = found["present"]
    catalogue = catalogue_for(patient.clinic, now.astimezone(patient.clinic.tz).date())
    entries = [kind.entry(row, _moment(row["at"]), catalogue) for kind in kinds for row in found[kind.name]]
    if show in ("", "messages"):
        entries += _mails(patient, now, before)
    entries.sort(key=lambda entry: entry.at, reverse=True)
    # What shares a moment stays on one page: the next begins before it.
    last = entries[SHOWN - 1].at if len(entries) > SHOWN else LONG_AGO
    shown = [entry for entry in entries if entry.at >= last]
    return Story(
        now=now,
        coming=[entry for entry in reversed(shown) if not entry.over and entry.at > now],
        past=[entry for entry in shown if entry.over or entry.at <= now],
        older_than=last if len(shown) < len(entries) else None,
    )


def filters(*, clinical: bool) -> list[tuple[str, str]]:
    """What the story can be narrowed to: name and words."""
    kinds = [(kind.name, kind.label) for kind in KINDS if clinical or not kind.clinical]
    return [("", "Everything"), *kinds, ("messages", "Messages")]


# Many kinds, each with three subqueries: to write them out took longer than all else on the page of a patient. One for
# each way of asking: as a clinician or not, everything or one kind, from now or from a moment on.
PATIENT, BEFORE = Given("patient", BigIntegerField()), Given("before", DateTimeField())


@cache
def _everything_of(kinds: tuple[_Kind, ...], *, clinical: bool, is_continued: bool) -> Statement:
    asked = {kind.name: ArraySubquery(_rows(kind, clinical=clinical, is_continued=is_continued)) for kind in kinds}
    return Statement(Patient.objects.filter(pk=PATIENT).values("pk").annotate(present=ClinicNow(), **asked))


def _rows(kind: _Kind, *, clinical: bool, is_continued: bool) -> QuerySet:
    rows = kind.model.objects.filter(patient=PATIENT)
    if kind.moment == "noon":
        rows = rows.annotate(noon=NOON_OF_ITS_DAY)
    rows = rows.annotate(moment=F(kind.moment))
    shown = kind.shown | (kind.for_clinicians if clinical else {})
    newest = _newest(rows, is_continued=is_continued)
    return newest.annotate(shown=JSONObject(at=F("moment"), **shown)).values_list("shown", flat=True)


def _mails(patient: Patient, now: datetime, before: datetime | None) -> list[Entry]:
    mails = _mails_of(is_continued=before is not None).rows(patient=patient.pk, before=before)
    return [_mail(wording.row(mail, now)) for mail in mails]


@cache
def _mails_of(*, is_continued: bool) -> Statement:
    mails = (
        Message.objects.filter(patient=PATIENT)
        .select_related("clinic", "closed_by")
        .defer("body_text", "body_html", "attachment_text")
    )
    return Statement(_newest(mails.annotate(moment=F("send_at")), is_continued=is_continued))


def _newest(rows: QuerySet, *, is_continued: bool) -> QuerySet:
    """What fills a page by `moment`, whatever shares its last moment, and the moment beyond: so one knows that there is more."""
    if is_continued:
        rows = rows.filter(moment__lt=BEFORE)
    rows = rows.order_by("-moment", "-pk")
    last = rows.values("moment")[SHOWN - 1 : SHOWN]
    beyond = rows.filter(moment__lt=Subquery(last)).values("moment")[:1]
    return rows.filter(moment__gte=Coalesce(Subquery(beyond), Value(LONG_AGO)))


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


# ── How a row reads ───────────────────────────────────────────────────────────


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


def _session(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    status, zones = TreatmentSession.Status(row["status"]), catalogue.zones
    depths = [
        f"{zones[z['zone']].label.lower()} {mm(z['depth'])} mm × {z['passes']}"
        for z in row["zones"]
        if z["zone"] in zones
    ]
    in_error = status == TreatmentSession.Status.ENTERED_IN_ERROR
    said = [_sentence(", ".join(depths)), f"Lot {row['lot']}" if row["lot"] else "", _shortened(row["note"])]
    said.append(row["error_reason"] if in_error else row["stopped_reason"])
    return Entry(
        at=at,
        kind="Session",
        title=f"Session {row['number']}, {row['operator']}",
        lines=[line for line in said if line],
        url=reverse("treatments:session", args=[row["ref"]]),
        chip=({"completed": "clear", "stopped": "caution", "open": "ask"}.get(status, "note"), status.label),
        void=in_error,
    )


def _past_session(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """A needling that was not charted here. The desk reads that there was one, and the day."""
    in_error = row["entered_in_error"]
    said = []
    if "where" in row:
        depth = f"deepest {mm(row['deepest_mm'])} mm" if row["deepest_mm"] is not None else "depth not known"
        counts = "counts for the course" if row["counts"] else "does not count for the course"
        said = [f"{PastSession.Where(row['where']).label}, {depth}, {counts}", _past_reaction(row)]
        said.append(f"Entered by {row['by']}, {_day_of(row['entered_at'])}")
    return Entry(
        at=at,
        kind="Past session",
        title=f"Session of {_day(row['on'])}",
        lines=[line for line in (*said, row.get("error_reason", "")) if line],
        url=reverse("treatments:past_sessions", args=[row["patient"]]) if "where" in row else "",
        chip=("note", "Entered in error" if in_error else "Entered afterwards"),
        void=in_error,
        by_day=True,
    )


def _past_reaction(row: dict) -> str:
    if row["reaction_grade"] is None:
        return ""
    settled = f"settled {_day(row['reaction_resolved_on'])}" if row["reaction_resolved_on"] else "not settled"
    lasted = ", over 72 hours" if row["reaction_over_72h"] else ""
    return f"Reaction of grade {row['reaction_grade']}{lasted}, {settled}"


def _screening(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    rules = catalogue.rules_by_code
    raised = [rules[finding["code"]].label for finding in row["findings"] if finding["code"] in rules]
    for_what = "the session of" if row["purpose"] == "session" else "a booking on"
    words = OUTCOMES[row["outcome"]]
    if row["outcome"] == "defer" and row["earliest_on"]:
        words = f"Not before {_day(row['earliest_on'])}"
    return Entry(
        at=at,
        kind="Screening",
        title=f"Screened for {for_what} {_day(row['on'])}",
        lines=[", ".join(raised)] if raised else ["Nothing was raised"],
        chip=(row["outcome"], words),
    )


def _assessment(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    known = catalogue.concerns
    seen = [f"{known[c['code']].label}, {c['severity']}" for c in row["concerns"] if c["code"] in known]
    said = [f"Skin type {roman(row['skin_type'])}" if row["skin_type"] else "Skin type not known", *seen]
    return Entry(
        at=at,
        kind="Assessment",
        title="Assessed",
        lines=[
            "; ".join(said),
            *([_shortened(row["note"])] if row["note"] else []),
            *([row["error_reason"]] if row["entered_in_error"] else []),
        ],
        chip=("note", "Entered in error") if row["entered_in_error"] else None,
        void=row["entered_in_error"],
    )


def _score(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    label, variant = label_of(row["instrument"], row["variant"])
    where = f", {catalogue.zone_label(row['zone'])}" if row["zone"] else ""
    said = [f"{row['total']:g}{', ' + row['band'] if row['band'] else ''}", f"{variant}{where}"]
    said += [_shortened(row["note"])] if row["note"] else []
    return Entry(
        at=at,
        kind="Score",
        title=label,
        lines=[*said, *([row["error_reason"]] if row["entered_in_error"] else [])],
        chip=("note", "Entered in error") if row["entered_in_error"] else None,
        void=row["entered_in_error"],
    )


def _consent(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    withdrawn = f"Withdrawn {_day_of(row['withdrawn_at'])}: {row['withdrawn_reason']}" if row["withdrawn_at"] else ""
    return Entry(
        at=at,
        kind="Consent",
        title=f"Consent signed, {DepthClass(row['depth_class']).label}",
        lines=[withdrawn or f"by {row['signed_name']}"],
        chip=("note", "Withdrawn") if withdrawn else ("clear", "Signed"),
        void=bool(withdrawn),
    )


def _medicine(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    started = f"started {_day(row['started_on'])}" if row["started_on"] else "start not known"
    ended = f"stopped {_day(row['stopped_on'])}" if row["stopped_on"] else "still taken"
    error = row["entered_in_error"]
    return Entry(
        at=at,
        kind="Medicine",
        title=row["name"],
        lines=[_sentence(f"{started}, {ended}"), *([row["error_reason"]] if error else [])],
        chip=("note", "Entered in error") if error else ("plain", "Stopped" if row["stopped_on"] else "Taken"),
        void=error,
    )


def _clearance(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    rule = catalogue.rules_by_code.get(row["code"])
    revoked = row["revoked_at"] is not None
    return Entry(
        at=at,
        kind="Clearance",
        title=f"{rule.label if rule else row['code']}: lifted until {_day(row['expires_on'])}",
        lines=[
            f"{row['by']}, licence {row['licence']}: {row['reason']}",
            f"Document: {row['evidence']}" if row["evidence"] else "No document named.",
            *([f"Taken back by {row['revoked_by_name']}"] if revoked else []),
        ],
        chip=("note", f"Taken back {_day_of(row['revoked_at'])}") if revoked else ("caution", "Lifted"),
        void=revoked,
    )


def _reaction(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    closed = row["resolved_on"] is not None
    state = (
        ("note", "Entered in error")
        if row["entered_in_error"]
        else ("plain", f"Settled {_day(row['resolved_on'])}")
        if closed
        else ("block", "Open")
    )
    return Entry(
        at=at,
        kind="Adverse event",
        title=f"{reactions_list.name_of(row['code'], catalogue)}, grade {row['grade']}",
        lines=[_shortened(row["note"])] if row["note"] else [],
        url=reverse("treatments:session", args=[row["session"]]) if row["session"] else "",
        chip=state,
        void=row["entered_in_error"],
    )


def _check_in(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    told = [f"{scale.name} {row[scale.name]} of {scale.most}" for scale in SCALES if row[scale.name] is not None]
    known = {sign.code: sign.text for sign in catalogue.red_flags}
    signs = [known.get(code, code) for code in row["flags"]]
    looked = f"Looked at by {row['seen_by']}: {_shortened(row['seen_note'])}" if row["seen_note"] else ""
    return Entry(
        at=at,
        kind="Check-in",
        title=f"Healing check-in, day {row['day']}",
        lines=[
            line for line in (_sentence(", ".join(told)), "; ".join(signs), _shortened(row["note"]), looked) if line
        ],
        url=reverse("treatments:check_in", args=[row["ref"]]),
        chip=CHIPS[row["level"]],
    )


def _report(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """Her answers before a visit. The desk reads that something changed, and whether a clinician has looked."""
    rules = catalogue.rules_by_code
    changed = [rules[code].label for code in row.get("codes", ()) if code in rules]
    looked = f"Looked at by {row['seen_by']}" if row["seen_by"] else ""
    note = f": {_shortened(row['seen_note'])}" if looked and row.get("seen_note") else ""
    chip = ("ask", "To look at") if row["waits"] else ("plain", "Looked at") if looked else None
    return Entry(
        at=at,
        kind="Before a visit",
        title="Answers changed" if row["has_changed"] else "Answered again, nothing changed",
        lines=[line for line in (_about_visit(row), "; ".join(changed), looked + note) if line],
        url=reverse("treatments:change_report", args=[row["ref"]]),
        chip=chip,
    )


def _wish(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """She asked for another time. Her own words may tell more than the desk is to read here."""
    ended = MoveRequest.Ended(row["ended_because"]).label if row["ended_because"] else ""
    by = f", {row['who']}" if row["who"] else ""
    wished = f"Would suit: {wishes_of({'note': ''} | row).words(timezone.get_current_timezone())}"
    settled = f"{ended} {_day_of(row['ended_at'])}{by}" if ended else ""
    return Entry(
        at=at,
        kind="Wish",
        title="Asked for another time",
        lines=[line for line in (_about_visit(row), wished, _shortened(row.get("note", "")), settled) if line],
        url=reverse("treatments:move_request", args=[row["ref"]]),
        chip=("note", ended) if ended else ("ask", "Waits for a call") if row["waits"] else None,
        void=row["ended_because"] in (MoveRequest.Ended.TAKEN_BACK, MoveRequest.Ended.REPLACED),
    )


def _about_visit(row: dict) -> str:
    what = f"session {row['number']}" if row["number"] else f"the {Appointment.Kind(row['visit_kind']).label.lower()}"
    return f"About {what} on {_day(row['visit_day'])}"


def _call(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """Whom the desk rang up, and what came of it. No clinical word is kept there."""
    back = f"Call back {_day(row['call_back_on'])}" if row["call_back_on"] else ""
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
    ended = f"Ended {_day_of(row['ended_at'])}: {row['ended_reason']}" if row["ended_at"] else ""
    return Entry(
        at=at,
        kind="Waiting list",
        title=f"Waits for an earlier place, {what}",
        lines=[line for line in (row["note"], ended) if line],
        chip=("note", "Ended") if ended else ("plain", "Waits"),
        void=bool(ended),
    )


def _closing(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    opened = f"Opened again {_day_of(row['reopened_at'])}: {row['reopened_reason']}" if row["reopened_at"] else ""
    happened = f"On {_day(row['on'])}" if row["on"] else ""
    return Entry(
        at=at,
        kind="Record",
        title=f"Record closed: {RecordClosing.Why(row['why']).label.lower()}",
        lines=[line for line in (f"{row['reason']}, entered by {row['who']}", happened, opened) if line],
        chip=("note", "Opened again") if opened else ("plain", "Closed"),
        void=bool(opened),
    )


def _course_change(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """The desk reads the reasons that it may give itself, and no words beside them."""
    what = CourseChange.What(row["what"])
    why = _shortened(reasons.words(what, row["reason"], row.get("note", "")))
    lines = [_what_a_change_did(what, row["facts"], clinical="note" in row), why, f"By {row['who']}"]
    return Entry(
        at=at,
        kind="Course",
        title=f"Course {what.label.lower()}",
        lines=[line for line in lines if line],
        url=reverse("treatments:course", args=[row["plan"]]),
        chip=("note", "Undone") if row["undone_at"] else None,
        void=bool(row["undone_at"]),
    )


def _what_a_change_did(what: CourseChange.What, did: dict, *, clinical: bool) -> str:
    gone = len(did.get("visits", ()))
    cancelled = f"{gone} visit{'' if gone == 1 else 's'} cancelled" if gone else ""
    said = {
        CourseChange.What.PAUSED: f"Until {_day(did['until'])}" if did.get("until") else "Without an end yet",
        CourseChange.What.RESUMED: "The next session begins less deep" if clinical and did.get("less_deep") else "",
    }
    counts = f"{did['count_before']} to {did['count']} sessions" if "count" in did else ""
    instead = f"Plan {did['plan']} takes its place" if "plan" in did else ""
    asked = "The consent is asked for again" if did.get("consents") else ""
    return ". ".join(filter(None, [said.get(what, ""), counts, instead, asked, cancelled]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _day(text: str) -> str:
    return date_year(date.fromisoformat(text))


def _day_of(text: str) -> str:
    """The clinic's day of a moment: the page is drawn in its time."""
    return date_year(_moment(text))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shortened(text: str) -> str:
    return text if len(text) <= 240 else f"{text[:239].rstrip()}…"


def _same(*columns: str) -> dict[str, str]:
    """Columns shown under their own name."""
    return {column: column for column in columns}


def _whether(condition: Q) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _below(rows: QuerySet, **shown: str) -> ArraySubquery:
    """Rows below a row, in the order they were written."""
    return ArraySubquery(rows.order_by("pk").annotate(shown=JSONObject(**shown)).values("shown"))


ZONES = _below(SessionZone.objects.filter(session=OuterRef("pk")), zone="zone", depth="depth_mm", passes="passes")
OF_ITS_VISIT = {"number": "visit__planned_session__number", "visit_kind": "visit__kind", "visit_day": "visit__day"}
CONCERNS = _below(AssessedConcern.objects.filter(assessment=OuterRef("pk")), code="code", severity="severity")
KINDS = (
    _Kind(
        "visits", "Visits", Appointment, "during__startswith",
        _same("kind", "status", "ref") | {"number": "planned_session__number", "clinician": "clinician__user__full_name"},
        _visit, clinical=False,
    ),
    _Kind(
        "calls", "Calls", CallOutcome, "said_at",
        _same("outcome", "list_code", "call_back_on", "call_back_at", "note", "taken_back_at")
        | {"who": "by__full_name", "number": Coalesce("planned_session__number", "visit__planned_session__number", "waiting__planned_session__number")},
        _call, clinical=False,
    ),
    _Kind(
        "waiting", "Waiting list", WaitingEntry, "asked_at",
        _same("kind", "note", "ended_at", "ended_reason") | {"number": "planned_session__number"},
        _waiting, clinical=False,
    ),
    _Kind(
        "closings", "Record", RecordClosing, "closed_at",
        _same("why", "reason", "reopened_at", "reopened_reason") | {"on": F("on"), "who": "closed_by__full_name"},
        _closing, clinical=False,
    ),
    _Kind(
        "course_changes", "Course", CourseChange, "made_at",
        _same("what", "facts", "undone_at")
        | {"who": "made_by__full_name", "plan": "plan__ref", "reason": Case(When(reason__in=reasons.BY_DESK, then="reason"), default=Value(""))},
        _course_change, clinical=False, for_clinicians=_same("reason", "note"),
    ),
    _Kind(
        "answers", "Before a visit", ChangeReport, "answered_at",
        OF_ITS_VISIT | {"ref": "ref", "seen_by": "seen_by__full_name", "has_changed": _whether(Q(changed__len__gt=0)), "waits": _whether(WAITS_FOR_A_LOOK)},
        _report, clinical=False, for_clinicians={"codes": "changed", "seen_note": "seen_note"},
    ),
    _Kind(
        "wishes", "Wishes", MoveRequest, "asked_at",
        _same("ref", "ended_at", "ended_because", *(name for name in OF_WISHES if name != "note"))
        | OF_ITS_VISIT | {"who": "ended_by__full_name", "waits": _whether(WAITS_FOR_A_TIME)},
        _wish, clinical=False, for_clinicians={"note": "note"},
    ),
    _Kind(
        "sessions", "Sessions", TreatmentSession, "opened_at",
        _same("status", "note", "error_reason", "stopped_reason", "ref")
        | {"number": "planned_session__number", "operator": "operator__user__full_name", "lot": "cartridge_lot__lot", "zones": ZONES},
        _session,
    ),
    _Kind(
        "past_sessions", "Past sessions", PastSession, "noon",
        _same("entered_in_error") | {"on": F("on")},
        _past_session, clinical=False,
        for_clinicians=_same(
            "where", "counts", "deepest_mm", "reaction_grade", "reaction_over_72h", "reaction_resolved_on", "entered_at", "error_reason"
        ) | {"by": "entered_by__full_name", "patient": "patient__ref"},
    ),
    _Kind(
        "screenings", "Screenings", ScreeningRecord, "made_at",
        _same("purpose", "outcome", "earliest_on") | {"on": F("on"), "findings": F("result__findings")},
        _screening,
    ),
    _Kind(
        "assessments", "Assessments", Assessment, "recorded_at",
        _same("skin_type", "entered_in_error", "error_reason", "note") | {"concerns": CONCERNS},
        _assessment,
    ),
    _Kind(
        "scores", "Scores", OutcomeScore, "recorded_at",
        _same("instrument", "variant", "zone", "total", "band", "note", "entered_in_error", "error_reason"),
        _score,
    ),
    _Kind(
        "consents", "Consents", Consent, "signed_at",
        _same("depth_class", "withdrawn_at", "withdrawn_reason", "signed_name"),
        _consent,
    ),
    _Kind(
        "medicines", "Medicines", MedicationStatement, "recorded_at",
        _same("name", "started_on", "stopped_on", "entered_in_error", "error_reason"),
        _medicine,
    ),
    _Kind(
        "clearances", "Clearances", Clearance, "recorded_at",
        _same("code", "reason", "expires_on", "revoked_at", "licence", "evidence")
        | {"by": "given_by__full_name", "revoked_by_name": "revoked_by__full_name"},
        _clearance,
    ),
    _Kind(
        "reactions", "Adverse events", AdverseEvent, "reported_at",
        _same("code", "grade", "note", "resolved_on", "entered_in_error") | {"session": "session__ref"},
        _reaction,
    ),
    _Kind(
        "check_ins", "Check-ins", CheckIn, "answered_at",
        _same("day", "level", "redness", "swelling", "pain", "flags", "note", "seen_note", "ref") | {"seen_by": "seen_by__full_name"},
        _check_in,
    ),
)  # fmt: skip
