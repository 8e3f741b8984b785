"""The day form and the full form: nothing chosen for anybody, nothing lost, every refusal beside its question."""

import re
import uuid
from datetime import date
from html import unescape

import pytest
from django.urls import reverse

from patients.models import HistoryAnswer
from tests import factories
from treatments.protocol.catalogue import load
from treatments.screenings.forms import SECTIONS, QuestionForm

pytestmark = pytest.mark.django_db


def url(which: str, patient) -> str:
    return reverse(f"treatments:{which}_form", args=[patient.ref])


def rules(which: str):
    forms = ("day",) if which == "day" else ("full", "clinician")
    return [rule for form in forms for rule in load().rules_for_form(form)]


def all_quiet(which: str, **differing) -> dict:
    quiet = {rule.code: "yes" if rule.raised_by == "no" else "no" for rule in rules(which)}
    return quiet | {"submit_token": str(uuid.uuid4())} | differing


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}


def test_every_question_stands_in_exactly_one_part_of_the_form():
    listed = [code for _, codes in SECTIONS for code in codes]
    asked = {rule.code for rule in load().rules if rule.form != "computed"}
    assert len(listed) == len(set(listed))
    assert set(listed) == asked


@pytest.mark.parametrize("which", ["day", "full"])
def test_nothing_is_chosen_beforehand_and_the_last_answer_is_shown_with_its_age(clinician, patient, which):
    factories.answer_all(patient, answered_on=date(2027, 2, 25))
    html = clinician.get(url(which, patient)).content.decode()
    assert not re.search(r"<input[^>]*type=\"radio\"[^>]* checked", html)
    assert html.count("Last time: no (12 days old)") >= len(rules(which)) - 1
    assert html.count('type="radio"') == 3 * len(rules(which))


@pytest.mark.parametrize("which", ["day", "full"])
def test_answering_keeps_the_answers_and_screens_in_the_same_breath(clinician, patient, clinician_member, which):
    response = clinician.post(url(which, patient), all_quiet(which))
    purpose = "session" if which == "day" else "booking"
    assert response.status_code == 302
    assert response.url == reverse("treatments:screening", args=[patient.ref]) + f"?on=2027-03-09&for={purpose}"
    kept = patient.answers.all()
    assert {answer.code for answer in kept} == {rule.code for rule in rules(which)}
    assert {(a.via, a.recorded_by, a.answered_on) for a in kept} == {
        ("clinician", clinician_member.user, factories.TODAY)
    }
    assert patient.screenings.get().purpose == purpose


def test_both_forms_answered_and_nothing_raised_is_clear(clinician, patient):
    factories.assess(patient)
    clinician.post(url("full", patient), all_quiet("full"))
    clinician.post(url("day", patient), all_quiet("day"))
    assert patient.screenings.first().outcome == "clear"


@pytest.mark.parametrize("which", ["day", "full"])
def test_an_open_question_is_asked_for_where_it_stands(clinician, patient, which):
    data = all_quiet(which)
    left_open = rules(which)[3].code
    del data[left_open]
    response = clinician.post(url(which, patient), data)
    assert response.status_code == 422
    assert errors(response) == {left_open: "Answer this one: yes, no or not sure."}
    assert not HistoryAnswer.objects.filter(patient=patient).exists()


def test_a_long_form_left_empty_names_the_first_and_counts_the_rest(clinician, patient):
    response = clinician.post(url("full", patient), {"submit_token": str(uuid.uuid4())})
    html = unescape(response.content.decode())
    first = response.context["form"].to_look_at()[0]
    assert f"Nothing was saved yet: {len(rules('full')) - 1} questions need another look" in html
    assert f'<a href="#q-{first["code"]}">{first["text"]}</a>' in html
    assert f'id="q-{first["code"]}"' in html


