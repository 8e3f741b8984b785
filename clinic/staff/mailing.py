"""Mails to those who work here: asked for in the transaction that causes them, written and sent by a worker.

A worker takes one row at a time: it claims it (`sending`), hands the mail over outside any transaction, and settles it. A
mail server that cannot be reached has taken nothing: the row waits for the next ring. Once the mail was on its way and no
answer came, nobody knows: `unknown`, and a person decides. So nothing is sent twice of its own accord.
"""

import hashlib
import logging
import secrets
import smtplib
from datetime import timedelta

from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from clinic import audit
from clinic.celery import app
from clinic.errors import explained
from clinic.models import Clinic, Invitation, StaffMail, User
from clinic.staff import letters

log = logging.getLogger(__name__)

SEND = "clinic.tasks.send_staff_mails"
TOKEN_BYTES = 32
LASTS = timedelta(hours=72)
# Shorter than beat's 30 seconds, so that each ring tries anew what a closed mail server has left.
TRY_AGAIN_AFTER = timedelta(seconds=25)
# Longer than a task may run (two minutes): by then nobody is still handing it over.
IN_DOUBT_AFTER = timedelta(minutes=5)
CLOSED, REFUSED, BAD_ADDRESS, OVER, UNWRITABLE = "closed", "refused", "bad_address", "over", "unwritable"

# The server has said no to the mail as it stands.
SAID_NO = (smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPHeloError, smtplib.SMTPNotSupportedError)
NOT_READ = (400, 500)


class NotTaken(Exception):
    """Certain: the mail server has not taken it. `error` is the code; `may_wait`: the next ring tries again."""

    def __init__(self, error: str, *, may_wait: bool = False) -> None:
        super().__init__(error)
        self.error, self.may_wait = error, may_wait


def ask(
    *, clinic: Clinic, kind: str, by: User, user: User | None = None, invitation: Invitation | None = None
) -> StaffMail:
    """Have a mail sent, once what is done now is committed. Raises ConstraintRefused while one for the same invitation is on
    its way."""
    with explained(), transaction.atomic():
        mail = StaffMail.objects.create(clinic=clinic, kind=kind, user=user, invitation=invitation, asked_by=by)
    audit.record("staff_mail.asked", mail, by=by, kind=kind)
    transaction.on_commit(ring, robust=True)
    return mail


def forget(*, older_than: timedelta) -> int:
    """Mails that were settled so long ago, in real time; what waits stays. Of each clinic the last one that left stays too: it
    is how "mails leave" is known. Returns how many."""
    sent = StaffMail.State.SENT
    later = StaffMail.objects.filter(clinic=OuterRef("clinic"), state=sent, pk__gt=OuterRef("pk"))
    old = StaffMail.objects.filter(~Q(state=sent) | Exists(later), settled_at__lt=Now() - older_than)
    return old.delete()[0]


def ring() -> None:
    """Tell a worker to look now. Nothing depends on it: beat rings too."""
    try:
        app.send_task(SEND, expires=25, retry=False, ignore_result=True)
    except Exception as exc:  # whatever a broker's client may raise: the row is written, the next ring finds it
        log.warning("The bell for staff mails did not ring (%s); beat's will.", type(exc).__name__)


def send_waiting() -> int:
    """Send what waits. Returns how many left. Harmless at any time and twice at once."""
    _leave_to_people()
    sent = 0
    while (claimed := _claim()) is not None:
        try:
            _hand_over(*claimed)
        except NotTaken as refusal:
            _settle_not_taken(*claimed, refusal)
            if refusal.error == CLOSED:
                break  # for the others it is closed as well
        except Exception as exc:  # the line broke when the mail may have left: nobody knows
            log.warning("A staff mail is in doubt (%s).", type(exc).__name__)
            _settle(claimed[0], StaffMail.State.UNKNOWN)
        else:
            sent += 1
            _settle(claimed[0], StaffMail.State.SENT)
    return sent


