"""A proposal comes from the catalogue, says why, and becomes a draft only when it is kept."""

import uuid
from datetime import time
from html import unescape

import pytest
from django.urls import reverse

from clinic import clock
from tests import factories
from treatments.flows import courses
from treatments.plans.models import TreatmentPlan
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db


def url(patient) -> str:
    return reverse("treatments:plan_new", args=[patient.ref])


def filled(**differing) -> dict:
    return {"count": "4", "starts_on": "2027-03-09", "note": "", "submit_token": str(uuid.uuid4())} | differing


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}


@pytest.fixture
def assessed(patient):
    factories.assess(patient)
    factories.answer_all(patient)
    return patient


def test_without_an_assessment_the_page_says_what_to_do(clinician, patient):
    response = clinician.get(url(patient))
    assert response.status_code == 200
    assert response.context["proposal"] is None
    assert reverse("treatments:assess", args=[patient.ref]) in response.content.decode()
    assert clinician.post(url(patient), filled()).status_code == 422


@pytest.mark.parametrize(
    ("concern", "severity", "sessions", "floor_days"),
    [("acne_scar_face", "moderate", 4, 28), ("fine_lines", "mild", 3, 28), ("melasma", "moderate", 3, 42)],
)
def test_each_concern_gets_its_own_numbers_and_every_number_its_why(
    clinician, patient, concern, severity, sessions, floor_days
):
    factories.assess(patient, concerns=[{"code": concern, "zones": ["cheek"], "severity": severity}])
    shown = clinician.get(url(patient)).context["proposal"]
    assert (shown["made"].count, shown["made"].floor_days) == (sessions, floor_days)
    assert all(number["why"]["agree"] for number in shown["strip"])
    assert [zone["why"]["agree"][0]["grade"] != "" for zone in shown["zones"]] == [True]


def test_looking_again_writes_nothing_and_keeping_writes_one_draft(clinician, assessed):
    looked = clinician.post(
        url(assessed) + "?look=1", filled(count="5", starts_on="2027-04-01", note="Prefers Tuesdays")
    )
    assert looked.status_code == 200
    assert looked.context["proposal"]["made"].count == 5
    assert "Prefers Tuesdays" in looked.content.decode()
    assert not TreatmentPlan.objects.exists()
    data = filled(count="5", starts_on="2027-04-01", note="Prefers Tuesdays")
    for _ in range(2):
        kept = clinician.post(url(assessed), data)
        assert kept.status_code == 302
    plan = TreatmentPlan.objects.get()
    assert (plan.status, plan.sessions_planned, plan.note) == ("draft", 5, "Prefers Tuesdays")
    assert plan.planned_sessions.first().earliest_on.isoformat() == "2027-04-01"
    assert kept.url == reverse("treatments:course", args=[plan.ref])


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"count": "2"}, "count", "Choose a number of sessions from the list."),
        ({"count": "7"}, "count", "Choose a number of sessions from the list."),
        ({"count": "9" * 400}, "count", "Choose a number of sessions from the list."),
        ({"count": ""}, "count", "Choose a number of sessions."),
        ({"starts_on": "2027-03-08"}, "starts_on", "A course starts today or later."),
        ({"starts_on": "9999-12-31"}, "starts_on", "Choose a day within a year."),
        ({"starts_on": "2027-02-30"}, "starts_on", "Enter a day that exists, for example 2027-03-09."),
        ({"note": "x" * 1_000_000}, "note", "Shorten the note to 4,000 characters."),
    ],
)
def test_what_cannot_be_is_refused_at_the_field(clinician, assessed, differing, field, sentence):
    for query in ("", "?look=1"):
        response = clinician.post(url(assessed) + query, filled(**differing))
        assert response.status_code == 422
        assert errors(response) == {field: sentence}
        assert response.context["proposal"] is not None
    assert not TreatmentPlan.objects.exists()