def test_the_one_question_that_may_stay_open_may(clinician, patient):
    data = all_quiet("full")
    del data["bbv_or_systemic_infection"]
    assert clinician.post(url("full", patient), data).status_code == 302
    assert not patient.answers.filter(code="bbv_or_systemic_infection").exists()


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"laser_ipl": "yes"}, "laser_ipl-on", "Enter the day. If nobody knows it, choose not sure instead."),
        (
            {"laser_ipl": "yes", "laser_ipl-on": "2027-03-10"},
            "laser_ipl-on",
            "This day is still to come. Enter a day up to today.",
        ),
        ({"laser_ipl": "yes", "laser_ipl-on": "1980-01-01"}, "laser_ipl-on", "This day is before the date of birth."),
        (
            {"laser_ipl": "yes", "laser_ipl-on": "2027-02-30"},
            "laser_ipl-on",
            "Enter a day that exists, for example 2027-03-02.",
        ),
        (
            {"laser_ipl": "yes", "laser_ipl-on": "0000-00-00"},
            "laser_ipl-on",
            "Enter a day that exists, for example 2027-03-02.",
        ),
        ({"laser_ipl": "perhaps"}, "laser_ipl", "Choose yes, no or not sure."),
        (
            {"laser_ipl": "yes", "laser_ipl-on": "2027-01-01", "laser_ipl-detail": "blue"},
            "laser_ipl-detail",
            "Choose one of the words in the list.",
        ),
        ({"pregnant-note": "x" * 1_000_000}, "pregnant-note", "Shorten this to 400 characters."),
    ],
)
def test_what_cannot_be_is_refused_beside_the_question_and_nothing_typed_is_lost(
    clinician, patient, differing, field, sentence
):
    data = all_quiet("day") | {"filler-note": "told on the telephone"} | differing
    response = clinician.post(url("day", patient), data)
    assert response.status_code == 422
    assert errors(response) == {field: sentence}
    assert 'value="told on the telephone"' in unescape(response.content.decode())
    assert not patient.answers.exists()


def test_today_is_a_day_that_may_be_given(clinician, patient):
    """The boundary beside the refused tomorrow."""
    data = all_quiet("day", **{"laser_ipl": "yes", "laser_ipl-on": "2027-03-09", "laser_ipl-detail": "ablative"})
    assert clinician.post(url("day", patient), data).status_code == 302
    kept = patient.answers.get(code="laser_ipl")
    assert (kept.on, kept.detail) == (factories.TODAY, "ablative")


def test_a_big_event_may_lie_ahead(clinician, patient):
    data = all_quiet("full", **{"event_soon": "yes", "event_soon-on": "2027-03-20"})
    assert clinician.post(url("full", patient), data).status_code == 302


def test_a_day_beside_a_no_is_not_kept(clinician, patient):
    data = all_quiet("day", **{"laser_ipl-on": "2027-02-01", "laser_ipl-detail": "ablative"})
    clinician.post(url("day", patient), data)
    kept = patient.answers.get(code="laser_ipl")
    assert (kept.value, kept.on, kept.detail) == ("no", None, "")


def test_pressing_twice_keeps_the_answers_once(clinician, patient):
    data = all_quiet("day")
    first, second = (clinician.post(url("day", patient), data) for _ in range(2))
    assert (first.status_code, second.url) == (302, first.url)
    assert patient.answers.count() == len(rules("day"))
    assert patient.screenings.count() == 1


def test_without_the_token_two_presses_are_two_acts(clinician, patient):
    """Negative control: it is the token that makes the second press harmless."""
    for _ in range(2):
        clinician.post(url("day", patient), all_quiet("day"))
    assert patient.screenings.count() == 2


@pytest.mark.parametrize("which", ["day", "full"])
def test_the_desk_the_manager_and_other_clinics_do_not_read_the_questions(desk, manager, stranger, patient, which):
    assert desk.get(url(which, patient)).status_code == 403
    assert manager.get(url(which, patient)).status_code == 403
    assert stranger.get(url(which, patient)).status_code == 404
    assert stranger.post(url(which, patient), all_quiet(which)).status_code == 404


def test_the_example_of_a_day_is_one_that_its_question_takes():
    """A day of next year beside "when was it?" would be refused too."""
    rules = tuple(rule for rule in load().rules if rule.needs_date and rule.question)
    form = QuestionForm({}, rules=rules, born_on=date(1992, 6, 9), today=factories.TODAY)
    said = {rule.date_may_be_ahead: form.fields[f"{rule.code}-on"].error_messages["invalid"] for rule in rules}
    assert said == {
        False: "Enter a day that exists, for example 2027-03-02.",
        True: "Enter a day that exists, for example 2027-03-16.",
    }
