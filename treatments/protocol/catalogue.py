"""The clinic's protocol as data: `load()` reads `catalogue.toml` strictly and returns frozen values."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from .building import (
    build_age,
    build_anaesthetic,
    build_concern,
    build_depth,
    build_desk,
    build_interval,
    build_matrix,
    build_numbing,
    build_red_flag,
    build_sources,
    build_step,
    build_zone,
    by_code,
)
from .checking import check
from .entries import (
    AgePolicy,
    Anaesthetic,
    Cell,
    ConcernPolicy,
    DepthPolicy,
    Form,
    IntervalPolicy,
    NumbingPolicy,
    RedFlag,
    Rule,
    Source,
    Step,
    Zone,
)
from .reading import BadCatalogue, Table
from .rulebuilding import build_rule

__all__ = ["BadCatalogue", "Catalogue", "load", "parse"]

SHIPPED = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """A published protocol. `text` and `sha256` go on record with it, so that a decision can be replayed."""

    version: str
    text: str
    sha256: str
    sources: Mapping[str, Source]
    rules: tuple[Rule, ...]
    rules_by_code: Mapping[str, Rule]
    # Where a rule stands in the catalogue: the order of findings and of ties.
    position: Mapping[str, int]
    concerns: Mapping[str, ConcernPolicy]
    zones: Mapping[str, Zone]
    matrix: Mapping[str, Mapping[str, Cell | None]]
    interval: IntervalPolicy
    age: AgePolicy
    depth: DepthPolicy
    desk: Mapping[str, str]
    steps: tuple[Step, ...]
    red_flags: tuple[RedFlag, ...]
    numbing: NumbingPolicy
    anaesthetics: Mapping[str, Anaesthetic]

    def rule(self, code: str) -> Rule:
        return self.rules_by_code[code]

    def concern(self, code: str) -> ConcernPolicy:
        return self.concerns[code]

    def zone(self, code: str) -> Zone:
        return self.zones[code]

    def source(self, id: str) -> Source:
        return self.sources[id]

    def rules_for_form(self, form: Form) -> tuple[Rule, ...]:
        """The questions of a form, in catalogue order."""
        return tuple(rule for rule in self.rules if rule.form == form)

    def offered_concerns(self) -> tuple[ConcernPolicy, ...]:
        return tuple(concern for concern in self.concerns.values() if concern.offered)

    def cell(self, zone: str, concern: str, skin_type: int | None) -> Cell | None:
        """The matrix cell of a zone and a concern; None where it is not offered.

        An unknown skin type reads the column of types IV to VI, which is never looser.
        """
        policy = self.concerns[concern]
        if policy.only_zones and zone not in policy.only_zones:
            return None
        dark = skin_type is None or skin_type >= 4
        column = policy.depth_column_4_6 if dark and policy.depth_column_4_6 else policy.depth_column
        cell = self.matrix[zone][column]
        if cell and policy.depth_column_4_6:
            return Cell(cell.start_mm, cell.soft_max_mm, own_column=True)
        return cell


@cache
def _load_shipped() -> Catalogue:
    return parse(SHIPPED.read_bytes())


def load(path: Path | None = None) -> Catalogue:
    """Read a catalogue, the shipped one by default (kept after the first call). Raises `BadCatalogue`."""
    return _load_shipped() if path is None else parse(path.read_bytes())


def parse(data: bytes) -> Catalogue:
    """Build a catalogue from the bytes of a TOML file. Raises `BadCatalogue` with a sentence that names the entry."""
    try:
        text = data.decode("utf-8")
        top = Table("catalogue", tomllib.loads(text, parse_float=Decimal))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadCatalogue(f"catalogue: not readable as TOML: {error}") from error
    rules = by_code("rule", (build_rule(table) for table in _named(top, "rule")))
    zones = by_code("zone", (build_zone(table) for table in _named(top, "zone")))
    catalogue = Catalogue(
        version=top.text("version"),
        text=text,
        sha256=hashlib.sha256(data).hexdigest(),
        sources=build_sources(top.table("sources")),
        rules=tuple(rules.values()),
        rules_by_code=rules,
        position={code: number for number, code in enumerate(rules)},
        concerns=by_code("concern", (build_concern(table) for table in _named(top, "concern"))),
        zones=zones,
        matrix=build_matrix(top.table("depth_matrix"), [zone for zone in zones.values() if not zone.prohibited]),
        interval=build_interval(top.table("interval")),
        age=build_age(top.table("age")),
        depth=build_depth(top.table("depth")),
        desk=build_desk(top.table("desk")),
        steps=tuple(by_code("step", (build_step(table) for table in _named(top, "step"))).values()),
        red_flags=tuple(by_code("red_flag", (build_red_flag(table) for table in _named(top, "red_flag"))).values()),
        numbing=build_numbing(top.table("numbing")),
        anaesthetics=by_code("anaesthetic", (build_anaesthetic(table) for table in _named(top, "anaesthetic"))),
    )
    top.done()
    check(catalogue)
    return catalogue


def _named(top: Table, kind: str) -> Iterable[Table]:
    """The entries of one kind, each placed under its own name, so that an error says "rule pregnant"."""
    for table in top.tables(kind):
        table.place = f"{kind} {table.text('code')}"
        yield table
