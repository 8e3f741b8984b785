"""A score, and what follows from it: a course that waits for a review, and answers of the history that a raised scar gives."""

from collections.abc import Mapping
from datetime import date

from django.db import transaction

from clinic.locks import not_for_long
from clinic.models import User
from patients.models import HistoryAnswer, Patient
from patients.services import history
from treatments.flows import life_events
from treatments.outcomes import services as outcomes
from treatments.outcomes.models import CourseReview, OutcomeScore
from treatments.plans import services as plans
from treatments.plans.models import NOT_ENDED, TreatmentPlan
from treatments.rules.policy import hold_rules
from treatments.screenings import services as screenings


@transaction.atomic
def record(
    *,
    patient: Patient,
    code: str,
    items: Mapping[str, object],
    assessed_on: date,
    by: User,
    zone: str = "",
    note: str = "",
    licence_note: str = "",
) -> OutcomeScore:
    """Keep a score. Melasma that got worse makes the course wait; a raised scar answers the questions on raised scars.

    Raises DomainError as the room's service does.
    """
    courses = _courses_not_ended(patient)
    kept = outcomes.record(
        patient=patient,
        code=code,
        items=items,
        assessed_on=assessed_on,
        by=by,
        zone=zone,
        note=note,
        licence_note=licence_note,
        plan=next((plan for plan in courses if plan.is_under_way), None),
    )
    _pause_if_too_far(courses, kept, by=by)
    _answer_what_it_raises(kept, raised=outcomes.work_out(code, items).raises, by=by)
    return kept


@transaction.atomic
def mark_entered_in_error(*, kept: OutcomeScore, reason: str, by: User) -> OutcomeScore:
    """Strike a score. Without it another may be the newest or the baseline, so the stop rule is asked again."""
    courses = _courses_not_ended(kept.patient)
    marked = outcomes.mark_entered_in_error(kept=kept, reason=reason, by=by)
    _pause_if_too_far(courses, marked, by=by)
    return marked


def _pause_if_too_far(courses: list[TreatmentPlan], kept: OutcomeScore, *, by: User) -> None:
    """The stop rule (clinical sheet 4.3): the reason stands on the clinicians' list, and no course begins or goes on until
    one has looked. A course that has begun is on hold meanwhile."""
    for plan in courses:
        rise = outcomes.rise_that_pauses(plan, kept)
        if rise is not None:
            baseline, newest = rise
            outcomes.ask_for_review(plan=plan, baseline=baseline, newest=newest, by=by)
            if plan.status == TreatmentPlan.Status.ACTIVE:
                plans.hold(plan=plan, by=by)


@transaction.atomic
def review(*, review: CourseReview, note: str, by: User, decision: str = "") -> CourseReview:
    """A clinician's answer to a score that rose too far. Going on is activating: it screens again, and may be refused.

    A plan that has not begun is activated on its own page; here it is only let through.
    """
    with not_for_long():
        hold_rules(review.plan.clinic)  # the clinic before the plan, for going on activates it
    plan = plans.locked(review.plan)
    closed = outcomes.close_review(review=review, decision=decision, note=note, by=by)
    if closed.decision == CourseReview.Decision.GO_ON and plan.status == TreatmentPlan.Status.ON_HOLD:
        life_events.hang_anew(plans.activate(plan=plan, by=by))
    return closed


def _courses_not_ended(patient: Patient) -> list[TreatmentPlan]:
    """The one under way first. Locked, so that nobody lets one begin or go on between the score and its pause."""
    found = [plans.locked(plan) for plan in patient.plans.filter(status__in=NOT_ENDED).order_by("id")]
    return sorted((plan for plan in found if not plan.has_ended), key=lambda plan: not plan.is_under_way)


def _answer_what_it_raises(kept: OutcomeScore, *, raised: tuple[str, ...], by: User) -> None:
    if not raised:
        return
    seen = [
        {"code": code, "value": HistoryAnswer.Value.YES, "note": "Seen while scars were counted"} for code in raised
    ]
    history.record_answers(
        patient=kept.patient, answers=seen, answered_on=kept.assessed_on, via=HistoryAnswer.Via.CLINICIAN, by=by
    )
    screenings.perform_again(patient=kept.patient, by=by)