@pytest.mark.parametrize("count", ["3", "6"])
def test_the_ends_of_the_range_may_be_planned(clinician, assessed, count):
    assert clinician.post(url(assessed), filled(count=count)).status_code == 302


def live_through(plan, count: int, later) -> None:
    """Hold so many sessions of an active course, six weeks apart."""
    for planned in plan.planned_sessions.all()[:count]:
        if planned.number > 1:
            later(factories.in_days(42))
            factories.answer_all(plan.patient)
        visit = factories.book(planned, day=clock.today(plan.clinic), at=time(15))
        session = factories.chart(factories.open_session(visit), cheek=("0.50", 4))
        sessions.complete(session=session, by=session.operator)


def test_a_course_after_a_stopped_one_goes_on_counting(clinician, desk, active_plan, later):
    live_through(active_plan, 2, later)
    by = active_plan.drafted_by
    courses.stop_course(plan=active_plan, reason="Away for a while", by=by)
    later(factories.in_days(42))
    patient = active_plan.patient
    patient.refresh_from_db()
    plan = factories.make_active_plan(patient)
    assert [s.number for s in plan.planned_sessions.all()] == [3, 4]
    assert plan.sessions_planned == 4
    assert (
        "2 sessions, about 42 days apart"
        in clinician.get(reverse("treatments:consent", args=[plan.ref])).content.decode()
    )
    visit = factories.book(plan.planned_sessions.get(number=3), day=clock.today(plan.clinic), at=time(15))
    page = desk.get(f"{reverse('treatments:today')}?visit={visit.ref}")
    assert page.context["card"].course_words.startswith("2 of 4 done.")
    assert [shown.what for shown in page.context["day"].visits] == ["Session 3 of 4"]
    assert page.context["day"].visits[0].words.startswith("3/4")
    header = clinician.get(reverse("treatments:course", args=[plan.ref])).context["header"]
    assert header["session"] == "Session 3 of 4"


def test_where_all_sessions_are_done_nothing_is_drafted(clinician, patient, later):
    plan = factories.make_active_plan(
        patient, concerns=[{"code": "pores", "zones": ["cheek"], "severity": "mild"}], count=1
    )
    live_through(plan, 1, later)
    courses.stop_course(plan=plan, reason="Enough", by=plan.drafted_by)
    later(factories.in_days(42))
    answer = clinician.post(url(patient), filled(count="1", starts_on=clock.today(patient.clinic).isoformat()))
    assert answer.status_code == 422
    assert errors(answer) == {"count": "Sessions done already: 1. Nothing is left to plan. Choose a larger number."}
    more = filled(count="2", starts_on=clock.today(patient.clinic).isoformat())
    assert clinician.post(url(patient), more).status_code == 302


@pytest.mark.parametrize(
    ("concern", "zone", "depth_class"),
    [("acne_scar_face", "cheek", 2), ("fine_lines", "forehead", 2), ("hyperpig", "back", 3), ("striae", "thigh", 3)],
)
def test_consent_is_asked_for_all_that_may_be_charted(patient, concern, zone, depth_class):
    """The usual maximum of fine lines on the forehead is 0.5 mm and of stretch marks 1.5 mm; with a reason both go deeper."""
    plan = factories.make_draft(patient, concerns=[{"code": concern, "zones": [zone], "severity": "moderate"}])
    assert plan.depth_class == depth_class


def test_a_block_and_open_questions_are_said_before_the_draft(clinician, patient):
    factories.assess(patient)
    factories.answer(patient, "keloid_personal", "yes")
    page = unescape(clinician.get(url(patient)).content.decode())
    assert "Thick or growing scars. The dates are provisional" in page
    assert "Ask now" in page


def test_only_clinicians_of_this_clinic_plan(desk, manager, stranger, assessed):
    for method in ("get", "post"):
        assert [getattr(client, method)(url(assessed), filled()).status_code for client in (desk, manager, stranger)] == [
            403, 403, 404,
        ]  # fmt: skip
