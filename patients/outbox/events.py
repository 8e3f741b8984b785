"""What a mail provider says afterwards: taken, put off, delivered, came back, called spam.

Its words arrive late, twice and in any order, sometimes before our own note that the message went. So each word has a
weight, the heaviest decides, and a word that was heard before is refused by its id. What is true of an address is true
for everybody of the clinic who has it.

- **Came back for good** (no such mailbox): the address is flagged, what waits for it is not sent, the desk asks for
  another one.
- **Came back for now** (mailbox full, server too busy): three messages in 14 days count as the same. A delivery that her
  server only puts off is noted and not counted: it ends as delivered or as come back, and then that counts.
- **Called spam**: what she may do without, reminders and the like, stops; she has said so as loudly as she can.
  Confirmations and aftercare still go: nobody has told us that she wants no word after a treatment, and aftercare can
  keep her from harm. The desk asks her, and her answer stands. `asked` writes it down.

Whether mails are opened or links in them are followed is nobody's business here: such events are dropped.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.encoding import punycode

from clinic import audit, clock
from clinic.errors import DomainError
from clinic.models import ClinicNow, User
from patients.models.people import Patient
from patients.outbox import services
from patients.outbox.models import OPEN, Message, MessageEvent, State
from patients.outbox.reconcile import NothingHeard
from patients.outbox.relay import ENHANCED, REF, Refused
from patients.search import same_person_keys

log = logging.getLogger(__name__)

SOFT_BOUNCES = 3
SOFT_WINDOW = timedelta(days=14)

WORDS = {
    EventType.QUEUED: "taken",
    EventType.SENT: "taken",
    EventType.DEFERRED: "deferred",
    EventType.DELIVERED: "delivered",
    EventType.BOUNCED: "bounced",
    EventType.REJECTED: "rejected",
    EventType.FAILED: "rejected",
    EventType.COMPLAINED: "complained",
    EventType.UNSUBSCRIBED: "unsubscribed",
}
# The heaviest word decides, whichever came first.
WEIGHT = {
    "unsubscribed": 0,
    "taken": 1,
    "deferred": 1,
    "rejected": 2,
    "delivered": 3,
    "soft_bounced": 4,
    "bounced": 5,
    "complained": 6,
}
# What a row says already weighs as much as the word that would have brought it there. A message that we believe was
# never sent stays so until somebody proves that it was.
STANDING = {
    State.SENT: 1,
    State.FAILED: 2,
    State.CANCELLED: 2,
    State.SUPPRESSED: 2,
    State.EXPIRED: 2,
    State.DELIVERED: 3,
    State.BOUNCED: 4,
    State.COMPLAINED: 6,
}
CAME_BACK = "The mail came back: no mail reaches this address."
CAME_BACK_FOR_NOW = "The mail came back: the mailbox is full, or its server would not take it."
REFUSED_ADDRESS = "The mail service sends nothing to this address any more."
REFUSED = "The mail service refused to send it."
SPAM = "Called spam by who reads this mailbox."
# The provider stops all mail to these, so none arrives.
NO_LONGER_SERVED = {RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.SPAM, RejectReason.UNSUBSCRIBED}
SOFT_WORD = re.compile(r"soft|transient|temporar|undetermined", re.IGNORECASE)
HARD_WORD = re.compile(r"hard|permanent", re.IGNORECASE)
SMTP_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")


@dataclass(frozen=True)
class Told:
    """One word of a provider's about one message. `key` is the same whenever the same word is repeated.

    `is_hard`: it says of the address that no mail will ever reach it.
    """

    what: str
    key: str
    message_id: str
    ref: UUID | None
    recipient: str
    code: str
    is_hard: bool


def hear(sender: object, event: AnymailTrackingEvent, esp_name: str, **_more: object) -> None:
    """The receiver of anymail's `tracking` signal. A fault goes up, so that the provider tells us again."""
    told = told_by(event, provider=esp_name)
    became = "ignored" if told is None else settle(told=told)
    log.info("Mail event from %s: %s.", esp_name, became)


