"""Products for needled skin: a manager lists them, a prescriber approves one or takes it back."""

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from treatments.rules.products.models import SkinProduct

# Another maker or other contents make another product: what was approved is no longer this one.
WHAT_IT_IS = ("name", "maker", "vitamin_c", "fragrance", "tinted")
CHANGED_MEANWHILE = "This product was changed while you read. Look again at what it is, then decide."


@transaction.atomic
def list_product(*, clinic: Clinic, name: str, by: User, **contents) -> SkinProduct:
    """List a product. It is not approved. `contents`: maker, vitamin_c, fragrance, tinted."""
    product = SkinProduct(clinic=clinic, name=name, **contents)
    _refuse_name_twice(product)
    with explained():
        product.save()
    audit.record("skin_product.added", product, by=by)
    return product


@transaction.atomic
def change_product(*, product: SkinProduct, by: User, **wanted) -> SkinProduct:
    """Write down what it is. An approval was given for what it was, so it ends with any change."""
    product = _locked(product)
    changed = [field for field in WHAT_IT_IS if field in wanted and getattr(product, field) != wanted[field]]
    if not changed:
        return product
    was_approved = product.is_approved
    for field in changed:
        setattr(product, field, wanted[field])
    _refuse_name_twice(product)
    product.approved_at = product.approved_by = None
    product.reason = "What it is was changed after it was approved." if was_approved else product.reason
    with explained():
        product.save()
    audit.record("skin_product.changed", product, by=by, fields=sorted(changed), approval_ended=was_approved)
    return product


@transaction.atomic
def approve(*, product: SkinProduct, reason: str, by: Membership, seen: str | None = None) -> SkinProduct:
    """Let it on needled skin from now on. `seen`: how it was `described` to her. Raises DomainError for anyone but a prescriber,
    for what has become another product meanwhile, and at `reason` without one where something speaks against it."""
    _refuse_others(by, "approves a product for needled skin")
    product = _locked(product)
    if seen is not None and seen != product.described:
        raise DomainError(CHANGED_MEANWHILE)
    if product.doubts and not reason.strip():
        raise DomainError("Write why it is approved all the same.", field="reason")
    product.approved_at, product.approved_by, product.reason = clock.now(), by.user, reason.strip()
    with explained():
        product.save(update_fields=["approved_at", "approved_by", "reason"])
    audit.record("skin_product.approved", product, by=by.user, in_doubt=bool(product.doubts))
    return product


@transaction.atomic
def take_back(*, product: SkinProduct, reason: str, by: Membership) -> SkinProduct:
    """From now on no session puts it on needled skin; what was recorded stays."""
    _refuse_others(by, "takes an approval back")
    if not reason.strip():
        raise DomainError("Write why the approval is taken back.", field="reason")
    product = _locked(product)
    product.approved_at = product.approved_by = None
    product.reason = reason.strip()
    product.save(update_fields=["approved_at", "approved_by", "reason"])
    audit.record("skin_product.taken_back", product, by=by.user)
    return product


@transaction.atomic
def use_product(*, product: SkinProduct, in_use: bool, by: User) -> SkinProduct:
    """Whether the clinic has it at all."""
    product = _locked(product)
    if product.in_use != in_use:
        product.in_use = in_use
        product.save(update_fields=["in_use"])
        audit.record("skin_product.in_use" if in_use else "skin_product.out_of_use", product, by=by)
    return product


def _locked(product: SkinProduct) -> SkinProduct:
    rows = SkinProduct.objects.select_for_update(of=("self",), no_key=True).select_related("clinic")
    return rows.get(pk=product.pk)


def _refuse_others(by: Membership, act: str) -> None:
    if not by.has(Role.PRESCRIBER):
        raise DomainError(f"Only a prescriber {act}.")


def _refuse_name_twice(product: SkinProduct) -> None:
    if product.clinic.skin_products.filter(name__iexact=product.name).exclude(pk=product.pk).exists():
        raise DomainError("Another product has this name already. Choose another one.", field="name")
