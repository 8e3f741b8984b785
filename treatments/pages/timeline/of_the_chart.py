"""The clinical part of a patient's story: for clinicians, but for the day of a past session."""

from datetime import datetime

from django.db.models import F, OuterRef
from django.urls import reverse

from clinic.templatetags.clinic_ui import mm, roman
from patients.models import Consent, DepthClass, MedicationStatement
from treatments.assessments.models import AssessedConcern, Assessment
from treatments.assessments.past.models import PastSession
from treatments.outcomes.history import label_of
from treatments.outcomes.models import OutcomeScore
from treatments.pages.timeline.entries import Entry, Kind, below, day, day_of, same, sentence, shortened
from treatments.pages.worklists.check_in_lists import CHIPS
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.wording import OUTCOMES
from treatments.screenings.models import Clearance, ScreeningRecord
from treatments.sessions import reactions_list
from treatments.sessions.healing.forms import SCALES
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent, SessionZone, TreatmentSession


def _session(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    status, zones = TreatmentSession.Status(row["status"]), catalogue.zones
    depths = [
        f"{zones[z['zone']].label.lower()} {mm(z['depth'])} mm × {z['passes']}"
        for z in row["zones"]
        if z["zone"] in zones
    ]
    in_error = status == TreatmentSession.Status.ENTERED_IN_ERROR
    said = [sentence(", ".join(depths)), f"Lot {row['lot']}" if row["lot"] else "", shortened(row["note"])]
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
        said.append(f"Entered by {row['by']}, {day_of(row['entered_at'])}")
    return Entry(
        at=at,
        kind="Past session",
        title=f"Session of {day(row['on'])}",
        lines=[line for line in (*said, row.get("error_reason", "")) if line],
        url=reverse("treatments:past_sessions", args=[row["patient"]]) if "where" in row else "",
        chip=("note", "Entered in error" if in_error else "Entered afterwards"),
        void=in_error,
        by_day=True,
    )


def _past_reaction(row: dict) -> str:
    if row["reaction_grade"] is None:
        return ""
    settled = f"settled {day(row['reaction_resolved_on'])}" if row["reaction_resolved_on"] else "not settled"
    lasted = ", over 72 hours" if row["reaction_over_72h"] else ""
    return f"Reaction of grade {row['reaction_grade']}{lasted}, {settled}"


def _screening(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    rules = catalogue.rules_by_code
    raised = [rules[finding["code"]].label for finding in row["findings"] if finding["code"] in rules]
    for_what = "the session of" if row["purpose"] == "session" else "a booking on"
    words = OUTCOMES[row["outcome"]]
    if row["outcome"] == "defer" and row["earliest_on"]:
        words = f"Not before {day(row['earliest_on'])}"
    return Entry(
        at=at,
        kind="Screening",
        title=f"Screened for {for_what} {day(row['on'])}",
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
            *([shortened(row["note"])] if row["note"] else []),
            *([row["error_reason"]] if row["entered_in_error"] else []),
        ],
        chip=("note", "Entered in error") if row["entered_in_error"] else None,
        void=row["entered_in_error"],
    )


def _score(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    label, variant = label_of(row["instrument"], row["variant"])
    where = f", {catalogue.zone_label(row['zone'])}" if row["zone"] else ""
    said = [f"{row['total']:g}{', ' + row['band'] if row['band'] else ''}", f"{variant}{where}"]
    said += [shortened(row["note"])] if row["note"] else []
    return Entry(
        at=at,
        kind="Score",
        title=label,
        lines=[*said, *([row["error_reason"]] if row["entered_in_error"] else [])],
        chip=("note", "Entered in error") if row["entered_in_error"] else None,
        void=row["entered_in_error"],
    )


def _consent(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    withdrawn = f"Withdrawn {day_of(row['withdrawn_at'])}: {row['withdrawn_reason']}" if row["withdrawn_at"] else ""
    return Entry(
        at=at,
        kind="Consent",
        title=f"Consent signed, {DepthClass(row['depth_class']).label}",
        lines=[withdrawn or f"by {row['signed_name']}"],
        chip=("note", "Withdrawn") if withdrawn else ("clear", "Signed"),
        void=bool(withdrawn),
    )


def _medicine(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    started = f"started {day(row['started_on'])}" if row["started_on"] else "start not known"
    ended = f"stopped {day(row['stopped_on'])}" if row["stopped_on"] else "still taken"
    error = row["entered_in_error"]
    return Entry(
        at=at,
        kind="Medicine",
        title=row["name"],
        lines=[sentence(f"{started}, {ended}"), *([row["error_reason"]] if error else [])],
        chip=("note", "Entered in error") if error else ("plain", "Stopped" if row["stopped_on"] else "Taken"),
        void=error,
    )


def _clearance(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    rule = catalogue.rules_by_code.get(row["code"])
    revoked = row["revoked_at"] is not None
    return Entry(
        at=at,
        kind="Clearance",
        title=f"{rule.label if rule else row['code']}: lifted until {day(row['expires_on'])}",
        lines=[
            f"{row['by']}, licence {row['licence']}: {row['reason']}",
            f"Document: {row['evidence']}" if row["evidence"] else "No document named.",
            *([f"Taken back by {row['revoked_by_name']}"] if revoked else []),
        ],
        chip=("note", f"Taken back {day_of(row['revoked_at'])}") if revoked else ("caution", "Lifted"),
        void=revoked,
    )


def _reaction(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    closed = row["resolved_on"] is not None
    state = (
        ("note", "Entered in error")
        if row["entered_in_error"]
        else ("plain", f"Settled {day(row['resolved_on'])}")
        if closed
        else ("block", "Open")
    )
    return Entry(
        at=at,
        kind="Adverse event",
        title=f"{reactions_list.name_of(row['code'], catalogue)}, grade {row['grade']}",
        lines=[shortened(row["note"])] if row["note"] else [],
        url=reverse("treatments:session", args=[row["session"]]) if row["session"] else "",
        chip=state,
        void=row["entered_in_error"],
    )


def _check_in(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    told = [f"{scale.name} {row[scale.name]} of {scale.most}" for scale in SCALES if row[scale.name] is not None]
    known = {sign.code: sign.text for sign in catalogue.red_flags}
    signs = [known.get(code, code) for code in row["flags"]]
    looked = f"Looked at by {row['seen_by']}: {shortened(row['seen_note'])}" if row["seen_note"] else ""
    return Entry(
        at=at,
        kind="Check-in",
        title=f"Healing check-in, day {row['day']}",
        lines=[line for line in (sentence(", ".join(told)), "; ".join(signs), shortened(row["note"]), looked) if line],
        url=reverse("treatments:check_in", args=[row["ref"]]),
        chip=CHIPS[row["level"]],
    )


ZONES = below(SessionZone.objects.filter(session=OuterRef("pk")), zone="zone", depth="depth_mm", passes="passes")
CONCERNS = below(AssessedConcern.objects.filter(assessment=OuterRef("pk")), code="code", severity="severity")
KINDS = (
    Kind(
        "sessions", "Sessions", TreatmentSession, "opened_at",
        same("status", "note", "error_reason", "stopped_reason", "ref")
        | {"number": "planned_session__number", "operator": "operator__user__full_name", "lot": "cartridge_lot__lot", "zones": ZONES},
        _session,
    ),
    Kind(
        "past_sessions", "Past sessions", PastSession, "noon",
        same("entered_in_error") | {"on": F("on")},
        _past_session, clinical=False,
        for_clinicians=same(
            "where", "counts", "deepest_mm", "reaction_grade", "reaction_over_72h", "reaction_resolved_on", "entered_at", "error_reason"
        ) | {"by": "entered_by__full_name", "patient": "patient__ref"},
    ),
    Kind(
        "screenings", "Screenings", ScreeningRecord, "made_at",
        same("purpose", "outcome", "earliest_on") | {"on": F("on"), "findings": F("result__findings")},
        _screening,
    ),
    Kind(
        "assessments", "Assessments", Assessment, "recorded_at",
        same("skin_type", "entered_in_error", "error_reason", "note") | {"concerns": CONCERNS},
        _assessment,
    ),
    Kind(
        "scores", "Scores", OutcomeScore, "recorded_at",
        same("instrument", "variant", "zone", "total", "band", "note", "entered_in_error", "error_reason"),
        _score,
    ),
    Kind(
        "consents", "Consents", Consent, "signed_at",
        same("depth_class", "withdrawn_at", "withdrawn_reason", "signed_name"),
        _consent,
    ),
    Kind(
        "medicines", "Medicines", MedicationStatement, "recorded_at",
        same("name", "started_on", "stopped_on", "entered_in_error", "error_reason"),
        _medicine,
    ),
    Kind(
        "clearances", "Clearances", Clearance, "recorded_at",
        same("code", "reason", "expires_on", "revoked_at", "licence", "evidence")
        | {"by": "given_by__full_name", "revoked_by_name": "revoked_by__full_name"},
        _clearance,
    ),
    Kind(
        "reactions", "Adverse events", AdverseEvent, "reported_at",
        same("code", "grade", "note", "resolved_on", "entered_in_error") | {"session": "session__ref"},
        _reaction,
    ),
    Kind(
        "check_ins", "Check-ins", CheckIn, "answered_at",
        same("day", "level", "redness", "swelling", "pain", "flags", "note", "seen_note", "ref") | {"seen_by": "seen_by__full_name"},
        _check_in,
    ),
)  # fmt: skip
