"""The conversation with the mail server, cut where certainty ends.

Up to and including the server's "go ahead" (354) a failure is certain: nothing was taken. Once the text is on its way
only an answer tells; without one the message is in doubt. So the two halves are two calls, and the hand-off marker is
written between them.

A server that takes several commands at once (RFC 2920) is told with each text what follows it: of a message whose marker
stands already, the envelope and DATA travel behind the text of the one before. Each answer is still read, in order, and its
own text leaves only after its own "go ahead". So one message costs one wait instead of four.
"""

import hashlib
import re
import smtplib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from functools import lru_cache
from typing import NoReturn

import requests
from anymail.exceptions import (
    AnymailCancelSend,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.utils.encoding import punycode
from urllib3.exceptions import NewConnectionError

from patients.outbox import mime

ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
QUEUE_ID = re.compile(r"(?:queued as|kept as|\bid[= ])\s*<?([\w.@+-]{4,120})", re.IGNORECASE)
SMTP_OK, SMTP_GO_AHEAD, SMTP_CLOSING = 250, 354, 421
TAKEN = frozenset({SMTP_OK, 251})
PIPELINING = "pipelining"
# A server that sends answer after answer may keep the second back until the first is acknowledged, which a system likes to put
# off for 40 ms. Linux can be told not to, each time anew.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
# smtplib's own answer where the other side fell silent.
NO_REPLY = -1
# A provider's word about us and not about a message: a key that was changed, an account not paid, a proxy, no patience.
NOT_LET_IN = frozenset({401, 402, 403, 407, 408})

# Faults of ours that the provider's library finds before it asks the provider anything. (That an address is none it may
# also say of the answer, and then the message has left.)
NEVER_ASKED = (AnymailCancelSend, AnymailSerializationError, AnymailUnsupportedFeature)
# The header that our reference travels in, and the name under which a provider gives it back with every event.
REF_HEADER, REF = "X-Clinic-Ref", "clinic_ref"
# It has no place for what is to be given back; its events name the Message-ID.
WITHOUT_METADATA = frozenset({"Postal"})
SMTP_KEY, HTTP_KEY = "Resend-Idempotency-Key", "Idempotency-Key"
CONFLICT, ANOTHER_TEXT = 409, "invalid_idempotent_request"

# What nearly every address is; for these the parts need not be told apart.
PLAIN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]{1,63}(?:\.[\w-]{1,63})*", re.ASCII)


class RelayError(Exception):
    """Something the relay did; `str()` is a code for the row, never a text of the relay's: it may quote an address."""


class Unreachable(RelayError):
    """No connection, no TLS, no sign-in: nothing to do with any one message."""


class Dropped(RelayError):
    """The connection broke before the text of a message left: certain, nothing was taken."""


class Stale(RelayError):
    """Too long between marker and text: not sent, the row may be somebody else's by now."""


class Unwritable(RelayError):
    """We could not put the message on the wire: a fault of ours in this one, and certain, nothing left."""


class InDoubt(RelayError):
    """The text left and no answer came."""


class Refused(RelayError):
    """The relay said no: certain, nothing was taken."""

    def __init__(self, code: int, text: str | bytes, *, about_address: bool = False) -> None:
        super().__init__(str(code))
        self.code = code
        words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
        found = ENHANCED.search(words)
        self.enhanced = found.group(1) if found else ""
        self.about_address = about_address

    @property
    def is_final(self) -> bool:
        return 500 <= self.code < 600

    @property
    def names_a_dead_address(self) -> bool:
        """The mailbox does not exist; a refusal for other reasons (5.7: policy) says nothing about the address."""
        if not (self.is_final and self.about_address):
            return False
        return self.enhanced.startswith("5.1.") or (not self.enhanced and self.code in {550, 551, 553})


@dataclass(frozen=True)
class Following:
    """The message that comes next: its text, ready, and the commands that may travel before their turn."""

    mail: EmailMultiAlternatives
    source: bytes
    commands: tuple[str, ...]


# Code and words.
Answer = tuple[int, bytes]


