"""What the lists say of a booked visit: read from stored screenings, right for the visit's own day, and never out of date."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse

from patients.services import history
from tests import factories
from tests.factories import TODAY
from treatments.pages.today.verdicts import outcome_on
from treatments.screenings import services

pytestmark = pytest.mark.django_db
WITHIN = "Ask a clinician before this visit"


def in_days(days: int):
    return TODAY + timedelta(days=days)


@pytest.fixture
def book_in(active_plan):
    """Books session 1 that many days from today."""
    return lambda days: factories.book(active_plan.planned_sessions.get(number=1), day=in_days(days))


def calls(client, code: str = "before-they-travel") -> list[str]:
    lists = client.get(reverse("treatments:worklists")).context["lists"]
    return next([call.say for call in one.calls] for one in lists if one.code == code)


def cleared(patient, by, *, until: int) -> None:
    services.give_clearance(
        patient=patient, code="hsv_history", reason="Antiviral", expires_on=in_days(until), by=by, licence="NMC 12A"
    )


# ── The visit's own day ───────────────────────────────────────────────────────


def test_a_screening_kept_for_a_later_day_says_nothing_of_an_earlier_visit(desk, patient, book_in):
    book_in(7)
    factories.answer(patient, "isotretinoin_past", "yes", on=in_days(-170))
    factories.screen_today(patient, purpose="booking")
    kept = services.perform(patient=patient, on=in_days(60), purpose="booking", by=None)
    assert kept.outcome == "clear"
    assert calls(desk) == ["Not before Fri 19 Mar: move"]


@pytest.mark.parametrize(("day", "said"), [(27, ["Not before Thu 8 Apr: move"]), (30, [WITHIN])])
def test_a_wait_that_turns_into_a_need_for_a_clinician_is_no_all_clear(desk, patient, book_in, later, day, said):
    book_in(day)
    factories.answer(patient, "radiotherapy_area", "yes", on=in_days(-60))
    factories.screen_today(patient, purpose="booking")
    later(timedelta(days=5))
    assert calls(desk) == said


@pytest.mark.parametrize(("day", "said"), [(10, []), (11, [WITHIN])])
def test_a_clearance_that_runs_out_before_the_visit_puts_it_on_the_list(
    desk, patient, book_in, clinician_member, day, said
):
    book_in(day)
    factories.answer(patient, "hsv_history", "yes")
    cleared(patient, clinician_member, until=10)
    assert factories.screen_today(patient, purpose="booking").outcome == "caution"
    assert calls(desk) == said


def test_a_screening_that_does_not_say_what_follows_asks():
    assert outcome_on({"outlook": None}, TODAY) == ("ask", None)


@pytest.mark.parametrize(
    ("outlook", "expected"),
    [
        ([("2027-03-09", "clear", None)], ("clear", None)),
        ([("2027-03-09", "defer", "2027-03-10"), ("2027-03-10", "clear", None)], ("defer", in_days(1))),
        ([("2027-03-01", "defer", "2027-03-09"), ("2027-03-09", "caution", None)], ("caution", None)),
        # Until a birthday: a wait like any other.
        ([("2027-03-01", "block", "2027-04-01")], ("defer", in_days(23))),
        ([("2027-03-01", "block", None)], ("block", None)),
        ([("2027-03-10", "clear", None)], ("ask", None)),
    ],
)
def test_the_last_turn_that_is_reached_holds(outlook, expected):
    stored = [{"on": on, "outcome": outcome, "earliest_on": earliest_on} for on, outcome, earliest_on in outlook]
    assert outcome_on({"outlook": stored}, TODAY) == expected


# ── Something became known ────────────────────────────────────────────────────


def post(client, name: str, ref, **data):
    answer = client.post(reverse(name, args=[ref]), data | {"submit_token": str(uuid.uuid4())})
    assert answer.status_code == 302, answer.context["form"].errors


def test_a_clearance_takes_the_visit_off_the_list_and_its_end_puts_it_back(desk, clinician, patient, book_in):
    book_in(7)
    factories.answer(patient, "hsv_history", "yes")
    factories.screen_today(patient, purpose="booking")
    assert calls(desk) == [WITHIN]
    post(
        clinician, "treatments:clearance", patient.ref, code="hsv_history", reason="Antiviral", licence="NMC 12A",
        expires_on=in_days(30).isoformat(),
    )  # fmt: skip
    assert calls(desk) == []
    given = patient.clearances.get()
    post(clinician, "treatments:revoke_clearance", given.ref)
    assert calls(desk) == [WITHIN]
    screened = patient.screenings.count()
    post(clinician, "treatments:revoke_clearance", given.ref)
    assert patient.screenings.count() == screened


def test_a_darker_skin_type_waits_longer_and_one_entered_in_error_does_not(desk, clinician, patient, book_in):
    book_in(7)
    factories.answer(patient, "sun_tan_exposure", "yes", on=in_days(-10))
    factories.screen_today(patient, purpose="booking")
    assert calls(desk) == []
    post(
        clinician, "treatments:assess", patient.ref,
        **{"skin_type": "5", "pih_history": "no", "severity-acne_scar_face": "mild", "zones-acne_scar_face": ["cheek"]},
    )  # fmt: skip
    assert calls(desk) == ["Not before Sat 27 Mar: move"]
    post(clinician, "treatments:assessment_error", patient.assessments.first().ref, reason="Another patient")
    assert calls(desk) == []


def test_a_medicine_is_a_reason_to_call_from_the_moment_it_is_listed(desk, clinician_member, patient, book_in):
    book_in(7)
    by = clinician_member.user
    taken = history.record_medication(patient=patient, kind="isotretinoin", name="Capsules", prescribed=True, by=by)
    assert calls(desk) == [WITHIN]
    history.stop_medication(medication=taken, stopped_on=in_days(-170), by=by)
    assert calls(desk) == ["Not before Fri 19 Mar: move"]
    history.mark_medication_in_error(medication=taken, reason="Another patient", by=by)
    assert calls(desk) == []


def test_a_medicine_that_no_rule_reads_is_no_new_screening(clinician_member, patient, active_plan):
    screened = patient.screenings.count()
    history.record_medication(
        patient=patient, kind="other", name="Vitamin D", prescribed=False, by=clinician_member.user
    )
    assert patient.screenings.count() == screened


@pytest.mark.parametrize(("asked", "purpose"), [(True, "session"), (False, "booking")])
def test_the_rules_run_again_for_the_session_where_today_is_asked_about_already(
    patient, clinician_member, active_plan, asked, purpose
):
    if asked:
        factories.screen_today(patient)
    made = services.perform_again(patient=patient, by=clinician_member.user)
    assert (made.purpose, made.on, made.outcome) == (purpose, TODAY, "clear")
