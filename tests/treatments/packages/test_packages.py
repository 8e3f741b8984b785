"""A package: sold with the terms of its day, used as sessions are signed, never below nought, and every line of it stays."""

from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, transaction
from hypothesis import given
from hypothesis import strategies as st

from clinic.errors import DomainError
from tests import factories
from tests.treatments.packages.made import TODAY, a_package, a_policy, an_offer, left, manager_of, missed
from treatments.packages import services
from treatments.packages.models import Package, PackageEntry, PaidOtherwise
from treatments.packages.offers import services as offers
from treatments.packages.reading import Bought, not_covered, of_rows, shown
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db


def refusal(act) -> DomainError:
    with pytest.raises(DomainError) as refused, transaction.atomic():
        act()
    return refused.value


def refused_by_the_database(act) -> str:
    with pytest.raises((IntegrityError, InternalError)) as refused, transaction.atomic():
        act()
    return refused.value.__cause__.diag.constraint_name


def sign(session):
    return sessions.complete(session=factories.chart(session), by=session.operator)


def the_bought(patient) -> list[Bought]:
    return of_rows(shown(patient.packages))


# ── Sold ──────────────────────────────────────────────────────────────────────


def test_it_is_sold_as_the_offer_says_with_the_terms_of_that_day(patient, desk_member):
    a_policy(patient.clinic)
    offer = an_offer(patient.clinic, valid_months=6, technique="microneedling")
    package = services.sell(patient=patient, offer=offer, reference=" INV  7 ", by=desk_member.user)
    package.refresh_from_db()
    assert (package.name, package.technique, package.sessions, package.sessions_left) == ("Course of four", "microneedling", 4, 4)  # fmt: skip
    assert (package.from_on, package.until_on) == (TODAY, date(2027, 9, 9))
    assert (package.amount, package.currency, package.reference) == (Decimal(480), "GBP", "INV 7")
    assert (package.miss_burns, package.late_hours, package.sold_by) == (True, 24, desk_member.user)


def test_what_is_sold_otherwise_is_sold_otherwise(patient):
    package = a_package(
        patient, sessions=2, amount=Decimal("199.50"), from_on=TODAY - timedelta(days=40), until_on=date(2027, 5, 1)
    )
    assert (package.sessions, package.amount, package.until_on) == (2, Decimal("199.50"), date(2027, 5, 1))


def test_changing_an_offer_or_the_policy_changes_nothing_that_was_sold(patient):
    clinic = patient.clinic
    a_policy(clinic)
    offer = an_offer(clinic, valid_months=6)
    package = a_package(patient, offer=offer)
    before = Package.objects.values().get(pk=package.pk)
    offers.change_offer(offer=offer, name="Course of six", sessions=6, amount=Decimal(700), by=manager_of(clinic))
    offers.put_in_sale(offer=offer, in_sale=False, by=manager_of(clinic))
    a_policy(clinic, burns=False, late_hours=None)
    assert Package.objects.values().get(pk=package.pk) == before


@pytest.mark.parametrize(
    ("from_on", "months", "last"),
    [
        (date(2027, 3, 9), 6, date(2027, 9, 9)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 12, 31), 12, date(2028, 12, 31)),
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2027, 11, 30), 1, date(2027, 12, 30)),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last_of_a_shorter_month(from_on, months, last):
    assert services.last_day(from_on, months) == last


def test_what_cannot_be_sold_is_refused_at_its_field(patient, other_clinic):
    clinic, by = patient.clinic, manager_of(patient.clinic)
    offer = an_offer(clinic)
    sale = {"patient": patient, "offer": offer, "by": by, "reference": "1"}

    def at(**differing):
        found = refusal(lambda: services.sell(**sale | differing))
        return found.field, found.sentence

    assert at(reference="  ") == ("reference", "Write the number of the receipt or the invoice.")
    assert at(sessions=13) == ("sessions", "A package has 1 to 12 sessions.")
    assert at(until_on=TODAY - timedelta(days=1)) == ("until_on", "A package ends on the day it begins or later.")
    strange = an_offer(other_clinic)
    assert at(offer=strange) == ("offer", "This package is not sold any more. Choose another one.")
    offers.put_in_sale(offer=offer, in_sale=False, by=by)
    offer.refresh_from_db()
    assert at()[0] == "offer"
    offers.put_in_sale(offer=offer, in_sale=True, by=by)
    offer.refresh_from_db()
    clinic.currency = "EUR"
    clinic.save()
    assert at() == ("offer", "Its amount is still in GBP. A manager enters it in EUR first.")
    clinic.currency = ""
    clinic.save()
    assert at()[1].startswith("The clinic has no currency yet.")
    patient.status = "deceased"
    patient.save()
    assert at()[1].startswith("This record is closed.")