def told_by(event: AnymailTrackingEvent, *, provider: str) -> Told | None:
    """A provider's event in our words; None for what is nobody's business (opened, clicked) or says nothing."""
    what = WORDS.get(event.event_type)
    if what is None:
        return None
    is_hard = _is_hard(event) if what == "bounced" else what == "rejected" and event.reject_reason in NO_LONGER_SERVED
    code = SMTP_CODE.search(event.mta_response or "")
    return Told(
        what="soft_bounced" if what == "bounced" and not is_hard else what,
        key=_key(event, provider),
        message_id=str(event.message_id or "")[:200],
        ref=_ref(event.metadata),
        recipient=str(event.recipient or "")[:254],
        code=code.group(1) if code else "",
        is_hard=is_hard,
    )


@transaction.atomic
def settle(*, told: Told) -> str:
    """Write one word into the ledger, and what follows from it. Returns what it became: `not_ours` for a message that we
    never wrote, `repeated` for a word heard before, else the word itself.

    Locks her and those who share the address, then the message, as everything else does that changes an address.
    """
    found = _message(told)
    if found is None:
        return "not_ours"
    holders = (
        _holders(found, told) if told.is_hard or told.what in ("soft_bounced", "complained", "unsubscribed") else []
    )
    message = Message.objects.select_for_update(of=("self",), no_key=True).get(pk=found.pk)
    if not _note(message, told):
        return "repeated"
    address = _address(message, told)
    if not _is_of_another_address(message, told):
        _weigh(message, told)
    if told.is_hard or (told.what == "soft_bounced" and _too_often(holders, address)):
        _flag(holders, message)
    if told.what in ("complained", "unsubscribed"):
        _stop_optional([patient for patient in holders if patient.pk == message.patient_id], told)
    return told.what


@transaction.atomic
def address_is_dead(*, message: Message, address: str) -> None:
    """A mail server has said that the address this message was to go to does not exist: flagged for everybody of the clinic
    who has it, and what waits for it is not sent. The message itself is settled before."""
    having = _with_address(message, address)
    _flag(list(having.select_for_update(no_key=True, of=("self",)).order_by("pk")), message)


ANSWERS = {"all": (True, True), "visits": (True, False), "none": (False, False)}


@transaction.atomic
def asked(*, patient: Patient, answer: str, by: User) -> Patient:
    """Somebody asked her whether we may e-mail: `all`, `visits` (no reminders) or `none`. Kept also where nothing changes:
    that she was asked again is what takes her off the desk's list. Raises DomainError."""
    if answer not in ANSWERS:
        raise DomainError("Choose what the patient said.")
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    patient.mail_allowed, patient.reminders_allowed = ANSWERS[answer]
    patient.contact_asked_at, patient.contact_asked_by = clock.now(), by
    patient.version += 1
    patient.save(update_fields=["mail_allowed", "reminders_allowed", "contact_asked_at", "contact_asked_by", "version"])
    audit.record("patient.contact_asked", patient, by=by, answer=answer)
    services.address_changed(patient=patient, by=by)
    return patient


def unasked_since_spam() -> Q:
    """Of patients: those who called a message of ours spam and were not asked since whether they want any. Reminders
    ended with it, so nobody else's messages are looked through."""
    spam = Message.objects.filter(patient=OuterRef("pk"), state=State.COMPLAINED)
    since = Exists(spam.filter(closed_at__gt=OuterRef("contact_asked_at")))
    return Q(mail_allowed=True, reminders_allowed=False) & (Q(since) | (Q(contact_asked_at=None) & Q(Exists(spam))))


class EventRecord:
    """The record of a provider that tells us what became of each message (OUTBOX_RELAY_RECORD for a provider's API).

    It took a message if any of its words named it. Silence proves less than a local mail server's log: the words come by
    the web, seconds or minutes later. So nobody is asked before an hour is over (`grace_seconds`), and where the provider
    has said nothing of any message since this one was handed over, its silence says nothing of this one either
    (NothingHeard): then the kind's policy decides. A word that comes later still settles the message by itself.
    """

    grace_seconds = 3600

    def accepted(self, message_id: str) -> datetime | None:
        heard = MessageEvent.objects.filter(event_id__isnull=False)
        first = heard.filter(message__message_id=message_id).order_by("pk").first()
        if first is not None:
            return first.at
        handed_off_at = Message.objects.filter(message_id=message_id).values_list("handed_off_at", flat=True).first()
        newest = heard.order_by("-pk").first()
        if newest is None or handed_off_at is None or newest.at <= handed_off_at:
            raise NothingHeard
        return None


