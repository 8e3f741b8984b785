"""Courses: proposed from the catalogue, submitted, activated behind a gate, kept in step with what happens."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.locks import not_for_long
from clinic.models import User
from clinic.rows import update
from patients.models import DepthClass, Patient
from patients.outbox import services as outbox
from patients.services import consents
from treatments import facts
from treatments.assessments.past.models import PastSession
from treatments.plans.models import PlannedSession, TakenOver, TreatmentPlan
from treatments.protocol import lifecycle
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.facts import BadFacts, PatientFacts, from_json
from treatments.protocol.planning import Course, Window, depths_of, propose_course, window_after, window_from
from treatments.protocol.screening import PERMITS, Screening
from treatments.protocol.wording import desk_sentence
from treatments.rules.policy import RuleSet, catalogue_for, hold_rules, rules_of
from treatments.rules.services import in_force, require_sign_off
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord
from treatments.screenings.services import NotPermitted

TECHNIQUES = ["microneedling"]
# Mails about a course that is over: of no use once another one begins. Written further along, by treatments.sessions.reviews.
AFTER_A_COURSE = ("review_30d", "review_90d", "review_180d", "maintenance_due")


class WrongStatus(DomainError):
    """The plan is not in a state from which this may happen."""


class Outdated(DomainError):
    """The rules or the facts ask for more care than this plan was made with: it has to be planned again."""


def propose(patient: Patient, *, starts_on: date, count: int | None = None) -> Course:
    """What the rules of the day it starts on propose for the assessed concerns. Raises DomainError where nothing can be
    proposed."""
    today, rules = clock.today(patient.clinic), rules_of(patient.clinic)
    read = facts.facts_json(patient, on=today, catalogue=rules.on(starts_on))
    return _course(read, rules, today=today, starts_on=starts_on, count=count)


def starts_with(patient: Patient, read: dict) -> Iterator[tuple[int, PastSession]]:
    """The sessions entered afterwards that a plan of these facts starts with, each with its number in the course.

    One charted in an earlier course that was stopped may lie between two of them: it has its number too.
    """
    done = sorted(session["on"] for session in read["sessions"] if session["counts"])
    for past in facts.past_that_count(patient):
        yield done.index(past.on.isoformat()) + 1, past


def _course(read: dict, rules: RuleSet, *, today: date, starts_on: date, count: int | None) -> Course:
    if starts_on < today:
        raise DomainError("A course starts today or later.", field="starts_on")
    catalogue = rules.on(starts_on)
    try:
        return propose_course(
            from_json(read, catalogue),
            start_on=starts_on,
            catalogue=catalogue,
            count=count,
            ahead=rules.ahead(starts_on),
        )
    except BadFacts as refusal:
        raise DomainError(_without_field(refusal)) from refusal


@transaction.atomic
def draft(
    *,
    patient: Patient,
    starts_on: date,
    by: User,
    count: int | None = None,
    note: str = "",
    in_place_of: TreatmentPlan | None = None,
    concerns: list[dict] | None = None,
) -> TreatmentPlan:
    """Keep a proposal as a draft with one row a session.

    `in_place_of`: the plan it replaces, whose technique it takes over, and whose depths where they begin less deep.
    `concerns`: what it is for, where that is not the newest assessment.
    """
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    today, rules = clock.today(patient.clinic), rules_of(patient.clinic)
    catalogue = rules.on(starts_on)
    read = facts.facts_json(patient, on=today, catalogue=catalogue)
    if concerns is not None:
        read["concerns"] = concerns
    course = _course(read, rules, today=today, starts_on=starts_on, count=count)
    if not course.sessions:
        more = " Choose a larger number." if course.count < course.maximum else ""
        raise DomainError(f"Sessions done already: {course.count}. Nothing is left to plan.{more}", field="count")
    begun_at = _begun_at(in_place_of)
    with explained():
        plan = TreatmentPlan.objects.create(
            clinic=patient.clinic,
            patient=patient,
            number=(patient.plans.aggregate(last=Max("number"))["last"] or 0) + 1,
            protocol=in_force(patient.clinic),
            concerns=read["concerns"],
            proposal=course.to_json(),
            # Numbering goes on after the sessions that are done and count, so "of" counts them too.
            sessions_planned=course.count,
            floor_days=course.floor_days,
            target_days=course.target_days,
            latest_days=course.latest_days,
            techniques=in_place_of.techniques if in_place_of else TECHNIQUES,
            replaces=in_place_of,
            depth_class=_depth_class(from_json(read, catalogue), catalogue),
            starts_on=starts_on,
            note=note,
            drafted_by=by,
        )
        PlannedSession.objects.bulk_create(
            PlannedSession(
                plan=plan,
                number=session.number,
                earliest_on=session.earliest_on,
                target_on=session.target_on,
                latest_on=session.latest_on,
                zones=[no_deeper(zone, begun_at) for zone in zones["zones"]],
            )
            for session, zones in zip(course.sessions, course.to_json()["sessions"], strict=True)
        )
        TakenOver.objects.bulk_create(
            TakenOver(plan=plan, past=past, number=number) for number, past in starts_with(patient, read)
        )
    audit.record("plan.drafted", plan, by=by, sessions=plan.sessions_planned)
    return plan


@transaction.atomic
def submit(*, plan: TreatmentPlan, by: User) -> TreatmentPlan:
    """Hand a draft on. A deferred one goes with its dates moved. Raises NotPermitted (outcome table), Outdated or
    WrongStatus."""
    hold_rules(plan.clinic)
    plan = _locked(plan, to="submitted")
    outcome = screenings.look(plan.patient, on=_first_day(plan), purpose="booking")
    if not PERMITS[outcome.outcome].submit:
        raise NotPermitted(
            f"This plan cannot be submitted: {desk_sentence(outcome, catalogue_for(plan.clinic)).lower()}.",
            screening=outcome,
        )
    _refuse_outdated(plan)
    if outcome.outcome == "defer" and outcome.earliest_on:
        _start_no_sooner_than(plan, outcome.earliest_on)
    return _move(plan, "submitted", by=by, submitted_at=clock.now(), submitted_by=by)


@transaction.atomic
def activate(*, plan: TreatmentPlan, by: User) -> TreatmentPlan:
    """Let the course begin. Screens again under its own lock: nobody brings a favourable answer along.

    Raises NotPermitted (outcome table of the protocol), Outdated, WrongStatus, NotSignedOff, or DomainError without a
    consent.
    """
    hold_rules(plan.clinic)
    plan = _locked(plan, to="active")
    # One that goes on: whoever lets it hangs its windows anew (`reanchor`), for they know what is booked.
    resumed = plan.status == TreatmentPlan.Status.ON_HOLD
    require_sign_off(plan.clinic)
    if not resumed:
        _refuse_outdated(plan)
    if not consents.valid_consent(
        patient=plan.patient, techniques=plan.techniques, depth_class=plan.depth_class, at=clock.now()
    ):
        raise DomainError("Ask for the consent first: this technique and depth are not signed for.")
    record = screenings.perform(patient=plan.patient, on=_first_day(plan), purpose="booking", by=by)
    screening: ScreeningRecord | Screening = record
    if screening.outcome == "defer" and screening.earliest_on:
        # Deferred is not refused: the first visit moves to the first day on which nothing stands. A course that goes on
        # keeps its windows: they hang on what was done, and booking screens every day anew.
        if not resumed:
            _start_no_sooner_than(plan, screening.earliest_on)
        screening = screenings.look(plan.patient, on=screening.earliest_on, purpose="booking")
    if not PERMITS[screening.outcome].activate:
        raise NotPermitted(_why_not_active(screening), screening=screening)
    with explained():
        active = _move(plan, "active", by=by, activated_at=clock.now(), activated_by=by, screening=str(record.ref))
    if resumed:
        active.resumed_on = clock.today(plan.clinic)
        active.save(update_fields=["resumed_on"])
    earlier = list(plan.patient.plans.exclude(pk=plan.pk).values_list("ref", flat=True))
    if earlier:
        outbox.cancel_about(about=earlier, kinds=AFTER_A_COURSE, reason="A new course has begun.", by=by)
    return active


@transaction.atomic
def hold(*, plan: TreatmentPlan, by: User) -> TreatmentPlan:
    return _move(_locked(plan, to="on_hold"), "on_hold", by=by)


@transaction.atomic
def revoke(*, plan: TreatmentPlan, reason: str, by: User) -> TreatmentPlan:
    if not reason.strip():
        raise DomainError("Say why the course is stopped.", field="reason")
    plan = _locked(plan, to="revoked")
    return _move(plan, "revoked", by=by, ended_at=clock.now(), ended_by=by, ended_reason=reason.strip())


@transaction.atomic
def complete(*, plan: TreatmentPlan, by: User) -> TreatmentPlan:
    return _move(_locked(plan, to="completed"), "completed", by=by, ended_at=clock.now(), ended_by=by)


@transaction.atomic
def reanchor(*, plan: TreatmentPlan, fixed: Mapping[int, date]) -> list[PlannedSession]:
    """Work the windows out again from what is done or booked (`fixed`: session number to its day).

    The window of a session hangs on its predecessor's day where that is known, else on its target; of a course that went on
    after a pause what is still to come begins no sooner than that day. Returns those changed.
    """
    return hang_windows(plan, plan.planned_sessions.select_for_update().order_by("number"), fixed)


def hang_windows(
    plan: TreatmentPlan, sessions: Iterable[PlannedSession], fixed: Mapping[int, date]
) -> list[PlannedSession]:
    """The same of the sessions of a course (by number) that are locked already."""
    sessions = list(sessions)
    hangs_on = windows_of(plan, sessions, fixed)
    changed = [session for session in sessions if hangs_on[session.number] != _window_of(session)]
    for session in changed:
        window = hangs_on[session.number]
        session.earliest_on, session.target_on, session.latest_on = (
            window.earliest_on,
            window.target_on,
            window.latest_on,
        )
    update(changed, ["earliest_on", "target_on", "latest_on"])
    return changed


def windows(plan: TreatmentPlan, *, fixed: Mapping[int, date]) -> dict[int, Window]:
    """The window of each session by its number, if what is done or booked were on these days. One query."""
    return windows_of(plan, plan.planned_sessions.order_by("number"), fixed)


def windows_of(plan: TreatmentPlan, sessions: Iterable[PlannedSession], fixed: Mapping[int, date]) -> dict[int, Window]:
    """The same from sessions that were read already, by number. The first session keeps the window it was planned with."""
    found: dict[int, Window] = {}
    previous: int | None = None
    for session in sessions:
        if previous is None:
            due = _window_of(session)
        else:
            due = window_after(
                fixed.get(previous, found[previous].target_on),
                floor_days=plan.floor_days,
                target_days=plan.target_days,
                latest_days=plan.latest_days,
            )
        found[session.number] = since_it_went_on(plan, due, fixed.get(session.number))
        previous = session.number
    return found


def since_it_went_on(plan: TreatmentPlan, due: Window, on: date | None) -> Window:
    """A window as a pause leaves it; `on`: the day the session is booked for or was done. What was before is as it was."""
    if plan.resumed_on is None or due.earliest_on >= plan.resumed_on or (on is not None and on < plan.resumed_on):
        return due
    return window_from(due, plan.resumed_on, latest_days=plan.latest_days)


def counts_from(plan: TreatmentPlan, before: date | None) -> date | None:
    """The day of the session before, where the longest interval counts from it: not over a pause."""
    if before is not None and plan.resumed_on is not None and before < plan.resumed_on:
        return None
    return before


def _window_of(session: PlannedSession) -> Window:
    return Window(session.earliest_on, session.target_on, session.latest_on)


def locked(plan: TreatmentPlan) -> TreatmentPlan:
    """The plan as it is now, and nobody changes it, its windows or its visits until we are done. Raises Busy after three
    seconds."""
    rows = TreatmentPlan.objects.select_for_update(of=("self",)).select_related("patient", "clinic")
    with not_for_long():
        return rows.get(pk=plan.pk)


def _locked(plan: TreatmentPlan, *, to: str) -> TreatmentPlan:
    plan = locked(plan)
    if not lifecycle.can_move("plan", plan.status, to):
        wanted = TreatmentPlan.Status(to).label.lower()
        raise WrongStatus(f"This plan is {plan.get_status_display().lower()}; it cannot become {wanted} from there.")
    return plan


def _move(plan: TreatmentPlan, to: str, *, by: User, screening: str | None = None, **fields) -> TreatmentPlan:
    # Whatever becomes of a course that is paused: the pause is over.
    fields |= {"paused_at": None, "paused_until": None}
    plan.status = to
    for name, value in fields.items():
        setattr(plan, name, value)
    plan.save(update_fields=["status", *fields])
    audit.record(f"plan.{to}", plan, by=by, **({"screening": screening} if screening else {}))
    return plan


def _refuse_outdated(plan: TreatmentPlan) -> None:
    """A plan that has not begun is made anew where today's proposal for the same concerns would be stricter, or none."""
    today, rules = clock.today(plan.clinic), rules_of(plan.clinic)
    if set(plan.taken_over.values_list("past", flat=True)) != {past.pk for past in facts.past_that_count(plan.patient)}:
        raise Outdated("Past sessions were entered or corrected since this plan was made. Plan again.")
    starts_on = max(plan.starts_on, today)
    read = facts.facts_json(plan.patient, on=today, catalogue=rules.on(starts_on)) | {"concerns": plan.concerns}
    try:
        fresh = _course(read, rules, today=today, starts_on=starts_on, count=plan.sessions_planned)
    except DomainError as refusal:
        raise Outdated(f"This plan no longer fits: {refusal.sentence.rstrip('.')}. Plan again.") from refusal
    stricter = fresh.floor_days > plan.floor_days or fresh.target_days > plan.target_days
    if stricter or _reaches_less_deep(fresh, plan):
        raise Outdated("The rules or the answers ask for more care than this plan was made with. Plan again.")