# ── Used as a session is signed ───────────────────────────────────────────────


def test_signing_uses_one_of_the_oldest_that_is_valid(open_session):
    patient = open_session.patient
    over = a_package(patient, from_on=TODAY - timedelta(days=90), until_on=TODAY - timedelta(days=1))
    ahead = a_package(patient, from_on=TODAY + timedelta(days=1))
    newer = a_package(patient, from_on=TODAY - timedelta(days=2))
    older = a_package(patient, from_on=TODAY - timedelta(days=5), until_on=TODAY)
    session = sign(open_session)
    assert [left(one) for one in (over, ahead, newer, older)] == [4, 4, 4, 3]
    entry = older.entries.get()
    assert (entry.what, entry.change, entry.session, entry.by) == ("used", -1, session, session.operator.user)


def test_the_next_one_is_used_when_the_oldest_is_used_up(done_session, second_session):
    first = a_package(done_session.patient, sessions=1, from_on=TODAY - timedelta(days=9))
    services.cover(session=done_session, package=first, by=manager_of(first.clinic))
    second = a_package(done_session.patient)
    sign(second_session)
    assert (left(first), left(second)) == (0, 3)


def test_a_package_for_another_treatment_is_not_touched(open_session):
    offer = an_offer(open_session.clinic, name="Other", technique="microneedling")
    package = a_package(open_session.patient, offer=offer)
    open_session.plan.techniques = ["rf"]
    open_session.plan.save(update_fields=["techniques"])
    open_session.refresh_from_db()
    assert services._oldest(open_session.patient_id, on=TODAY, techniques=["rf"]) is None
    assert left(package) == 4


def test_a_session_is_signed_without_a_package(open_session):
    a_package(open_session.patient, until_on=TODAY, from_on=TODAY - timedelta(days=3), sessions=1)
    Package.objects.get().entries.all()
    services.refund(package=Package.objects.get(), sessions=1, amount=Decimal(0), reason="x", by=manager_of(open_session.clinic))  # fmt: skip
    session = sign(open_session)
    assert session.signed_at is not None
    assert not PackageEntry.objects.filter(what="used").exists()


def test_a_stopped_session_uses_one_only_where_it_counts(open_session):
    package = a_package(open_session.patient)
    sessions.stop(
        session=factories.chart(open_session), reason="Felt faint", counts=False, by=open_session.operator,
        aftercare_given=True, sharps_disposed=True,
    )  # fmt: skip
    assert left(package) == 4


def test_a_session_entered_in_error_gives_its_one_back(open_session):
    package = a_package(open_session.patient)
    session = sign(open_session)
    assert left(package) == 3
    sessions.mark_entered_in_error(session=session, reason="Wrong patient", by=session.operator)
    assert left(package) == 4
    used, given_back = package.entries.all()
    assert (used.what, used.undone, given_back.what, given_back.undoes) == ("used", True, "given_back", used)
    assert given_back.reason == "The session was entered in error"
    # Marked once more, nothing more happens.
    sessions.mark_entered_in_error(session=session, reason="Again", by=session.operator)
    assert left(package) == 4


def test_whatever_goes_wrong_with_a_package_the_session_is_signed(open_session, monkeypatch):
    package = a_package(open_session.patient)
    enter = services._enter

    def twice(package, *args, **details):
        enter(package, *args, **details)
        return enter(package, *args, **details)  # the database refuses the second

    monkeypatch.setattr(services, "_enter", twice)
    session = sign(open_session)
    assert type(session).objects.get(pk=session.pk).signed_at is not None
    assert left(package) == 4


