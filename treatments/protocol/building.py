"""From a table of the catalogue to its frozen entry. Each builder takes every key it knows and refuses the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol, TypeVar, get_args

from .entries import (
    Active,
    AgePolicy,
    Anaesthetic,
    Anchor,
    Cell,
    ConcernPolicy,
    Count,
    DepthPolicy,
    Endpoint,
    Grade,
    IntervalPolicy,
    Level,
    LineKind,
    Maintenance,
    NumbingPolicy,
    RedFlag,
    Source,
    Spacing,
    Step,
    StepLine,
    Zone,
)
from .reading import BadCatalogue, Table
from .rulebuilding import build_evidence

CELL = re.compile(r"([0-9]\.[0-9]{1,2})-([0-9]\.[0-9]{1,2})")
DESK_WORDS = ("block", "block_until", "defer", "needs_clinician", "ask", "caution", "clear")


class Coded(Protocol):
    @property
    def code(self) -> str: ...


Entry = TypeVar("Entry", bound=Coded)


def by_code(kind: str, entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by code, in file order. A code given twice would hide the first one."""
    found = any_by_code(kind, entries)
    if not found:
        raise BadCatalogue(f"{kind}: there is none")
    return found


def any_by_code(kind: str, entries: Iterable[Entry]) -> dict[str, Entry]:
    """The same, where there may be none."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.code in found:
            raise BadCatalogue(f"{kind} {entry.code}: is there twice")
        found[entry.code] = entry
    return found


def build_sources(table: Table) -> dict[str, Source]:
    """Sources by id: grade, title and, where there is one, the address."""
    sources: dict[str, Source] = {}
    for id in table.names():
        grade, title, url = (*table.row(id, least=2, most=3), "")[:3]
        known = [letter for letter in get_args(Grade) if letter == grade]
        if not known:
            raise table.fail(id, f"must begin with one of the grades {', '.join(get_args(Grade))}")
        sources[id] = Source(id=id, title=title, grade=known[0], url=url)
    return sources


def _count(table: Table) -> Count:
    plan = table.whole("plan", least=1, most=8)
    count = Count(
        plan=plan,
        minimum=table.whole("min", least=1, most=8),
        maximum=table.whole("max", least=1, most=8),
        published_plan=plan,
    )
    if not count.minimum <= count.plan <= count.maximum:
        raise table.fail("plan", "must lie between min and max")
    return count


def _spacing(table: Table) -> Spacing:
    spacing = Spacing(
        floor_days=table.whole("floor", least=1),
        target_days=table.whole("target", least=1),
        latest_days=table.whole("latest", least=1),
    )
    if not spacing.floor_days <= spacing.target_days <= spacing.latest_days:
        raise table.fail("floor", "must not be above target, nor target above latest")
    return spacing


def _maintenance(table: Table) -> Maintenance | None:
    inner = table.optional_table("maintenance")
    if inner is None:
        return None
    maintenance = inner.read(_upkeep)
    if maintenance.from_days > maintenance.to_days:
        raise table.fail("maintenance", "ends before it begins")
    return maintenance


def _upkeep(table: Table) -> Maintenance:
    return Maintenance(table.whole("from_days", least=1), table.whole("to_days", least=1))


def build_concern(table: Table) -> ConcernPolicy:
    concern = ConcernPolicy(
        code=table.text("code"),
        label=table.text("label"),
        offered=table.flag("offered", True),
        pigment=table.flag("pigment"),
        sessions=table.table("sessions").read(_count),
        sessions_severe=table.table("sessions_severe").read(_count) if table.has("sessions_severe") else None,
        interval=table.table("interval").read(_spacing),
        maintenance=_maintenance(table),
        review_after=_review_after(table),
        depth_column=table.text("depth_column"),
        depth_column_4_6=table.optional_text("depth_column_4_6"),
        only_zones=table.optional_texts("only_zones"),
        soft_max_mm=table.decimal("soft_max_mm"),
        soft_max_4_6_mm=table.optional_decimal("soft_max_4_6_mm"),
        hard_cap_mm=table.optional_decimal("hard_cap_mm"),
        endpoint=table.one_of("endpoint", get_args(Endpoint)),
        note=table.optional_text("note") or "",
        sources=table.texts("sources"),
        evidence=build_evidence(table, "evidence"),
        dissent=build_evidence(table, "dissent"),
    )
    if concern.soft_max_4_6_mm is not None and concern.soft_max_4_6_mm > concern.soft_max_mm:
        raise table.fail("soft_max_4_6_mm", "is above soft_max_mm")
    if concern.hard_cap_mm is not None and concern.soft_max_mm > concern.hard_cap_mm:
        raise table.fail("soft_max_mm", "is above hard_cap_mm")
    return concern


def _review_after(table: Table) -> tuple[int, ...]:
    if not table.has("review_after"):
        return ()
    numbers = table.wholes("review_after", least=1, most=8)
    if list(numbers) != sorted(set(numbers)):
        raise table.fail("review_after", "must rise")
    return numbers


def build_zone(table: Table) -> Zone:
    prohibited = table.flag("prohibited")
    zone = Zone(
        code=table.text("code"),
        label=table.text("label"),
        prohibited=prohibited,
        group="" if prohibited else table.one_of("group", ("face", "neck", "body")),
        start_mm=Decimal(0) if prohibited else table.decimal("start_mm"),
        soft_max_mm=Decimal(0) if prohibited else table.decimal("soft_max_mm"),
        hard_cap_mm=Decimal(0) if prohibited else table.decimal("hard_cap_mm"),
        hard_cap_by_device_mm=None if prohibited else table.optional_decimal("hard_cap_by_device_mm"),
        hard_cap_needs_prescriber=table.flag("hard_cap_needs_prescriber"),
        note=table.optional_text("note") or "",
        sources=table.texts("sources"),
        evidence=build_evidence(table, "evidence"),
        dissent=build_evidence(table, "dissent"),
    )
    depths = [zone.start_mm, zone.soft_max_mm, zone.hard_cap_mm, zone.hard_cap_by_device_mm]
    rising = [depth for depth in depths if depth is not None]
    if rising != sorted(rising):
        raise table.fail("start_mm, soft_max_mm, hard_cap_mm", "and hard_cap_by_device_mm must rise in this order")
    return zone


def build_matrix(table: Table, zones: Iterable[Zone]) -> dict[str, dict[str, Cell | None]]:
    """Zone by column. Every zone that may be treated has a row, every row a cell for each column."""
    columns = table.texts("columns")
    matrix: dict[str, dict[str, Cell | None]] = {}
    for zone in zones:
        cells = table.row(zone.code)
        if len(cells) != len(columns):
            raise table.fail(zone.code, f"has {len(cells)} cells for {len(columns)} columns")
        row = {column: _cell(table, zone.code, text) for column, text in zip(columns, cells, strict=True)}
        for column, cell in row.items():
            if cell and cell.soft_max_mm > zone.hard_cap_mm:
                raise table.fail(zone.code, f"goes deeper in {column} than the hard cap of the zone")
        matrix[zone.code] = row
    return matrix


def _cell(table: Table, zone: str, text: str) -> Cell | None:
    if text == "x":
        return None
    depths = CELL.fullmatch(text)
    if not depths:
        raise table.fail(zone, f'has the cell "{text}"; write "start-soft maximum" or "x"')
    cell = Cell(Decimal(depths[1]), Decimal(depths[2]))
    if cell.start_mm > cell.soft_max_mm:
        raise table.fail(zone, f'has the cell "{text}", which starts above its soft maximum')
    return cell


def build_interval(table: Table) -> IntervalPolicy:
    policy = IntervalPolicy(
        floor_days=table.whole("floor_days", least=28),
        raised_floor_days=table.whole("raised_floor_days", least=28),
        pigment_trouble_extra_days=table.whole("pigment_trouble_extra_days"),
        deep_session_mm=table.decimal("deep_session_mm"),
        event_grade=table.whole("event_grade", least=1, most=5),
        late_after_days=table.whole("late_after_days", least=1),
        new_baseline_after_days=table.whole("new_baseline_after_days", least=1),
        sun_avoidance_days=table.whole("sun_avoidance_days"),
        sun_avoidance_raised_days=table.whole("sun_avoidance_raised_days"),
        sources=table.texts("sources"),
        evidence=build_evidence(table, "evidence"),
        dissent=build_evidence(table, "dissent"),
    )
    if policy.floor_days > policy.raised_floor_days:
        raise table.fail("raised_floor_days", "is below floor_days")
    return policy


def build_age(table: Table) -> AgePolicy:
    return AgePolicy(table.whole("minimum_years", least=18), table.whole("label_years", least=18))


def build_depth(table: Table) -> DepthPolicy:
    step_mm = table.decimal("step_mm")
    policy = DepthPolicy(
        absolute_mm=table.decimal("absolute_mm"),
        step_mm=step_mm,
        step_down_mm=step_mm,
        lowest_mm=table.decimal("lowest_mm"),
        sources=table.texts("sources"),
        evidence=build_evidence(table, "evidence"),
        dissent=build_evidence(table, "dissent"),
    )
    if policy.absolute_mm > Decimal("3.0"):
        raise table.fail("absolute_mm", "must not be above 3.0")
    return policy


def build_desk(table: Table) -> dict[str, str]:
    return {word: table.text(word) for word in DESK_WORDS}


def build_step(table: Table) -> Step:
    return Step(
        code=table.text("code"),
        label=table.text("label"),
        anchor=table.one_of("anchor", get_args(Anchor)),
        offset_hours=table.whole("offset_hours", least=-10_000),
        offset_hours_4_6=table.optional_whole("offset_hours_4_6", least=-10_000),
        lines=tuple(line.read(_line) for line in table.tables("lines")),
        sources=table.texts("sources"),
    )


def _line(table: Table) -> StepLine:
    line = StepLine(
        kind=table.one_of("kind", get_args(LineKind)),
        text=table.text("text"),
        text_4_6=table.optional_text("text_4_6"),
        rule=table.optional_text("rule"),
    )
    if (line.rule is not None) != (line.kind in ("stop", "allow")):
        raise table.fail("rule", "belongs to stop and allow lines, and only to them")
    if ("{day}" in line.text) != (line.kind == "stop"):
        raise table.fail("text", "carries {day} where the kind is stop, and only there")
    return line


def build_red_flag(table: Table) -> RedFlag:
    return RedFlag(
        code=table.text("code"),
        level=table.one_of("level", get_args(Level)),
        text=table.text("text"),
        sources=table.texts("sources"),
    )


def build_numbing(table: Table) -> NumbingPolicy:
    per_kg, without_weight = table.decimal("alert_mg_per_kg"), table.decimal("alert_mg_without_weight")
    return NumbingPolicy(
        alert_mg_per_kg=per_kg,
        alert_mg=table.decimal("alert_mg"),
        alert_mg_without_weight=without_weight,
        assumed_kg=without_weight / per_kg,
        order_above_percent=table.decimal("order_above_percent"),
        strong_area_cm2=table.optional_decimal("strong_area_cm2"),
        prep_minutes_without_agent=table.whole("prep_minutes_without_agent"),
        stop_signs=table.optional_texts("stop_signs"),
        sources=table.texts("sources"),
    )


def build_anaesthetic(table: Table) -> Anaesthetic:
    shortest, longest = table.table("minutes").read(_minutes)
    agent = Anaesthetic(
        code=table.text("code"),
        label=table.text("label"),
        actives=tuple(active.read(_active) for active in table.tables("actives")),
        minimum_minutes=shortest,
        maximum_minutes=longest,
        prep_minutes=table.whole("prep_minutes"),
        max_grams_per_10_cm2=table.optional_decimal("max_grams_per_10_cm2"),
        max_area_cm2=table.optional_decimal("max_area_cm2"),
        occlusion=table.flag("occlusion"),
        prescriber_order=table.flag("prescriber_order"),
        discouraged_4_to_6=table.flag("discouraged_4_to_6"),
        note=table.optional_text("note") or "",
        sources=table.texts("sources"),
    )
    if not agent.actives:
        raise table.fail("actives", "are missing")
    if agent.minimum_minutes > agent.maximum_minutes:
        raise table.fail("minutes", "end before they begin")
    return agent


def _minutes(table: Table) -> tuple[int, int]:
    return table.whole("from", least=1), table.whole("to", least=1)


def _active(table: Table) -> Active:
    active = Active(name=table.text("name"), percent=table.decimal("percent"))
    if active.percent > 100:
        raise table.fail("percent", "is above 100")
    return active
