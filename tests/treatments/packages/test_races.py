"""Two connections and one session left: real commits. The count is held by the database, not by who asks first."""

import threading
from decimal import Decimal

import pytest
from django.db import DatabaseError, connections, transaction

from clinic.errors import DomainError
from tests.treatments.appointments.test_races import meanwhile, unguarded, wait_until_somebody_waits
from tests.treatments.packages.made import a_deposit, a_package, left
from treatments.packages import services
from treatments.packages.deposits import services as deposits
from treatments.packages.models import Package, PackageEntry

pytestmark = pytest.mark.django_db(transaction=True)


def refunds(package: Package) -> PackageEntry:
    """A row of the ledger and nothing else: no lock of ours, no look at what is left."""
    return PackageEntry.objects.create(
        package=package, what="refunded", change=-1, amount=Decimal(0), reason="x", by=package.sold_by
    )


def both_take_the_last_one(package: Package, take) -> DatabaseError | DomainError | None:
    """What the second is told, which begins before the first has committed."""
    with transaction.atomic():
        take(package)
        thread, told = meanwhile(lambda: take(package))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return told[0]


def test_two_who_reach_for_the_last_session_have_it_once(patient):
    package = a_package(patient, sessions=1)
    told = both_take_the_last_one(package, refunds)
    assert told.__cause__.diag.constraint_name == "package_left_never_below_nought"
    assert left(package) == 0


def test_without_the_constraint_both_would_have_it(patient):
    """Negative control."""
    package = a_package(patient, sessions=1)
    with unguarded("treatments_package", "package_left_never_below_nought"):
        assert both_take_the_last_one(package, refunds) is None
        assert left(package) == -1


def test_by_the_service_the_second_reads_a_sentence(patient):
    package = a_package(patient, sessions=1)

    def refund(package: Package) -> None:
        services.refund(package=package, sessions=1, amount=Decimal(0), reason="x", by=package.sold_by)

    told = both_take_the_last_one(package, refund)
    assert told.field == "sessions"
    assert left(package) == 0


def test_many_at_once_never_take_more_than_there_are(patient):
    package = a_package(patient, sessions=4)
    told: list[bool] = []

    def run() -> None:
        try:
            refunds(package)
            told.append(True)
        except DatabaseError:
            told.append(False)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (sum(told), len(told), left(package)) == (4, 8, 0)


def test_a_deposit_is_settled_once(visit_today):
    deposit = a_deposit(visit_today)
    by = deposit.taken_by
    with transaction.atomic():
        deposits.settle(deposit=deposit, became="kept", reason="Late", by=by)
        thread, told = meanwhile(lambda: deposits.settle(deposit=deposit, became="kept", reason="Late", by=by))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    assert told[0].sentence == "The deposit is kept already."
    assert deposit.steps.count() == 1
