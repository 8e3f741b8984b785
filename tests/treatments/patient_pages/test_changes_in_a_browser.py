"""What she tells us before a visit, as she meets it on a telephone: with the keyboard too, in light and dark."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.patients.links.made import a_token
from tests.treatments.patient_pages.telling import says, told
from treatments.appointments.by_patient.models import ChangeReport

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def visit(active_plan):
    factories.answer(active_plan.patient, "botulinum", "yes", on=factories.TODAY - timedelta(days=40))
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=3))


def open_by_birth(her, visit):
    page = her.open(f"/my/{a_token(visit.patient, 'changes', about=visit.ref)}/")
    for label, figure in (("Day", "9"), ("Month", "6"), ("Year", "1992")):
        page.get_by_label(label, exact=True).fill(figure)
    page.keyboard.press("Enter")
    return page


def test_nothing_has_changed_is_one_press(visitors, visit):
    her = visitors("phone")
    page = open_by_birth(her, visit)
    expect(page.get_by_role("heading", name="Has anything changed?")).to_be_visible()
    assert wrong_in_every_view(her, "changes", axe_on_phone=True) == []
    page.get_by_role("button", name="Nothing has changed").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(page.get_by_text("See you on Friday 12 March, 11:00")).to_be_visible()
    assert wrong_in_every_view(her, "changes-thanks", axe_on_phone=True) == []
    assert ChangeReport.objects.get().changed == []


def test_she_says_what_changed_puts_a_day_right_and_is_asked_to_wait(visitors, visit):
    her = visitors("phone")
    page = open_by_birth(her, visit)
    page.get_by_role("link", name="Something has changed").click()
    expect(page.get_by_role("heading", name="What has changed?")).to_be_visible()
    assert wrong_in_every_view(her, "changes-tell", axe_on_phone=True) == []
    question = page.locator("#q-filler")
    question.get_by_text("Yes", exact=True).click()
    expect(question.get_by_label("When?")).to_be_visible()
    answers, when = (question.locator(one).bounding_box() for one in (".pills", ".form-group"))
    assert when["y"] - (answers["y"] + answers["height"]) >= 12, "air between the answers and what a yes asks for"
    page.get_by_role("button", name="Send what has changed").click()
    expect(page.get_by_text("Enter the day. If nobody knows it, choose not sure instead.").first).to_be_visible()
    assert wrong_in_every_view(her, "changes-refused", axe_on_phone=True) == []
    expect(question.get_by_role("radio", name="Yes")).to_be_checked()
    question.get_by_label("When?").fill("2027-03-08")
    page.get_by_role("button", name="Send what has changed").click()
    expect(page.get_by_role("heading", name="Please do not travel yet")).to_be_visible()
    expect(page.get_by_role("link", name="Call 020 7946 0100")).to_be_visible()
    assert wrong_in_every_view(her, "changes-wait", axe_on_phone=True) == []


def test_what_has_to_be_asked_stands_above_the_press(visitors, visit):
    factories.answer(visit.patient, "pregnant", "not_sure")
    her = visitors("phone")
    page = open_by_birth(her, visit)
    expect(page.get_by_role("heading", name="Please answer this one anew")).to_be_visible()
    assert wrong_in_every_view(her, "changes-open", axe_on_phone=True) == []
    page.get_by_role("button", name="Nothing else has changed").click()
    expect(page.get_by_text("Answer this one: yes, no or not sure.").first).to_be_visible()
    page.locator("#q-pregnant").get_by_text("No", exact=True).click()
    page.get_by_role("button", name="Nothing else has changed").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def test_the_desk_is_warned_and_a_clinician_looks(visitors, visit, desk_member, clinician_member):
    told(visit, says("new_medicine", note="Cetirizine"))
    desk = visitors().sign_in(desk_member)
    page = desk.open("/today/")
    page.locator("#calls").get_by_text("a clinician must look before the visit").first.wait_for()
    assert wrong_in_every_view(desk, "today-told") == []
    page.locator("#calls").get_by_text("a clinician must look before the visit").first.click()
    expect(page.get_by_role("heading", name="Answers changed before the visit")).to_be_visible()
    assert wrong_in_every_view(desk, "change-report-desk", axe_on_phone=True) == []
    expect(page.get_by_text("Cetirizine")).to_have_count(0)
    clinician = visitors().sign_in(clinician_member)
    page = clinician.open(page.url.removeprefix(desk.base_url))
    expect(page.get_by_text("Cetirizine")).to_be_visible()
    assert wrong_in_every_view(clinician, "change-report", axe_on_phone=True) == []
    page.get_by_label("What you decided").fill("Harmless, may come")
    page.get_by_role("button", name="I have looked, and the patient knows").click()
    page.wait_for_url("**/worklists/**")
    expect(page.get_by_text("No answer before a visit waits for a clinician.")).to_be_visible()


def test_the_desk_calls_and_is_asked_to_ring_again_on_a_day(visitors, visit, desk_member, clinician_member):
    told(visit, says("new_medicine"))
    desk = visitors().sign_in(desk_member)
    page = desk.open("/worklists/")
    assert wrong_in_every_view(desk, "told-worklists") == []
    page.locator("#answers-changed").get_by_role("link", name=re.compile("^Call")).click()
    expect(page.get_by_role("link", name="Open what was said")).to_be_visible()
    assert wrong_in_every_view(desk, "told-call") == []
    page.get_by_label("Call back on").fill("2027-03-11")
    page.get_by_role("button", name="Call back then").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/worklists/")
    expect(page.locator("[data-toast]")).to_contain_text("back on the list on Thu 11 Mar")
    expect(page.get_by_text("No answer before a visit waits for a clinician.")).to_be_visible()
    desk.open(visit.patient.get_absolute_url())
    expect(page.get_by_role("link", name="Answers changed")).to_be_visible()
    assert wrong_in_every_view(desk, "told-chart") == []
    clinician = visitors().sign_in(clinician_member)
    page = clinician.open(visit.patient.get_absolute_url())
    expect(page.locator("li", has_text="Answers changed").filter(has_text="Before a visit")).to_contain_text(
        "New medicine"
    )
    assert wrong_in_every_view(clinician, "told-chart-clinician") == []
