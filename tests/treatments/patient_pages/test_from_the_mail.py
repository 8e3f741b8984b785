"""The whole way: a visit is booked, the mail leaves, its link is followed, and she confirms."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from clinic import clock
from patients.models import Message, PatientLink
from patients.outbox import dispatch
from tests import factories

pytestmark = pytest.mark.django_db
ADDRESS = re.compile(r"http://localhost:8000(/my/[\w-]{43}/)")


def sent(kind: str) -> tuple[Message, str]:
    """The message of this kind that left, and its text as it arrived."""
    dispatch.run()
    message = Message.objects.get(kind=kind, state="sent")
    arrived = next(one for one in mail.outbox if message.message_id in one.extra_headers["Message-ID"])
    return message, arrived.body


def visit_page(text: str) -> str:
    """The address of her visit in a mail: the first that stands there."""
    return ADDRESS.findall(text)[0]


@pytest.fixture
def visit(active_plan):
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=14))


def test_a_confirmation_carries_the_link_by_which_she_confirms(visit):
    clock.shift(timedelta(minutes=2))
    message, text = sent("booking_confirmed")
    assert "[her private link: visit]" in message.body_text
    her = Client()
    page = her.get(visit_page(text), follow=True)
    assert page.redirect_chain == [("/my/visit/", 302)]
    her.post("/my/visit/confirm/", {"visit": str(visit.ref), "version": visit.schedule_version})
    visit.refresh_from_db()
    assert visit.status == "confirmed"
    link = PatientLink.objects.get(message=message, purpose="visit")
    # It stands until two days after the visit, in real time.
    left = visit.during.upper + timedelta(days=2) - clock.now()
    assert abs(link.expires_at - link.made_at - left) < timedelta(minutes=1)


def test_a_reminder_carries_one_of_its_own_and_a_header_that_ends_reminders(visit):
    clock.shift(timedelta(minutes=2))
    _, first = sent("booking_confirmed")
    clock.move_to(visit.during.lower - timedelta(days=3))
    _, second = sent("visit_reminder_3d")
    assert visit_page(first) != visit_page(second)
    reminder = mail.outbox[-1]
    stop = ADDRESS.search(reminder.extra_headers["List-Unsubscribe"]).group(1)
    assert reminder.extra_headers["List-Unsubscribe"] == f"<http://localhost:8000{stop}stop/>"
    assert Client().post(f"{stop}stop/", {"List-Unsubscribe": "One-Click"}).status_code == 200
    visit.patient.refresh_from_db()
    assert (visit.patient.mail_allowed, visit.patient.reminders_allowed) == (True, False)


def test_a_mail_about_a_course_leads_to_all_of_its_visits(active_plan):
    visits = factories.book_course(active_plan)
    clock.shift(timedelta(minutes=2))
    _, text = sent("course_booked")
    page = Client().get(visit_page(text), follow=True).content.decode()
    assert page.count("2027, ") == len(visits)
