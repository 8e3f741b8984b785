"""Consent: the words that were shown, the signature under them, and what it is good for."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.models import Consent, ConsentText, DepthClass
from patients.services import consents
from tests import factories

SCRAWL = "M 40 120 L 80 60 L 120 130 L 160 50 L 200 120 L 240 70 L 280 110 L 320 90 L 360 100"
TREATMENT = consents.Treatment(
    concerns="acne scars on the face",
    zones="cheeks and chin",
    sessions="4 sessions, about 6 weeks apart",
    depth_class=DepthClass.DERMAL,
    notes=("Your skin type makes dark marks more likely.",),
)


@pytest.fixture
def text(clinic) -> ConsentText:
    return consents.current_text(clinic=clinic)


@pytest.fixture
def sign(patient, text, clinician_member):
    def sign(**differing) -> Consent:
        shown = consents.render_text(text, patient=patient, treatment=TREATMENT)
        member = clinician_member.user
        return consents.sign(
            **{
                "patient": patient,
                "text": text,
                "shown_text": shown,
                "shown_sha256": consents.sha256(shown),
                "techniques": ["needling"],
                "depth_class": DepthClass.DERMAL,
                "about": None,
                "signature_kind": "typed",
                "signature": patient.full_name,
                "signed_name": patient.full_name,
                "witness": member,
                "by": member,
            }
            | differing
        )

    return sign


# ── The text ──────────────────────────────────────────────────────────────────


def test_the_shipped_text_is_published_once_with_its_hash(clinic, text):
    again = consents.current_text(clinic=clinic)

    assert again == text
    assert text.sha256 == consents.sha256(text.body)
    assert AuditEvent.objects.filter(action="consent_text.published").count() == 1


def test_the_newest_version_is_in_force(clinic, text):
    body = text.body + "\n# More\nOne more risk."
    newer = ConsentText.objects.create(
        clinic=clinic, version=2, title="v2", body=body, sha256=consents.sha256(body), approved_at=clock.now()
    )

    assert consents.current_text(clinic=clinic) == newer


def test_a_language_without_a_text_of_its_own_gets_the_english_one(clinic, text):
    assert consents.current_text(clinic=clinic, language="pl") == text


def test_the_rendered_text_names_her_and_leaves_no_gap(patient, text):
    shown = consents.render_text(text, patient=patient, treatment=TREATMENT)

    for words in (
        "Leila Haddad",
        "9 June 1992",
        "acne scars on the face",
        "up to 1.5 mm",
        "020 7946 0142",
        "999",
        *TREATMENT.notes,
    ):
        assert words in shown
    assert "$" not in shown


def test_her_name_is_words_and_never_an_instruction(patient, text):
    patient.given_name = "$concerns"

    assert "$concerns Haddad" in consents.render_text(text, patient=patient, treatment=TREATMENT)


def test_the_same_inputs_give_the_same_words(patient, text):
    assert len({consents.render_text(text, patient=patient, treatment=TREATMENT) for _ in range(3)}) == 1


@pytest.mark.parametrize(
    "words",
    ["Dark marks", "5 of the 30", "7 of 32", "2,805", "Cold sores", "antiviral", "pregnant", "alternatives", "withdraw",
     "Photographs", "Do not stop a medicine", "cannot promise"],
)  # fmt: skip
def test_the_shipped_text_names_what_it_must(text, words):
    assert words in text.body


@pytest.mark.parametrize("words", ["no risk", "safe for all", "painless", "guarantee", "100 percent", "antibiotic"])
def test_the_shipped_text_promises_nothing_it_cannot_keep(text, words):
    assert words not in text.body.lower()


def test_the_text_is_cut_into_sections_without_losing_a_word(patient, text):
    shown = consents.render_text(text, patient=patient, treatment=TREATMENT)
    cut = consents.sections(shown)

    words = " ".join(word for part in cut for word in (part["title"], *part["paragraphs"])).split()
    assert words == re.sub(r"^# ", "", shown, flags=re.MULTILINE).split()


# ── The signature ─────────────────────────────────────────────────────────────


def test_a_typed_signature_is_kept_under_the_words_that_were_read(sign, patient, clinician_member):
    consent = sign(signature=" leila  HADDAD ")

    assert consent.signature == "leila HADDAD"
    assert consent.shown_sha256 == consents.sha256(consent.shown_text)
    assert consent.witness == clinician_member.user
    assert consent.signed_at == clock.now()
    assert "Haddad" not in str(AuditEvent.objects.get(action="consent.signed").facts)


@pytest.mark.parametrize("name", ["Leila\0 Haddad", "Leila \ud800Haddad", "\x1bLeila Haddad"])
def test_a_typed_signature_is_kept_without_what_no_keyboard_writes(sign, name):
    assert sign(signature=name).signature == "Leila Haddad"


@pytest.mark.parametrize("name", ["", "Leila", "Noor Adeyemi", "Leila Haddad Haddad", "\0", "x" * 1_000_000])
def test_a_typed_signature_repeats_her_name(sign, name):
    with pytest.raises(DomainError, match="Type the full name") as refused:
        sign(signature=name)
    assert refused.value.field == "signature"


def test_a_drawn_signature_is_kept(sign):
    assert sign(signature_kind="drawn", signature=SCRAWL).signature == SCRAWL


@pytest.mark.parametrize(
    "path",
    [SCRAWL.replace(" L ", "L").replace("M ", "M").replace(" ", ","), "M10.5 20.25L11 60 50 30 90 80 130 20 170 90 210 30 250 60", "M 0 0 Q 50 90 100 20 C 120 10 140 80 160 40 L 200 60 L 240 10 L 260 80 L 280 20"],
)  # fmt: skip
def test_a_path_may_be_written_in_the_usual_ways(path):
    assert consents.drawn(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "M 10 10",
        "M 10 10 L 10 10 L 10 10 L 10 10 L 10 10 L 10 10 L 10 10 L 10 10 L 10 10",
        "M 10 10 L 12 12 L 14 10 L 16 12 L 18 10 L 20 12 L 22 10 L 24 12 L 26 10",
        "M 10 10 L 500 10",
        SCRAWL.replace("360", "3600"),
        SCRAWL.replace("L 80", "A 80"),
        SCRAWL + '"/><script>alert(1)</script>',
        SCRAWL + " url(#x)",
        SCRAWL + " L 5",
        SCRAWL + " 1e5 10",
        SCRAWL + " L",
        "L 1 1 " + SCRAWL,
        SCRAWL + "\0",
        "M " + "1 2 " * 10_000,
        "٤٠" + SCRAWL,
        "-" * 19_000,
        "M 1" + " 1" * 9_000 + "x",
    ],
)  # fmt: skip
def test_what_no_pen_has_drawn_is_no_signature(path):
    with pytest.raises(DomainError) as refused:
        consents.drawn(path)
    assert refused.value.field == "signature"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (SCRAWL.replace("360 100", "601 100"), "did not arrive whole"),
        (SCRAWL.replace("360 100", "360 -1"), "did not arrive whole"),
        ("M 10 10 L 500 10", "too little for a signature"),
    ],
)
def test_a_signature_beyond_its_box_is_not_called_too_small(path, sentence):
    with pytest.raises(DomainError, match=sentence):
        consents.drawn(path)


def test_a_signature_may_touch_every_edge_of_its_box():
    assert consents.drawn(SCRAWL + " L 600 200 L 0 0 L 600 0 L 0 200")


@given(st.text(max_size=200))
def test_whatever_is_sent_is_kept_only_as_numbers_and_commands(path):
    try:
        kept = consents.drawn(path)
    except DomainError:
        return
    assert re.fullmatch(r"[MLQC0-9 .,-]+", kept)


def test_other_words_than_those_that_were_read_are_not_signed(sign, patient, text):
    with pytest.raises(consents.TextChanged):
        sign(shown_sha256=consents.sha256("something else"))
    assert not Consent.objects.exists()


def test_a_text_that_was_replaced_while_it_was_read_is_not_signed(sign, clinic, text):
    ConsentText.objects.create(
        clinic=clinic, version=2, title="v2", body="# New", sha256=consents.sha256("# New"), approved_at=clock.now()
    )

    with pytest.raises(consents.TextChanged):
        sign()


def test_another_clinics_text_is_not_signed(sign, other_clinic):
    with pytest.raises(DomainError, match="not one the clinic has published"):
        sign(text=consents.current_text(clinic=other_clinic))


def test_the_witness_works_here(sign, other_clinic):
    with pytest.raises(DomainError, match="somebody who works here"):
        sign(witness=factories.a_manager(other_clinic).user)


def test_a_consent_to_nothing_is_refused(sign):
    with pytest.raises(DomainError):
        sign(techniques=[])


def test_what_was_signed_is_never_changed(sign):
    consent = sign()

    for change in ({"shown_text": "x"}, {"depth_class": 3}, {"techniques": ["rf"]}, {"signed_name": "x"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Consent.objects.filter(pk=consent.pk).update(**change)


# ── What it is good for ───────────────────────────────────────────────────────


def valid(consent: Consent, **differing) -> Consent | None:
    asked = {"patient": consent.patient, "techniques": ["needling"], "depth_class": 2, "at": clock.now()}
    return consents.valid_consent(**asked | differing)


def test_it_covers_its_techniques_up_to_its_depth(sign, clinic):
    consent = sign(techniques=["needling", "serum"])

    assert valid(consent) == consent
    assert valid(consent, depth_class=1) == consent
    assert valid(consent, techniques=["serum", "needling"]) == consent
    assert valid(consent, depth_class=3) is None
    assert valid(consent, techniques=["rf"]) is None
    assert valid(consent, patient=factories.make_patient(clinic, given_name="Bo")) is None


def test_withdrawn_it_opens_nothing_and_stays_on_record(sign, clinician_member):
    consent = consents.withdraw(consent=sign(), reason="By telephone", by=clinician_member.user)

    assert valid(consent) is None
    assert Consent.objects.get() == consent
    with pytest.raises(DomainError, match="withdrawn before"):
        consents.withdraw(consent=consent, reason="Again", by=clinician_member.user)


def test_withdrawing_says_how(sign, clinician_member):
    with pytest.raises(DomainError, match="Write how it was withdrawn"):
        consents.withdraw(consent=sign(), reason=" ", by=clinician_member.user)


def test_a_text_that_must_be_asked_again_makes_it_insufficient(sign, text):
    consent = sign()
    ConsentText.objects.filter(pk=text.pk).update(ask_again=True)

    assert valid(consent) is None


def test_it_is_valid_from_the_moment_it_is_signed_for_twelve_months(sign):
    consent = sign()
    signed_at, tick = consent.signed_at, timedelta(microseconds=1)
    a_year_on = signed_at.replace(year=2028)

    assert valid(consent, at=signed_at) == consent
    assert valid(consent, at=signed_at - tick) is None
    assert valid(consent, at=a_year_on - tick) == consent
    assert valid(consent, at=a_year_on) is None


@pytest.mark.parametrize(
    "day", [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2029, 2, 28), date(2027, 12, 31)]
)
def test_twelve_months_are_the_databases_twelve_months(db, day):
    at = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz - interval '12 months'", [at])
        assert consents.signed_since(at) == cursor.fetchone()[0]
