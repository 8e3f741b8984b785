"""The rules a clinic works by: the version it has adopted, with the values it has set for itself.

`catalogue_for()` is the one place the product gets its rules from. Tightening counts at once; loosening needs a
prescriber's licence, a reason and a last day.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership
from clinic.roles import Role
from treatments.protocol import policy as protocol_policy
from treatments.protocol.catalogue import Catalogue, load
from treatments.protocol.policy import BadPolicy, Parameter, Setting, Value, checked, direction, parameters
from treatments.rules.models import PolicyValue, ProtocolAdoption, ProtocolVersion
from treatments.rules.services import catalogue_of, in_force, published

LONGEST_LOOSENING_DAYS = 366
# A clinic that has adopted and set nothing is told apart without a query: the database raises the number with every change.
UNTOUCHED = 1


def catalogue_for(clinic: Clinic, on: date | None = None) -> Catalogue:
    """The rules in force in a clinic on a day (today by default). No query but for the first time after a change.

    Where a loosening is in force and no day is given, the clock is asked which day it is: one query.
    """
    protocol, settings = _rules_of(clinic)
    return _applied(protocol, _in_date(settings, clinic, on))


def in_force_settings(clinic: Clinic, on: date | None = None) -> list[Setting]:
    """What the clinic has set for itself and what counts on a day (today by default)."""
    return list(_in_date(_rules_of(clinic)[1], clinic, on))


def catalogue_with(protocol: ProtocolVersion, settings: Iterable[Setting], on: date) -> Catalogue:
    """A published version with given settings: for replays and for comparing before something changes."""
    return protocol_policy.apply(catalogue_of(protocol), settings, on)


@transaction.atomic
def tighten(*, clinic: Clinic, path: str, value: object, by: Membership, reason: str = "") -> PolicyValue:
    """Set a stricter value; it counts at once. Raises DomainError for another role or a value that is not stricter."""
    if not by.held_roles & {Role.MANAGER, Role.PRESCRIBER}:
        raise DomainError("Only a manager or a prescriber can change the clinic's rules.")
    clinic = _locked(clinic, by)
    _, kept = _judged(clinic, path, value, wanted="stricter")
    return _set(clinic, path, kept, PolicyValue.Direction.STRICTER, by, reason=reason)


@transaction.atomic
def loosen(
    *, clinic: Clinic, path: str, value: object, reason: str, expires_on: date | None, by: Membership, licence: str = ""
) -> PolicyValue:
    """Set a looser value than the published one until `expires_on`, the last day it counts. Raises DomainError.

    A stricter value that the clinic still keeps goes on winning: it has to be ended first.
    """
    licence = _prescribers_licence(by, licence)
    if not reason.strip():
        raise DomainError("Give the reason: it is kept beside the value.", field="reason")
    clinic = _locked(clinic, by)
    today = clock.today(clinic)
    if expires_on is None or expires_on < today:
        raise DomainError("Choose the last day it counts, today or later.", field="expires_on")
    if expires_on > today + timedelta(days=LONGEST_LOOSENING_DAYS):
        raise DomainError("A looser value lasts a year at most. Choose an earlier day.", field="expires_on")
    _, kept = _judged(clinic, path, value, wanted="looser")
    return _set(
        clinic, path, kept, PolicyValue.Direction.LOOSER, by, reason=reason, licence=licence, expires_on=expires_on
    )


@transaction.atomic
def end(*, policy_value: PolicyValue, by: Membership, reason: str = "", licence: str = "") -> PolicyValue:
    """Stop using a value. Giving up a stricter one is a loosening: a prescriber with a licence and a reason."""
    clinic = _locked(policy_value.clinic, by)
    policy_value = PolicyValue.objects.select_for_update().get(pk=policy_value.pk)
    if policy_value.ended_at is not None:
        return policy_value
    if policy_value.direction == PolicyValue.Direction.STRICTER:
        licence = _prescribers_licence(by, licence)
        if not reason.strip():
            raise DomainError("Give the reason: it is kept beside the value.", field="reason")
    elif not by.held_roles & {Role.MANAGER, Role.PRESCRIBER}:
        raise DomainError("Only a manager or a prescriber can change the clinic's rules.")
    policy_value.ended_at, policy_value.ended_by = clock.now(), by.user
    policy_value.ended_reason, policy_value.ended_licence = reason.strip(), licence
    with explained():
        policy_value.save(update_fields=["ended_at", "ended_by", "ended_reason", "ended_licence"])
    audit.record("policy.ended", policy_value, by=by.user, clinic=clinic, path=policy_value.path)
    return policy_value


def parameter_for(clinic: Clinic, path: str) -> Parameter:
    """A tunable value as published in the version in force. Raises DomainError for a path that is none."""
    parameter = parameters(catalogue_of(in_force(clinic))).get(path)
    if parameter is None:
        raise DomainError("This value of the protocol cannot be changed.")
    return parameter


def _judged(clinic: Clinic, path: str, value: object, *, wanted: str) -> tuple[Parameter, Value]:
    """The parameter and the value as it is kept. A looser value is measured by what is published, a stricter one by
    what is in force, so that nothing is set that would not count."""
    parameter = parameter_for(clinic, path)
    try:
        kept = checked(parameter, value)
    except BadPolicy as refusal:
        raise DomainError(str(refusal), field="value") from refusal
    measure = parameters(catalogue_for(clinic))[path] if wanted == "stricter" else parameter
    if direction(measure, kept) != wanted:
        held = f"{measure.default} {measure.unit}".strip()
        raise DomainError(f"{parameter.label}: {held} is in force, and this is not {wanted}.", field="value")
    return parameter, kept


def _set(
    clinic: Clinic, path: str, value: Value, towards: PolicyValue.Direction, by: Membership, *, reason: str, **details
) -> PolicyValue:
    with explained():
        policy_value = PolicyValue.objects.create(
            clinic=clinic, path=path, value=value, direction=towards, set_by=by.user, reason=reason.strip(), **details
        )
    audit.record(f"policy.set_{towards.value}", policy_value, by=by.user, clinic=clinic, path=path)
    return policy_value


def _prescribers_licence(by: Membership, licence: str) -> str:
    if not by.has(Role.PRESCRIBER):
        raise DomainError("Only a prescriber can make a rule looser.")
    licence = (licence or by.licence).strip()
    if not licence:
        raise DomainError("Enter your licence number.", field="licence")
    return licence


def _locked(clinic: Clinic, by: Membership) -> Clinic:
    """One change of a clinic's rules at a time: each is measured by what the one before it left."""
    if by.clinic_id != clinic.pk:
        raise DomainError("You do not work in this clinic.")
    return Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)


