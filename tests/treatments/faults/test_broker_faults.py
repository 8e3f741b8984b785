"""Bookings while the broker forgets and while it swallows every word. `make faults` does it at length."""

from collections.abc import Iterator

import pytest

from treatments.faults import broker, mail, world

# Each run has a database of its own; the mark makes the one that they are copied from.
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), world.copy_of_this("broker_made"):
        world.make_clinic(courses=0, alone=4)
        yield


def test_a_broker_that_forgets_or_falls_silent_fails_no_booking_and_loses_nothing(made):
    with world.copy_of_this("broker_run"):
        outcome = broker.run(**mail.BROKER_SHORT)
    assert {check: found for check, found in outcome["found"].items() if found} == {}
    assert outcome["rings_flushed_away"] > 0
    assert outcome["rings_that_failed"] == 1
    assert "emptied 3 times" in next(broker.lines(outcome))


@pytest.mark.parametrize("name", broker.CONTROLS)
def test_with_a_guard_off_the_same_run_finds_it(made, name):
    control = mail.broker_control(name)
    assert control["found"][control["has_to_find"]] > 0, control
