"""In a browser: a walk-in, the closing of a record and what goes home on paper, at every size and in both themes."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import wrong_in_every_view
from treatments.appointments import services as diary

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def expected(patient, desk_member):
    """A consultation in a week."""
    place = factories.a_place(patient.clinic, TODAY + timedelta(days=7), kind="consultation")
    return diary.book(patient=patient, kind="consultation", place=place, by=desk_member.user)


def test_somebody_at_the_desk_is_taken_in_by_keys(visitors, desk_member, expected):
    who = visitors().sign_in(desk_member)
    page = who.open("/today/")
    page.keyboard.press("w")
    expect(page.get_by_role("heading", name="Who is here?")).to_be_visible()
    page.locator("main [name=q]").fill("Haddad")
    page.locator("#patients").get_by_role("link", name="Leila Haddad").first.click()
    expect(page.get_by_text("Booked already: consultation")).to_be_visible()
    wrong = wrong_in_every_view(who, "walk-in")
    page.get_by_role("button", name=re.compile("^Arrived")).click()
    expect(page.locator("[data-toast]")).to_contain_text("Leila Haddad is here, consultation")
    expect(page.locator("#drawer")).to_contain_text("Walk-in")
    assert wrong == []


def test_a_record_is_closed_and_opened_again(visitors, desk_member, patient, expected):
    who = visitors().sign_in(desk_member)
    page = who.open(f"/patients/{patient.ref}/close/")
    wrong = wrong_in_every_view(who, "close-record")
    page.get_by_role("button", name=re.compile("^Close the record")).click()
    expect(page.get_by_text("Choose what happened.").first).to_be_visible()
    wrong += wrong_in_every_view(who, "close-record-refused")
    page.get_by_label("Deceased").check()
    page.get_by_label(re.compile("How do we know")).fill("Her son telephoned")
    page.get_by_role("button", name=re.compile("^Close the record")).click()
    expect(page.get_by_text("This record is closed: deceased")).to_be_visible()
    page.get_by_role("link", name="Open it again").click()
    wrong += wrong_in_every_view(who, "reopen-record")
    page.get_by_label("Reason").fill("It was her sister")
    page.get_by_role("button", name=re.compile("^Open it again")).click()
    expect(page.locator("[data-toast]")).to_contain_text("is open again")
    assert wrong == []


def test_papers_are_read_and_printed(visitors, clinician_member, done_session, expected):
    who = visitors().sign_in(clinician_member)
    wrong = []
    for name, url in (
        ("card", f"/patients/{done_session.patient.ref}/card/"),
        ("aftercare-sheet", f"/sessions/{done_session.ref}/aftercare/"),
    ):
        page = who.open(url)
        wrong += wrong_in_every_view(who, name)
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name=re.compile("^Print"))).to_be_hidden()
        expect(page.locator(".paper")).to_be_visible()
        page.emulate_media(media="screen")
    assert wrong == []
