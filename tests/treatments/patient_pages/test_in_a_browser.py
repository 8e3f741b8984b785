"""Her pages as she meets them on a telephone: from the address in the mail to the answer, without a mouse too."""

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from patients.links import purposes
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.patients.links.made import a_token
from treatments.pages.patient.purposes import VISIT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def visit(active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=1))
    visit.clinic.address = "4 Alder Lane, London"
    visit.clinic.save()
    return visit


def test_she_confirms_her_visit(visitors, visit):
    her = visitors("phone")
    page = her.open(f"/my/{a_token(visit.patient, 'visit', about=visit.ref)}/")
    expect(page.get_by_role("heading", name="Will you come?")).to_be_visible()
    assert page.url == her.base_url + "/my/visit/"
    assert wrong_in_every_view(her, "visit", axe_on_phone=True) == []
    page.get_by_role("button", name="I will come").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You said you will come")).to_be_visible()
    assert wrong_in_every_view(her, "visit-confirmed", axe_on_phone=True) == []
    visit.refresh_from_db()
    assert visit.status == "confirmed"


def test_she_chooses_how_we_contact_her(visitors, patient):
    her = visitors("phone")
    page = her.open(f"/my/{a_token(patient)}/")
    expect(page.get_by_role("heading", name="How we contact you")).to_be_visible()
    assert wrong_in_every_view(her, "contact", axe_on_phone=True) == []
    page.get_by_role("radio", name="Everything").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("You get no more reminders.")).to_be_visible()
    assert wrong_in_every_view(her, "contact-saved", axe_on_phone=True) == []
    patient.refresh_from_db()
    assert (patient.mail_allowed, patient.reminders_allowed) == (True, False)


def test_she_stops_the_reminders_from_the_mails_header(visitors, patient):
    her = visitors("phone")
    page = her.open(f"/my/{a_token(patient)}/stop/")
    assert wrong_in_every_view(her, "stop", axe_on_phone=True) == []
    page.get_by_role("button", name="Stop reminders").click()
    expect(page.get_by_role("heading", name="Reminders are off")).to_be_visible()
    patient.refresh_from_db()
    assert not patient.reminders_allowed


def test_a_link_that_has_ended_leads_to_a_person(visitors, patient):
    her = visitors("phone")
    page = her.open(f"/my/{'E' * 43}/")
    expect(page.get_by_role("heading", name="This link has ended")).to_be_visible()
    expect(page.get_by_role("link", name="Call 020 7946 0100")).to_be_visible()
    assert wrong_in_every_view(her, "over", axe_on_phone=True) == []


def test_before_anything_clinical_she_says_when_she_was_born(visitors, visit, monkeypatch):
    """A page that asks, under the look and the address of the visit's."""
    monkeypatch.setitem(purposes._purposes, VISIT.code, replace(VISIT, asks_birth_date=True))
    her = visitors("phone")
    page = her.open(f"/my/{a_token(visit.patient, 'visit', about=visit.ref)}/")
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    assert wrong_in_every_view(her, "birth", axe_on_phone=True) == []
    for day, year in (("9", "1991"), ("9", "1992")):
        page.get_by_label("Day", exact=True).fill(day)
        page.get_by_label("Month").fill("6")
        page.get_by_label("Year").fill(year)
        page.keyboard.press("Enter")
        if year == "1991":
            expect(page.get_by_text("4 tries are left")).to_be_visible()
            assert wrong_in_every_view(her, "birth-wrong", axe_on_phone=True) == []
    expect(page.get_by_role("heading", name="Will you come?")).to_be_visible()


def test_on_a_telephone_every_button_says_its_words_in_one_line(visitors, visit):
    visit.clinic.reply_to = "desk@alderlane.example"
    visit.clinic.save()
    page = visitors("phone").open(f"/my/{a_token(visit.patient, 'visit', about=visit.ref)}/")
    lines = """button => {
        const words = document.createRange();
        words.selectNode(button.lastChild);
        return words.getClientRects().length;
    }"""
    buttons = page.locator(".acts .btn")
    assert buttons.count() >= 4
    assert {one.inner_text(): one.evaluate(lines) for one in buttons.all() if one.evaluate(lines) != 1} == {}
