"""The rules a clinic works by: the version it has adopted, with the values it has set for itself.

`catalogue_for()` is the one place the product gets its rules from. Tightening counts at once; loosening needs a
prescriber's licence, a reason and a last day.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from django.db import connection, transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership
from clinic.roles import Role
from treatments.protocol import policy as protocol_policy
from treatments.protocol.catalogue import Catalogue, load
from treatments.protocol.policy import (
    BadPolicy,
    Parameter,
    Setting,
    Value,
    checked,
    direction,
    parameters,
    strictness,
)
from treatments.rules.models import PolicyValue, ProtocolAdoption
from treatments.rules.services import catalogue_of, in_force, published

LONGEST_LOOSENING_DAYS = 366
# A clinic that has adopted and set nothing is told apart without a query: the database raises the number with every change.
UNTOUCHED = 1


@dataclass(frozen=True)
class RuleSet:
    """The rules of every day: a published version (the hash of its text) with every standing value of a clinic.

    A loosening counts until its last day, so two days may have different rules.
    """

    sha256: str
    settings: tuple[Setting, ...] = ()

    def on(self, day: date) -> Catalogue:
        return _applied(self.sha256, tuple(setting for setting in self.settings if setting.in_date(day)))

    def ahead(self, day: date) -> tuple[tuple[date, Catalogue], ...]:
        """The days after `day` on which other rules take over, because a loosening is over, each with its rules."""
        last_days = {setting.expires_on for setting in self.settings if setting.expires_on}
        turns = sorted(last + timedelta(days=1) for last in last_days if last >= day)
        return tuple((turn, self.on(turn)) for turn in turns)

    def having(self, setting: Setting) -> "RuleSet":
        """The same with one more value. A loosening takes the place of the one before it."""
        kept = self.settings
        if setting.expires_on:
            kept = tuple(held for held in kept if held.path != setting.path or held.expires_on is None)
        return replace(self, settings=(*kept, setting))

    def without(self, setting: Setting) -> "RuleSet":
        left = list(self.settings)
        if setting in left:
            left.remove(setting)
        return replace(self, settings=tuple(left))


def rules_of(clinic: Clinic) -> RuleSet:
    """What a clinic works by, whatever the day. No query but for the first time after a change."""
    if clinic.rules_version == UNTOUCHED:
        return RuleSet(load().sha256)
    return _rules_at(clinic.pk, clinic.rules_version)


def catalogue_for(clinic: Clinic, on: date | None = None) -> Catalogue:
    """The rules in force in a clinic on a day (today by default). No query but for the first time after a change.

    Where a loosening stands and no day is given, the clock is asked which day it is: one query.
    """
    rules = rules_of(clinic)
    return rules.on(on or _any_day(rules, clinic))


def in_force_settings(clinic: Clinic, on: date | None = None) -> list[Setting]:
    """What the clinic has set for itself and what counts on a day (today by default)."""
    rules = rules_of(clinic)
    on = on or _any_day(rules, clinic)
    return [setting for setting in rules.settings if setting.in_date(on)]


def hold_rules(clinic: Clinic) -> Clinic:
    """Nobody changes the rules of this clinic until our transaction ends; `rules_version` is read anew.

    Whoever takes a place in the diary or begins a course holds them: a change waits until that is written, and finds it.
    Before any other lock (order: clinic, plan, visit, clinician, room, device, patient).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT rules_version FROM clinic_clinic WHERE id = %s FOR SHARE", [clinic.pk])
        (clinic.rules_version,) = cursor.fetchone()
    return clinic


@transaction.atomic
def tighten(*, clinic: Clinic, path: str, value: object, by: Membership, reason: str = "") -> PolicyValue:
    """Set a stricter value; it counts at once. Raises DomainError for another role or a value that is not stricter."""
    if not by.held_roles & {Role.MANAGER, Role.PRESCRIBER}:
        raise DomainError("Only a manager or a prescriber can change the clinic's rules.")
    clinic = _locked(clinic, by)
    kept = _stricter(clinic, path, value)
    return _set(clinic, path, kept, PolicyValue.Direction.STRICTER, by, reason=reason)


