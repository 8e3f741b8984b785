"""In a browser: what is sold, a patient's packages, the till and their forms, at every size."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.packages.made import TODAY, a_deposit, a_package, a_policy, an_offer, in_pounds, manager_of
from treatments.packages import services
from treatments.sessions import services as sessions

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def at(name: str, thing=None) -> str:
    return reverse(f"treatments:{name}", args=[thing.ref] if thing is not None else [])


def test_a_manager_sets_up_what_is_sold(visitors, clinic, manager_member):
    who = visitors().sign_in(manager_member)
    page = who.open(at("packages"))
    wrong = wrong_in_every_view(who, "packages-no-currency")
    in_pounds(clinic)
    page.reload()
    page.get_by_role("link", name="Add a package").first.click()
    page.get_by_label("Name").fill("Course of four")
    page.get_by_label("Amount, GBP").fill("much")
    page.get_by_role("button", name="Add the package").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    wrong += wrong_in_every_view(who, "package-refused")
    page.get_by_label("Amount, GBP").fill("480")
    page.get_by_role("button", name="Add the package").click()
    expect(page.get_by_text("480.00 GBP")).to_be_visible()
    page.get_by_role("link", name="what a missed visit costs").click()
    page.get_by_label("A missed visit uses one session of a package").check()
    wrong += wrong_in_every_view(who, "package-policy")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Yes, one; the desk may forgive it, with a reason")).to_be_visible()
    wrong += wrong_in_every_view(who, "packages")
    assert wrong == []


def test_the_desk_sells_one_and_sees_what_became_of_it(visitors, open_session, desk_member):
    clinic, patient = open_session.clinic, open_session.patient
    a_policy(clinic)
    an_offer(clinic, valid_months=12)
    an_offer(clinic, name="Two sessions to try", sessions=2, amount=Decimal(250))
    who = visitors().sign_in(desk_member)
    page = who.open(at("patient_packages", patient))
    wrong = wrong_in_every_view(who, "patient-packages-empty")
    page.get_by_role("link", name="Sell a package").first.click()
    page.get_by_label("Course of four").check()
    page.get_by_role("button", name="Sell it").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    wrong += wrong_in_every_view(who, "package-sell-refused")
    page.get_by_label("Reference").fill("INV-2041")
    page.get_by_role("button", name="Sell it").click()
    expect(page.get_by_text("4 left of 4, ends 9 Mar 2028")).to_be_visible()
    package = patient.packages.get()
    by = manager_of(clinic)
    sessions.complete(session=factories.chart(open_session), by=open_session.operator)
    services.extend(package=package, until_on=TODAY + timedelta(days=500), reason="Was ill in spring", by=by)
    services.give_back(
        entry=services.refund(package=package, sessions=2, amount=Decimal(240), reason="Wanted to stop", by=by),
        reason="Stays after all", by=by,
    )  # fmt: skip
    planned = open_session.plan.planned_sessions.get(number=2)
    ahead = factories.book(planned, day=planned.earliest_on)
    a_deposit(ahead)
    page.reload()
    expect(page.get_by_text("3 left of 4")).to_be_visible()
    wrong += wrong_in_every_view(who, "patient-packages")
    for name, thing in (
        ("package_extend", package),
        ("package_refund", package),
        ("deposit_settle", ahead.deposits.get()),
    ):
        who.open(at(name, thing))
        wrong += wrong_in_every_view(who, name.replace("_", "-"))
    who.open(patient.get_absolute_url())
    wrong += wrong_in_every_view(who, "chart-with-packages")
    who.open(f"/visits/{ahead.ref}/")
    wrong += wrong_in_every_view(who, "visit-with-packages")
    who.open("/till/")
    wrong += wrong_in_every_view(who, "till")
    assert wrong == []


def test_who_cancels_late_is_asked_and_then_settles_the_deposit(visitors, visit_today, desk_member):
    a_policy(visit_today.clinic)
    a_package(visit_today.patient)
    a_deposit(visit_today)
    who = visitors().sign_in(desk_member)
    page = who.open(f"/visits/{visit_today.ref}/cancel/")
    wrong = wrong_in_every_view(who, "cancel-late")
    page.get_by_label("Why").fill("Cannot come")
    page.get_by_role("button", name="Cancel the visit").click()
    expect(page.get_by_role("heading", name="Deposit of 50.00 GBP")).to_be_visible()
    expect(page.get_by_label("Kept: cancelled late, or missed")).to_be_checked()
    page.get_by_role("button", name="Write it down").click()
    expect(page.locator("#toasts").get_by_text("50.00 GBP: kept.")).to_be_visible()
    who.open("/till/?day=2027-03-01")
    wrong += wrong_in_every_view(who, "till-empty")
    who.open("/worklists/")
    wrong += wrong_in_every_view(who, "worklists-with-packages")
    assert wrong == []
