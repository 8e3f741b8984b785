"""One of everything, for walking all URLs; and a fingerprint of all rows."""

import hashlib

from django.apps import apps

from tests import factories
from treatments.sessions import services as sessions

# Sessions and rate limits are written by reading, and say nothing about a patient.
NOT_OURS = {"sessions", "contenttypes", "auth", "pghistory"}


def everything(request) -> dict[str, object]:
    for persona in ("desk", "clinician", "prescriber", "manager", "stranger"):
        request.getfixturevalue(persona)
    patient = request.getfixturevalue("patient")
    open_session = request.getfixturevalue("open_session")
    plan = open_session.plan
    planned = plan.planned_sessions.get(number=2)
    visit = factories.book(planned, day=planned.earliest_on)
    medication = _medication(patient)
    allergy = _allergy(patient)
    event = sessions.report_adverse_event(
        session=open_session, code="erythema", grade=2, note="", by=open_session.operator.user
    )
    return {
        "patient": patient.ref,
        "plan": plan.ref,
        "planned": plan.planned_sessions.get(number=3).ref,
        "visit": visit.ref,
        "visit_today": open_session.appointment.ref,
        "session": open_session.ref,
        "assessment": patient.assessments.first().ref,
        "consent": patient.consents.first().ref,
        "clearance": _clearance(patient).ref,
        "medication": medication.ref,
        "allergy": allergy.ref,
        "event": event.ref,
        "message": patient.messages.first().ref,
        "zone": "cheek",
        "plan_step": "hold",
        "mail_key": "nothing",
    }


def fingerprint() -> dict[str, str]:
    """Table to a hash of all its rows."""
    prints = {}
    for model in apps.get_models():
        if model._meta.app_label not in NOT_OURS and not model._meta.proxy:
            rows = sorted(str(row) for row in model._base_manager.values_list())
            prints[model._meta.db_table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return prints


def _medication(patient):
    from patients.models import MedicationStatement

    return MedicationStatement.objects.create(
        patient=patient, name="Cetirizine", recorded_by=factories.a_clinician(patient.clinic).user
    )


def _allergy(patient):
    from patients.models import Allergy

    return Allergy.objects.create(
        patient=patient,
        substance="Latex",
        noted_on=factories.TODAY,
        recorded_by=factories.a_clinician(patient.clinic).user,
    )


def _clearance(patient):
    from treatments.screenings.models import Clearance

    return Clearance.objects.create(
        patient=patient,
        code="hsv_history",
        given_by=factories.a_clinician(patient.clinic).user,
        licence="NMC 12A",
        reason="Antiviral prescribed",
        given_on=factories.TODAY,
        expires_on=factories.TODAY,
    )