# ── One word ──────────────────────────────────────────────────────────────────


def _is_hard(event: AnymailTrackingEvent) -> bool:
    """Whether what came back says that no mail will ever arrive. The provider's own word first, then the reply of the
    patient's mail server, read as our own relay's replies are; then the provider's reason."""
    words = _own_words(event)
    if SOFT_WORD.search(words):
        return False
    if HARD_WORD.search(words):
        return True
    reply = event.mta_response or ""
    code, enhanced = SMTP_CODE.search(reply), ENHANCED.search(reply)
    if code or enhanced:
        number = int(code.group(1)) if code else int(enhanced.group(1)[0]) * 100 + 50
        return Refused(number, reply, about_address=True).names_a_dead_address
    return event.reject_reason in (RejectReason.INVALID, RejectReason.BOUNCED)


def _own_words(event: AnymailTrackingEvent) -> str:
    """How the provider itself calls the bounce: "SoftBounce", "hard_bounce", "Permanent: General"."""
    said = event.esp_event if isinstance(event.esp_event, Mapping) else {}
    bounce = said.get("bounce")
    kinds = [said.get("Type"), said.get("type"), said.get("event")]
    kinds += [bounce.get("bounceType")] if isinstance(bounce, Mapping) else []
    return " ".join(str(kind) for kind in kinds if isinstance(kind, str))


def _key(event: AnymailTrackingEvent, provider: str) -> str:
    """The provider's id of the event; where it has none, what makes it this event and no other. Hashed: an id is theirs
    to choose, and might be as long as a page or hold an address."""
    at = event.timestamp.isoformat() if event.timestamp else ""
    parts = [str(event.event_id)] if event.event_id else ["", str(event.message_id), str(event.recipient), at]
    said = "\0".join([provider, str(event.event_type), *parts])
    return hashlib.sha256(said.encode()).hexdigest()


def _ref(metadata: object) -> UUID | None:
    try:
        return UUID(str(metadata.get(REF))) if isinstance(metadata, Mapping) else None
    except ValueError:
        return None


# ── Whose it is ───────────────────────────────────────────────────────────────


def _message(told: Told) -> Message | None:
    """By our own reference, by the Message-ID, and last by the provider's id among the messages of who has the address."""
    bare = told.message_id.strip("<>")
    if told.ref is not None and (found := Message.objects.filter(ref=told.ref).first()):
        return found
    if bare and (found := Message.objects.filter(message_id=bare).first()):
        return found
    if not bare or not told.recipient:
        return None
    hers = Message.objects.filter(patient__search_keys__overlap=same_person_keys(phone="", email=told.recipient))
    return hers.filter(provider_ref__in=[bare, told.message_id]).order_by("-pk").first()


def _address(message: Message, told: Told) -> str:
    return told.recipient if _is_of_another_address(message, told) else message.to_address


def _is_of_another_address(message: Message, told: Told) -> bool:
    """A word about the copy that went to her old address, while the message waits to go to the new one."""
    waits = message.state in OPEN or (message.state == State.SENDING and message.handed_off_at is None)
    return waits and bool(told.recipient) and _plain(told.recipient) != _plain(message.to_address)


def _plain(address: str) -> str:
    local, _, domain = address.strip().casefold().rpartition("@")
    try:
        return f"{local}@{punycode(domain)}"
    except UnicodeError:
        return f"{local}@{domain}"


