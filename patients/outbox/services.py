"""What people and other rooms do with messages. Sending is not here: a service leaves a row, a worker sends it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from clinic import audit, clock
from clinic.errors import DomainError
from clinic.models import Clinic, ClinicNow, User
from clinic.rows import insert
from patients.models.people import Patient
from patients.outbox import kinds, ledger, rendering, timing
from patients.outbox.bell import bell
from patients.outbox.models import IN_DOUBT, OPEN, Message, State
from patients.outbox.suppression import why_not


class NotPossible(DomainError):
    """The message is past the point at which this could be done."""


@dataclass(frozen=True)
class Draft:
    """A message to be: see `queue`."""

    kind: str
    patient: Patient
    about: UUID | None
    send_at: datetime
    expires_at: datetime
    dedupe_key: str
    context: dict = field(default_factory=dict)
    local_rule: str = ""
    priority: int | None = None


def queue(
    *,
    kind: str,
    patient: Patient,
    about: UUID | None,
    send_at: datetime,
    expires_at: datetime,
    dedupe_key: str,
    by: User | None,
    context: dict | None = None,
    local_rule: str = "",
    priority: int | None = None,
) -> Message:
    """Write one message into the ledger, in the caller's transaction.

    Quiet hours move `send_at` unless the kind is immediate. A patient who must not be written to gets the row all the
    same, suppressed with its reason. The same `dedupe_key` is the same message: the row that is there is returned.
    """
    draft = Draft(
        kind=kind, patient=patient, about=about, send_at=send_at, expires_at=expires_at, dedupe_key=dedupe_key,
        context=context or {}, local_rule=local_rule, priority=priority,
    )  # fmt: skip
    return queue_many([draft], by=by)[0]


@transaction.atomic(savepoint=False)
def queue_many(drafts: Iterable[Draft], *, by: User | None, now: datetime | None = None) -> list[Message]:
    """Several messages in one insert, in the order given. `now`: the moment, where the caller has read it."""
    drafts = list(drafts)
    if not drafts:
        return []
    now = now or clock.now()
    fresh = [_row(draft, by=by, now=now) for draft in drafts]
    new = {row.dedupe_key: row for row in insert(fresh, or_nothing=True)}
    known = [row.dedupe_key for row in fresh if row.dedupe_key not in new]
    kept = new | {row.dedupe_key: row for row in Message.objects.filter(dedupe_key__in=known)} if known else new
    for patient in {draft.patient.pk: draft.patient for draft in drafts}.values():
        _audit("messages.queued", patient, [row for row in new.values() if row.patient_id == patient.pk], by=by)
    if any(row.state == State.DUE and row.next_attempt_at <= now for row in new.values()):
        bell.on_commit()
    return [kept[draft.dedupe_key] for draft in drafts]


def _row(draft: Draft, *, by: User | None, now: datetime) -> Message:
    kind, clinic = kinds.get(draft.kind), draft.patient.clinic
    send_at = draft.send_at
    if not kind.immediate:
        quiet = timing.QuietHours(clinic.quiet_from, clinic.quiet_until, clinic.tz)
        send_at = timing.outside_quiet_hours(send_at, expires_at=draft.expires_at, quiet=quiet)
    ref = uuid4()
    row = Message(
        ref=ref,
        clinic=clinic,
        patient=draft.patient,
        kind=kind.code,
        about=draft.about,
        message_id=rendering.new_message_id(ref),
        dedupe_key=draft.dedupe_key,
        to_address=draft.patient.email,
        context=draft.context,
        local_rule=draft.local_rule,
        quiet_hours_apply=not kind.immediate,
        zone=clinic.zone,
        send_at=send_at,
        next_attempt_at=send_at,
        expires_at=draft.expires_at,
        priority=kind.priority if draft.priority is None else draft.priority,
        created_by=by,
    )
    barred = why_not(draft.patient, kind)
    if barred is not None:
        row.state, row.reason, row.closed_at = State.SUPPRESSED, barred.sentence, now
        row.error_class, row.error_code = "contact", barred.code
    elif draft.expires_at <= now:
        row.state, row.reason, row.closed_at = State.EXPIRED, "It was too late to be of use.", now
    return row


# One statement: a worker that is about to hand a row over either finds it cancelled or has already marked it.
CANCEL = """
UPDATE patients_message
SET state = 'cancelled', reason = %(reason)s, closed_at = clinic_now(), closed_by_id = %(by)s
WHERE about = ANY(%(about)s) AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
  AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s))
  AND (state IN ('due', 'held') OR (state = 'sending' AND handed_off_at IS NULL))
