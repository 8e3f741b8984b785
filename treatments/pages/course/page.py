"""What the course page and the page of a proposal show, gathered from every room."""

from collections.abc import Mapping
from datetime import date

from clinic.errors import DomainError
from clinic.models import Clinic, Membership
from clinic.templatetags.clinic_ui import mm
from patients.models import Patient
from patients.services import consents
from treatments import facts
from treatments.appointments.places import Place
from treatments.assessments import services as assessments
from treatments.pages.course import changes as course_changes
from treatments.pages.course import drawing
from treatments.pages.course.following import noticed
from treatments.pages.header import dot_state, next_session, open_url
from treatments.pages.protocol import why
from treatments.pages.scores import open_reviews
from treatments.plans import services
from treatments.plans.forms import ProposalForm
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol import lifecycle
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.planning import Course
from treatments.rules.policy import catalogue_for
from treatments.rules.services import NotSignedOff, require_sign_off

CHIPS = {
    "draft": ("plain", "Draft"),
    "submitted": ("plain", "Submitted"),
    "active": ("clear", "Active"),
    "on_hold": ("ask", "On hold"),
    "completed": ("clear", "Completed"),
    "revoked": ("note", "Stopped"),
    "entered_in_error": ("note", "Entered in error"),
}
DAYS_A_MONTH = 30.4


def course(plan: TreatmentPlan, header: dict, *, clinic: Clinic, membership: Membership) -> dict:
    """Context of the course page beside its header. Four queries. The desk's has no diagnosis, zone or why."""
    sessions, today = header["sessions"], header["today"]
    catalogue, clinical = catalogue_for(clinic, today), membership.may_see_clinical
    signed = consents.valid_consent(
        patient=plan.patient, techniques=plan.techniques, depth_class=plan.depth_class, at=header["now"]
    )
    state, label = CHIPS[plan.status]
    if plan.is_paused:
        label = course_changes.paused_words(plan, today=today)
    # Of another course of hers too: no course of a patient begins or goes on while one waits for a review.
    review = open_reviews().filter(plan__patient=plan.patient_id).first() if clinical else None
    return {
        "chip": {"state": state, "label": label},
        "strip": drawing.strip(plan, catalogue, clinical=clinical),
        "zones": zone_rows(_next_zones(sessions), catalogue) if clinical else [],
        "on_label": plan.proposal.get("on_label"),
        "consent": signed,
        "sign_off": _sign_off(plan, clinic),
        # A course that waits for a review begins or goes on from there.
        "acts": [
            act for act in _acts(plan, signed=bool(signed)) if clinical and not (review and act["step"] == "activate")
        ],
        "ways": [
            way
            for way in course_changes.ways_to_change(plan, membership)
            # A course that waits for a review goes on from there.
            if not (review and way["primary"])
        ],
        "changed": course_changes.last_change(plan, membership, today=today),
        "follows": noticed(plan, sessions),
        "review": review,
    } | drawn(plan, header, clinic=clinic, membership=membership)


def drawn(
    plan: TreatmentPlan,
    header: dict,
    *,
    clinic: Clinic,
    membership: Membership,
    places: Mapping[int, Place] | None = None,
) -> dict:
    """The ruler and the list with the same facts, as they are or as they would be with some visits in other `places` (by
    session number). One query."""
    sessions, today = header["sessions"], header["today"]
    catalogue, clinical = catalogue_for(clinic, today), membership.may_see_clinical
    screening = plan.patient.screenings.values_list("result", flat=True).first()
    waits = [
        wait for wait in drawing.waits_of(screening, catalogue, clinical=clinical) if wait.ends_on > plan.starts_on
    ]
    shown = drawing.with_places(plan, sessions, places) if places else sessions
    before = sessions if places else None
    movable = plan.status == TreatmentPlan.Status.ACTIVE
    preview_url = open_url("treatments:preview_move", [plan.ref], membership) if movable else ""
    return {
        "plan": plan,
        "ruler": drawing.ruler(plan, shown, today=today, waits=waits, before=before, preview_url=preview_url),
        "past": drawing.past_list(header["past"], clinical=clinical),
        "sessions": drawing.session_list(plan, shown, today=today, membership=membership, before=before),
        "reviews": plan.proposal.get("review_after", []),
        "upkeep": upkeep_words(plan.proposal.get("maintenance")),
        "clinical": clinical,
        "book_all": _book_all(plan, sessions, membership),
    }


def _book_all(plan: TreatmentPlan, sessions: list[PlannedSession], membership: Membership) -> dict | None:
    """The way to book every session that has no visit yet, where there is one."""
    without = [session for session in sessions if dot_state(session) == "open"]
    if plan.status != TreatmentPlan.Status.ACTIVE or not without:
        return None
    label = "Book them all" if len(without) == len(sessions) else "Book the rest"
    return {"url": open_url("treatments:book_course", [plan.ref], membership), "label": label}


