"""Assessing: concern by zone and severity, only where it is treated; wrong entries stay visible and count for nothing."""

import uuid
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError
from tests import factories
from treatments import facts
from treatments.assessments import services
from treatments.protocol.catalogue import load

pytestmark = pytest.mark.django_db


def url(patient) -> str:
    return reverse("treatments:assess", args=[patient.ref])


def filled(**differing) -> dict:
    return {
        "skin_type": "3",
        "pih_history": "no",
        "severity-acne_scar_face": "moderate",
        "zones-acne_scar_face": ["cheek", "chin"],
        "note": "Both sides alike.",
        "submit_token": str(uuid.uuid4()),
    } | differing


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}


def test_several_concerns_are_kept_with_their_zones(clinician, patient, clinician_member):
    data = filled(**{"severity-melasma": "mild", "zones-melasma": ["cheek"], "skin_type": "5", "pih_history": "yes"})
    assert clinician.post(url(patient), data).status_code == 302
    kept = patient.assessments.get()
    assert (kept.skin_type, kept.pih_history, kept.assessed_on, kept.assessed_by) == (
        5, True, factories.TODAY, clinician_member.user,
    )  # fmt: skip
    assert {(c.code, tuple(c.zones), c.severity) for c in kept.concerns.all()} == {
        ("acne_scar_face", ("cheek", "chin"), "moderate"),
        ("melasma", ("cheek",), "mild"),
    }


def test_a_recorded_assessment_leads_back_to_the_chart_which_says_what_comes_next(clinician, patient):
    answer = clinician.post(url(patient), filled(), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("treatments:chart", args=[patient.ref])
    assert "Ask all questions" in answer.content.decode()


def test_a_skin_type_may_be_not_known_yet(clinician, patient):
    clinician.post(url(patient), filled(skin_type="unknown"))
    assert patient.assessments.get().skin_type is None


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"skin_type": ""}, "skin_type", "Choose a skin type, or not known."),
        ({"skin_type": "7"}, "skin_type", "Choose a skin type from I to VI."),
        ({"pih_history": ""}, "pih_history", "Choose yes or no."),
        ({"severity-acne_scar_face": ""}, "severity-acne_scar_face", "Choose mild, moderate or severe."),
        ({"severity-acne_scar_face": "dreadful"}, "severity-acne_scar_face", "Choose mild, moderate or severe."),
        ({"zones-acne_scar_face": []}, "zones-acne_scar_face", "Choose at least one zone."),
        (
            {"severity-acne_scar_face": "", "zones-acne_scar_face": []},
            "__all__",
            "Choose at least one concern, with its zones.",
        ),
        ({"note": "x" * 1_000_000}, "note", "Shorten the note to 4,000 characters."),
    ]
    + [
        (
            {"zones-acne_scar_face": [zone]},
            "zones-acne_scar_face",
            "This concern is not treated on one of these zones. Choose from the list.",
        )
        for zone in ("eyelid", "periorbital", "moon", "")
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(clinician, patient, differing, field, sentence):
    response = clinician.post(url(patient), filled(**differing))
    assert response.status_code == 422
    assert errors(response) == {field: sentence}
    assert not patient.assessments.exists()


def test_nothing_typed_is_lost_in_a_refusal(clinician, patient):
    html = unescape(clinician.post(url(patient), filled(skin_type="")).content.decode())
    assert "Both sides alike." in html
    assert 'name="zones-acne_scar_face" value="cheek" checked' in html


def test_prohibited_zones_are_not_even_offered(clinician, patient):
    html = clinician.get(url(patient)).content.decode()
    assert 'value="cheek"' in html
    for zone in ("eyelid", "inside_orbital_rim", "lip_vermilion", "mucosa"):
        assert f'value="{zone}"' not in html
    assert "cellulite" not in html


@pytest.mark.parametrize("zone", ["eyelid", "mucosa", "periorbital", "moon"])
def test_the_service_refuses_a_zone_whatever_the_form_says(patient, clinician_member, zone):
    with pytest.raises(DomainError) as refused:
        factories.assess(patient, concerns=[{"code": "acne_scar_face", "zones": [zone], "severity": "mild"}])
    assert refused.value.field == "zones-acne_scar_face"
    assert not patient.assessments.exists()


def test_the_chest_is_treated_for_dark_marks_up_to_type_iii_and_not_above(clinician, patient):
    data = {
        "severity-acne_scar_face": "",
        "zones-acne_scar_face": [],
        "severity-hyperpig": "mild",
        "zones-hyperpig": ["chest"],
    }
    response = clinician.post(url(patient), filled(skin_type="4", **data))
    assert response.status_code == 422
    assert errors(response) == {
        "zones-hyperpig": "Chest is not treated for this concern at this skin type. Leave it out."
    }
    assert clinician.post(url(patient), filled(skin_type="3", **data)).status_code == 302
    # What was recorded can be read back by the rules.
    assert facts.patient_facts(patient, on=factories.TODAY, catalogue=load()).concerns[0].zones == ("chest",)


def test_pressing_twice_records_once(clinician, patient):
    data = filled()
    for _ in range(2):
        clinician.post(url(patient), data)
    assert patient.assessments.count() == 1


def test_an_assessment_entered_in_error_stays_visible_and_the_one_before_counts(clinician, patient):
    first = factories.assess(patient, skin_type=2)
    second = factories.assess(patient, skin_type=6)
    mark = reverse("treatments:assessment_error", args=[second.ref])
    refused = clinician.post(mark, {"reason": " "})
    assert (refused.status_code, errors(refused)) == (422, {"reason": "Say why this assessment was entered in error."})
    assert clinician.post(mark, {"reason": "Wrong patient"}).status_code == 302
    assert services.latest(patient) == first
    assert "Entered in error: Wrong patient" in clinician.get(url(patient)).content.decode()
    again = clinician.post(mark, {"reason": "Wrong patient"})
    assert again.status_code == 422


def test_only_clinicians_of_this_clinic_assess(desk, manager, stranger, patient):
    assessment = factories.assess(patient)
    mark = reverse("treatments:assessment_error", args=[assessment.ref])
    for where in (url(patient), mark):
        assert [client.get(where).status_code for client in (desk, manager, stranger)] == [403, 403, 404]
        assert [client.post(where, filled()).status_code for client in (desk, manager, stranger)] == [403, 403, 404]


def test_a_long_history_costs_no_more_queries(clinician, patient):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert clinician.get(url(patient)).status_code == 200
        return len(captured)

    factories.assess(patient)
    clinician.get(url(patient))
    few = queries()
    for skin_type in (1, 2, 3, 4, 5, 6):
        factories.assess(patient, skin_type=skin_type)
    assert queries() == few
