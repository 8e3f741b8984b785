"""Whatever a browser, or something that says it is one, can send: a sentence, never a fault of ours."""

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patients.models import MedicationStatement
from patients.services import history
from tests.patients.typed import ANSWERED, MEDICINE, typed

NASTY = {
    "nothing": "",
    "a NUL byte": "a\0b",
    "a megabyte": "x" * 1_000_000,
    "control characters": "a\x07\x1bb",
    "right to left": "\u202eabc",
    "markup": "<script>alert(1)</script>",
    "a template": "{{ clinic }} {% now %}",
    "a number where words belong": "9" * 400,
    "words where a day belongs": "the day before yesterday",
    "a quote": "'; DROP TABLE patients_patient; --",
    "an emoji": "👩🏽‍⚕️",
}
# Half of a surrogate pair can be smuggled in by a charset nobody uses.
SMUGGLED = ("utf-7", b"+2AA-")


@pytest.fixture
def medicine(patient, clinician_member) -> MedicationStatement:
    return history.record_medication(
        patient=patient, kind="other", name="Zinc", prescribed=False, by=clinician_member.user
    )


@pytest.fixture
def forms(patient, medicine) -> dict[str, dict]:
    """Every address of this app that takes a form, with what it usually gets."""
    entry = [patient.ref, medicine.ref]
    return {
        reverse("patients:search"): {"q": "ana"},
        reverse("patients:find"): {"q": "ana"},
        reverse("patients:register"): ANSWERED,
        reverse("patients:edit", args=[patient.ref]): ANSWERED | {"version": "1"},
        reverse("patients:add_medication", args=[patient.ref]): MEDICINE,
        reverse("patients:add_allergy", args=[patient.ref]): {"substance": "Nickel", "reaction": "", "noted_on": ""},
        reverse("patients:stop_medication", args=entry): {"stopped_on": "2026-09-15"},
        reverse("patients:medication_in_error", args=entry): {"reason": "Her sister's"},
    }


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_nothing_a_browser_can_send_is_a_fault(clinician, forms, nasty):
    for address, usual in forms.items():
        for field in usual:
            answer = clinician.post(address, typed(usual, **{field: nasty}))
            assert answer.status_code in (200, 302, 409, 422), (address, field)
        # Ten fields of a megabyte each are more than the server reads: 400.
        everywhere = typed(dict.fromkeys(usual, nasty))
        assert clinician.post(address, everywhere).status_code in (200, 302, 400, 409, 422), address


def test_an_empty_form_is_answered_in_words(clinician, forms):
    for address in forms:
        answer = clinician.post(address, {})
        assert answer.status_code in (200, 422), address


def test_a_file_where_words_belong_is_answered_in_words(clinician, forms, tmp_path):
    for address, usual in forms.items():
        with (tmp_path / "file").open("wb+") as file:
            assert clinician.post(address, dict.fromkeys(usual, file)).status_code in (200, 422), address


def test_half_a_character_is_answered_in_words(clinician, forms):
    charset, half = SMUGGLED
    for address, usual in forms.items():
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + half + b"\r\n"
            for name in usual
        )
        answer = clinician.post(
            address, body + b"--b--\r\n", content_type=f"multipart/form-data; boundary=b; charset={charset}"
        )
        assert answer.status_code in (200, 302, 422), address


def test_what_was_typed_comes_back_and_never_as_markup(desk, clinic):
    page = desk.post("/patients/new/", typed(ANSWERED, born_on="soon", speaks=NASTY["markup"])).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert NASTY["markup"] not in page


@pytest.mark.parametrize("ref", ["1", "x", "00000000-0000-0000-0000-000000000000", "%00", "../../etc"])
def test_an_address_of_nobody_is_not_found(clinician, ref):
    for name in ("details", "history"):
        assert clinician.get(f"/patients/{ref}/{name}/").status_code == 404


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_at_all_may_be_searched_for(desk, clinic, text):
    assert desk.post("/patients/search/", {"q": text.encode("utf-8", "replace").decode()}).status_code == 200


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=90), min_size=3, max_size=3))
def test_any_name_is_kept_or_refused_in_words(desk, clinic, names):
    given_name, family_name, speaks = names
    sent = typed(ANSWERED, given_name=given_name, family_name=family_name, speaks=speaks, different_person="on")
    assert desk.post("/patients/new/", sent).status_code in (302, 422)
