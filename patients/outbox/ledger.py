"""The row of a message in flight: claim, hand-off marker, outcome, sweep. Each is one short committed step.

Leases run on real time (`now()`), so that moving the demo's clock frees nothing; what is due and what is too late runs
on `clinic_now()`. `worker` is new for every batch, so a worker that was frozen and comes back touches nothing that has
been given to another since.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import random

from django.db import connection, transaction
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest, Least, Now

from clinic.models import ClinicNow
from patients.outbox import timing
from patients.outbox.kinds import Attachment
from patients.outbox.limits import Limits
from patients.outbox.models import Message, MessageEvent, State
from patients.outbox.rendering import Letter

log = logging.getLogger(__name__)

# Why a message that fell due before a restore needs a person: the proof by which the day's balance counts it.
RESTORED = "restored"
# A row that a worker died over three times is not only unlucky: it waits, and after eight it is a person's.
CRASHES_TO_WAIT = 3
CRASHES_TO_FAIL = 8
CRASH_WAIT = timedelta(minutes=15)
# A template or a fact of ours that is broken gets this many tries, time enough for a corrected release.
FAULTS_TO_FAIL = 5
UNREACHABLE_WAIT = timedelta(minutes=1)
SWEEP_ROWS = 500
NO_FILE = Attachment(name="", content_type="", text="")

CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT id FROM patients_message
    WHERE state = 'due' AND next_attempt_at <= (SELECT clinic_now()) AND expires_at > (SELECT clinic_now())
      AND (error_class = 'worker_stopped') = %(alone)s
      AND clinic_id NOT IN (SELECT id FROM clinic_clinic WHERE mail_paused_at IS NOT NULL OR restoration_id IS NOT NULL)
    ORDER BY priority, next_attempt_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE patients_message AS message
SET state = 'sending', worker = %(worker)s, lease_until = now() + make_interval(secs => %(lease)s), attempts = attempts + 1
FROM picked WHERE message.id = picked.id
RETURNING message.*, (SELECT clinic_now()) AS claimed_at
"""

# The line that decides: only a row that is still ours, uncancelled and inside its lease may leave. Rows that somebody
# is changing at this moment are skipped, not waited for: they may be about to be cancelled, and waiting could deadlock.
MARK = """
WITH letter AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(subjects)s::text[], %(texts)s::text[], %(htmls)s::text[], %(hashes)s::text[],
                         %(addresses)s::text[], %(versions)s::int[], %(languages)s::text[], %(file_names)s::text[],
                         %(file_types)s::text[], %(files)s::text[])
        AS letter(id, subject, body_text, body_html, sha256, address, version, language, file_name, file_type, file)
), ready AS MATERIALIZED (
    SELECT message.id FROM patients_message AS message JOIN letter USING (id)
    WHERE message.worker = %(worker)s AND message.state = 'sending' AND message.handed_off_at IS NULL
      AND message.lease_until > now() + make_interval(secs => %(margin)s) AND message.expires_at > (SELECT clinic_now())
      AND message.clinic_id NOT IN (SELECT id FROM clinic_clinic WHERE mail_paused_at IS NOT NULL OR restoration_id IS NOT NULL)
    FOR UPDATE OF message SKIP LOCKED
)
UPDATE patients_message AS message
SET handed_off_at = clinic_now(), subject = letter.subject, body_text = letter.body_text, body_html = letter.body_html,
    rendered_sha256 = letter.sha256, to_address = letter.address, template_version = letter.version,
    template_language = letter.language, attachment_name = letter.file_name, attachment_type = letter.file_type,
    attachment_text = letter.file, error_class = '', error_code = ''
FROM letter JOIN ready USING (id) WHERE message.id = letter.id
RETURNING message.id
"""

# The row and its story in one statement: a batch is one commit.
SENT = """
WITH went AS (
    UPDATE patients_message AS message
    SET state = 'sent', sent_at = clinic_now(), provider_ref = taken.ref, error_class = '', error_code = '', reason = ''
    FROM unnest(%(ids)s::bigint[], %(refs)s::text[]) AS taken(id, ref)
    WHERE message.id = taken.id AND message.worker = %(worker)s AND message.state IN ('sending', 'unknown')
    RETURNING message.id
)
INSERT INTO patients_messageevent (message_id, what, code, at) SELECT id, 'sent', '', clinic_now() FROM went
RETURNING message_id
"""

# A provider's report may be quicker than its answer: the row then says more than "went" already.
SAID_MORE = """
WITH told AS (
    UPDATE patients_message AS message SET provider_ref = taken.ref
    FROM unnest(%(ids)s::bigint[], %(refs)s::text[]) AS taken(id, ref)
    WHERE message.id = taken.id AND message.worker = %(worker)s AND NOT message.id = ANY(%(kept)s::bigint[])
      AND message.state IN ('sent', 'delivered', 'bounced', 'complained')
    RETURNING message.id
)
INSERT INTO patients_messageevent (message_id, what, code, at) SELECT id, 'sent', '', clinic_now() FROM told
RETURNING message_id
"""


