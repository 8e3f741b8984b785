"""What a label says, read once when a device or a cream is listed. Everybody reads it as it is kept then."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from clinic.errors import DomainError
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import Anaesthetic
from treatments.protocol.facts import DEEPEST_LABEL_MM, GROUPS


def device_depths(label: Mapping[str, object], catalogue: Catalogue) -> dict[str, float]:
    """Face, neck, body or a zone code to millimetres. A zone wins over its part; what is left out the label says nothing of.

    Raises DomainError at `max_depth_mm` for a place that is not treated and for what is no depth of a label.
    """
    kept: dict[str, float] = {}
    for place, written in label.items():
        where = place.strip().lower()
        zone = catalogue.zones.get(where)
        if where in kept or (where not in GROUPS and (zone is None or zone.prohibited)):
            raise _at_the_depths(f"{place}: name the face, the neck, the body or a zone that is treated, each once.")
        depth_mm = _number(written)
        if depth_mm is None or not 0 < depth_mm <= DEEPEST_LABEL_MM:
            raise _at_the_depths(
                f"{place}: enter the depth of the label in millimetres, above 0 and up to {DEEPEST_LABEL_MM}. "
                "Leave out what the label does not name."
            )
        kept[where] = float(depth_mm)
    return kept


def cream_actives(label: Mapping[str, object]) -> dict[str, float]:
    """Active to per cent, the names written small, so that an amount of lidocaine is found whoever typed it.

    Raises DomainError at `actives` where none is named, one is named twice, or a strength cannot be.
    """
    kept: dict[str, float] = {}
    for name, written in label.items():
        active, percent = name.strip().lower(), _number(written)
        if not active or active in kept:
            raise _at_the_actives("Name each active once.")
        if percent is None or not 0 < percent <= 100:
            raise _at_the_actives(f"{name}: enter its strength in per cent, above 0 and up to 100.")
        kept[active] = float(percent)
    if not kept:
        raise _at_the_actives("Name the active of the cream and its strength: the dose is worked out from them.")
    return kept


def refuse_odd_label(
    *,
    actives: Mapping[str, float],
    contact_minutes: int,
    max_contact_minutes: int,
    catalogue: Catalogue,
) -> None:
    """Raise DomainError, at its field, for a label that no numbing product has, or that the protocol contradicts: where it
    knows a product with these actives, the time it needs cannot be longer than the protocol leaves it on."""
    if sum(actives.values()) > 100:
        raise _at_the_actives("Together the actives are more than the whole product. Check the strengths.")
    if max_contact_minutes < contact_minutes:
        raise DomainError(
            "The longest time on the skin cannot be shorter than the usual one.", field="max_contact_minutes"
        )
    known = same_actives(actives, catalogue)
    if known is not None and contact_minutes > known.maximum_minutes:
        raise DomainError(
            f"The protocol leaves this product on for {known.maximum_minutes} minutes at most. Look at the label again.",
            field="contact_minutes",
        )


def is_strong(actives: Mapping[str, float], catalogue: Catalogue) -> bool:
    """Above the protocol's line of strength (FDA 2024: 4 %) a prescriber orders it, whatever its label says."""
    return any(Decimal(str(percent)) > catalogue.numbing.order_above_percent for percent in actives.values())


def same_actives(actives: Mapping[str, float], catalogue: Catalogue) -> Anaesthetic | None:
    """The protocol's entry with these actives in these strengths, if it has one."""
    wanted = {name: Decimal(str(percent)) for name, percent in actives.items()}
    agents = catalogue.anaesthetics.values()
    return next((agent for agent in agents if {a.name: a.percent for a in agent.actives} == wanted), None)


def _number(written: object) -> Decimal | None:
    if isinstance(written, bool) or not isinstance(written, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(written).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _at_the_depths(sentence: str) -> DomainError:
    return DomainError(sentence, field="max_depth_mm")


def _at_the_actives(sentence: str) -> DomainError:
    return DomainError(sentence, field="actives")
