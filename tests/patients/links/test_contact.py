"""How we may write to her, as she says it herself; and the one click of a mail program."""

from datetime import timedelta

import pytest
from django.test import Client

from clinic import clock
from clinic.models import AuditEvent
from patients.links import services
from patients.outbox import kinds
from patients.outbox import services as outbox
from tests.outbox import cast
from tests.patients.links.made import a_token, opened, row_of

pytestmark = pytest.mark.django_db
CONTACT, STOP = "/my/contact/", "/my/contact/stop/"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def _kinds():
    cast.register_kinds()
    yield
    for kind in cast.KINDS:
        kinds.forget(kind.code)


def tomorrows(patient, kind: str):
    return cast.owe(patient, kind, send_at=clock.now() + timedelta(days=1), expires_at=clock.now() + timedelta(days=2))


def said(patient) -> tuple[bool, bool]:
    patient.refresh_from_db()
    return patient.mail_allowed, patient.reminders_allowed


def test_she_reads_her_answer_as_it_stands(patient):
    page = opened(a_token(patient)).get(CONTACT)
    assert page.context["chosen"] == "all"
    assert 'value="all" checked' in page.content.decode()


@pytest.mark.parametrize(("mail", "then"), [("all", (True, True)), ("needed", (True, False)), ("none", (False, False))])
def test_each_answer_is_kept_and_said_back(patient, mail, then):
    browser = opened(a_token(patient))
    answer = browser.post(CONTACT, {"mail": mail}, follow=True)
    assert answer.status_code == 200
    assert "Saved." in answer.content.decode()
    assert f'value="{mail}" checked' in answer.content.decode()
    assert said(patient) == then


@pytest.mark.parametrize("typed", [{}, {"mail": ""}, {"mail": "sometimes"}, {"mail": "\x00"}])
def test_an_answer_that_is_none_gets_a_sentence_and_changes_nothing(patient, typed):
    answer = opened(a_token(patient)).post(CONTACT, typed)
    assert answer.status_code == 422
    assert "Choose one of the three." in answer.content.decode()
    assert said(patient) == (True, True)


def test_reminders_that_wait_are_suppressed_at_once_and_come_back_with_her_yes(patient):
    reminder, notice = tomorrows(patient, "test_reminder"), tomorrows(patient, "test_notice")
    browser = opened(a_token(patient))
    browser.post(CONTACT, {"mail": "needed"})
    reminder.refresh_from_db()
    notice.refresh_from_db()
    assert (reminder.state, reminder.reason) == ("suppressed", "Does not want reminders.")
    assert notice.state == "due"
    browser.post(CONTACT, {"mail": "all"})
    reminder.refresh_from_db()
    assert reminder.state == "due"


def test_the_audit_says_that_she_said_it_and_with_which_link(patient):
    asked = (patient.contact_asked_at, patient.contact_asked_by)
    token = a_token(patient)
    opened(token).post(CONTACT, {"mail": "needed"})
    event = AuditEvent.objects.get(action="patient.contact_chosen")
    assert (event.by, event.target_ref, event.clinic) == (None, patient.ref, patient.clinic)
    assert event.facts == {
        "said_by": "patient", "link": str(row_of(token).ref), "fields": ["reminders_allowed"], "via": "page",
    }  # fmt: skip
    # Who asked her at the desk is another fact, and stays.
    patient.refresh_from_db()
    assert (patient.contact_asked_at, patient.contact_asked_by) == asked


def test_the_same_answer_twice_is_one(patient):
    version, browser = patient.version, opened(a_token(patient))
    for _ in range(3):
        browser.post(CONTACT, {"mail": "none"})
    assert AuditEvent.objects.filter(action="patient.contact_chosen").count() == 1
    patient.refresh_from_db()
    # A desk that has her record open is told that it changed.
    assert patient.version == version + 1


def test_one_button_stops_the_reminders(patient):
    browser = opened(a_token(patient))
    assert "Stop reminders" in browser.get(STOP).content.decode()
    after = browser.post(STOP, follow=True)
    assert "Reminders are off" in after.content.decode()
    assert said(patient) == (True, False)


def test_a_forged_press_is_refused(patient):
    browser = opened(a_token(patient), enforce_csrf_checks=True)
    assert browser.post(STOP).status_code == 403
    assert browser.post(CONTACT, {"mail": "none"}).status_code == 403
    assert said(patient) == (True, True)


def test_a_mail_program_stops_reminders_with_one_click_from_anywhere(patient):
    reminder = tomorrows(patient, "test_reminder")
    token = a_token(patient)
    program = Client(enforce_csrf_checks=True)
    answer = program.post(f"/my/{token}/stop/", ONE_CLICK, headers={"Origin": "https://mail.example"})
    assert (answer.status_code, answer.content) == (200, b"You will get no more reminders.\n")
    # RFC 8058: no redirect, and nothing is given to the program.
    assert not answer.cookies
    assert said(patient) == (True, False)
    reminder.refresh_from_db()
    assert reminder.state == "suppressed"
    assert AuditEvent.objects.get(action="patient.contact_chosen").facts["via"] == "one_click"
    assert row_of(token).opened == 0


def test_a_second_click_and_one_after_she_wants_no_mail_at_all_are_answered_and_change_nothing(patient):
    token = a_token(patient)
    assert [Client().post(f"/my/{token}/stop/", ONE_CLICK).status_code for _ in range(2)] == [200, 200]
    assert AuditEvent.objects.filter(action="patient.contact_chosen").count() == 1
    opened(token).post(CONTACT, {"mail": "none"})
    assert Client().post(f"/my/{token}/stop/", ONE_CLICK).status_code == 200
    assert said(patient) == (False, False)


@pytest.mark.parametrize("body", [{}, {"List-Unsubscribe": "Yes"}, {"list-unsubscribe": "One-Click"}])
def test_a_press_that_is_not_a_mail_programs_changes_nothing(patient, body):
    assert Client().post(f"/my/{a_token(patient)}/stop/", body).status_code == 400
    assert said(patient) == (True, True)


def test_one_click_needs_a_link_for_this_that_stands(patient, manager_member):
    closed, other = a_token(patient), a_token(patient, "visit", about=patient.ref)
    services.close(link=row_of(closed), because="A mistake", by=manager_member.user)
    for token in ("D" * 43, closed, other):
        assert Client().post(f"/my/{token}/stop/", ONE_CLICK).status_code == 404
    assert said(patient) == (True, True)


def test_a_person_who_opens_the_same_address_gets_a_button(patient):
    browser = Client()
    answer = browser.get(f"/my/{a_token(patient)}/stop/", follow=True)
    assert answer.redirect_chain == [(STOP, 302)]
    assert "Stop reminders" in answer.content.decode()
    assert said(patient) == (True, True)


def test_the_link_to_a_visit_ends_no_reminders(patient):
    answer = Client().get(f"/my/{a_token(patient, 'visit', about=patient.ref)}/stop/")
    assert answer.headers["Location"] == "/my/over/"


def test_a_message_that_somebody_holds_stays_held_when_she_says_yes_again(patient, manager_member):
    reminder = tomorrows(patient, "test_reminder")
    outbox.hold(message=reminder, reason="asked to wait", by=manager_member.user)
    opened(a_token(patient)).post(CONTACT, {"mail": "all"})
    reminder.refresh_from_db()
    assert reminder.state == "held"
