"""What an instrument is: frozen values, read from `instruments.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .entries import Source

Formula = Literal["choice", "sum", "regions", "typed"]
Better = Literal["lower", "higher", "neither", "asked"]
ZoneUse = Literal["asked", "none"]


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer: the value that is stored, and the points it is worth."""

    value: int
    label: str
    points: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `raises`: codes of screening questions that an answer above nought answers with yes."""

    code: str
    label: str
    options: tuple[Option, ...]
    raises: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that stand together; of a formula by regions one region with its weight."""

    label: str
    items: tuple[Item, ...]
    weight: Decimal | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """How a total is read. `value`: what it proposes, such as a skin type."""

    least: int
    most: int
    label: str
    value: int | None = None


@dataclass(frozen=True, slots=True)
class StopRule:
    """A course pauses when a score is this far over its baseline: `percent` of it, or `points`."""

    percent: int
    points: Decimal
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instrument:
    """`code` names the form; `instrument` and `variant` are stored with every score of it."""

    code: str
    instrument: str
    variant: str
    label: str
    variant_label: str
    formula: Formula
    better: Better
    zone: ZoneUse
    least: int
    most: int
    groups: tuple[Group, ...]
    bands: tuple[Band, ...]
    sources: tuple[str, ...]
    note: str = ""
    licence: str = ""
    asks_name: str = ""
    asks_range: bool = False
    whole_only: bool = False
    show_response: bool = False
    stop_rule: StopRule | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for group in self.groups for item in group.items)


@dataclass(frozen=True, slots=True)
class Instruments:
    """All of them, in file order, with the sources they name."""

    version: str
    sha256: str
    sources: Mapping[str, Source]
    by_code: Mapping[str, Instrument]

    def __getitem__(self, code: str) -> Instrument:
        """Raises KeyError for a code that is not there."""
        return self.by_code[code]

    def find(self, instrument: str, variant: str) -> Instrument | None:
        """The one a stored score was made with, or None where it is no longer in the table."""
        for one in self.by_code.values():
            if one.instrument == instrument and (one.variant == variant or variant.startswith(f"{one.variant}: ")):
                return one
        return None