def _acts(plan: TreatmentPlan, *, signed: bool) -> list[dict]:
    """The steps the status table allows, the next one first."""
    steps = (
        ("submitted", "submit", "Submit the plan", "", True),
        ("active", "activate", "Activate", "", signed),
        (
            "completed",
            "complete",
            "Complete the course",
            "Complete this course? Nothing more is booked from it.",
            False,
        ),
    )
    return [
        {"step": step, "label": label, "confirm": confirm, "primary": primary}
        for to, step, label, confirm, primary in steps
        # What is on hold goes on from a page of its own.
        if lifecycle.can_move("plan", plan.status, to) and not (step == "activate" and plan.is_under_way)
    ]


def _sign_off(plan: TreatmentPlan, clinic: Clinic) -> str:
    """What a prescriber has to do before this plan may become active; empty where nothing."""
    if plan.status not in ("draft", "submitted"):
        return ""
    try:
        require_sign_off(clinic)
    except NotSignedOff as refusal:
        return refusal.sentence
    return ""


def _next_zones(sessions: list[PlannedSession]) -> list[dict]:
    return (next_session(sessions) or sessions[-1]).zones if sessions else []


def zone_rows(zones: list[dict], catalogue: Catalogue) -> list[dict]:
    """Depths of a session by zone: where to start, the usual maximum, what nobody passes; each with its sources."""
    return [
        {
            "code": zone["zone"],
            "label": catalogue.zones[zone["zone"]].label,
            "note": catalogue.zones[zone["zone"]].note,
            "start": mm(zone["start_mm"]),
            "soft_max": mm(zone["soft_max_mm"]),
            "hard_cap": mm(zone["hard_cap_mm"]),
            "why": why.of_depth(
                zone["sources"],
                catalogue,
                title=f"{catalogue.zones[zone['zone']].label}: {mm(zone['start_mm'])} to {mm(zone['soft_max_mm'])} mm",
                value=f"{mm(zone['start_mm'])} to {mm(zone['soft_max_mm'])}",
            ),
        }
        for zone in zones
        if zone["zone"] in catalogue.zones
    ]


def upkeep_words(upkeep: dict | None) -> str:
    """ "6 to 12 months after the last session", empty where none is planned."""
    if not upkeep:
        return ""
    months = [round(upkeep[end] / DAYS_A_MONTH) for end in ("from_days", "to_days")]
    span = f"{months[0]}" if months[0] == months[1] else f"{months[0]} to {months[1]}"
    return f"{span} months after the last session, after a review"


def proposal(patient: Patient, form: ProposalForm, *, today: date) -> tuple[dict | None, str]:
    """The proposal for what the form says so far, or the sentence why there is none. Writes nothing.

    Sets the range of the form's session count to the catalogue's.
    """
    starts_on = count = None
    if form.is_bound:
        form.full_clean()
        starts_on, count = form.cleaned_data.get("starts_on"), form.cleaned_data.get("count")
    try:
        made = services.propose(patient, starts_on=starts_on or today)
        form.fields["count"].choices = [(n, str(n)) for n in range(made.minimum, made.maximum + 1)]
        form.fields["count"].initial = made.count
        if form.is_bound:
            form.full_clean()
            if count and not made.minimum <= count <= made.maximum:
                count = None
        if count:
            made = services.propose(patient, starts_on=starts_on or today, count=count)
    except DomainError as refusal:
        return None, refusal.sentence
    assessed = assessments.latest(patient)
    codes = [concern.code for concern in assessed.concerns.all()]
    past = list(facts.past_that_count(patient).values_list("on", flat=True))
    return _proposed(made, codes, catalogue_for(patient.clinic, today), past), ""


def _proposed(made: Course, codes: list[str], catalogue: Catalogue, past: list[date]) -> dict:
    as_json = made.to_json()
    numbers = {
        "codes": codes,
        "sessions": made.count,
        "floor_days": made.floor_days,
        "target_days": made.target_days,
        "latest_days": made.latest_days,
    }
    first = as_json["sessions"][0]["zones"] if as_json["sessions"] else []
    return {
        "made": made,
        "strip": [
            {
                "key": key,
                "label": label,
                "value": value,
                "why": drawing.numbers_why(catalogue, key=key, **numbers),
                "why_label": f"why {short}?",
            }
            for key, label, value, short in (
                ("sessions", "Sessions", f"{made.count}", made.count),
                ("target", "Target gap", f"{made.target_days} days", made.target_days),
                ("floor", "Never sooner", f"{made.floor_days} days", made.floor_days),
                ("latest", "Late after", f"{made.latest_days} days", made.latest_days),
            )
        ],
        "zones": zone_rows(first, catalogue),
        "upkeep": upkeep_words(as_json["maintenance"]),
        "missing": [_label(code, catalogue) for code in made.missing],
        "past": past,
        "blocked_by": [_label(code, catalogue) for code in made.blocked_by],
        "deferred": made.sessions[0].earliest_on
        if made.sessions and made.sessions[0].earliest_on > made.start_on
        else None,
    }


def _label(code: str, catalogue: Catalogue) -> str:
    return catalogue.rule(code).label if code in catalogue.rules_by_code else "Skin type"
