"""How deep: start, soft maximum and hard cap of a zone, and what an entered depth needs.

Order of precedence: the hard cap is the smallest of the device's label, the zone's cap, the concern's cap and 3.0 mm;
nobody passes it. The soft maximum is the smallest of the matrix cell, the concern's ceiling and the hard cap. Several
concerns in one zone take the smallest of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .catalogue import Catalogue
from .entries import Cell, ConcernPolicy, Zone
from .facts import Device
from .interval import dark_or_unknown
from .jsonreading import BadFacts, plain
from .written import written

Verdict = Literal["ok", "needs_reason", "refused"]

SIGN_OFF_FROM_SKIN_TYPE = 5


class NotOffered(BadFacts):
    """This zone is not treated, or not for this concern or skin type."""


@dataclass(frozen=True, slots=True)
class DepthLimits:
    """Depths of one zone in millimetres, start ≤ soft maximum ≤ hard cap, and the sources they rest on."""

    zone: str
    start_mm: Decimal
    soft_max_mm: Decimal
    hard_cap_mm: Decimal
    sources: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "zone": self.zone,
            "start_mm": plain(self.start_mm),
            "soft_max_mm": plain(self.soft_max_mm),
            "hard_cap_mm": plain(self.hard_cap_mm),
            "sources": list(self.sources),
        }


@dataclass(frozen=True, slots=True)
class DepthVerdict:
    """What an entered depth needs. The sentence is for the person who typed it; empty when all is well."""

    verdict: Verdict
    sentence: str = ""


def limits(
    zone: str,
    concerns: Sequence[str],
    *,
    skin_type: int | None,
    pih_history: bool,
    device: Device | None,
    first_session: bool,
    catalogue: Catalogue,
    prescriber: bool = False,
    after_long_gap: bool = False,
) -> DepthLimits:
    """Depths of a zone for the concerns treated there. Raises `NotOffered`.

    `prescriber`: a prescriber orders the depth, which some zones ask for above their plain cap.
    `after_long_gap`: more than 84 days since the last session, so the start is one step lower.
    """
    entry = catalogue.zones.get(zone)
    if entry is None or entry.prohibited or not concerns:
        raise NotOffered(f"zones: {zone} is not a zone that may be treated")
    policies = [catalogue.concern(code) for code in concerns]
    cells = [_cell(zone, policy, skin_type, catalogue) for policy in policies]
    zone_cap = _zone_cap(entry, device, prescriber, catalogue)
    hard_cap = min([zone_cap, *(policy.hard_cap_mm for policy in policies if policy.hard_cap_mm is not None)])
    start = min(cell.start_mm for cell in cells)
    dark = dark_or_unknown(skin_type)
    step, lowest = catalogue.depth.step_down_mm, catalogue.depth.lowest_mm
    soft_max = hard_cap
    for policy, cell in zip(policies, cells, strict=True):
        ceiling = policy.soft_max_4_6_mm if dark and policy.soft_max_4_6_mm is not None else policy.soft_max_mm
        soft = min(cell.soft_max_mm, ceiling, hard_cap)
        if dark and first_session and not cell.own_column:
            soft = max(soft - step, start)
        soft_max = min(soft_max, soft)
    if pih_history:
        start, soft_max = max(start - step, lowest), max(soft_max - step, lowest)
    if after_long_gap:
        start = max(start - step, lowest)
    # A device that reaches less deep than the usual start lowers everything with it.
    soft_max = min(soft_max, hard_cap)
    return DepthLimits(
        zone=zone,
        start_mm=min(start, soft_max),
        soft_max_mm=soft_max,
        hard_cap_mm=hard_cap,
        sources=_sources(entry, policies),
    )


def _cell(zone: str, policy: ConcernPolicy, skin_type: int | None, catalogue: Catalogue) -> Cell:
    cell = catalogue.cell(zone, policy.code, skin_type) if policy.offered or policy.withdrawn else None
    if cell is None:
        unknown = " while the skin type is unknown" if skin_type is None else ""
        raise NotOffered(f"zones: {zone} is not offered for {policy.code}{unknown}")
    return cell


def _zone_cap(zone: Zone, device: Device | None, prescriber: bool, catalogue: Catalogue) -> Decimal:
    """The cap of a zone under the device's label; where the label is silent the zone's plain cap holds."""
    by_label = _label_limit(zone, device)
    cap = zone.hard_cap_mm
    if by_label is not None and (prescriber or not zone.hard_cap_needs_prescriber):
        cap = zone.hard_cap_by_device_mm or cap
    known = [cap, catalogue.depth.absolute_mm]
    return min(known if by_label is None else [*known, by_label])


def within_device_mm(zone: Zone, device: Device | None) -> Decimal:
    """The deepest a device may go in a zone, whoever orders it: its label, and where that is silent the zone's plain cap."""
    by_label = _label_limit(zone, device)
    return zone.hard_cap_mm if by_label is None else by_label


def needs_sign_off(zone: Zone, skin_type: int | None) -> bool:
    """Whether a prescriber has to sign for this zone: the neck in skin type V and VI (clinical data sheet 2.6; R5).

    The one device that is cleared for the neck is cleared up to type IV. A skin type that is not known counts as dark.
    """
    return zone.group == "neck" and (skin_type is None or skin_type >= SIGN_OFF_FROM_SKIN_TYPE)


def _label_limit(zone: Zone, device: Device | None) -> Decimal | None:
    if device is None:
        return None
    return device.max_depth_mm.get(zone.code, device.max_depth_mm.get(zone.group))


def _sources(zone: Zone, policies: Sequence[ConcernPolicy]) -> tuple[str, ...]:
    ids = [*zone.sources, *(id for policy in policies for id in policy.sources)]
    return tuple(dict.fromkeys(ids))


def check(
    entered_mm: Decimal, allowed: DepthLimits, *, last_mm: Decimal | None = None, step_mm: Decimal = Decimal("0.25")
) -> DepthVerdict:
    """What an entered depth needs: nothing, a reason, or it is refused. `last_mm`: the same zone last time."""
    if not entered_mm.is_finite() or entered_mm <= 0:
        return DepthVerdict("refused", "Enter a depth above 0 mm.")
    if entered_mm > allowed.hard_cap_mm:
        return DepthVerdict("refused", f"{_mm(entered_mm)}: the limit is {_mm(allowed.hard_cap_mm)}.")
    if entered_mm > allowed.soft_max_mm:
        return DepthVerdict(
            "needs_reason", f"{_mm(entered_mm)} is above the usual {_mm(allowed.soft_max_mm)}: give a reason."
        )
    if last_mm is not None and entered_mm > last_mm + step_mm:
        return DepthVerdict(
            "needs_reason",
            f"{_mm(entered_mm)} is more than {_mm(step_mm)} deeper than last time ({_mm(last_mm)}): give a reason.",
        )
    return DepthVerdict("ok")


def _mm(depth: Decimal) -> str:
    return f"{written(depth)} mm"
