"""What the rules may know about a patient: frozen values, read strictly from JSON and written back the same.

The JSON is a contract that clinics script against: an unknown key or a misspelt code is refused, because
`isotretinon_past` must not read as "no isotretinoin".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from .answers import Answer, answers_differ, settle, settle_all
from .catalogue import Catalogue, load
from .entries import Value
from .jsonreading import BadFacts, Fields, plain

__all__ = [
    "AdverseEventFact",
    "Answer",
    "BadFacts",
    "ClearanceFact",
    "Concern",
    "Device",
    "Needling",
    "PatientFacts",
    "answers_differ",
    "from_json",
    "settle",
    "settle_all",
]

Severity = Literal["mild", "moderate", "severe"]
SEVERITIES: tuple[Severity, ...] = ("mild", "moderate", "severe")
VALUES: tuple[Value, ...] = ("yes", "no", "not_sure")
GROUPS = ("face", "neck", "body")
# No needling device reaches deeper; a larger number is a slip of the keyboard.
DEEPEST_LABEL_MM = Decimal(10)


@dataclass(frozen=True, slots=True)
class Concern:
    code: str
    zones: tuple[str, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """What the device's own label says. Depth limits by `face`, `neck`, `body` or zone code; the zone code wins.

    `indications` None: the label was not entered. `filler_washout_days` None: the label is silent.
    """

    name: str = ""
    max_depth_mm: Mapping[str, Decimal] = field(default_factory=dict)
    filler_washout_days: int | None = None
    indications: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Needling:
    """A session that took place. Every needling counts for the floor; `counts` is about the number of the course."""

    on: date
    max_depth_mm: Decimal | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class AdverseEventFact:
    """A reaction: CTCAE grade 1 to 5, the day a clinician closed it, and whether it lasted over 72 hours."""

    grade: int
    resolved_on: date | None = None
    over_72h: bool = False


@dataclass(frozen=True, slots=True)
class ClearanceFact:
    """A clearance in force. `expires_on` is the last day that counts."""

    code: str
    expires_on: date


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """Everything `screen()` and `propose_course()` may know. Skin type I to VI as 1 to 6, None where unknown."""

    born_on: date
    skin_type: int | None = None
    pih_history: bool = False
    concerns: tuple[Concern, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    device: Device | None = None
    sessions: tuple[Needling, ...] = ()
    adverse_events: tuple[AdverseEventFact, ...] = ()
    clearances: tuple[ClearanceFact, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The JSON that `from_json` reads back to equal facts."""
        return {
            "born_on": plain(self.born_on),
            "skin_type": self.skin_type,
            "pih_history": self.pih_history,
            "concerns": [
                {"code": concern.code, "zones": list(concern.zones), "severity": concern.severity}
                for concern in self.concerns
            ],
            "answers": {code: _answer_to_json(answer) for code, answer in self.answers.items()},
            "device": None if self.device is None else _device_to_json(self.device),
            "sessions": [
                {"on": plain(done.on), "max_depth_mm": plain(done.max_depth_mm), "counts": done.counts}
                for done in self.sessions
            ],
            "adverse_events": [
                {"grade": event.grade, "resolved_on": plain(event.resolved_on), "over_72h": event.over_72h}
                for event in self.adverse_events
            ],
            "clearances": [
                {"code": clearance.code, "expires_on": plain(clearance.expires_on)} for clearance in self.clearances
            ],
        }


def _answer_to_json(answer: Answer) -> dict[str, object]:
    written = {
        "value": answer.value,
        "on": plain(answer.on),
        "detail": answer.detail,
        "answered_on": plain(answer.answered_on),
    }
    return {key: value for key, value in written.items() if value is not None}


def _device_to_json(device: Device) -> dict[str, object]:
    return {
        "name": device.name,
        "max_depth_mm": {where: plain(limit) for where, limit in device.max_depth_mm.items()},
        "filler_washout_days": device.filler_washout_days,
        "indications": None if device.indications is None else list(device.indications),
    }


