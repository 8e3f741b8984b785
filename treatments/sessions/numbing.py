"""The numbing cream of a session against its label: what is refused, what is said, and when it is ready.

Strength, area, amount and cover are decided before the cream goes on, so what the label does not allow is refused. The time
is not: once a cream was on too long that is a fact about this patient, and refusing to write it down would only lose it.
So a time over the label is kept as it was, asks for its reason, which goes into the note with the label's figure, and the
page says so from the minute it is over.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Membership
from clinic.roles import Role
from treatments.protocol.anaesthetic import AnaestheticCheck, assess
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import Active
from treatments.protocol.entries import Anaesthetic as Agent
from treatments.protocol.interval import dark_or_unknown
from treatments.rules import labels
from treatments.rules.models import Anaesthetic
from treatments.rules.policy import catalogue_for
from treatments.sessions.models import TreatmentSession

# Where in the form a refusal of the label belongs; what is not here is about the product.
FIELDS = {"area_cm2": "area_cm2", "grams": "grams", "occluded": "occluded"}
NOT_TODAY = "Today's screening says: no numbing cream for this patient."


# What of a product its label says: kept with a session when it is signed.
LABEL = ("name", "actives", "contact_minutes", "max_contact_minutes", "max_area_cm2", "prescription_only")


def label_of(product: Anaesthetic | None) -> dict | None:
    """As it is kept with a signed session."""
    return None if product is None else {name: getattr(product, name) for name in LABEL}


def product_of(session: TreatmentSession) -> Anaesthetic | None:
    """What went on: as its label is now while the session is open, as it was once it is signed."""
    if session.anaesthetic is None or session.anaesthetic_label is None:
        return session.anaesthetic
    return Anaesthetic(clinic=session.clinic, **session.anaesthetic_label)


def agent_of(product: Anaesthetic) -> Agent:
    """A product of the clinic as the protocol knows it. What its own label leaves open is taken from the catalogue's
    entry with the same actives; where both say something the stricter holds."""
    catalogue = catalogue_for(product.clinic)
    actives = tuple(Active(name, Decimal(str(percent))) for name, percent in sorted(product.actives.items()))
    own = Agent(
        code="",
        label=product.name,
        actives=actives,
        minimum_minutes=product.contact_minutes,
        maximum_minutes=product.max_contact_minutes,
        prep_minutes=product.contact_minutes,
        max_grams_per_10_cm2=None,
        max_area_cm2=None if product.max_area_cm2 is None else Decimal(product.max_area_cm2),
        occlusion=False,
        discouraged_4_to_6=False,
        prescriber_order=product.prescription_only or _is_strong(actives, catalogue),
        note="",
        sources=(),
    )
    known = labels.same_actives(product.actives, catalogue)
    if known is None:
        return own
    areas = [area for area in (own.max_area_cm2, known.max_area_cm2) if area is not None]
    return replace(
        own,
        maximum_minutes=min(own.maximum_minutes, known.maximum_minutes),
        max_area_cm2=min(areas) if areas else None,
        max_grams_per_10_cm2=known.max_grams_per_10_cm2,
        occlusion=known.occlusion,
        prescriber_order=own.prescriber_order or known.prescriber_order,
        discouraged_4_to_6=known.discouraged_4_to_6,
        note=known.note,
    )


@dataclass(frozen=True, slots=True)
class Applied:
    """What went on the skin, as charted or as it is being typed."""

    product: Anaesthetic
    grams: Decimal
    area_cm2: int | None = None
    weight_kg: Decimal | None = None
    occluded: bool = False


def check(session: TreatmentSession, applied: Applied, *, minutes: int | None, ordered: bool) -> AnaestheticCheck:
    """Refusals of the label (percentage, area, amount, cover, time) and the alerts. `ordered`: a prescriber did."""
    return assess(
        agent_of(applied.product),
        grams=applied.grams,
        area_cm2=None if applied.area_cm2 is None else Decimal(applied.area_cm2),
        minutes=minutes,
        weight_kg=applied.weight_kg,
        occluded=applied.occluded,
        prescriber_order=ordered,
        dark_or_unknown=dark_or_unknown(session.screening.facts["skin_type"]),
        catalogue=catalogue_for(session.clinic, session.on),
    )


def is_ordered(session: TreatmentSession, applied: Applied, *, by: Membership) -> bool:
    """A prescriber writes it down, or has done so: her order goes on for this cream, no more of it and no larger area."""
    if by.has(Role.PRESCRIBER):
        return True
    if session.anaesthetic_ordered_by_id is None or session.anaesthetic_id != applied.product.pk:
        return False
    return applied.grams <= (session.anaesthetic_grams or 0) and (applied.area_cm2 or 0) <= (
        session.anaesthetic_area_cm2 or 0
    )


def refuse(
    session: TreatmentSession,
    product: Anaesthetic,
    *,
    grams: Decimal | None,
    area_cm2: int | None,
    weight_kg: Decimal | None,
    occluded: bool,
    on_at: datetime | None,
    off_at: datetime | None,
    by: Membership,
) -> None:
    """Raise DomainError, at its field, for what the label or today's screening does not allow."""
    if not_today(session):
        raise DomainError(NOT_TODAY, field="product")
    if grams is None:
        raise DomainError("Enter the grams.", field="grams")
    if on_at is None:
        raise DomainError("Enter when it went on.", field="on_at")
    now = clock.now()
    for field, moment in (("on_at", on_at), ("off_at", off_at)):
        if moment is not None and moment > now:
            raise DomainError("This time is still to come. Check it.", field=field)
    if off_at is not None and off_at < on_at:
        raise DomainError("It cannot come off before it went on. Check the two times.", field="off_at")
    applied = Applied(product, grams, area_cm2, weight_kg, occluded)
    ordered = is_ordered(session, applied, by=by)
    for refusal in check(session, applied, minutes=None, ordered=ordered).refusals:
        raise DomainError(refusal.sentence, field=FIELDS.get(refusal.about, "product"))


def not_today(session: TreatmentSession) -> bool:
    """Whether today's screening keeps numbing cream away from this patient."""
    return any(change["parameter"] == "anaesthetic" for change in session.screening.changes)


def overtime(product: Anaesthetic, minutes: int | None, why: str) -> str:
    """The sentence for the note when the cream was on longer than its label allows; a reason is asked for."""
    limit = agent_of(product).maximum_minutes
    if minutes is None or minutes <= limit:
        return ""
    if not why.strip():
        raise DomainError(
            f"{minutes} minutes on the skin: the label allows {limit}. Say why, and look for a reaction.",
            field="why_longer",
        )
    return f"Numbing on for {minutes} minutes, label {limit}: {why.strip()}"


def minutes_so_far(on_at: datetime | None, off_at: datetime | None) -> int | None:
    """Whole minutes on the skin until it came off, or until now; None before it went on."""
    now = clock.now()
    return None if on_at is None or on_at > now else minutes_between(on_at, off_at or now)


def minutes_between(on_at: datetime | None, off_at: datetime | None) -> int | None:
    """Whole minutes on the skin, a part of a minute counted as one; None while it is on."""
    if on_at is None or off_at is None:
        return None
    return -((on_at - off_at) // timedelta(minutes=1))


def _is_strong(actives: tuple[Active, ...], catalogue: Catalogue) -> bool:
    return any(active.percent > catalogue.numbing.order_above_percent for active in actives)
