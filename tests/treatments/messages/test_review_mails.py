"""What a patient is asked after the last session of a course: when, once, and no longer than it makes sense."""

from datetime import time, timedelta

import pytest

from patients.models import Message
from patients.outbox import kinds, rendering
from tests import factories
from tests.treatments.messages.reading import of_kind, states, waiting
from treatments.flows import courses
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.sessions import reviews
from treatments.sessions import services as sessions

REVIEWS = ["review_30d", "review_90d", "review_180d"]
ALL = [*REVIEWS, "maintenance_due"]


@pytest.fixture
def finished(open_session):
    """The only session of a course, signed: nothing of it is to come."""
    factories.chart(open_session)
    open_session.plan.planned_sessions.filter(number__gt=1).delete()
    return sessions.complete(session=open_session, by=open_session.operator)


def owed(patient) -> dict[str, str]:
    return {kind: at for kind, at in waiting(patient).items() if kind in ALL}


def still_wanted(patient, kind: str) -> str | None:
    message = Message.objects.select_related("patient", "clinic").get(pk=of_kind(patient, kind).pk)
    return kinds.get(kind).still_wanted(message)


def test_the_codes_that_a_new_course_takes_back_are_those_that_are_registered():
    assert tuple(kind.code for kind in reviews.KINDS) == plans.AFTER_A_COURSE


def test_the_last_session_owes_three_reviews_and_upkeep_at_ten(finished):
    """The clocks go forward on 28 March and back on 31 October."""
    assert owed(finished.patient) == {
        "review_30d": "Thu 08 Apr 10:00",
        "review_90d": "Mon 07 Jun 10:00",
        "review_180d": "Sun 05 Sep 10:00",
    }


def test_upkeep_is_asked_after_where_the_review_of_that_day_does_not_say_it(finished):
    """Six to twelve months: at six the review speaks of it, so it is asked in the ninth."""
    TreatmentPlan.objects.filter(pk=finished.plan_id).update(
        proposal=finished.plan.proposal | {"maintenance": {"from_days": 180, "to_days": 365}}
    )
    plan = TreatmentPlan.objects.get(pk=finished.plan_id)
    reviews.follow(plan, by=None)
    assert owed(finished.patient)["maintenance_due"] == "Sat 04 Dec 10:00"


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (None, None),
        ({"from_days": 180, "to_days": 180}, None),
        ({"from_days": 180, "to_days": 200}, 200),
        ({"from_days": 180, "to_days": 365}, 270),
        ({"from_days": 240, "to_days": 365}, 240),
    ],
)
def test_upkeep_and_a_review_never_come_on_one_day(window, days):
    plan = TreatmentPlan(proposal={"maintenance": window})
    assert reviews.upkeep_days(plan, (30, 90, 180)) == days


def test_a_course_with_sessions_to_come_owes_no_review(done_session):
    assert owed(done_session.patient) == {}


def test_a_course_that_is_completed_early_owes_what_is_still_of_use(done_session, later, clinician_member):
    later(timedelta(days=70))
    courses.complete_course(plan=done_session.plan, by=clinician_member.user)
    assert set(owed(done_session.patient)) == {"review_90d", "review_180d"}
    # 30 days and the 30 that it would have been of use are over.
    assert "review_30d" not in states(done_session.patient)


def test_completing_a_course_whose_last_session_is_signed_tells_nothing_twice(finished, clinician_member):
    before = states(finished.patient)
    courses.complete_course(plan=finished.plan, by=clinician_member.user)
    assert states(finished.patient) == before
    assert still_wanted(finished.patient, "review_30d") is None


def test_a_course_that_is_stopped_owes_none(finished, clinician_member):
    courses.stop_course(plan=finished.plan, reason="Moved abroad", by=clinician_member.user)
    assert owed(finished.patient) == {}
    assert of_kind(finished.patient, "review_90d").reason == "The course is not finished."


def test_a_last_session_entered_in_error_takes_them_back_and_the_right_one_brings_them(finished, later):
    sessions.mark_entered_in_error(session=finished, reason="Wrong patient", by=finished.operator)
    patient = finished.patient
    assert owed(patient) == {}
    later(timedelta(days=42))
    factories.answer_all(patient, forms=("day",))
    day = factories.TODAY + timedelta(days=42)
    factories.make_done_session(factories.book(finished.planned_session, day=day, at=time(14)))
    assert owed(patient)["review_30d"] == "Thu 20 May 10:00"
    assert states(patient)["review_30d"] == ["cancelled", "due"]


def test_a_new_course_ends_what_is_asked_about_the_old_one(finished, later, clinician_member):
    patient = finished.patient
    courses.complete_course(plan=finished.plan, by=clinician_member.user)
    later(timedelta(days=60))
    assert still_wanted(patient, "review_90d") is None
    factories.make_active_plan(patient)
    assert owed(patient) == {}
    assert of_kind(patient, "review_90d").reason == "A new course has begun."


def test_it_is_asked_again_as_it_leaves(finished, later, clinician_member):
    """Where nobody took it back: the record closed, another session, a new course, a booked review."""
    patient, plan = finished.patient, finished.plan
    assert [still_wanted(patient, kind) for kind in REVIEWS] == [None] * 3
    Message.objects.filter(kind="review_90d").update(context={"session": "another"})
    assert still_wanted(patient, "review_90d") == "Another visit is the last one now."
    place = factories.a_place(patient.clinic, factories.TODAY + timedelta(days=41), kind="consultation")
    visit = factories.appointments.book(patient=patient, kind="review", place=place, by=clinician_member.user)
    assert still_wanted(patient, "review_30d") == "A visit is booked."
    factories.appointments.cancel(visit=visit, reason="Ill", by=clinician_member.user)
    assert still_wanted(patient, "review_30d") is None
    TreatmentPlan.objects.filter(pk=plan.pk).update(status="on_hold")
    assert still_wanted(patient, "review_30d") == "The course is not finished."
    TreatmentPlan.objects.filter(pk=plan.pk).update(status="completed")
    type(patient).objects.filter(pk=patient.pk).update(status="deceased")
    assert still_wanted(patient, "review_30d") == "The record is closed."


def test_who_wants_no_reminders_is_not_asked(open_session):
    patient = open_session.patient
    type(patient).objects.filter(pk=patient.pk).update(reminders_allowed=False)
    factories.chart(open_session)
    open_session.plan.planned_sessions.filter(number__gt=1).delete()
    sessions.complete(session=type(open_session).objects.get(pk=open_session.pk), by=open_session.operator)
    assert owed(patient) == {}
    assert states(patient)["review_30d"] == ["suppressed"]


def test_the_words_ask_and_promise_nothing(finished):
    for kind in REVIEWS:
        text = rendering.write(of_kind(finished.patient, kind)).text
        assert "Please come for photos" in text
        assert "Please call us or reply" in text
