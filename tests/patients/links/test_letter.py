"""A mail to an address that several read names no treatment; its words stand behind her date of birth, as of today."""

from html import unescape

import pytest
from django.core import mail
from django.db import connection
from django.urls import reverse

from clinic import clock
from patients.links.purposes import LETTER
from patients.models import Message, Patient
from patients.outbox import rendering, suppression, tasks
from patients.outbox.texts import letters
from patients.outbox.texts.chosen import frame_and_text
from patients.outbox.texts.shipped import library
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.patients.links.made import a_token, opened
from tests.treatments.messages.reading import of_kind
from treatments.flows import visits
from treatments.rules.policy import catalogue_for
from treatments.sessions import aftercare

pytestmark = pytest.mark.django_db
PAGE = reverse("patients:my_letter")
# What tells the other reader of the mailbox what is treated.
TELLING = ("needl", "peel", "laser", "retino", "filler", "botox", "acid", "waxing", "sunbed", "acne", "skin")


@pytest.fixture
def visit(active_plan):
    return factories.book(
        active_plan.planned_sessions.get(number=1), day=clock.today(active_plan.clinic).replace(month=4, day=20)
    )


@pytest.fixture
def sister(patient):
    return factories.make_patient(patient.clinic, given_name="Mina", email=patient.email.upper())


def proven(patient, message: Message):
    """Her browser, with her date of birth said."""
    browser = opened(a_token(patient, LETTER.code, about=message.ref, message=message))
    born = patient.born_on
    answer = browser.post(
        reverse("patients:my_birth"), {"purpose": LETTER.code, "day": born.day, "month": born.month, "year": born.year}
    )
    assert answer.status_code == 302
    return browser


def told(words: str) -> set[str]:
    return {one for one in TELLING if one in words.lower()}


def left(patient, kind: str) -> str:
    """The mail as it left, both texts."""
    message = of_kind(patient, kind)
    clock.move_to(message.send_at)
    tasks.dispatch()
    [sent] = [one for one in mail.outbox if one.extra_headers["X-Clinic-Ref"] == str(message.ref)]
    html, _ = sent.alternatives[0]
    return f"{sent.body}\n{html}"


@pytest.mark.parametrize("kind", ["booking_confirmed", "precare_14d", "precare_7d"])
def test_to_a_shared_address_no_word_tells_what_is_treated(visit, patient, sister, kind):
    words = left(patient, kind)
    assert told(words.replace("Alder Lane Skin Clinic", "")) == set()
    assert "/my/" in words
    assert patient.given_name in words
    assert patient.family_name not in words
    assert patient.links.filter(purpose=LETTER.code, about=of_kind(patient, kind).ref).count() == 1


@pytest.mark.parametrize("kind", ["booking_confirmed", "precare_14d", "precare_7d"])
def test_to_an_address_of_her_own_they_are_there(visit, patient, kind):
    """The negative control: the same mails, nobody else reading."""
    assert told(left(patient, kind)) != set()
    assert not patient.links.filter(purpose=LETTER.code).exists()


@pytest.mark.parametrize("kind", ["aftercare_now", "aftercare_24h", "aftercare_7d"])
def test_after_a_visit_too_and_the_number_to_call_stays(done_session, patient, sister, kind):
    words = left(patient, kind)
    # The signs that something is wrong and the numbers to call are never left out. They name no treatment.
    signs = [sign for level in aftercare.signs(catalogue_for(done_session.clinic)).values() for sign in level]
    assert all(sign in words for sign in signs) and told(" ".join(signs)) == {"skin"}
    for shown in (*signs, "Alder Lane Skin Clinic"):
        words = words.replace(shown, "")
    assert told(words) == set()
    assert done_session.clinic.urgent_phone in words
    message = of_kind(patient, kind)
    page = unescape(proven(patient, message).get(PAGE).content.decode())
    assert done_session.clinic.emergency_number in page
    assert told(rendering.words_for_her(message)) != set()


def test_behind_her_date_of_birth_she_reads_what_the_mail_left_out(visit, patient, sister):
    left(patient, "precare_14d")
    message = of_kind(patient, "precare_14d")
    page = unescape(proven(patient, message).get(PAGE).content.decode())
    assert told(page) != set()
    assert "private link" not in page
    assert "Your message" in page
    # What she reads is what somebody with an address of her own was sent.
    assert rendering.words_for_her(message).split("\n")[0] in page


