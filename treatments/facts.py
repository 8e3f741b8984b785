"""Rows to protocol values: the one module that reads every room's models. Asks, never writes."""

from collections import defaultdict
from datetime import date

from patients.models import HistoryAnswer, MedicationStatement, Patient
from treatments.assessments.models import Assessment
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue, load
from treatments.protocol.facts import Answer, PatientFacts, from_json, settle_all
from treatments.rules.models import Device
from treatments.sessions.models import TreatmentSession

# Where the medication list and an answer disagree the stricter counts: a listed medicine answers the question itself.
MEDICINE_SAYS_YES = {
    MedicationStatement.Kind.ISOTRETINOIN: "isotretinoin_now",
    MedicationStatement.Kind.ANTICOAGULANT: "anticoagulant_rx",
    MedicationStatement.Kind.TOPICAL_RETINOID: "topical_retinoid",
    MedicationStatement.Kind.IMMUNOSUPPRESSANT: "chemo_immunosupp",
    MedicationStatement.Kind.PHOTOSENSITISER: "photosensitiser",
}
# A stopped one answers the question about the past, where there is one.
STOPPED_MEDICINE_SAYS = {
    MedicationStatement.Kind.ISOTRETINOIN: "isotretinoin_past",
    MedicationStatement.Kind.TOPICAL_RETINOID: "topical_retinoid",
    MedicationStatement.Kind.IMMUNOSUPPRESSANT: "chemo_immunosupp",
}


def patient_facts(
    patient: Patient, *, on: date, device: Device | None = None, catalogue: Catalogue | None = None
) -> PatientFacts:
    """Everything the rules may know about a patient on a day. Five queries, whatever her history."""
    return from_json(facts_json(patient, on=on, device=device, catalogue=catalogue))


def facts_json(patient: Patient, *, on: date, device: Device | None = None, catalogue: Catalogue | None = None) -> dict:
    """The same in the form `manage.py screen` reads and a ScreeningRecord keeps."""
    catalogue = catalogue or load()
    assessment = _latest_assessment(patient)
    return {
        "born_on": patient.born_on.isoformat(),
        "skin_type": assessment.skin_type if assessment else None,
        "pih_history": bool(assessment and assessment.pih_history),
        "prp": False,
        "concerns": [
            {"code": concern.code, "zones": concern.zones, "severity": concern.severity}
            for concern in (assessment.concerns.all() if assessment else [])
        ],
        "answers": _answers(patient, on, catalogue),
        "device": _device(device or default_device(patient)),
        "sessions": _sessions(patient, on),
        "adverse_events": _adverse_events(patient),
        "clearances": _clearances(patient, on),
    }


def default_device(patient: Patient) -> Device | None:
    return patient.clinic.devices.filter(in_service=True).order_by("id").first()


def answer_history(patient: Patient) -> dict[str, list[HistoryAnswer]]:
    """Every answer of a patient by code, newest first."""
    history: dict[str, list[HistoryAnswer]] = defaultdict(list)
    for answer in patient.answers.order_by("-answered_on", "-id"):
        history[answer.code].append(answer)
    return history


def _answers(patient: Patient, on: date, catalogue: Catalogue) -> dict[str, dict]:
    given: dict[str, list[Answer]] = defaultdict(list)
    for code, rows in answer_history(patient).items():
        if code in catalogue.rules_by_code:
            # Oldest first: of two answers of one day the later one is the newest. What was said after `on` was not known then.
            given[code] = [_answer(row) for row in reversed(rows) if row.answered_on <= on]
    for code, answer in _listed_medicines(patient, on, given):
        given[code].append(answer)
    return {code: _answer_json(answer) for code, answer in settle_all(given, catalogue).items()}


def _answer(row: HistoryAnswer) -> Answer:
    return Answer(
        row.value,
        on=row.on,
        detail=row.detail or None,
        answered_on=row.answered_on,
        by_clinician=row.via == HistoryAnswer.Via.CLINICIAN,
    )


def _listed_medicines(patient: Patient, on: date, given: dict[str, list[Answer]]):
    """A listed medicine is an answer as old as the newest one to that question: it never makes an unasked question fresh."""
    for medicine in patient.medications.filter(entered_in_error=False):
        code = (STOPPED_MEDICINE_SAYS if medicine.stopped_on else MEDICINE_SAYS_YES).get(medicine.kind)
        recorded_on = medicine.recorded_at.astimezone(patient.clinic.tz).date()
        if code and recorded_on <= on and (medicine.stopped_on is None or medicine.stopped_on <= on):
            asked = max((answer.answered_on for answer in given.get(code, [])), default=recorded_on)
            last_on = medicine.stopped_on or (asked if code == "topical_retinoid" else None)
            yield code, Answer("yes", on=last_on, answered_on=asked)


def _answer_json(answer: Answer) -> dict:
    entry = {"value": answer.value, "answered_on": answer.answered_on.isoformat()}
    if answer.on:
        entry["on"] = answer.on.isoformat()
    if answer.detail:
        entry["detail"] = answer.detail
    return entry


def _latest_assessment(patient: Patient) -> Assessment | None:
    return patient.assessments.filter(entered_in_error=False).prefetch_related("concerns").first()


def _device(device: Device | None) -> dict | None:
    if device is None:
        return None
    return {
        "name": device.name,
        "max_depth_mm": device.max_depth_mm,
        "filler_washout_days": device.filler_washout_days,
        "indications": device.indications or None,
    }


def _sessions(patient: Patient, on: date) -> list[dict]:
    """Every needling, for the floor runs from all of them. A finished course gives no numbers to the next one."""
    rows = (
        patient.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR)
        .select_related("plan")
        .prefetch_related("zones")
        .order_by("on")
    )
    return [
        {
            "on": row.on.isoformat(),
            "max_depth_mm": float(max((zone.depth_mm for zone in row.zones.all()), default=0)) or None,
            "counts": row.counts and row.plan.status != TreatmentPlan.Status.COMPLETED,
        }
        for row in rows
        # The session under way is not "the last needling" of itself.
        if row.on <= on and not (row.is_open and row.on == on)
    ]


def _adverse_events(patient: Patient) -> list[dict]:
    return [
        {
            "grade": event.grade,
            "resolved_on": event.resolved_on.isoformat() if event.resolved_on else None,
            "over_72h": event.over_72h,
        }
        for event in patient.adverse_events.filter(entered_in_error=False)
    ]


def _clearances(patient: Patient, on: date) -> list[dict]:
    rows = patient.clearances.filter(revoked_at=None, given_on__lte=on)
    return [{"code": row.code, "expires_on": row.expires_on.isoformat()} for row in rows]
