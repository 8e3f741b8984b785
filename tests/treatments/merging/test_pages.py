"""The pages: the other record is found, both are looked at, merged, found under the old name, and taken apart again."""

from datetime import date, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.models import Patient, RecordMerge
from patients.services import people
from tests import factories
from tests.access.table import PATIENT, TABLE
from tests.access.world import _medication
from tests.factories import TODAY
from tests.treatments.merging.two_records import merge, second_record
from treatments.appointments import services as diary


@pytest.fixture
def gone(patient) -> Patient:
    return second_record(patient, speaks="Arabic")


def page(name: str, *refs) -> str:
    return reverse(f"treatments:{name}", args=[getattr(ref, "ref", ref) for ref in refs])


def filled(shown, **differing) -> dict:
    """The form as it is proposed."""
    form = shown.context["form"]
    return {name: form[name].value() or "" for name in form.fields} | differing


def test_from_the_chart_to_one_record_and_back(manager, patient, gone):
    chart = manager.get(gone.get_absolute_url()).content.decode()
    assert page("find_duplicate", gone) in chart
    alike = manager.get(page("find_duplicate", gone)).content.decode()
    assert page("merge_records", gone, patient) in alike
    assert "same birth date, similar name" in alike

    shown = manager.get(page("merge_records", gone, patient))
    words = shown.content.decode()
    assert "What speaks against a session on either record" in words
    assert "The same on both" in words
    answer = manager.post(page("merge_records", gone, patient), filled(shown, family_name="goes", reason="Married"))
    assert answer.status_code == 302
    assert answer["Location"] == patient.get_absolute_url()
    patient.refresh_from_db()
    assert (patient.family_name, patient.speaks) == ("Hadad", "Arabic")

    stays = manager.get(patient.get_absolute_url()).content.decode()
    assert "Merged into this record" in stays
    assert "Married" in stays
    went = manager.get(gone.get_absolute_url()).content.decode()
    assert "This record is part of the one of Leila Hadad now, merged" in went
    assert patient.get_absolute_url() in went
    made = RecordMerge.objects.get()
    assert page("undo_merge", made) in went

    back = manager.get(page("undo_merge", made))
    assert "return" in back.content.decode()
    assert manager.post(page("undo_merge", made), {"reason": ""}).status_code == 422
    answer = manager.post(page("undo_merge", made), {"reason": "They are sisters"})
    assert answer["Location"] == gone.get_absolute_url()
    patient.refresh_from_db()
    assert patient.family_name == "Haddad"
    for one in (patient, gone):
        story = manager.get(one.get_absolute_url() + "?show=merges").content.decode()
        assert "The record of Leila Hadad became part of the one of Leila Haddad" in story
        assert "Taken back 9 March 2027 by Mara Quist: They are sisters" in story
    assert "This merge stays" in manager.get(page("undo_merge", made)).content.decode()


def test_search_lists_and_chart_say_where_it_went(desk, patient, gone):
    merge(patient, gone)
    for words in (
        desk.post(reverse("patients:search"), {"q": "Hadad"}).content.decode(),
        desk.get(reverse("patients:list")).content.decode(),
        desk.post(reverse("patients:find"), {"q": "Hadad"}).content.decode(),
    ):
        assert "now part of" in words
        assert patient.get_absolute_url() in words
    chart = desk.get(gone.get_absolute_url()).content.decode()
    assert "Merged into another record" in chart
    assert "Open the record of Leila Haddad" in chart
    assert "Take the merge back" not in chart


def test_on_an_errand_the_old_name_leads_to_the_record_that_stays(desk, patient, gone):
    merge(patient, gone)
    words = desk.post(reverse("patients:search"), {"q": "Hadad", "for": "walk-in"}).content.decode()
    assert reverse("treatments:walk_in", args=[patient.ref]) in words


def test_the_search_finds_whoever_is_meant_and_a_name_enters_no_address(manager, patient, gone):
    other = factories.make_patient(patient.clinic, given_name="Bo", family_name="Quill", born_on=date(1970, 1, 1))
    found = manager.post(page("find_duplicate", gone), {"q": "Quill"}).content.decode()
    assert page("merge_records", gone, other) in found
    assert page("merge_records", gone, gone) not in manager.post(page("find_duplicate", gone), {"q": "Hadad"}).content.decode()  # fmt: skip
    nobody = manager.post(page("find_duplicate", gone), {"q": "Zzyzx"}).content.decode()
    assert "Nobody else found" in nobody
    assert "Nobody looks alike" in manager.get(page("find_duplicate", other)).content.decode()


def test_what_stands_against_it_is_said_with_a_way_on(manager, clinician, active_plan, gone):
    theirs = factories.make_active_plan(gone)
    url = page("merge_records", gone, active_plan.patient)
    words = clinician.get(url).content.decode()
    assert "Not yet: 1 thing to put right first" in words
    assert page("course", theirs) in words
    assert "Merge the records" not in words
    refused = manager.post(url, filled(manager.get(url)))
    assert refused.status_code == 422
    assert "Both records have a course under way" in refused.content.decode()


