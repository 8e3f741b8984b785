"""Rows to protocol values: the one module that reads every room's models. Asks, never writes."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    DateField,
    Exists,
    F,
    Func,
    IntegerField,
    Max,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import JSONObject

from clinic.models import Clinic
from clinic.statements import Given, Statement, among
from patients.models import HistoryAnswer, MedicationStatement, MovedRow, Patient, RecordMerge
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import COMING, PRESENT
from treatments.assessments.models import AssessedConcern, Assessment
from treatments.assessments.past.models import PastSession
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import BadCatalogue, Catalogue, parse
from treatments.protocol.facts import Answer, BadFacts, PatientFacts, from_json, settle_all
from treatments.protocol.strictest import all_concerns, one_skin_type, strictest_answers
from treatments.rules.models import Device, PolicyValue, ProtocolAdoption, ProtocolVersion
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.models import Clearance
from treatments.sessions.models import AdverseEvent, SessionZone, TreatmentSession

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

CONCERN = {"code": "code", "zones": "zones", "severity": "severity"}

# The number of the rules of a clinic that has adopted and set nothing.
NEVER_CHANGED = 1


@dataclass
class Rows:
    """Every row that the rules read of one patient. Answers, medicines and needlings in the order they happened.

    Answers are the most by far, so they are values by the names of their fields, and no instances. So are needlings and
    reactions: of each some were charted here and some entered afterwards, and both are read at once.
    `records`: where others were merged into hers, what each of them knew with what was written since; see `_by_record`.
    """

    patient: Patient
    device: Device | None
    answers: list[Any] = field(default_factory=list)
    medications: list[MedicationStatement] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    sessions: list[Any] = field(default_factory=list)
    adverse_events: list[Any] = field(default_factory=list)
    clearances: list[Clearance] = field(default_factory=list)
    records: list["Rows"] = field(default_factory=list)


def rows_of(patients: Collection[Patient], *, device: Device | None) -> dict[int, Rows]:
    """Rows by key of the patient. Six queries, however many patients; three more where a record was merged into one of theirs.
    `device`: the one they are judged with."""
    known = {patient.pk: Rows(patient, device) for patient in patients}
    for kind, statement in _statements().items():
        for row in statement.rows(patients=list(known)):
            getattr(known[row.patient_id], kind).append(row)
    if joined := [rows for rows in known.values() if rows.patient.took_in]:
        _tell_apart(joined)
    return known


# What a patient says and what is seen of her changes: of these rows the newest count. All others count side by side.
TELLING: dict[str, type[Model]] = {
    "answers": HistoryAnswer,
    "medications": MedicationStatement,
    "assessments": Assessment,
}


def _tell_apart(joined: list[Rows]) -> None:
    """Give each of these its `records`. Three queries, however many there are."""
    patients = [rows.patient.pk for rows in joined]
    merges = defaultdict(list)
    for merge in RecordMerge.objects.standing().filter(stays__in=patients).order_by("id"):
        merges[merge.stays_id].append(merge)
    tables = {model._meta.db_table: kind for kind, model in TELLING.items()}
    moved: dict[tuple[int, str], set[int]] = defaultdict(set)
    of_these = MovedRow.objects.filter(merge__in=[one for some in merges.values() for one in some], table__in=tables)
    for merge, table, key in of_these.values_list("merge", "table", "key"):
        moved[merge, tables[table]].add(key)
    assessments = defaultdict(list)
    for row in _assessments().filter(patient__in=patients):
        assessments[row.patient_id].append(row)
    for rows in joined:
        whole = replace(rows, assessments=assessments[rows.patient.pk])
        rows.records = list(_by_record(whole, merges[rows.patient.pk], moved))


def _by_record(whole: Rows, merges: list[RecordMerge], moved: dict[tuple[int, str], set[int]]) -> Iterator[Rows]:
    """What each of the records that are one now told by itself, her own first. What was written since tells of each."""
    came = {kind: set().union(*(moved[merge.pk, kind] for merge in merges)) for kind in TELLING}
    yield replace(
        whole, **{kind: [row for row in getattr(whole, kind) if row.pk not in came[kind]] for kind in TELLING}
    )
    for merge in merges:
        of_it = {}
        for kind, model in TELLING.items():
            last = merge.newest.get(model._meta.db_table, 0)
            own = moved[merge.pk, kind]
            of_it[kind] = [
                row for row in getattr(whole, kind) if row.pk in own or (row.pk > last and row.pk not in came[kind])
            ]
        yield replace(whole, **of_it)


@cache
def _statements() -> dict[str, Statement]:
    """What is read of the patients, by the field of `Rows` that it is for."""
    read = ("pk", "patient_id", "code", "value", "on", "detail", "via", "answered_on")
    counting = {"entered_in_error": False}
    of_them = among("patient_id", Given("patients", ArrayField(IntegerField())))
    rows = {
        "answers": HistoryAnswer.objects.order_by("answered_on", "id").values_list(*read, named=True),
        "medications": MedicationStatement.objects.filter(**counting),
        "assessments": _assessments().distinct("patient_id"),
        "clearances": Clearance.objects.filter(revoked_at=None),
    }
    both = {"sessions": _needlings(of_them), "adverse_events": _reactions(of_them)}
    return {kind: Statement(each.filter(of_them)) for kind, each in rows.items()} | {
        kind: Statement(each) for kind, each in both.items()
    }


def _assessments() -> QuerySet[Assessment]:
    """The newest of each patient first, with its concerns as `assessed`."""
    of_it = AssessedConcern.objects.filter(assessment=OuterRef("pk")).order_by("id")
    counting = Assessment.objects.filter(entered_in_error=False).order_by("patient_id", "-assessed_on", "-id")
    return counting.annotate(assessed=ArraySubquery(of_it.values_list(JSONObject(**CONCERN))))


def _needlings(of_them: Any) -> QuerySet:
    """Charted here or entered afterwards: `patient_id`, `on`, `deepest`, `counting` (for the number of the course) and
    `still_open`. A finished course gives no numbers to the next one, and no more does what was before its end."""
    of_one = SessionZone.objects.filter(session=OuterRef("pk")).order_by().values("session")
    of_a_finished_course = Q(plan__status=TreatmentPlan.Status.COMPLETED)
    charted = TreatmentSession.objects.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR).annotate(
        deepest=Subquery(of_one.values_list(Max("depth_mm"))),
        counting=Case(When(of_a_finished_course, then=Value(False)), default=F("counts")),
        still_open=Case(When(status=TreatmentSession.Status.OPEN, then=Value(True)), default=Value(False)),
    )
    past = PastSession.objects.filter(entered_in_error=False).annotate(
        deepest=F("deepest_mm"),
        counting=Case(When(_before_a_finished_course(), then=Value(False)), default=F("counts")),
        still_open=Value(False),
    )
    read = ("patient_id", "on", "deepest", "counting", "still_open")
    each = [rows.filter(of_them).order_by().values_list(*read, named=True) for rows in (charted, past)]
    return each[0].union(each[1], all=True).order_by("on")


def _reactions(of_them: Any) -> QuerySet:
    """`patient_id`, `grade`, `resolved_on` and `over_72h`, of sessions charted here or entered afterwards."""
    noted = AdverseEvent.objects.filter(of_them, entered_in_error=False)
    past = PastSession.objects.filter(of_them, entered_in_error=False, reaction_grade__isnull=False)
    each = [
        noted.order_by().values_list("patient_id", "grade", "resolved_on", "over_72h", named=True),
        past.order_by().values_list(
            "patient_id", "reaction_grade", "reaction_resolved_on", "reaction_over_72h", named=True
        ),
    ]
    return each[0].union(each[1], all=True)


def _before_a_finished_course() -> Exists:
    """Of a past session: whether a course of hers was completed on its day or after it, by the clinic's calendar."""
    finished = TreatmentPlan.objects.filter(patient=OuterRef("patient"), status=TreatmentPlan.Status.COMPLETED)
    return Exists(
        finished.annotate(ended_on=_DayThere("ended_at", "clinic__zone")).filter(ended_on__gte=OuterRef("on"))
    )


