"""Changing what is known of a patient, also when two people do it at once."""

from datetime import date

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError, explain
from clinic.models import AuditEvent
from patients.models import Patient
from patients.services import people
from tests.patients.typed import ANSWERED, typed


@pytest.fixture
def ana(clinic, desk_member) -> Patient:
    return people.register(
        clinic=clinic,
        by=desk_member.user,
        given_name="Ana María",
        family_name="O'Brien",
        born_on=date(1985, 11, 3),
        email="ana@post.example",
        phone="07700 900123",
        speaks="Spanish, English",
        mail_allowed=True,
        reminders_allowed=False,
    )


def details(patient: Patient) -> str:
    return reverse("patients:edit", args=[patient.ref])


def test_the_form_shows_what_is_known(desk, ana):
    page = desk.get(details(ana)).content.decode()

    assert 'value="3 November 1985"' in page
    assert 'value="Ana María"' in page


def test_saving_what_the_form_showed_changes_nothing(desk, ana):
    assert desk.post(details(ana), typed(ANSWERED, born_on="3 November 1985", version="1")).status_code == 302

    ana.refresh_from_db()
    assert ana.version == 1
    assert not AuditEvent.objects.filter(action="patient.corrected").exists()


def test_a_correction_is_saved_found_and_audited_by_field_name(desk, ana, clinic):
    answer = desk.post(details(ana), typed(ANSWERED, family_name="Lindqvist", version="1"))

    ana.refresh_from_db()
    assert answer.status_code == 302
    assert (ana.family_name, ana.version, ana.name_key) == ("Lindqvist", 2, "lindqvist ana maria")
    facts = AuditEvent.objects.get(action="patient.corrected").facts
    assert facts == {"fields": ["family_name"]}


def test_a_new_address_has_not_bounced_and_is_asked_about_now(ana, desk_member, manager_member, later):
    Patient.objects.filter(pk=ana.pk).update(email_bounced_at=clock.now())

    changed = people.correct_details(patient=ana, version=1, by=manager_member.user, email="new@post.example")

    assert changed.email_bounced_at is None
    assert changed.contact_asked_by == manager_member.user
    assert changed.mail_allowed


def test_another_telephone_number_is_no_new_answer_about_mail(ana, desk_member, manager_member):
    changed = people.correct_details(patient=ana, version=1, by=manager_member.user, phone="020 7946 0000")

    assert changed.contact_asked_by == desk_member.user


def test_the_second_of_two_editors_sees_both_sides_and_loses_nothing(desk, ana):
    desk.post(details(ana), typed(ANSWERED, phone="020 7946 0000", version="1"))

    page = desk.post(details(ana), typed(ANSWERED, given_name="Anna", version="1"))

    shown = page.content.decode()
    assert page.status_code == 409
    assert "020 7946 0000" in shown
    assert "07700 900123" in shown
    assert 'value="Anna"' in shown
    assert 'name="version" value="2"' in shown
    ana.refresh_from_db()
    assert ana.given_name == "Ana María"


def test_after_seeing_both_sides_she_may_save_hers(desk, ana):
    desk.post(details(ana), typed(ANSWERED, phone="020 7946 0000", version="1"))
    lost = typed(ANSWERED, given_name="Anna", version="1")
    desk.post(details(ana), lost)

    answer = desk.post(details(ana), lost | {"version": "2"})

    ana.refresh_from_db()
    assert answer.status_code == 302
    assert (ana.given_name, ana.phone, ana.version) == ("Anna", "07700 900123", 3)


def test_pressing_save_twice_is_not_a_lost_race(desk, ana):
    sent = typed(ANSWERED, given_name="Anna", version="1")

    assert [desk.post(details(ana), sent).status_code for _ in range(2)] == [302, 302]


@pytest.mark.parametrize("version", [None, "", "x", "0", "-1", "99999999999999999999", "1.5"])
def test_a_form_without_a_version_is_refused_in_words(desk, ana, version):
    page = desk.post(details(ana), typed(ANSWERED, given_name="Anna", version=version))

    assert page.status_code == 422
    assert "Open the record again" in page.content.decode()


@pytest.fixture
def never_asked(clinic, desk_member) -> Patient:
    return people.register(
        clinic=clinic, by=desk_member.user, given_name="Ana María", family_name="O'Brien", born_on=date(1985, 11, 3)
    )


def test_a_new_address_alone_is_no_answer_of_somebody_who_was_never_asked(desk, never_asked):
    answer = desk.post(details(never_asked), typed(ANSWERED, mail_allowed="", reminders_allowed="", version="1"))

    never_asked.refresh_from_db()
    assert answer.status_code == 302
    assert never_asked.email == ANSWERED["email"]
    assert (never_asked.contact_asked_at, never_asked.contact_asked_by) == (None, None)


def test_the_first_answer_is_an_answer_even_when_it_is_no(desk, never_asked, desk_member):
    desk.post(details(never_asked), typed(ANSWERED, mail_allowed="no", reminders_allowed="no", version="1"))

    never_asked.refresh_from_db()
    assert (never_asked.mail_allowed, never_asked.contact_asked_by) == (False, desk_member.user)


def test_reminders_without_mail_are_refused_by_service_and_database_alike(ana, desk_member):
    with pytest.raises(DomainError, match="Reminders go by e-mail"):
        people.correct_details(patient=ana, version=1, by=desk_member.user, mail_allowed=False, reminders_allowed=True)

    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        Patient.objects.filter(pk=ana.pk).update(mail_allowed=False, reminders_allowed=True)
    assert "Reminders go by e-mail" in explain(refused.value).sentence


def test_a_misspelt_detail_is_a_fault_and_saves_nothing(ana, desk_member):
    with pytest.raises(TypeError):
        people.correct_details(patient=ana, version=1, by=desk_member.user, givenname="Anna")


def test_another_clinics_patient_does_not_exist(stranger, ana):
    assert stranger.get(details(ana)).status_code == 404
    assert stranger.post(details(ana), typed(ANSWERED, version="1")).status_code == 404
