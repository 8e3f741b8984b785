"""The screening page: in full for clinicians, verdict and day for everybody else."""

import re
from datetime import date
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.services import history
from tests import factories
from treatments.protocol.catalogue import load
from treatments.protocol.wording import desk_sentence
from treatments.screenings import services

pytestmark = pytest.mark.django_db
STOPPED = date(2026, 9, 15)


def url(patient, query: str = "") -> str:
    return reverse("treatments:screening", args=[patient.ref]) + query


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.fixture
def deferred(patient):
    """Everything answered, one capsule too recent: not before 14 March."""
    factories.assess(patient)
    factories.answer_all(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=STOPPED)
    return patient


def everything_raised(patient):
    """Every question answered so that its flag is raised: the most there could be to give away."""
    factories.assess(patient, skin_type=5, pih_history=True)
    raising = {rule.code: rule.raised_by for rule in load().rules if rule.form != "computed"}
    factories.answer_all(patient, **raising)
    return patient


def test_the_clinician_reads_one_sentence_with_the_reason_and_the_day(clinician, deferred):
    page = text(clinician.get(url(deferred, "?on=2027-03-12")))
    assert "Earliest 14 March: isotretinoin stopped 15 September + 180 days" in page
    assert "Friday 12 March is 2 days too soon." in page
    assert "This one decides." in page


def test_a_why_shows_the_value_in_use_and_the_sources_that_disagree(clinician, deferred):
    page = clinician.get(url(deferred, "?on=2027-03-12"))
    assert "Why 180 days?" in text(page)
    html = page.content.decode()
    dissent = html.split('id="why-isotretinoin_past"')[1].split('class="dissent"')[1].split("</section>")[0]
    assert "3 months" in dissent and "12 months" in dissent and "L20" in dissent


def test_quiet_answers_are_counted_and_shown_on_request(clinician, deferred):
    counted = text(clinician.get(url(deferred)))
    assert re.search(r"\d+ answers raise nothing", counted)
    smoking = load().rule("smoking").question
    assert smoking not in counted
    assert smoking in text(clinician.get(url(deferred, "?all=1")))


def test_many_open_questions_are_one_line_and_few_are_listed(clinician, patient):
    assert "questions Of the full form" in text(clinician.get(url(patient)))
    factories.answer_all(patient, forms=("full", "clinician"))
    day_form = load().rules_for_form("day")
    for rule in day_form[2:]:
        factories.answer(patient, rule.code, "no")
    page = text(clinician.get(url(patient)))
    assert day_form[0].question in page and day_form[1].question in page
    assert "questions Of the day" not in page


@pytest.mark.parametrize("who", ["desk", "manager"])
@pytest.mark.parametrize("query", ["", "?on=2027-03-12&for=booking", "?all=1", "?on=banana"])
def test_nobody_but_clinicians_reads_a_reason(request, patient, who, query):
    everything_raised(patient)
    html = unescape(request.getfixturevalue(who).get(url(patient, query)).content.decode())
    catalogue = load()
    given_away = [
        rule.code for rule in catalogue.rules if rule.label in html or rule.question and rule.question in html
    ]
    given_away += [rule.code for rule in catalogue.rules if re.search(rf"\b{rule.code}\b", html)]
    given_away += [c.code for c in catalogue.concerns.values() if c.label in html or c.code in html]
    assert given_away == []
    assert "Skin type" not in html and "Why" not in html


def test_the_canary_would_sing(clinician, patient):
    """The same search finds plenty on the clinician's page."""
    everything_raised(patient)
    html = unescape(clinician.get(url(patient)).content.decode())
    assert sum(rule.label in html or rule.question in html for rule in load().rules if rule.question) > 20


def test_the_desk_reads_verdict_and_day(desk, deferred):
    page = text(desk.get(url(deferred, "?on=2027-03-12&for=booking")))
    seen = services.look(deferred, on=date(2027, 3, 12), purpose="booking")
    assert desk_sentence(seen, load()) in page
    assert "Not before 14 March" in page


def test_another_clinics_patient_is_not_found(stranger, patient):
    assert stranger.get(url(patient)).status_code == 404


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?on=2027-03-08", "This day has passed"),
        ("?on=9999-12-31", "within two years"),
        ("?on=2027-02-30", "a day that exists"),
        ("?on=%00", "a day that exists"),
    ],
)
@pytest.mark.parametrize("who", ["clinician", "desk"])
def test_a_day_that_cannot_be_looked_at_is_named(request, patient, who, query, sentence):
    response = request.getfixturevalue(who).get(url(patient, query))
    assert response.status_code == 422
    assert sentence in text(response)


def test_the_page_opens_on_the_day_of_the_next_treatment(clinician, active_plan):
    visit_on = active_plan.planned_sessions.get(number=1).earliest_on + factories.in_days(7)
    factories.book(active_plan.planned_sessions.get(number=1), day=visit_on)
    assert f'value="{visit_on.isoformat()}"' in clinician.get(url(active_plan.patient)).content.decode()


def test_looking_writes_nothing_and_keeping_writes_one_record(clinician, patient):
    factories.answer_all(patient)
    clinician.get(url(patient))
    assert patient.screenings.count() == 0
    data = {"on": factories.TODAY.isoformat(), "for": "session", "submit_token": "6c8c7d0e-7a52-4c2e-9f3c-0d7e0f4f4a10"}
    for _ in range(2):
        response = clinician.post(reverse("treatments:screening_record", args=[patient.ref]), data)
        assert response.status_code == 302
    assert [record.outcome for record in patient.screenings.all()] == ["ask"]