class _DayThere(Func):
    """The day of a moment in a zone that stands in a column."""

    template, arg_joiner, output_field = "(%(expressions)s)::date", " AT TIME ZONE ", DateField()


def needled_days(patients: Collection[Patient]) -> set[tuple[int, date]]:
    """Patient's key and day of every needling, charted here or entered afterwards. One query."""
    charted = TreatmentSession.objects.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR)
    past = PastSession.objects.filter(entered_in_error=False)
    each = [rows.filter(patient__in=patients).order_by().values_list("patient_id", "on") for rows in (charted, past)]
    return set(each[0].union(each[1]))


def past_that_count(patient: Patient) -> QuerySet[PastSession]:
    """The sessions entered afterwards that a plan of today starts with, the first of them first."""
    standing = patient.past_sessions.filter(entered_in_error=False, counts=True)
    return standing.exclude(_before_a_finished_course()).order_by("on")


def patient_facts(patient: Patient, *, on: date, catalogue: Catalogue, device: Device | None = None) -> PatientFacts:
    """Everything the rules may know about a patient on a day. Seven queries at most, whatever her history."""
    return from_json(facts_json(patient, on=on, device=device, catalogue=catalogue), catalogue)


def facts_json(patient: Patient, *, on: date, catalogue: Catalogue, device: Device | None = None) -> dict:
    """The same in the form `manage.py screen` reads and a ScreeningRecord keeps."""
    rows = rows_of([patient], device=device or default_device(patient))[patient.pk]
    return facts_from(rows, on=on, catalogue=catalogue)


def facts_from(rows: Rows, *, on: date, catalogue: Catalogue) -> dict:
    """Facts of a day from rows that were read already, as these rules ask for them."""
    records = rows.records or [rows]
    assessments = [record.assessments[0] for record in records if record.assessments]
    return {
        "born_on": rows.patient.born_on.isoformat(),
        "skin_type": one_skin_type([assessment.skin_type for assessment in assessments]),
        "pih_history": any(assessment.pih_history for assessment in assessments),
        "prp": False,
        "concerns": all_concerns([assessment.assessed for assessment in assessments]),
        "answers": {
            code: _answer_json(answer)
            for code, answer in strictest_answers(
                [_settled(record, on, catalogue) for record in records], catalogue
            ).items()
        },
        "device": _device(rows.device),
        "sessions": _sessions(rows, on),
        "adverse_events": _adverse_events(rows),
        "clearances": _clearances(rows, on, catalogue),
    }


