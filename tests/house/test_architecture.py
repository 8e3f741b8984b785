"""The house keeps its plan; and each check, shown a breach, says so."""

import pytest

from tests.house import architecture
from tests.house.architecture import CHECKS, Source, our_sources

BREACHES = {
    "imports_point_back": [Source("clinic.views", "from patients.models import Patient")],
    "rooms_point_back": [Source("treatments.plans.services", "from treatments.appointments import services")],
    "layers_point_down": [
        Source("treatments.plans.services", "from treatments.plans.views import course"),
        Source("treatments.plans.views", "def course(): ..."),
    ],
    "pure_packages_are_pure": [Source("treatments.protocol.screening", "from django.utils import timezone")],
    "views_do_not_write": [Source("patients.views", "def edit(request):\n    request.clinic.patients.create()")],
    "views_declare_permission": [Source("patients.views", "def edit(request): ...")],
    "views_stay_inside_the_clinic": [Source("patients.views", "found = Patient.objects.get(pk=1)")],
    "no_time_for_the_broker": [Source("patients.outbox.tasks", "dispatch.apply_async(countdown=60)")],
    "flows_are_called_from_above": [Source("treatments.plans.services", "from treatments.flows import courses")],
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_keeps_its_plan(check):
    assert check(our_sources()) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_check_speaks_when_shown_a_breach(check):
    modules = BREACHES[check.__name__]
    assert check(modules), f"{check.__name__} did not notice {modules[0].text!r}"


def test_a_clock_in_a_pure_package_is_noticed():
    breach = Source("treatments.scheduling.slots", "from datetime import date\nday = date.today()")
    assert architecture.pure_packages_are_pure([breach])


def test_only_the_gathering_modules_may_look_up():
    assert {source.name for source in our_sources()} >= architecture.GATHERERS - {"patients.tasks"}
