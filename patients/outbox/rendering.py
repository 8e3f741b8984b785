"""From a row to a mail: written from what is true now, in the clinic's own time, kept as it was sent."""

import hashlib
from dataclasses import dataclass
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

from patients.outbox import kinds
from patients.outbox.models import Message


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

    @property
    def sha256(self) -> str:
        """Of everything she reads; a message without a file has the hash of its words alone."""
        attached = (self.attachment.name, self.attachment.content_type, self.attachment.text) if self.attachment else ()
        return hashlib.sha256("\0".join((self.subject, self.text, self.html, *attached)).encode()).hexdigest()

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
        context = _context(message, kind) | words
        text = _render(f"{kind.template}.txt", context, autoescape=False)
        html = _inliner().inline(_render(f"{kind.template}.html", context, autoescape=True))
        attachment = kind.attachment(message, words) if kind.attachment else None
    return Letter(
        message=message,
        to_address=message.patient.email,
        # On a lock screen it must say nothing: no name, no treatment, no body area.
        subject=f"A message from {message.clinic.sender_name}",
        text=text.strip() + "\n",
        html=html,
        version=kind.version,
        unsubscribe_url="" if kind.essential else context.get("unsubscribe_url", ""),
        attachment=attachment,
    )


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