class SmtpRelay:
    """One SMTP connection for many messages, opened through Django's settings."""

    def __init__(self, backend: EmailBackend) -> None:
        self._backend = backend
        self.breaker = breaker_of(f"smtp {backend.host}:{backend.port} {backend.username or ''}")
        # What is to travel with the next text; what has, and whose answers nobody has read yet; and what the server has said
        # "go ahead" to, so that only its text may follow.
        self._following: Following | None = None
        self._ahead: Following | None = None
        self._awaited: Following | None = None

    @property
    def is_open(self) -> bool:
        return self._backend.connection is not None and self._backend.connection.sock is not None

    def open(self) -> None:
        if self.is_open:
            return
        self.close()
        try:
            self._backend.open()
            if self._backend.connection is not None:
                self._backend.connection.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as exc:
            self.close()
            raise Unreachable(str(getattr(exc, "smtp_code", "") or type(exc).__name__)) from exc
        if not self.is_open:
            raise Unreachable("NoConnection")

    def close(self) -> None:
        """Say goodbye if anybody listens; never raises."""
        if self._is_amid:
            self._cut()  # it waits for a text, and would take our goodbye for one
        connection, self._backend.connection = self._backend.connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()

    def envelope(self, mail: EmailMultiAlternatives) -> None:
        """MAIL FROM and RCPT TO; where these went ahead, what was said to them. Raises Refused, Dropped or Unwritable, all
        certain."""
        if not self._is_amid:
            self._check_envelope(self._asked(_envelope_of(mail)))
        elif self._ahead is not None and self._ahead.mail is mail:
            self._check_what_went_ahead()
        else:
            self._out_of_step()

    def ahead(self, mail: EmailMultiAlternatives) -> None:
        """What follows the next text: its envelope and DATA may travel behind that. Only for a message whose marker stands: after
        its envelope nothing but the text is missing."""
        self._following = None
        if not self._takes_several():
            return
        try:
            self._following = Following(mail, self._source_of(mail), (*_envelope_of(mail), "DATA"))
        except (Refused, Unwritable):
            return  # its own turn will tell

    def forget(self) -> None:
        """Drop the envelope that was opened, keep the connection."""
        if self._is_amid:
            self._cut()
        elif self._backend.connection is not None:
            try:
                self._backend.connection.rset()
            except (OSError, smtplib.SMTPException):
                self._cut()

    def hand_over(self, mail: EmailMultiAlternatives, still_fresh: Callable[[], bool]) -> str:
        """DATA, the text, the answer. Returns the relay's id for it. Raises Refused, Dropped, Stale, Unwritable or
        InDoubt."""
        following, self._following = self._following, None
        source = self._after_go_ahead(mail)
        if not still_fresh():
            self._cut()
            raise Stale("stale")
        smtp = self._backend.connection
        try:
            smtp.send(source + _lines(following.commands) if following else source)
            code, text = smtp.getreply()
        except (OSError, smtplib.SMTPException) as exc:
            self._cut()
            raise InDoubt(type(exc).__name__) from exc
        self._ahead = following
        if 200 <= code < 300:
            return queue_id(text)
        if not 400 <= code < 600:
            self._cut()
            raise InDoubt(f"odd reply {code}")
        if following and code != SMTP_CLOSING:
            raise Refused(code, text)  # the next envelope is open already
        raise self._refusal(code, text)

    @property
    def _is_amid(self) -> bool:
        return self._ahead is not None or self._awaited is not None

    def _out_of_step(self) -> NoReturn:
        """One message's answers must never be read as another's."""
        self._cut()
        raise Dropped("out of step")

    def _after_go_ahead(self, mail: EmailMultiAlternatives) -> bytes:
        """The text, for which the server waits from here on."""
        if self._is_amid:
            waits_for, self._awaited = self._awaited, None
            return waits_for.source if waits_for is not None and waits_for.mail is mail else self._out_of_step()
        try:
            source = self._source_of(mail)
        except Unwritable:
            self.forget()
            raise
        try:
            code, text = self._backend.connection.docmd("DATA")
        except (OSError, smtplib.SMTPException) as exc:
            self._cut()
            raise Dropped(type(exc).__name__) from exc
        if code != SMTP_GO_AHEAD:
            raise self._refusal(code, text)
        return source

    def _source_of(self, mail: EmailMultiAlternatives) -> bytes:
        if remembers_keys_for():
            mail.extra_headers[SMTP_KEY] = key_of(mail)
        try:
            return wire_form(mail)
        except Exception as exc:
            raise Unwritable(type(exc).__name__) from exc

    def _takes_several(self) -> bool:
        return self._backend.connection.has_extn(PIPELINING)

    def _asked(self, commands: tuple[str, ...]) -> list[Answer]:
        """What the server says to these: to all at once where it takes them so, else until it says no."""
        smtp, answers = self._backend.connection, []
        try:
            if self._takes_several():
                smtp.send(_lines(commands))
                return self._answers(len(commands))
            for command in commands:
                answers.append(smtp.docmd(command))
                if answers[-1][0] not in TAKEN:
                    break
        except (OSError, smtplib.SMTPException) as exc:
            self._cut()
            raise Dropped(type(exc).__name__) from exc
        return answers

    def _answers(self, count: int) -> list[Answer]:
        """So many answers, fewer where the server says that it is about to go."""
        smtp, answers = self._backend.connection, []
        while len(answers) < count and (not answers or answers[-1][0] != SMTP_CLOSING):
            if QUICKACK is not None:
                smtp.sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            answers.append(smtp.getreply())
        return answers

    def _check_envelope(self, answers: list[Answer]) -> None:
        for (code, text), about_address in zip(answers, (False, True), strict=False):
            if code not in TAKEN:
                raise self._refusal(code, text, about_address=about_address)

    def _check_what_went_ahead(self) -> None:
        """The server took its envelope and waits for its text; anything else is raised, with the connection fit for the next
        message."""
        try:
            *envelope, (code, text) = self._answers(len(self._ahead.commands))
        except (OSError, smtplib.SMTPException) as exc:
            self._cut()
            raise Dropped(type(exc).__name__) from exc
        asked, self._ahead = self._ahead, None
        if code == SMTP_GO_AHEAD and any(said not in TAKEN for said, _ in envelope):
            self._cut()  # let on in spite of its no (RFC 2920, 3.1): without a final dot it has taken nothing
        self._check_envelope(envelope)
        if code != SMTP_GO_AHEAD:
            raise self._refusal(code, text)
        self._awaited = asked

    def _refusal(self, code: int, text: bytes, *, about_address: bool = False) -> RelayError:
        """The error for a reply that is not the hoped-for one; leaves the connection fit for the next message."""
        if code in {SMTP_CLOSING, NO_REPLY}:
            self._cut()  # it is about to close anyway
        else:
            self.forget()
        return Refused(code, text, about_address=about_address) if 400 <= code < 600 else Dropped(f"odd reply {code}")

    def _cut(self) -> None:
        connection, self._backend.connection = self._backend.connection, None
        self._following = self._ahead = self._awaited = None
        if connection is not None:
            connection.close()


