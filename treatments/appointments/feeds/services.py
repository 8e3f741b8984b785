"""Giving a clinician's calendar an address, and giving it up."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError
from clinic.models import Membership, User
from clinic.roles import Role
from treatments.appointments.feeds.models import CalendarFeed
from treatments.appointments.feeds.reading import hash_of

TOKEN_BYTES = 32
# Calendar programs ask every few minutes: not each time is written down.
NOTED_EVERY = timedelta(hours=1)


@transaction.atomic
def make_address(*, membership: Membership, by: User) -> str:
    """A new secret for the clinician's calendar; the one before stops working at once. It is returned and never kept.

    Written in small hexadecimal letters, which the logs recognise and take out. Raises DomainError where she sees no
    patients, or where somebody else asks: an address opens her diary to whoever holds it.
    """
    membership = _locked(membership)
    if by.pk != membership.user_id:
        raise DomainError("Only the clinician herself can make this address. Ask her to open the page of her calendar.")
    if not (membership.sees_patients and membership.is_active and membership.has(Role.CLINICIAN)):
        raise DomainError("You have no visits of your own here, so there is no calendar to read.")
    _give_up(membership, by=by)
    token = secrets.token_hex(TOKEN_BYTES)
    feed = CalendarFeed.objects.create(membership=membership, token_sha256=hash_of(token), made_by=by)
    audit.record("calendar.address_made", feed, by=by, clinic=membership.clinic, of=str(membership.ref))
    return token


@transaction.atomic
def give_up_address(*, membership: Membership, by: User) -> None:
    """Nobody can read the calendar under its address any more. The clinician herself and managers may do it.

    Where there is none nothing happens: a second press finds what the first one did.
    """
    membership = _locked(membership)
    if by.pk != membership.user_id and not _is_manager(by, membership):
        raise DomainError("Only the clinician herself or a manager can give up this address.")
    _give_up(membership, by=by)


def end_with_her_work(membership: Membership, by: User) -> None:
    """Whoever leaves, or sees no patients any more, takes no diary along; coming back does not open the address again.

    Called where that is written (`clinic.resources.leaving`), with the membership locked.
    """
    _give_up(membership, by=by)


def note_read(feed: CalendarFeed, *, now: datetime) -> None:
    """That the address is in use, to the hour."""
    if feed.last_read_at is None or feed.last_read_at < now - NOTED_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(last_read_at=now)


def _locked(membership: Membership) -> Membership:
    """Two presses at once come one after the other, also where there is no address yet."""
    return (
        Membership.objects.select_for_update(of=("self",), no_key=True).select_related("clinic").get(pk=membership.pk)
    )


def _give_up(membership: Membership, *, by: User) -> None:
    for feed in CalendarFeed.objects.filter(membership=membership, revoked_at=None):
        feed.revoked_at, feed.revoked_by = clock.now(), by
        feed.save(update_fields=["revoked_at", "revoked_by"])
        audit.record("calendar.address_given_up", feed, by=by, clinic=membership.clinic, of=str(membership.ref))


def _is_manager(by: User, membership: Membership) -> bool:
    theirs = Membership.objects.filter(clinic=membership.clinic_id, user=by, is_active=True).first()
    return theirs is not None and theirs.has(Role.MANAGER)
