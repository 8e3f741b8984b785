"""Eight processes at one diary, some of them killed: nothing is broken, and what would be is found. `make faults` does it at length."""

from collections.abc import Iterator

import pytest

from treatments.faults import booking, world
from treatments.faults.controls import CONTROLS
from treatments.faults.intents import DONE

# Each test has a database of its own; the mark makes the one that they are copied from.
pytestmark = pytest.mark.django_db
TRIES, KILLS, CONTROL_TRIES = 240, 8, 60


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker) -> Iterator[None]:
    """The clinic of the fault runs, smaller, in a database of its own on the tests' server; each run takes a copy of it."""
    with django_db_blocker.unblock(), world.copy_of_this("faults_made"):
        world.make_clinic(courses=4, alone=4)
        yield


def test_killed_and_racing_they_book_nothing_twice_and_nothing_by_half(made):
    with world.copy_of_this("faults_race"):
        outcome = booking.run(tries=TRIES, kills=KILLS)
    broken = [one for found in outcome.found.values() for one in found]
    assert broken == [], "\n".join(broken[:5])
    assert outcome.run.tries >= TRIES
    # Who kills also looks: on a busy machine the racers may be done before the last of them.
    assert KILLS // 2 <= outcome.run.kills <= KILLS
    assert outcome.answers["killed"] > 0
    assert outcome.answers["SlotTaken"] > 0
    assert outcome.answers[DONE] > TRIES / 10


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_with_a_guard_off_the_same_run_finds_it(made, control):
    _, outcome = booking.controlled(control, tries=CONTROL_TRIES, kills=2)
    assert outcome.found[control.finds]