def _in_date(settings: tuple[Setting, ...], clinic: Clinic, on: date | None) -> tuple[Setting, ...]:
    # Only a loosening has a last day; without one nobody has to ask which day it is.
    if all(setting.expires_on is None for setting in settings):
        return settings
    on = on or clock.today(clinic)
    return tuple(setting for setting in settings if setting.in_date(on))


def _rules_of(clinic: Clinic) -> tuple[str, tuple[Setting, ...]]:
    """The hash of the version in force and every standing setting."""
    if clinic.rules_version == UNTOUCHED:
        return load().sha256, ()
    return _read(clinic.pk, clinic.rules_version)


@lru_cache(maxsize=256)
def _read(clinic_pk: int, rules_version: int) -> tuple[str, tuple[Setting, ...]]:
    # Each change gives the clinic a number that was never given before, so what was read under one stays right.
    adopted = ProtocolAdoption.objects.filter(clinic=clinic_pk).values_list("protocol__sha256", flat=True).first()
    standing = PolicyValue.objects.filter(clinic=clinic_pk).standing().order_by("id")
    settings = tuple(Setting(row.path, row.value, row.expires_on) for row in standing)
    return adopted or load().sha256, settings


@lru_cache(maxsize=64)
def _applied(sha256: str, settings: tuple[Setting, ...]) -> Catalogue:
    return protocol_policy.apply(published(sha256), settings, date.min)  # settings are those in date
