"""A mail relay of our own for demo and tests: accepts over SMTP, delivers to nobody, remembers everything.

What it remembers is the relay's own record: when a worker dies between the final dot and the answer, only this tells
whether the message was taken. So a message is on the disk, under its Message-ID, *before* the 250 is said.

Layout of the folder: `messages/2027-04-20/<key>.mail` holds one line of JSON (the envelope) and the source as it came;
`by-id/ab/<sha256 of the Message-ID>` lists keys. The rename into `messages/` is the moment of acceptance: a key listed
without its file was never answered.
"""

import asyncio
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MESSAGE_BYTES = 25 * 1024 * 1024


@dataclass(frozen=True)
class Attached:
    """A file of a message, as it arrived."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Received:
    """One message as it arrived. `received_at` is real time (UTC), whatever the demo's clock says."""

    key: str
    received_at: datetime
    mail_from: str
    recipients: tuple[str, ...]
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def message_id(self) -> str:
        return bare_id(str(self.message["Message-ID"] or ""))

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def sender(self) -> str:
        return str(self.message["From"] or self.mail_from)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """A template cannot ask the message itself: `message.items` would be its header called "items"."""
        return self.message.items()

    @property
    def text(self) -> str:
        """The plain part, or an empty string."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part as source, or an empty string. Never render it into a page of ours."""
        return self._part("html")

    @property
    def attachments(self) -> list[Attached]:
        """The files that came with it, in order."""
        return [
            Attached(
                name=part.get_filename() or f"file {number}",
                content_type=str(part["Content-Type"] or part.get_content_type()),
                content=part.get_payload(decode=True) or b"",
            )
            for number, part in enumerate(self.message.iter_attachments(), start=1)
        ]

    @property
    def source(self) -> str:
        """What came over the wire, as text."""
        return self.raw.decode("utf-8", errors="replace")

    def _part(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return part.get_content() if part is not None else ""


class MailStore:
    """The messages in one folder. Safe for one writer process and any number of readers.

    `durable=False` leaves out the fsync and is for measurements of the sender.
    """

    def __init__(self, folder: Path | str, *, durable: bool = True) -> None:
        self.folder = Path(folder)
        self.durable = durable

    def add(self, envelope: Envelope) -> Received:
        """Keeps a message; when this returns it survives a power cut."""
        received = self._describe(envelope)
        facts = {
            "received_at": received.received_at.isoformat(),
            "mail_from": received.mail_from,
            "recipients": received.recipients,
        }
        if received.message_id:
            self._append(self._index(received.message_id), f"{received.key}\n".encode())
        draft = self.folder / "drafts" / received.key
        self._append(draft, json.dumps(facts).encode() + b"\n" + received.raw)
        place = self._place(received.key)
        self._make(place.parent)
        draft.rename(place)
        self._sync_folder(place.parent)
        return received

    def get(self, key: str) -> Received | None:
        """The message with this key, or None."""
        try:
            facts, _, raw = self._place(key).read_bytes().partition(b"\n")
        except (OSError, ValueError):
            return None
        described = json.loads(facts)
        return Received(
            key=key,
            received_at=datetime.fromisoformat(described["received_at"]),
            mail_from=described["mail_from"],
            recipients=tuple(described["recipients"]),
            raw=raw,
        )

    def find(self, message_id: str) -> list[Received]:
        """All copies of a message, oldest first; costs the same however many messages there are."""
        try:
            keys = self._index(message_id).read_text().split()
        except FileNotFoundError:
            return []
        return [received for received in map(self.get, keys) if received is not None]

    def latest(self, limit: int, before: str | None = None) -> list[Received]:
        """The newest messages, newest first; with `before`, those older than that key."""
        found: list[Received] = []
        for key in self._keys_newest_first():
            if len(found) == limit:
                break
            if (before is None or key < before) and (received := self.get(key)) is not None:
                found.append(received)
        return found

    def duplicates(self) -> dict[str, int]:
        """Message-IDs that were accepted more than once, with the number of copies."""
        counts: dict[str, int] = {}
        for key in self._keys_newest_first():
            if (received := self.get(key)) is not None:
                counts[received.message_id] = counts.get(received.message_id, 0) + 1
        return {message_id: copies for message_id, copies in counts.items() if message_id and copies > 1}

    def __len__(self) -> int:
        return sum(1 for _ in self._keys_newest_first())

    def _describe(self, envelope: Envelope) -> Received:
        moment = datetime.fromtimestamp(time.time(), UTC)
        content = envelope.original_content if envelope.original_content is not None else envelope.content
        return Received(
            key=f"{moment:%Y-%m-%d-%H%M%S-%f}-{secrets.token_hex(4)}",
            received_at=moment,
            mail_from=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            raw=content.encode() if isinstance(content, str) else bytes(content or b""),
        )

    def _place(self, key: str) -> Path:
        """Where a key's message lies. Raises ValueError for what cannot be a key: it comes from a URL."""
        if not key.replace("-", "").isalnum():
            raise ValueError("not a key")
        return self.folder / "messages" / key[:10] / f"{key}.mail"

    def _index(self, message_id: str) -> Path:
        name = hashlib.sha256(bare_id(message_id).encode()).hexdigest()
        return self.folder / "by-id" / name[:2] / name

    def _keys_newest_first(self) -> Iterator[str]:
        for day in sorted_names(self.folder / "messages"):
            for name in sorted_names(self.folder / "messages" / day):
                yield name.removesuffix(".mail")

    def _append(self, path: Path, content: bytes) -> None:
        self._make(path.parent)
        is_new = not path.exists()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            if self.durable:
                os.fsync(file.fileno())
        if is_new:
            self._sync_folder(path.parent)

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sync_folder(folder.parent)

    def _sync_folder(self, folder: Path) -> None:
        if not self.durable:
            return
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def bare_id(message_id: str) -> str:
    """A Message-ID without the angle brackets some callers keep and some drop."""
    return message_id.strip().removeprefix("<").removesuffix(">")


def sorted_names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder), reverse=True)
    except FileNotFoundError:
        return []


