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
from functools import cache, cached_property

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template
from django.utils import timezone

from patients.links.purposes import CONTACT, Wanted
from patients.outbox import kinds
from patients.outbox.models import Message

# The link in the header of optional mail, by which a mail program ends it.
STOP = "stop"


@dataclass(frozen=True)
class Letter:
    """What one message says and to whom."""

    message: Message
    to_address: str
    subject: str
    text: str
    html: str
    version: int
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
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def new_message_id(ref: object) -> str:
    """The Message-ID of a new row, without angle brackets. Made once, so that the mail can be found again."""
    return f"{ref}@{sender_address().rpartition('@')[2] or 'localhost'}"


def write(message: Message) -> Letter:
    """The letter as it would leave now. Changes nothing."""
    kind = kinds.get(message.kind)
    with timezone.override(message.clinic.tz):
        words = kind.context(message)
        wanted = {CONTACT.code: Wanted(CONTACT.code)} | dict(kind.links(message, words) if kind.links else {})
        context = _context(message, kind) | _link_words(wanted, essential=kind.essential) | words
        text = _render(f"{kind.template}.txt", context, autoescape=False)
        html = _inliner().inline(_render(f"{kind.template}.html", context, autoescape=True))
        attachment = kind.attachment(message, words) if kind.attachment else None
    unsubscribe_url = "" if kind.essential else context.get("unsubscribe_url", "")
    named = f"{text}\0{html}\0{unsubscribe_url}"
    return Letter(
        message=message,
        to_address=message.patient.email,
        # On a lock screen it must say nothing: no name, no treatment, no body area.
        subject=f"A message from {message.clinic.sender_name}",
        text=text.strip() + "\n",
        html=html,
        version=kind.version,
        unsubscribe_url=unsubscribe_url,
        attachment=attachment,
        links={name: one for name, one in wanted.items() if any(said in named for said in _words_of(name))},
    )


def _link_words(wanted: Mapping[str, Wanted], *, essential: bool) -> dict:
    words = {"links": {name: _in_words(name) for name in wanted}}
    return words if essential else words | {"unsubscribe_url": _in_words(STOP)}


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


def _context(message: Message, kind: kinds.Kind) -> dict:
    return {
        "clinic": message.clinic,
        "first_name": message.patient.given_name,
        "may_be_copy": message.resent,
        "essential": kind.essential,
    }


def _part(attachment: kinds.Attachment) -> MIMEBase:
    """In base64: a relay may break long lines of text and change their ends, and a calendar program minds both."""
    part = MIMEBase("text", "plain")
    part.replace_header("Content-Type", attachment.content_type)
    part.add_header("Content-Disposition", "attachment", filename=attachment.name)
    part.set_payload(attachment.text.encode())
    encoders.encode_base64(part)
    return part


def _render(template: str, context: dict, *, autoescape: bool) -> str:
    # Plain text has nothing to escape: "O'Brien" must not arrive as an entity.
    return get_template(template).template.render(Context(context, autoescape=autoescape))


@cache
def _inliner() -> css_inline.CSSInliner:
    """Mail programs drop style sheets; ours is written into the elements."""
    css = _render("messages/mail.css", {}, autoescape=False)
    return css_inline.CSSInliner(extra_css=css, load_remote_stylesheets=False)