class ServiceRelay:
    """A provider's API (or a test's outbox) behind Django's mail backend: one call, so the marker stands before it.

    The message's reference goes along as metadata: the provider's events bring it back, also where its answer was lost.
    """

    def __init__(self, backend: BaseEmailBackend) -> None:
        self._backend = backend
        address = getattr(backend, "api_url", "")
        self.breaker = breaker_of(f"{type(backend).__module__}.{type(backend).__name__} {address}")

    def open(self) -> None:
        try:
            self._backend.open()
        except Exception as exc:
            raise Unreachable(type(exc).__name__) from exc

    def close(self) -> None:
        self._backend.close()

    def envelope(self, mail: EmailMultiAlternatives) -> None:
        """Nothing to ask before."""

    def ahead(self, mail: EmailMultiAlternatives) -> None:
        """Each is a call of its own."""

    def forget(self) -> None:
        """Nothing was begun."""

    def hand_over(self, mail: EmailMultiAlternatives, still_fresh: Callable[[], bool]) -> str:
        if not still_fresh():
            raise Stale("stale")
        if getattr(self._backend, "esp_name", None) not in {None, *WITHOUT_METADATA}:
            mail.metadata = {REF: mail.extra_headers.get(REF_HEADER, "")}
        has_key = self._send_key(mail)
        try:
            self._backend.send_messages([mail])
        except Exception as exc:
            if has_key and _was_taken_before(exc):
                return ""
            raise _meaning(exc, has_key=has_key) from exc
        return str(getattr(getattr(mail, "anymail_status", None), "message_id", None) or "")

    def _send_key(self, mail: EmailMultiAlternatives) -> bool:
        session = getattr(self._backend, "session", None)
        if not remembers_keys_for() or not isinstance(session, requests.Session):
            return False
        session.headers[HTTP_KEY] = key_of(mail)
        return True


def remembers_keys_for() -> timedelta:
    """How long the relay drops a copy of what it took, handed over under the same key. None at all for most relays."""
    return timedelta(hours=settings.OUTBOX_IDEMPOTENT_HOURS)


def key_of(mail: EmailMultiAlternatives) -> str:
    """The same for every copy of a message to one address: its reference. To another address it is another mail."""
    address = hashlib.sha256(mail.to[0].casefold().encode()).hexdigest()[:8]
    return f"{mail.extra_headers.get(REF_HEADER, '')}-{address}"


