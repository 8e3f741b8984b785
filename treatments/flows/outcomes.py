"""A score, and what follows from it: a course that pauses, and answers of the history that a raised scar gives."""

from collections.abc import Mapping
from datetime import date

from django.db import transaction

from clinic.models import User
from patients.models import HistoryAnswer, Patient
from patients.services import history
from treatments.outcomes import services as outcomes
from treatments.outcomes.models import CourseReview, OutcomeScore
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.screenings import services as screenings

UNDER_WAY = (TreatmentPlan.Status.ACTIVE, TreatmentPlan.Status.ON_HOLD)


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
) -> OutcomeScore:
    """Keep a score. Melasma that got worse puts the course on hold; a raised scar answers the questions on raised scars.

    Raises DomainError as the room's service does.
    """
    plan = _course_under_way(patient)
    kept = outcomes.record(
        patient=patient, code=code, items=items, assessed_on=assessed_on, by=by, zone=zone, note=note, plan=plan
    )
    if plan is not None:
        pause_if_too_far(plan=plan, kept=kept, by=by)
    _answer_what_it_raises(kept, raised=outcomes.work_out(code, items).raises, by=by)
    return kept


@transaction.atomic
def pause_if_too_far(*, plan: TreatmentPlan, kept: OutcomeScore, by: User) -> CourseReview | None:
    """The stop rule (clinical sheet 4.3): on hold, with the reason on the clinicians' list, until one has looked."""
    rise = outcomes.rise_that_pauses(plan, kept)
    if rise is None:
        return None
    baseline, newest = rise
    review = outcomes.ask_for_review(plan=plan, baseline=baseline, newest=newest, by=by)
    if plan.status == TreatmentPlan.Status.ACTIVE:
        plans.hold(plan=plan, by=by)
    return review


@transaction.atomic
def review(*, review: CourseReview, decision: str, note: str, by: User) -> CourseReview:
    """A clinician's answer to a course that a score has put on hold. Going on is activating: it screens again, and may be refused."""
    plan = plans.locked(review.plan)
    closed = outcomes.close_review(review=review, decision=decision, note=note, by=by)
    if closed.decision == CourseReview.Decision.GO_ON and plan.status == TreatmentPlan.Status.ON_HOLD:
        plans.activate(plan=plan, by=by)
    return closed


def _course_under_way(patient: Patient) -> TreatmentPlan | None:
    """Locked, so that nobody lets it go on between the score and its pause."""
    plan = patient.plans.filter(status__in=UNDER_WAY).first()
    return plans.locked(plan) if plan else None


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
