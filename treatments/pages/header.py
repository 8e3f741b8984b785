"""The patient header: who this is, whether she may be treated today, where her course stands, when she comes next."""

from datetime import date, time
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Greatest, JSONObject, TruncDate
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from clinic.models import Clinic, ClinicNow, Membership
from clinic.statements import Given, Statement
from clinic.templatetags.clinic_ui import age_words, date_year, day, dots_summary, roman
from patients.models import MovedRow, Patient, RecordMerge
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.assessments.models import Assessment
from treatments.assessments.past.models import PastSession
from treatments.packages.models import Package
from treatments.packages.reading import lines, of_rows
from treatments.packages.reading import shown as packages_shown
from treatments.pages.today.verdicts import outcome_on
from treatments.plans.models import UNDER_WAY, PlannedSession, TakenOver, TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.strictest import one_skin_type
from treatments.protocol.wording import OUTCOMES
from treatments.rules.policy import catalogue_for
from treatments.screenings.models import ScreeningRecord
from treatments.sessions.models import AdverseEvent, TreatmentSession

TABS = (
    ("chart", "Chart", "treatments:chart"),
    ("screening", "Screening", "treatments:screening"),
    ("assessment", "Assessment", "treatments:assess"),
    ("scores", "Scores", "treatments:scores"),
    ("course", "Course", "treatments:course"),
    ("history", "History", "patients:history"),
    ("messages", "Messages", "patients:patient_messages"),
)

# Nothing was asked today, and she has no visit today: nothing is to be asked yet.
ON_THE_DAY = "Ask, on the day"


def patient_header(
    patient: Patient, *, membership: Membership, tab: str = "", plan: TreatmentPlan | None = None
) -> dict:
    """What `_components/patient_header.html` draws, with the tabs open to this member. Four queries at most.

    `tab`: chart, screening, assessment, scores, course, history or messages. `plan`: the course to show; without it the one under way,
    else the one being made, else the last. Beside the component's inputs: `now`, `today` (the clinic's day),
    `past` (number, day and what else is known of the sessions entered afterwards that the plan starts with), `screened` (today's newest screening for a session, or None), `plan` and `sessions` (`with_states`), `packages` (what she has bought) and `left` (the same in words, by name). The desk's version holds no diagnosis, no skin type and no course label.
    """
    known = _known(patient, membership.clinic)
    today = known["now"].astimezone(membership.clinic.tz).date()
    catalogue = catalogue_for(membership.clinic, today)
    plan = plan or _current_plan(patient)
    sessions = _sessions(plan) if plan else []
    clinical = membership.may_see_clinical
    past = [entry for entry in known["taken_over"] if plan and entry["plan"] == plan.pk]
    dots = [{"number": session.number, "state": dot_state(session)} for session in sessions]
    return {
        "name": patient.full_name,
        "url": open_url("treatments:chart", [patient.ref], membership) or None,
        "sub": _sub(patient, today),
        "chips": _chips(known, today, sessions, clinical, catalogue) if _is_open(patient) else [_closed(patient)],
        "screened": known["screened"],
        "course": course_label(plan, catalogue) if plan and clinical else "",
        "session": _session_words(plan, sessions),
        "dots": [{"number": entry["number"], "state": "past"} for entry in past] + dots,
        "dots_summary": _spoken(past, dots) if past else "",
        "next_visit": _next_visit(patient),
        "tabs": _tabs(patient, plan, membership, tab),
        "now": known["now"],
        "today": today,
        "plan": plan,
        "sessions": sessions,
        "past": past,
        "packages": (packages := of_rows(known["packages"])),
        "left": lines(packages, today),
        "packages_url": open_url("treatments:patient_packages", [patient.ref], membership),
    }


