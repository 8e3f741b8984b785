"""What waits for a review keeps waiting: a struck score, a course planned anew, a rise before the course has begun."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from clinic.errors import DomainError, explain
from tests import factories
from tests.treatments.outcomes.measuring import NOW, YESTERDAY, mmasi, url
from treatments.flows import outcomes as flow
from treatments.outcomes.models import CourseReview
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan

pytestmark = pytest.mark.django_db


def status(plan: TreatmentPlan) -> str:
    return TreatmentPlan.objects.get(pk=plan.pk).status


def strike(kept, by) -> None:
    flow.mark_entered_in_error(kept=kept, reason="Another patient", by=by.user)


# ── A score that is struck ────────────────────────────────────────────────────


def test_a_wrong_newest_score_hides_a_rise_until_it_is_struck(older_plan, clinician_member):
    patient = older_plan.patient
    mmasi(patient, 2, 2, on=YESTERDAY)
    wrong = mmasi(patient, 2, 2, on=NOW)
    mmasi(patient, 3, 2, on=NOW - timedelta(days=1))
    assert status(older_plan) == "active"
    strike(wrong, clinician_member)
    assert status(older_plan) == "on_hold"
    assert older_plan.reviews.get().reason == "Melasma, mMASI rose from 4 (8 March) to 6 (18 March)"


def test_a_wrong_baseline_hides_a_rise_until_it_is_struck(older_plan, clinician_member):
    patient = older_plan.patient
    mmasi(patient, 3, 2, on=YESTERDAY - timedelta(days=1))
    wrong = mmasi(patient, 5, 2, on=YESTERDAY)
    mmasi(patient, 4, 2, on=NOW)
    assert status(older_plan) == "active"
    strike(wrong, clinician_member)
    assert status(older_plan) == "on_hold"


def test_striking_by_form_asks_the_rule_too(clinician, older_plan):
    patient = older_plan.patient
    mmasi(patient, 2, 2, on=YESTERDAY)
    wrong = mmasi(patient, 2, 2, on=NOW)
    mmasi(patient, 3, 2, on=NOW - timedelta(days=1))
    answer = clinician.post(url("score_error", wrong.ref), {"reason": "Another patient"}, follow=True)
    assert "It is compared with nothing from now on." in answer.content.decode()
    assert status(older_plan) == "on_hold"


def test_striking_what_changes_nothing_pauses_nothing(older_plan, clinician_member):
    first = mmasi(older_plan.patient, 2, 2, on=YESTERDAY)
    strike(mmasi(older_plan.patient, 3, 1, on=NOW), clinician_member)
    strike(first, clinician_member)
    assert status(older_plan) == "active"
    assert not CourseReview.objects.exists()


def test_a_rise_that_was_looked_at_is_not_asked_about_again(held, clinician_member):
    flow.review(review=held.reviews.get(), decision="go_on", note="Sun.", by=clinician_member.user)
    between = mmasi(held.patient, 2, 2, on=NOW - timedelta(days=3))
    assert status(held) == "active"
    strike(between, clinician_member)
    assert status(held) == "active"


def test_the_review_says_that_its_score_was_struck_and_stays(held, clinician, clinician_member):
    review = held.reviews.get()
    assert "was entered in error" not in clinician.get(url("course_review", review.ref)).content.decode()
    strike(review.score, clinician_member)
    page = clinician.get(url("course_review", review.ref)).content.decode()
    assert "The score of 6 (19 March 2027) was entered in error: Another patient" in page
    for name, ref in (("scores", held.patient.ref), ("course", held.ref), ("chart", held.patient.ref)):
        assert "One of the two scores was entered in error since." in clinician.get(url(name, ref)).content.decode()
    assert "one of the two was entered in error" in clinician.get(url("worklists")).content.decode()
    assert status(held) == "on_hold"


# ── Planned anew ──────────────────────────────────────────────────────────────


def planned_anew(held, by, *, later) -> TreatmentPlan:
    plans.revoke(plan=held, reason="Planned again", by=by.user)
    later(timedelta(minutes=5))
    plan = factories.make_draft(held.patient)
    plans.submit(plan=plan, by=by.user)
    factories.sign_consent(plan)
    return plan


def test_stopping_and_planning_anew_does_not_answer_the_review(held, clinician_member, later):
    review, plan = held.reviews.get(), planned_anew(held, clinician_member, later=later)
    with pytest.raises(DomainError) as refused:
        plans.activate(plan=plan, by=clinician_member.user)
    assert refused.value.code == "plan_review_comes_first"
    flow.review(review=review, note="Sun, she says.", by=clinician_member.user)
    assert plans.activate(plan=plan, by=clinician_member.user).status == "active"


def test_nor_does_a_plan_that_is_written_as_active(held, clinician_member, later):
    plan = planned_anew(held, clinician_member, later=later)
    values = {
        field.attname: getattr(plan, field.attname)
        for field in plan._meta.concrete_fields
        if field.name not in ("id", "ref")
    }
    values |= {"number": 9, "status": "active", "activated_at": plan.drafted_at, "activated_by": clinician_member.user}
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        TreatmentPlan.objects.create(**values)
    assert explain(refused.value).code == "plan_review_comes_first"


def test_the_review_of_a_stopped_course_stays_where_clinicians_look(held, clinician, clinician_member, later):
    review, plan = held.reviews.get(), planned_anew(held, clinician_member, later=later)
    pages = (
        url("worklists"),
        url("today"),
        url("chart", held.patient.ref),
        url("scores", held.patient.ref),
        url("course", plan.ref),
    )
    for page in pages:
        assert url("course_review", review.ref) in clinician.get(page).content.decode(), page
    assert 'value="activate"' not in clinician.get(url("course", plan.ref)).content.decode()
    flow.review(review=review, note="Sun, she says.", by=clinician_member.user)
    for page in pages:
        assert url("course_review", review.ref) not in clinician.get(page).content.decode(), page


# ── Before a course has begun ─────────────────────────────────────────────────


@pytest.mark.parametrize("days", [0, 3])
def test_a_rise_between_draft_and_activation_is_looked_at_first(patient, clinician_member, clinician, later, days):
    factories.answer_all(patient)
    mmasi(patient, 2, 2, on=YESTERDAY)
    plan = factories.make_draft(patient)
    plans.submit(plan=plan, by=clinician_member.user)
    factories.sign_consent(plan)
    later(timedelta(days=days, minutes=5))
    kept = mmasi(patient, 6, 4, on=factories.TODAY + timedelta(days=days))
    assert (status(plan), kept.plan) == ("submitted", None)
    review = plan.reviews.get()
    assert (review.baseline.total, review.score.total) == (4, 24)
    with pytest.raises(DomainError) as refused:
        plans.activate(plan=plan, by=clinician_member.user)
    assert refused.value.code == "plan_review_comes_first"
    assert "the plan may be activated" in clinician.get(url("course_review", review.ref)).content.decode()
    flow.review(review=review, decision="go_on", note="Pregnancy excluded.", by=clinician_member.user)
    assert status(plan) == "submitted"
    assert plans.activate(plan=plan, by=clinician_member.user).status == "active"


def test_without_a_rise_a_plan_becomes_active(patient, clinician_member, later):
    """The negative control."""
    mmasi(patient, 2, 2, on=YESTERDAY)
    plan = factories.make_active_plan(patient)
    later(timedelta(days=1))
    mmasi(patient, 2, 2, on=factories.TODAY + timedelta(days=1))
    assert status(plan) == "active"
    assert not CourseReview.objects.exists()


# ── A review stays ────────────────────────────────────────────────────────────


def refusal_of(statement: str, *values) -> str:
    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    return explain(refused.value).code


def test_a_review_is_never_deleted(held):
    said = refusal_of("DELETE FROM treatments_coursereview WHERE plan_id = %s", held.pk)
    assert said == "course_review_is_fixed"


@pytest.mark.parametrize(
    "change", ["reason = 'other'", "raised_at = now()", "baseline_id = score_id", "note = 'early'"]
)
def test_a_review_does_not_change_but_by_its_answer(held, change):
    said = refusal_of(f"UPDATE treatments_coursereview SET {change} WHERE plan_id = %s", held.pk)
    assert said == "course_review_is_fixed"


def test_an_answer_is_written_once(held, clinician_member):
    flow.review(review=held.reviews.get(), decision="stay", note="Not yet.", by=clinician_member.user)
    for change in ("decision = 'go_on'", "note = 'other'", "reviewed_at = NULL, decision = ''"):
        said = refusal_of(f"UPDATE treatments_coursereview SET {change} WHERE plan_id = %s", held.pk)
        assert said == "course_review_is_fixed"


def test_without_the_trigger_it_would_change(held):
    """The negative control: what refuses is the trigger."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE treatments_coursereview SET reason = 'other' WHERE plan_id = %s", [held.pk])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    assert held.reviews.get().reason == "other"
