"""A score is kept as it was given, belongs to its patient, course and session, and never changes."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from clinic.errors import DomainError, explain
from clinic.models import AuditEvent
from patients.models import HistoryAnswer
from tests import factories
from tests.treatments.outcomes.measuring import lowest, measure, melasma, mmasi
from treatments.outcomes import services
from treatments.outcomes.models import CourseReview, OutcomeScore

pytestmark = pytest.mark.django_db


def test_a_score_is_kept_with_all_that_it_was_made_of(patient, clinician_member):
    kept = mmasi(patient, 3, 2, by=clinician_member.user, note="  Even light.  ")
    kept.refresh_from_db()
    assert (kept.instrument, kept.variant, kept.total, kept.table_version) == (
        "mmasi", "area_darkness", Decimal("6.00"), "2026.1",
    )  # fmt: skip
    assert kept.items == melasma(area=3, darkness=2)
    assert (kept.assessor, kept.assessed_on, kept.note, kept.clinic) == (
        clinician_member.user, factories.TODAY, "Even light.", patient.clinic,
    )  # fmt: skip


def test_the_audit_names_no_instrument(patient, clinician_member):
    """One that measures melasma would name a diagnosis."""
    mmasi(patient, 3, 2)
    assert AuditEvent.objects.get(action="outcome.recorded").facts == {}


def test_what_was_typed_is_kept_as_typed(patient):
    items = {"name": "Index", "least": "0", "most": "10", "value": "7,5", "better": "higher"}
    kept = measure(patient, "imported", items)
    assert (kept.variant, kept.total, kept.items) == ("total: Index, 0 to 10", Decimal("7.5"), items)


def imported(patient, **differing):
    items = {"name": "Skin Index", "least": "0", "most": "10", "value": "7", "better": "lower"}
    return measure(patient, "imported", items | differing)


def test_one_name_and_range_is_one_line_whatever_the_capitals(patient):
    assert imported(patient).variant == "total: Skin Index, 0 to 10"
    assert imported(patient, name="skin  INDEX").variant == "total: Skin Index, 0 to 10"
    assert imported(patient, name="Skin Index 2").variant == "total: Skin Index 2, 0 to 10"
    assert imported(patient, most="12").variant == "total: Skin Index, 0 to 12"


def test_one_line_has_one_direction(patient, clinician_member):
    first = imported(patient)
    with pytest.raises(DomainError, match="lower is better") as refused:
        imported(patient, name="SKIN index", better="higher")
    assert refused.value.field == "item-better"
    assert imported(patient, most="12", better="higher")
    assert imported(factories.make_patient(patient.clinic), better="higher")
    services.mark_entered_in_error(kept=first, reason="Wrong direction", by=clinician_member.user)
    assert imported(patient, better="higher")


def test_under_which_licence_a_questionnaire_was_used_is_kept(patient):
    items = {"name": "Skin", "value": "61", "better": "higher"}
    assert measure(patient, "face_q", items, licence_note=" No. 4711 ").licence_note == "No. 4711"
    with pytest.raises(DomainError) as refused:
        measure(patient, "gais", {"improvement": 2}, licence_note="No. 4711")
    assert refused.value.field == "licence_note"


def test_a_score_belongs_to_the_course_under_way_and_the_session_of_its_day(open_session):
    patient = open_session.patient
    kept = measure(patient, "pain_during", {"pain": 4}, zone="cheek")
    assert (kept.plan, kept.session, kept.zone) == (open_session.plan, open_session, "cheek")
    before = measure(patient, "pain_during", {"pain": 2}, on=factories.TODAY - timedelta(days=1))
    assert before.session is None


def test_without_a_course_under_way_a_score_stands_alone(patient):
    factories.make_draft(patient)
    assert measure(patient, "gais", {"improvement": 3}).plan is None


@pytest.mark.parametrize(
    ("code", "items", "more", "field"),
    [
        ("mmasi", {}, {}, "item-forehead_area"),
        ("gais", {"improvement": 9}, {}, "item-improvement"),
        ("dlqi", {"value": "31"}, {}, "item-value"),
        ("moon", {}, {}, "instrument"),
        ("gais", {"improvement": 3}, {"on": factories.TODAY + timedelta(days=1)}, "assessed_on"),
        ("gais", {"improvement": 3}, {"on": date(1901, 1, 1)}, "assessed_on"),
        ("gais", {"improvement": 3}, {"zone": "elbow"}, "zone"),
        ("satisfaction", {"satisfaction": 3}, {"zone": "cheek"}, "zone"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(patient, code, items, more, field):
    with pytest.raises(DomainError) as refused:
        measure(patient, code, items, **more)
    assert refused.value.field == field
    assert not OutcomeScore.objects.exists()


def test_today_and_the_day_of_birth_are_the_ends(patient):
    assert measure(patient, "gais", {"improvement": 3}, on=patient.born_on)
    assert measure(patient, "gais", {"improvement": 3}, on=factories.TODAY)


# ── It never changes ──────────────────────────────────────────────────────────


def refusal_of(statement: str, *values) -> str:
    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    return explain(refused.value).code


@pytest.mark.parametrize(
    "change", ["total = 1", "items = '{}'", "assessed_on = '2020-01-01'", "zone = 'cheek'", "note = 'other'"]
)
def test_a_score_does_not_change_whoever_asks(patient, change):
    kept = mmasi(patient, 2, 2)
    said = refusal_of(f"UPDATE treatments_outcomescore SET {change} WHERE id = %s", kept.pk)
    assert said == "outcome_score_is_fixed"


def test_a_score_is_never_deleted(patient):
    assert refusal_of("DELETE FROM treatments_outcomescore WHERE id = %s", mmasi(patient, 2, 2).pk) == (
        "outcome_score_is_fixed"
    )


def test_without_the_trigger_it_would_change(patient):
    """The negative control: what refuses is the trigger."""
    kept = mmasi(patient, 2, 2)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE treatments_outcomescore SET total = 1 WHERE id = %s", [kept.pk])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    kept.refresh_from_db()
    assert kept.total == 1


def test_an_error_is_marked_once_with_its_reason_and_stays(patient, clinician_member):
    kept = mmasi(patient, 2, 2)
    with pytest.raises(DomainError, match="Say why"):
        services.mark_entered_in_error(kept=kept, reason=" ", by=clinician_member.user)
    services.mark_entered_in_error(kept=kept, reason="Wrong patient", by=clinician_member.user)
    with pytest.raises(DomainError, match="already"):
        services.mark_entered_in_error(kept=kept, reason="Again", by=clinician_member.user)
    assert refusal_of("UPDATE treatments_outcomescore SET entered_in_error = false WHERE id = %s", kept.pk) == (
        "outcome_score_is_fixed"
    )


def test_an_error_without_a_reason_is_refused_by_the_database(patient):
    said = refusal_of(
        "UPDATE treatments_outcomescore SET entered_in_error = true WHERE id = %s", mmasi(patient, 2, 2).pk
    )
    assert said == "outcome_score_in_error_says_why"


def test_a_score_below_nought_is_refused_by_the_database(patient, clinician_member):
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        OutcomeScore.objects.create(
            clinic=patient.clinic, patient=patient, instrument="x", variant="y", assessed_on=factories.TODAY,
            assessor=clinician_member.user, items={}, total=Decimal("-0.01"), table_version="1",
        )  # fmt: skip
    assert explain(refused.value).code == "outcome_score_not_below_nought"


@pytest.mark.parametrize("column", ["plan", "session", "clinic"])
def test_a_score_never_stands_in_somebody_elses_course(open_session, other_clinic, clinician_member, column):
    other = factories.make_patient(open_session.clinic)
    wrong = {"plan": open_session.plan, "session": open_session, "clinic": other_clinic}[column]
    row = {
        "clinic": other.clinic, "patient": other, "instrument": "gais", "variant": "v", "assessed_on": factories.TODAY,
        "assessor": clinician_member.user, "items": {}, "total": 1, "table_version": "1",
    }  # fmt: skip
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        OutcomeScore.objects.create(**row | {column: wrong})
    assert explain(refused.value).code == "outcome_score_of_its_own_patient"
    assert OutcomeScore.objects.create(**row)


# ── What raised scars say to the rules ────────────────────────────────────────


def test_raised_scars_answer_the_questions_on_them_and_the_rules_run_again(active_plan):
    patient = active_plan.patient
    before = patient.facts_version
    kept = measure(patient, "goodman_baron_quantitative", lowest("goodman_baron_quantitative", keloidal=1))
    assert kept.total == 6
    seen = HistoryAnswer.objects.filter(patient=patient, via="clinician", note__contains="scars").order_by("code")
    assert [(answer.code, answer.value, answer.answered_on) for answer in seen] == [
        ("keloid_personal", "yes", factories.TODAY),
        ("raised_lesion_area", "yes", factories.TODAY),
    ]
    patient.refresh_from_db()
    assert patient.facts_version > before
    newest = patient.screenings.first()
    assert (newest.outcome, newest.facts_version) == ("block", patient.facts_version)


def test_sunken_scars_alone_answer_nothing(active_plan):
    patient, before = active_plan.patient, active_plan.patient.answers.count()
    measure(patient, "goodman_baron_quantitative", lowest("goodman_baron_quantitative", linear=3, broad_deep=3))
    assert patient.answers.count() == before
    assert not CourseReview.objects.exists()