def _holders(message: Message, told: Told) -> list[Patient]:
    """Her, if the address is still hers, and everybody of her clinic who has it; locked, by id. For a word about her wishes
    her alone is meant, whatever her address is now."""
    having = _with_address(message, _address(message, told))
    found = having if told.is_hard or told.what == "soft_bounced" else Patient.objects.filter(pk=message.patient_id)
    return list(found.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def _with_address(message: Message, address: str) -> QuerySet[Patient]:
    if not address:
        return Patient.objects.none()
    keys = same_person_keys(phone="", email=address)
    return Patient.objects.filter(clinic_id=message.clinic_id, search_keys__overlap=keys, email__iexact=address)


# ── What follows ──────────────────────────────────────────────────────────────


def _note(message: Message, told: Told) -> bool:
    """Write the word down; False where it was heard before."""
    if MessageEvent.objects.filter(event_id=told.key).exists():
        return False
    # Whoever tells us the same at this moment waits for the row of the message, and then finds this one.
    MessageEvent.objects.create(message=message, what=told.what, code=told.code, event_id=told.key)
    return True


def _weigh(message: Message, told: Told) -> None:
    """The heavier of what the row says and what is told stands afterwards."""
    standing = STANDING.get(State(message.state), 0)
    if message.state == State.BOUNCED and message.error_class == "address":
        standing = WEIGHT["bounced"]
    if WEIGHT[told.what] <= standing:
        return
    fields = _went(message, told) | OUTCOMES[told.what](told)
    Message.objects.filter(pk=message.pk).update(**fields)


def _went(message: Message, told: Told) -> dict:
    """It was handed over, whatever the row thought: nobody may claim it any more."""
    moment = message.handed_off_at or message.sent_at or ClinicNow()
    known = {"provider_ref": told.message_id[:120]} if told.message_id and not message.provider_ref else {}
    return known | {
        "handed_off_at": moment,
        "sent_at": message.sent_at or moment,
        "error_code": told.code,
        "closed_at": ClinicNow(),
    }


def _arrived(state: State) -> dict:
    return {"state": state, "reason": "", "error_class": "", "error_code": "", "closed_at": None, "closed_by": None}


def _rejected(told: Told) -> dict:
    """Nothing left the provider: as if it had said so at once, and a new address may bring it back."""
    error, reason = ("address", REFUSED_ADDRESS) if told.is_hard else ("refused", REFUSED)
    not_sent = {"handed_off_at": None, "sent_at": None, "worker": "", "lease_until": None}
    return {"state": State.FAILED, "reason": reason, "error_class": error} | not_sent


OUTCOMES = {
    "taken": lambda told: _arrived(State.SENT),
    "deferred": lambda told: _arrived(State.SENT),
    "delivered": lambda told: _arrived(State.DELIVERED),
    "rejected": _rejected,
    "soft_bounced": lambda told: {
        "state": State.BOUNCED, "reason": CAME_BACK_FOR_NOW, "error_class": "mailbox", "closed_by": None,
    },
    "bounced": lambda told: {
        "state": State.BOUNCED, "reason": CAME_BACK, "error_class": "address", "closed_by": None,
    },
    "complained": lambda told: {
        "state": State.COMPLAINED, "reason": SPAM, "error_class": "complained", "closed_by": None,
    },
}  # fmt: skip


def _too_often(holders: list[Patient], address: str) -> bool:
    """Whether as many messages to the address came back for now, within the window, as make a dead one."""
    since = clock.now() - SOFT_WINDOW
    soft = MessageEvent.objects.filter(
        what="soft_bounced", at__gte=since, message__patient__in=holders, message__to_address__iexact=address
    )
    return soft.values("message").distinct().count() >= SOFT_BOUNCES


def _flag(holders: list[Patient], message: Message) -> None:
    """Their address takes no mail. What waits for it is not sent; a new one takes the flag away and sends what is still of use."""
    for patient in holders:
        if patient.email_bounced_at is not None:
            continue
        patient.email_bounced_at = clock.now()
        Patient.objects.filter(pk=patient.pk).update(email_bounced_at=patient.email_bounced_at)
        audit.record("patient.email_flagged", patient, by=None, system=True, message=str(message.ref))
        services.address_changed(patient=patient, by=None)


def _stop_optional(patients: list[Patient], told: Told) -> None:
    """No more reminders to her. Who has the record open is shown the difference when it is saved."""
    for patient in patients:
        if not patient.reminders_allowed:
            continue
        Patient.objects.filter(pk=patient.pk).update(reminders_allowed=False, version=F("version") + 1)
        patient.refresh_from_db(fields=["reminders_allowed", "version"])
        audit.record("patient.reminders_stopped", patient, by=None, system=True, because=told.what)
        services.address_changed(patient=patient, by=None)
