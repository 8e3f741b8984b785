"""What messages cost: draining to a relay that answers at once, beside a bare SMTP loop that claims and marks; queueing, beside one
insert; claiming among a million rows."""

import logging
import math
import smtplib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.core.mail.backends.smtp import EmailBackend
from django.db import connection, transaction

from clinic import clock
from clinic.models import Clinic, ClinicNow
from patients.models import Message, Patient
from patients.outbox import dispatch, ledger, relay, rendering, services
from patients.outbox.faults.scene import nobody_rung
from patients.outbox.faults.sink import Sink
from patients.outbox.faults.world import NOON, NOTICE, make_people, owe, own_kinds
from patients.outbox.limits import Limits
from patients.outbox.models import State
from treatments.bench.at_rest import at_rest
from treatments.bench.data import Bench
from treatments.bench.figures import Figure, against, at_rest_within, once

# Ten thousand messages, a thousand at a time in turns with the loop beside them.
TURNS, IN_A_TURN, ADDRESSES = 10, 1_000, 40
QUEUED, QUEUE_RUNS = 200, 30
# At least half as fast.
TIMES = 2
# Of a million, so many are due by now: a backlog as no clinic has.
ROWS, DUE = 1_000_000, 200_000
CLAIMS, CLAIM_MS = 50, 10
Act = Callable[[], object]

HISTORY = """
INSERT INTO patients_message
    (ref, clinic_id, patient_id, kind, about, message_id, dedupe_key, to_address, template_version, template_language, context,
     subject, body_text, body_html, attachment_name, attachment_type, attachment_text, rendered_sha256, local_rule, quiet_hours_apply, zone, send_at,
     expires_at, state, priority, next_attempt_at, attempts, worker, sent_at, provider_ref, error_class, error_code, resent, reason)
SELECT ref, %(clinic)s, (%(patients)s::bigint[])[1 + nth %% cardinality(%(patients)s::bigint[])], %(kind)s, gen_random_uuid(),
    ref || '@bench.example', 'bench:' || ref, 'patient@bench.example', 1, 'en', '{}', '', CASE WHEN is_due THEN '' ELSE repeat('word ', 80) END,
    '', '', '', '', '', '', false, 'Europe/London', at, at + interval '9 years', CASE WHEN is_due THEN 'due' ELSE 'sent' END,
    1 + nth %% 5, at, 0, '', CASE WHEN is_due THEN NULL ELSE at END, '', '', '', false, ''
FROM (
    SELECT gen_random_uuid() AS ref, nth, nth %% %(rows)s < %(due)s AS is_due,
        clinic_now() - interval '1 hour' - nth * interval '1 minute' AS at
    FROM generate_series(0, %(rows)s - 1) nth
) row
"""

# How each index of the messages but the key's is taken away, and how it comes back.
INDEXES = """
SELECT CASE WHEN promise.oid IS NULL THEN format('DROP INDEX %I', index.relname)
       ELSE format('ALTER TABLE patients_message DROP CONSTRAINT %I', promise.conname) END,
       CASE WHEN promise.oid IS NULL THEN pg_get_indexdef(index.oid)
       ELSE format('ALTER TABLE patients_message ADD CONSTRAINT %I %s', promise.conname, pg_get_constraintdef(promise.oid)) END
FROM pg_index JOIN pg_class index ON index.oid = indexrelid
    LEFT JOIN pg_constraint promise ON promise.conindid = indexrelid AND promise.contype IN ('x', 'u')
WHERE indrelid = 'patients_message'::regclass AND NOT indisprimary
"""


def figures(bench: Bench) -> Iterator[Figure]:
    """Goals: reliability, 4.2 and the ledger's own."""
    bench.use(bench.large)
    with own_kinds(), nobody_rung(), no_news():
        clinic = Clinic.objects.get()
        people = make_people(clinic, ADDRESSES, address="bench")
        clock.move_to(NOON)
        yield draining(people)
        yield queueing(people)
        _add_history(clinic)
        yield claiming()


