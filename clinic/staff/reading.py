"""How far each invitation has come, in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from clinic.models import Clinic, Invitation, Membership, StaffMail

# What is settled stays on the page for a while, so that a manager sees how it ended.
SHOWN_AFTER = timedelta(days=30)

WHY_NOT = {
    "bad_address": "the mail server does not know this address",
    "refused": "the mail server refused it",
    "unwritable": "the mail could not be written",
    "over": "the invitation was over by then",
}
WAITS = {
    "closed": "not sent yet: the mail server cannot be reached; it is tried again every half minute",
    "refused": "not sent yet: the mail server asks to wait; it is tried again every half minute",
}


@dataclass(frozen=True)
class State:
    """`hue`: of the chip; `label`: its word; `words`: the rest of the sentence; `may_send`: sending (again) is the way on."""

    hue: str
    label: str
    words: str = ""
    may_send: bool = False


def invitations(clinic: Clinic) -> list[Invitation]:
    """Open ones and those that were accepted lately, newest first, each with its `progress`. Two queries."""
    lately = timezone.now() - SHOWN_AFTER
    shown = Q(accepted_at=None, withdrawn_at=None) | Q(accepted_at__gt=lately) | Q(withdrawn_at__gt=lately)
    newest_mail = Prefetch("mails", StaffMail.objects.order_by("-id"), to_attr="mails_newest_first")
    found = list(
        clinic.invitations.filter(shown).select_related("invited_by", "membership").prefetch_related(newest_mail)
    )
    for one in found:
        one.progress = progress(one, one.mails_newest_first[0] if one.mails_newest_first else None)
    return found


def progress(invitation: Invitation, mail: StaffMail | None) -> State:
    now = timezone.now()
    if invitation.accepted_at is not None:
        return State("clear", "Accepted", _when(invitation.accepted_at, now))
    if invitation.withdrawn_at is not None:
        return State("note", "Taken back", _when(invitation.withdrawn_at, now))
    if mail is None:
        return State("ask", "Not sent", "", may_send=True)
    return _of_mail(invitation, mail, now)


def _of_mail(invitation: Invitation, mail: StaffMail, now: datetime) -> State:
    match mail.state:
        case StaffMail.State.WAITING:
            return State("ask", "Waiting", WAITS.get(mail.error, "it is sent within half a minute"))
        case StaffMail.State.SENDING:
            return State("ask", "Being sent", f"since {_when(mail.claimed_at, now)}")
        case StaffMail.State.FAILED:
            why = WHY_NOT.get(mail.error, "the mail server refused it")
            return State("block", "Could not be sent", f"{why}. Look at the address, or try again", may_send=True)
        case StaffMail.State.UNKNOWN:
            return State(
                "unknown",
                "Not known whether it left",
                "ask whether it has arrived before you send another",
                may_send=True,
            )
    if invitation.expires_at is not None and invitation.expires_at <= now:
        return State("caution", "Ran out", f"{_when(invitation.expires_at, now)}: send it again", may_send=True)
    until = _when(invitation.expires_at, now) if invitation.expires_at else ""
    return State("plain", "Sent", f"{_when(mail.settled_at, now)}, works until {until}", may_send=True)


def test_mail_state(mail: StaffMail | None) -> State:
    """How the last test mail fared."""
    now = timezone.now()
    if mail is None:
        return State("ask", "Not tried")
    match mail.state:
        case StaffMail.State.SENT:
            return State("clear", "Sent", f"{_when(mail.settled_at, now)}: look whether it has arrived")
        case StaffMail.State.WAITING | StaffMail.State.SENDING:
            return State("ask", "Waiting", WAITS.get(mail.error, "it is sent within half a minute: look again"))
        case StaffMail.State.UNKNOWN:
            return State("unknown", "Not known whether it left", "look in your mailbox, then try again")
    return State("block", "Could not be sent", WHY_NOT.get(mail.error, "the mail server refused it"))


def _when(moment: datetime, now: datetime) -> str:
    """ "10:42", or with its day where that is another one. Of the clinic's zone, in which every page is written."""
    here, today = timezone.localtime(moment), timezone.localtime(now).date()
    days = (today - here.date()).days
    day = {0: "", 1: "yesterday, "}.get(days, f"{here:%a} {here.day} {here:%b}, ")
    return f"{day}{here:%H:%M}"


def second_factor_words(clinic: Clinic) -> str:
    """Who has none yet: whom to tell before the day comes. One query."""
    without = [str(one) for one in staff_with_factors(clinic) if not one.has_second_factor]
    if not without:
        return "Everybody who works here has one."
    return f"None yet: {', '.join(without)}. They can set one up under Account security in their menu."


def staff_with_factors(clinic: Clinic) -> QuerySet[Membership]:
    """Who works here, each with `has_second_factor`."""
    here = clinic.memberships.filter(is_active=True).select_related("user")
    return here.annotate(has_second_factor=Membership.with_a_second_factor())
