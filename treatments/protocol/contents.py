"""What a catalogue holds once it is read: frozen values, found by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .annexes import AdverseEventKind, Credential, DeviceLabel, EventGrade, HigherRisk, Modality
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
    modalities: Mapping[str, Modality]
    devices: Mapping[str, DeviceLabel]
    event_grades: Mapping[str, EventGrade]
    adverse_events: Mapping[str, AdverseEventKind]
    credentials: Mapping[str, Credential]
    higher_risk: HigherRisk | None
    # Sources that were read and that nothing in the catalogue rests on.
    background: frozenset[str]

    def rule(self, code: str) -> Rule:
        return self.rules_by_code[code]

    def concern(self, code: str) -> ConcernPolicy:
        return self.concerns[code]

    def zone(self, code: str) -> Zone:
        return self.zones[code]

    def source(self, id: str) -> Source:
        return self.sources[id]

    def zone_label(self, code: str) -> str:
        """How a zone is called, also one that was charted under a version that had more zones: the code in words."""
        zone = self.zones.get(code)
        return zone.label if zone else code.replace("_", " ").capitalize()

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
