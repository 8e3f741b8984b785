"""Registering a patient: what is kept, what is asked, and the people she may be already."""

from datetime import date

import pytest
from django.urls import reverse

from clinic.models import AuditEvent
from patients.models import Patient
from patients.services import finding, people
from tests import factories
from tests.patients.typed import ANSWERED, typed

NEW = "/patients/new/"


def test_a_registered_patient_is_kept_as_typed(desk, clinic, desk_member):
    answer = desk.post(NEW, typed(ANSWERED))

    patient = clinic.patients.get()
    assert answer.status_code == 302
    assert answer.url == patient.get_absolute_url()
    assert (patient.full_name, patient.born_on, patient.email) == (
        "Ana María O'Brien",
        date(1985, 11, 3),
        "ana@post.example",
    )
    assert (patient.mail_allowed, patient.reminders_allowed) == (True, False)
    assert patient.contact_asked_by == patient.registered_by == desk_member.user


def test_registering_is_audited_without_her_name(desk, clinic):
    desk.post(NEW, typed(ANSWERED))

    event = AuditEvent.objects.get(action="patient.registered")
    assert event.target_ref == clinic.patients.get().ref
    assert "Ana" not in str(event.facts)


def test_pressing_twice_registers_once(desk, clinic):
    sent = typed(ANSWERED)

    first, second = desk.post(NEW, sent), desk.post(NEW, sent)

    assert clinic.patients.count() == 1
    assert first.url == second.url


def test_the_same_form_with_other_content_is_told_apart(desk, clinic):
    sent = typed(ANSWERED)
    desk.post(NEW, sent)

    assert desk.post(NEW, sent | {"given_name": "Eva"}).status_code == 409
    assert clinic.patients.count() == 1


def test_contact_that_nobody_asked_about_stays_unasked(desk, clinic):
    page = desk.post(NEW, typed(ANSWERED, mail_allowed=None, reminders_allowed=None), follow=False)

    patient = clinic.patients.get()
    assert page.status_code == 302
    assert patient.contact_asked_at is None
    assert not patient.mail_allowed


@pytest.mark.parametrize(
    ("differing", "sentence"),
    [
        ({"given_name": ""}, "Write the given name."),
        ({"given_name": None}, "Write the given name."),
        ({"family_name": "!?"}, "Write the name in letters."),
        ({"born_on": "10 3 2027"}, "This day is still to come. Check the year."),
        ({"born_on": "31 12 1899"}, "1899 is too long ago. Check the year."),
        ({"born_on": "3/11/85"}, "Write day, month and the whole year"),
        ({"born_on": "31 2 1985"}, "Write day, month and the whole year"),
        ({"email": "ana@"}, "This is no e-mail address."),
        ({"email": ""}, "Write the address that may be mailed to, or answer No below."),
        ({"phone": "call me"}, "Write a telephone number"),
        ({"phone": "12"}, "This is too short for a telephone number."),
        ({"mail_allowed": "yes", "reminders_allowed": None}, "Ask this one too: yes or no."),
        ({"mail_allowed": "no", "reminders_allowed": "yes"}, "Reminders go by e-mail"),
        ({"mail_allowed": "maybe"}, "Answer yes or no."),
        ({"language": "klingon"}, "Choose a language from the list."),
        ({"given_name": "A" * 81}, "Too long: 81 letters, and there is room for 80."),
    ],
)
def test_each_refusal_is_a_sentence_and_nothing_typed_is_lost(desk, clinic, differing, sentence):
    page = desk.post(NEW, typed(ANSWERED, **differing))

    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert 'value="Spanish, English"' in page.content.decode()
    assert not clinic.patients.exists()


@pytest.mark.parametrize(("born_on", "year"), [("9 3 2027", 2045), ("10 3 2009", 2027)])
def test_a_minor_may_be_registered_and_the_desk_is_told_from_when(desk, clinic, born_on, year):
    desk.post(NEW, typed(ANSWERED, born_on=born_on))

    page = desk.get("/patients/").content.decode()
    assert "is under 18: no treatment can be booked before" in page
    assert str(year) in page


