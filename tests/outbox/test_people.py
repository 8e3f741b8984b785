"""What people do with a message, and every state in which they may not."""

from datetime import timedelta

import pytest

from clinic import clock
from clinic.models import AuditEvent
from patients.models import Message
from patients.outbox import dispatch, services
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db

NEEDS = {
    State.SENDING: {"worker": "w", "lease_until": cast.NOON, "handed_off_at": cast.NOON},
    State.SENT: {"sent_at": cast.NOON},
    State.DELIVERED: {"sent_at": cast.NOON},
    State.UNKNOWN: {"handed_off_at": cast.NOON},
}
MAY = {
    "hold": {State.DUE},
    "release": {State.HELD},
    "send_now": {State.DUE, State.HELD},
    "mark_arrived": {State.UNKNOWN, State.NEEDS_PERSON},
    "send_again": {State.UNKNOWN, State.NEEDS_PERSON},
}
BECOMES = {
    "hold": State.HELD,
    "release": State.DUE,
    "send_now": State.DUE,
    "mark_arrived": State.SENT,
    "send_again": State.DUE,
}


def in_state(patient, state: State, **fields) -> Message:
    message = cast.owe(patient)
    Message.objects.filter(pk=message.pk).update(state=state, reason="because", **NEEDS.get(state, {}), **fields)
    message.refresh_from_db()
    return message


def do(act: str, message: Message, by) -> Message:
    extra = {"reason": "date is moving"} if act == "hold" else {}
    return getattr(services, act)(message=message, by=by, **extra)


@pytest.mark.parametrize("act", MAY)
@pytest.mark.parametrize("state", list(State))
def test_every_act_is_allowed_in_its_states_and_refused_in_all_others(patient, boss, act, state):
    message = in_state(patient, state)
    if state in MAY[act]:
        assert do(act, message, boss).state == BECOMES[act]
        event = AuditEvent.objects.filter(action__startswith="message.").get()
        assert (event.target_ref, event.by, event.facts) == (message.ref, boss, {"kind": "test_notice"})
        assert message.events.get().by == boss
    else:
        with pytest.raises(services.NotPossible):
            do(act, message, boss)
        message.refresh_from_db()
        assert message.state == state
        assert not AuditEvent.objects.filter(action__startswith="message.").exists()


def test_a_message_that_a_worker_has_claimed_can_still_be_held_and_does_not_leave(
    patient, boss, smtp, limits, breaker, store
):
    message = in_state(patient, State.SENDING, attempts=1)
    Message.objects.filter(pk=message.pk).update(handed_off_at=None)
    assert do("hold", message, boss).state == State.HELD
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert len(store) == 0


def test_a_held_message_waits_and_a_released_one_goes(patient, boss, smtp, limits, breaker, store):
    message = do("hold", cast.owe(patient), boss)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert len(store) == 0
    do("release", message, boss)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert len(store) == 1


def test_sending_now_disregards_the_night_and_the_date(patient, boss, at, smtp, limits, breaker, store):
    later = clock.now() + timedelta(days=3)
    message = cast.owe(patient, "test_reminder", send_at=later, expires_at=later + timedelta(days=1))
    at(cast.NOON + timedelta(hours=11))
    do("send_now", message, boss)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert len(store) == 1


@pytest.mark.parametrize("act", ["release", "send_now", "send_again"])
def test_what_has_lost_its_use_is_not_revived(patient, boss, at, act):
    message = in_state(patient, next(iter(MAY[act])))
    at(cast.NOON + timedelta(days=2))
    with pytest.raises(services.NotPossible, match="too late"):
        do(act, message, boss)


def test_a_message_is_sent_again_once_and_says_so(patient, boss, smtp, limits, breaker, store):
    message = do("send_again", in_state(patient, State.NEEDS_PERSON, handed_off_at=cast.NOON), boss)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert store.find(message.message_id)[0].text.startswith("You may have received this message already.")
    Message.objects.filter(pk=message.pk).update(state=State.UNKNOWN)
    with pytest.raises(services.NotPossible, match="Call instead"):
        do("send_again", message, boss)


def test_a_pause_says_who_and_why_and_is_lifted_once(clinic, boss):
    paused = services.pause(clinic=clinic, reason="wrong times on Thursday", by=boss)
    assert (paused.mail_paused_reason, paused.mail_paused_by) == ("wrong times on Thursday", boss)
    services.pause(clinic=clinic, reason="another", by=boss)
    clinic.refresh_from_db()
    assert clinic.mail_paused_reason == "wrong times on Thursday"
    assert services.resume(clinic=clinic, by=boss).mail_paused_at is None
    assert list(AuditEvent.objects.filter(action__startswith="mail.").values_list("action", flat=True)) == [
        "mail.paused",
        "mail.resumed",
    ]
    assert "Thursday" not in str(list(AuditEvent.objects.values_list("facts", flat=True)))