RETURNING *
"""


@transaction.atomic
def cancel_about(
    *,
    about: UUID | Iterable[UUID],
    reason: str,
    by: User | None,
    kinds: Iterable[str] | None = None,
    only: Iterable[Message] | None = None,
) -> list[Message]:
    """Cancel every message about these things that has not left, or `only` these of them. Returns those that are already
    handed to the mail server, so that the screen can say so and a change notice can follow."""
    about = [about] if isinstance(about, UUID) else list(about)
    codes = None if kinds is None else list(kinds)
    rows = None if only is None else [message.pk for message in only]
    cancelled = list(
        Message.objects.raw(
            CANCEL,
            {"about": about, "kinds": codes, "only": rows, "reason": reason[:200], "by": by.pk if by else None},
        )
    )
    if cancelled:
        ledger.note([row.pk for row in cancelled], "cancelled", by=by)
        _audit("messages.cancelled", cancelled[0].patient, cancelled, by=by)
    gone = Message.objects.filter(
        about__in=about, state__in=[State.SENDING, State.UNKNOWN], handed_off_at__isnull=False
    )
    gone = gone if codes is None else gone.filter(kind__in=codes)
    return list(gone if rows is None else gone.filter(pk__in=rows))


@transaction.atomic
def hold(*, message: Message, reason: str, by: User) -> Message:
    """Keep it back until somebody releases it."""
    message = _locked(message)
    claimed = message.state == State.SENDING and message.handed_off_at is None
    if not (message.state == State.DUE or claimed):
        raise NotPossible(_too_late(message), code="hold")
    return _change(
        message, "held", by=by, state=State.HELD, reason=reason[:200], closed_by=by, closed_at=ClinicNow(),
        worker="", lease_until=None,
    )  # fmt: skip


@transaction.atomic
def release(*, message: Message, by: User) -> Message:
    message = _locked(message)
    if message.state != State.HELD:
        raise NotPossible("It is not being held.", code="release")
    _refuse_when_expired(message)
    bell.on_commit()
    return _change(message, "released", by=by, state=State.DUE, reason="", closed_by=None, closed_at=None)


@transaction.atomic
def send_now(*, message: Message, by: User) -> Message:
    """Send it at the next look instead of at its time, quiet hours or not: a person wants it so."""
    message = _locked(message)
    if message.state not in OPEN:
        raise NotPossible(_too_late(message), code="send_now")
    _refuse_when_expired(message)
    bell.on_commit()
    return _change(
        message, "sent_early", by=by, state=State.DUE, reason="", closed_by=None, closed_at=None, quiet_hours_apply=False,
        send_at=ClinicNow(), next_attempt_at=ClinicNow(), priority=0,
    )  # fmt: skip


@transaction.atomic
def mark_arrived(*, message: Message, by: User) -> Message:
    """Somebody knows that it arrived: asked the patient, looked at the mail server."""
    message = _locked(message)
    if message.state not in IN_DOUBT:
        raise NotPossible("It is no longer in doubt.", code="mark_arrived")
    return _change(
        message, "arrived", by=by, state=State.SENT, sent_at=message.handed_off_at or ClinicNow(), reason="",
        closed_by=by, closed_at=ClinicNow(),
    )  # fmt: skip


@transaction.atomic
def send_again(*, message: Message, by: User) -> Message:
    """Repeat a message in doubt, once, under the same Message-ID; its first line says that it may be a copy."""
    message = _locked(message)
    if message.state not in IN_DOUBT:
        raise NotPossible("It is no longer in doubt.", code="send_again")
    if message.resent:
        raise NotPossible("It has been sent twice already. Call instead.", code="send_again")
    _refuse_when_expired(message)
    bell.on_commit()
    return _change(
        message, "sent_again", by=by, state=State.DUE, reason="", resent=True, quiet_hours_apply=False,
        next_attempt_at=ClinicNow(), handed_off_at=None, worker="", lease_until=None, error_class="", error_code="",
    )  # fmt: skip


@transaction.atomic
def pause(*, clinic: Clinic, reason: str, by: User) -> Clinic:
    """Nothing leaves until `resume`. What is being handed over at this moment still goes."""
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    if clinic.mail_paused_at is None:
        clinic.mail_paused_at, clinic.mail_paused_reason, clinic.mail_paused_by = clock.now(), reason[:200], by
        clinic.save(update_fields=["mail_paused_at", "mail_paused_reason", "mail_paused_by"])
        audit.record("mail.paused", clinic, by=by, clinic=clinic)
    return clinic


@transaction.atomic
def resume(*, clinic: Clinic, by: User) -> Clinic:
    """Mail goes again; what lost its use meanwhile expires with its reason."""
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    if clinic.mail_paused_at is not None:
        clinic.mail_paused_at, clinic.mail_paused_reason, clinic.mail_paused_by = None, "", None
        clinic.save(update_fields=["mail_paused_at", "mail_paused_reason", "mail_paused_by"])
        audit.record("mail.resumed", clinic, by=by, clinic=clinic)
        bell.on_commit()
    return clinic


# What a new address or a new answer to "may we e-mail you?" can bring back.
ABOUT_CONTACT = ("contact", "address")
STOPPED = (State.SUPPRESSED, State.FAILED, State.BOUNCED)
# In a worker's hands, and not yet marked as handed over: whoever changes the row now is still in time.
CLAIMED = Q(state=State.SENDING, handed_off_at=None)


@transaction.atomic
def address_changed(*, patient: Patient, by: User | None) -> int:
    """E-mail, leave to write or status of a patient changed: waiting messages follow, and those that were stopped for
    want of an address or of leave go after all if there is still time. Returns how many rows changed."""
    # A row of a kind that only another release knows keeps its address: whoever sends it looks again.
    mine = Message.objects.filter(patient=patient, kind__in=[kind.code for kind in kinds.all_kinds()])
    waiting = mine.filter(Q(state__in=OPEN) | CLAIMED)
    stopped = mine.filter(state__in=STOPPED, error_class__in=ABOUT_CONTACT, expires_at__gt=ClinicNow())
    found = [*waiting.select_for_update(), *stopped.select_for_update()]
    return sum(_follow(message, patient, by=by) for message in found)


@transaction.atomic
def moved(*, messages: Iterable[Message], patient: Patient, by: User | None) -> None:
    """These messages are of `patient` now, because two records became one or two again. What waits follows address and leave of
    hers; a letter that a worker has written for the other record is taken from it, so it is not marked, and is written anew."""
    keys = [message.pk for message in messages]
    claimed = list(Message.objects.filter(CLAIMED, pk__in=keys).select_for_update().order_by("pk"))
    for message in claimed:
        _change(message, "moved", by=by, state=State.DUE, worker="", lease_until=None)
    if claimed:
        bell.on_commit()
    address_changed(patient=patient, by=by)


def _follow(message: Message, patient: Patient, *, by: User | None) -> bool:
    """One message after its patient's address and leave as they are now; False when nothing changes for it."""
    barred, was_stopped = why_not(patient, kinds.get(message.kind)), message.state in STOPPED
    # A worker that has claimed it has written to the old address: taken from it, that letter is not marked, so not sent.
    taken = {"state": State.DUE, "worker": "", "lease_until": None} if message.state == State.SENDING else {}
    if barred is not None and not was_stopped:
        _change(
            message, "suppressed", by=by, code=barred.code, reason=barred.sentence, error_class="contact",
            error_code=barred.code, closed_at=ClinicNow(), **taken | {"state": State.SUPPRESSED},
        )  # fmt: skip
    elif barred is None and was_stopped:
        _change(
            message, "reopened", by=by, state=State.DUE, reason="", error_class="", error_code="", closed_at=None,
            attempts=0, to_address=patient.email, handed_off_at=None, sent_at=None, worker="", lease_until=None,
            # What stood still for days is due from now on: it is not late.
            next_attempt_at=Greatest(F("next_attempt_at"), ClinicNow()),
        )  # fmt: skip
        bell.on_commit()
    elif message.to_address != patient.email:
        _change(message, "readdressed", by=by, to_address=patient.email, **taken)
        bell.on_commit()
    else:
        return False
    return True


