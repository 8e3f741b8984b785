"""Rows to protocol values: the one module that reads every room's models. Asks, never writes."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from patients.models import HistoryAnswer, MedicationStatement, Patient
from treatments.assessments.models import Assessment
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.facts import Answer, PatientFacts, from_json, settle_all
from treatments.rules.models import Device
from treatments.screenings.models import Clearance
from treatments.sessions.models import AdverseEvent, TreatmentSession

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


@dataclass
class Rows:
    """Every row that the rules read of one patient. Answers, medicines and needlings in the order they happened."""

    patient: Patient
    device: Device | None
    answers: list[HistoryAnswer] = field(default_factory=list)
    medications: list[MedicationStatement] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    sessions: list[TreatmentSession] = field(default_factory=list)
    adverse_events: list[AdverseEvent] = field(default_factory=list)
    clearances: list[Clearance] = field(default_factory=list)


def rows_of(patients: Collection[Patient], *, device: Device | None) -> dict[int, Rows]:
    """Rows by key of the patient. Eight queries, however many patients. `device`: the one they are judged with."""
    known = {patient.pk: Rows(patient, device) for patient in patients}
    of_them = {"patient__in": known}
    for answer in HistoryAnswer.objects.filter(**of_them).order_by("answered_on", "id"):
        known[answer.patient_id].answers.append(answer)
    for medicine in MedicationStatement.objects.filter(**of_them, entered_in_error=False):
        known[medicine.patient_id].medications.append(medicine)
    newest = Assessment.objects.filter(**of_them, entered_in_error=False).prefetch_related("concerns")
    for assessment in newest.order_by("patient_id", "-assessed_on", "-id").distinct("patient_id"):
        known[assessment.patient_id].assessments.append(assessment)
    needlings = TreatmentSession.objects.filter(**of_them).exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR)
    for session in needlings.select_related("plan").prefetch_related("zones").order_by("on"):
        known[session.patient_id].sessions.append(session)
    for event in AdverseEvent.objects.filter(**of_them, entered_in_error=False):
        known[event.patient_id].adverse_events.append(event)
    for clearance in Clearance.objects.filter(**of_them, revoked_at=None):
        known[clearance.patient_id].clearances.append(clearance)
    return known


def patient_facts(patient: Patient, *, on: date, catalogue: Catalogue, device: Device | None = None) -> PatientFacts:
    """Everything the rules may know about a patient on a day. Nine queries at most, whatever her history."""
    return from_json(facts_json(patient, on=on, device=device, catalogue=catalogue), catalogue)


def facts_json(patient: Patient, *, on: date, catalogue: Catalogue, device: Device | None = None) -> dict:
    """The same in the form `manage.py screen` reads and a ScreeningRecord keeps."""
    rows = rows_of([patient], device=device or default_device(patient))[patient.pk]
    return facts_from(rows, on=on, catalogue=catalogue)


def facts_from(rows: Rows, *, on: date, catalogue: Catalogue) -> dict:
    """Facts of a day from rows that were read already, as these rules ask for them."""
    assessment = rows.assessments[0] if rows.assessments else None
    return {
        "born_on": rows.patient.born_on.isoformat(),
        "skin_type": assessment.skin_type if assessment else None,
        "pih_history": bool(assessment and assessment.pih_history),
        "prp": False,
        "concerns": [
            {"code": concern.code, "zones": concern.zones, "severity": concern.severity}
            for concern in (assessment.concerns.all() if assessment else [])
        ],
        "answers": _answers(rows, on, catalogue),
        "device": _device(rows.device),
        "sessions": _sessions(rows, on),
        "adverse_events": _adverse_events(rows),
        "clearances": _clearances(rows, on, catalogue),
    }


def default_device(patient: Patient) -> Device | None:
    return patient.clinic.devices.filter(in_service=True).order_by("id").first()


def answer_history(patient: Patient) -> dict[str, list[HistoryAnswer]]:
    """Every answer of a patient by code, newest first."""
    history: dict[str, list[HistoryAnswer]] = defaultdict(list)
    for answer in patient.answers.order_by("-answered_on", "-id"):
        history[answer.code].append(answer)
    return history


def _answers(rows: Rows, on: date, catalogue: Catalogue) -> dict[str, dict]:
    given: dict[str, list[Answer]] = defaultdict(list)
    for row in rows.answers:
        # Oldest first: of two answers of one day the later one is the newest. What was said after `on` was not known then.
        if row.code in catalogue.rules_by_code and row.answered_on <= on:
            given[row.code].append(_answer(row))
    for code, answer in _listed_medicines(rows, on, given):
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


def _listed_medicines(rows: Rows, on: date, given: dict[str, list[Answer]]):
    """A listed medicine is an answer as old as the newest one to that question: it never makes an unasked question fresh."""
    for medicine in rows.medications:
        code = (STOPPED_MEDICINE_SAYS if medicine.stopped_on else MEDICINE_SAYS_YES).get(medicine.kind)
        recorded_on = medicine.recorded_at.astimezone(rows.patient.clinic.tz).date()
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


def _device(device: Device | None) -> dict | None:
    if device is None:
        return None
    return {
        "name": device.name,
        "max_depth_mm": device.max_depth_mm,
        "filler_washout_days": device.filler_washout_days,
        "indications": device.indications or None,
    }


def _sessions(rows: Rows, on: date) -> list[dict]:
    """Every needling, for the floor runs from all of them. A finished course gives no numbers to the next one."""
    return [
        {
            "on": row.on.isoformat(),
            "max_depth_mm": float(max((zone.depth_mm for zone in row.zones.all()), default=0)) or None,
            "counts": row.counts and row.plan.status != TreatmentPlan.Status.COMPLETED,
        }
        for row in rows.sessions
        # The session under way is not "the last needling" of itself.
        if row.on <= on and not (row.is_open and row.on == on)
    ]


def _adverse_events(rows: Rows) -> list[dict]:
    return [
        {
            "grade": event.grade,
            "resolved_on": event.resolved_on.isoformat() if event.resolved_on else None,
            "over_72h": event.over_72h,
        }
        for event in rows.adverse_events
    ]


def _clearances(rows: Rows, on: date, catalogue: Catalogue) -> list[dict]:
    """Clearances of rules that one lifts; where the rules have changed since, an older one may lift nothing any more."""
    lifting = {rule.code for rule in catalogue.rules if rule.takes_clearance}
    return [
        {"code": row.code, "expires_on": row.expires_on.isoformat()}
        for row in rows.clearances
        if row.given_on <= on and row.code in lifting
    ]