@transaction.atomic
def loosen(
    *, clinic: Clinic, path: str, value: object, reason: str, expires_on: date | None, by: Membership, licence: str = ""
) -> PolicyValue:
    """Set a looser value than the published one until `expires_on`, the last day it counts. Raises DomainError.

    It takes the place of the looser value that stands, which ends with it: so one is prolonged, shortened or changed.
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
    kept = _looser(clinic, path, value, expires_on)
    _end_loosenings(clinic, path, by, today)
    return _set(
        clinic, path, kept, PolicyValue.Direction.LOOSER, by, reason=reason, licence=licence, expires_on=expires_on
    )


@transaction.atomic
def end(*, policy_value: PolicyValue, by: Membership, reason: str = "", licence: str = "") -> PolicyValue:
    """Stop using a value. Giving up a stricter one is a loosening: a prescriber with a licence and a reason."""
    _locked(policy_value.clinic, by)
    policy_value = PolicyValue.objects.select_for_update().get(pk=policy_value.pk)
    if policy_value.ended_at is not None:
        return policy_value
    if policy_value.direction == PolicyValue.Direction.STRICTER:
        licence = _prescribers_licence(by, licence)
        if not reason.strip():
            raise DomainError("Give the reason: it is kept beside the value.", field="reason")
    elif not by.held_roles & {Role.MANAGER, Role.PRESCRIBER}:
        raise DomainError("Only a manager or a prescriber can change the clinic's rules.")
    _end(policy_value, by, reason=reason, licence=licence)
    return policy_value


def parameter_for(clinic: Clinic, path: str) -> Parameter:
    """A tunable value as published in the version in force. Raises DomainError for a path that is none."""
    parameter = parameters(catalogue_of(in_force(clinic))).get(path)
    if parameter is None:
        raise DomainError("This value of the protocol cannot be changed.")
    return parameter


def _stricter(clinic: Clinic, path: str, value: object) -> Value:
    """The value as it is kept: stricter than what is in force, and than what was published, for it has no last day."""
    parameter, kept = _typed(clinic, path, value)
    for measure, stands in (
        (parameters(catalogue_for(clinic)).get(path, parameter), "in force"),
        (parameter, "the default"),
    ):
        if direction(measure, kept) != "stricter":
            held = f"{measure.default} {measure.unit}".strip()
            raise DomainError(f"{parameter.label}: {held} is {stands}, and this is not stricter.", field="value")
    return kept


def _looser(clinic: Clinic, path: str, value: object, expires_on: date) -> Value:
    """The value as it is kept: looser than what was published, and one that will count."""
    parameter, kept = _typed(clinic, path, value)
    if direction(parameter, kept) != "looser":
        held = f"{parameter.default} {parameter.unit}".strip()
        raise DomainError(f"{parameter.label}: {held} is the default, and this is not looser.", field="value")
    if wins_over(clinic, parameter, kept):
        raise DomainError("The clinic’s own stricter value goes on winning. End that one first.", field="value")
    if Setting(path, kept, expires_on) in in_force_settings(clinic):
        raise DomainError("This counts already, until that day. Enter another value or day.", field="value")
    return kept


def wins_over(clinic: Clinic, parameter: Parameter, value: Value) -> bool:
    """Whether the clinic keeps a stricter value of its own, so that this looser one would not count."""
    kept = (held for held in rules_of(clinic).settings if held.path == parameter.path and held.expires_on is None)
    return any(strictness(parameter, held.value) > strictness(parameter, value) for held in kept)


def _typed(clinic: Clinic, path: str, value: object) -> tuple[Parameter, Value]:
    parameter = parameter_for(clinic, path)
    try:
        return parameter, checked(parameter, value)
    except BadPolicy as refusal:
        raise DomainError(str(refusal), field="value") from refusal


def _end_loosenings(clinic: Clinic, path: str, by: Membership, today: date) -> None:
    """A newer looser value takes the place of the one before it: two at once would leave the stricter of them."""
    standing = PolicyValue.objects.filter(clinic=clinic, path=path, expires_on__gte=today).standing()
    for replaced in standing.select_for_update(of=("self",)).select_related("clinic").order_by("id"):
        _end(replaced, by, reason="A newer value took its place.")


def _end(policy_value: PolicyValue, by: Membership, *, reason: str, licence: str = "") -> None:
    policy_value.ended_at, policy_value.ended_by = clock.now(), by.user
    policy_value.ended_reason, policy_value.ended_licence = reason.strip(), licence
    with explained():
        policy_value.save(update_fields=["ended_at", "ended_by", "ended_reason", "ended_licence"])
    audit.record("policy.ended", policy_value, by=by.user, clinic=policy_value.clinic, path=policy_value.path)


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


def _any_day(rules: RuleSet, clinic: Clinic) -> date:
    """Today; where no value has a last day every day is alike, and nobody has to ask which one it is."""
    return clock.today(clinic) if any(setting.expires_on for setting in rules.settings) else date.min


@lru_cache(maxsize=256)
def _rules_at(clinic_pk: int, rules_version: int) -> RuleSet:
    # Each change gives the clinic a number that was never given before, so what was read under one stays right.
    adopted = ProtocolAdoption.objects.filter(clinic=clinic_pk).values_list("protocol__sha256", flat=True).first()
    standing = PolicyValue.objects.filter(clinic=clinic_pk).standing().order_by("id")
    settings = tuple(Setting(row.path, row.value, row.expires_on) for row in standing)
    return RuleSet(adopted or load().sha256, settings)


@lru_cache(maxsize=64)
def _applied(sha256: str, settings: tuple[Setting, ...]) -> Catalogue:
    return protocol_policy.apply(published(sha256), settings, date.min)  # settings are those in date
