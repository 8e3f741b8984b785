"""The clinic's protocol as data: `load()` reads `catalogue.toml` strictly and returns frozen values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
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
    Entry,
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
from .checking import check, cited
from .contents import Catalogue
from .entries import Source
from .reading import BadCatalogue, Table
from .rulebuilding import build_rule

__all__ = ["BadCatalogue", "Catalogue", "completed", "load", "parse"]

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
    rules = by_code("rule", _named(top, "rule", build_rule))
    zones = by_code("zone", _named(top, "zone", build_zone))
    treated = [zone for zone in zones.values() if not zone.prohibited]
    risk = top.optional_table("higher_risk")
    sources, background = top.table("sources").read(build_sources), _background(top)
    catalogue = Catalogue(
        version=top.text("version"),
        text=text,
        sha256=hashlib.sha256(data).hexdigest(),
        sources=sources | background,
        rules=tuple(rules.values()),
        rules_by_code=rules,
        position={code: number for number, code in enumerate(rules)},
        concerns=by_code("concern", _named(top, "concern", build_concern)),
        zones=zones,
        matrix=top.table("depth_matrix").read(lambda table: build_matrix(table, treated)),
        interval=top.table("interval").read(build_interval),
        age=top.table("age").read(build_age),
        depth=top.table("depth").read(build_depth),
        desk=top.table("desk").read(build_desk),
        steps=tuple(by_code("step", _named(top, "step", build_step)).values()),
        red_flags=tuple(by_code("red_flag", _named(top, "red_flag", build_red_flag)).values()),
        numbing=top.table("numbing").read(build_numbing),
        anaesthetics=by_code("anaesthetic", _named(top, "anaesthetic", build_anaesthetic)),
        modalities=any_by_code("modality", _named(top, "modality", build_modality)),
        devices=any_by_code("device", _named(top, "device", build_device)),
        event_grades=any_by_code("event_grade", _named(top, "event_grade", build_grade)),
        adverse_events=any_by_code("adverse_event", _named(top, "adverse_event", build_event)),
        credentials=any_by_code("credential", _named(top, "credential", build_credential)),
        higher_risk=None if risk is None else risk.read(build_higher_risk),
        background=frozenset(background),
    )
    top.done()
    check(catalogue)
    return catalogue


def completed(older: Catalogue, newer: Catalogue) -> Catalogue:
    """A version from before unwanted effects and the limits of strong creams came in, with those of a newer one.

    The five grades do not hang on a version. What decides a screening, a course or a depth stays as published.
    """
    numbing = replace(
        older.numbing,
        strong_area_cm2=older.numbing.strong_area_cm2 or newer.numbing.strong_area_cm2,
        stop_signs=older.numbing.stop_signs or newer.numbing.stop_signs,
    )
    made = replace(
        older,
        numbing=numbing,
        event_grades={**newer.event_grades, **older.event_grades},
        adverse_events=older.adverse_events or newer.adverse_events,
        modalities=older.modalities or newer.modalities,
    )
    lent = {id for _, ids in cited(made) for id in ids if id not in older.sources}
    return replace(made, sources={**older.sources, **{id: newer.sources[id] for id in sorted(lent)}})


def _background(top: Table) -> dict[str, Source]:
    """Sources that were read without anything resting on them; absent in versions published before they were listed."""
    table = top.optional_table("background")
    return {} if table is None else table.read(build_sources)


def _named(top: Table, kind: str, build: Callable[[Table], Entry]) -> Iterator[Entry]:
    """The entries of one kind, each read under its own name, so that an error says "rule pregnant"."""
    for table in top.tables(kind):
        table.place = f"{kind} {table.text('code')}"
        yield table.read(build)