def test_without_what_follows_a_signature_nothing_would_be_used(open_session, monkeypatch):
    """Negative control."""
    monkeypatch.setattr("treatments.sessions.signed._after_a_signature", [])
    package = a_package(open_session.patient)
    sign(open_session)
    assert left(package) == 4


# ── By hand ───────────────────────────────────────────────────────────────────


def test_a_session_that_was_not_covered_is_covered_by_hand_or_settled_otherwise(done_session):
    by = manager_of(done_session.clinic)
    package = a_package(done_session.patient)
    services.cover(session=done_session, package=package, by=by)
    assert left(package) == 3
    again = refusal(lambda: services.cover(session=done_session, package=package, by=by))
    assert again.sentence == "This session is covered by a package already."
    services.give_back(entry=package.entries.get(), reason="Wrong package", by=by)
    assert refusal(lambda: services.settle_otherwise(session=done_session, reason=" ", by=by)).field == "reason"
    services.settle_otherwise(session=done_session, reason="Paid singly, receipt 9", by=by)
    assert PaidOtherwise.objects.get().reason == "Paid singly, receipt 9"
    assert "already how" in refusal(lambda: services.cover(session=done_session, package=package, by=by)).sentence


def test_what_cannot_cover_a_session_is_refused(done_session, open_session):
    by, clinic = manager_of(done_session.clinic), done_session.clinic
    ended = a_package(done_session.patient, from_on=TODAY - timedelta(days=9), until_on=TODAY - timedelta(days=1))
    assert "That package ended on 8 March 2027" in refusal(
        lambda: services.cover(session=done_session, package=ended, by=by)
    ).sentence  # fmt: skip
    strange = a_package(factories.make_patient(clinic))
    assert "another patient's" in refusal(lambda: services.cover(session=done_session, package=strange, by=by)).sentence
    empty = a_package(done_session.patient, sessions=1)
    services.refund(package=empty, sessions=1, amount=Decimal(0), reason="Mistake", by=by)
    assert "No session of this package is left" in refusal(
        lambda: services.cover(session=done_session, package=empty, by=by)
    ).sentence  # fmt: skip
    sessions.mark_entered_in_error(session=done_session, reason="Wrong", by=done_session.operator)
    good = a_package(done_session.patient)
    assert "signed and counts" in refusal(lambda: services.cover(session=done_session, package=good, by=by)).sentence


def test_an_end_is_only_ever_put_off(patient):
    by = manager_of(patient.clinic)
    package = a_package(patient, until_on=date(2027, 6, 1))
    at = {"package": package, "reason": "Was ill", "by": by}
    assert refusal(lambda: services.extend(**at | {"reason": ""}, until_on=date(2027, 7, 1))).field == "reason"
    assert (
        "It counts until 1 June 2027 now" in refusal(lambda: services.extend(**at, until_on=date(2027, 6, 1))).sentence
    )
    services.extend(**at, until_on=date(2027, 7, 1))
    package.refresh_from_db()
    assert (package.until_on, package.sessions_left) == (date(2027, 7, 1), 4)
    services.extend(**at, until_on=None)
    package.refresh_from_db()
    assert package.until_on is None
    assert "has no end" in refusal(lambda: services.extend(**at, until_on=date(2028, 1, 1))).sentence


def test_a_refund_takes_sessions_and_no_more_than_was_paid_and_can_be_taken_back(patient):
    by = manager_of(patient.clinic)
    package = a_package(patient)
    at = {"package": package, "reason": "Moves away", "by": by}
    assert refusal(lambda: services.refund(**at, sessions=5, amount=Decimal(1))).field == "sessions"
    assert refusal(lambda: services.refund(**at, sessions=1, amount=Decimal("480.01"))).field == "amount"
    assert refusal(lambda: services.refund(**at | {"reason": " "}, sessions=1, amount=Decimal(1))).field == "reason"
    entry = services.refund(**at, sessions=2, amount=Decimal(240))
    assert "At most 240.00 GBP" in refusal(lambda: services.refund(**at, sessions=1, amount=Decimal(241))).sentence
    [bought] = the_bought(patient)
    assert (bought.left, bought.refunded) == (2, 2)
    services.give_back(entry=entry, reason="She stays", by=by)
    assert left(package) == 4
    assert "given back already" in refusal(lambda: services.give_back(entry=entry, reason="x", by=by)).sentence


