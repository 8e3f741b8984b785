"""From `instruments.toml` to frozen entries. Every key is known, every value has its type, every error names its place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal

import tomli

from .building import build_sources, by_code
from .instruments_entries import Band, Group, Instrument, Instruments, Item, Option, StopRule
from .reading import BadCatalogue, Table

Scales = Mapping[str, tuple[Option, ...]]


def parse(data: bytes) -> Instruments:
    """Build the instruments from the bytes of a TOML file. Raises `BadCatalogue` with a sentence that names the entry."""
    try:
        top = Table("instruments", tomli.loads(data.decode("utf-8"), parse_float=Decimal))
    except (UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise BadCatalogue(f"instruments: not readable as TOML: {error}") from error
    scales = _scales(top)
    found = Instruments(
        version=top.text("version"),
        sha256=hashlib.sha256(data).hexdigest(),
        sources=top.table("sources").read(build_sources),
        by_code=by_code(
            "instrument", (table.read(lambda one: _instrument(one, scales)) for table in _named(top, "instrument"))
        ),
    )
    top.done()
    _check(found)
    return found


def _named(top: Table, kind: str) -> Iterable[Table]:
    for table in top.tables(kind):
        table.place = f"{kind} {table.text('code')}"
        yield table


def _scales(top: Table) -> Scales:
    scales: dict[str, tuple[Option, ...]] = {}
    for table in _named(top, "scale"):
        code = table.text("code")
        if code in scales:
            raise BadCatalogue(f"scale {code}: is there twice")
        scales[code] = table.read(_options)
    return scales


def _options(table: Table) -> tuple[Option, ...]:
    options = tuple(one.read(_option) for one in table.tables("options"))
    if len(options) < 2:
        raise table.fail("options", "must offer at least two answers")
    values, points = [option.value for option in options], [option.points for option in options]
    if values != sorted(set(values)) or points != sorted(set(points)):
        raise table.fail("options", "must rise in value and in points")
    return options


def _option(table: Table) -> Option:
    value = table.whole("value", most=99)
    points = table.optional_whole("points", most=99)
    return Option(
        value=value,
        label=table.text("label"),
        points=value if points is None else points,
        note=table.optional_text("note") or "",
    )


def _item(table: Table, scales: Scales) -> Item:
    table.place = f"{table.place.partition(',')[0]}, {table.text('code')}"
    if not table.has("scale"):
        options = _options(table)
    elif (scale := table.text("scale")) in scales:
        options = scales[scale]
    else:
        raise table.fail("scale", f"names {scale}, which is not there")
    return Item(
        code=table.text("code"),
        label=table.text("label"),
        options=options,
        raises=table.optional_texts("raises"),
    )


def _group(table: Table, scales: Scales) -> Group:
    group = Group(
        label=table.text("label"),
        weight=table.optional_decimal("weight"),
        note=table.optional_text("note") or "",
        items=tuple(item.read(lambda one: _item(one, scales)) for item in table.tables("item")),
    )
    if not group.items:
        raise table.fail("item", "is missing")
    return group


def _band(table: Table) -> Band:
    return Band(
        least=table.whole("least"),
        most=table.whole("most"),
        label=table.text("label"),
        value=table.optional_whole("value", least=1, most=9),
    )


def _stop_rule(table: Table) -> StopRule:
    return StopRule(
        percent=table.whole("percent", least=1, most=100),
        points=table.decimal("points"),
        sources=table.texts("sources"),
    )


def _instrument(table: Table, scales: Scales) -> Instrument:
    stop_rule = table.optional_table("stop_rule")
    made = Instrument(
        code=table.text("code"),
        instrument=table.text("instrument"),
        variant=table.text("variant"),
        label=table.text("label"),
        variant_label=table.text("variant_label"),
        formula=table.one_of("formula", ("choice", "sum", "regions", "typed")),
        better=table.one_of("better", ("lower", "higher", "neither", "asked")),
        zone=table.one_of("zone", ("asked", "none")),
        least=table.whole("least"),
        most=table.whole("most", least=1),
        groups=tuple(group.read(lambda one: _group(one, scales)) for group in table.tables("group")),
        bands=tuple(band.read(_band) for band in table.tables("bands")),
        sources=table.texts("sources"),
        note=table.optional_text("note") or "",
        licence=table.optional_text("licence") or "",
        asks_name=table.optional_text("asks_name") or "",
        asks_range=table.flag("asks_range"),
        whole_only=table.optional_whole("step", least=1, most=1) == 1,
        show_response=table.flag("show_response"),
        stop_rule=stop_rule.read(_stop_rule) if stop_rule else None,
    )
    _check_one(table, made)
    return made


# ── What one entry promises another ───────────────────────────────────────────


def _check(found: Instruments) -> None:
    seen: set[tuple[str, str]] = set()
    for one in found.by_code.values():
        if (one.instrument, one.variant) in seen:
            raise BadCatalogue(f"instrument {one.code}: variant {one.variant} is there twice")
        seen.add((one.instrument, one.variant))
        for source in (*one.sources, *(one.stop_rule.sources if one.stop_rule else ())):
            if source not in found.sources:
                raise BadCatalogue(f"instrument {one.code}: names the source {source}, which is not there")


def _check_one(table: Table, one: Instrument) -> None:
    codes = [item.code for item in one.items]
    if len(set(codes)) != len(codes):
        raise table.fail("group", "asks one question twice")
    if (one.formula == "typed") == bool(codes):
        raise table.fail("group", "belongs to every formula but typed")
    if one.formula == "choice" and len(codes) != 1:
        raise table.fail("formula", "choice takes exactly one question")
    if one.formula == "regions" and not all(group.weight and len(group.items) > 1 for group in one.groups):
        raise table.fail("formula", "regions needs a weight and two or more questions in every group")
    if one.stop_rule and one.better != "lower":
        raise table.fail("stop_rule", "needs an instrument of which lower is better")
    _check_range(table, one)
    _check_bands(table, one)


def _check_range(table: Table, one: Instrument) -> None:
    """The range that is said is the one the answers can reach: a slip in the points of a table shows here."""
    if one.least >= one.most:
        raise table.fail("most", "must be above least")
    if one.formula == "typed":
        return
    lowest, highest = (total_of(one, {item.code: item.options[end] for item in one.items}) for end in (0, -1))
    if lowest != one.least or highest != one.most:
        raise table.fail("most", f"does not fit: the answers reach {lowest:f} to {highest:f}")


def _check_bands(table: Table, one: Instrument) -> None:
    if not one.bands:
        return
    begins = one.least
    for band in one.bands:
        if band.least != begins or band.most < band.least:
            raise table.fail("bands", f"must follow each other without a gap: {band.label}")
        begins = band.most + 1
    if one.bands[-1].most != one.most:
        raise table.fail("bands", "must reach to the highest total")


def total_of(instrument: Instrument, chosen: Mapping[str, Option]) -> Decimal:
    """The total of chosen options, by item. Regions: weight x first answer x sum of the others (MASI)."""
    if instrument.formula != "regions":
        return Decimal(sum(chosen[item.code].points for item in instrument.items))
    total = Decimal(0)
    for group in instrument.groups:
        first, *others = (chosen[item.code].points for item in group.items)
        total += (group.weight or Decimal(0)) * first * sum(others)
    return total
