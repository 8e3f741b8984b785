"""What was decided can be decided again from what the record keeps, whatever the rules of today say."""

import hashlib
from datetime import timedelta

import pytest
from django.db import connection

from tests import factories
from tests.factories import TODAY
from treatments.demo import builder
from treatments.protocol.catalogue import load
from treatments.rules import policy
from treatments.rules import services as rules
from treatments.rules.models import ProtocolVersion
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord
from treatments.screenings.replay import replay

pytestmark = pytest.mark.django_db
WAIT = "rule.isotretinoin_past.washout_days"
# Stories of the demo with sessions: scars, lines, melasma, a cleared answer, a course that was stopped.
SCREENED = {0, 1, 4, 8, 9}


def as_stored(record: ScreeningRecord) -> dict:
    return {key: value for key, value in record.result.items() if key != "outlook"}


@pytest.fixture
def waiting(patient) -> ScreeningRecord:
    """Screened today, for somebody whose last capsule is 190 days ago."""
    factories.answer_all(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=190))
    return factories.screen_today(patient)


def screened_again(record: ScreeningRecord) -> ScreeningRecord:
    patient = type(record.patient).objects.get(pk=record.patient_id)
    return screenings.perform(patient=patient, on=TODAY, purpose="session", by=record.made_by)


def test_a_record_says_the_same_after_the_clinic_has_changed_its_rules(waiting, manager_member):
    policy.tighten(clinic=waiting.patient.clinic, path=WAIT, value=210, by=manager_member)
    assert screened_again(waiting).outcome == "defer"
    assert waiting.outcome != "defer"
    for record in ScreeningRecord.objects.all():
        assert replay(record).to_json() == as_stored(record)


def test_a_record_says_the_same_after_its_loosening_has_run_out(waiting, prescriber_member, later):
    details = {"path": WAIT, "value": 90, "reason": "Superficial only", "expires_on": TODAY}
    policy.loosen(clinic=waiting.patient.clinic, by=prescriber_member, **details)
    factories.answer(waiting.patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=100))
    record = screened_again(waiting)
    assert "isotretinoin_past" not in {finding["code"] for finding in record.result["findings"]}
    later(timedelta(days=30))
    assert replay(ScreeningRecord.objects.get(pk=record.pk)).to_json() == as_stored(record)


def test_a_record_says_the_same_where_a_looser_rule_is_over_before_the_wait_is(waiting, prescriber_member, later):
    until = TODAY + timedelta(days=5)
    policy.loosen(
        clinic=waiting.patient.clinic, by=prescriber_member, path=WAIT, value=90, reason="Superficial", expires_on=until
    )
    factories.answer(waiting.patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=75))
    record = screened_again(waiting)
    assert record.earliest_on == TODAY + timedelta(days=105)
    later(timedelta(days=30))
    assert replay(ScreeningRecord.objects.get(pk=record.pk)).to_json() == as_stored(record)


def test_a_record_keeps_the_version_it_was_judged_by_where_another_is_adopted_meanwhile(waiting, prescriber_member):
    """The adoption of somebody else comes between reading the rules and writing the record."""
    newer, adopted = a_longer_wait(), []

    def adopt_as_the_answers_are_read(execute, sql, params, many, context):
        if "patients_historyanswer" in sql and not adopted:
            adopted.append(newer)
            rules.adopt(clinic=waiting.patient.clinic, protocol=newer, by=prescriber_member)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(adopt_as_the_answers_are_read):
        record = screened_again(waiting)
    assert adopted and record.outcome != "defer"
    assert record.protocol != newer
    assert replay(record).to_json() == as_stored(record)
    assert screened_again(waiting).protocol == newer


def a_longer_wait() -> ProtocolVersion:
    """Another published version: 240 days instead of 180."""
    toml = load().text.replace("washout = { days = 180 }", "washout = { days = 240 }")
    toml = toml.replace(f'version = "{load().version}"', 'version = "2031.7"')
    return ProtocolVersion.objects.create(version="2031.7", sha256=hashlib.sha256(toml.encode()).hexdigest(), toml=toml)


def test_a_record_says_the_same_after_another_version_was_adopted(waiting, prescriber_member):
    rules.adopt(clinic=waiting.patient.clinic, protocol=a_longer_wait(), by=prescriber_member)
    again = screened_again(waiting)
    assert (again.outcome, again.result["protocol_version"]) == ("defer", "2031.7")
    for record in ScreeningRecord.objects.all():
        assert replay(record).to_json() == as_stored(record)


@pytest.mark.parametrize("forged", ["policy", "facts"])
def test_the_control_a_record_whose_rules_or_facts_were_others_says_something_else(waiting, forged):
    other = {
        "policy": '[{"path": "rule.isotretinoin_past.washout_days", "value": 210, "expires_on": null}]',
        "facts": '{"born_on": "2015-01-01"}',
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE treatments_screeningrecord SET {forged} = %s", [other[forged]])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    record = ScreeningRecord.objects.get(pk=waiting.pk)
    assert replay(record).to_json()["findings"] != record.result["findings"]


def test_every_record_of_a_demo_clinic_says_the_same_again(clinic_time):
    clinic = builder.build(patients=12, only=SCREENED)
    records = ScreeningRecord.objects.filter(patient__clinic=clinic).select_related("protocol")
    assert len(records) > 12
    assert {record.outcome for record in records} >= {"caution", "clear"}
    for record in records:
        assert replay(record).to_json() == as_stored(record)