def test_a_record_for_a_day_gone_by_is_refused_in_words(clinician, patient):
    data = {"on": "2027-03-01", "for": "session"}
    response = clinician.post(reverse("treatments:screening_record", args=[patient.ref]), data, follow=True)
    assert "This day has passed" in text(response)
    assert patient.screenings.count() == 0


def test_an_earlier_yes_stands_beside_a_later_no_and_the_clinician_is_told(clinician, patient):
    factories.answer_all(patient, hsv_history="yes", answered_on=date(2027, 1, 4))
    factories.answer(patient, "hsv_history", "no")
    page = text(clinician.get(url(patient)))
    assert "newest answer differs" in page
    assert "Yes" in page and "Beside it: No, 9 March 2027. The stricter one counts." in page


def test_a_quick_no_never_clears_a_running_wait_and_both_answers_are_read(clinician, patient):
    factories.assess(patient)
    factories.answer_all(patient, answered_on=date(2027, 3, 1))
    factories.answer(patient, "isotretinoin_past", "yes", on=date(2026, 12, 1), answered_on=date(2027, 3, 1))
    factories.answer_all(patient, isotretinoin_past="no")
    seen = services.look(patient, on=factories.TODAY, purpose="session")
    assert (seen.outcome, seen.binding) == ("defer", "isotretinoin_past")
    page = text(clinician.get(url(patient)))
    assert "Beside it: No, 9 March 2027. The stricter one counts." in page


def test_the_medicine_list_stands_beside_an_answer_that_says_otherwise(clinician, patient, clinician_member):
    factories.assess(patient)
    factories.answer_all(patient)
    history.record_medication(
        patient=patient, kind="anticoagulant", name="Warfarin", prescribed=True, by=clinician_member.user
    )
    page = text(clinician.get(url(patient)))
    assert "Beside it: No, 9 March 2027; the medicine list says yes. The stricter one counts." in page
    seen = services.look(patient, on=factories.TODAY, purpose="session")
    assert "anticoagulant_rx" in {finding.code for finding in seen.findings}


def test_of_two_answers_of_one_day_the_later_one_counts(clinician, patient):
    factories.answer_all(patient)
    factories.answer(patient, "smoking", "yes")
    factories.answer(patient, "smoking", "no")
    assert "smoking" not in {f.code for f in services.look(patient, on=factories.TODAY, purpose="session").findings}


def queries(client, patient) -> int:
    client.get(url(patient))
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url(patient)).status_code == 200
    return len(captured)


def test_the_page_costs_the_same_with_a_long_history(clinician, desk, patient, clinician_member):
    factories.assess(patient)
    factories.answer_all(patient)
    few = [queries(client, patient) for client in (clinician, desk)]
    for month in range(1, 7):
        factories.answer_all(patient, hsv_history="yes", answered_on=date(2026, month, 3))
        factories.assess(patient)
    for _ in range(5):
        services.give_clearance(
            patient=patient, code="hsv_history", reason="Cover given", expires_on=date(2027, 6, 1), by=clinician_member
        )
    assert [queries(client, patient) for client in (clinician, desk)] == few


@pytest.mark.django_db
def test_a_patient_whom_nothing_stands_in_the_way_of_leads_on_to_her_course(clinician, patient):
    page = f"{reverse('treatments:screening', args=[patient.ref])}?for=booking"
    factories.assess(patient)
    assert "Plan a course" not in clinician.get(page).content.decode()  # nothing is asked yet
    factories.answer_all(patient)
    shown = clinician.get(page)
    assert shown.context["onward"] == {
        "url": reverse("treatments:plan_new", args=[patient.ref]),
        "label": "Plan a course",
    }
    assert "Plan a course" in shown.content.decode()
    plan = factories.make_active_plan(patient)
    assert clinician.get(page).context["onward"]["url"] == reverse("treatments:course", args=[plan.ref])
    assert clinician.get(page.replace("booking", "session")).context["onward"] is None


def test_a_clear_patient_who_is_here_leads_on_to_her_session(clinician, visit_today):
    page = reverse("treatments:screening", args=[visit_today.patient.ref])
    way_on = reverse("treatments:open_session", args=[visit_today.ref])
    assert way_on not in clinician.get(page).content.decode()

    factories.arrive(visit_today)
    assert way_on in clinician.get(page).content.decode()

    factories.answer(visit_today.patient, "pregnant", "yes")
    assert way_on not in clinician.get(page).content.decode()


def test_a_step_of_depth_is_a_distance_and_no_depth(clinician, patient):
    """The screening page and the chair say the same, in the same words."""
    factories.assess(patient)
    factories.answer_all(patient, anticoagulant_rx="yes")
    page = text(clinician.get(url(patient)))
    assert "Depth: stay 0.25 mm below the usual maximum because of prescribed blood thinner" in page
    assert "-0.25" not in page


def test_a_clearance_is_listed_under_the_name_of_its_rule(clinician, clinician_member, patient):
    factories.assess(patient)
    factories.answer_all(patient, hsv_history="yes")
    services.give_clearance(
        patient=patient, code="hsv_history", reason="Antiviral", expires_on=factories.TODAY, by=clinician_member
    )
    listed = clinician.get(url(patient)).content.decode().split('id="clearances-title"')[1]
    assert f"<b>{load().rule('hsv_history').label}</b>" in listed