def with_states(sessions: QuerySet[PlannedSession]) -> QuerySet[PlannedSession]:
    """Planned sessions with what became of each, from the newest row: dicts or None, days as ISO text.

    `visit`: ref, status, day, starts_at, clinician, room (a cancelled visit is none, nor one whose needling does not count).
    `needling`: ref, status, on, counts, operator (one entered in error is none).
    """
    visits = Appointment.objects.filter(planned_session=OuterRef("pk"), session_counts=True).exclude(status="cancelled")
    visit = JSONObject(
        ref="ref",
        status="status",
        day="day",
        starts_at="starts_at",
        clinician="clinician__user__full_name",
        room="room__name",
    )
    needlings = TreatmentSession.objects.filter(planned_session=OuterRef("pk")).exclude(status="entered_in_error")
    needling = JSONObject(ref="ref", status="status", on=F("on"), counts="counts", operator="operator__user__full_name")
    return sessions.order_by("number").annotate(
        visit=Subquery(visits.order_by("-id").annotate(shown=visit).values("shown")[:1]),
        needling=Subquery(needlings.order_by("-id").annotate(shown=needling).values("shown")[:1]),
    )


def dot_state(session: PlannedSession) -> str:
    """The dot of a session that came from `with_states`: done, now, booked, missed or open."""
    needled = session.needling["status"] if session.needling else ""
    visited = session.visit["status"] if session.visit else ""
    if needled == TreatmentSession.Status.COMPLETED:
        return "done"
    if needled == TreatmentSession.Status.OPEN or visited in PRESENT:
        return "now"
    if visited in COMING:
        return "booked"
    if needled == TreatmentSession.Status.STOPPED:
        return "done" if session.needling["counts"] else "missed"
    return {"done": "done", "no_show": "missed"}.get(visited, "open")


def next_session(sessions: list[PlannedSession]) -> PlannedSession | None:
    """The session under way, else the first that is not done. `sessions` came from `with_states`."""
    not_done = [session for session in sessions if dot_state(session) != "done"]
    return next((session for session in not_done if dot_state(session) == "now"), next(iter(not_done), None))


def course_label(plan: TreatmentPlan, catalogue: Catalogue) -> str:
    """What the course is for, in the catalogue's words. For clinicians only."""
    concerns = catalogue.concerns
    labels = [concerns[concern["code"]].label for concern in plan.concerns if concern["code"] in concerns]
    if not labels:
        return str(plan)
    return labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"


def open_url(route: str, args: list, membership: Membership) -> str:
    """The address of a page this member may open, or nothing: not mounted, or not hers."""
    try:
        url = reverse(route, args=args)
        access = getattr(resolve(url).func, "access", None)
    except (NoReverseMatch, Resolver404):
        return ""
    return url if access is not None and access.permits(membership) else ""


def _known(patient: Patient, clinic: Clinic) -> dict:
    """The present moment, the skin type, today's newest screening for a session, what the newest of all looks ahead to and the
    grade of the worst reaction that is open (both may be None), in one query."""
    return _known_in(clinic.tz).rows(patient=patient.pk)[0]


# This header stands on nearly every page about a patient: the SQL of its queries is written once.
PATIENT, PLAN = Given("patient", BigIntegerField()), Given("plan", BigIntegerField())


@lru_cache
def _known_in(zone: ZoneInfo) -> Statement:
    today = TruncDate(ClinicNow(), tzinfo=zone)
    screenings = ScreeningRecord.objects.filter(patient=OuterRef("pk")).order_by("-id")
    of_today = screenings.filter(purpose="session", on=today)
    newest = screenings.filter(on__lte=today)
    assessment = Assessment.objects.filter(patient=OuterRef("pk"), entered_in_error=False)
    still_open = AdverseEvent.objects.filter(patient=OuterRef("pk"), resolved_on=None, entered_in_error=False)
    afterwards = PastSession.objects.filter(patient=OuterRef("pk"), reaction_resolved_on=None, entered_in_error=False)
    shown = JSONObject(outcome="outcome", earliest_on="earliest_on", facts_version="facts_version")
    return Statement(
        Patient.objects.filter(pk=PATIENT)
        .values("facts_version")
        .annotate(
            now=ClinicNow(),
            skin_type=_newest_skin_type(assessment.filter(~CAME_WITH_A_MERGE)),
            skin_type_merged=_newest_skin_type(assessment.filter(CAME_WITH_A_MERGE | SINCE_A_MERGE)),
            worst_reaction=Greatest(
                Subquery(still_open.order_by("-grade").values("grade")[:1]),
                Subquery(
                    afterwards.exclude(reaction_grade=None).order_by("-reaction_grade").values("reaction_grade")[:1]
                ),
            ),
            taken_over=_taken_over(),
            packages=ArraySubquery(packages_shown(Package.objects.filter(patient=OuterRef("pk")))),
            outlook=Subquery(newest.values("result__outlook")[:1]),
            screened=Subquery(of_today.annotate(shown=shown).values("shown")[:1]),
        )
    )


