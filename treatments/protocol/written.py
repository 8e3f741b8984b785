"""Numbers as people write them."""

from __future__ import annotations

from decimal import Decimal


def written(number: Decimal) -> str:
    """ "12", "12.5", "300": no noughts at the end, no exponent."""
    return f"{number.normalize():f}"
