"""Credentials as a manager keeps them, and what they say about who may treat today."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from treatments.rules.credentials.models import BLOCKING, Credential

SOON = timedelta(days=60)
A_DAY = timedelta(days=1)


@transaction.atomic
def add(*, membership: Membership, by: User, **details) -> Credential:
    """Write a credential down. From the first licence or certificate on that the clinic keeps for her, one has to be valid on
    the day of a session. `details`: kind, name, number, issuer, valid_from, valid_until."""
    credential = Credential(membership=membership, added_by=by, **details)
    _refuse_odd(credential)
    with explained():
        credential.save()
    _recorded("credential.added", credential, by=by)
    return credential


@transaction.atomic
def change(*, credential: Credential, by: User, **details) -> Credential:
    """Put right what was typed. A renewal is added beside it instead."""
    credential = _locked(credential)
    changed = sorted(name for name, value in details.items() if getattr(credential, name) != value)
    for name in changed:
        setattr(credential, name, details[name])
    _refuse_odd(credential)
    if changed:
        with explained():
            credential.save(update_fields=changed)
        _recorded("credential.changed", credential, by=by, fields=changed)
    return credential


@transaction.atomic
def withdraw(*, credential: Credential, in_error: bool, reason: str, by: User) -> Credential:
    """It no longer counts, for a reason; the row stays. `in_error`: it never should have been entered, so it is not asked for
    either; otherwise it was taken from her, and no session opens until she has another one."""
    if not reason.strip():
        raise DomainError("Write why it no longer counts.", field="reason")
    credential = _locked(credential)
    credential.withdrawn_at, credential.withdrawn_by = clock.now(), by
    credential.withdrawn_reason, credential.entered_in_error = reason.strip(), in_error
    credential.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_reason", "entered_in_error"])
    _recorded("credential.withdrawn", credential, by=by, in_error=in_error)
    return credential


def refuse_lapsed(membership: Membership, *, on: date) -> None:
    """Raise DomainError with a sentence that names what she may not treat without on that day."""
    if lapsed := lapsed_on(membership, on=on):
        raise DomainError(" ".join(lapsed), code="credentials_lapsed")


def lapsed_on(membership: Membership, *, on: date) -> list[str]:
    """A sentence for each blocking kind that the clinic keeps for her and of which none is valid on that day."""
    rows = membership.credentials.filter(kind__in=BLOCKING, entered_in_error=False)
    return [standing.lapsed_words for standing in _standings(rows, membership, on) if not standing.is_valid]


@dataclass(frozen=True)
class Standing:
    """All that is kept of one kind for one person, as it stands on a day."""

    membership: Membership
    rows: tuple[Credential, ...]
    on: date

    @property
    def newest(self) -> Credential:
        """The one that lasts longest; of those that were all taken from her, the last."""
        return max(self._standing or self.rows, key=lambda row: (row.valid_until or date.max, row.pk))

    @property
    def _standing(self) -> list[Credential]:
        return [row for row in self.rows if row.withdrawn_at is None]

    @property
    def blocks(self) -> bool:
        return self.newest.kind in BLOCKING

    @property
    def is_valid(self) -> bool:
        return any(
            row.valid_from <= self.on and (row.valid_until is None or self.on <= row.valid_until)
            for row in self._standing
        )

    @property
    def ends_on(self) -> date | None:
        """The last of the days on which one is valid without a gap; None where they have no end. Where none is valid on this
        day: the last one that was, or the day on which it was taken from her."""
        if not self._standing:
            return clock.local(self.newest.withdrawn_at, self.membership.clinic).date()
        covered = self.on - A_DAY
        if not self.is_valid:
            ended = [row.valid_until for row in self._standing if row.valid_until and row.valid_until < self.on]
            return max(ended, default=covered)
        for row in sorted(self._standing, key=lambda row: row.valid_from):
            if row.valid_from > covered + A_DAY:
                break
            if row.valid_until is None:
                return None
            covered = max(covered, row.valid_until)
        return covered

    @property
    def ends_soon(self) -> bool:
        """Within 60 days, or ended."""
        return self.ends_on is not None and self.ends_on <= self.on + SOON

    @property
    def lapsed_words(self) -> str:
        newest, what = self.newest, self.newest.get_kind_display().lower()
        if newest.withdrawn_at:
            said = f"was withdrawn on {_words(self.ends_on)}"
        elif newest.valid_until is not None and newest.valid_until < self.on:
            said = f"ended on {_words(newest.valid_until)}"
        else:
            said = f"is not valid before {_words(newest.valid_from)}"
        return f"{self.membership}: {what} {said}. Ask a manager to enter the new one, or let a colleague treat."


def ending(clinic: Clinic, *, today: date) -> list[Standing]:
    """What ends within 60 days, or has ended, with nothing behind it, of everybody who works here; the earliest first.
    One query."""
    rows = Credential.objects.filter(membership__clinic=clinic, membership__is_active=True, entered_in_error=False)
    of_person: dict[Membership, list[Credential]] = defaultdict(list)
    for row in rows.select_related("membership__user", "membership__clinic"):
        of_person[row.membership].append(row)
    standings = [one for person, hers in of_person.items() for one in _standings(hers, person, today)]
    soon = [one for one in standings if one.ends_soon]
    return sorted(soon, key=lambda one: (one.ends_on, one.membership.position, one.membership.pk))


def _standings(rows: Iterable[Credential], membership: Membership, on: date) -> list[Standing]:
    """By kind; other papers by their name."""
    groups: dict[tuple, list[Credential]] = defaultdict(list)
    for row in rows:
        groups[row.kind, row.name.lower() if row.kind == Credential.Kind.OTHER else ""].append(row)
    return [Standing(membership, tuple(found), on) for found in groups.values()]


def _words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _refuse_odd(credential: Credential) -> None:
    if credential.kind == Credential.Kind.OTHER and not credential.name:
        raise DomainError("Say what it is.", field="name")
    if credential.valid_until is not None and credential.valid_until < credential.valid_from:
        raise DomainError("It ends on the day it begins or later.", field="valid_until")


def _locked(credential: Credential) -> Credential:
    rows = Credential.objects.select_for_update(of=("self",), no_key=True).select_related("membership__clinic")
    found = rows.get(pk=credential.pk)
    if found.withdrawn_at:
        raise DomainError("This one was withdrawn and no longer changes. Add a new one.")
    return found


def _recorded(action: str, credential: Credential, *, by: User, **facts) -> None:
    clinic = credential.membership.clinic
    audit.record(
        action, credential, by=by, clinic=clinic, member=str(credential.membership.ref), kind=credential.kind, **facts
    )