# Each of the records that are one now told of her skin by itself; what was written since tells of both (`treatments.facts`).
MERGED_HERE = RecordMerge.objects.standing().filter(stays=OuterRef("patient"))
CAME_WITH_A_MERGE = Exists(
    MovedRow.objects.filter(
        merge__undone_at=None,
        merge__stays=OuterRef("patient"),
        table=Assessment._meta.db_table,
        key=OuterRef("pk"),
    )
)
SINCE_A_MERGE = Q(recorded_at__gt=Subquery(MERGED_HERE.order_by("-merged_at").values("merged_at")[:1]))


def _newest_skin_type(assessments: QuerySet) -> Subquery:
    newest = assessments.order_by("-assessed_on", "-id")
    return Subquery(newest.annotate(told=JSONObject(type="skin_type")).values("told")[:1])


def _taken_over() -> ArraySubquery:
    """Sessions entered afterwards that a plan of hers starts with, of whichever plan."""
    shown = JSONObject(
        plan="plan_id",
        number="number",
        on=F("past__on"),
        where="past__where",
        deepest_mm="past__deepest_mm",
        struck="past__entered_in_error",
    )
    rows = TakenOver.objects.filter(past__patient=OuterRef("pk")).order_by("number")
    return ArraySubquery(rows.annotate(shown=shown).values("shown"))


def _spoken(past: list[dict], dots: list[dict]) -> str:
    """ "Session 1 and 2 entered afterwards, 3 now"."""
    numbers = " and ".join(str(entry["number"]) for entry in past)
    return f"Session {numbers} entered afterwards, {dots_summary(dots).removeprefix('Session ')}"


def _current_plan(patient: Patient) -> TreatmentPlan | None:
    plan = next(iter(_nearest_plan().rows(patient=patient.pk)), None)
    if plan is not None:
        plan.patient = patient
    return plan


