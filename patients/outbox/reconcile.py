"""Messages in doubt: the relay's own record says whether they were taken. Without a record the kind's policy decides.

Blind repetition would have doubled 704 of 746 doubtful messages in the run this design was measured with, and
never repeating would have lost the other 42. So neither is done while there is anything to ask.
"""

import logging
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from clinic import clock
from clinic.models import ClinicNow
from patients.outbox import kinds, ledger
from patients.outbox import limits as limits_
from patients.outbox.limits import Limits
from patients.outbox.models import Message, State

log = logging.getLogger(__name__)

# A reminder repeated later than this before the visit annoys more than a telephone call.
HOURS_LEFT = timedelta(hours=4)
NOT_SENT = {"handed_off_at": None, "worker": "", "lease_until": None}


class RelayRecord(Protocol):
    def accepted(self, message_id: str) -> datetime | None:
        """When the relay took the message with this Message-ID; None when it never did."""


def record_from_settings() -> RelayRecord | None:
    return import_string(settings.OUTBOX_RELAY_RECORD)() if settings.OUTBOX_RELAY_RECORD else None


def run(*, limits: Limits | None = None, record: RelayRecord | None = None) -> Counter:
    """Settle what is in doubt and older than the grace. Returns what became of it."""
    limits = limits or limits_.from_settings()
    record = record or record_from_settings()
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
        return _by_policy(message)
    try:
        accepted_at = record.accepted(message.message_id)
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
