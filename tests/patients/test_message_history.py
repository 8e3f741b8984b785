"""All messages of one patient on a page, and whether mail reaches her."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from patients.models import Message
from patients.outbox.models import State
from tests import factories
from tests.fixtures.browser import wrong_in_every_view

pytestmark = pytest.mark.django_db


def url_of(patient) -> str:
    return reverse("patients:patient_messages", args=[patient.ref])


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def copies(message: Message, count: int) -> None:
    """That many more messages of the same patient, each an hour older."""
    fields = {
        field.attname: getattr(message, field.attname)
        for field in Message._meta.concrete_fields
        if field.name not in ("id", "ref", "message_id", "dedupe_key", "send_at")
    }
    Message.objects.bulk_create(
        Message(**fields, message_id=f"m{n}", dedupe_key=f"d{n}", send_at=message.send_at - timedelta(hours=n + 1))
        for n in range(count)
    )


@pytest.fixture
def message(visit_today) -> Message:
    return visit_today.patient.messages.get(kind="booking_confirmed")


def ask(client, patient, answer: str):
    return client.post(reverse("patients:contact_asked", args=[patient.ref]), {"answer": answer})


def test_they_stand_there_newest_first_with_state_reason_and_a_way_to_the_words(desk, patient, message):
    copies(message, 2)
    newest, *_ = Message.objects.filter(patient=patient).order_by("-send_at")
    Message.objects.filter(pk=newest.pk).update(state=State.BOUNCED, reason="The mail came back.")
    answer = desk.get(url_of(patient))
    rows = answer.context["page"].object_list
    assert [row.message.send_at for row in rows] == sorted((row.message.send_at for row in rows), reverse=True)
    page = text(answer)
    assert "The mail came back." in page
    for row in rows:
        assert reverse("patients:message", args=[row.message.ref]) in page
    assert "Messages to Leila Haddad" in page


def test_another_patients_messages_are_not_among_them(desk, patient, message):
    other = factories.make_patient(patient.clinic, given_name="Ana")
    answer = desk.get(url_of(other))
    assert answer.context["page"].object_list == []
    assert "No message yet" in text(answer)


def test_another_clinic_meets_nothing(stranger, patient, message):
    assert stranger.get(url_of(patient)).status_code == 404
    assert ask(stranger, patient, "none").status_code == 404
    patient.refresh_from_db()
    assert patient.mail_allowed


def test_a_page_holds_forty_and_leads_to_the_older(desk, patient, message):
    copies(message, 60)
    first = desk.get(url_of(patient))
    assert len(first.context["page"].object_list) == 40
    assert "?page=2" in text(first)
    for odd in ("2", "99", "-1", "x"):
        assert desk.get(f"{url_of(patient)}?page={odd}").status_code == 200


def queries(client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_it_asks_the_same_number_of_questions_for_two_messages_and_for_forty(desk, patient, message):
    desk.get(url_of(patient))
    few = queries(desk, url_of(patient))
    copies(message, 38)
    assert queries(desk, url_of(patient)) == few <= 12


def test_it_says_why_no_mail_goes_and_what_to_do(desk, patient, message):
    patient.email_bounced_at = clock.now()
    patient.save()
    page = text(desk.get(url_of(patient)))
    assert "E-mail to this address comes back" in page
    assert reverse("patients:edit", args=[patient.ref]) in page


def test_a_shared_address_is_named_and_nobody_else_is(desk, patient, message):
    assert "Shared address" not in text(desk.get(url_of(patient)))
    factories.make_patient(patient.clinic, given_name="Mina", family_name="Other", email=patient.email.upper())
    page = text(desk.get(url_of(patient)))
    assert "Shared address" in page
    assert "Mina" not in page


@pytest.mark.parametrize(
    ("answer", "mail", "reminders"), [("all", True, True), ("visits", True, False), ("none", False, False)]
)
def test_her_answer_is_noted_with_who_asked_and_what_waits_follows(desk, patient, message, answer, mail, reminders):
    assert ask(desk, patient, answer).status_code == 302
    patient.refresh_from_db()
    assert (patient.mail_allowed, patient.reminders_allowed) == (mail, reminders)
    assert patient.contact_asked_by == desk.membership.user
    message.refresh_from_db()
    assert message.state == (State.DUE if mail else State.SUPPRESSED)


@pytest.mark.parametrize("answer", ["", "perhaps", "\0", "x" * 5000])
def test_what_nobody_can_answer_is_refused_in_words(desk, patient, message, answer):
    refused = ask(desk, patient, answer)
    assert refused.status_code == 422
    assert "Choose what the patient said" in refused.content.decode()


@pytest.mark.browser
def test_the_page_at_every_width_and_theme(visitors, desk_member, patient, message):
    copies(message, 45)
    factories.make_patient(patient.clinic, given_name="Mina", email=patient.email)
    Message.objects.filter(pk=message.pk).update(state=State.COMPLAINED, reason="Called spam.", closed_at=clock.now())
    type(patient).objects.filter(pk=patient.pk).update(reminders_allowed=False, email_bounced_at=clock.now())
    who = visitors().sign_in(desk_member)
    page = who.open(url_of(patient))
    assert wrong_in_every_view(who, "patient-messages") == []
    page.get_by_role("button", name="No e-mail").click()
    page.locator("#toasts").get_by_text("Noted: asked today.").wait_for()