@transaction.atomic
def settle_history(*, clinic: Clinic, before: datetime) -> int:
    """A demo clinic's past: what was due before `before` counts as sent at its time. Refused for a real clinic."""
    if not clinic.is_demo:
        raise DomainError("Only a demo clinic has an invented past.")
    past = Message.objects.filter(clinic=clinic, state=State.DUE, send_at__lt=before)
    ids = list(past.values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids).update(
        state=State.SENT, sent_at=F("next_attempt_at"), handed_off_at=F("next_attempt_at"), attempts=1
    )
    ledger.note(ids, "made_for_demo")
    return len(ids)


def _locked(message: Message) -> Message:
    return Message.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=message.pk)


def _change(message: Message, what: str, *, by: User | None, code: str = "", **fields) -> Message:
    """Save, tell the message's own story, and the clinic's."""
    for name, value in fields.items():
        setattr(message, name, value)
    message.save(update_fields=list(fields))
    ledger.note([message.pk], what, code=code, by=by)
    audit.record(f"message.{what}", message, by=by, system=by is None, kind=message.kind)
    message.refresh_from_db(fields=list(fields))
    return message


def _audit(action: str, patient: Patient, messages: list[Message], *, by: User | None) -> None:
    if messages:
        facts = {"messages": [str(message.ref) for message in messages], "kinds": sorted({m.kind for m in messages})}
        audit.record(action, patient, by=by, system=by is None, **facts)


def _refuse_when_expired(message: Message) -> None:
    if message.expires_at <= clock.now():
        raise NotPossible("It is too late for this message to be of use. Call instead.", code="expired")


def _too_late(message: Message) -> str:
    if message.state == State.SENDING:
        return "It is being handed to the mail server at this moment."
    if message.state in IN_DOUBT:
        return "It may have left already: say whether it arrived, or send it again."
    return f"This message is no longer waiting: {message.get_state_display().lower()}."
