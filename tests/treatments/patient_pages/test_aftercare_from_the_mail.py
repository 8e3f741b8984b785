"""The whole way: a session is signed, the mail leaves, its link is followed, and she reads her day."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from clinic import clock
from patients.models import Message, PatientLink
from patients.outbox import dispatch
from tests.treatments.patient_pages.proven import BORN, PAGE, page_of

pytestmark = pytest.mark.django_db
ADDRESS = re.compile(r"http://localhost:8000(/my/[\w-]{43}/)")


def sent(kind: str) -> tuple[Message, str]:
    """The message of this kind that left, and its text as it arrived."""
    dispatch.run()
    message = Message.objects.get(kind=kind, state="sent")
    arrived = next(one for one in mail.outbox if message.message_id in one.extra_headers["Message-ID"])
    return message, arrived.body


@pytest.mark.parametrize(
    ("kind", "after", "heading", "stands_days"),
    [
        ("aftercare_now", timedelta(minutes=2), "The day of your visit", 16),
        ("aftercare_48h", timedelta(hours=48, minutes=2), "Day 2 of 7", 14),
        ("aftercare_28d", timedelta(days=28, hours=1), "Week 4", 7),
    ],
)
def test_a_mail_leads_to_her_day(done_session, kind, after, heading, stands_days):
    Message.objects.exclude(kind=kind).update(state="cancelled", reason="Not asked about here")
    clock.shift(after)
    message, text = sent(kind)
    assert "[her private link: aftercare]" in message.body_text
    her, seen = Client(), []
    for address in ADDRESS.findall(text):
        seen.append(her.get(address).headers["Location"])
    assert seen[0] == PAGE
    assert her.post("/my/birth/", BORN).headers["Location"] == PAGE
    assert heading in page_of(her)
    link = PatientLink.objects.get(message=message, purpose="aftercare")
    assert link.about == done_session.ref
    assert abs((link.expires_at - link.made_at) - timedelta(days=stands_days)) < timedelta(hours=4)
