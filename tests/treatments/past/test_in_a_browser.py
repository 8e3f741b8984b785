"""In a browser: past sessions on their own page, on the chart and in the course, at every size."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from treatments.assessments.past import services

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_pages_keep_the_rules_at_every_size(visitors, patient, clinician_member):
    who = visitors().sign_in(clinician_member)
    address = reverse("treatments:past_sessions", args=[patient.ref])
    page = who.open(address)
    wrong = wrong_in_every_view(who, "past-empty")
    page.get_by_label("Day of the session").fill("2026-10-03")
    page.get_by_label("Elsewhere").check()
    page.get_by_label("Deepest, in mm").fill("9")
    page.get_by_role("button", name="Enter the session").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    wrong += wrong_in_every_view(who, "past-refused")
    page.get_by_label("Deepest, in mm").fill("1.25")
    page.get_by_role("group", name="Counts for the course").get_by_label("Yes").check()
    page.get_by_role("button", name="Enter the session").click()
    expect(page.get_by_text("deepest 1.25 mm")).to_be_visible()
    struck = factories.a_past_session(patient, on=date(2026, 8, 1), reaction_grade=2, deepest_mm=Decimal("1.5"))
    services.mark_entered_in_error(past=struck, reason="Her sister's", by=clinician_member.user)
    open_one = factories.a_past_session(patient, on=date(2026, 9, 1), reaction_grade=1)
    who.open(address)
    wrong += wrong_in_every_view(who, "past-list")
    who.open(reverse("treatments:past_session_correct", args=[open_one.ref]))
    wrong += wrong_in_every_view(who, "past-correct")
    who.open(reverse("treatments:past_session_error", args=[open_one.ref]))
    wrong += wrong_in_every_view(who, "past-error")
    plan = factories.make_draft(patient)
    who.open(reverse("treatments:course", args=[plan.ref]))
    wrong += wrong_in_every_view(who, "past-course")
    who.open(reverse("treatments:plan_new", args=[patient.ref]))
    wrong += wrong_in_every_view(who, "past-proposal")
    who.open(f"/patients/{patient.ref}/")
    wrong += wrong_in_every_view(who, "past-chart")
    assert wrong == []