class Manners:
    """How the sink answers; tests override one moment. An answer is an SMTP reply such as "451 4.3.0 Later".

    `DROP` as an answer closes the connection without a word.
    """

    DROP = "drop"

    async def to_sender(self, address: str) -> str | None:
        """At MAIL FROM. None accepts."""
        return None

    async def to_recipient(self, address: str) -> str | None:
        """At RCPT TO. None accepts."""
        return None

    async def before_keeping(self, envelope: Envelope) -> str | None:
        """After the final dot, nothing kept yet. None goes on."""
        return None

    async def after_keeping(self, envelope: Envelope) -> str | None:
        """The message is kept. None says 250; DROP is the lost answer that makes a message `unknown`."""
        return None


class SinkHandler:
    """Turns the moments of an SMTP dialogue into the store and the manners."""

    def __init__(self, store: MailStore, manners: Manners) -> None:
        self.store = store
        self.manners = manners

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:
        answer = await self.manners.to_sender(address)
        if answer is not None:
            return say(server, answer)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:
        answer = await self.manners.to_recipient(address)
        if answer is not None:
            return say(server, answer)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await self.manners.before_keeping(envelope)
        if answer is not None:
            return say(server, answer)
        received = await asyncio.to_thread(self.store.add, envelope)
        answer = await self.manners.after_keeping(envelope)
        return say(server, answer or f"250 2.0.0 Kept as {received.key}")


def say(server: SMTP, answer: str) -> str:
    if answer == Manners.DROP:
        server.transport.abort()
        return "421 4.3.2 Closed"  # nobody hears it
    return answer


class FreePortController(Controller):
    """Knocks at the door the system chose; the library would knock at port 0."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class MailSink:
    """The SMTP server on this machine. `start()` returns its EMAIL_URL; port 0 takes a free one."""

    def __init__(
        self, store: MailStore, *, host: str = "127.0.0.1", port: int = 0, manners: Manners | None = None
    ) -> None:
        self.store = store
        self._controller = FreePortController(
            SinkHandler(store, manners or Manners()),
            hostname=host,
            port=port,
            ident="Stratum mailbox",
            data_size_limit=LARGEST_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
        )

    def start(self) -> str:
        self._controller.start()
        return self.url

    def stop(self) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return self._controller.port

    @property
    def url(self) -> str:
        return f"smtp://{self._controller.hostname}:{self.port}"


class MailboxRecord:
    """The reader that reconciliation asks about messages whose answer got lost (OUTBOX_RELAY_RECORD)."""

    def __init__(self, store: MailStore | None = None) -> None:
        from django.conf import settings

        self.store = store or MailStore(settings.MAILBOX_DIR)

    def accepted(self, message_id: str) -> datetime | None:
        """When the relay took the message, or None when it never did."""
        copies = self.store.find(message_id)
        return copies[0].received_at if copies else None