def default_device(patient: Patient) -> Device | None:
    return patient.clinic.devices.filter(in_service=True).order_by("id").first()


def to_look_at(patients: Collection[Patient], *, on: date) -> set[int]:
    """Keys of those of whom something waits for a clinician before a session of that day, as the database has it
    (`screening_after_a_look`). Two queries."""
    given = PatientForm.objects.filter(patient__in=patients, given_at__isnull=False, seen_at=None)
    heard = ChangeReport.objects.filter(
        patient__in=patients, heard_by__isnull=False, seen_at=None, visit__day=on, visit__status__in=COMING + PRESENT
    )
    return {*given.values_list("patient", flat=True), *heard.values_list("patient", flat=True)}


def answer_history(patient: Patient) -> dict[str, list[HistoryAnswer]]:
    """Every answer of a patient by code, newest first."""
    history: dict[str, list[HistoryAnswer]] = defaultdict(list)
    for answer in patient.answers.order_by("-answered_on", "-id"):
        history[answer.code].append(answer)
    return history


def _settled(rows: Rows, on: date, catalogue: Catalogue) -> dict[str, Answer]:
    given: dict[str, list[Answer]] = defaultdict(list)
    for row in rows.answers:
        # Oldest first: of two answers of one day the later one is the newest. What was said after `on` was not known then.
        if row.code in catalogue.rules_by_code and row.answered_on <= on:
            given[row.code].append(_answer(row))
    for code, answer in _listed_medicines(rows, on, given):
        # Rules of another version may not ask about a medicine that is listed here.
        if code in catalogue.rules_by_code:
            given[code].append(answer)
    _refuse_unknown_words(given, catalogue)
    return settle_all(given, catalogue)


def _refuse_unknown_words(given: dict[str, list[Answer]], catalogue: Catalogue) -> None:
    """Raises BadFacts where an answer carries a word that these rules do not know: nobody can say what it means to them."""
    for code, answers in given.items():
        for answer in answers:
            if answer.detail and answer.detail not in catalogue.rule(code).details:
                raise BadFacts(f"answers.{code}.detail: {answer.detail} is not a known word")


def _answer(row: Any) -> Answer:
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
    """Every needling, for the floor runs from all of them."""
    return [
        {
            "on": row.on.isoformat(),
            "max_depth_mm": None if row.deepest is None else float(row.deepest),
            "counts": row.counting,
        }
        for row in rows.sessions
        # The session under way is not "the last needling" of itself.
        if row.on <= on and not (row.still_open and row.on == on)
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
        if row.given_on <= on and row.code in lifting and not is_overtaken(row, rows.patient.clinic, catalogue)
    ]


def is_overtaken(clearance: Clearance, clinic: Clinic, catalogue: Catalogue) -> bool:
    """Whether the clinic has made a block of the rule since, by a value of its own or by adopting a version.

    Whoever lifted a need for a clinician has not answered for a block: a prescriber looks again.
    """
    rule = catalogue.rules_by_code.get(clearance.code)
    if rule is None or rule.category != "ABS" or clinic.rules_version == NEVER_CHANGED:
        return False
    made_a_block_at = _made_blocks(clinic.pk, clinic.rules_version).get(clearance.code)
    return made_a_block_at is not None and clearance.recorded_at < made_a_block_at


@lru_cache(maxsize=256)
def _made_blocks(clinic_pk: int, rules_version: int) -> dict[str, datetime]:
    """Rules that a clinic has made a block, each with the moment of it."""
    # Each change of the rules gives the clinic another number, so what was read under one stays right.
    since: dict[str, datetime] = {}
    adopted = ProtocolAdoption.objects.filter(clinic=clinic_pk).order_by("id").values_list("protocol", "adopted_at")
    for (older, _), (newer, adopted_at) in pairwise(adopted):
        since |= dict.fromkeys(_blocks_of(newer) - _blocks_of(older), adopted_at)
    own = PolicyValue.objects.filter(clinic=clinic_pk, value="ABS", direction=PolicyValue.Direction.STRICTER)
    for path, set_at in own.standing().order_by("-id").values_list("path", "set_at"):
        since[path.removeprefix("rule.").removesuffix(".category")] = set_at
    return since


@lru_cache(maxsize=16)
def _blocks_of(protocol_pk: int) -> frozenset[str]:
    # Published rows never change, so what was read once stays right. Of a version that is no longer read nothing is
    # known, so every block that followed it counts as a new one.
    try:
        catalogue = parse(ProtocolVersion.objects.get(pk=protocol_pk).toml.encode())
    except BadCatalogue:
        return frozenset()
    return frozenset(rule.code for rule in catalogue.rules if rule.category == "ABS")
