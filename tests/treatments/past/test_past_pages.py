"""Entering past sessions, and where they are shown: to clinicians whole, to the desk as a day."""

import uuid
from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from treatments.assessments.past import services

pytestmark = pytest.mark.django_db
TODAY = factories.TODAY


def url(patient) -> str:
    return reverse("treatments:past_sessions", args=[patient.ref])


def filled(**differing) -> dict:
    return {
        "on": (TODAY - timedelta(days=60)).isoformat(),
        "where": "elsewhere",
        "counts": "yes",
        "deepest_mm": "1.25",
        "reaction_grade": "2",
        "reaction_over_72h": "yes",
        "reaction_resolved_on": (TODAY - timedelta(days=50)).isoformat(),
        "submit_token": str(uuid.uuid4()),
    } | differing


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}


def page(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_a_clinician_enters_one_and_a_second_press_finds_it(clinician, patient):
    data = filled()
    assert clinician.post(url(patient), data).status_code == 302
    assert clinician.post(url(patient), data).status_code == 302
    past = patient.past_sessions.get()
    assert (past.on, past.where, past.counts, past.deepest_mm) == (
        TODAY - timedelta(days=60), "elsewhere", True, Decimal("1.25"),
    )  # fmt: skip
    assert (past.reaction_grade, past.reaction_over_72h, past.reaction_resolved_on) == (
        2, True, TODAY - timedelta(days=50),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"on": ""}, "on", "Choose the day."),
        ({"on": "2027-02-30"}, "on", "Write a day, for example 2025-03-09."),
        ({"on": "2027-03-10"}, "on", "That day has not come yet. Enter a session that has been."),
        ({"where": ""}, "where", "Choose one of the two."),
        ({"counts": "perhaps"}, "counts", "Choose one of the two."),
        ({"deepest_mm": "deep"}, "deepest_mm", "Write the depth in millimetres, for example 1.25."),
        ({"deepest_mm": "NaN"}, "deepest_mm", "Write the depth in millimetres, for example 1.25."),
        ({"deepest_mm": ".125"}, "deepest_mm", "Two decimals at most, for example 1.25."),
        ({"deepest_mm": "3.5"}, "deepest_mm", "Nothing is needled deeper than 3 mm. Write the depth in millimetres, for example 1.25."),
        ({"reaction_grade": "9"}, "reaction_grade", "Choose a grade from the list."),
        ({"reaction_grade": ""}, "reaction_grade", "Choose the grade of the reaction as well."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(clinician, patient, differing, field, sentence):
    response = clinician.post(url(patient), filled(**differing))
    assert (response.status_code, errors(response)) == (422, {field: sentence})
    assert not patient.past_sessions.exists()
    if "deepest_mm" not in differing:
        assert 'value="1.25"' in response.content.decode()


def test_one_is_corrected_and_one_taken_back(clinician, patient):
    past = factories.a_past_session(patient, deepest_mm=Decimal("1.5"))
    correct = reverse("treatments:past_session_correct", args=[past.ref])
    assert 'value="1.5"' in page(clinician, correct)
    response = clinician.post(correct, filled(reason=""))
    assert (response.status_code, list(errors(response))) == (422, ["reason"])
    assert clinician.post(correct, filled(on=past.on.isoformat(), reason="A slip of the pen")).status_code == 302
    right = patient.past_sessions.get(entered_in_error=False)
    error = reverse("treatments:past_session_error", args=[right.ref])
    assert clinician.post(error, {"reason": ""}).status_code == 422
    assert clinician.post(error, {"reason": "Another patient's"}).status_code == 302
    assert not patient.past_sessions.filter(entered_in_error=False).exists()
    shown = page(clinician, url(patient))
    assert "What was wrong: A slip of the pen" in shown
    assert "What was wrong: Another patient's" in shown


def test_a_booked_visit_is_judged_by_it_at_once_and_again_when_it_is_taken_back(clinician, visit_today):
    """Not only when the questions of the day are asked, with her at the desk."""
    patient, day = visit_today.patient, (TODAY - timedelta(days=20)).isoformat()
    assert newest_outcome(patient) not in ("block", "defer")
    assert clinician.post(url(patient), filled(on=day, reaction_resolved_on="")).status_code == 302
    assert newest_outcome(patient) == "block"
    correct = reverse("treatments:past_session_correct", args=[patient.past_sessions.get().ref])
    settled = filled(on=day, reaction_resolved_on=day, reason="It has settled")
    assert clinician.post(correct, settled).status_code == 302
    assert newest_outcome(patient) == "defer"
    error = reverse("treatments:past_session_error", args=[patient.past_sessions.get(entered_in_error=False).ref])
    assert clinician.post(error, {"reason": "Another patient's"}).status_code == 302
    assert newest_outcome(patient) not in ("block", "defer")


def newest_outcome(patient) -> str:
    return patient.screenings.order_by("-id").values_list("outcome", flat=True)[0]


def test_the_story_tells_a_clinician_all_and_the_desk_the_day(clinician, desk, patient):
    past = factories.a_past_session(patient, on=date(2026, 10, 3), deepest_mm=Decimal("1.25"), reaction_grade=2)
    told = page(clinician, patient.get_absolute_url())
    for words in (
        "Session of 3 October 2026",
        "Entered afterwards",
        "deepest 1.25 mm",
        "Reaction of grade 2, not settled",
    ):
        assert words in told
    assert "12:00" not in told
    seen = page(desk, patient.get_absolute_url())
    assert "Session of 3 October 2026" in seen
    for words in ("1.25", "Reaction of grade", "Elsewhere", url(patient)):
        assert words not in seen
    services.mark_entered_in_error(past=past, reason="Her sister's skin", by=past.entered_by)
    assert "Her sister's skin" in page(clinician, patient.get_absolute_url())
    assert "Her sister's skin" not in page(desk, patient.get_absolute_url())


def test_the_header_says_a_reaction_that_has_not_settled(clinician, patient):
    factories.answer_all(patient)
    factories.screen_today(patient)
    factories.a_past_session(patient, reaction_grade=1)
    assert clinician.get(url(patient)).context["header"]["chips"][0]["state"] != "block"
    factories.a_past_session(patient, on=TODAY - timedelta(days=90), reaction_grade=3)
    assert clinician.get(url(patient)).context["header"]["chips"][0]["state"] == "block"


def test_the_course_starts_with_them_in_dots_and_list(clinician, desk, patient):
    factories.a_past_session(patient, on=date(2026, 10, 3), deepest_mm=Decimal("1.25"))
    plan = factories.make_draft(patient)
    address = reverse("treatments:course", args=[plan.ref])
    shown = clinician.get(address)
    assert [(dot["number"], dot["state"]) for dot in shown.context["header"]["dots"]][:2] == [(1, "past"), (2, "open")]
    assert "Session 1 entered afterwards, 2, 3 and 4 not booked" in shown.content.decode()
    text = page(clinician, address)
    assert "3 Oct 2026" in text
    assert "Elsewhere, deepest 1.25 mm" in text
    assert "3 Oct 2026" in page(desk, address)
    assert "1.25" not in page(desk, address)


def test_a_proposal_says_what_it_starts_with(clinician, patient):
    factories.assess(patient)
    address = reverse("treatments:plan_new", args=[patient.ref])
    assert "Starts with" not in page(clinician, address)
    factories.a_past_session(patient, on=date(2026, 10, 3))
    assert "1 past session, of 3 October 2026, entered afterwards." in page(clinician, address)


def queries(client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_as_many_queries_whatever_was_entered(clinician, patient):
    factories.a_past_session(patient)
    plan = factories.make_draft(patient)
    addresses = [url(patient), patient.get_absolute_url(), reverse("treatments:course", args=[plan.ref])]
    for address in addresses:
        clinician.get(address)
    few = [queries(clinician, address) for address in addresses]
    for days in range(200, 230):
        factories.a_past_session(patient, on=TODAY - timedelta(days=days), counts=False)
    assert [queries(clinician, address) for address in addresses] == few
