"""What changes a course on its way: it pauses, loses or gains sessions, and each time says why.

Visits and messages are others' business: `treatments/flows/life_events.py` asks these together with them, under the lock of the
course, which every function here expects to be held.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Membership, User
from treatments import facts
from treatments.plans import reasons
from treatments.plans import services as plans
from treatments.plans.models import CourseChange, PlannedSession, TreatmentPlan
from treatments.protocol import lifecycle
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.facts import BadFacts, PatientFacts, from_json
from treatments.protocol.planning import depths_of, lateness, session_count
from treatments.rules.policy import rules_of

What = CourseChange.What
LONGEST_PAUSE_DAYS = 2 * 366
MOST_SESSIONS = 8


@dataclass(frozen=True)
class Asked:
    """How many sessions the rules of today ask for: of which concerns, from how many to how many, and after which of them
    the results are looked at first."""

    least: int
    most: int
    concerns: tuple[str, ...]
    review_after: tuple[int, ...]
    sources: tuple[str, ...]


def may(plan: TreatmentPlan, what: str) -> bool:
    """Whether the status of a plan lets this happen to it. A pause that is running can be given another end."""
    if what == What.RESUMED:
        return plan.status == TreatmentPlan.Status.ON_HOLD
    if what == What.STOPPED:
        return lifecycle.can_move("plan", plan.status, TreatmentPlan.Status.REVOKED)
    return plan.is_under_way


def refuse_unless(plan: TreatmentPlan, what: str) -> None:
    """Raises WrongStatus."""
    if not may(plan, what):
        cannot = {
            What.PAUSED: "be paused", What.RESUMED: "go on", What.SHORTENED: "be made shorter",
            What.EXTENDED: "be made longer", What.REPLACED: "be replaced", What.STOPPED: "be stopped",
        }  # fmt: skip
        raise plans.WrongStatus(f"This plan is {plan.get_status_display().lower()}; it cannot {cannot[What(what)]}.")


@transaction.atomic
def note(
    *,
    plan: TreatmentPlan,
    what: str,
    by: User,
    reason: str = "",
    words: str = "",
    did: Mapping[str, object] | None = None,
) -> CourseChange:
    """Write down what happened and why. Raises DomainError where the list of such a change does not hold the reason, or where
    other words were meant and none are there."""
    words = words.strip()
    if reasons.OF[what] and not any(one.code == reason for one in reasons.OF[what]):
        raise DomainError("Choose a reason from the list.", field="reason")
    if reason == reasons.OTHER and not words:
        raise DomainError("Say which, in a few words.", field="note")
    with explained():
        change = CourseChange.objects.create(
            plan=plan,
            patient_id=plan.patient_id,
            what=what,
            reason=reason,
            note=words,
            facts=dict(did or {}),
            made_by=by,
        )
    audit.record(f"course.{what}", plan, by=by)
    return change


@transaction.atomic
def pause(*, plan: TreatmentPlan, until: date | None, by: User) -> TreatmentPlan:
    """Put a course on hold because somebody says so, or give its pause another end. `until`: its last day, none while nobody
    knows."""
    refuse_unless(plan, What.PAUSED)
    today = clock.today(plan.clinic)
    if until is not None and until < today:
        raise DomainError("A pause ends today or later.", field="until")
    if until is not None and until > today + timedelta(days=LONGEST_PAUSE_DAYS):
        raise DomainError("Choose a day within two years, or leave it open.", field="until")
    if plan.status == TreatmentPlan.Status.ACTIVE:
        plan = plans.hold(plan=plan, by=by)
    plan.paused_at, plan.paused_until = plan.paused_at or clock.now(), until
    plan.save(update_fields=["paused_at", "paused_until"])
    return plan


@transaction.atomic
def take_back_pause(*, plan: TreatmentPlan, by: User) -> TreatmentPlan:
    """The pause was a slip: the course is as it was a moment ago, so nothing is screened for. A review that has been asked for
    since is not passed by: the database refuses."""
    refuse_unless(plan, What.RESUMED)
    plan.status, plan.paused_at, plan.paused_until = TreatmentPlan.Status.ACTIVE, None, None
    with explained():
        plan.save(update_fields=["status", "paused_at", "paused_until"])
    audit.record("plan.active", plan, by=by)
    return plan


@transaction.atomic
def shorten(*, plan: TreatmentPlan, to: int) -> list[PlannedSession]:
    """Leave out the sessions beyond a number. Raises ConstraintRefused where one of them is booked or done."""
    refuse_unless(plan, What.SHORTENED)
    beyond = list(plan.planned_sessions.select_for_update().filter(number__gt=to))
    for session in beyond:
        session.left_out_at = clock.now()
        with explained():
            session.save(update_fields=["left_out_at"])
    plan.sessions_planned = to
    with explained():
        plan.save(update_fields=["sessions_planned"])
    return beyond


@transaction.atomic
def stand_again(*, plan: TreatmentPlan, to: int) -> None:
    """The sessions that were left out last stand again, as they were."""
    refuse_unless(plan, What.EXTENDED)
    before, plan.sessions_planned = plan.sessions_planned, to
    with explained():
        plan.save(update_fields=["sessions_planned"])
        for session in PlannedSession.everything.filter(plan=plan, number__gt=before, number__lte=to):
            session.left_out_at = None
            session.save(update_fields=["left_out_at"])


@transaction.atomic
def extend(*, plan: TreatmentPlan, to: int) -> list[PlannedSession]:
    """Add sessions up to a number, with the depths of today's rules. Their windows are provisional until the course is hung
    anew (`plans.reanchor`). A session that was left out once is the same row again, with its former visits."""
    refuse_unless(plan, What.EXTENDED)
    known, catalogue = known_of(plan)
    before = plan.sessions_planned
    plan.sessions_planned = to
    plan.proposal = plan.proposal | {"review_after": _reviews(plan, to, catalogue)}
    with explained():
        plan.save(update_fields=["sessions_planned", "proposal"])
    last = plan.planned_sessions.order_by("-number").first()
    left_out = {one.number: one for one in PlannedSession.everything.filter(plan=plan, number__gt=before)}
    zones = [zone.to_json() for zone in depths_of(known, catalogue, first_session=False)]
    added = []
    for number in range(before + 1, to + 1):
        session = left_out.get(number) or PlannedSession(plan=plan, number=number)
        session.left_out_at, session.zones = None, zones
        session.earliest_on, session.target_on, session.latest_on = last.earliest_on, last.target_on, last.latest_on
        with explained():
            session.save()
        added.append(session)
    return added


@transaction.atomic
def begin_less_deep(*, plan: TreatmentPlan, session: PlannedSession) -> bool:
    """After a long gap the next session begins one step less deep (clinical sheet, section 8). Whether any depth changed."""
    known, catalogue = known_of(plan)
    fresh = {
        zone.zone: zone.start_mm
        for zone in depths_of(known, catalogue, first_session=session.number == 1, after_long_gap=True)
    }
    zones = [plans.no_deeper(zone, fresh) for zone in session.zones]
    if zones == session.zones:
        return False
    session.zones = zones
    session.save(update_fields=["zones"])
    return True


def asked_of(plan: TreatmentPlan) -> Asked:
    """What the rules of today ask of a course for its concerns. Raises DomainError where they offer it no more."""
    known, catalogue = known_of(plan)
    try:
        count = session_count(known, catalogue)
    except (BadFacts, KeyError, ValueError) as refusal:
        raise DomainError("The rules of today no longer hold what this course is for. Replace it.") from refusal
    concerns = [catalogue.concerns[one["code"]] for one in plan.concerns if one["code"] in catalogue.concerns]
    return Asked(
        least=count.minimum,
        most=min(count.maximum, MOST_SESSIONS),
        concerns=tuple(concern.label.lower() for concern in concerns),
        review_after=tuple(sorted({number for concern in concerns for number in concern.review_after})),
        sources=tuple(dict.fromkeys(source for concern in concerns for source in concern.sources)),
    )


def known_of(plan: TreatmentPlan) -> tuple[PatientFacts, Catalogue]:
    """The facts of today with the concerns of this plan, and the rules they are read by."""
    today = clock.today(plan.clinic)
    catalogue = rules_of(plan.clinic).on(today)
    read = facts.facts_json(plan.patient, on=today, catalogue=catalogue) | {"concerns": plan.concerns}
    try:
        return from_json(read, catalogue), catalogue
    except BadFacts as refusal:
        raise DomainError("The rules of today no longer hold what this course is for. Replace it.") from refusal


def gap_since(plan: TreatmentPlan, last_on: date | None, on: date) -> str:
    """What the time since the last session means for who goes on: on_time, late or new_baseline."""
    return "on_time" if last_on is None else lateness((on - last_on).days, rules_of(plan.clinic).on(on))


def below_minimum(asked: Asked, to: int) -> str:
    """What the protocol says of a course as short as that; empty where it says nothing."""
    if to >= asked.least:
        return ""
    return (
        f"The protocol asks for at least {asked.least} sessions for {' and '.join(asked.concerns) or 'this concern'}."
    )


def refuse_reason_of_medicine(what: str, reason: str, by: Membership) -> None:
    """The desk pauses a course, for reasons about which nobody decides in medicine. All else is for clinicians."""
    if not by.may_see_clinical and not (what == What.PAUSED and reasons.may_be_read_by_desk(what, reason)):
        raise DomainError("A clinician decides about that. Ask one.", field="reason")


def sessions_of_its_own(plan: TreatmentPlan) -> int:
    """How many sessions a plan has itself: those that were done before it began are not among them."""
    first = plan.proposal["sessions"][0]["number"] if plan.proposal.get("sessions") else 1
    return plan.sessions_planned - first + 1


def sessions_words(plan: TreatmentPlan) -> str:
    """As a patient signs for them. `named_sessions` reads the number out of it again."""
    count = sessions_of_its_own(plan)
    return (
        f"{count} session{'' if count == 1 else 's'}, about {plan.target_days} days apart and never fewer than "
        f"{plan.floor_days} days apart"
    )


def named_sessions(signed_text: str) -> int | None:
    """How many sessions the words of a consent name; None where they name no number."""
    found = re.search(r"\b(\d+) sessions?, about", signed_text)
    return int(found[1]) if found else None


def _reviews(plan: TreatmentPlan, to: int, catalogue: Catalogue) -> list[int]:
    concerns = [catalogue.concerns[one["code"]] for one in plan.concerns if one["code"] in catalogue.concerns]
    return sorted({number for concern in concerns for number in concern.review_after if number <= to})
