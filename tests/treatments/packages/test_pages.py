"""The pages of packages and deposits: what they take, what they refuse and where, and in how many queries."""

import uuid
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from tests.treatments.packages.made import TODAY, a_deposit, a_package, a_policy, an_offer, in_pounds, left, missed
from treatments.packages import services
from treatments.packages.models import Package, PackageEntry, PackagePolicy, PaidOtherwise
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db


def at(name: str, thing=None) -> str:
    return reverse(f"treatments:{name}", args=[thing.ref] if thing is not None else [])


def post(client, url: str, **data):
    return client.post(url, {"submit_token": str(uuid.uuid4())} | data)


def errors(response) -> dict:
    assert response.status_code == 422
    return {field: found[0] for field, found in response.context["form"].errors.items()}


def text(client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return unescape(response.content.decode())


OFFER = {"name": "Course of four", "technique": "", "sessions": "4", "valid_months": "12", "amount": "480"}


def test_a_manager_chooses_the_currency_among_the_details_of_the_clinic(manager, clinic):
    page = manager.get("/settings/clinic/").context["form"]
    data = {name: page[name].value() or "" for name in page.fields} | {"currency": "EUR"}
    assert manager.post("/settings/clinic/", data).status_code == 302
    clinic.refresh_from_db()
    assert clinic.currency == "EUR"
    assert errors(manager.post("/settings/clinic/", data | {"currency": "XXX"})) == {
        "currency": "Choose a currency from the list, for example GBP."
    }


def test_without_a_currency_nothing_is_offered_and_the_page_says_where_to_choose_it(manager, desk, patient):
    assert "Choose it" in text(manager, at("packages"))
    assert "A manager chooses it in Settings." in text(desk, at("packages"))
    refused = post(manager, at("package_offer_new"), **OFFER)
    assert errors(refused)["amount"].startswith("The clinic has no currency yet.")
    assert "sells no package yet" in text(desk, at("package_sell", patient))


def test_a_manager_keeps_what_is_sold(manager, clinic):
    in_pounds(clinic)
    data = OFFER | {"submit_token": str(uuid.uuid4())}
    assert manager.post(at("package_offer_new"), data).status_code == 302
    assert manager.post(at("package_offer_new"), data).status_code == 302
    offer = clinic.package_offers.get()
    assert (offer.sessions, offer.valid_months, offer.amount, offer.currency) == (4, 12, Decimal(480), "GBP")
    assert 'value="480.00"' in text(manager, at("package_offer_change", offer))
    changed = OFFER | {"sessions": "6", "valid_months": "", "amount": "690,50"}
    assert post(manager, at("package_offer_change", offer), **changed).status_code == 302
    offer.refresh_from_db()
    assert (offer.sessions, offer.valid_months, offer.amount) == (6, None, Decimal("690.50"))
    assert post(manager, at("package_offer_use", offer), to="stop").status_code == 302
    assert "Not sold any more" in text(manager, at("packages"))
    assert post(manager, at("package_offer_use", offer), to="sell").status_code == 302
    offer.refresh_from_db()
    assert offer.in_sale


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"name": ""}, "name", "Enter the name of the package."),
        ({"sessions": "13"}, "sessions", "Enter a whole number of sessions, 1 to 12."),
        ({"sessions": "0"}, "sessions", "Enter a whole number of sessions, 1 to 12."),
        ({"sessions": "two"}, "sessions", "Enter a whole number of sessions, 1 to 12."),
        ({"valid_months": "61"}, "valid_months", "Enter a whole number of months, 1 to 60."),
        ({"technique": "laser"}, "technique", "Choose a treatment from the list."),
        ({"amount": ""}, "amount", "Write an amount, for example 120.00."),
        ({"amount": "-1"}, "amount", "Write an amount, for example 120.00."),
        ({"amount": "1.234"}, "amount", "Write an amount, for example 120.00."),
        ({"amount": "NaN"}, "amount", "Write an amount, for example 120.00."),
        ({"amount": "1" * 9}, "amount", "Write an amount, for example 120.00."),
    ],
)
def test_what_is_wrong_with_an_offer_is_said_at_its_field(manager, clinic, differing, field, sentence):
    in_pounds(clinic)
    refused = post(manager, at("package_offer_new"), **OFFER | differing)
    assert errors(refused) == {field: sentence}
    assert not clinic.package_offers.exists()
    if field != "name":
        assert 'value="Course of four"' in refused.content.decode()


def test_a_currency_without_cents_takes_none(manager, clinic):
    clinic.currency = "JPY"
    clinic.save()
    assert errors(post(manager, at("package_offer_new"), **OFFER | {"amount": "1200.50"})) == {
        "amount": "Write an amount, for example 120."
    }
    post(manager, at("package_offer_new"), **OFFER | {"amount": "48000"})
    assert "48,000 JPY" in text(manager, at("packages"))


def test_two_packages_of_one_name_are_refused_at_the_name(manager, clinic):
    an_offer(clinic)
    other = an_offer(clinic, name="Course of six", sessions=6)
    for url in (at("package_offer_new"), at("package_offer_change", other)):
        assert errors(post(manager, url, **OFFER)) == {
            "name": "Another package has this name already. Choose another one."
        }


