"""The patient header: the same place on every page, never more than four queries, and never a reason for the desk."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from treatments.pages.header import patient_header
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db


def verdict(patient, member) -> tuple[str, str]:
    chip = patient_header(patient, membership=member)["chips"][0]
    return chip["state"], chip["label"]


def test_four_queries_whatever_the_history(patient, clinician_member):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            patient_header(patient, membership=clinician_member)
        return len(captured)

    assert queries() <= 4
    visit = factories.make_visit_today(patient)
    one = queries()
    factories.make_done_session(visit)
    for number in (2, 3, 4):
        planned = visit.planned_session.plan.planned_sessions.get(number=number)
        factories.book(planned, day=planned.target_on)
    assert queries() == one == 4


def test_without_a_screening_of_today_the_verdict_is_ask(patient, clinician_member, later):
    assert verdict(patient, clinician_member) == ("ask", "Ask, on the day")
    factories.answer_all(patient)
    factories.assess(patient)
    factories.screen_today(patient)
    assert verdict(patient, clinician_member) == ("clear", "Clear today")
    later(factories.in_days(1))
    assert verdict(patient, clinician_member) == ("ask", "Ask, on the day")


def test_the_header_says_for_which_day_it_speaks(patient, visit_today, clinician_member, later):
    """Beside a visit that is clear for its own day, "Ask" alone reads as a contradiction."""
    assert verdict(patient, clinician_member) == ("ask", "Ask today")
    factories.arrive(visit_today)
    assert verdict(patient, clinician_member) == ("ask", "Ask today")
    later(factories.in_days(-1))
    assert verdict(patient, clinician_member) == ("ask", "Ask, on the day")


def test_what_was_found_today_is_said_of_today(patient, clinician_member):
    factories.assess(patient)
    factories.screen_today(patient)
    assert verdict(patient, clinician_member) == ("ask", "Ask today")
    factories.answer_all(patient)
    factories.answer(patient, "pregnant", "yes")
    factories.screen_today(patient)
    assert verdict(patient, clinician_member) == ("block", "Blocked")


def test_what_blocks_without_an_end_is_said_before_the_day_too(patient, clinician_member, later):
    """Nobody has to ask her again for it: the gate would refuse her session whatever she says on the day."""
    factories.answer_all(patient)
    factories.assess(patient)
    factories.answer(patient, "keloid_personal", "yes")
    factories.screen_today(patient, purpose="booking")
    assert verdict(patient, clinician_member) == ("block", "Blocked")
    later(factories.in_days(3))
    assert verdict(patient, clinician_member) == ("block", "Blocked")


def test_a_wait_is_said_before_the_day_too_as_long_as_it_lasts(patient, clinician_member, later):
    """The lists say so of a visit that is booked too early; beside them "Ask" would read as if it could still be."""
    factories.answer_all(patient)
    factories.assess(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=factories.TODAY - timedelta(days=170))
    factories.screen_today(patient, purpose="booking")
    later(timedelta(days=9))
    assert verdict(patient, clinician_member) == ("defer", "Not before 19 Mar")
    later(timedelta(days=1))
    assert verdict(patient, clinician_member) == ("ask", "Ask, on the day")


def test_an_answer_after_the_screening_asks_to_screen_again(patient, clinician_member):
    factories.answer_all(patient)
    factories.assess(patient)
    factories.screen_today(patient)
    factories.answer(patient, "smoking", "no")
    assert verdict(patient, clinician_member) == ("ask", "Screen again")


def test_a_session_under_way_keeps_the_verdict_it_was_opened_with(patient, open_session, clinician_member):
    assert verdict(patient, clinician_member) == ("clear", "Clear today")
    factories.chart(open_session)
    sessions.complete(session=open_session, by=open_session.operator)
    assert verdict(patient, clinician_member) == ("clear", "Clear today")


def test_the_dots_tell_where_the_course_stands(patient, visit_today, clinician_member):
    header = patient_header(patient, membership=clinician_member)
    assert [dot["state"] for dot in header["dots"]] == ["booked", "open", "open", "open"]
    assert header["next_visit"] == "Tue 9 Mar, 11:00"
    visit = factories.arrive(visit_today)
    header = patient_header(patient, membership=clinician_member)
    assert [dot["state"] for dot in header["dots"]] == ["now", "open", "open", "open"]
    assert (header["session"], header["next_visit"]) == ("Session 1 of 4", None)
    factories.make_done_session(visit)
    header = patient_header(patient, membership=clinician_member)
    assert [dot["state"] for dot in header["dots"]] == ["done", "open", "open", "open"]
    assert header["session"] == "Session 2 of 4"


def test_the_desk_and_the_manager_read_no_diagnosis_and_no_skin_type(
    active_plan, desk_member, manager_member, clinician_member
):
    full = patient_header(active_plan.patient, membership=clinician_member)
    assert full["course"] == "Acne scars, face"
    assert "Skin type III" in [chip["label"] for chip in full["chips"]]
    for member in (desk_member, manager_member):
        reduced = patient_header(active_plan.patient, membership=member)
        assert reduced["course"] == ""
        assert [chip["label"] for chip in reduced["chips"]] == ["Ask, on the day"]
        assert len(reduced["dots"]) == 4


def test_the_tabs_are_those_she_may_open(active_plan, desk_member, clinician_member):
    def labels(member) -> list[str]:
        return [tab["label"] for tab in patient_header(active_plan.patient, membership=member, tab="course")["tabs"]]

    assert {"Screening", "Assessment", "Course"} <= set(labels(clinician_member))
    assert {"Screening", "Course"} <= set(labels(desk_member))
    assert "Assessment" not in labels(desk_member)
