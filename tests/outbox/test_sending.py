"""What leaves, what does not, and what the row says afterwards."""

import pytest

from patients.outbox import dispatch
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(smtp, limits, breaker):
    return lambda **changes: dispatch.run(limits=limits, through=smtp, breaker=breaker, **changes)


def test_a_due_message_leaves_once_and_keeps_what_it_said(patient, store, run):
    message = cast.owe(patient)
    assert run()["sent"] == 1
    assert not run()["sent"]
    message.refresh_from_db()
    (received,) = store.latest(10)
    assert message.state == State.SENT
    assert received.recipients == (patient.email,)
    assert received.message_id == message.message_id
    assert received.message["X-Clinic-Ref"] == str(message.ref)
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert received.message["Reply-To"] == "desk@clinic.example"
    assert received.message["List-Unsubscribe"] is None
    assert received.subject == "A message from Alder Lane" == message.subject
    assert message.body_text.splitlines() == received.text.replace("\r\n", "\n").splitlines()
    assert message.provider_ref == received.key
    assert len(message.rendered_sha256) == 64
    assert [event.what for event in message.events.order_by("pk")] == ["sent"]
