"""What must be done differently in a session that may go ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Literal

from .catalogue import Catalogue
from .facts import PatientFacts
from .interval import Floor, dark_or_unknown, pigment_concerns

Parameter = Literal["floor_days", "soft_max_step_mm", "anaesthetic", "endpoint", "avoid_zones", "sun_avoidance_days"]


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter with its value for this patient, and the rules, concerns or facts that ask for it."""

    parameter: Parameter
    value: int | float | str
    because: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {"parameter": self.parameter, "value": self.value, "because": list(self.because)}


def floor_days(changes: Iterable[Change], catalogue: Catalogue) -> int:
    """The shortest interval between two needlings on the day of a screening, told by what it changes."""
    raised = (int(change.value) for change in changes if change.parameter == "floor_days")
    return next(raised, catalogue.interval.floor_days)


def changes_for(facts: PatientFacts, raised: Set[str], floor: Floor, catalogue: Catalogue) -> tuple[Change, ...]:
    """The changes in a fixed order, each once. A lifted rule still asks for its change."""
    return tuple(_changes(facts, raised, floor, catalogue))


def _changes(facts: PatientFacts, raised: Set[str], floor: Floor, catalogue: Catalogue) -> Iterator[Change]:
    risk = [*(("skin_type",) if dark_or_unknown(facts.skin_type) else ()), *pigment_concerns(facts, catalogue)]

    def of(*codes: str) -> tuple[str, ...]:
        return tuple(code for code in codes if code in raised)

    if floor.days != catalogue.interval.floor_days:
        yield Change("floor_days", floor.days, floor.because)
    if because := of("pih_history", "anticoagulant_rx"):
        yield Change("soft_max_step_mm", -float(catalogue.depth.step_down_mm), because)
    if because := of("anaesthetic_allergy", "anaesthetic_caution"):
        yield Change("anaesthetic", "none", because)
    if risk:
        yield Change("endpoint", "erythema", tuple(risk))
    if because := of("raised_lesion_area", "tattoo_pmu_area"):
        yield Change("avoid_zones", "marked", because)
    if risk:
        yield Change("sun_avoidance_days", catalogue.interval.sun_avoidance_raised_days, tuple(risk))
