"""What the rules are told: days of the clinic's own calendar, and courses that are over."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from patients.services import history
from tests import factories
from tests.factories import TODAY
from treatments import facts
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import load
from treatments.screenings import services
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db


def test_a_medicine_listed_in_the_evening_was_listed_today(clinic_time):
    """At half past eight in New York the day has already changed in London."""
    clinic_time(datetime(2027, 3, 9, 20, 30, tzinfo=ZoneInfo("America/New_York")))
    clinic = factories.make_clinic(zone="America/New_York")
    patient, by = factories.make_patient(clinic), factories.a_clinician(clinic).user
    history.record_medication(patient=patient, kind="anticoagulant", name="Apixaban", prescribed=True, by=by)
    known = facts.patient_facts(patient, on=TODAY, catalogue=load())
    assert known.answers["anticoagulant_rx"].answered_on == TODAY
    assert services.look(patient, on=TODAY, purpose="session").on == TODAY


def test_of_an_earlier_day_it_is_not_known_yet(patient, clinician_member):
    history.record_medication(
        patient=patient, kind="anticoagulant", name="Apixaban", prescribed=True, by=clinician_member.user
    )
    assert "anticoagulant_rx" in facts.patient_facts(patient, on=TODAY, catalogue=load()).answers
    assert (
        "anticoagulant_rx" not in facts.patient_facts(patient, on=TODAY - timedelta(days=1), catalogue=load()).answers
    )


def test_a_finished_course_gives_no_numbers_to_the_next_but_its_floor_still_runs(done_session, later):
    patient, plan = done_session.patient, done_session.plan
    later(timedelta(days=1))
    assert [
        done["counts"] for done in facts.facts_json(patient, on=TODAY + timedelta(days=1), catalogue=load())["sessions"]
    ] == [True]
    assert plans.propose(patient, starts_on=date(2027, 5, 1)).sessions[0].number == 2
    TreatmentPlan.objects.filter(pk=plan.pk).update(status="completed")
    assert [
        done["counts"] for done in facts.facts_json(patient, on=TODAY + timedelta(days=1), catalogue=load())["sessions"]
    ] == [False]
    anew = plans.propose(patient, starts_on=date(2027, 5, 1))
    assert [session.number for session in anew.sessions] == [1, 2, 3, 4]
    found = services.look(patient, on=TODAY + timedelta(days=10), purpose="booking").findings
    assert "interval_floor" in {finding.code for finding in found}


def test_a_needling_counts_by_its_deepest_zone(open_session, later):
    charted = factories.chart(open_session, cheek=("0.75", 4), chin=("1.00", 4))
    done = sessions.complete(session=charted, by=charted.operator)
    later(timedelta(days=1))
    [needling] = facts.patient_facts(done.patient, on=TODAY + timedelta(days=1), catalogue=load()).sessions
    assert needling.max_depth_mm == Decimal("1.00")


def test_stopped_before_the_first_needle_it_has_no_depth_and_runs_the_floor(open_session, later):
    sessions.stop(
        session=open_session, reason="Felt faint", counts=False, by=open_session.operator, sharps_disposed=True
    )
    later(timedelta(days=1))
    [needling] = facts.patient_facts(open_session.patient, on=TODAY + timedelta(days=1), catalogue=load()).sessions
    assert needling.max_depth_mm is None


def test_concerns_are_told_in_the_order_in_which_they_were_assessed(clinic):
    patient = factories.make_patient(clinic)
    assessed = [
        {"code": "wrinkles", "zones": ["forehead"], "severity": "mild"},
        {"code": "acne_scar_face", "zones": ["chin", "cheek"], "severity": "severe"},
    ]
    factories.assess(patient, concerns=assessed)
    assert facts.facts_json(patient, on=TODAY, catalogue=load())["concerns"] == assessed
