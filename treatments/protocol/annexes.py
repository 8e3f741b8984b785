"""What the catalogue holds beside rules and depths: techniques, devices, unwanted effects, who may treat, higher risk.

Each kind is its frozen entry and the builder that reads it. All may be absent: versions published before they came
in stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from .entries import Evidence
from .reading import Table
from .rulebuilding import build_evidence

MECHANICAL = "mechanical"
Urgency = Literal["emergency", "same_day", "review", "usual"]


@dataclass(frozen=True, slots=True)
class Modality:
    """A technique. Only mechanical needling has rules and depths here; the others are named so that nobody mixes them up."""

    code: str
    label: str
    offered: bool
    note: str
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    dissent: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class DeviceLabel:
    """A make of device as its papers describe it: a start for the clinic's own entry, which is read from its own label."""

    code: str
    label: str
    max_depth_mm: Mapping[str, Decimal]  # face, neck, body or a zone code
    filler_washout_days: int | None
    indications: tuple[str, ...]
    skin_types: str
    note: str
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class EventGrade:
    """One of the five grades of an unwanted effect (CTCAE)."""

    code: str
    label: str
    report: bool
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AdverseEventKind:
    """An unwanted effect: when it shows, how it usually runs, when it must be passed on.

    `least_grade`: an effect that always needs somebody is never graded lower, so that it stops the next session.
    """

    code: str
    label: str
    onset: str
    course: str
    escalate: str
    urgency: Urgency
    least_grade: int
    modality: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credential:
    """Who may needle how deep somewhere, as a source has it. `verified` is false where nobody has read the statute."""

    code: str
    jurisdiction: str
    role: str
    max_depth_mm: Decimal | None
    supervised: bool
    verified: bool
    note: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HigherRisk:
    """What follows from skin type IV to VI, an unknown type or a pigment concern, with those who say that it matters."""

    label: str
    effects: tuple[Evidence, ...]
    evidence: tuple[Evidence, ...]
    dissent: tuple[Evidence, ...]


def build_modality(table: Table) -> Modality:
    modality = Modality(
        code=table.text("code"),
        label=table.text("label"),
        offered=table.flag("offered"),
        note=table.text("note"),
        sources=table.texts("sources"),
        evidence=build_evidence(table, "evidence"),
        dissent=build_evidence(table, "dissent"),
    )
    if modality.offered != (modality.code == MECHANICAL):
        raise table.fail("offered", f"must be true for {MECHANICAL} and false for the others: they have no rules here")
    return modality


def build_device(table: Table) -> DeviceLabel:
    depths = table.optional_table("max_depth_mm")
    return DeviceLabel(
        code=table.text("code"),
        label=table.text("label"),
        max_depth_mm={name: depths.decimal(name) for name in depths.names()} if depths else {},
        filler_washout_days=table.optional_whole("filler_washout_days", least=1),
        indications=table.optional_texts("indications"),
        skin_types=table.optional_text("skin_types") or "",
        note=table.text("note"),
        sources=table.texts("sources"),
        evidence=build_evidence(table, "evidence"),
    )


def build_grade(table: Table) -> EventGrade:
    return EventGrade(
        code=table.one_of("code", ("1", "2", "3", "4", "5")),
        label=table.text("label"),
        report=table.flag("report"),
        sources=table.texts("sources"),
    )


def build_event(table: Table) -> AdverseEventKind:
    return AdverseEventKind(
        code=table.text("code"),
        label=table.text("label"),
        onset=table.text("onset"),
        course=table.text("course"),
        escalate=table.text("escalate"),
        urgency=table.one_of("urgency", get_args(Urgency)),
        least_grade=table.optional_whole("least_grade", least=1, most=4) or 1,
        modality=table.optional_text("modality") or MECHANICAL,
        sources=table.texts("sources"),
    )


def build_credential(table: Table) -> Credential:
    return Credential(
        code=table.text("code"),
        jurisdiction=table.text("jurisdiction"),
        role=table.text("role"),
        max_depth_mm=table.optional_decimal("max_depth_mm"),
        supervised=table.flag("supervised"),
        verified=table.flag("verified"),
        note=table.text("note"),
        sources=table.texts("sources"),
    )


def build_higher_risk(table: Table) -> HigherRisk:
    return HigherRisk(
        label=table.text("label"),
        effects=build_evidence(table, "effects"),
        evidence=build_evidence(table, "evidence"),
        dissent=build_evidence(table, "dissent"),
    )
