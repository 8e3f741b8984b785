"""Messages sent while everything is done to them: workers killed and frozen, a relay that is rude or gone, days without workers, a
database that is restarted. Nothing is lost, nothing goes twice; with a guard off the same run says so. `make faults` does it at
length."""

import pytest

from patients.outbox.faults import checks, running, scene
from patients.outbox.faults.running import SCENARIOS, controlled, played
from treatments.faults.world import copy_of_this

# Each run has a database of its own; the mark makes the one that they are copied from.
pytestmark = pytest.mark.django_db
ALL_CONTROLS = [(scenario, control) for scenario in SCENARIOS for control in scenario.controls]
# With dice against them these take a quarter of a minute; `make faults` plays them, and `test_races` freezes a worker at each line.
AT_LENGTH_ONLY = {"nobody asks how old the marker is", "commits that are answered before they are written"}
# The same guard off is seen once, in the later and shorter of its scenarios.
LATEST = {(control.name, control.finds): scenario.name for scenario, control in ALL_CONTROLS}
SHORT_CONTROLS = [
    (scenario, control)
    for scenario, control in ALL_CONTROLS
    if control.name not in AT_LENGTH_ONLY and LATEST[control.name, control.finds] == scenario.name
]
# Beside "sent": how else a message may end there. To give a message up is an end too, and must not pass for one.
# A control in which nothing stale is ever closed never comes to its end: it is left when nothing has changed for so long. Nobody
# is killed or frozen there; all the same it is longer than a lease and its grace.
STILL_SECONDS = {"asleep": scene.LIMITS.lease_seconds + scene.LIMITS.grace_seconds + 0.9}
OTHER_ENDS = {"unfriendly": "failed", "asleep": "expired", "cancelled": "cancelled"}


@pytest.fixture
def server(ground):
    """The tests' own server, which these runs may restart."""
    if ground.postgres is None:
        pytest.skip("needs a PostgreSQL of the tests' own")
    return ground.postgres


def fresh():
    return copy_of_this("faults_mail")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost_nothing_goes_twice_and_everything_comes_to_an_end(scenario, server):
    with fresh():
        outcome = played(scenario, scenario.short, server=server)
    broken = [one for found in outcome.found.values() for one in found]
    assert broken == [], "\n".join(outcome.lines())
    other = OTHER_ENDS.get(scenario.name)
    assert set(outcome.states) == {"sent", *([other] if other else [])}, outcome.states
    given_up = {"unfriendly": "dead addresses", "asleep": "stale"}.get(scenario.name)
    assert given_up is None or outcome.states[other] == outcome.did[given_up], outcome.states
    assert outcome.arrived == outcome.states["sent"]
    # What was to be done to them was done, or most of it: on a busy machine the messages may be out before the last of it.
    assert min(outcome.did.values()) > 0, outcome.did
    for done, planned in {"killed": "kills", "frozen": "freezes", "restarts": "restarts", "cancels": "cancels"}.items():
        assert outcome.did.get(done, 0) >= scenario.short.get(planned, 0) / 2, outcome.did
    assert outcome.did["messages"] == scenario.short["messages"] == outcome.states.total()


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "control"), SHORT_CONTROLS, ids=lambda one: one.name)
def test_with_a_guard_off_the_same_run_finds_it(scenario, control, server, monkeypatch):
    if scenario.name in STILL_SECONDS:
        monkeypatch.setattr(scene, "STILL_SECONDS", STILL_SECONDS[scenario.name])
    outcome = controlled(scenario, control, fresh, server=server)
    assert outcome.has_spoken, outcome.as_json()


def test_every_guard_is_off_in_one_of_the_short_runs_too():
    guards = {(control.name, control.finds) for _, control in ALL_CONTROLS if control.name not in AT_LENGTH_ONLY}
    assert AT_LENGTH_ONLY.issubset(control.name for _, control in ALL_CONTROLS)
    assert {(control.name, control.finds) for _, control in SHORT_CONTROLS} == guards
    assert len(SHORT_CONTROLS) == len(guards)


def test_the_checks_of_a_run_cover_what_it_is_about():
    assert {control.finds for _, control in ALL_CONTROLS} == {
        checks.LOST, checks.TWICE, checks.BURNT, checks.STALE, checks.CANCELLED,
    }  # fmt: skip
    assert [scenario.name for scenario in running.what_can_be_played(server=None)] == [
        scenario.name for scenario in SCENARIOS if scenario.name != "restarted"
    ]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_share_of_the_long_form_is_never_smaller_than_the_short_one(scenario):
    assert scenario.sizes(1) == scenario.long
    assert scenario.sizes(0) == scenario.short
    assert all(scenario.short[what] <= count <= scenario.long[what] for what, count in scenario.sizes(0.1).items())