def _reaches_less_deep(fresh: Course, plan: TreatmentPlan) -> bool:
    """Whether any zone of the first session to come may be needled less deep than the plan says."""
    kept = {zone["zone"]: Decimal(str(zone["hard_cap_mm"])) for zone in plan.planned_sessions.first().zones}
    zones = fresh.sessions[0].zones if fresh.sessions else ()
    return any(zone.hard_cap_mm < kept.get(zone.zone, zone.hard_cap_mm) for zone in zones)


def _begun_at(plan: TreatmentPlan | None) -> dict[str, Decimal]:
    """Zone to the depth at which the last session of a plan was to begin."""
    last = plan.planned_sessions.order_by("-number").first() if plan else None
    return {zone["zone"]: Decimal(str(zone["start_mm"])) for zone in last.zones} if last else {}


def no_deeper(zone: dict, begun_at: Mapping[str, Decimal]) -> dict:
    """The depths of a zone, beginning no deeper than they did. What nobody passes stays as the rules of today have it."""
    known = begun_at.get(zone["zone"])
    return zone if known is None or known >= Decimal(str(zone["start_mm"])) else zone | {"start_mm": float(known)}


def _first_day(plan: TreatmentPlan) -> date:
    first = plan.planned_sessions.order_by("number").first()
    return max(first.earliest_on, clock.today(plan.clinic))


