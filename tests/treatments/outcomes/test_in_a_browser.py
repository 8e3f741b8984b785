"""In a browser: the sum follows the fingers and is the server's, the pages pass the accessibility rules at every size."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.outcomes.measuring import lowest, measure, mmasi
from treatments.flows import outcomes as flow
from treatments.outcomes.models import OutcomeScore
from treatments.protocol.instruments import load

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def measured(active_plan):
    patient = active_plan.patient
    for days, area in ((44, 5), (20, 4)):
        mmasi(patient, area, 2, on=factories.TODAY - timedelta(days=days))
    for days, count in ((44, 3), (20, 2), (1, 1)):
        scars = lowest("goodman_baron_quantitative", linear=count, mild_dish=3)
        measure(patient, "goodman_baron_quantitative", scars, on=factories.TODAY - timedelta(days=days))
    measure(patient, "gais", {"improvement": 2}, note="Photographs of January beside it.")
    measure(patient, "fitzpatrick_b", {item.code: 2 for item in load()["fitzpatrick_b"].items})
    return patient


def tap(page, name: str, value: int) -> None:
    page.locator(f"label:has(input[name='item-{name}'][value='{value}'])").click()


def test_the_sum_follows_the_fingers_and_is_what_the_server_keeps(visitors, measured, clinician_member):
    page = visitors("tablet").sign_in(clinician_member).open(f"/patients/{measured.ref}/scores/mmasi/")
    total = page.locator("[data-score-total]")
    expect(total).to_have_text("Not answered yet")
    expect(page.get_by_role("button", name="Work it out")).to_be_hidden()
    for region in ("forehead", "right_malar", "left_malar"):
        tap(page, f"{region}_area", 4)
        tap(page, f"{region}_darkness", 2)
    expect(total).to_have_text("2 of 8 still to answer")
    tap(page, "chin_area", 3)
    tap(page, "chin_darkness", 1)
    expect(total).to_have_text("7.5 of 24")
    expect(page.locator("[data-score-stop]")).to_be_hidden()
    tap(page, "chin_darkness", 4)
    tap(page, "forehead_darkness", 3)
    expect(total).to_have_text("9.6 of 24")
    expect(page.locator("[data-score-stop]")).to_be_visible()
    page.get_by_role("button", name="Record the score").click()
    page.wait_for_url("**/scores/")
    assert str(OutcomeScore.objects.filter(instrument="mmasi").first().total) == "9.60"
    expect(page.get_by_role("link", name="Review the course")).to_be_visible()


def test_bands_and_raised_scars_are_told_while_answering(visitors, measured, clinician_member):
    who = visitors().sign_in(clinician_member)
    page = who.open(f"/patients/{measured.ref}/scores/fitzpatrick_b/")
    for item in load()["fitzpatrick_b"].items:
        tap(page, item.code, 3)
    expect(page.locator("[data-score-total]")).to_have_text("30 of 40 · Type V")
    page = who.open(f"/patients/{measured.ref}/scores/goodman_baron_quantitative/")
    raised = page.locator("[data-score-raised]")
    tap(page, "papular", 0)
    expect(raised).to_be_hidden()
    tap(page, "papular", 1)
    expect(raised).to_be_visible()
    page = who.open(f"/patients/{measured.ref}/scores/gais/")
    tap(page, "improvement", 2)
    expect(page.locator("[data-score-total]")).to_have_text("2 of 5 · Much improved")
    page = who.open(f"/patients/{measured.ref}/scores/pain_during/")
    tap(page, "pain", 7)
    expect(page.locator("[data-score-total]")).to_have_text("7 of 10")
    page = who.open(f"/patients/{measured.ref}/scores/dlqi/")
    page.fill("[name=item-value]", "12")
    expect(page.locator("[data-score-total]")).to_have_text("12 of 30 · Very large effect")
    page.fill("[name=item-value]", "31")
    expect(page.locator("[data-score-total]")).to_have_text("Nothing typed yet")
    page = who.open(f"/patients/{measured.ref}/scores/imported/")
    page.fill("[name=item-least]", "0")
    page.fill("[name=item-value]", "7")
    expect(page.locator("[data-score-total]")).to_have_text("7")
    page.fill("[name=item-most]", "9")
    expect(page.locator("[data-score-total]")).to_have_text("7 of 9")
    page.fill("[name=item-most]", "6")
    expect(page.locator("[data-score-total]")).to_have_text("Nothing typed yet")
    page.fill("[name=item-most]", "1e2")
    expect(page.locator("[data-score-total]")).to_have_text("7")


def test_the_pages_pass_the_accessibility_rules_and_fit_their_window(visitors, measured, clinician_member):
    factories.book(measured.plans.get().planned_sessions.get(number=1), day=factories.TODAY)
    review_of = mmasi(measured, 6, 4)
    review = review_of.plan.reviews.get()
    questionnaire = {"name": "Skin Index", "least": "0", "most": "9", "value": "3", "better": "lower"}
    measure(measured, "imported", questionnaire, licence_note="Permission of Dr Lee, 3 March")
    struck = mmasi(measured, 5, 4)
    visit = review.plan.planned_sessions.get(number=1).appointments.get()
    flow.mark_entered_in_error(kept=review_of, reason="Another patient", by=clinician_member.user)
    who = visitors().sign_in(clinician_member)
    base = f"/patients/{measured.ref}"
    pages = {
        "scores": f"{base}/scores/",
        "mmasi": f"{base}/scores/mmasi/",
        "gais": f"{base}/scores/gais/",
        "fitzpatrick": f"{base}/scores/fitzpatrick_b/",
        "scars": f"{base}/scores/goodman_baron_quantitative/",
        "imported": f"{base}/scores/imported/",
        "error": f"/scores/{struck.ref}/error/",
        "review": f"/course-reviews/{review.ref}/",
        "chart": f"{base}/",
        "assess": f"{base}/assess/",
        "course": f"/plans/{review.plan.ref}/",
        "today": f"/today/?visit={visit.ref}",
        "visit": f"/visits/{visit.ref}/",
        "worklists": "/worklists/",
    }
    wrong = []
    for name, path in pages.items():
        who.open(path)
        wrong += wrong_in_every_view(who, name)
    assert wrong == []