def _leave_to_people() -> None:
    """A worker that was killed while it handed a mail over has settled nothing."""
    lost = StaffMail.objects.filter(state=StaffMail.State.SENDING, claimed_at__lt=Now() - IN_DOUBT_AFTER)
    lost.update(state=StaffMail.State.UNKNOWN, settled_at=Now())


@transaction.atomic
def _claim() -> tuple[StaffMail, str] | None:
    """The next mail, with the token it will carry; committed as `sending` before anything leaves. None of a clinic whose data
    came out of a backup, until a manager releases its mail."""
    due = Q(claimed_at=None) | Q(claimed_at__lt=Now() - TRY_AGAIN_AFTER)
    waiting = StaffMail.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        due, state="waiting", clinic__restoration=None
    )
    mail = waiting.select_related("clinic", "user", "asked_by").order_by("pk").first()
    if mail is None:
        return None
    token = _token_for(mail) if mail.invitation_id else ""
    StaffMail.objects.filter(pk=mail.pk).update(state=StaffMail.State.SENDING, claimed_at=Now(), error="")
    return mail, token


def _token_for(mail: StaffMail) -> str:
    """A new one with every mail, so that only this mail has it. Empty where the invitation is over meanwhile."""
    invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=mail.invitation_id)
    mail.invitation = invitation
    if not invitation.is_open:
        return ""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    Invitation.objects.filter(pk=invitation.pk).update(token_sha256=hash_of(token), expires_at=Now() + LASTS)
    return token


def hash_of(token: str) -> str:
    """SHA-256 of a token, as it is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def _hand_over(mail: StaffMail, token: str) -> None:
    """Raises NotTaken where that is certain; anything else leaves it in doubt."""
    if mail.invitation_id and not token:
        raise NotTaken(OVER)
    try:
        letter = letters.write(mail, token)
        connection = get_connection()
    except Exception as exc:  # a text or a setting of ours: nothing has left
        raise NotTaken(UNWRITABLE) from exc
    _open(connection)
    try:
        letter.connection = connection
        letter.send()
    except (smtplib.SMTPRecipientsRefused, AnymailRecipientsRefused) as exc:
        raise NotTaken(BAD_ADDRESS) from exc
    except SAID_NO as exc:
        raise NotTaken(REFUSED, may_wait=_is_for_now(exc)) from exc
    except AnymailAPIError as exc:
        if exc.status_code is None or not NOT_READ[0] <= exc.status_code < NOT_READ[1]:
            raise
        raise NotTaken(REFUSED) from exc
    finally:
        _close(connection)


def _open(connection: BaseEmailBackend) -> None:
    try:
        connection.open()
    except Exception as exc:  # no line, no TLS, no sign-in: nothing has left
        raise NotTaken(CLOSED, may_wait=True) from exc


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except Exception as exc:  # the answer to the mail was read before
        log.info("The line to the mail server broke at the end (%s).", type(exc).__name__)


def _is_for_now(exc: Exception) -> bool:
    return NOT_READ[0] <= getattr(exc, "smtp_code", NOT_READ[1]) < NOT_READ[1]


def _settle(mail: StaffMail, state: str, error: str = "") -> None:
    """Only what this worker still holds: one that woke up late finds `unknown`, and it stays so."""
    mine = StaffMail.objects.filter(pk=mail.pk, state=StaffMail.State.SENDING)
    mine.update(state=state, error=error, settled_at=None if state == StaffMail.State.WAITING else Now())


@transaction.atomic
def _settle_not_taken(mail: StaffMail, token: str, refusal: NotTaken) -> None:
    # Whose mail did not leave has a token that nobody holds. A worker that woke up late leaves that of a later mail alone.
    if mail.invitation_id:
        mine = Invitation.objects.filter(pk=mail.invitation_id, accepted_at=None, withdrawn_at=None)
        mine.filter(token_sha256=hash_of(token)).update(token_sha256=None, expires_at=None)
    state = StaffMail.State.WAITING if refusal.may_wait else StaffMail.State.FAILED
    _settle(mail, state, refusal.error)
