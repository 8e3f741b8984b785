"""What the ledger says, held against what the relay took: the only two there are to ask."""

from collections.abc import Collection
from datetime import datetime, timedelta

from patients.models import Message
from patients.outbox.faults.sink import Truth
from patients.outbox.faults.world import AFTERCARE, NOTICE, REMINDER
from patients.outbox.models import WENT, State

LOST, TWICE, ENDLESS, IN_SPITE = (
    "messages that are lost",
    "messages that went twice",
    "messages without an end",
    "messages that went though the ledger says they did not",
)
MANY_IN_DOUBT = "more in doubt than one batch of a worker"
CANCELLED = "messages that went after their cancellation was accepted"
DEAD_ADDRESSES = "dead addresses that were tried more than once, or not given up"
BURNT, LATE = "tries burnt by the outage", "messages later than five minutes after the outage"
STALE, KEPT_BACK = "stale messages that went, or say no reason", "messages still of use that did not go"
UNSETTLED = (State.DUE, State.SENDING, State.UNKNOWN)
DID_NOT_LEAVE = (State.CANCELLED, State.SUPPRESSED, State.EXPIRED, State.FAILED)
Found = dict[str, list[str]]


def mine():
    """The messages of fault runs."""
    return Message.objects.filter(kind__in=[NOTICE, REMINDER, AFTERCARE]).order_by("pk")


def always(truth: Truth) -> Found:
    """What must hold at the end of every run."""
    copies = truth.look().copies
    rows = list(mine().values_list("pk", "message_id", "state"))
    return {
        LOST: [f"message {pk} is {state} and never arrived" for pk, name, state in rows if state in WENT and not copies[name]],
        TWICE: [f"message {pk} arrived {copies[name]} times" for pk, name, _ in rows if copies[name] > 1],
        ENDLESS: [f"message {pk} is still {state}" for pk, _, state in rows if state in UNSETTLED],
        IN_SPITE: [f"message {pk} is {state} and arrived" for pk, name, state in rows if state in DID_NOT_LEAVE and copies[name]],
    }  # fmt: skip


def went_after_cancelling(truth: Truth, accepted: Collection[str]) -> Found:
    copies = truth.look().copies
    return {CANCELLED: [f"{name.partition('@')[0]} arrived" for name in accepted if copies[name]]}


def dead_addresses(prefix: str) -> Found:
    """Given up at the first answer; what else waited for such an address is not sent either."""
    rows = mine().filter(to_address__startswith=prefix).values_list("pk", "state", "attempts")
    return {
        DEAD_ADDRESSES: [
            f"message {pk} is {state} after {attempts} tries"
            for pk, state, attempts in rows
            if (state, attempts) != (State.FAILED, 1)
        ]
    }


def outage(ended_at: datetime, within: timedelta) -> Found:
    """All out soon after the relay came back, on the clinic's clock, and at the first try that reached it."""
    rows = list(mine().values_list("pk", "state", "attempts", "sent_at"))
    return {
        BURNT: [f"message {pk} needed {attempts} tries" for pk, _, attempts, _ in rows if attempts > 1],
        LATE: [
            f"message {pk} is {state}, {(sent_at - ended_at).total_seconds() if sent_at else '?'} s after the relay came back"
            for pk, state, _, sent_at in rows
            if sent_at is None or sent_at > ended_at + within
        ],
    }


def after_days_alone(truth: Truth, stale: Collection[int]) -> Found:
    """What lost its use meanwhile is closed and says why; everything else went."""
    copies = truth.look().copies
    rows = list(mine().values_list("pk", "message_id", "state", "reason"))
    return {
        STALE: [
            f"message {pk} is {state}: {reason or 'no reason'}"
            for pk, name, state, reason in rows
            if pk in stale and (state != State.EXPIRED or not reason or copies[name])
        ],
        KEPT_BACK: [f"message {pk} is {state}" for pk, name, state, _ in rows if pk not in stale and not copies[name]],
    }
