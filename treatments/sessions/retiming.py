"""Is what waits for a time on the clinic's wall still due at that time?

Asked once a night: the clinic may have moved to another zone, or a new release of the time zone database another hour of
its clock changes. Whoever owns a message writes it anew; what differs from the row is put right and counted.
"""

import logging
import re
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from clinic import clock
from patients.models import Message
from patients.outbox import ledger, timing
from patients.outbox.models import OPEN
from patients.outbox.services import Draft
from treatments.appointments import messages as of_visits
from treatments.sessions import messages as of_sessions

log = logging.getLogger(__name__)

# The end of a rule such as "3 days before at 10:00". "4 hours after" names no time on a wall and never changes.
WALL_TIME = re.compile(r"\bat (\d\d:\d\d)$")
ROWS_AT_A_TIME = 500


def run() -> int:
    """Put right every waiting message whose moment is no longer that of its rule. Returns how many were wrong."""
    wrong = sum(_put_right(message) for message in _suspects(clock.now()))
    if wrong:
        log.warning("%d waiting messages were due at another moment than their rule says.", wrong)
    return wrong


def _suspects(now: datetime) -> Iterator[Message]:
    """Untouched rows whose clock does not show the time of their rule. Most do, and nobody has to be asked."""
    waiting = Message.objects.filter(
        state__in=OPEN, attempts=0, resent=False, quiet_hours_apply=True, send_at__gt=now
    ).exclude(local_rule="")
    for message in waiting.select_related("clinic").order_by("pk").iterator(chunk_size=ROWS_AT_A_TIME):
        rule = WALL_TIME.search(message.local_rule)
        shown = f"{message.send_at.astimezone(message.clinic.tz):%H:%M}"
        if rule and (message.zone != message.clinic.zone or shown != rule[1]):
            yield message


def _put_right(message: Message) -> bool:
    draft = of_visits.draft_again(message) or of_sessions.draft_again(message)
    if draft is None:
        return False
    send_at = _outside_quiet_hours(message, draft)
    if (send_at, draft.expires_at, message.clinic.zone) == (message.send_at, message.expires_at, message.zone):
        return False  # put off by quiet hours, as it should be
    with transaction.atomic():
        # Nobody else's row by now: one that was claimed, moved or cancelled meanwhile is left alone.
        mine = Message.objects.filter(pk=message.pk, state__in=OPEN, attempts=0, send_at=message.send_at)
        changed = mine.update(
            send_at=send_at, next_attempt_at=send_at, expires_at=draft.expires_at, zone=message.clinic.zone
        )
        if changed:
            ledger.note([message.pk], "retimed")
    return bool(changed)


def _outside_quiet_hours(message: Message, draft: Draft) -> datetime:
    clinic = message.clinic
    quiet = timing.QuietHours(clinic.quiet_from, clinic.quiet_until, clinic.tz)
    return timing.outside_quiet_hours(draft.send_at, expires_at=draft.expires_at, quiet=quiet)
