"""What the worklists, Today, a booking page and the chart say of packages and deposits."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from tests.treatments.packages.made import TODAY, a_deposit, a_package, a_policy, an_offer, manager_of, missed
from treatments.flows import visits as flow
from treatments.packages import services
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db
WORKLISTS = "/worklists/"


def lines(client, code: str) -> list[tuple[str, str]]:
    """Why and where it leads, of a list; LookupError where the page has no such list."""
    shown = client.get(WORKLISTS).context["shown"]
    found = next(begun["list"] for begun in shown if begun["list"].code == code)
    return [(call.why, call.url) for call in found.calls]


def text(client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def queries(client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_a_clinic_that_sells_nothing_has_no_such_lists(desk, visit_today):
    codes = {begun["list"].code for begun in desk.get(WORKLISTS).context["shown"]}
    assert codes.isdisjoint({"packages-ending", "not-covered", "covered-no-more", "deposits"})


def test_a_package_that_ends_soon_with_sessions_left_is_on_a_list(desk, patient):
    ending = a_package(patient, until_on=TODAY + timedelta(days=30))
    a_package(patient, until_on=TODAY + timedelta(days=31))
    a_package(patient, from_on=TODAY - timedelta(days=9), until_on=TODAY - timedelta(days=1))
    used_up = a_package(patient, until_on=TODAY + timedelta(days=5), sessions=1)
    services.refund(package=used_up, sessions=1, amount=Decimal(0), reason="x", by=ending.sold_by)
    packages_url = reverse("treatments:patient_packages", args=[patient.ref])
    assert lines(desk, "packages-ending") == [("Course of four: 4 left of 4", packages_url)]


def test_a_session_without_a_package_is_on_a_list_until_it_is_settled(desk, open_session):
    package = a_package(open_session.patient, sessions=1)
    services.refund(package=package, sessions=1, amount=Decimal(0), reason="x", by=package.sold_by)
    session = sessions.complete(session=factories.chart(open_session), by=open_session.operator)
    settle_url = reverse("treatments:session_settle", args=[session.ref])
    assert lines(desk, "not-covered") == [("Session 1 is not covered", settle_url)]
    services.settle_otherwise(session=session, reason="Paid singly", by=package.sold_by)
    assert lines(desk, "not-covered") == []


def test_who_never_buys_ahead_or_bought_later_is_on_no_list(desk, done_session, later):
    an_offer(done_session.clinic)
    assert lines(desk, "not-covered") == []
    later(timedelta(minutes=1))
    a_package(done_session.patient)
    assert lines(desk, "not-covered") == []


def test_a_booked_visit_that_no_package_will_cover_is_on_a_list(desk, booked_course):
    patient = booked_course[0].patient
    assert "covered-no-more" not in {begun["list"].code for begun in desk.get(WORKLISTS).context["shown"]}
    a_package(patient, sessions=2)
    sell_url = reverse("treatments:package_sell", args=[patient.ref])
    assert lines(desk, "covered-no-more") == [("Session 3 is not covered", sell_url)]
    a_package(patient, sessions=2)
    assert lines(desk, "covered-no-more") == []


def test_a_deposit_of_a_visit_that_is_over_waits_to_be_settled(desk, visit_today, later):
    deposit = a_deposit(visit_today)
    assert lines(desk, "deposits") == []
    missed(visit_today, later)
    url = reverse("treatments:deposit_settle", args=[deposit.ref])
    assert lines(desk, "deposits") == [("50.00 GBP taken, and the visit was missed", url)]


def test_the_worklists_ask_as_many_questions_as_before(desk, booked_course):
    few = queries(desk, WORKLISTS)
    for _ in range(3):
        a_package(booked_course[0].patient, until_on=TODAY + timedelta(days=9))
    a_deposit(booked_course[0])
    assert queries(desk, WORKLISTS) == few


# ── Beside a visit ────────────────────────────────────────────────────────────


def test_today_and_the_visit_say_what_is_left(desk, visit_today):
    urls = [f"/today/?visit={visit_today.ref}", f"/visits/{visit_today.ref}/"]
    assert not any("Packages and deposits" in text(desk, url) for url in urls)
    package = a_package(visit_today.patient, until_on=TODAY + timedelta(days=25))
    services.refund(package=package, sessions=2, amount=Decimal(0), reason="x", by=package.sold_by)
    for url in urls:
        assert "2 left of 4, ends 3 Apr" in text(desk, url)
        assert "Not covered" not in text(desk, url)
    services.refund(package=package, sessions=2, amount=Decimal(0), reason="x", by=package.sold_by)
    for url in urls:
        shown = text(desk, url)
        assert "none left of 4" in shown
        assert "Not covered" in shown
        assert "It is held all the same." in shown


def test_a_missed_visit_says_what_it_has_used_or_offers_to_use_one(desk, visit_today, later):
    a_policy(visit_today.clinic)
    package = a_package(visit_today.patient)
    visit = missed(visit_today, later)
    url = f"/visits/{visit.ref}/"
    assert "This visit has used one session of Course of four. " in text(desk, url)
    assert "Forgive it" in text(desk, url)
    services.give_back(entry=package.entries.get(), reason="Train", by=package.sold_by)
    assert "Use one for it" in text(desk, url)


def test_a_deposit_says_what_the_policy_suggests_where_the_visit_fell_out(desk, visit_today):
    a_policy(visit_today.clinic)
    an_offer(visit_today.clinic)
    url = f"/visits/{visit_today.ref}/"
    assert "Take a deposit" in text(desk, url)
    a_deposit(visit_today)
    assert "Deposit of 50.00 GBP taken" in text(desk, url)
    cancel = text(desk, f"/visits/{visit_today.ref}/cancel/")
    assert "A deposit of 50.00 GBP is held for this visit: the policy suggests to keep it" in cancel
    flow.cancel(visit=visit_today, reason="Away", by=manager_of(visit_today.clinic))
    assert "Deposit of 50.00 GBP: the policy suggests to keep it" in text(desk, url)


def test_a_kept_deposit_of_a_visit_that_stands_again_is_pointed_out(desk, visit_today, later):
    from treatments.packages.deposits import services as deposits

    deposit = a_deposit(visit_today)
    visit = missed(visit_today, later)
    deposits.settle(deposit=deposit, became="kept", reason="Missed", by=deposit.taken_by)
    flow.undo_step(visit=visit, by=deposit.taken_by)
    assert "kept, although the visit stands" in text(desk, f"/visits/{visit.ref}/")


def test_the_booking_pages_say_what_is_left(desk, active_plan):
    planned = active_plan.planned_sessions.get(number=1)
    urls = [reverse("treatments:book", args=[planned.ref]), reverse("treatments:book_course", args=[active_plan.ref])]
    few = [queries(desk, url) for url in urls]
    assert not any("left of" in text(desk, url) for url in urls)
    a_package(active_plan.patient, until_on=TODAY + timedelta(days=25))
    assert all("4 left of 4, ends 3 Apr" in text(desk, url) for url in urls)
    assert [queries(desk, url) for url in urls] == few


def test_the_chart_has_a_card_and_asks_no_question_more(desk, clinician, patient):
    url = patient.get_absolute_url()
    few = [queries(client, url) for client in (desk, clinician)]
    assert "Packages" not in text(desk, url)
    an_offer(patient.clinic)
    assert "Nothing is bought ahead." in text(desk, url)
    for _ in range(3):
        a_package(patient, until_on=TODAY + timedelta(days=25))
    shown = text(desk, url)
    assert "4 left of 4, ends 3 Apr" in shown
    assert "0 used" in shown
    assert [queries(client, url) for client in (desk, clinician)] == few


def test_a_visit_and_today_ask_a_fixed_number_of_questions(desk, visit_today):
    urls = [f"/today/?visit={visit_today.ref}", f"/visits/{visit_today.ref}/"]
    few = [queries(desk, url) for url in urls]
    for _ in range(3):
        a_package(visit_today.patient)
        a_deposit(visit_today)
    assert [queries(desk, url) for url in urls] == few


def test_papers_and_mails_say_nothing_of_money(desk, visit_today):
    a_package(visit_today.patient)
    a_deposit(visit_today)
    for url in (f"/patients/{visit_today.patient.ref}/card/", "/today/sheet/"):
        shown = text(desk, url)
        assert "GBP" not in shown
        assert "left of" not in shown