def claim(worker: str, limits: Limits, *, alone: bool = False) -> list[Message]:
    """Up to `limits.claim` due rows, now leased to `worker`; with `alone` one of those a worker died over. Each has `claimed_at`."""
    rows = Message.objects.raw(
        CLAIM,
        {"worker": worker, "lease": limits.lease_seconds, "limit": 1 if alone else limits.claim, "alone": alone},
    )
    return sorted(rows, key=lambda message: (message.priority, message.next_attempt_at, message.pk))


def mark(letters: list[Letter], worker: str, limits: Limits) -> set[int]:
    """Mark the letters handed over and keep what they say. Returns the ids that may leave; committed on return."""
    files = [letter.attachment or NO_FILE for letter in letters]
    facts = {
        "worker": worker,
        "margin": limits.margin_seconds,
        "ids": [letter.message.pk for letter in letters],
        "subjects": [letter.subject for letter in letters],
        "texts": [letter.text for letter in letters],
        "htmls": [letter.html for letter in letters],
        "hashes": [letter.sha256 for letter in letters],
        "addresses": [letter.to_address for letter in letters],
        "versions": [letter.version for letter in letters],
        "languages": [letter.language for letter in letters],
        "file_names": [file.name for file in files],
        "file_types": [file.content_type for file in files],
        "files": [file.text for file in files],
    }
    return set(_ids(MARK, facts))


def sent(taken: list[tuple[int, str]], worker: str) -> int:
    """The relay said 250 to these (id, the relay's own id). Returns how many rows say so now."""
    if not taken:
        return 0
    facts = {"worker": worker, "ids": [pk for pk, _ in taken], "refs": [ref[:120] for _, ref in taken]}
    kept = _ids(SENT, facts)
    if len(kept) != len(taken):
        kept += _ids(SAID_MORE, facts | {"kept": kept})
    if len(kept) != len(taken):
        log.error("%d accepted messages were no longer this worker's.", len(taken) - len(kept))
    return len(kept)


def give_back(ids: Iterable[int], worker: str) -> int:
    """Not sent for certain, and not the message's fault: due again as if never claimed."""
    return _settle(ids, worker, state=State.DUE, attempts=F("attempts") - 1)


def relay_unreachable(ids: Iterable[int], worker: str, error: str, limits: Limits) -> int:
    """No connection, no sign-in: burns no attempt, so an outage of hours costs only its length."""
    return _settle(
        ids,
        worker,
        state=State.DUE,
        attempts=F("attempts") - 1,
        error_class="relay_unreachable",
        error_code=error[:20],
        next_attempt_at=_later(UNREACHABLE_WAIT * (0.5 + random()) * limits.backoff_scale),  # noqa: S311
    )


def try_later(message: Message, worker: str, *, code: int, error: str, limits: Limits, what: str = "put_off") -> None:
    """Turned away for now (4xx, or the connection broke before the text)."""
    wait = timing.backoff(message.attempts, smtp_code=code, spread=random())  # noqa: S311
    _settle(
        [message.pk],
        worker,
        what=what,
        state=State.DUE,
        error_class=error,
        error_code=str(code or ""),
        next_attempt_at=_later(wait * limits.backoff_scale),
    )


def postpone(message: Message, worker: str, until: datetime) -> None:
    _settle([message.pk], worker, state=State.DUE, attempts=F("attempts") - 1, next_attempt_at=until)


def refuse(message: Message, worker: str, *, code: int, error: str, reason: str) -> None:
    """5xx: the relay will never take it."""
    close(message, worker, State.FAILED, reason=reason, error=error, code=str(code))


def fault(message: Message, worker: str, exc: BaseException, limits: Limits) -> None:
    """We could not write it. The text of the exception may hold a name: only its class is kept."""
    log.error("Message %s could not be written: %s", message.ref, type(exc).__name__)
    # Counted by their own events: `attempts` holds a busy server's refusals as well.
    before = MessageEvent.objects.filter(message=message, what="fault").count()
    if before >= FAULTS_TO_FAIL - 1:
        reason = "Could not be written: a fault in this message. The clinic's support has to look."
        close(message, worker, State.FAILED, reason=reason, error="fault", code=type(exc).__name__)
    else:
        try_later(message, worker, code=0, error="fault", limits=limits, what="fault")


def close(message: Message, worker: str, state: State, *, reason: str, error: str = "", code: str = "") -> None:
    """An end before hand-over, with its reason."""
    _settle(
        [message.pk],
        worker,
        what=state,
        state=state,
        reason=reason[:200],
        error_class=error[:80],
        error_code=code[:20],
        closed_at=ClinicNow(),
    )


