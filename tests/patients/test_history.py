"""Medicines, allergies and answers: clinicians' business, added to and never taken away."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from clinic.errors import DomainError, explain
from clinic.models import AuditEvent
from patients.models import Allergy, HistoryAnswer, MedicationStatement, Patient
from patients.services import history
from tests import factories
from tests.patients.typed import MEDICINE, typed

ALLERGY = {"substance": "Nickel", "reaction": "Rash", "noted_on": ""}


def page_of(patient: Patient, name: str = "history", *rows) -> str:
    return reverse(f"patients:{name}", args=[patient.ref, *(row.ref for row in rows)])


def facts_version(patient: Patient) -> int:
    return Patient.objects.get(pk=patient.pk).facts_version


@pytest.fixture
def medicine(patient, clinician_member) -> MedicationStatement:
    return history.record_medication(
        patient=patient,
        kind="isotretinoin",
        name="Isotretinoin 20 mg",
        prescribed=True,
        started_on=date(2026, 3, 1),
        by=clinician_member.user,
    )


def test_a_medicine_is_added_shown_and_seen_by_screening(clinician, patient):
    before = facts_version(patient)

    answer = clinician.post(page_of(patient, "add_medication"), typed(MEDICINE, note="For two years"))

    assert answer.url == page_of(patient)
    shown = clinician.get(page_of(patient)).content.decode()
    assert "Isotretinoin 20 mg" in shown
    assert "Taken now" in shown
    assert "For two years" in shown
    assert facts_version(patient) > before


def test_a_medicine_is_added_once_however_often_one_presses(clinician, patient):
    sent = typed(MEDICINE)

    assert [clinician.post(page_of(patient, "add_medication"), sent).status_code for _ in range(2)] == [302, 302]
    assert patient.medications.count() == 1


@pytest.mark.parametrize(
    ("differing", "sentence"),
    [
        ({"kind": ""}, "Choose the kind; Other if none fits."),
        ({"kind": "arsenic"}, "Choose a kind from the list."),
        ({"name": ""}, "Write this in."),
        ({"prescribed": None}, "Prescribed or bought?"),
        ({"started_on": "2027-03-10"}, "This day is still to come. Write the day it was begun."),
        ({"stopped_on": "2027-03-10"}, "This day is still to come. Write it down once the last dose is taken."),
        ({"stopped_on": "2026-02-28"}, "The last day is before the first one."),
        ({"started_on": "0001-01-01"}, "1 is too long ago. Check the year."),
        ({"stopped_on": "yesterday"}, "Write a day, for example 2025-03-09."),
        ({"note": "x" * 401}, "Too long: 401 letters, and there is room for 400."),
    ],
)
def test_each_refusal_is_a_sentence_at_its_field(clinician, patient, differing, sentence):
    page = clinician.post(page_of(patient, "add_medication"), typed(MEDICINE | {"note": "kept"}, **differing))

    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert differing.get("note", "kept") in page.content.decode()
    assert not patient.medications.exists()


def test_today_may_be_the_first_and_the_last_day(clinician, patient):
    today = str(factories.TODAY)

    assert (
        clinician.post(
            page_of(patient, "add_medication"), typed(MEDICINE, started_on=today, stopped_on=today)
        ).status_code
        == 302
    )


def test_a_medicine_is_stopped_with_a_day(clinician, patient, medicine):
    before = facts_version(patient)

    clinician.post(page_of(patient, "stop_medication", medicine), typed({"stopped_on": "2026-09-15"}))

    medicine.refresh_from_db()
    assert medicine.stopped_on == date(2026, 9, 15)
    assert facts_version(patient) > before
    assert "Until 15 September 2026" in clinician.get(page_of(patient)).content.decode()


@pytest.mark.parametrize("stopped_on", ["", "2026-02-28", "2027-03-10", "\0", "9" * 5000])
def test_a_stop_needs_a_day_that_can_be(clinician, patient, medicine, stopped_on):
    page = clinician.post(page_of(patient, "stop_medication", medicine), typed({"stopped_on": stopped_on}))

    assert page.status_code == 422
    medicine.refresh_from_db()
    assert medicine.stopped_on is None


def test_what_has_stopped_does_not_stop_again(medicine, clinician_member):
    history.stop_medication(medication=medicine, stopped_on=date(2026, 9, 15), by=clinician_member.user)

    with pytest.raises(DomainError, match="already has a last day"):
        history.stop_medication(medication=medicine, stopped_on=date(2026, 9, 16), by=clinician_member.user)


def test_an_entry_in_error_stays_to_be_seen_struck_out(clinician, patient, medicine):
    before = facts_version(patient)

    clinician.post(page_of(patient, "medication_in_error", medicine), typed({"reason": "Her sister's"}))

    shown = clinician.get(page_of(patient)).content.decode()
    assert 'class="void"' in shown
    assert "What was wrong: Her sister&#x27;s" in shown
    assert facts_version(patient) > before


@pytest.mark.parametrize("reason", ["", " ", None, "x" * 201])
def test_an_error_needs_a_reason(clinician, patient, medicine, reason):
    page = clinician.post(page_of(patient, "medication_in_error", medicine), typed({"reason": reason}))

    assert page.status_code == 422
    medicine.refresh_from_db()
    assert not medicine.entered_in_error


def test_what_is_in_error_can_neither_stop_nor_be_in_error_again(medicine, clinician_member):
    history.mark_medication_in_error(medication=medicine, reason="Her sister's", by=clinician_member.user)

    with pytest.raises(DomainError, match="already marked"):
        history.mark_medication_in_error(medication=medicine, reason="Again", by=clinician_member.user)
    with pytest.raises(DomainError, match="already marked"):
        history.stop_medication(medication=medicine, stopped_on=date(2026, 9, 15), by=clinician_member.user)


def test_an_allergy_is_added_and_later_struck_out(clinician, patient):
    clinician.post(page_of(patient, "add_allergy"), typed(ALLERGY))
    allergy = patient.allergies.get()
    clinician.post(page_of(patient, "allergy_in_error", allergy), typed({"reason": "It was the soap"}))

    shown = clinician.get(page_of(patient)).content.decode()
    assert allergy.noted_on == factories.TODAY
    assert "Nickel" in shown
    assert "What was wrong: It was the soap" in shown


def test_an_allergy_told_tomorrow_is_refused(clinician, patient):
    page = clinician.post(page_of(patient, "add_allergy"), typed(ALLERGY, noted_on="2027-03-10"))

    assert page.status_code == 422
    assert "Write the day you were told." in page.content.decode()


def test_the_audit_knows_that_something_was_written_down_and_not_what(clinician, patient):
    clinician.post(page_of(patient, "add_medication"), typed(MEDICINE))

    event = AuditEvent.objects.get(action="medication.recorded")
    assert event.clinic == patient.clinic
    assert "isotretinoin" not in str(event.facts).lower()


def test_nothing_written_down_is_no_all_clear(clinician, patient):
    shown = clinician.get(page_of(patient)).content.decode()

    assert "No medicine on record" in shown
    assert "ask, and add it below" in shown


@pytest.mark.parametrize("name", ["history", "add_medication", "add_allergy"])
@pytest.mark.parametrize("role", ["desk", "manager"])
def test_desk_and_manager_see_and_write_nothing_clinical(request, role, name, patient):
    client = request.getfixturevalue(role)

    assert client.get(page_of(patient, name)).status_code == 403
    assert client.post(page_of(patient, name), typed(MEDICINE | ALLERGY)).status_code == 403


def test_another_clinics_entries_do_not_exist(stranger, clinician, patient, medicine, clinic):
    other = factories.make_patient(clinic, given_name="Bo")

    assert stranger.get(page_of(patient)).status_code == 404
    assert (
        stranger.post(page_of(patient, "stop_medication", medicine), typed({"stopped_on": "2026-09-15"})).status_code
        == 404
    )
    # Nor does one patient's entry under another patient's address.
    assert clinician.get(page_of(other, "stop_medication", medicine)).status_code == 404


@pytest.mark.parametrize("size", [1, 12])
def test_the_history_page_asks_the_same_of_the_database_whatever_its_length(
    clinician, patient, clinician_member, size, django_assert_max_num_queries
):
    for number in range(size):
        history.record_medication(
            patient=patient, kind="other", name=f"M{number}", prescribed=False, by=clinician_member.user
        )
        history.record_allergy(patient=patient, substance=f"S{number}", by=clinician_member.user)
    clinician.get(page_of(patient))

    with django_assert_max_num_queries(12):
        assert clinician.get(page_of(patient)).status_code == 200


# ── Answers ───────────────────────────────────────────────────────────────────


def test_answers_are_added_in_one_go_and_audited_once(patient, clinician_member):
    before = facts_version(patient)

    rows = history.record_answers(
        patient=patient,
        answers=[
            {"code": "pregnant", "value": "no", "on": None, "detail": "", "note": ""},
            {"code": "laser_ipl", "value": "yes", "on": date(2027, 1, 1), "detail": "ablative", "note": "Elsewhere"},
        ],
        answered_on=factories.TODAY,
        via="clinician",
        by=clinician_member.user,
    )

    assert [row.code for row in rows] == ["pregnant", "laser_ipl"]
    assert facts_version(patient) > before
    event = AuditEvent.objects.get(action="history.answered")
    assert event.facts == {"via": "clinician", "answers": 2}


def test_a_patient_answers_for_herself_without_an_account(patient):
    history.record_answers(
        patient=patient,
        answers=[{"code": "pregnant", "value": "no"}],
        answered_on=factories.TODAY,
        via="patient",
        by=None,
    )

    assert HistoryAnswer.objects.get().recorded_by is None


def test_staff_say_who_they_are(patient):
    with pytest.raises(TypeError):
        history.record_answers(patient=patient, answers=[], answered_on=factories.TODAY, via="clinician", by=None)


def test_an_unknown_key_is_a_fault_and_not_an_answer(patient, clinician_member):
    with pytest.raises(TypeError, match="answer_on"):
        history.record_answers(
            patient=patient,
            answers=[{"code": "pregnant", "value": "no", "answer_on": None}],
            answered_on=factories.TODAY,
            via="clinician",
            by=clinician_member.user,
        )


def test_an_unknown_value_is_refused_in_words(patient, clinician_member):
    with pytest.raises(DomainError, match="Answer yes, no or not sure"), transaction.atomic():
        history.record_answers(
            patient=patient,
            answers=[{"code": "pregnant", "value": "perhaps"}],
            answered_on=factories.TODAY,
            via="clinician",
            by=clinician_member.user,
        )


def test_an_answer_is_never_changed_or_taken_away(patient):
    factories.answer(patient, "pregnant", "no")
    for attempt in (lambda rows: rows.update(value="yes"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt(HistoryAnswer.objects.all())
    assert HistoryAnswer.objects.get().value == "no"


def test_the_database_too_refuses_a_medicine_that_ends_before_it_began(medicine):
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        MedicationStatement.objects.filter(pk=medicine.pk).update(stopped_on=medicine.started_on - timedelta(days=1))
    assert explain(refused.value).sentence == "The last day is before the first one."


def test_an_allergy_is_locked_behind_its_patient(patient, clinician_member):
    allergy = history.record_allergy(patient=patient, substance="Nickel", by=clinician_member.user)

    with pytest.raises(DomainError, match="Say what was wrong"):
        history.mark_allergy_in_error(allergy=allergy, reason=" ", by=clinician_member.user)
    assert not Allergy.objects.get().entered_in_error
