"""The clinic's protocol as data: `load()` reads `catalogue.toml` strictly and returns frozen values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path

import tomli

from .annexes import (
    build_credential,
    build_device,
    build_event,
    build_grade,
    build_higher_risk,
    build_modality,
)
from .building import (
    any_by_code,
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
from .contents import Catalogue
from .entries import Source
from .reading import BadCatalogue, Table
from .rulebuilding import build_rule

__all__ = ["BadCatalogue", "Catalogue", "load", "parse"]

SHIPPED = Path(__file__).with_name("catalogue.toml")


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
        top = Table("catalogue", tomli.loads(text, parse_float=Decimal))
    except (UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise BadCatalogue(f"catalogue: not readable as TOML: {error}") from error
    rules = by_code("rule", (build_rule(table) for table in _named(top, "rule")))
    zones = by_code("zone", (build_zone(table) for table in _named(top, "zone")))
    risk = top.optional_table("higher_risk")
    sources, background = build_sources(top.table("sources")), _background(top)
    catalogue = Catalogue(
        version=top.text("version"),
        text=text,
        sha256=hashlib.sha256(data).hexdigest(),
        sources=sources | background,
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
        modalities=any_by_code("modality", (build_modality(table) for table in _named(top, "modality"))),
        devices=any_by_code("device", (build_device(table) for table in _named(top, "device"))),
        event_grades=any_by_code("event_grade", (build_grade(table) for table in _named(top, "event_grade"))),
        adverse_events=any_by_code("adverse_event", (build_event(table) for table in _named(top, "adverse_event"))),
        credentials=any_by_code("credential", (build_credential(table) for table in _named(top, "credential"))),
        higher_risk=None if risk is None else build_higher_risk(risk),
        background=frozenset(background),
    )
    top.done()
    check(catalogue)
    return catalogue


def _background(top: Table) -> dict[str, Source]:
    """Sources that were read without anything resting on them; absent in versions published before they were listed."""
    table = top.optional_table("background")
    return {} if table is None else build_sources(table)


def _named(top: Table, kind: str) -> Iterable[Table]:
    """The entries of one kind, each placed under its own name, so that an error says "rule pregnant"."""
    for table in top.tables(kind):
        table.place = f"{kind} {table.text('code')}"
        yield table