# ── Missed ────────────────────────────────────────────────────────────────────


def test_a_missed_visit_uses_one_by_the_terms_it_was_sold_with(visit_today, later):
    a_policy(visit_today.clinic)
    package = a_package(visit_today.patient)
    a_policy(visit_today.clinic, burns=False)
    missed(visit_today, later)
    assert left(package) == 3
    entry = package.entries.get()
    assert (entry.what, entry.visit, entry.reason) == ("burned", visit_today, "Did not come")


def test_where_the_terms_do_not_say_so_a_missed_visit_costs_nothing_until_the_desk_says_why(visit_today, later):
    package = a_package(visit_today.patient)
    a_policy(visit_today.clinic)
    visit = missed(visit_today, later)
    assert left(package) == 4
    by = manager_of(package.clinic)
    at = {"visit": visit, "package": package, "by": by}
    assert refusal(lambda: services.burn(**at, reason="")).field == "reason"
    services.burn(**at, reason="The third time")
    assert left(package) == 3
    assert "already" in refusal(lambda: services.burn(**at, reason="Again")).sentence
    services.give_back(entry=package.entries.get(), reason="Her child was ill", by=by)
    assert left(package) == 4
    services.burn(**at, reason="She agreed")
    assert left(package) == 3


def test_only_missed_or_cancelled_visits_are_burned_by_hand(visit_today):
    package = a_package(visit_today.patient)
    said = refusal(lambda: services.burn(visit=visit_today, package=package, reason="x", by=package.sold_by)).sentence
    assert said == "Only a visit that was missed or cancelled uses a session this way."


def test_a_missed_consultation_costs_no_session(patient, later):
    a_policy(patient.clinic)
    package = a_package(patient)
    place = factories.a_place(patient.clinic, TODAY, time(11), kind="consultation")
    visit = factories.appointments.book(
        patient=patient, kind="consultation", place=place, by=manager_of(patient.clinic)
    )
    missed(visit, later)
    assert left(package) == 4


# ── What the database holds ───────────────────────────────────────────────────


def test_nobody_takes_the_count_below_nought_or_above_what_was_sold(done_session):
    package = a_package(done_session.patient, sessions=1)
    by = package.sold_by
    services.cover(session=done_session, package=package, by=by)

    def burn():
        PackageEntry.objects.create(
            package=package, what="burned", change=-1, visit=done_session.appointment, reason="x", by=by
        )

    assert refused_by_the_database(burn) == "package_left_never_below_nought"


def test_what_was_sold_and_every_line_stays(patient):
    package = a_package(patient, until_on=date(2027, 6, 1))
    entry = services.extend(package=package, until_on=date(2027, 7, 1), reason="Ill", by=package.sold_by)
    rows = Package.objects.filter(pk=package.pk)
    for change in ({"sessions_left": 12}, {"amount": 1}, {"until_on": None}, {"reference": "x"}, {"sessions": 5}):
        assert refused_by_the_database(lambda change=change: rows.update(**change)) == "package_sold_is_fixed"
    lines = PackageEntry.objects.filter(pk=entry.pk)
    assert refused_by_the_database(lambda: lines.update(reason="Other")) == "package_entry_stays"
    assert refused_by_the_database(lambda: lines.update(undone=True)) == "package_entry_stays"
    assert refused_by_the_database(lambda: lines._raw_delete(lines.db)) == "package_entry_stays"
    assert refused_by_the_database(lambda: rows._raw_delete(rows.db)) == "package_sold_is_fixed"


def test_two_records_that_become_one_take_the_package_along(patient):
    other = factories.make_patient(patient.clinic)
    package = a_package(patient)
    Package.objects.filter(pk=package.pk).update(patient=other)
    assert other.packages.get() == package


