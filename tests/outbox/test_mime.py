"""The bytes that we write ourselves say what Django's own mail says, part for part, whatever stands in it."""

from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.mime.base import MIMEBase

import pytest
from django.core.mail import BadHeaderError, EmailMultiAlternatives
from hypothesis import example, given, settings
from hypothesis import strategies as st

from patients.outbox import kinds, mime, relay, rendering

# Whatever the database can hold.
ANYTHING = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
ONE_LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)
WORDS = st.text(ANYTHING, max_size=400)
LONG = st.builds(lambda letter, times: letter * times, ANYTHING, st.integers(900, 2500))
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters='<>"\\'), max_size=40)
TOKEN = "gKx2" * 10
ASIDE = ("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Date")


def a_mail(
    *, subject: str = "A message from Alder Lane", text: str = "Dear Leila,\n", html: str = "<p>Dear Leila,</p>",
    sender: str = "Alder Lane", to: str = "leila@post.example", stop: str = "", file: kinds.Attachment | None = None,
) -> EmailMultiAlternatives:  # fmt: skip
    """As `Letter.mail` makes it."""
    headers = {
        "Message-ID": "<5f0c7a52@clinic.example>",
        "X-Clinic-Ref": "5f0c7a52",
        "Auto-Submitted": "auto-generated",
    }
    if stop:
        headers |= {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    mail = EmailMultiAlternatives(
        subject=subject, body=text, from_email=rendering.formataddr((sender, "clinic@test.invalid")), to=[to],
        reply_to=["desk@clinic.example"], headers=headers,
    )  # fmt: skip
    mail.attach_alternative(html, "text/html")
    if file is not None:
        mail.attach(rendering._part(file))
    return mail


def headers_of(message) -> list[tuple[str, str]]:
    """Wherever a line was folded."""
    return sorted((name, " ".join(str(value).split())) for name, value in message.items() if name not in ASIDE)


def leaves_of(message) -> list[tuple]:
    """Each part that is not itself made of parts: its kind, name and content."""
    return [
        (part.get_content_type(), part.get_content_charset(), part.get_filename(), part.get_payload(decode=True))
        for part in message.walk()
        if not part.is_multipart()
    ]


def shape_of(message) -> list[str]:
    return [part.get_content_type() for part in message.walk()]


def one_kind_of_line_end(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def both(mail: EmailMultiAlternatives):
    """Ours and Django's, read back."""
    ours = message_from_bytes(mime.source(mail), policy=policy.default)
    theirs = message_from_bytes(mail.message().as_bytes(linesep="\r\n"), policy=policy.default)
    return ours, theirs


def assert_same(mail: EmailMultiAlternatives) -> None:
    ours, theirs = both(mail)
    assert shape_of(ours) == shape_of(theirs)
    assert headers_of(ours) == headers_of(theirs)
    for mine, other in zip(leaves_of(ours), leaves_of(theirs), strict=True):
        assert mine[:3] == other[:3]
        assert one_kind_of_line_end(mine[3]) == one_kind_of_line_end(other[3])
    assert not [part.defects for part in ours.walk() if part.defects]


@settings(deadline=None)
@given(text=WORDS | LONG, html=WORDS | LONG)
@example(text="", html="")
@example(text="a\r\nb\rc\n\n", html="é" * 600)
@example(text=".\n..\nFrom here\n.", html="<p>\u2028\x85\x0b</p>")
def test_any_words_arrive_as_djangos_mail_would_bring_them(text, html):
    assert_same(a_mail(text=text, html=html))


@settings(deadline=None)
@given(sender=NAMES, subject=ONE_LINE)
@example(sender="Siân O'Brien, Skin & Co.", subject="A message from Siân O'Brien, Skin & Co.")
@example(sender="(a) [b] @ c:d;", subject="=?utf-8?q?x?=")
@example(sender="皮膚科" * 12, subject="x" * 200)
def test_any_name_of_a_clinic_stands_in_the_headers_as_django_writes_it(sender, subject):
    assert_same(a_mail(sender=sender, subject=subject))


@pytest.mark.parametrize(
    "to",
    [
        "leila@post.example", "leila+clinic@post.example", "leila@müller.example", "l.o'brien@post.example",
        '"odd local"@post.example', "x" * 60 + "@" + "d" * 60 + ".example",
    ],
)  # fmt: skip
def test_any_address_stands_in_the_mail_as_django_writes_it(to):
    assert_same(a_mail(to=to))


@settings(deadline=None)
@given(text=WORDS, name=st.sampled_from(["visit.ics", "Ihr Termin.ics", "a;b.ics"]))
@example(text=".\r\n" + "é" * 300 + "\r\nEND\r\n", name="visit.ics")
def test_a_file_arrives_byte_for_byte(text, name):
    file = kinds.Attachment(name, "text/calendar; method=PUBLISH; charset=utf-8", text)
    mail = a_mail(file=file, stop=f"https://clinic.example/my/{TOKEN}/stop/")
    assert_same(mail)
    (attached,) = both(mail)[0].iter_attachments()
    assert attached.get_payload(decode=True) == text.encode()
    assert attached.get_filename() == name


@settings(deadline=None)
@given(text=WORDS | LONG, html=WORDS | LONG)
def test_what_goes_over_the_wire_has_whole_short_lines_and_one_end(text, html):
    mail = a_mail(text=text, html=html)
    wire = relay.wire_form(mail)
    lines = wire.split(b"\r\n")
    assert b"\r" not in b"".join(lines) and b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= mime.LONGEST_LINE + 1
    # Nothing in it ends it, but its end.
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    received = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines[:-2]) + b"\r\n"
    assert leaves_of(message_from_bytes(received)) == leaves_of(message_from_bytes(mime.source(mail)))


@pytest.mark.parametrize(("words", "how"), [("plain", "7bit"), ("é", "8bit"), ("é" * 999, "quoted-printable")])
def test_words_travel_as_plainly_as_their_lines_allow(words, how):
    ours, theirs = both(a_mail(text=words, html=words))
    for message in (ours, theirs):
        assert [part["Content-Transfer-Encoding"] for part in message.iter_parts()] == [how, how]


@pytest.mark.parametrize("where", ["subject", "to", "stop"])
def test_a_header_of_two_lines_is_refused_as_django_refuses_it(where):
    mail = a_mail(**{where: "one\r\nBcc: everybody@post.example"})
    with pytest.raises(BadHeaderError):
        mail.message()
    with pytest.raises(BadHeaderError):
        mime.source(mail)


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_what_python_takes_for_the_end_of_a_line_begins_no_header(end):
    """Not even where Django refuses the whole mail for it: that is a fault of one message."""
    for mail in (a_mail(subject=f"one{end}Bcc: x@post.example"), a_mail(sender=f"two{end}Bcc: x@post.example")):
        try:
            lines = mime.source(mail).split(b"\r\n")
        except HeaderParseError:
            continue
        assert not [line for line in lines if line.startswith(b"Bcc")]


def test_only_a_part_can_be_attached():
    mail = a_mail()
    mail.attach("visit.ics", "BEGIN:VCALENDAR", "text/calendar")
    with pytest.raises(TypeError):
        mime.source(mail)
    mail.attachments = [MIMEBase("text", "plain")]
    assert mime.source(mail)


def test_no_two_mails_share_a_boundary():
    mail = a_mail(file=kinds.Attachment("visit.ics", "text/calendar; charset=utf-8", "x"))
    boundaries = {part.get_boundary() for _ in range(3) for part in both(mail)[0].walk() if part.is_multipart()}
    assert len(boundaries) == 6


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("leila@post.example", "leila@post.example"),
        ("Alder Lane <clinic@post.example>", "clinic@post.example"),
        ("leila@müller.example", "leila@xn--mller-kva.example"),
        ("Leila@POST.example", "Leila@POST.example"),
        ('"odd local"@post.example', '"odd local"@post.example'),
    ],
)
def test_an_address_is_said_as_mail_servers_spell_it(address, plain):
    assert relay.plain_address(address) == plain


@pytest.mark.parametrize(
    "address", ["leïla@post.example", "a@b..c", f"a@{'d' * 64}.example", "a@" + "ü" * 60 + ".example"]
)
def test_an_address_that_no_mail_server_can_spell_is_none(address):
    with pytest.raises(UnicodeError):
        relay.plain_address(address)