def _was_taken_before(exc: Exception) -> bool:
    """The provider knows the key, with another text: it took the first copy. Each copy carries private links of its own,
    so no two have the same text."""
    if getattr(exc, "status_code", None) != CONFLICT:
        return False
    try:
        return exc.response.json().get("name") == ANOTHER_TEXT
    except (AttributeError, ValueError):
        return False


def _meaning(exc: Exception, *, has_key: bool = False) -> RelayError:
    """What a provider's answer, or its silence, says about the message."""
    status = getattr(exc, "status_code", None) or 0
    if isinstance(exc, NEVER_ASKED):
        return Unwritable(type(exc).__name__)
    if has_key and status == CONFLICT:
        return InDoubt("http 409")  # the first copy is still being looked at
    if isinstance(exc, AnymailRecipientsRefused):
        return Refused(550, "5.1.1", about_address=True)
    if status in NOT_LET_IN:
        return Unreachable(f"http {status}")
    if _never_connected(exc):
        return Unreachable("NoConnection")
    if status == 429:
        return Refused(451, "")
    if 400 <= status < 500:
        return Refused(554, "")
    return InDoubt(type(exc).__name__)


def _never_connected(exc: BaseException) -> bool:
    """No connection came about, so nothing was sent. A connection that broke later leaves a doubt."""
    if isinstance(exc, requests.ConnectTimeout):
        return True
    # The mail library passes on the kind of the error; what lay under it hangs on the error that it caught.
    met = exc.__cause__ if isinstance(exc.__cause__, requests.ConnectionError) else exc
    if not isinstance(met, requests.ConnectionError) or not met.args:
        return False
    return isinstance(getattr(met.args[0], "reason", None), NewConnectionError)


Relay = SmtpRelay | ServiceRelay


def from_settings() -> Relay:
    backend = get_connection(fail_silently=False)
    return SmtpRelay(backend) if isinstance(backend, EmailBackend) else ServiceRelay(backend)


@lru_cache(maxsize=64)
def plain_address(address: str) -> str:
    """`Clinic <a@b>` to `a@b`, the domain as mail servers spell it. Raises UnicodeError for a domain that has no such
    spelling, and for a local part that is not ASCII: few relays take one, and a patient must not be left to luck."""
    if PLAIN.fullmatch(address):
        return address
    local, _, domain = parseaddr(address)[1].rpartition("@")
    local.encode("ascii")
    plain = f"{local}@{punycode(domain)}"
    if not plain.isprintable():
        raise UnicodeError("An address is one line.")
    return plain


def _envelope_of(mail: EmailMultiAlternatives) -> tuple[str, str]:
    """The two commands, in order."""
    return f"MAIL FROM:<{_sender(mail)}>", f"RCPT TO:<{_recipient(mail)}>"


def _recipient(mail: EmailMultiAlternatives) -> str:
    try:
        return plain_address(mail.to[0])
    except UnicodeError as exc:
        raise Refused(553, "5.1.3 not an address", about_address=True) from exc


def _sender(mail: EmailMultiAlternatives) -> str:
    # The clinic's own address: no patient's is to blame for it.
    try:
        return plain_address(mail.from_email)
    except UnicodeError as exc:
        raise Unwritable(type(exc).__name__) from exc


def _lines(commands: tuple[str, ...]) -> bytes:
    return "".join(f"{command}\r\n" for command in commands).encode("ascii")


def wire_form(mail: EmailMultiAlternatives) -> bytes:
    """The source with CRLF, leading dots doubled and the final dot."""
    return mime.stuffed(mime.source(mail))


def queue_id(answer: bytes | str) -> str:
    """The relay's own name for what it took, from its 250."""
    words = answer.decode("ascii", "replace") if isinstance(answer, bytes) else answer
    found = QUEUE_ID.search(words)
    return found.group(1) if found else ""


class Breaker:
    """Ten connections in a row that could not be made: stop knocking for a minute. One for each relay, in each process."""

    def __init__(
        self, failures: int = 10, pause_seconds: float = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit, self.pause_seconds, self._clock = failures, pause_seconds, clock
        self.failures, self._open_until = 0, 0.0

    @property
    def is_open(self) -> bool:
        return self._clock() < self._open_until

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= self.limit:
            self._open_until = self._clock() + self.pause_seconds

    def worked(self) -> None:
        self.failures, self._open_until = 0, 0.0


_breakers: dict[str, Breaker] = {}


def breaker_of(address: str) -> Breaker:
    """The breaker of the relay at this address. One that is away says nothing of another."""
    return _breakers.setdefault(address, Breaker())
