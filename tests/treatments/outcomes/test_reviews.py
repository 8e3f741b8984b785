"""Melasma that gets worse puts the course on hold; it goes on when a clinician has looked, and not before."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from clinic.errors import DomainError, explain
from tests import factories
from tests.treatments.outcomes.measuring import NOW, YESTERDAY, errors, filled, measure, melasma, mmasi, url
from treatments.flows import outcomes as flow
from treatments.outcomes import services
from treatments.outcomes.models import CourseReview
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan

pytestmark = pytest.mark.django_db


def status(plan: TreatmentPlan) -> str:
    return TreatmentPlan.objects.get(pk=plan.pk).status


def parts(total: str) -> dict[str, int]:
    """Answers that come to so much, from the regions that weigh 0.3 and 0.1."""
    answers = {
        "4.0": melasma(area=2, darkness=2),
        "4.6": melasma(area=2, darkness=2) | {"right_malar_area": 3},
        "4.8": melasma(area=2, darkness=2) | {"right_malar_area": 3, "chin_area": 3},
        "5.0": melasma(area=5, darkness=1),
    }
    return answers[total]


@pytest.mark.parametrize(("now", "pauses"), [("4.0", False), ("4.6", False), ("4.8", True), ("5.0", True)])
def test_a_fifth_over_the_baseline_is_where_a_course_pauses(older_plan, now, pauses):
    mmasi(older_plan.patient, 2, 2, on=YESTERDAY)
    assert str(measure(older_plan.patient, "mmasi", parts(now), on=NOW).total) == now
    assert status(older_plan) == ("on_hold" if pauses else "active")
    assert CourseReview.objects.filter(plan=older_plan).exists() == pauses


def test_the_reason_says_what_rose_from_where(held):
    review = held.reviews.get()
    assert review.reason == "Melasma, mMASI rose from 4 (8 March) to 6 (19 March)"
    assert (review.baseline.total, review.score.total, review.reviewed_at) == (4, 6, None)
    assert str(review) == review.reason
    assert str(review.score) == "mmasi 6.00"


def test_the_first_score_of_a_course_is_its_own_baseline(older_plan):
    mmasi(older_plan.patient, 6, 4, on=NOW)
    assert status(older_plan) == "active"


def test_the_last_score_before_the_course_is_the_baseline_not_an_older_or_a_stale_one(patient, later):
    mmasi(patient, 1, 1, on=factories.TODAY - timedelta(days=181))
    mmasi(patient, 2, 1, on=factories.TODAY - timedelta(days=100))
    mmasi(patient, 3, 2, on=YESTERDAY)
    plan = factories.make_active_plan(patient)
    assert services.baseline_of(plan, list(patient.outcome_scores.order_by("assessed_on"))).total == 6
    only_stale = list(patient.outcome_scores.filter(total=1))
    assert services.baseline_of(plan, only_stale) is None


def test_on_the_day_a_course_is_drafted_what_was_measured_before_it_is_the_baseline(patient, later):
    mmasi(patient, 2, 2)
    later(timedelta(minutes=5))
    plan = factories.make_active_plan(patient)
    later(timedelta(minutes=5))
    mmasi(patient, 3, 2)
    assert status(plan) == "on_hold"


def test_half_a_year_is_the_longest_a_baseline_lasts(older_plan):
    old = mmasi(older_plan.patient, 2, 2, on=factories.TODAY - timedelta(days=180))
    assert services.baseline_of(older_plan, [old]) == old
    stale = mmasi(older_plan.patient, 2, 2, on=factories.TODAY - timedelta(days=181))
    assert services.baseline_of(older_plan, [stale]) is None


def test_an_earlier_score_written_down_later_is_the_baseline_at_once(older_plan):
    mmasi(older_plan.patient, 3, 2, on=NOW)
    assert status(older_plan) == "active"
    mmasi(older_plan.patient, 2, 2, on=YESTERDAY)
    assert status(older_plan) == "on_hold"


def test_what_was_entered_in_error_is_no_baseline(older_plan, clinician_member):
    wrong = mmasi(older_plan.patient, 1, 1, on=YESTERDAY)
    services.mark_entered_in_error(kept=wrong, reason="Wrong patient", by=clinician_member.user)
    mmasi(older_plan.patient, 3, 2, on=NOW)
    assert status(older_plan) == "active"


def test_other_instruments_never_pause_a_course(older_plan):
    older = {f"{code}": value for code, value in melasma(area=1, darkness=1).items()}
    even = {f"{region}_homogeneity": 0 for region in ("forehead", "right_malar", "left_malar", "chin")}
    measure(older_plan.patient, "masi", older | even, on=YESTERDAY)
    measure(older_plan.patient, "masi", melasma(area=6, darkness=4) | even, on=NOW)
    measure(older_plan.patient, "gais", {"improvement": 1}, on=YESTERDAY)
    measure(older_plan.patient, "gais", {"improvement": 5}, on=NOW)
    assert status(older_plan) == "active"


def test_a_course_that_has_ended_is_not_asked_about(older_plan, clinician_member):
    mmasi(older_plan.patient, 2, 2, on=YESTERDAY)
    plans.revoke(plan=older_plan, reason="Moved away", by=clinician_member.user)
    mmasi(older_plan.patient, 6, 4, on=NOW)
    assert not CourseReview.objects.exists()


def test_a_course_on_hold_already_waits_for_the_review_too(older_plan, clinician_member):
    mmasi(older_plan.patient, 2, 2, on=YESTERDAY)
    plans.hold(plan=older_plan, by=clinician_member.user)
    mmasi(older_plan.patient, 3, 2, on=NOW)
    assert status(older_plan) == "on_hold"
    assert older_plan.reviews.count() == 1
    mmasi(older_plan.patient, 4, 2, on=NOW)
    assert older_plan.reviews.count() == 1


# ── Nobody lets it go on unseen ───────────────────────────────────────────────


def test_a_paused_course_does_not_go_on_before_the_review(held, clinician_member):
    with pytest.raises(DomainError) as refused:
        plans.activate(plan=held, by=clinician_member.user)
    assert refused.value.code == "plan_review_comes_first"
    with pytest.raises(DatabaseError) as by_hand, transaction.atomic():
        TreatmentPlan.objects.filter(pk=held.pk).update(status="active")
    assert explain(by_hand.value).code == "plan_review_comes_first"


def test_without_an_open_review_it_goes_on(held, clinician_member):
    """The negative control: it is the review that holds it."""
    services.close_review(review=held.reviews.get(), decision="stay", note="Not yet.", by=clinician_member.user)
    assert status(held) == "on_hold"
    assert plans.activate(plan=held, by=clinician_member.user).status == "active"


def test_the_course_page_says_why_it_does_not_go_on(clinician, held):
    answer = clinician.post(url("course_resume", held.ref), {})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "A clinician reviews it before a course of this patient begins or goes on." in html
    assert url("course_review", held.reviews.get().ref) in html


def test_a_review_lets_the_course_go_on(clinician, held, clinician_member):
    review = held.reviews.get()
    page = clinician.get(url("course_review", review.ref))
    assert review.reason in page.content.decode()
    answer = clinician.post(url("course_review", review.ref), {"decision": "go_on", "note": "Sun at the weekend."})
    assert answer.status_code == 302
    review.refresh_from_db()
    assert (review.decision, review.note, review.reviewed_by) == ("go_on", "Sun at the weekend.", clinician_member.user)
    assert status(held) == "active"
    again = clinician.post(url("course_review", review.ref), {"decision": "stay", "note": "Other."})
    assert again.status_code == 422
    assert "Sun at the weekend." in clinician.get(url("course_review", review.ref)).content.decode()


def test_a_course_that_may_not_go_on_keeps_its_review_open(held, clinician_member):
    factories.answer_all(held.patient, keloid_personal="yes")
    with pytest.raises(DomainError):
        flow.review(review=held.reviews.get(), decision="go_on", note="Fine.", by=clinician_member.user)
    assert held.reviews.get().reviewed_at is None
    assert status(held) == "on_hold"


def test_a_review_of_a_course_that_has_ended_is_only_written_down(held, clinician, clinician_member):
    review = held.reviews.get()
    plans.revoke(plan=held, reason="Moved away", by=clinician_member.user)
    with pytest.raises(DomainError, match="has ended"):
        flow.review(review=review, decision="go_on", note="Fine.", by=clinician_member.user)
    page = clinician.get(url("course_review", review.ref)).content.decode()
    assert "nothing is left to decide" in page
    assert 'name="decision"' not in page
    assert clinician.post(url("course_review", review.ref), {"note": "Sun, she says."}).status_code == 302
    review.refresh_from_db()
    assert (review.decision, review.note, status(held)) == ("ended", "Sun, she says.", "revoked")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, {"decision": "Choose whether the course goes on.", "note": "Write what you saw and why you decide so."}),
        ({"decision": "perhaps", "note": "x"}, {"decision": "Choose whether the course goes on."}),
        ({"decision": "stay", "note": "  "}, {"note": "Write what you saw and why you decide so."}),
    ],
)
def test_a_review_says_what_and_why(clinician, held, data, expected):
    answer = clinician.post(url("course_review", held.reviews.get().ref), data)
    assert (answer.status_code, errors(answer)) == (422, expected)


@pytest.mark.parametrize(("decision", "note", "field"), [("perhaps", "x", "decision"), ("stay", " ", "note")])
def test_the_service_asks_for_both_too(held, clinician_member, decision, note, field):
    with pytest.raises(DomainError) as refused:
        services.close_review(review=held.reviews.get(), decision=decision, note=note, by=clinician_member.user)
    assert refused.value.field == field


def test_a_review_goes_on_again_after_a_further_rise(held, clinician, clinician_member):
    flow.review(review=held.reviews.get(), decision="go_on", note="Sun.", by=clinician_member.user)
    mmasi(held.patient, 4, 2, on=NOW)
    assert status(held) == "on_hold"
    assert held.reviews.count() == 2


# ── Who reads of it ───────────────────────────────────────────────────────────


def test_clinicians_find_it_on_their_list_chart_and_course_the_desk_nowhere(held, clinician, desk, manager):
    review = held.reviews.get()
    for page in (
        url("worklists"),
        url("chart", held.patient.ref),
        url("course", held.ref),
        url("scores", held.patient.ref),
    ):
        assert review.reason in clinician.get(page).content.decode(), page
    for client in (desk, manager):
        for page in (url("worklists"), url("chart", held.patient.ref), url("course", held.ref)):
            html = client.get(page).content.decode()
            assert "mMASI" not in html and "elasma" not in html, page


def test_the_course_page_offers_the_review_in_place_of_going_on(held, clinician, clinician_member):
    assert "Go on with the course" not in clinician.get(url("course", held.ref)).content.decode()
    services.close_review(review=held.reviews.get(), decision="stay", note="Not yet.", by=clinician_member.user)
    assert "Go on with the course" in clinician.get(url("course", held.ref)).content.decode()


def test_a_score_by_form_pauses_the_course(clinician, older_plan):
    mmasi(older_plan.patient, 2, 2, on=YESTERDAY)
    answer = clinician.post(
        url("score_new", older_plan.patient.ref, "mmasi"),
        filled(melasma(area=3, darkness=2), assessed_on=NOW.isoformat()),
        follow=True,
    )
    assert "No course begins or goes on until a clinician has looked." in answer.content.decode()
    assert status(older_plan) == "on_hold"
