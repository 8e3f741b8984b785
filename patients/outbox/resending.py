"""A message once more, for a patient who says that she never got it: a second row beside the first, so that both stay as they
were sent. It says that it may be a copy, and goes only if what it tells still holds.

A message in doubt is another matter: that one row may not have left at all (`services.send_again`).
"""

from datetime import datetime, timedelta

from django.db import transaction

from clinic import clock
from clinic.models import User
from patients.outbox import kinds, ledger, services
from patients.outbox.bell import bell
from patients.outbox.models import Message, MessageEvent, State
from patients.outbox.services import NotPossible
from patients.outbox.suppression import unreachable, why_not

# It was handed over once; whether she read it, nobody knows.
LEFT = (State.SENT, State.DELIVERED, State.FAILED, State.BOUNCED)
MOST_COPIES = 2
ONCE_MORE = "sent_once_more"
# A copy has to reach her before the message loses its use.
TO_ARRIVE = timedelta(minutes=1)
OVER = {
    State.CANCELLED: "It was cancelled and is no longer true.",
    State.SUPPRESSED: "It was not sent, for the reason shown.",
    State.EXPIRED: "It is too late for this message to be of use. Call instead.",
    State.COMPLAINED: "It was called spam. Call and ask first.",
}


def may_resend(message: Message, now: datetime) -> bool:
    """Whether to offer it at all. What stands against it by then is said when somebody presses."""
    return message.state in LEFT and message.expires_at - now > TO_ARRIVE


def why_not_again(message: Message) -> str:
    """The sentence that forbids this patient another message of its kind, so that none is offered; else empty."""
    try:
        barred = why_not(message.patient, kinds.get(message.kind))
    except kinds.UnknownKind:  # another release wrote it
        barred = unreachable(message.patient)
    return barred.sentence if barred else ""


@transaction.atomic
def resend(*, message: Message, by: User) -> Message:
    """A copy of a message that left or came back, due now, quiet hours or not. Returns the new row.

    Raises NotPossible for one that never left, is too late, no longer holds, was copied twice already, and for a patient who
    must not be written to.
    """
    message = Message.objects.select_for_update(of=("self",)).select_related("clinic", "patient").get(pk=message.pk)
    _refuse_unless_left(message)
    copies = MessageEvent.objects.filter(message=message, what=ONCE_MORE).count()
    if message.resent or copies >= MOST_COPIES:
        raise NotPossible("It has been sent more than once already. Call instead.", code="resend")
    kind = kinds.get(message.kind)
    if (barred := why_not(message.patient, kind)) is not None:
        raise NotPossible(barred.sentence, code="resend")
    if (unwanted := kind.still_wanted(message)) is not None:
        raise NotPossible(f"It would say what no longer holds. {unwanted}", code="resend")
    return _copy(message, number=copies + 1, by=by)


def _refuse_unless_left(message: Message) -> None:
    state = State(message.state)
    if state in OVER:
        raise NotPossible(OVER[state], code="resend")
    if state not in LEFT:
        raise NotPossible("It has not left yet, or nobody knows whether it has.", code="resend")
    if not may_resend(message, clock.now()):
        raise NotPossible(OVER[State.EXPIRED], code="resend")


def _copy(message: Message, *, number: int, by: User) -> Message:
    now = clock.now()
    copy = services.queue(
        kind=message.kind,
        patient=message.patient,
        about=message.about,
        send_at=now,
        expires_at=message.expires_at,
        dedupe_key=f"copy:{message.ref}:{number}",
        by=by,
        context=message.context,
        priority=0,
    )
    # A person waits for it, so not even quiet hours hold it. Where nobody can say whether the copy came, no third one is sent
    # by itself.
    Message.objects.filter(pk=copy.pk).update(resent=True, quiet_hours_apply=False, send_at=now, next_attempt_at=now)
    ledger.note([message.pk, copy.pk], ONCE_MORE, by=by)
    bell.on_commit()
    copy.refresh_from_db()
    return copy
