"""The rules in a browser: read, tried, put in force, looked after; at three widths, light and dark."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.rules.test_publishing import an_edition
from treatments.flows import publishing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = "/settings/protocol/"
WAIT = f"{RULES}values/rule.isotretinoin_past.washout_days/"
SUN = "rule.sun_tan_exposure.washout_days"


@pytest.fixture
def booked(clinic, patient, active_plan):
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=160))
    factories.screen_today(patient, purpose="booking")
    return factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=27))


@pytest.fixture
def lived_in(clinic, booked, prescriber_member, manager_member):
    """A clinic with values of its own, one of them ended, under an older version than the software brings."""
    older = an_edition("2025.2", wait=("washout = { days = 180 }", "washout = { days = 150 }"))
    publishing.adopt(clinic=clinic, protocol=older, by=prescriber_member)
    publishing.sign_off(clinic=clinic, by=prescriber_member)
    publishing.loosen(
        clinic=clinic, path=SUN, value=7, reason="Winter: sun is no issue here until spring", by=prescriber_member,
        expires_on=TODAY + timedelta(days=20),
    )  # fmt: skip
    ended = publishing.tighten(clinic=clinic, path="rule.isotretinoin_past.washout_days", value=170, by=manager_member)
    publishing.end(policy_value=ended, by=prescriber_member, reason="The review of 2027 asks for more")
    publishing.tighten(clinic=clinic, path="rule.isotretinoin_past.washout_days", value=210, by=manager_member)


def test_a_value_is_tried_put_in_force_and_its_visit_looked_at(visitors, booked, prescriber_member, desk_member):
    who = visitors().sign_in(prescriber_member)
    page = who.open(RULES)
    page.locator("#rule-isotretinoin_past").get_by_role("link", name="Wait").click()
    field = page.locator("[name=value]")
    field.fill("90")
    page.get_by_text("Looser: needs a prescriber").wait_for()
    assert page.get_by_label("Last day it counts").is_visible()
    field.fill("210")
    page.get_by_text("Stricter: counts at once").wait_for()
    assert page.get_by_label("Last day it counts").count() == 0
    page.get_by_role("button", name="See what changes").click()
    page.get_by_text("1 booked visit would be judged in another way").wait_for()
    page.get_by_role("button", name="Put it in force").click()
    page.get_by_role("heading", name="In this clinic: 210 days").wait_for()

    desk = visitors("tablet").sign_in(desk_member)
    page = desk.open("/worklists/")
    page.locator("#rules-changed").get_by_text("Not before 28 Apr").wait_for()
    page.locator("#rules-changed").get_by_role("button", name="Done").click()
    page.locator("#rules-changed").get_by_text("No booked visit waits").wait_for()


def test_without_script_the_server_asks_for_what_a_looser_value_needs(visitors, clinic, chromium, prescriber_member):
    who = visitors().sign_in(prescriber_member)
    state = who.page.context.storage_state()
    context = chromium.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(who.base_url + WAIT)
    page.fill("[name=value]", "90")
    _press(page, "See what changes")
    page.fill("[name=reason]", "Low dose, letter of the GP")
    page.fill("[name=expires_on]", (TODAY + timedelta(days=30)).isoformat())
    _press(page, "See what changes")
    page.get_by_text("becomes 90 days").wait_for()
    _press(page, "Put it in force")
    page.get_by_role("heading", name="In this clinic: 90 days").wait_for()
    context.close()


def _press(page, name):
    """Until the next page is there: a click does not wait for it, and what is typed meanwhile goes with the old one."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def test_every_page_of_the_rules_is_accessible(visitors, lived_in, clinic, prescriber_member):
    who = visitors().sign_in(prescriber_member)
    standing = clinic.policy_values.filter(ended_at=None).latest("id")
    pages = {
        "rules": RULES,
        "rules-different": f"{RULES}?show=different",
        "rules-found": f"{RULES}?find=isotretinoin",
        "rules-nothing": f"{RULES}?find=xylophone",
        "value": WAIT,
        "value-depth": f"{RULES}values/zone.cheek.soft_max_mm/",
        "value-end": f"{RULES}set/{standing.ref}/end/",
        "adopt": f"{RULES}adopt/",
        "worklists": "/worklists/",
    }
    wrong = []
    for name, path in pages.items():
        who.open(path)
        wrong += wrong_in_every_view(who, name)
    page = who.open(WAIT)
    page.fill("[name=value]", "240")
    page.get_by_text("Stricter: counts at once").wait_for()
    who.shoot("value-typed")
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("button", name="Put it in force").wait_for()
    wrong += wrong_in_every_view(who, "value-preview")
    assert wrong == []
