"""A change that touches many: everybody is screened again by rows that are read and written together."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.factories import TODAY
from treatments.flows import publishing
from treatments.rules.models import OutcomeChange
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord
from treatments.screenings.replay import replay

pytestmark = pytest.mark.django_db
WAIT = "rule.isotretinoin_past.washout_days"


def somebody_booked(clinic, hour: int):
    patient = factories.make_patient(clinic, given_name=f"P{hour}")
    plan = factories.make_active_plan(patient)
    factories.book(plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=27), at=time(hour))
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=160))
    return patient


def queries_of_a_change(clinic, by, value: int) -> int:
    clinic = type(clinic).objects.get(pk=clinic.pk)
    with CaptureQueriesContext(connection) as captured:
        publishing.tighten(clinic=clinic, path=WAIT, value=value, by=by)
    return len(captured)


def test_each_further_patient_costs_a_line_of_the_audit_and_nothing_else(clinic, manager_member):
    somebody_booked(clinic, 9)
    one = queries_of_a_change(clinic, manager_member, 210)
    for hour in (11, 13, 15):
        somebody_booked(clinic, hour)
    four = queries_of_a_change(clinic, manager_member, 240)
    assert OutcomeChange.objects.count() == 1 + 4
    assert ScreeningRecord.objects.filter(rules_version__gt=1, earliest_on=TODAY + timedelta(days=80)).count() == 4
    assert four <= one + 3


def test_what_is_written_together_is_what_is_written_alone(clinic, manager_member, prescriber_member):
    patient = somebody_booked(clinic, 11)
    until = TODAY + timedelta(days=9)
    publishing.loosen(clinic=clinic, path=WAIT, value=100, reason="x", expires_on=until, by=prescriber_member)
    together = patient.screenings.first()
    alone = screenings.perform_again(patient=type(patient).objects.get(pk=patient.pk), by=manager_member.user)
    shared = ("outcome", "binding", "earliest_on", "purpose", "result", "facts", "policy", "rules_version", "protocol")
    assert [getattr(together, name) for name in shared] == [getattr(alone, name) for name in shared]
    assert list(together.findings.values_list("code", "category")) == list(
        alone.findings.values_list("code", "category")
    )
    assert replay(together).to_json().items() <= together.result.items()
