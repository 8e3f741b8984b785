"""Handing a browser to a patient, taking it back, and opening it for one of us again. Each is audited with who did it."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Handover, Membership, User

# Long enough for every question there is, short enough for a tablet that was left lying.
LASTS = timedelta(minutes=30)


@transaction.atomic
def begin(*, clinic: Clinic, about: UUID, forms: Collection[str], by: Membership) -> Handover:
    """From now on for LASTS. `about`: the patient's ref; `forms`: what she is asked, in this order."""
    with explained():
        handover = Handover.objects.create(
            clinic=clinic, about=about, forms=list(forms), by=by.user, ends_at=timezone.now() + LASTS
        )
    audit.record("tablet.handed_over", handover, by=by.user, patient=str(about), forms=handover.forms)
    return handover


@transaction.atomic
def give_back(*, handover: Handover) -> Handover:
    """She has pressed "Give it back". Once: what was given back or unlocked before stays as it was."""
    handover = locked(handover)
    if handover.given_back_at is None and handover.unlocked_at is None:
        handover.given_back_at = timezone.now()
        handover.save(update_fields=["given_back_at"])
        audit.record("tablet.given_back", handover, by=None, system=True, said_by="patient")
    return handover


@transaction.atomic
def unlock(*, handover: Handover, by: User) -> Handover:
    """One of us has signed in on it. Raises DomainError for somebody who does not work in this clinic."""
    handover = locked(handover)
    if not may_unlock(handover, by):
        raise DomainError(refusal(handover))
    if handover.unlocked_at is None:
        handover.unlocked_at, handover.unlocked_by = timezone.now(), by
        handover.save(update_fields=["unlocked_at", "unlocked_by"])
        audit.record("tablet.unlocked", handover, by=by, given_back=handover.given_back_at is not None)
    return handover


def may_unlock(handover: Handover, user: User) -> bool:
    """Whoever works in the clinic of the tablet, not only who gave it away: she may be at lunch."""
    return any(membership.clinic_id == handover.clinic_id for membership in Membership.in_force_of(user.pk))


def refusal(handover: Handover) -> str:
    return f"Only somebody who works at {handover.clinic} unlocks this tablet."


def locked(handover: Handover) -> Handover:
    """The row for the rest of the transaction: what is saved in it was saved while the tablet was hers."""
    held = Handover.objects.select_for_update(of=("self",)).select_related("clinic", "by")
    return held.get(pk=handover.pk)


def standing(*, ref: UUID) -> Handover | None:
    return Handover.objects.select_related("clinic", "by").filter(ref=ref).first()
