"""In a browser: two records become one and two again, at every size and in both themes."""

import re

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.merging.two_records import second_record

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_two_records_become_one_and_two_again(visitors, manager_member, booked_course):
    patient = booked_course[0].patient
    gone = second_record(patient, speaks="Arabic, English")
    factories.answer(gone, "hsv_history", "yes")
    who = visitors().sign_in(manager_member)
    page = who.open(f"/patients/{gone.ref}/")
    page.get_by_role("link", name="This is a duplicate of").click()
    expect(page.get_by_role("heading", name="Whose record is this too?")).to_be_visible()
    wrong = wrong_in_every_view(who, "find-duplicate")
    page.get_by_role("link", name=re.compile("^Look at both")).first.click()
    expect(page.get_by_role("heading", name="One record of two")).to_be_visible()
    wrong += wrong_in_every_view(who, "merge-records")
    page.get_by_label(re.compile("^Family name, of the record that goes")).check()
    page.get_by_label(re.compile("How do we know")).fill("Same birth date; her name was misheard")
    page.get_by_role("button", name="Merge the records").click()
    expect(page.get_by_text("Merged into this record")).to_be_visible()
    wrong += wrong_in_every_view(who, "merged-chart")
    page = who.open("/patients/")
    expect(page.get_by_text("now part of")).to_be_visible()
    wrong += wrong_in_every_view(who, "patients-merged")
    page = who.open(f"/patients/{gone.ref}/")
    expect(page.get_by_text("This record is part of the one of")).to_be_visible()
    wrong += wrong_in_every_view(who, "merged-away")
    page.get_by_role("link", name="Take the merge back").click()
    wrong += wrong_in_every_view(who, "undo-merge")
    page.get_by_role("button", name="Make them two again").click()
    wrong += wrong_in_every_view(who, "undo-merge-refused")
    page.get_by_label("Reason").fill("They are sisters")
    page.get_by_role("button", name="Make them two again").click()
    expect(page.locator("[data-toast]")).to_contain_text("are two records again")
    assert wrong == []


def test_what_stands_against_it_and_nobody_alike(visitors, clinician_member, active_plan):
    gone = second_record(active_plan.patient)
    factories.make_active_plan(gone)
    who = visitors().sign_in(clinician_member)
    page = who.open(f"/patients/{gone.ref}/duplicate/{active_plan.patient.ref}/")
    expect(page.get_by_text("Not yet: 1 thing to put right first")).to_be_visible()
    wrong = wrong_in_every_view(who, "merge-against")
    other = factories.make_patient(
        gone.clinic, given_name="Bo", family_name="Quill", born_on=factories.date(1970, 1, 1)
    )
    who.open(f"/patients/{other.ref}/duplicate/")
    wrong += wrong_in_every_view(who, "find-duplicate-empty")
    assert wrong == []