def test_what_a_missed_visit_costs_is_a_managers_to_say(manager, desk, clinic):
    assert "However late, it does not count as missed" in text(desk, at("packages"))
    url = at("package_policy")
    assert errors(post(manager, url, miss_burns="on", late_hours="0")) == {
        "late_hours": "Enter a whole number of hours, 1 to 168."
    }
    assert post(manager, url, miss_burns="on", late_hours="24").status_code == 302
    policy = PackagePolicy.objects.get(clinic=clinic)
    assert (policy.miss_burns, policy.late_hours, policy.miss_keeps_deposit) == (True, 24, False)
    assert "Fewer than 24 hours before counts as missed" in text(desk, at("packages"))
    assert desk.post(url, {}).status_code == 403


# ── A patient's ───────────────────────────────────────────────────────────────


def sale(offer, **differing) -> dict:
    return {"offer": str(offer.ref), "reference": "INV-7", "from_on": TODAY.isoformat()} | differing


def test_the_desk_sells_one_and_a_second_press_finds_it(desk, patient):
    offer = an_offer(patient.clinic, valid_months=6)
    data = sale(offer) | {"submit_token": str(uuid.uuid4())}
    first = desk.post(at("package_sell", patient), data)
    assert first.headers["Location"] == at("patient_packages", patient)
    assert desk.post(at("package_sell", patient), data).status_code == 302
    package = patient.packages.get()
    assert (package.sessions_left, package.sold_by) == (4, desk.membership.user)
    shown = text(desk, at("patient_packages", patient))
    for words in ("4 left of 4, ends 9 Sep", "Sold for 480.00 GBP", "Reference INV-7", "until Thu 9 Sep 2027"):
        assert words in shown


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"offer": ""}, "offer", "Choose the package."),
        ({"offer": str(uuid.uuid4())}, "offer", "This package is not sold any more. Choose another one."),
        ({"reference": ""}, "reference", "Write the number of the receipt or the invoice."),
        ({"from_on": ""}, "from_on", "Choose the day."),
        ({"until_on": "2027-03-01"}, "until_on", "A package ends on the day it begins or later."),
        ({"sessions": "13"}, "sessions", "Enter a whole number of sessions, 1 to 12."),
        ({"amount": "much"}, "amount", "Write an amount, for example 120.00."),
    ],
)
def test_what_is_wrong_with_a_sale_is_said_at_its_field_and_nothing_is_lost(desk, patient, differing, field, sentence):
    refused = post(desk, at("package_sell", patient), **sale(an_offer(patient.clinic)) | differing)
    assert errors(refused) == {field: sentence}
    assert not Package.objects.exists()
    if field != "reference":
        assert 'value="INV-7"' in refused.content.decode()


def test_nothing_is_sold_to_a_closed_record(desk, patient):
    offer = an_offer(patient.clinic)
    patient.status = "moved_away"
    patient.save()
    assert "This record is closed." in text(desk, at("package_sell", patient))
    refused = post(desk, at("package_sell", patient), **sale(offer))
    assert refused.status_code == 422
    assert not patient.packages.exists()


def test_extending_and_refunding_ask_for_a_reason_and_stay_in_the_history(desk, patient):
    package = a_package(patient, until_on=TODAY + timedelta(days=20))
    extend, refund = at("package_extend", package), at("package_refund", package)
    assert errors(post(desk, extend)) == {
        "until_on": "Choose the day, or that it has no end any more.",
        "reason": "Say why, in a few words.",
    }
    assert post(desk, extend, until_on="2027-06-01", reason="Was ill").status_code == 302
    assert errors(post(desk, refund, sessions="5", amount="1", reason="x")) == {
        "sessions": "Enter a whole number of sessions, 1 to 4."
    }
    assert errors(post(desk, refund, sessions="1", amount="500", reason="x")) == {
        "amount": "At most 480.00 GBP can be returned for it."
    }
    assert post(desk, refund, sessions="1", amount="120", reason="Moves away").status_code == 302
    shown = text(desk, at("patient_packages", patient))
    for words in ("Extended until 1 Jun", "Was ill", "Refunded 120.00 GBP", "Moves away", "3 left of 4, ends 1 Jun"):
        assert words in shown
    entry = PackageEntry.objects.get(what="refunded")
    assert post(desk, at("package_give_back", entry), reason="She stays").status_code == 302
    assert left(package) == 4
    assert "There is nothing left to give back here." in text(desk, at("package_give_back", entry))