def in_doubt(message: Message, worker: str) -> None:
    """The text was sent and no answer came: whether it was taken only the relay knows. Grace runs from now."""
    _settle(
        [message.pk],
        worker,
        what="unknown",
        still_ours=True,
        state=State.UNKNOWN,
        error_class="no_answer",
        error_code="",
        lease_until=Now(),
    )


def expire() -> int:
    """Whatever is past its use, waiting or held, is closed and stays visible. Not while a clinic is frozen: what fell due
    before a restore may have gone, and to call it too late would say that it had not."""
    stale = Message.objects.filter(
        state__in=[State.DUE, State.HELD],
        next_attempt_at__lte=ClinicNow(),
        expires_at__lte=ClinicNow(),
        clinic__restoration=None,
    )
    return _sweep(stale, "expired", state=State.EXPIRED, reason="It was too late to be of use.", closed_at=ClinicNow())


def return_abandoned(limits: Limits) -> int:
    """Rows of a worker that stopped before handing them over: nothing was sent, they are due again."""
    crashes = MessageEvent.objects.filter(message=OuterRef("pk"), what="worker_stopped").order_by()
    abandoned = Message.objects.filter(state=State.SENDING, handed_off_at=None, lease_until__lt=Now()).annotate(
        crashes=Subquery(crashes.values("message").annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    )
    again = {"state": State.DUE, "worker": "", "lease_until": None, "error_class": "worker_stopped", "error_code": ""}
    often, too_often = Q(crashes__gte=CRASHES_TO_WAIT - 1), Q(crashes__gte=CRASHES_TO_FAIL - 1)
    given_up = _sweep(
        abandoned.filter(too_often),
        "failed",
        state=State.FAILED,
        reason="The worker stopped each time it wrote this message. The clinic's support has to look.",
        error_class="worker_stopped",
        worker="",
        lease_until=None,
        closed_at=ClinicNow(),
    )
    waiting = _sweep(
        abandoned.filter(often), "worker_stopped", **again, next_attempt_at=_later(CRASH_WAIT * limits.backoff_scale)
    )
    return given_up + waiting + _sweep(abandoned, "worker_stopped", **again)


def doubt_the_silent() -> int:
    """Rows handed over by a worker that never came back with the answer."""
    silent = Message.objects.filter(state=State.SENDING, handed_off_at__isnull=False, lease_until__lt=Now())
    return _sweep(silent, "unknown", state=State.UNKNOWN, error_class="worker_stopped")


def to_reconcile(limits: Limits, *, after: int = 0, limit: int = 50) -> list[Message]:
    """Unknown rows whose grace is over, oldest first, with an id above `after`."""
    grace = timedelta(seconds=limits.grace_seconds)
    waiting = Message.objects.filter(state=State.UNKNOWN, lease_until__lt=Now() - grace, pk__gt=after)
    return list(waiting.order_by("pk")[:limit])


def settle_unknown(message: Message, what: str, **fields) -> bool:
    """The answer to a doubt; False when somebody else answered first."""
    with transaction.atomic():
        changed = Message.objects.filter(pk=message.pk, state=State.UNKNOWN).update(**fields)
        if changed:
            note([message.pk], what)
    return bool(changed)


def note(ids: Iterable[int], what: str, *, code: str = "", by=None) -> None:
    """What happened, one row a message, one statement."""
    MessageEvent.objects.bulk_create(MessageEvent(message_id=pk, what=what, code=code, by=by) for pk in ids)


def _ids(statement: str, facts: dict) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)
        return [pk for (pk,) in cursor.fetchall()]


def _later(wait: timedelta):
    # Never past the expiry, or the sweep would look for it in the wrong place.
    return Least(Greatest(ClinicNow() + wait, F("send_at")), F("expires_at"))


def _settle(ids: Iterable[int], worker: str, *, what: str = "", still_ours: bool = False, **fields) -> int:
    """Write an outcome of rows that are still this worker's. Rows locked by somebody else are left to the sweep.

    Unless `still_ours`, marker, lease and worker are taken off: the caller knows that nothing was sent.
    """
    if not still_ours:
        fields |= {"handed_off_at": None, "worker": "", "lease_until": None}
    with transaction.atomic():
        mine = list(
            Message.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(pk__in=list(ids), worker=worker, state=State.SENDING)
            .values_list("pk", flat=True)
        )
        Message.objects.filter(pk__in=mine).update(**fields)
        if what:
            note(mine, str(what), code=str(fields.get("error_code") or ""))
    return len(mine)


def _sweep(rows: QuerySet[Message], what: str, **fields) -> int:
    with transaction.atomic():
        found = list(rows.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)[:SWEEP_ROWS])
        if not found:
            return 0
        Message.objects.filter(pk__in=found).update(**fields)
        note(found, what)
    return len(found)
