"""The words of a message for the person who looks at it: those that left, or those that would leave now."""

from dataclasses import dataclass

from patients.outbox import kinds, rendering, suppression
from patients.outbox.kinds import Attachment
from patients.outbox.models import OPEN, Message, State


@dataclass(frozen=True)
class Text:
    """`was_sent`: these very words left. `would_not_go`: why the worker would stop it if it left now. `version` and `language`
    of the text it was written by; no language: of before there were several."""

    to_address: str
    subject: str
    body: str
    was_sent: bool
    would_not_go: str = ""
    attachment: Attachment | None = None
    version: int = 0
    language: str = ""


def text_of(message: Message) -> Text | None:
    """None where nothing was sent and nothing will be."""
    if message.handed_off_at is not None or message.sent_at is not None:
        return Text(
            message.to_address,
            message.subject,
            message.body_text,
            was_sent=True,
            attachment=_attached(message),
            version=message.template_version,
            language=message.template_language,
        )
    if message.state not in (*OPEN, State.SENDING):
        return None
    try:
        stops = _stops(message)
        is_shared = message.patient_id in suppression.sharing([message.patient])
        letter = rendering.write(message, is_shared=is_shared)
    except Exception:  # whatever breaks it now may be put right before it leaves; the page must still open
        return Text(message.patient.email, "", "", was_sent=False, would_not_go="It cannot be written as things stand.")
    return Text(
        letter.to_address,
        letter.subject,
        letter.text,
        was_sent=False,
        would_not_go=stops,
        attachment=letter.attachment,
        version=letter.version,
        language=letter.language,
    )


def _attached(message: Message) -> Attachment | None:
    """The file that left with it."""
    if not message.attachment_name:
        return None
    return Attachment(message.attachment_name, message.attachment_type, message.attachment_text)


def _stops(message: Message) -> str:
    kind = kinds.get(message.kind)
    barred = suppression.why_not(message.patient, kind)
    return barred.sentence if barred else kind.still_wanted(message) or ""
