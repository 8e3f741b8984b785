"""A mail as the bytes that go over the wire, written straight away.

The standard library makes a tree of parts and asks each of them how to fold itself: for a text, the same in HTML and now and
then a file that is most of what sending a message takes. A test holds this against what Django's own mail would say.
"""

import secrets
from collections.abc import Iterable
from email.generator import BytesGenerator
from email.message import Message
from email.policy import Compat32
from email.quoprimime import body_encode
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, forbid_multi_line_headers

CRLF, FOLD = "\r\n", "\n"
LINE_END = b"\r\n"
ENCODING = "utf-8"
# RFC 5321, 4.5.3.1.6, without the line's end. What is longer is written in a way that breaks lines.
LONGEST_LINE = 998
# From here on a header of plain letters is folded as well.
LONGEST_HEADER = 76


def source(mail: EmailMultiAlternatives) -> bytes:
    """The whole mail, each line ended with CRLF: the words, the same in other forms, and the parts that are attached.

    Raises what Django raises for a header that no mail can carry, TypeError for a file that is no part yet.
    """
    bodies = [_text(mail.body, "plain")] if mail.body or not mail.alternatives else []
    bodies += [_text(other.content, other.mimetype.removeprefix("text/")) for other in mail.alternatives]
    content = _several("alternative", bodies) if mail.alternatives else bodies[0]
    if mail.attachments:
        content = _several("mixed", [content, *map(_attached, mail.attachments)])
    return b"".join(_headers(mail)) + content


def stuffed(content: bytes) -> bytes:
    """A mail's bytes as they follow DATA: dots that begin a line doubled, and the one that ends it (RFC 5321, 4.5.2)."""
    wired = content.replace(b"\r\n.", b"\r\n..")
    if wired.startswith(b"."):
        wired = b"." + wired
    return wired + (b".\r\n" if wired.endswith(LINE_END) else b"\r\n.\r\n")


def _headers(mail: EmailMultiAlternatives) -> Iterable[bytes]:
    yield b"MIME-Version: 1.0\r\n"
    # The same for every mail of a clinic.
    yield _same_header("Subject", mail.subject)
    yield _same_header("From", mail.from_email)
    yield _header("To", ", ".join(mail.to))
    if mail.reply_to:
        yield _same_header("Reply-To", ", ".join(mail.reply_to))
    yield _header("Date", formatdate(localtime=settings.EMAIL_USE_LOCALTIME))
    for name, value in mail.extra_headers.items():
        yield _header(name, str(value))


def _header(name: str, value: str) -> bytes:
    if len(name) + len(value) > LONGEST_HEADER or not (value.isascii() and value.isprintable()):
        name, value = forbid_multi_line_headers(name, value, ENCODING)
    return _line(name, value)


_same_header = lru_cache(maxsize=256)(_header)


def _line(name: str, value: str) -> bytes:
    # Only where it was folded: other ends of lines that Python knows are letters here.
    return f"{name}: {CRLF.join(value.split(FOLD))}{CRLF}".encode("ascii")


def _text(words: str, kind: str) -> bytes:
    body = CRLF.join(words.replace(CRLF, "\n").replace("\r", "\n").split("\n")).encode()
    if max(map(len, body.split(LINE_END))) > LONGEST_LINE:
        how, body = "quoted-printable", body_encode(body.decode("latin-1"), eol=CRLF).encode("ascii")
    else:
        how = "7bit" if words.isascii() else "8bit"
    head = f'Content-Type: text/{kind}; charset="{ENCODING}"\r\nContent-Transfer-Encoding: {how}\r\n\r\n'
    return head.encode() + body


def _several(kind: str, parts: Iterable[bytes]) -> bytes:
    boundary = f"=_{secrets.token_hex(16)}"
    begin = f"--{boundary}{CRLF}".encode()
    return b"".join(
        [
            f'Content-Type: multipart/{kind}; boundary="{boundary}"{CRLF}{CRLF}'.encode(),
            *(begin + part + LINE_END for part in parts),
            f"--{boundary}--{CRLF}".encode(),
        ]
    )


class AsWritten(Compat32):
    """Header lines as they were made, folded already."""

    def fold_binary(self, name: str, value: str) -> bytes:
        return _line(name, str(value))


AS_WRITTEN = AsWritten(linesep=CRLF)


def _attached(part: Message) -> bytes:
    if not isinstance(part, Message):
        raise TypeError("A file is attached as a part of the standard library.")
    written = BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=AS_WRITTEN).flatten(part)
    return written.getvalue()