def test_on_the_eighteenth_birthday_nothing_is_said(desk, clinic):
    desk.post(NEW, typed(ANSWERED, born_on="9 3 2009"))

    assert clinic.patients.exists()
    assert "under 18" not in desk.get("/patients/").content.decode()


@pytest.mark.parametrize(
    ("born_on", "of_age_on"),
    [(date(2009, 3, 9), date(2027, 3, 9)), (date(2008, 2, 29), date(2026, 3, 1)), (date(1900, 1, 1), date(1918, 1, 1))],
)
def test_of_age_on_the_eighteenth_birthday(born_on, of_age_on):
    assert people.adult_on(born_on) == of_age_on


# ── On record already? ────────────────────────────────────────────────────────


@pytest.fixture
def ana(clinic) -> Patient:
    return factories.make_patient(
        clinic,
        given_name="Ana Maria",
        family_name="OBrien",
        born_on=date(1985, 11, 3),
        email="old@post.example",
        phone="020 7946 0000",
    )


ALIKE = [
    ({}, "same birth date, similar name"),
    ({"given_name": "Anna"}, "same birth date, similar name"),
    ({"given_name": "O'Brien", "family_name": "Ana"}, "same birth date, similar name"),
    ({"given_name": "Eva", "email": "OLD@post.example"}, "same e-mail"),
    ({"given_name": "Eva", "phone": "+44 20 7946 0000"}, "same telephone number"),
]


@pytest.mark.parametrize(("differing", "because"), ALIKE)
def test_somebody_alike_is_shown_before_anything_is_saved(desk, clinic, ana, differing, because):
    page = desk.post(NEW, typed(ANSWERED, **differing))

    assert page.status_code == 422
    assert because in page.content.decode()
    assert f'href="{ana.get_absolute_url()}"' in page.content.decode()
    assert clinic.patients.count() == 1


@pytest.mark.parametrize(("differing", "because"), ALIKE)
def test_a_different_person_is_registered_anyway(desk, clinic, ana, differing, because):
    sent = typed(ANSWERED, **differing)
    desk.post(NEW, sent)

    answer = desk.post(NEW, sent | {"different_person": "on", "seen": str(ana.ref)})

    assert answer.status_code == 302
    assert clinic.patients.count() == 2


def test_ticking_the_box_covers_only_the_records_that_were_shown(desk, clinic, ana):
    twin = factories.make_patient(clinic, given_name="Ana", family_name="O'Brien", born_on=date(1985, 11, 3))

    page = desk.post(NEW, typed(ANSWERED, different_person="on", seen=str(ana.ref)))

    assert page.status_code == 422
    assert twin.get_absolute_url() in page.content.decode()


@pytest.mark.parametrize(
    "differing",
    [
        {"given_name": "Eva"},
        {"born_on": "4 11 1985"},
        {"given_name": "Eva", "phone": "", "email": "", "mail_allowed": "no"},
        {"family_name": "Lind", "given_name": "Ana"},
    ],
)
def test_somebody_else_is_registered_without_a_question(desk, clinic, ana, differing):
    assert desk.post(NEW, typed(ANSWERED, **differing)).status_code == 302


def test_nobody_of_another_clinic_is_shown(desk, clinic, other_clinic):
    factories.make_patient(other_clinic, given_name="Ana", family_name="O'Brien", born_on=date(1985, 11, 3))

    assert desk.post(NEW, typed(ANSWERED)).status_code == 302


def test_an_empty_telephone_and_email_are_shared_by_nobody(clinic, ana):
    factories.make_patient(clinic, given_name="Bo", email="", phone="", mail_allowed=False, reminders_allowed=False)

    assert not finding.possible_duplicates(
        clinic=clinic, given_name="Cy", family_name="Unal", born_on=date(1970, 1, 1), email="", phone=""
    )


def test_the_page_offers_the_two_contact_questions_apart(desk):
    page = desk.get(reverse("patients:register")).content.decode()

    assert 'name="mail_allowed"' in page
    assert 'name="reminders_allowed"' in page
