"""Deposits: taken with a reference, settled by a person and never by themselves, and summed for the till."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, transaction

from clinic.errors import DomainError
from tests import factories
from tests.treatments.packages.made import (
    TODAY,
    a_deposit,
    a_package,
    a_policy,
    in_pounds,
    manager_of,
    missed,
)
from treatments.flows import visits as flow
from treatments.packages import services as packages
from treatments.packages.deposits import services
from treatments.packages.deposits.models import Deposit, DepositStep

pytestmark = pytest.mark.django_db


def refusal(act) -> DomainError:
    with pytest.raises(DomainError) as refused, transaction.atomic():
        act()
    return refused.value


def settle(deposit: Deposit, became: str, reason: str = "Said so") -> DepositStep:
    return services.settle(deposit=deposit, became=became, reason=reason, by=deposit.taken_by)


def suggestion(visit) -> tuple[str, str]:
    visit.refresh_from_db()
    return services.suggested(visit, packages.policy_of(visit.clinic))


def test_what_cannot_be_taken_is_refused_at_its_field(visit_today):
    clinic, by = visit_today.clinic, manager_of(visit_today.clinic)
    at = {"visit": visit_today, "amount": Decimal(50), "reference": "R-1", "by": by}
    assert refusal(lambda: services.take(**at)).sentence.startswith("The clinic has no currency yet.")
    in_pounds(clinic)
    assert refusal(lambda: services.take(**at | {"amount": Decimal(0)})).field == "amount"
    assert refusal(lambda: services.take(**at | {"reference": "  "})).field == "reference"
    deposit = services.take(**at)
    assert (deposit.state, deposit.amount_words, deposit.patient) == ("taken", "50.00 GBP", visit_today.patient)
    flow.cancel(visit=visit_today, reason="Away", by=by)
    assert refusal(lambda: services.take(**at)).sentence == "This visit is cancelled. A deposit is taken before it."


def test_each_step_has_its_time_its_person_and_its_reason_and_a_mistake_is_put_right(visit_today, desk_member):
    deposit = a_deposit(visit_today)
    assert refusal(lambda: settle(deposit, "kept", " ")).field == "reason"
    assert refusal(lambda: settle(deposit, "eaten")).field == "became"
    assert refusal(lambda: settle(deposit, "taken")).sentence == "The deposit is taken already."
    settle(deposit, "kept", "Did not come")
    settle(deposit, "taken", "She came after all")
    settle(deposit, "returned", "Set off")
    deposit.refresh_from_db()
    assert deposit.state == "returned"
    assert [(step.was, step.became) for step in deposit.steps.all()] == [
        ("taken", "kept"), ("kept", "taken"), ("taken", "returned"),
    ]  # fmt: skip
    assert all(step.at and step.by and step.reason for step in deposit.steps.all())


def test_nothing_is_ever_kept_or_returned_by_itself(visit_today, later):
    a_policy(visit_today.clinic)
    deposit = a_deposit(visit_today)
    missed(visit_today, later)
    deposit.refresh_from_db()
    assert deposit.state == "taken"


def test_the_policy_suggests_by_what_became_of_the_visit(visit_today, later):
    assert suggestion(visit_today) == ("", "")
    visit = missed(visit_today, later)
    assert suggestion(visit) == ("returned", "Missed visits cost nothing here")
    a_policy(visit.clinic)
    assert suggestion(visit) == ("kept", "Did not come")


@pytest.mark.parametrize(
    ("hours", "keeps", "suggested"),
    [(24, True, "kept"), (None, True, "returned"), (24, False, "returned")],
)
def test_a_late_cancellation_suggests_what_the_policy_says(visit_today, hours, keeps, suggested):
    a_policy(visit_today.clinic, late_hours=hours, keeps=keeps)
    visit = flow.cancel(visit=visit_today, reason="Away", by=manager_of(visit_today.clinic))
    assert suggestion(visit)[0] == suggested


def test_who_cancels_in_time_has_it_back(booked_course):
    a_policy(booked_course[1].clinic)
    visit = flow.cancel(visit=booked_course[1], reason="Away", by=manager_of(booked_course[1].clinic))
    assert suggestion(visit) == ("returned", "Cancelled in time")


def test_a_deposit_and_its_steps_stay(visit_today):
    deposit = a_deposit(visit_today)
    step = settle(deposit, "kept")

    def refused(act) -> str:
        with pytest.raises((IntegrityError, InternalError)) as found, transaction.atomic():
            act()
        return found.value.__cause__.diag.constraint_name or "protected"

    rows = Deposit.objects.filter(pk=deposit.pk)
    assert refused(lambda: rows.update(state="returned")) == "deposit_is_fixed"
    assert refused(lambda: rows.update(amount=1)) == "deposit_is_fixed"
    assert refused(lambda: rows._raw_delete(rows.db)) == "deposit_is_fixed"
    assert refused(lambda: DepositStep.objects.filter(pk=step.pk).update(reason="x")) == "protected"
    follow = {"deposit": deposit, "reason": "x", "by": deposit.taken_by}
    assert (
        refused(lambda: DepositStep.objects.create(**follow, was="taken", became="returned")) == "deposit_step_follows"
    )
    assert refused(lambda: DepositStep.objects.create(**follow, was="kept", became="kept")) == "deposit_step_goes_on"
    strange = {"clinic": deposit.clinic, "patient": factories.make_patient(deposit.clinic), "visit": visit_today}
    more = {"amount": 1, "currency": "GBP", "reference": "x", "taken_by": deposit.taken_by}
    assert refused(lambda: Deposit.objects.create(**strange, **more)) == "deposit_of_its_own_visit"


# ── The till ──────────────────────────────────────────────────────────────────


def test_a_day_is_the_sum_of_what_was_taken_and_given(booked_course, later):
    clinic, patient = booked_course[0].clinic, booked_course[0].patient
    a_policy(clinic)
    package = a_package(patient)
    first, second = a_deposit(booked_course[0]), a_deposit(booked_course[1], amount=Decimal("30.50"))
    settle(first, "kept")
    settle(second, "returned")
    settle(second, "taken", "Wrong one")
    refund = packages.refund(package=package, sessions=1, amount=Decimal(120), reason="x", by=package.sold_by)
    moved = services.movements(clinic, TODAY)
    # The clock stands still in a test, so the order of one moment is not looked at.
    assert sorted((one.what, one.amount) for one in moved) == [
        ("Deposit kept", Decimal(0)),
        ("Deposit put back", Decimal("30.50")),
        ("Deposit returned", Decimal("-30.50")),
        ("Deposit taken", Decimal("30.50")),
        ("Deposit taken", Decimal(50)),
        ("Package refunded: Course of four", Decimal(-120)),
        ("Package sold: Course of four", Decimal(480)),
    ]
    assert services.totals(moved) == ["440.50 GBP"]
    later(timedelta(days=1))
    packages.give_back(entry=refund, reason="She stays", by=package.sold_by)
    [one] = services.movements(clinic, TODAY + timedelta(days=1))
    assert (one.what, one.amount_words) == ("Refund put back: Course of four", "120.00 GBP")
    assert len(services.movements(clinic, TODAY)) == len(moved)


def test_another_clinic_and_another_day_have_their_own(visit_today, other_clinic):
    a_deposit(visit_today)
    assert services.movements(other_clinic, TODAY) == []
    assert services.movements(visit_today.clinic, TODAY - timedelta(days=1)) == []


def test_a_day_ends_at_the_clinics_midnight(visit_today, later):
    later(timedelta(hours=13))  # 23:42 in London
    flow_day = services.movements(visit_today.clinic, TODAY)
    assert flow_day == []
    place = factories.a_place(visit_today.clinic, TODAY + timedelta(days=1), kind="consultation")
    visit = factories.appointments.book(
        patient=visit_today.patient, kind="consultation", place=place, by=manager_of(visit_today.clinic)
    )
    a_deposit(visit)
    later(timedelta(minutes=30))
    a_deposit(visit, amount=Decimal(10))
    assert services.totals(services.movements(visit_today.clinic, TODAY)) == ["50.00 GBP"]
    assert services.totals(services.movements(visit_today.clinic, TODAY + timedelta(days=1))) == ["10.00 GBP"]
