"""The gate in the database: a session is refused once for each reason, whatever writes it; each with the trigger off."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from clinic import clock
from clinic.errors import CONSTRAINT_SENTENCES, DomainError
from patients.models import Consent, ConsentText, Patient
from tests import factories
from tests.treatments.sessions.gate_world import (
    a_past_session,
    a_record,
    gate_off,
    insert_session,
    promise_broken,
)
from treatments.appointments.models import Appointment
from treatments.plans.models import TreatmentPlan
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession


def no_record(visit: Appointment) -> dict:
    return {"screening_id": None}


def a_record_for_booking(visit: Appointment) -> dict:
    return {"screening_id": a_record(visit.patient, purpose="booking").pk}


def a_record_of_yesterday(visit: Appointment) -> dict:
    record = a_record(visit.patient)
    clock.shift(timedelta(days=1))
    return {"screening_id": record.pk}


def a_record_made_yesterday_for_today(visit: Appointment) -> dict:
    record = a_record(visit.patient, on=clock.today(visit.clinic) + timedelta(days=1))
    clock.shift(timedelta(days=1))
    return {"screening_id": record.pk}


def a_session_dated_tomorrow(visit: Appointment) -> dict:
    return {"screening_id": a_record(visit.patient).pk, '"on"': clock.today(visit.clinic) + timedelta(days=1)}


def another_patients_record(visit: Appointment) -> dict:
    other = factories.make_patient(visit.clinic, given_name="Ana")
    factories.answer_all(other)
    factories.screen_today(other)
    return {"screening_id": a_record(other).pk}


def an_outcome(outcome: str) -> Callable[[Appointment], dict]:
    def breach(visit: Appointment) -> dict:
        return {"screening_id": a_record(visit.patient, outcome=outcome).pk}

    breach.__name__ = f"outcome_{outcome}"
    return breach


def facts_that_changed_meanwhile(visit: Appointment) -> dict:
    record = a_record(visit.patient)
    raw_answer(visit.patient, "hsv_history", "yes")
    return {"screening_id": record.pk}


def rules_that_changed_meanwhile(visit: Appointment) -> dict:
    record = a_record(visit.patient)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO treatments_policyvalue (ref, clinic_id, path, value, direction, reason, set_by_id, licence,"
            " ended_reason, ended_licence)"
            " VALUES (gen_random_uuid(), %s, 'interval.floor_days', '35', 'stricter', '', %s, '', '', '')",
            [visit.clinic_id, visit.clinician.user_id],
        )
    return {"screening_id": record.pk}


def a_record_under_the_rules_of_later(visit: Appointment) -> dict:
    return {"screening_id": a_record(visit.patient, rules_version=visit.clinic.rules_version + 1).pk}


def no_consent(visit: Appointment) -> dict:
    plan = visit.planned_session.plan
    other = factories.make_patient(visit.clinic, given_name="Ana")
    factories.answer_all(other)
    draft = factories.make_draft(other)
    TreatmentPlan.objects.filter(pk=draft.pk).update(
        status="active", activated_at=clock.now(), activated_by=plan.activated_by
    )
    factories.screen_today(other)
    return {
        "patient_id": other.pk,
        "plan_id": draft.pk,
        "planned_session_id": draft.planned_sessions.first().pk,
        "appointment_id": None,
        "screening_id": a_record(other).pk,
    }


def consent_withdrawn(visit: Appointment) -> dict:
    Consent.objects.filter(patient=visit.patient).update(withdrawn_at=clock.now(), withdrawn_reason="Changed her mind")
    return {"screening_id": a_record(visit.patient).pk}


def consent_text_to_ask_again(visit: Appointment) -> dict:
    ConsentText.objects.filter(clinic=visit.clinic).update(ask_again=True)
    return {"screening_id": a_record(visit.patient).pk}


def consent_a_year_old(visit: Appointment) -> dict:
    clock.move_to(factories.NOW.replace(year=2028))
    return {"screening_id": a_record(visit.patient).pk}


def consent_for_another_technique(visit: Appointment) -> dict:
    TreatmentPlan.objects.filter(pk=visit.planned_session.plan_id).update(techniques=["microneedling", "prp"])
    return {"screening_id": a_record(visit.patient).pk}


def consent_for_a_shallower_depth(visit: Appointment) -> dict:
    TreatmentPlan.objects.filter(pk=visit.planned_session.plan_id).update(depth_class=3)
    return {"screening_id": a_record(visit.patient).pk}


def needled_27_days_ago(visit: Appointment) -> dict:
    a_past_session(visit, clock.today(visit.clinic) - timedelta(days=27))
    second = visit.planned_session.plan.planned_sessions.get(number=2)
    return {"screening_id": a_record(visit.patient).pk, "planned_session_id": second.pk, "appointment_id": None}


def plan_in(status: str) -> Callable[[Appointment], dict]:
    def breach(visit: Appointment) -> dict:
        ended = (
            {"ended_at": clock.now(), "ended_by": visit.clinician.user, "ended_reason": "x"}
            if status == "revoked"
            else {}
        )
        TreatmentPlan.objects.filter(pk=visit.planned_session.plan_id).update(status=status, **ended)
        return {"screening_id": a_record(visit.patient).pk}

    breach.__name__ = f"plan_{status}"
    return breach


def another_patients_plan(visit: Appointment) -> dict:
    other = factories.make_active_plan(factories.make_patient(visit.clinic, given_name="Ana"))
    return {"screening_id": a_record(visit.patient).pk, "plan_id": other.pk}


def a_session_of_another_course(visit: Appointment) -> dict:
    other = factories.make_active_plan(factories.make_patient(visit.clinic, given_name="Ana"))
    return {
        "screening_id": a_record(visit.patient).pk,
        "planned_session_id": other.planned_sessions.first().pk,
        "appointment_id": None,
    }


def another_patients_visit(visit: Appointment) -> dict:
    other = factories.make_visit_today(factories.make_patient(visit.clinic, given_name="Ana"), at=time(14))
    return {"screening_id": a_record(visit.patient).pk, "appointment_id": other.pk}


def the_visit_of_another_session(visit: Appointment) -> dict:
    second = visit.planned_session.plan.planned_sessions.get(number=2)
    return {"screening_id": a_record(visit.patient).pk, "planned_session_id": second.pk}


BREACHES = [
    (no_record, "session_needs_screening"),
    (a_record_for_booking, "session_needs_screening"),
    (a_record_of_yesterday, "session_screening_is_todays"),
    (a_record_made_yesterday_for_today, "session_screening_is_todays"),
    (a_session_dated_tomorrow, "session_screening_is_todays"),
    (another_patients_record, "session_screening_same_patient"),
    *((an_outcome(outcome), "session_outcome_permits") for outcome in ("ask", "needs_clinician", "defer", "block")),
    (facts_that_changed_meanwhile, "session_facts_current"),
    (rules_that_changed_meanwhile, "session_under_rules_in_force"),
    (a_record_under_the_rules_of_later, "session_under_rules_in_force"),
    (no_consent, "session_needs_consent"),
    (consent_withdrawn, "session_needs_consent"),
    (consent_text_to_ask_again, "session_needs_consent"),
    (consent_a_year_old, "session_needs_consent"),
    (consent_for_another_technique, "session_needs_consent"),
    (consent_for_a_shallower_depth, "session_needs_consent"),
    (needled_27_days_ago, "session_floor_kept"),
    *((plan_in(status), "session_plan_active") for status in ("draft", "submitted", "on_hold", "completed", "revoked")),
    (another_patients_plan, "session_plan_active"),
    (a_session_of_another_course, "session_of_its_own_visit"),
    (another_patients_visit, "session_of_its_own_visit"),
    (the_visit_of_another_session, "session_of_its_own_visit"),
]


def raw_answer(patient: Patient, code: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO patients_historyanswer (ref, patient_id, code, value, detail, note, answered_on, via)"
            " VALUES (gen_random_uuid(), %s, %s, %s, '', '', %s, 'patient')",
            [patient.pk, code, value, clock.today(patient.clinic)],
        )


@pytest.mark.parametrize("outcome", ["clear", "caution"])
def test_a_session_behind_a_passed_screening_begins(visit_today, outcome):
    assert insert_session(visit_today, screening_id=a_record(visit_today.patient, outcome=outcome).pk)


@pytest.mark.parametrize(("breach", "promise"), BREACHES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_database_refuses_and_without_its_trigger_it_does_not(visit_today, breach, promise):
    row = breach(visit_today)
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        insert_session(visit_today, **row)
    assert promise_broken(caught) == promise
    assert promise in CONSTRAINT_SENTENCES
    with gate_off():
        assert insert_session(visit_today, **row)


@pytest.mark.parametrize(
    ("floor_days", "days_ago", "allowed"),
    [(28, 28, True), (28, 27, False), (42, 42, True), (42, 41, False), (42, 28, False)],
)
def test_the_day_on_which_the_floor_ends_is_allowed(visit_today, floor_days, days_ago, allowed):
    plan = visit_today.planned_session.plan
    TreatmentPlan.objects.filter(pk=plan.pk).update(floor_days=floor_days, target_days=42)
    a_past_session(visit_today, clock.today(plan.clinic) - timedelta(days=days_ago))
    row = {
        "screening_id": a_record(visit_today.patient).pk,
        "planned_session_id": plan.planned_sessions.get(number=2).pk,
        "appointment_id": None,
    }
    if allowed:
        assert insert_session(visit_today, **row)
    else:
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            insert_session(visit_today, **row)
        assert promise_broken(caught) == "session_floor_kept"


@pytest.mark.parametrize(("days_ago", "allowed"), [(28, True), (27, False)])
def test_a_prescribers_clearance_lowers_a_raised_floor_but_never_below_28_days(
    visit_today, prescriber_member, days_ago, allowed
):
    from treatments.screenings.models import Clearance

    plan, today = visit_today.planned_session.plan, clock.today(visit_today.clinic)
    TreatmentPlan.objects.filter(pk=plan.pk).update(floor_days=42)
    Clearance.objects.create(
        patient=visit_today.patient,
        code="interval_floor",
        given_by=prescriber_member.user,
        licence="GMC 7654321",
        reason="Event to come",
        given_on=today,
        expires_on=today,
    )
    a_past_session(visit_today, today - timedelta(days=days_ago))
    row = {
        "screening_id": a_record(visit_today.patient).pk,
        "planned_session_id": plan.planned_sessions.get(number=2).pk,
        "appointment_id": None,
    }
    if allowed:
        assert insert_session(visit_today, **row)
    else:
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            insert_session(visit_today, **row)
        assert promise_broken(caught) == "session_floor_kept"


def test_a_session_entered_in_error_holds_nobody_back(visit_today):
    a_past_session(visit_today, clock.today(visit_today.clinic) - timedelta(days=3), status="entered_in_error")
    assert insert_session(visit_today, screening_id=a_record(visit_today.patient).pk)


def test_a_stopped_session_that_does_not_count_still_holds_the_floor(visit_today):
    key = a_past_session(visit_today, clock.today(visit_today.clinic) - timedelta(days=3), status="entered_in_error")
    with gate_off(), connection.cursor() as cursor:
        cursor.execute("SELECT patient_id FROM treatments_treatmentsession WHERE id = %s", [key])
        insert_session(
            visit_today,
            **{
                '"on"': clock.today(visit_today.clinic) - timedelta(days=3),
                "status": "stopped",
                "stopped_reason": "Fainted",
                "counts": False,
                "signed_at": clock.now(),
                "signed_by_id": visit_today.clinician.user_id,
            },
        )
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        insert_session(visit_today, screening_id=a_record(visit_today.patient).pk)
    assert promise_broken(caught) == "session_floor_kept"


def test_a_consent_of_one_day_less_than_a_year_still_counts(visit_today):
    clock.move_to(factories.NOW.replace(year=2028) - timedelta(days=1))
    assert insert_session(visit_today, screening_id=a_record(visit_today.patient).pk)


def test_the_day_is_the_clinics_and_not_utcs(clinic_time):
    """15:10 UTC on the 9th is ten past midnight on the 10th in Tokyo: a screening of her 9th is yesterday's."""
    clinic_time(datetime(2027, 3, 9, 1, tzinfo=UTC))
    clinic = factories.make_clinic(zone="Asia/Tokyo")
    visit = factories.make_visit_today(factories.make_patient(clinic), at=time(15))
    record = a_record(visit.patient)
    assert record.on == date(2027, 3, 9)
    clinic_time(datetime(2027, 3, 9, 15, 10, tzinfo=UTC))
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        insert_session(visit, screening_id=record.pk)
    assert promise_broken(caught) == "session_screening_is_todays"


# ── One answer changed behind the screening's back ───────────────────────────


def test_an_answer_changed_by_raw_sql_after_a_passed_screening_stops_the_opening(visit_today):
    visit = factories.arrive(visit_today)
    record = factories.screen_today(visit.patient)
    assert record.outcome == "clear"
    raw_answer(visit.patient, "pregnant", "yes")
    with pytest.raises(DomainError) as caught:
        sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[])
    assert caught.value.code == "session_facts_current"
    assert not TreatmentSession.objects.exists()


def test_the_page_refuses_too_and_names_the_way_out(clinician, visit_today):
    visit = factories.arrive(visit_today)
    factories.screen_today(visit.patient)
    raw_answer(visit.patient, "pregnant", "yes")
    answer = clinician.post(reverse("treatments:open_session", args=[visit.ref]), {})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert CONSTRAINT_SENTENCES["session_facts_current"] in page
    assert reverse("treatments:day_form", args=[visit.patient.ref]) in page
    assert not TreatmentSession.objects.exists()


def test_without_the_change_the_same_opening_goes_through(visit_today):
    visit = factories.arrive(visit_today)
    factories.screen_today(visit.patient)
    assert sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[]).is_open
