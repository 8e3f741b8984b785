"""What the Messages page says about a row: state, proof or reason, and what can be done. Desk-safe by construction:
it reads codes, times, staff names and the line that the message's owner wrote for the desk."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from patients.outbox import kinds
from patients.outbox.models import IN_DOUBT, OPEN, Message, MessageEvent, State

# Up to here a waiting notice is shown as a countdown: it can still be undone.
COUNTED_WAIT = timedelta(minutes=10)
CALL_INSTEAD = (State.BOUNCED, State.COMPLAINED, State.FAILED)
STRUCK = (State.CANCELLED, State.SUPPRESSED, State.EXPIRED)

PUT_OFF = {
    "relay_unreachable": "The mail server cannot be reached",
    "turned_away": "The mail server asked to wait",
    "connection_lost": "The connection broke before sending",
    "worker_stopped": "A worker stopped before sending; nothing left",
    "fault": "Could not be written",
}
EVENTS = {
    "sent": "Accepted by the mail server",
    "put_off": "Put off",
    "fault": "Could not be written",
    "failed": "Did not go",
    "suppressed": "Not sent",
    "cancelled": "Cancelled",
    "expired": "Too late",
    "unknown": "No answer after handing over",
    "worker_stopped": "A worker stopped before sending; due again",
    "found_at_relay": "Found in the mail server's record: it went",
    "not_at_relay": "Not in the mail server's record: due again",
    "repeated": "Due a second time; it will say so",
    "needs_person": "Left to a person",
    "held": "Held",
    "released": "Released",
    "sent_early": "Sent ahead of its time",
    "arrived": "Said to have arrived",
    "sent_again": "Sent again by hand",
    "sent_once_more": "Sent once more by hand",
    "readdressed": "Address changed",
    "reopened": "Due again: the reason not to send is gone",
    "delivered": "Delivered",
    "bounced": "Came back",
    "complained": "Marked as spam",
    "taken": "Taken by the mail service",
    "deferred": "Put off by the patient's mail server",
    "soft_bounced": "Came back for now",
    "rejected": "Refused by the mail service",
    "unsubscribed": "Asked the mail service for no more mail",
    "same_key": "Due again under the same key: a second copy is dropped by the mail service",
    "restored": "Fell due before the data came back from a backup: left to a person",
    "made_for_demo": "Part of the demo's history",
    "retimed": "Moved back to its hour: the clinic's time zone or its rules changed",
}


@dataclass(frozen=True)
class Row:
    """One message as the page shows it."""

    message: Message
    label: str
    chip_state: str
    chip_label: str
    proof: str
    is_struck: bool
    can_hold: bool
    can_release: bool
    can_say_arrived: bool
    can_send_again: bool
    calls_instead: bool

    @property
    def due_at(self) -> datetime:
        return self.message.send_at


def row(message: Message, now: datetime) -> Row:
    in_doubt, in_time = message.state in IN_DOUBT, message.expires_at > now
    return Row(
        message=message,
        label=kinds.label(message.kind),
        chip_state=_chip_state(message, now),
        chip_label=_chip_label(message, now),
        proof=_proof(message),
        is_struck=message.state in STRUCK,
        can_hold=message.state == State.DUE and in_time,
        can_release=message.state == State.HELD and in_time,
        can_say_arrived=in_doubt,
        can_send_again=in_doubt and not message.resent and in_time,
        calls_instead=message.state in CALL_INSTEAD or (message.state in OPEN and not in_time),
    )


def event(entry: MessageEvent) -> str:
    words = EVENTS.get(entry.what, entry.what.replace("_", " ").capitalize())
    return f"{words} ({entry.code})" if entry.code.isdigit() and entry.code != "0" else words


def _counts_down(message: Message, now: datetime) -> bool:
    wait = message.next_attempt_at - now
    return message.state == State.DUE and not message.quiet_hours_apply and timedelta() < wait <= COUNTED_WAIT


def _chip_state(message: Message, now: datetime) -> str:
    return "waits" if _counts_down(message, now) else str(message.state)


def _chip_label(message: Message, now: datetime) -> str:
    if _counts_down(message, now):
        minutes = -(-(message.next_attempt_at - now) // timedelta(minutes=1))
        return f"Waits {minutes} min"
    if message.state == State.SENT:
        return f"Went {_time(message, message.sent_at):%H:%M:%S}"
    return State(message.state).label


def _proof(message: Message) -> str:
    return _PROOFS.get(State(message.state), _reason)(message)


def _reason(message: Message) -> str:
    return message.reason


def _went(message: Message) -> str:
    if message.closed_by is not None:
        return f"Arrived, says {message.closed_by.full_name}"
    return f"Accepted by mail server, id {message.provider_ref}" if message.provider_ref else "Accepted by mail server"


def _held(message: Message) -> str:
    return (
        f"Held by {message.closed_by.full_name}: {message.reason}" if message.closed_by else f"Held: {message.reason}"
    )


def _waiting(message: Message) -> str:
    if message.error_class in PUT_OFF:
        number = message.error_code.removeprefix("http ")
        code = f" ({message.error_code})" if number.isdigit() and number != "0" else ""
        return f"{PUT_OFF[message.error_class]}{code}; next try {_time(message, message.next_attempt_at):%H:%M}"
    why = str(message.context.get("note") or message.local_rule)
    return f"{why}, a second time".removeprefix(", ") if message.resent else why


def _in_doubt(message: Message) -> str:
    what = "Worker stopped" if message.error_class == "worker_stopped" else "No answer"
    return f"{what} after handing over, {_time(message, message.handed_off_at):%H:%M:%S}"


def _cancelled(message: Message) -> str:
    at = f" {_time(message, message.closed_at):%H:%M}, before sending" if message.closed_at else ""
    return message.reason.rstrip(".") + at


def _time(message: Message, moment: datetime) -> datetime:
    return moment.astimezone(message.clinic.tz)


_PROOFS = {
    State.SENT: _went,
    State.DELIVERED: lambda message: "Delivered to the mailbox",
    State.SENDING: lambda message: "Leaving at this moment",
    State.DUE: _waiting,
    State.HELD: _held,
    State.UNKNOWN: _in_doubt,
    State.CANCELLED: _cancelled,
    State.BOUNCED: lambda message: message.reason or "The mail came back",
    State.COMPLAINED: lambda message: message.reason or "The patient's mail program calls it spam",
}