@contextmanager
def no_news() -> Iterator[None]:
    """A line in the log for each run would stand between the figures."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def draining(people: list[Patient]) -> Figure:
    """Claim, write, mark, send, note, through one connection. The loop beside it does what cannot be left out: it claims, marks and
    notes batches as large, and sends the same mail, ready as bytes, with nothing read and nothing written."""
    with tempfile.TemporaryDirectory(prefix="stratum-bench-mail-") as folder, Sink(Path(folder)) as sink:
        owe(people, 1)
        letter = rendering.write(Message.objects.select_related("clinic", "patient").get(kind=NOTICE, state=State.DUE))
        [leaving] = dispatch.with_links([letter])
        loop = Loop(sink, letter.to_address, leaving.mail.message().as_bytes())
        Message.objects.filter(kind=NOTICE).update(state=State.CANCELLED, reason="Only its text was wanted.")
        drained, beside, bare = [], [], []
        for turn in range(TURNS + 1):
            owe(people, IN_A_TURN)
            ours = once(lambda: _drain(sink))
            owe(people, IN_A_TURN)
            the_loops, only_sent = once(loop.drain), once(loop.send_only)
            if turn:
                drained.append(ours)
                beside.append(the_loops)
                bare.append(only_sent)
        if len(sink.truth.look().copies) < (TURNS + 1) * IN_A_TURN or _is_anything_due():
            raise RuntimeError("Not everything that was due has left.")
    return against(
        f"draining {TURNS * IN_A_TURN:,} messages, {IN_A_TURN:,} at a time, beside a bare SMTP loop with claim and marker", drained, beside,
        TIMES, note=f"{_a_second(drained):.0f} messages a second, the loop {_a_second(beside):.0f}; a loop that only sends, and claims, marks and "
        f"remembers nothing, {_a_second(bare):.0f}",
    )  # fmt: skip


def _is_anything_due() -> bool:
    return Message.objects.filter(kind=NOTICE, state=State.DUE).exists()


def _drain(sink: Sink) -> None:
    through = relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=sink.port, timeout=30))
    dispatch.run(limits=Limits(run_seconds=600), through=through, breaker=relay.Breaker())


CLAIM = """
UPDATE patients_message SET state = 'sending', worker = %(worker)s, lease_until = now() + interval '2 minutes', attempts = attempts + 1
WHERE id IN (
    SELECT id FROM patients_message WHERE state = 'due' AND next_attempt_at <= (SELECT clinic_now())
    ORDER BY priority, next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
) RETURNING id
"""
MARK = """
UPDATE patients_message SET handed_off_at = clinic_now() WHERE id = ANY(%(ids)s) AND worker = %(worker)s AND handed_off_at IS NULL
RETURNING id
"""
NOTE = (
    "UPDATE patients_message SET state = 'sent', sent_at = clinic_now() WHERE id = ANY(%(ids)s) AND worker = %(worker)s"
)


class Loop:
    """The same mail again and again, through one connection."""

    def __init__(self, sink: Sink, address: str, mail: bytes) -> None:
        self._sink, self._address, self._mail = sink, address, mail

    def send_only(self) -> None:
        with self._connected() as smtp:
            for _ in range(IN_A_TURN):
                self._send(smtp)

    def drain(self) -> None:
        """Until nothing is due."""
        limit = Limits().claim
        with self._connected() as smtp, connection.cursor() as cursor:
            while True:
                worker = uuid4().hex
                cursor.execute(CLAIM, {"worker": worker, "limit": limit})
                claimed = [pk for (pk,) in cursor.fetchall()]
                if not claimed:
                    return
                cursor.execute(MARK, {"ids": claimed, "worker": worker})
                marked = [pk for (pk,) in cursor.fetchall()]
                for _ in marked:
                    self._send(smtp)
                cursor.execute(NOTE, {"ids": marked, "worker": worker})

    def _connected(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self._sink.port, timeout=30)

    def _send(self, smtp: smtplib.SMTP) -> None:
        smtp.sendmail(rendering.sender_address(), [self._address], self._mail)


def _a_second(taken_ms: list[float]) -> float:
    return IN_A_TURN * len(taken_ms) / (sum(taken_ms) / 1000)


def queueing(people: list[Patient]) -> Figure:
    """Messages as a service queues them, beside one insert of the same rows, whose values are ready."""
    insert = Insert(people)
    queued, inserted = [], []
    for turn in range(QUEUE_RUNS + 1):
        drafts = _drafts(people)
        took, beside = (
            once(lambda drafts=drafts: _taken_back(lambda: services.queue_many(drafts, by=None))),
            insert.once(),
        )
        if turn:
            queued.append(took)
            inserted.append(beside)
    return against(
        f"queueing {QUEUED} messages for one person, beside a multi-row insert", queued, inserted, TIMES,
        note="quiet hours, whether she may be written to, the audit's row; the insert has its values ready",
    )  # fmt: skip


def _drafts(people: list[Patient]) -> list[services.Draft]:
    now = clock.now()
    return [
        services.Draft(
            kind=NOTICE, patient=people[0], about=uuid4(), send_at=now + timedelta(days=number + 1),
            expires_at=now + timedelta(days=number + 2), dedupe_key=f"bench:{uuid4()}",
        )
        for number in range(QUEUED)
    ]  # fmt: skip


def _taken_back(act: Act) -> None:
    """In a transaction that is not kept, so that each finds the same table."""
    with transaction.atomic():
        act()
        transaction.set_rollback(True)


class Insert:
    """The rows that queueing writes, as one statement with its values."""

    def __init__(self, people: list[Patient]) -> None:
        self._people = people
        with transaction.atomic():
            self._columns = self._row_of(services.queue_many(_drafts(people), by=None)[0])
            transaction.set_rollback(True)

    def once(self) -> float:
        """Milliseconds of one."""
        with transaction.atomic():
            rows = services.queue_many(_drafts(self._people), by=None)
            values = [[self._value(row, name) for name in self._columns] for row in rows]
            transaction.set_rollback(True)
        one = f"({', '.join(['%s'] * len(self._columns))})"
        names = ", ".join(f'"{name}"' for name in self._columns)
        statement = f"INSERT INTO patients_message ({names}) VALUES {', '.join([one] * len(values))} RETURNING id"  # noqa: S608  our own columns
        flat = [value for row in values for value in row]
        return once(lambda: _taken_back(lambda: _execute(statement, flat)))

    def _row_of(self, row: Message) -> list[str]:
        return [field.column for field in row._meta.concrete_fields if not field.primary_key]

    def _value(self, row: Message, column: str) -> object:
        field = next(field for field in row._meta.concrete_fields if field.column == column)
        return field.get_db_prep_save(getattr(row, field.attname), connection)


def _execute(statement: str, values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _add_history(clinic: Clinic) -> None:
    """Rows first, indexes over them afterwards: the other way round it takes minutes."""
    patients = list(clinic.patients.order_by("pk").values_list("pk", flat=True)[:20_000])
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        with transaction.atomic():
            cursor.execute("SET LOCAL session_replication_role = replica")
            for without, _ in indexes:
                cursor.execute(without)
            cursor.execute(
                HISTORY, {"clinic": clinic.pk, "patients": patients, "kind": NOTICE, "rows": ROWS, "due": DUE}
            )
            for _, again in indexes:
                cursor.execute(again)
        cursor.execute("VACUUM (ANALYZE) patients_message")


def claiming() -> Figure:
    """A batch of 25 among a million messages, a fifth of them due. What was claimed is sent before the next moment."""
    taken = at_rest(lambda: [_claims()])
    return at_rest_within(CLAIM_MS, f"claiming 25 among {ROWS:,} messages, p95 of {CLAIMS}", taken)


def _claims() -> float:
    limits, worker = Limits(), f"bench:{uuid4().hex}"
    took = sorted(once(lambda: ledger.claim(worker, limits)) for _ in range(CLAIMS))
    sent = Message.objects.filter(worker=worker, state=State.SENDING)
    if sent.update(state=State.SENT, sent_at=ClinicNow()) < CLAIMS * limits.claim:
        raise RuntimeError("Not enough is due to be claimed.")
    return took[math.ceil(0.95 * CLAIMS) - 1]
