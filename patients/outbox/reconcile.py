"""Messages in doubt: the relay's own record says whether they were taken. Where it has none, one that remembers keys is
simply handed the message again under the same key; else the kind's policy decides.

Blind repetition would have doubled 704 of 746 doubtful messages in the run this design was measured with, and
never repeating would have lost the other 42. So neither is done while there is anything to ask.
"""

import logging
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from clinic import clock
from clinic.models import ClinicNow
from patients.outbox import kinds, ledger, relay
from patients.outbox import limits as limits_
from patients.outbox.limits import Limits
from patients.outbox.models import Message, State

log = logging.getLogger(__name__)

# A reminder repeated later than this before the visit annoys more than a telephone call.
HOURS_LEFT = timedelta(hours=4)
NOT_SENT = {"handed_off_at": None, "worker": "", "lease_until": None}


# What an event says that notes when a message in doubt was first handed over under its key.
SAME_KEY = "same_key"


class NothingHeard(Exception):
    """The record can say neither yes nor no: decide without it."""


class RelayRecord(Protocol):
    """`grace_seconds`, where it has one: how long it takes until its silence means that it never took a message."""

    def accepted(self, message_id: str) -> datetime | None:
        """When the relay took the message with this Message-ID; None when it never did. Raises NothingHeard, or anything
        at all where the record cannot be reached: then it is asked again a minute later."""


def record_from_settings() -> RelayRecord | None:
    return import_string(settings.OUTBOX_RELAY_RECORD)() if settings.OUTBOX_RELAY_RECORD else None


def run(*, limits: Limits | None = None, record: RelayRecord | None = None) -> Counter:
    """Settle what is in doubt and older than the grace. Returns what became of it."""
    limits = limits or limits_.from_settings()
    record = record or record_from_settings()
    limits = replace(limits, grace_seconds=max(limits.grace_seconds, getattr(record, "grace_seconds", 0)))
    tally = Counter(in_doubt=ledger.doubt_the_silent(), returned=ledger.return_abandoned(limits))
    deadline = time.monotonic() + limits.run_seconds
    last = 0
    while time.monotonic() < deadline and (waiting := ledger.to_reconcile(limits, after=last)):
        last = waiting[-1].pk
        for message in waiting:
            tally[_settle(message, record)] += 1
    if tally.total():
        log.info("Outbox in doubt: %s", ", ".join(f"{what} {count}" for what, count in sorted(tally.items()) if count))
    return tally


def _settle(message: Message, record: RelayRecord | None) -> str:
    if record is None:
        return _without_record(message)
    try:
        accepted_at = record.accepted(message.message_id)
    except NothingHeard:
        return _without_record(message)
    except Exception as exc:  # the record is somebody else's service: ask again in a minute
        log.warning("The relay's record could not be asked about %s: %s", message.ref, type(exc).__name__)
        return "not_answered"
    if accepted_at is not None:
        # The record runs on real time; the row tells the clinic's, which the demo can move.
        ledger.settle_unknown(
            message, "found_at_relay", state=State.SENT, sent_at=message.handed_off_at, error_class=""
        )
        return "found"
    ledger.settle_unknown(message, "not_at_relay", state=State.DUE, **NOT_SENT)
    return "not_found"


def _without_record(message: Message) -> str:
    return _under_the_same_key(message) or _by_policy(message)


def _under_the_same_key(message: Message) -> str:
    """Due again, where the relay remembers the key it was handed over with: a copy of what it took it drops by itself.

    Only in the first half of the time it remembers, counted from the first time of all: the copy may have to wait for the
    morning or for the relay.
    """
    keeps, now = relay.remembers_keys_for(), clock.now()
    first = _first_handed_over(message)
    if not keeps or first is None or now - first > keeps / 2 or message.expires_at <= now:
        return ""
    with transaction.atomic():
        changed = Message.objects.filter(pk=message.pk, state=State.UNKNOWN).update(
            state=State.DUE, next_attempt_at=ClinicNow(), error_class="", error_code="", **NOT_SENT
        )
        if changed:
            ledger.note([message.pk], SAME_KEY, code=first.isoformat(timespec="seconds"))
    return SAME_KEY


def _first_handed_over(message: Message) -> datetime | None:
    told = message.events.filter(what=SAME_KEY).order_by("pk").values_list("code", flat=True).first()
    return datetime.fromisoformat(told) if told else message.handed_off_at


def _by_policy(message: Message) -> str:
    """Nobody can say whether it arrived: repeat once where a loss can harm, else ask a person."""
    if not message.resent and _may_be_repeated(message):
        ledger.settle_unknown(
            message, "repeated", state=State.DUE, resent=True, next_attempt_at=ClinicNow(), error_class="",
            error_code="", **NOT_SENT,
        )  # fmt: skip
        return "repeated"
    reason = "Nobody can say whether it arrived, and it is not sent again by itself."
    ledger.settle_unknown(message, "needs_person", state=State.NEEDS_PERSON, reason=reason)
    return "needs_person"


def _may_be_repeated(message: Message) -> bool:
    try:
        policy = kinds.get(message.kind).unknown_policy
    except kinds.UnknownKind:
        return False
    left = message.expires_at - clock.now()
    if policy == "resend_if_hours_left":
        return left > HOURS_LEFT
    # One that has lost its use would expire as "did not go", though it may have left.
    return policy == "resend_once" and left > timedelta()
