"""What waits for a clinician besides check-ins and reviews: what patients answered themselves, decisions, cold sores, open reactions, answers that differ, answers
at odds with the medication list, clearances that end before a visit. For clinicians only: every line says why.

Like the other lists these read stored rows, and run no rules.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, CharField, Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import JSONObject

from clinic.models import Clinic
from clinic.templatetags.clinic_ui import day as day_words
from clinic.templatetags.clinic_ui import day_clock
from patients.models import HistoryAnswer, MedicationStatement, Patient
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.assessments.past.models import PastSession
from treatments.facts import MEDICINE_SAYS_YES
from treatments.pages.worklists.call_rows import Call, CallList
from treatments.plans.models import NOT_ENDED, TreatmentPlan
from treatments.protocol.answers import Answer, answers_differ
from treatments.protocol.catalogue import Catalogue
from treatments.screenings.by_patient.models import PatientForm, differ_words
from treatments.screenings.models import Clearance, ScreeningRecord
from treatments.sessions.models import AdverseEvent
from treatments.sessions.reactions_list import name_of

COLD_SORES = "hsv_history"
# Answers are compared of those who come so soon: of everybody it would cost reading all that was ever answered.
DIFFER_DAYS = 7
OF_PATIENT = {
    "given_name": "patient__given_name",
    "family_name": "patient__family_name",
    "phone": "patient__phone",
    "patient_ref": "patient__ref",
}
OF_HERSELF = {"given_name": "given_name", "family_name": "family_name", "phone": "phone", "patient_ref": "ref"}


def asked(today: date) -> dict[str, ArraySubquery]:
    """What the lists are made of, to be read with other things of a clinic: each as an array of JSON objects."""
    rows = {
        "given": _given(),
        "decisions": _decisions(today),
        "reactions": _reactions(),
        "reactions_afterwards": _reactions_afterwards(),
        "medicines": _at_odds_with_medicines(today),
        "ending": _ending_clearances(today),
    }
    return {name: ArraySubquery(each.values_list("shown", flat=True)) for name, each in rows.items()}


def lists(known: Mapping[str, Any], clinic: Clinic, *, catalogue: Catalogue, today: date) -> list[CallList]:
    """The lists of a clinic, from what `asked` found. One query, for the answers that differ."""
    return [
        _given_list(known["given"], clinic),
        *_decision_lists(known["decisions"], catalogue),
        _reaction_list([*known["reactions"], *known["reactions_afterwards"]], catalogue),
        _differing_list(_differing(clinic, today), catalogue),
        _medicine_list(known["medicines"], catalogue),
        _ending_list(known["ending"], catalogue),
    ]


# ── Rows ──────────────────────────────────────────────────────────────────────


def _next_visit(today: date, patient: str) -> Subquery:
    coming = Appointment.objects.filter(patient=OuterRef(patient), status__in=COMING, day__gte=today)
    return Subquery(coming.order_by("day").values("day")[:1])


def _under_a_plan(patient: str) -> Exists:
    return Exists(TreatmentPlan.objects.filter(patient=OuterRef(patient), status__in=NOT_ENDED))


def _given() -> QuerySet:
    """What patients answered on a tablet and no clinician has looked at, the oldest first."""
    rows = PatientForm.objects.filter(patient__clinic=OuterRef("pk"), given_at__isnull=False, seen_at=None)
    shown = JSONObject(**OF_PATIENT, ref="ref", kind="kind", given_at="given_at", changed="changed", flags="flags")
    return rows.order_by("given_at", "pk").annotate(shown=shown)


def _decisions(today: date) -> QuerySet:
    """Whose newest screening waits for a clinician, with what it found."""
    newest = ScreeningRecord.objects.filter(patient=OuterRef("pk")).order_by("-id")
    waiting = Patient.objects.filter(_under_a_plan("pk"), clinic=OuterRef("pk"), status=Patient.Status.ACTIVE).annotate(
        outcome=Subquery(newest.values("outcome")[:1])
    )
    shown = JSONObject(
        **OF_HERSELF, findings=Subquery(newest.values("result__findings")[:1]), visit=_next_visit(today, "pk")
    )
    return waiting.filter(outcome="needs_clinician").order_by("name_key", "pk").annotate(shown=shown)


def _reactions() -> QuerySet:
    """Reactions that nobody has closed, the longest open first."""
    standing = AdverseEvent.objects.filter(patient__clinic=OuterRef("pk"), resolved_on=None, entered_in_error=False)
    shown = JSONObject(**OF_PATIENT, code="code", grade="grade", onset=F("onset_on"), session="session__ref")
    return standing.order_by("onset_on", "pk").annotate(shown=shown)


def _reactions_afterwards() -> QuerySet:
    """Those that came with a session entered afterwards and have not settled."""
    standing = PastSession.objects.filter(
        patient__clinic=OuterRef("pk"), entered_in_error=False, reaction_grade__isnull=False, reaction_resolved_on=None
    )
    shown = JSONObject(**OF_PATIENT, grade="reaction_grade", onset=F("on"))
    return standing.order_by("on", "pk").annotate(shown=shown)


def _at_odds_with_medicines(today: date) -> QuerySet:
    """Medicines that are taken now, of somebody whose newest answer to that question is no."""
    code = Case(
        *(When(kind=kind, then=Value(code)) for kind, code in MEDICINE_SAYS_YES.items()), output_field=CharField()
    )
    said = HistoryAnswer.objects.filter(patient=OuterRef("patient"), code=OuterRef("code"))
    newest = said.order_by("-answered_on", "-id")
    taken = MedicationStatement.objects.filter(
        _under_a_plan("patient"), patient__clinic=OuterRef("pk"), patient__status=Patient.Status.ACTIVE,
        kind__in=list(MEDICINE_SAYS_YES), stopped_on=None, entered_in_error=False,
    )  # fmt: skip
    shown = JSONObject(
        **OF_PATIENT, code="code", name="name", said_on=Subquery(newest.values("answered_on")[:1]),
        visit=_next_visit(today, "patient"),
    )  # fmt: skip
    with_answer = taken.annotate(code=code).annotate(said=Subquery(newest.values("value")[:1]))
    return with_answer.filter(said=HistoryAnswer.Value.NO).order_by("patient__name_key", "pk").annotate(shown=shown)


def _ending_clearances(today: date) -> QuerySet:
    """Clearances in force that end before a treatment that is booked, and that no later one of the same rule follows."""
    after = Appointment.objects.filter(
        patient=OuterRef("patient"), status__in=COMING, kind=Appointment.Kind.TREATMENT, day__gt=OuterRef("expires_on")
    )
    longer = Clearance.objects.filter(
        patient=OuterRef("patient"), code=OuterRef("code"), revoked_at=None, expires_on__gte=OuterRef("visit")
    )
    first = after.order_by().values("patient").annotate(first=Min("day")).values("first")
    ending = Clearance.objects.filter(patient__clinic=OuterRef("pk"), revoked_at=None, expires_on__gte=today)
    with_visit = ending.annotate(visit=Subquery(first)).filter(~Exists(longer), visit__isnull=False)
    shown = JSONObject(**OF_PATIENT, code="code", until=F("expires_on"), visit=F("visit"))
    return with_visit.order_by("visit", "pk").annotate(shown=shown)


def _differing(clinic: Clinic, today: date) -> QuerySet:
    """Questions with more than one answer, of those who are treated within a week: all answers, the oldest first."""
    soon = Appointment.objects.filter(
        clinic=clinic, status__in=COMING + PRESENT, kind=Appointment.Kind.TREATMENT,
        day__gte=today, day__lte=today + timedelta(days=DIFFER_DAYS),
    )  # fmt: skip
    order = ("answered_on", "id")
    answers = HistoryAnswer.objects.filter(patient__in=soon.values("patient")).order_by()
    several = answers.values(*OF_PATIENT.values(), "patient__name_key", "code").annotate(
        said=ArrayAgg("value", order_by=order), via=ArrayAgg("via", order_by=order),
        detail=ArrayAgg("detail", order_by=order), days=ArrayAgg("answered_on", order_by=order),
        different=Count("value", distinct=True),
    )  # fmt: skip
    return several.filter(Q(different__gt=1)).order_by("patient__name_key", "patient__ref", "code")


# ── Lists ─────────────────────────────────────────────────────────────────────


def _given_list(rows: Iterable[dict], clinic: Clinic) -> CallList:
    found = CallList(
        "given", "Answered on the tablet", "s-ask", "No answers of a patient wait to be confirmed.", "Given",
        means="They answered themselves. It counts for a session once a clinician has looked.",
    )  # fmt: skip
    for row in rows:
        said = [f"{PatientForm.Kind(row['kind']).label}: {differ_words(len(row['changed']))}"]
        if row["flags"]:
            said.append("look at how they were answered")
        given_at = datetime.fromisoformat(row["given_at"]).astimezone(clinic.tz)
        to = ("given_form", UUID(row["ref"]))
        found.calls.append(_line(row, "; ".join(said), day_clock(given_at), "chart", act="Look", to=to))
    return found


def _decision_lists(rows: Iterable[dict], catalogue: Catalogue) -> tuple[CallList, CallList]:
    clearances = CallList(
        "decisions", "Clearances asked", "s-who", "Nothing waits for a clinician's decision.",
        means="Their newest screening waits for a clinician. Nothing is booked, or goes on, before one has decided.",
    )  # fmt: skip
    cold_sores = CallList(
        "cold-sores", "Cold-sore decisions", "s-who", "No cold-sore history waits for a decision.",
        means="Whether a prophylaxis is given, and who answers for it.",
    )  # fmt: skip
    for row in rows:
        codes = [one["code"] for one in row["findings"] if one["category"] == "REL" and not one["cleared_until"]]
        for into, why in (
            (cold_sores, [code for code in codes if code == COLD_SORES]),
            (clearances, [code for code in codes if code != COLD_SORES]),
        ):
            if why:
                words = ", ".join(_label(code, catalogue) for code in why)
                into.calls.append(_line(row, words, _visit_words(row), "clearance", act="Decide"))
    return clearances, cold_sores


def _reaction_list(rows: Iterable[dict], catalogue: Catalogue) -> CallList:
    found = CallList("reactions", "Open reactions", "s-block", "Every reaction is closed.", "Since")
    for row in sorted(rows, key=lambda row: row["onset"]):
        holds = row["grade"] >= catalogue.interval.event_grade
        afterwards = "code" not in row
        what = "After a session entered afterwards" if afterwards else name_of(row["code"], catalogue)
        why = f"{what}, grade {row['grade']}" + (": holds the next session" if holds else "")
        due = day_words(date.fromisoformat(row["onset"]))
        page = "past_sessions" if afterwards else "chart"
        to = ("session", UUID(row["session"])) if row.get("session") else None
        found.calls.append(_line(row, why, due, page, act="Look", to=to, hue="stop" if holds else "ask"))
    return found


def _differing_list(rows: Iterable[dict], catalogue: Catalogue) -> CallList:
    """Until a clinician asks the question herself, or the answers agree again."""
    found = CallList(
        "differing", "Answers that differ", "s-ask", "No answers differ.", "Last said",
        means="Treated within a week, and a question was answered both ways. The stricter answer counts until a clinician asks.",
    )  # fmt: skip
    for row in rows:
        rule = catalogue.rules_by_code.get(row["code"])
        settled = row["via"][-1] == HistoryAnswer.Via.CLINICIAN
        answers = [
            Answer(value, detail=detail or None) for value, detail in zip(row["said"], row["detail"], strict=True)
        ]
        if rule is None or settled or not answers_differ(answers, rule):
            continue
        named = {name: row[column] for name, column in OF_PATIENT.items()}
        before = max(at for at, value in enumerate(row["said"]) if value != row["said"][-1])
        said = f"{rule.label}: {_said(row, before)}, then {_said(row, -1)}"
        found.calls.append(_line(named, said, day_words(row["days"][-1]), "patients:history", act="Answers"))
    return found


def _said(row: dict, at: int) -> str:
    """One of the answers with its day."""
    return f"{HistoryAnswer.Value(row['said'][at]).label.lower()} on {day_words(row['days'][at])}"


def _medicine_list(rows: Iterable[dict], catalogue: Catalogue) -> CallList:
    found = CallList(
        "medicines", "At odds with the medication list", "s-ask", "Answers and medication lists agree.",
        means="A medicine is listed as taken, and the question about it was answered no. The list counts.",
    )  # fmt: skip
    for row in rows:
        said_on = day_words(date.fromisoformat(row["said_on"]))
        why = f"Takes {row['name']}; {_label(row['code'], catalogue)} was answered no on {said_on}"
        found.calls.append(_line(row, why, _visit_words(row), "patients:history", act="Medicines"))
    return found


def _ending_list(rows: Iterable[dict], catalogue: Catalogue) -> CallList:
    found = CallList(
        "ending-clearances",
        "Clearances that end before a visit",
        "clock",
        "Every clearance lasts until the next visit.",
    )
    for row in rows:
        until = day_words(date.fromisoformat(row["until"]))
        why = f"{_label(row['code'], catalogue)}: cleared until {until}"
        found.calls.append(_line(row, why, _visit_words(row), "clearance", act="Decide"))
    return found


def _line(
    row: Mapping[str, Any],
    why: str,
    due: str,
    page: str,
    *,
    act: str,
    to: tuple[str, UUID] | None = None,
    hue: str = "ask",
) -> Call:
    ref = UUID(str(row["patient_ref"]))
    return Call(
        name=f"{row['given_name']} {row['family_name']}",
        say=why, why=why, due=due, phone=row["phone"], leads_to=to or (page, ref), patient_ref=ref, act=act, hue=hue,
    )  # fmt: skip


def _label(code: str, catalogue: Catalogue) -> str:
    rule = catalogue.rules_by_code.get(code)
    return rule.label if rule else code


def _visit_words(row: Mapping[str, Any]) -> str:
    return day_words(date.fromisoformat(row["visit"])) if row["visit"] else "none booked"