def test_a_missed_visit_is_forgiven_and_used_again_by_hand(desk, visit_today, later):
    a_policy(visit_today.clinic)
    package = a_package(visit_today.patient)
    visit = missed(visit_today, later)
    entry = package.entries.get()
    url = at("package_give_back", entry)
    assert errors(post(desk, url, reason="")) == {"reason": "Say why, in a few words."}
    back = f"/visits/{visit.ref}/"
    assert post(desk, url, reason="Train strike", next=back).headers["Location"] == back
    assert left(package) == 4
    assert "Missed or cancelled, and no session used" in text(desk, at("patient_packages", visit.patient))
    burn = at("package_burn", visit)
    assert errors(post(desk, burn, package=str(uuid.uuid4()), reason="x")) == {
        "package": "Choose a package with a session left."
    }
    assert post(desk, burn, package=str(package.ref), reason="Agreed").status_code == 302
    assert left(package) == 3


def test_a_session_that_no_package_covered_is_covered_or_settled(desk, open_session):
    first = a_package(open_session.patient, sessions=1)
    services.refund(package=first, sessions=1, amount=Decimal(0), reason="x", by=first.sold_by)
    session = sessions.complete(session=factories.chart(open_session), by=open_session.operator)
    url = at("session_settle", session)
    assert "Sessions that no package covers" in text(desk, at("patient_packages", session.patient))
    assert errors(post(desk, url)) == {"settled_by": "Choose how it is settled."}
    assert errors(post(desk, url, settled_by="otherwise")) == {
        "reason": "Say how it was settled, for example: paid singly, receipt 1204."
    }
    package = a_package(session.patient)
    assert post(desk, url, settled_by=str(package.ref)).status_code == 302
    assert left(package) == 3
    again = post(desk, url, settled_by="otherwise", reason="Paid")
    assert list(errors(again)) == ["__all__"]
    assert not PaidOtherwise.objects.exists()


def test_a_deposit_is_taken_and_settled_as_the_policy_suggests_or_otherwise(desk, visit_today, later):
    a_policy(visit_today.clinic)
    in_pounds(visit_today.clinic)
    take = at("deposit_take", visit_today)
    assert errors(post(desk, take, amount="0", reference="")) == {"reference": "Write the number of the receipt."}
    assert errors(post(desk, take, amount="0", reference="R")) == {"amount": "Enter an amount above nought."}
    assert post(desk, take, amount="50", reference="R-9").status_code == 302
    deposit = visit_today.deposits.get()
    visit = missed(visit_today, later)
    settle = at("deposit_settle", deposit)
    page = desk.get(settle)
    assert (page.context["form"]["became"].value(), page.context["form"]["reason"].value()) == ("kept", "Did not come")
    assert errors(post(desk, settle, became="eaten", reason="x")) == {"became": "Choose what becomes of the deposit."}
    assert post(desk, settle, became="returned", reason="Train strike").status_code == 302
    deposit.refresh_from_db()
    assert deposit.state == "returned"
    assert "Train strike" in text(desk, at("patient_packages", visit.patient))
    assert "A deposit is taken before it." in text(desk, take)


def test_the_till_sums_a_day_and_understands_every_address(desk, visit_today):
    assert "Nothing was taken or given" in text(desk, "/till/")
    a_deposit(visit_today)
    a_package(visit_today.patient)
    shown = text(desk, "/till/")
    for words in ("Deposit taken", "Package sold: Course of four", "530.00 GBP", visit_today.patient.full_name):
        assert words in shown
    for said in ("2027-03-08", "nonsense", "9999-12-31", "0001-01-01", "2027-02-30"):
        assert desk.get(f"/till/?day={said}").status_code == 200


def test_a_stranger_meets_nothing(stranger, patient, visit_today):
    package, deposit = a_package(patient), a_deposit(visit_today)
    for name, thing in (
        ("patient_packages", patient), ("package_sell", patient), ("package_extend", package), ("package_refund", package),
        ("package_burn", visit_today), ("deposit_take", visit_today), ("deposit_settle", deposit),
    ):  # fmt: skip
        assert stranger.get(at(name, thing)).status_code == 404, name


# ── Queries ───────────────────────────────────────────────────────────────────


def queries(client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_a_patients_page_asks_a_fixed_number_of_questions(desk, done_session):
    patient = done_session.patient
    a_policy(patient.clinic)
    package = a_package(patient)
    planned = done_session.plan.planned_sessions.get(number=2)
    ahead = factories.book(planned, day=planned.earliest_on)
    a_deposit(ahead)
    url = at("patient_packages", patient)
    few = queries(desk, url)
    services.cover(session=done_session, package=package, by=package.sold_by)
    for number in range(4):
        other = a_package(patient, reference=f"INV-{number}")
        services.refund(package=other, sessions=1, amount=Decimal(1), reason="x", by=other.sold_by)
        a_deposit(ahead, reference=f"R-{number}")
    assert queries(desk, url) == few <= 16


def test_the_till_and_the_offers_ask_a_fixed_number_of_questions(desk, visit_today):
    a_deposit(visit_today)
    a_package(visit_today.patient)
    urls = ["/till/", at("packages")]
    few = [queries(desk, url) for url in urls]
    for number in range(5):
        an_offer(visit_today.clinic, name=f"Course {number}")
        a_package(visit_today.patient)
        a_deposit(visit_today)
    assert [queries(desk, url) for url in urls] == few
    assert max(few) <= 10