@cache
def _nearest_plan() -> Statement:
    nearness = Case(
        When(status__in=UNDER_WAY, then=Value(0)),
        When(status__in=["draft", "submitted"], then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    plans = TreatmentPlan.objects.filter(patient=PATIENT).exclude(status="entered_in_error")
    return Statement(plans.order_by(nearness, "-id")[:1])


def _sessions(plan: TreatmentPlan) -> list[PlannedSession]:
    """`with_states`, each with the plan that is there already."""
    sessions = _sessions_of_a_plan().rows(plan=plan.pk)
    for session in sessions:
        session.plan = plan
    return sessions


@cache
def _sessions_of_a_plan() -> Statement:
    return Statement(with_states(PlannedSession.objects.filter(plan=PLAN)))


def _sub(patient: Patient, today: date) -> str:
    said = f"{age_words(patient.born_on, today)}, born {date_year(patient.born_on)}"
    return f"{said} · speaks {patient.speaks}" if patient.speaks else said


def _is_open(patient: Patient) -> bool:
    return patient.status == Patient.Status.ACTIVE


def _closed(patient: Patient) -> dict:
    return {"state": "plain", "label": patient.get_status_display()}


def _chips(
    known: dict, today: date, sessions: list[PlannedSession], clinical: bool, catalogue: Catalogue
) -> list[dict]:
    chips = [_verdict(known, today, sessions, catalogue)]
    skin = [told["type"] for told in (known["skin_type"], known["skin_type_merged"]) if told]
    if clinical and skin and (one := one_skin_type(skin)):
        chips.append({"state": "plain", "label": f"Skin type {roman(one)}"})
    elif clinical and len(set(skin)) > 1:
        chips.append({"state": "ask", "label": "Skin type differs"})
    return chips


def _verdict(known: dict, today: date, sessions: list[PlannedSession], catalogue: Catalogue) -> dict:
    """Whether she may be treated today. What is asked is asked on the day of a visit; that one has its own chip. What is on record
    and refuses her today, for good or until a day, is said without anybody having asked her today."""
    screened = known["screened"]
    foreseen, waits_until = ("ask", None) if screened else outcome_on({"outlook": known["outlook"]}, today)
    if foreseen == "block" or _is_held(known, catalogue):
        return {"state": "block", "label": OUTCOMES["block"]}
    if waits_until:
        return _not_before(waits_until)
    # A session that has begun raises the version itself: from then on the screening it was opened with stands.
    begun = any(session.needling and session.needling["on"] == today.isoformat() for session in sessions)
    if not screened:
        return {"state": "ask", "label": f"{OUTCOMES['ask']} today" if _comes(sessions, today) else ON_THE_DAY}
    if screened["facts_version"] != known["facts_version"] and not begun:
        return {"state": "ask", "label": "Screen again"}
    state, until = screened["outcome"], screened["earliest_on"]
    if state == "defer" and until:
        return _not_before(date.fromisoformat(until))
    # What refuses for good, or until somebody decides, does not end with the day.
    ends_today = state in ("clear", "caution", "ask")
    return {"state": state, "label": f"{OUTCOMES[state]} today" if ends_today else OUTCOMES[state]}


def _not_before(on: date) -> dict:
    return {"state": "defer", "label": f"Not before {_short(on)}"}


def _is_held(known: dict, catalogue: Catalogue) -> bool:
    """Whether a reaction is open that refuses her every session, whatever she answers."""
    worst = known["worst_reaction"]
    return worst is not None and worst >= catalogue.interval.event_grade


def _comes(sessions: list[PlannedSession], today: date) -> bool:
    """Whether a visit of these sessions is today, to come or under way."""
    visits = [session.visit for session in sessions if session.visit]
    return any(one["day"] == today.isoformat() and one["status"] in (*COMING, *PRESENT) for one in visits)


def _short(on: date) -> str:
    return f"{on.day} {on:%b}"


def _session_words(plan: TreatmentPlan | None, sessions: list[PlannedSession]) -> str:
    if plan is None or not sessions:
        return ""
    if plan.status in ("draft", "submitted"):
        return "Plan"
    coming = next_session(sessions)
    return f"Session {coming.number} of {plan.sessions_planned}" if coming else f"All {len(sessions)} done"


def _next_visit(patient: Patient) -> str | None:
    found: tuple[date, time] | None = next(iter(_nearest_visit().rows(patient=patient.pk)), None)
    return f"{day(found[0])}, {found[1]:%H:%M}" if found else None


@cache
def _nearest_visit() -> Statement:
    coming = Appointment.objects.filter(patient=PATIENT, status__in=COMING, during__endswith__gt=ClinicNow())
    return Statement(coming.order_by("during").values_list("day", "starts_at")[:1])


def _tabs(patient: Patient, plan: TreatmentPlan | None, membership: Membership, tab: str) -> list[dict]:
    tabs = []
    for name, label, shown in TABS:
        route, subject = shown, patient.ref
        if name == "course":
            route, subject = (shown, plan.ref) if plan else ("treatments:plan_new", patient.ref)
        if url := open_url(route, [subject], membership):
            tabs.append({"label": label, "url": url, "current": name == tab})
    return tabs