def _start_no_sooner_than(plan: TreatmentPlan, day: date) -> None:
    first = plan.planned_sessions.select_for_update().order_by("number").first()
    if first.earliest_on < day:
        length = first.latest_on - first.earliest_on
        first.earliest_on = first.target_on = day
        first.latest_on = day + length
        first.save(update_fields=["earliest_on", "target_on", "latest_on"])
        reanchor(plan=plan, fixed={})


def _depth_class(known: PatientFacts, catalogue: Catalogue) -> DepthClass:
    """What is asked consent for: all that may be charted, also above the usual maximum with a reason, and where a
    prescriber orders more than others may."""
    ordered = depths_of(known, catalogue, first_session=False, prescriber=True)
    return DepthClass.of(max(zone.hard_cap_mm for zone in ordered))


def _why_not_active(screening: ScreeningRecord | Screening) -> str:
    return {
        "block": "This plan cannot be activated: a finding blocks treatment.",
        "defer": "This plan cannot be activated yet: a date has to pass first.",
        "needs_clinician": "This plan cannot be activated: a finding waits for a clinician's decision.",
        "ask": "This plan cannot be activated: some questions are not answered. Ask them first.",
    }[screening.outcome]


def _without_field(refusal: BadFacts) -> str:
    sentence = str(refusal).partition(": ")[2] or str(refusal)
    return sentence[:1].upper() + sentence[1:]
