"""Cartridge lots as a manager keeps them: listed, counted, withdrawn and back; and whom a lot has met."""

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from treatments.rules.policy import catalogue_for
from treatments.sessions import reactions_list
from treatments.sessions.lots import stock
from treatments.sessions.models import AdverseEvent, CartridgeLot, TreatmentSession


@transaction.atomic
def list_lot(
    *, clinic: Clinic, lot: str, expires_on: date, by: User, needles: int | None = None, received: int | None = None
) -> CartridgeLot:
    """List a delivery. Raises DomainError at `expires_on` for one that has expired, at `lot` for one that is there already."""
    _refuse_expired(clinic, expires_on)
    lot = as_printed(lot)
    _refuse_listed(clinic, lot)
    with explained():
        new = CartridgeLot.objects.create(
            clinic=clinic, lot=lot, expires_on=expires_on, needles=needles, received=received
        )
    audit.record("cartridge_lot.added", new, by=by)
    return new


@transaction.atomic
def change_lot(
    *, lot: CartridgeLot, name: str, expires_on: date, by: User, needles: int | None = None, received: int | None = None
) -> CartridgeLot:
    """Write down what the pack says. What sessions were charted with stays as it is: a lot that one names keeps its number
    and its expiry, and never has come in fewer pieces than were used."""
    lot = locked(lot)
    wanted = {"lot": as_printed(name), "expires_on": expires_on, "needles": needles, "received": received}
    changed = sorted(field for field, value in wanted.items() if getattr(lot, field) != value)
    used = stock.used_by_others(lot)
    if used and {"lot", "expires_on"} & set(changed):
        field = "lot" if "lot" in changed else "expires_on"
        raise DomainError(
            f"{_sessions(used)} this lot, so its number and expiry stay. Withdraw it and list the right one.",
            field=field,
        )
    if received is not None and received < used:
        raise DomainError(f"{_sessions(used)} this lot already: enter {used} pieces or more.", field="received")
    if "lot" in changed:
        _refuse_listed(lot.clinic, wanted["lot"], but_not=lot)
    if "expires_on" in changed:
        _refuse_expired(lot.clinic, expires_on)
    for field in changed:
        setattr(lot, field, wanted[field])
    if changed:
        with explained():
            lot.save(update_fields=changed)
        audit.record("cartridge_lot.changed", lot, by=by, fields=changed)
    return lot


@transaction.atomic
def take_lot_out(*, lot: CartridgeLot, reason: str, by: User, note: str = "") -> CartridgeLot:
    """No session may name it any more. Sessions that do stay as they were; `reason`: one of CartridgeLot.OutReason."""
    if reason not in CartridgeLot.OutReason.values:
        raise DomainError("Say why the lot is withdrawn.", field="reason")
    lot = locked(lot)
    lot.in_use, lot.out_reason, lot.out_note = False, reason, note.strip()
    lot.out_at, lot.out_by = clock.now(), by
    lot.save(update_fields=["in_use", "out_reason", "out_note", "out_at", "out_by"])
    audit.record("cartridge_lot.withdrawn", lot, by=by, reason=reason)
    return lot


@transaction.atomic
def put_lot_back(*, lot: CartridgeLot, by: User) -> CartridgeLot:
    """It may be named again. Raises DomainError for a recalled lot: what the maker has called back stays out."""
    lot = locked(lot)
    if lot.out_reason == CartridgeLot.OutReason.RECALLED:
        raise DomainError(
            f"{lot} was recalled and does not come back. If that was a mistake, correct the reason first."
        )
    lot.in_use, lot.out_reason, lot.out_note, lot.out_at, lot.out_by = True, "", "", None, None
    lot.save(update_fields=["in_use", "out_reason", "out_note", "out_at", "out_by"])
    audit.record("cartridge_lot.back", lot, by=by)
    return lot


def locked(lot: CartridgeLot) -> CartridgeLot:
    """As it is now, and as it stays until we are done: two chairs cannot both take the last cartridge."""
    rows = CartridgeLot.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("clinic").get(pk=lot.pk)


def refuse_for_session(lot: CartridgeLot, session: TreatmentSession, *, field: str = "lot") -> None:
    """Raise DomainError at the field for a lot that this session may not name: withdrawn, expired, or none left."""
    lot = locked(lot)
    if not lot.in_use:
        why = CartridgeLot.OutReason(lot.out_reason).label.lower()
        raise DomainError(f"{lot} was withdrawn: {why}. Take a cartridge of another lot.", field=field)
    if lot.expires_on < session.on:
        raise DomainError(f"{lot} expired on {_words(lot.expires_on)}. Take one that is in date.", field=field)
    left = stock.left_of(lot, stock.used_by_others(lot, session))
    if left is not None and left <= 0:
        raise DomainError(
            f"No cartridge of {lot} is left. Take another lot, or ask a manager to correct the count.",
            field=field,
        )


# ── Who had it ────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Met:
    """One session that a lot was used in, with what was reported after it: `[(words, event)]`."""

    session: TreatmentSession
    reactions: list[tuple[str, AdverseEvent]]


@transaction.atomic
def who_had(*, lot: CartridgeLot, by: Membership) -> list[Met]:
    """The patients, sessions and reactions of a lot, the latest first: what a recall asks for. Each look goes on record.

    Sessions entered in error are among them, marked as such: the cartridge may have been opened all the same.
    Raises DomainError for anyone but a clinician.
    """
    if not by.has(Role.CLINICIAN):
        raise DomainError("Only a clinician sees who had a lot.")
    catalogue = catalogue_for(lot.clinic)
    named = (
        lot.sessions.select_related("patient", "operator__user")
        .prefetch_related("adverse_events")
        .order_by("-on", "-id")
    )
    met = [
        Met(
            session,
            [
                (reactions_list.name_of(event.code, catalogue), event)
                for event in session.adverse_events.all()
                if not event.entered_in_error
            ],
        )
        for session in named
    ]
    audit.record("cartridge_lot.traced", lot, by=by.user, sessions=len(met))
    return met


def _refuse_expired(clinic: Clinic, expires_on: date) -> None:
    if expires_on < clock.today(clinic):
        raise DomainError(f"It expired on {_words(expires_on)}. Look at the pack again.", field="expires_on")


def listed(clinic: Clinic, lot: str) -> CartridgeLot | None:
    """The lot of this number, however it is typed: np-24 at the chair is the NP-24 that was recalled."""
    return clinic.cartridge_lots.filter(lot__iexact=as_printed(lot)).first()


def _refuse_listed(clinic: Clinic, lot: str, *, but_not: CartridgeLot | None = None) -> None:
    if (known := listed(clinic, lot)) is not None and known != but_not:
        raise DomainError("This lot is already listed.", field="lot")


def as_printed(lot: str) -> str:
    """One line, single spaces. Raises DomainError at `lot` where nothing is left."""
    written = " ".join(lot.split())
    if not written:
        raise DomainError("Enter the lot as it stands on the pack.", field="lot")
    return written


def _sessions(number: int) -> str:
    return "1 session names" if number == 1 else f"{number} sessions name"


def _words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