def test_a_line_of_another_patients_session_or_a_second_giving_back_is_refused(done_session):
    package = a_package(factories.make_patient(done_session.clinic))
    by = package.sold_by
    entry = {"package": package, "by": by}

    def strange():
        PackageEntry.objects.create(**entry, what="used", change=-1, session=done_session)

    assert refused_by_the_database(strange) == "package_entry_of_its_own_patient"
    refund = services.refund(package=package, sessions=1, amount=Decimal(0), reason="x", by=by)
    services.give_back(entry=refund, reason="y", by=by)
    services.refund(package=package, sessions=1, amount=Decimal(0), reason="x", by=by)

    def again():
        PackageEntry.objects.create(**entry, what="given_back", change=1, undoes=refund, reason="z")

    assert refused_by_the_database(again) == "package_entry_undone_once"
    for wrong in (
        {"what": "used", "change": -2, "session": done_session},
        {"what": "extended", "change": 1, "reason": "x"},
    ):
        assert refused_by_the_database(lambda wrong=wrong: PackageEntry.objects.create(**entry, **wrong)) in (
            "package_entry_counts_as_it_says",
        )
    why = {"what": "extended", "change": 0, "reason": " "}
    assert refused_by_the_database(lambda: PackageEntry.objects.create(**entry, **why)) == "package_entry_says_why"


def test_what_is_left_is_the_sum_of_what_happened(done_session, later):
    package = a_package(done_session.patient)
    by = package.sold_by
    services.cover(session=done_session, package=package, by=by)
    refund = services.refund(package=package, sessions=2, amount=Decimal(100), reason="x", by=by)
    services.give_back(entry=refund, reason="y", by=by)
    services.refund(package=package, sessions=1, amount=Decimal(50), reason="x", by=by)
    changes = sum(package.entries.values_list("change", flat=True))
    [bought] = the_bought(done_session.patient)
    assert left(package) == package.sessions + changes == bought.left == 2
    assert bought.left == bought.sessions - bought.used - bought.burned - bought.refunded


# ── In words ──────────────────────────────────────────────────────────────────


def a_bought(**differing) -> Bought:
    from uuid import uuid4

    details = {
        "ref": uuid4(), "name": "Course of four", "technique": "", "sessions": 4, "left": 2, "from_on": date(2027, 1, 1),
        "until_on": date(2027, 4, 3), "used": 2, "burned": 0, "refunded": 0,
    }  # fmt: skip
    return Bought(**details | differing)


@pytest.mark.parametrize(
    ("differing", "words", "state"),
    [
        ({}, "2 left of 4, ends 3 Apr", "valid"),
        ({"until_on": TODAY}, "2 left of 4, ends 9 Mar", "valid"),
        ({"until_on": None}, "2 left of 4", "valid"),
        ({"until_on": date(2028, 3, 3)}, "2 left of 4, ends 3 Mar 2028", "valid"),
        ({"until_on": date(2027, 3, 8)}, "2 left of 4, expired 8 Mar", "expired"),
        ({"left": 0}, "none left of 4", "over"),
        ({"from_on": date(2027, 3, 10)}, "2 left of 4, from 10 Mar, ends 3 Apr", "ahead"),
    ],
)
def test_what_is_left_is_said_in_a_few_words(differing, words, state):
    one = a_bought(**differing)
    assert (one.words(TODAY), one.state(TODAY)) == (words, state)


@given(lefts=st.lists(st.integers(0, 4), max_size=3), visits=st.integers(0, 8))
def test_every_visit_is_covered_as_long_as_there_are_as_many_sessions_as_visits(lefts, visits):
    bought = [a_bought(left=one, until_on=None) for one in lefts]
    days = [TODAY + timedelta(days=42 * number) for number in range(visits)]
    first = not_covered([(on, ["microneedling"]) for on in days], bought)
    assert first == (days[sum(lefts)] if visits > sum(lefts) else None)


def test_a_visit_after_the_end_or_of_another_treatment_is_not_covered():
    day = date(2027, 4, 4)
    assert not_covered([(day, ["microneedling"])], [a_bought()]) == day
    assert not_covered([(TODAY, ["rf"])], [a_bought(technique="microneedling")]) == TODAY
