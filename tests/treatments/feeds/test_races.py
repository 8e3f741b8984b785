"""Two presses for a new address at the same moment: one address is open afterwards, and nobody meets an error."""

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connections, transaction

from clinic.models import Membership
from tests import factories
from tests.treatments.appointments.test_races import wait_until_somebody_waits
from treatments.appointments.feeds import services
from treatments.appointments.feeds.models import CalendarFeed


def meanwhile(act: Callable[[], object]) -> tuple[threading.Thread, list]:
    outcome: list = []

    def run() -> None:
        try:
            outcome.append(act())
        except IntegrityError as error:
            outcome.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def two_presses(noor: Membership) -> object:
    """What the second one meets while the first is not finished."""
    with transaction.atomic():
        services.make_address(membership=noor, by=noor.user)
        thread, outcome = meanwhile(lambda: services.make_address(membership=noor, by=noor.user))
        wait_until_somebody_waits()
    thread.join(timeout=30)
    return outcome[0]


@pytest.mark.django_db(transaction=True)
def test_the_second_press_waits_and_replaces_the_first(clinic, monkeypatch):
    noor = factories.a_clinician(clinic)
    assert isinstance(two_presses(noor), str)
    assert CalendarFeed.objects.filter(revoked_at=None).count() == 1
    assert CalendarFeed.objects.count() == 2
    # Negative control: without the lock both find nothing to close, and the database refuses the second.
    services.give_up_address(membership=noor, by=noor.user)
    monkeypatch.setattr(services, "_locked", lambda membership: membership)
    assert isinstance(two_presses(noor), IntegrityError)