def test_nothing_typed_is_lost(manager, patient):
    gone = second_record(patient, born_on=date(1991, 6, 9))
    url = page("merge_records", gone, patient)
    refused = manager.post(url, filled(manager.get(url), family_name="goes", reason=""))
    assert refused.status_code == 422
    words = refused.content.decode()
    assert "The dates of birth differ: write how we know" in words
    assert 'value="goes" id="id_family_name_goes" checked' in words
    assert manager.post(url, {}).status_code == 422
    assert manager.post(url, filled(manager.get(url), reason="x" * 201)).status_code == 422
    assert not RecordMerge.objects.exists()


def test_what_was_changed_meanwhile_is_looked_at_again(manager, patient, gone):
    url = page("merge_records", gone, patient)
    typed = filled(manager.get(url), reason="Same telephone")
    by = factories.a_manager(patient.clinic).user
    people.correct_details(patient=patient, version=patient.version, by=by, phone="07700 900900")
    answer = manager.post(url, typed)
    assert answer.status_code == 409
    words = answer.content.decode()
    assert "changed meanwhile" in words
    assert "Same telephone" in words
    assert manager.post(url, filled(answer, reason="Same telephone")).status_code == 302


def test_two_that_cannot_be_merged_have_a_way_on(manager, patient, gone):
    merge(patient, gone)
    third = second_record(patient)
    words = manager.get(page("merge_records", third, gone)).content.decode()
    assert "part of another one already" in words
    assert page("find_duplicate", third) in words
    itself = manager.get(page("merge_records", patient, patient)).content.decode()
    assert "This is the same record" in itself
    assert manager.post(page("merge_records", patient, patient), {}).status_code == 422


def test_a_manager_reads_no_clinical_entry(manager, clinician, patient, gone):
    _medication(gone)
    factories.answer(gone, "hsv_history", "yes")
    for one, skin_type in ((patient, 2), (gone, 5)):
        factories.assess(one, skin_type=skin_type)
    url = page("merge_records", gone, patient)
    read = clinician.get(url).content.decode()
    assert "1 medicine" in read
    assert "Skin type II and V: until somebody assesses the skin again" in read
    words = manager.get(url).content.decode()
    assert "3 clinical entries" in words
    for clinical in ("medicine", "Skin type", "answer<"):
        assert clinical not in words


def test_the_header_says_no_skin_type_that_the_rules_do_not_know(clinician, patient, gone):
    def skin():
        chips = clinician.get(page("chart", patient)).context["header"]["chips"]
        return [chip["label"] for chip in chips if chip["label"].startswith("Skin type")]

    for one, skin_type in ((patient, 2), (gone, 5)):
        factories.assess(one, skin_type=skin_type)
    assert skin() == ["Skin type II"]
    merge(patient, gone)
    assert skin() == ["Skin type differs"]
    factories.assess(Patient.objects.get(pk=patient.pk), skin_type=5)
    assert skin() == ["Skin type V"]


def test_two_presses_are_one(manager, patient, gone):
    url = page("merge_records", gone, patient)
    typed = filled(manager.get(url)) | {"submit_token": "5e2b1c62-3a6e-4f5e-9b3c-6f3f6d6f0a11"}
    assert manager.post(url, typed).status_code == 302
    second = manager.post(url, typed)
    assert RecordMerge.objects.count() == 1
    assert second.status_code < 500


def test_no_press_on_a_merged_record_is_a_fault_of_ours(clinician, manager, patient, gone):
    """Somebody has its page still open: whatever she sends is answered in words."""
    merge(patient, gone)
    broken = []
    for name, row in TABLE.items():
        if row.parameters != PATIENT or "POST" not in row.methods:
            continue
        for who in (clinician, manager):
            url = reverse(name, args=[gone.ref])
            who.raise_request_exception = False
            for typed in ({}, {"kind": "other", "name": "x", "prescribed": "yes", "substance": "x", "reason": "x"}):
                if who.post(url, typed).status_code >= 500:
                    broken.append(name)
            if who.get(url).status_code >= 500:
                broken.append(f"{name} (GET)")
    assert broken == []


def test_the_pages_cost_the_same_whatever_goes_over(clinician, patient, gone):
    def asked(*url) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert clinician.get(page(*url)).status_code == 200
        return len(queries)

    pages = [("find_duplicate", gone), ("merge_records", gone, patient)]
    [asked(*url) for url in pages]
    few = [asked(*url) for url in pages]
    for days in range(7, 70, 7):
        place = factories.a_place(patient.clinic, TODAY + timedelta(days=days), time(11), kind="consultation")
        diary.book(patient=gone, kind="consultation", place=place, by=factories.a_manager(patient.clinic).user)
        factories.answer(gone, "pregnant", "no")
        _medication(gone)
    many = [asked(*url) for url in pages]
    assert many == few
    assert max(many) <= 26
    made = merge(patient, gone)
    chart = ("chart", patient)
    asked(*chart)
    assert asked(*chart) <= 13
    undoing = ("undo_merge", made)
    asked(*undoing)
    assert asked(*undoing) <= 36
