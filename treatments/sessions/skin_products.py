"""What is put on needled skin during a session: an approved product with its lot and expiry, or nothing."""

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership
from clinic.roles import Role
from treatments.rules.products.models import SkinProduct
from treatments.sessions.models import SessionProduct, TreatmentSession
from treatments.sessions.services import locked_open


@transaction.atomic
def put_on(
    *,
    session: TreatmentSession,
    product: SkinProduct,
    lot: str,
    expires_on: date,
    by: Membership,
    ml: Decimal | None = None,
) -> SessionProduct:
    """Record it. Raises DomainError at its field for a product that no prescriber has approved, one that the clinic has given
    up, and a lot that has expired (C-17: granulomas)."""
    session = locked_open(session, by=by)
    product = SkinProduct.objects.select_for_update(no_key=True).get(pk=product.pk, clinic=session.clinic_id)
    if not product.in_use:
        raise DomainError(f"{product} is not used here any more. Choose another product.", field="product")
    if not product.is_approved:
        why = " ".join(product.doubts) or "Ask a prescriber to look at it first."
        raise DomainError(f"{product} is not approved for needled skin. {why}", field="product")
    if not lot.strip():
        raise DomainError("Enter the lot that stands on the pack.", field="product_lot")
    if expires_on < session.on:
        raise DomainError(
            f"It expired on {expires_on.day} {expires_on:%B %Y}. Take one that is in date.", field="product_expires_on"
        )
    with explained():
        row = SessionProduct.objects.create(
            session=session,
            product=product,
            name=product.name,
            lot=lot.strip(),
            expires_on=expires_on,
            ml=ml,
            approved_by=product.approved_by,
            by=by.user,
        )
    audit.record("session.product_put_on", session, by=by.user, product=str(product.ref))
    return row


@transaction.atomic
def take_off(*, row: SessionProduct, by: Membership) -> None:
    """It was written down by mistake. Only while the session is open."""
    session = locked_open(row.session, by=by)
    with explained():
        row.delete()
    audit.record("session.product_taken_off", session, by=by.user, product=str(row.product.ref))


def of_session(session: TreatmentSession) -> QuerySet[SessionProduct]:
    return session.products.select_related("approved_by")


def of_clinic(clinic: Clinic) -> QuerySet[SessionProduct]:
    return SessionProduct.objects.filter(session__clinic=clinic)


def offered(session: TreatmentSession) -> QuerySet[SkinProduct]:
    """What the chair may choose from."""
    return SkinProduct.objects.filter(clinic=session.clinic_id, in_use=True, approved_at__isnull=False)


@transaction.atomic
def who_had(*, product: SkinProduct, by: Membership) -> list[SessionProduct]:
    """The sessions that put it on, with lot and patient, the latest first: what a recall of a serum asks for. Each look goes
    on record. Raises DomainError for anyone but a clinician."""
    if not by.has(Role.CLINICIAN):
        raise DomainError("Only a clinician sees who had a product.")
    rows = list(
        product.sessions.select_related("session__patient", "session__operator__user").order_by("-session__on", "-id")
    )
    audit.record("skin_product.traced", product, by=by.user, sessions=len(rows))
    return rows
