"""Consent: the words, their hash, the signature under them, and the way back."""

import uuid
from html import unescape

import pytest
from django.urls import reverse

from patients.models import Consent
from patients.services import consents
from tests import factories

pytestmark = pytest.mark.django_db
DRAWN = "M50 100 L80 60 L110 120 L140 70 L170 130 L200 60 L230 110 L260 80 L290 120 L320 90"


@pytest.fixture
def plan(patient):
    factories.answer_all(patient)
    return factories.make_draft(patient)


def url(plan) -> str:
    return reverse("treatments:consent", args=[plan.ref])


def filled(client, plan, **differing) -> dict:
    shown = client.get(url(plan)).context["shown_sha256"]
    return {
        "signature": "",
        "typed_name": "Leila Haddad",
        "shown_sha256": shown,
        "submit_token": str(uuid.uuid4()),
    } | differing


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}


def test_the_whole_text_its_version_and_hash_are_shown(clinician, plan):
    response = clinician.get(url(plan))
    page = unescape(response.content.decode())
    text = consents.current_text(clinic=plan.clinic)
    for section in response.context["sections"]:
        assert all(paragraph in page for paragraph in section["paragraphs"])
    assert f"Version {text.version}" in page
    assert response.context["shown_sha256"] in page
    assert "acne scars, face" in page and "cheek and chin" in page and "4 sessions, about 42 days apart" in page


@pytest.mark.parametrize(
    ("given", "kind"), [({}, "typed"), ({"signature": DRAWN, "typed_name": ""}, "drawn")], ids=["typed", "drawn"]
)
def test_signing_keeps_the_words_that_were_read(clinician, plan, clinician_member, given, kind):
    data = filled(clinician, plan, **given)
    answer = clinician.post(url(plan), data)
    assert (answer.status_code, answer["Location"]) == (302, reverse("treatments:course", args=[plan.ref]))
    kept = plan.patient.consents.get()
    assert (kept.signature_kind, kept.signed_name, kept.witness, kept.about) == (
        kind, "Leila Haddad", clinician_member.user, plan.ref,
    )  # fmt: skip
    assert kept.shown_sha256 == data["shown_sha256"] == consents.sha256(kept.shown_text)
    assert clinician.get(url(plan)).context["valid"] == kept


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"typed_name": ""}, "signature", "Sign in the box, or type the full name instead."),
        ({"typed_name": "Somebody Else"}, "signature", "Type the full name as it stands above: Leila Haddad."),
        (
            {"signature": "M1 1", "typed_name": ""},
            "signature",
            "That is too little for a signature. Clear it and sign again.",
        ),
        (
            {"signature": "<script>", "typed_name": ""},
            "signature",
            "The signature did not arrive whole. Clear it and sign again.",
        ),
        ({"signature": "M1 1 " * 200_000}, "signature", "The signature did not arrive whole. Clear it and sign again."),
        ({"typed_name": "x" * 1_000_000}, "typed_name", "Shorten the name to 160 characters."),
        ({"shown_sha256": ""}, "shown_sha256", "Open this page again and sign there."),
        ({"shown_sha256": "z" * 64}, "shown_sha256", "Open this page again and sign there."),
        (
            {"shown_sha256": "0" * 64},
            "__all__",
            "The text has changed since it was read. Nothing was signed: read it again and sign then.",
        ),
    ],
)
def test_what_is_no_signature_is_refused_in_words(clinician, plan, differing, field, sentence):
    response = clinician.post(url(plan), filled(clinician, plan, **differing))
    assert response.status_code == 422
    assert errors(response) == {field: sentence}
    assert sentence in unescape(response.content.decode())
    assert not Consent.objects.exists()


def test_what_was_signed_is_read_as_it_was_signed(clinician, plan, later):
    clinician.post(url(plan), filled(clinician, plan, signature=DRAWN, typed_name=""))
    signed = Consent.objects.get()
    type(plan.clinic).objects.filter(pk=plan.clinic_id).update(name="Another name by now")
    page = unescape(clinician.get(reverse("treatments:consent_signed", args=[signed.ref])).content.decode())
    assert f'd="{DRAWN}"' in page
    assert "Alder Lane Skin Clinic" in page and signed.shown_sha256 in page


def test_pressing_twice_signs_once(clinician, plan):
    data = filled(clinician, plan)
    for _ in range(2):
        clinician.post(url(plan), data)
    assert Consent.objects.count() == 1


def test_a_withdrawn_consent_stays_and_opens_nothing(clinician, plan):
    clinician.post(url(plan), filled(clinician, plan))
    signed = Consent.objects.get()
    withdraw = reverse("treatments:consent_withdraw", args=[signed.ref])
    assert clinician.get(withdraw).status_code == 200
    assert clinician.post(withdraw, {"reason": ""}).status_code == 422
    assert clinician.post(withdraw, {"reason": "By telephone today"}).status_code == 302
    page = clinician.get(url(plan))
    assert page.context["valid"] is None
    assert "By telephone today" in page.content.decode()
    assert clinician.post(withdraw, {"reason": "Again"}).status_code == 422


def test_only_clinicians_of_this_clinic_read_and_sign(desk, manager, stranger, clinician, plan):
    clinician.post(url(plan), filled(clinician, plan))
    withdraw = reverse("treatments:consent_withdraw", args=[Consent.objects.get().ref])
    read = reverse("treatments:consent_signed", args=[Consent.objects.get().ref])
    assert [client.get(read).status_code for client in (desk, manager, stranger)] == [403, 403, 404]
    for where in (url(plan), withdraw):
        assert [client.get(where).status_code for client in (desk, manager, stranger)] == [403, 403, 404]
        assert [client.post(where, {"reason": "x"}).status_code for client in (desk, manager, stranger)] == [
            403,
            403,
            404,
        ]