def from_json(data: object, catalogue: Catalogue | None = None) -> PatientFacts:
    """Read facts strictly. Raises `BadFacts` ("field: sentence") for anything that is not exactly as agreed.

    `answered_on` at the top stands for every answer that carries none of its own.
    """
    protocol = catalogue or load()
    top = Fields("", data)
    if top.flag("prp", default=False):
        raise BadFacts("prp: the rules for platelet-rich plasma are not part of this protocol yet")
    answered_on = top.optional_day("answered_on")
    skin_type = top.optional_whole("skin_type", 1, 6)
    facts = PatientFacts(
        born_on=top.day("born_on"),
        skin_type=skin_type,
        pih_history=top.flag("pih_history", default=False),
        concerns=tuple(_concern(item, protocol, skin_type) for item in top.items("concerns")),
        answers={item.key: _answer(item, protocol, answered_on) for item in top.entries("answers")},
        device=_device(top.optional_item("device"), protocol),
        sessions=tuple(_needling(item, protocol) for item in top.items("sessions")),
        adverse_events=tuple(_event(item) for item in top.items("adverse_events")),
        clearances=tuple(_clearance(item, protocol) for item in top.items("clearances")),
    )
    top.done()
    return facts


def _concern(item: Fields, catalogue: Catalogue, skin_type: int | None) -> Concern:
    code = item.code("code", catalogue.concerns, "concern")
    policy = catalogue.concern(code)
    if not policy.offered and not policy.withdrawn:
        raise item.bad("code", f"{code} is not offered")
    zones = item.texts("zones")
    for zone in zones:
        if zone not in catalogue.zones:
            raise item.bad("zones", f"{zone!r} is not a known zone")
        if catalogue.zone(zone).prohibited:
            raise item.bad("zones", f"{zone} must never be needled")
        # Where the skin type is unknown a zone stays possible as long as one skin type may be treated there.
        if not any(catalogue.cell(zone, code, known) for known in ([skin_type] if skin_type else (1, 6))):
            raise item.bad("zones", f"{zone} is not offered for {code}")
    severity = item.optional_word("severity", SEVERITIES)
    item.done()
    return Concern(code=code, zones=zones, severity=severity)


def _answer(item: Fields, catalogue: Catalogue, answered_on: date | None) -> Answer:
    rule = catalogue.rules_by_code.get(item.key)
    if rule is None:
        raise item.bad_here("is not a known question")
    if rule.form == "computed":
        raise item.bad_here("is computed and cannot be answered")
    answer = Answer(
        value=item.word("value", VALUES),
        on=item.optional_day("on"),
        detail=item.optional_word("detail", tuple(rule.details)),
        answered_on=item.optional_day("answered_on") or answered_on,
    )
    item.done()
    return answer


def _device(item: Fields | None, catalogue: Catalogue) -> Device | None:
    if item is None:
        return None
    limits: dict[str, Decimal] = {}
    depths = item.optional_item("max_depth_mm")
    if depths is not None:
        for where in depths.names():
            zone = catalogue.zones.get(where)
            if where not in GROUPS and (zone is None or zone.prohibited):
                raise depths.bad(where, "is not face, neck, body or a zone that may be treated")
            limits[where] = depths.depth(where, most=DEEPEST_LABEL_MM)
        depths.done()
    device = Device(
        name=item.optional_text("name") or "",
        max_depth_mm=limits,
        filler_washout_days=item.optional_whole("filler_washout_days", 0, 3650),
        indications=_indications(item, catalogue),
    )
    item.done()
    return device


def _indications(item: Fields, catalogue: Catalogue) -> tuple[str, ...] | None:
    if not item.given("indications"):
        return None
    codes = item.texts("indications")
    for code in codes:
        if code not in catalogue.concerns:
            raise item.bad("indications", f"{code!r} is not a known concern")
    return codes


def _needling(item: Fields, catalogue: Catalogue) -> Needling:
    depth = None
    if item.given("max_depth_mm"):
        depth = item.depth("max_depth_mm", most=catalogue.depth.absolute_mm, zero=True)
    needling = Needling(on=item.day("on"), max_depth_mm=depth, counts=item.flag("counts", default=True))
    item.done()
    return needling


def _event(item: Fields) -> AdverseEventFact:
    event = AdverseEventFact(
        grade=item.whole("grade", 1, 5),
        resolved_on=item.optional_day("resolved_on"),
        over_72h=item.flag("over_72h", default=False),
    )
    item.done()
    return event


def _clearance(item: Fields, catalogue: Catalogue) -> ClearanceFact:
    code = item.code("code", catalogue.rules_by_code, "rule")
    if not catalogue.rule(code).takes_clearance:
        raise item.bad("code", f"no clearance lifts {code}")
    clearance = ClearanceFact(code=code, expires_on=item.day("expires_on"))
    item.done()
    return clearance
