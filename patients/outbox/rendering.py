"""From a row to a mail: written from what is true now, in the clinic's own time, kept as it was sent.

Her private links are the one exception: the text names them in words ("[her private link: visit]"), is kept and shown so,
and their addresses are put in on the wire alone. Whoever reads the ledger cannot open her pages.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email import encoders
from email.mime.base import MIMEBase
from email.utils import formataddr, parseaddr
from functools import cached_property, lru_cache

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from patients.links.purposes import CONTACT, LETTER, Wanted
from patients.outbox import kinds
from patients.outbox.models import Message
from patients.outbox.texts import letters
from patients.outbox.texts.languages import ENGLISH

# The link in the header of optional mail, by which a mail program ends it.
STOP = "stop"


@dataclass(frozen=True)
class Letter:
    """What one message says and to whom. `version` and `language` are those of the text it was written by."""

    message: Message
    to_address: str
    subject: str
    text: str
    html: str
    version: int
    language: str = ENGLISH
    unsubscribe_url: str = ""
    attachment: kinds.Attachment | None = None
    # Those that the text names, by the name it gives them.
    links: Mapping[str, Wanted] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of everything she reads, her links in words; a message without a file has the hash of its words alone."""
        attached = (self.attachment.name, self.attachment.content_type, self.attachment.text) if self.attachment else ()
        return hashlib.sha256("\0".join((self.subject, self.text, self.html, *attached)).encode()).hexdigest()

    def with_links(self, tokens: Mapping[str, str]) -> "Letter":
        """As it goes onto the wire: `tokens` has one for each of `links`. Never to be kept."""
        text, html, stop = self.text, self.html, self.unsubscribe_url
        for words, address in _addresses(tokens).items():
            text, html, stop = text.replace(words, address), html.replace(words, address), stop.replace(words, address)
        return replace(self, text=text, html=html, unsubscribe_url=stop)

    @cached_property
    def mail(self) -> EmailMultiAlternatives:
        clinic = self.message.clinic
        mail = EmailMultiAlternatives(
            subject=self.subject,
            body=self.text,
            from_email=formataddr((clinic.sender_name, sender_address())),
            to=[self.to_address],
            reply_to=[clinic.reply_to] if clinic.reply_to else None,
            headers=self._headers(),
        )
        mail.attach_alternative(self.html, "text/html")
        if self.attachment is not None:
            mail.attach(_part(self.attachment))
        return mail

    def _headers(self) -> dict[str, str]:
        headers = {
            "Message-ID": f"<{self.message.message_id}>",
            # Some relays replace the Message-ID: this one they leave alone.
            "X-Clinic-Ref": str(self.message.ref),
            # So that an absence note does not answer it.
            "Auto-Submitted": "auto-generated",
        }
        if self.unsubscribe_url:
            headers["List-Unsubscribe"] = f"<{self.unsubscribe_url}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers


def sender_address() -> str:
    return _address_of(settings.DEFAULT_FROM_EMAIL)


@lru_cache(maxsize=4)
def _address_of(sender: str) -> str:
    # Parsed once: every message that a booking writes asks for it.
    return parseaddr(sender)[1]


def new_message_id(ref: object) -> str:
    """The Message-ID of a new row, without angle brackets. Made once, so that the mail can be found again."""
    return f"{ref}@{sender_address().rpartition('@')[2] or 'localhost'}"


def write(message: Message, *, is_shared: bool = False) -> Letter:
    """The letter as it would leave now. Changes nothing. `is_shared`: somebody else reads this address too, so what tells
    what is treated stands on a page of hers."""
    kind, patient = kinds.get(message.kind), message.patient
    with timezone.override(message.clinic.tz):
        words = kind.context(message)
        wanted = {CONTACT.code: Wanted(CONTACT.code)} | dict(kind.links(message, words) if kind.links else {})
        if is_shared:
            wanted[LETTER.code] = Wanted(LETTER.code, about=message.ref)
        unsubscribe_url = "" if kind.essential else words.get("unsubscribe_url") or _in_words(STOP)
        links = {name: _in_words(name) for name in wanted}
        written = letters.write(
            message.clinic,
            kind.text,
            reads=patient.language,
            first_name=patient.given_name,
            words=words,
            links=links if kind.essential else links | {STOP: unsubscribe_url},
            is_essential=kind.essential,
            may_be_copy=message.resent,
            is_shared=is_shared,
        )
        attachment = kind.attachment(message, words, written.language) if kind.attachment else None
    named = f"{written.text}\0{written.html}\0{unsubscribe_url}"
    return Letter(
        message=message,
        to_address=patient.email,
        subject=written.subject,
        text=written.text,
        html=written.html,
        version=written.version,
        language=written.language.code,
        unsubscribe_url=unsubscribe_url,
        attachment=attachment,
        links={name: one for name, one in wanted.items() if any(said in named for said in _words_of(name))},
    )


def words_for_her(message: Message) -> str:
    """All that a letter would say now, without its links: for a page of hers."""
    kind, patient = kinds.get(message.kind), message.patient
    with timezone.override(message.clinic.tz):
        words = kind.context(message)
    return letters.write(
        message.clinic,
        kind.text,
        reads=patient.language,
        first_name=patient.given_name,
        words=words,
        links={},
        is_essential=kind.essential,
    ).text


def _addresses(tokens: Mapping[str, str]) -> dict[str, str]:
    """What stands in the text for each link, and where it leads."""
    found = {_in_words(name): link_url(token) for name, token in tokens.items()}
    if CONTACT.code in tokens:
        found[_in_words(STOP)] = f"{link_url(tokens[CONTACT.code])}{STOP}/"
    return found


def _words_of(name: str) -> list[str]:
    """By which words a text names a link; the end of optional mail is part of `contact`."""
    return [_in_words(name), _in_words(STOP)] if name == CONTACT.code else [_in_words(name)]


def _in_words(name: str) -> str:
    return f"[her private link: {name}]"


def link_url(token: str) -> str:
    """Where a token leads: `patients.links.urls` answers there."""
    return f"{settings.BASE_URL}/my/{token}/"


def _part(attachment: kinds.Attachment) -> MIMEBase:
    """In base64: a relay may break long lines of text and change their ends, and a calendar program minds both."""
    part = MIMEBase("text", "plain")
    part.replace_header("Content-Type", attachment.content_type)
    part.add_header("Content-Disposition", "attachment", filename=attachment.name)
    part.set_payload(attachment.text.encode())
    encoders.encode_base64(part)
    return part