@pytest.mark.parametrize(("kind", "reads"), [
    ("booking_confirmed", "en"), ("booking_changed", "en"), ("course_booked", "en"), ("course_changed", "en"),
    ("booking_confirmed", "de"), ("booking_changed", "de"),
])  # fmt: skip
def test_the_page_has_no_file_so_it_speaks_of_none(kind, reads, clinic, patient):
    """The mail has one, and says so."""
    frame, body = frame_and_text(clinic, kind, reads)
    text = letters.Texts(kind, library().languages[reads], frame.blocks, body.blocks, body.version)
    file = {"en": "The file with", "de": "Die Datei an"}[reads]
    words = {"starts_at": clock.now(), "visits": [{"starts_at": clock.now()}], "first_name": "Leila", "essential": True}
    in_the_mail = letters.text_of(
        letters.filled(text, clinic, words=words, links={"visit": "https://clinic.example/my/x/"})
    )
    on_her_page = letters.text_of(letters.filled(text, clinic, words=words, links={}))
    assert file in in_the_mail
    assert file not in on_her_page and "Alder Lane" in on_her_page


def test_before_it_the_page_shows_nothing_of_it(visit, patient, sister):
    left(patient, "precare_14d")
    browser = opened(a_token(patient, LETTER.code, about=of_kind(patient, "precare_14d").ref))
    answer = browser.get(PAGE)
    assert "Is it you?" in answer.content.decode()
    assert told(answer.content.decode()) == set()


def test_what_no_longer_holds_is_not_said(visit, patient, sister, desk_member):
    left(patient, "precare_14d")
    message = of_kind(patient, "precare_14d")
    browser = proven(patient, message)
    visit.refresh_from_db()
    visits.cancel(visit=visit, reason="Has a cold", by=desk_member.user)
    page = browser.get(PAGE).content.decode()
    assert "This message no longer holds" in page
    assert told(page) == set()


def test_a_message_of_somebody_else_or_of_a_kind_that_is_gone_is_not_shown(visit, patient, sister):
    left(patient, "precare_14d")
    message = of_kind(patient, "precare_14d")
    hers = proven(sister, message)
    assert "no longer holds" in hers.get(PAGE).content.decode()
    Message.objects.filter(pk=message.pk).update(kind="of_another_release")
    assert "no longer holds" in proven(patient, message).get(PAGE).content.decode()


# ── Who shares an address ─────────────────────────────────────────────────────


def test_two_share_it_in_any_spelling_and_one_query_tells_for_a_whole_batch(patient, sister, django_assert_num_queries):
    others = [factories.make_patient(patient.clinic) for _ in range(20)]
    with django_assert_num_queries(1):
        assert suppression.sharing([patient, sister, *others]) == {patient.pk, sister.pk}


def test_it_is_asked_of_the_address_alone_however_many_patients_there_are(patient):
    others = [
        Patient(
            clinic=patient.clinic,
            given_name="Ana",
            family_name="Roe",
            born_on=patient.born_on,
            email=f"p{n}@post.example",
        )
        for n in range(1000)
    ]
    Patient.objects.bulk_create(others)
    asked = {"clinics": [patient.clinic_id], "readers": list(suppression.READERS), "addresses": [patient.email] * 25}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE patients_patient")
        cursor.execute(f"EXPLAIN {suppression.READ_BY_SEVERAL}", asked)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "patient_by_email" in plan


def test_without_an_address_nobody_is_asked(patient, django_assert_num_queries):
    patient.email = ""
    with django_assert_num_queries(0):
        assert suppression.sharing([patient]) == set()


@pytest.mark.parametrize(("status", "reads"), [
    ("active", True), ("moved_away", True), ("merged", False), ("entered_in_error", False), ("deceased", False),
])  # fmt: skip
def test_whoever_has_moved_away_still_reads_the_mailbox_and_a_merged_record_is_herself(patient, sister, status, reads):
    type(sister).objects.filter(pk=sister.pk).update(status=status)
    assert (patient.pk in suppression.sharing([patient])) is reads


def test_another_clinics_patient_is_nobody_here(patient, other_clinic):
    factories.make_patient(other_clinic, email=patient.email)
    assert suppression.sharing([patient]) == set()


def test_an_address_that_only_begins_like_hers_is_another(patient):
    factories.make_patient(patient.clinic, email=f"{patient.email}.au")
    factories.make_patient(patient.clinic, email=f"x{patient.email}")
    assert suppression.sharing([patient]) == set()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_letter_on_a_telephone_and_wider(visitors, visit, patient, sister):
    left(patient, "precare_14d")
    message = of_kind(patient, "precare_14d")
    who = visitors()
    page = who.open(f"/my/{a_token(patient, LETTER.code, about=message.ref, message=message)}/")
    for name, typed in (("Day", patient.born_on.day), ("Month", patient.born_on.month), ("Year", patient.born_on.year)):
        page.get_by_label(name, exact=True).fill(str(typed))
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Your message").wait_for()
    assert wrong_in_every_view(who, "letter", axe_on_phone=True) == []
