"""What the clinic sells ahead, and what a missed visit costs. Nothing here touches what was sold."""

from decimal import Decimal

from django.db import transaction

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from treatments.packages.models import PackageOffer, PackagePolicy
from treatments.packages.services import NO_CURRENCY


@transaction.atomic
def add_offer(
    *,
    clinic: Clinic,
    name: str,
    sessions: int,
    amount: Decimal,
    by: User,
    technique: str = "",
    valid_months: int | None = None,
) -> PackageOffer:
    """Raises DomainError at `name` for one that is there already, and where the clinic has no currency yet."""
    currency = _currency(clinic)
    _refuse_name(clinic, name)
    offer = PackageOffer(
        clinic=clinic, name=name, technique=technique, sessions=sessions, valid_months=valid_months, amount=amount,
        currency=currency,
    )  # fmt: skip
    with explained():
        offer.save()
    audit.record("package_offer.added", offer, by=by)
    return offer


@transaction.atomic
def change_offer(
    *,
    offer: PackageOffer,
    name: str,
    sessions: int,
    amount: Decimal,
    by: User,
    technique: str = "",
    valid_months: int | None = None,
) -> PackageOffer:
    """From now on it is sold like this; the amount is in the clinic's currency of today. What was sold stays as it was sold."""
    offer = _locked(offer)
    wanted = {
        "name": name, "technique": technique, "sessions": sessions, "valid_months": valid_months, "amount": amount,
        "currency": _currency(offer.clinic),
    }  # fmt: skip
    changed = sorted(field for field, value in wanted.items() if getattr(offer, field) != value)
    if "name" in changed:
        _refuse_name(offer.clinic, name)
    for field in changed:
        setattr(offer, field, wanted[field])
    if changed:
        with explained():
            offer.save(update_fields=changed)
        audit.record("package_offer.changed", offer, by=by, fields=changed)
    return offer


@transaction.atomic
def put_in_sale(*, offer: PackageOffer, in_sale: bool, by: User) -> PackageOffer:
    offer = _locked(offer)
    if offer.in_sale != in_sale:
        offer.in_sale = in_sale
        offer.save(update_fields=["in_sale"])
        audit.record("package_offer.in_sale" if in_sale else "package_offer.not_sold", offer, by=by)
    return offer


@transaction.atomic
def set_policy(
    *, clinic: Clinic, miss_burns: bool, late_hours: int | None, miss_keeps_deposit: bool, by: User
) -> PackagePolicy:
    """What a missed visit costs from now on. A package that was sold keeps the terms it was sold with."""
    policy, _ = PackagePolicy.objects.select_for_update().get_or_create(clinic=clinic)
    wanted = {"miss_burns": miss_burns, "late_hours": late_hours, "miss_keeps_deposit": miss_keeps_deposit}
    changed = sorted(field for field, value in wanted.items() if getattr(policy, field) != value)
    for field in changed:
        setattr(policy, field, wanted[field])
    if changed:
        with explained():
            policy.save(update_fields=changed)
        audit.record("package_policy.changed", policy, by=by, clinic=clinic, fields=changed)
    return policy


def _locked(offer: PackageOffer) -> PackageOffer:
    rows = PackageOffer.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("clinic").get(pk=offer.pk)


def _currency(clinic: Clinic) -> str:
    if not clinic.currency:
        raise DomainError(NO_CURRENCY, field="amount")
    return clinic.currency


def _refuse_name(clinic: Clinic, name: str) -> None:
    if clinic.package_offers.filter(name=name).exists():
        raise DomainError("Another package has this name already. Choose another one.", field="name")
