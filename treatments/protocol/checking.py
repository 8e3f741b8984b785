"""What must hold between the entries of a catalogue. Each sentence names the entry that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from .contents import Catalogue
from .entries import Evidence, Rule
from .reading import BadCatalogue

# The code computes these; the catalogue only says what they mean.
COMPUTED = (
    "age_under_18",
    "age_18_21",
    "interval_floor",
    "adverse_event",
    "adverse_event_open",
    "pih_history",
)

# Rules that the code knows by name, because they carry into other rules or change how a session is done.
KNOWN_BY_NAME = (
    "isotretinoin_now",
    "isotretinoin_past",
    "needling_elsewhere",
    "home_needling",
    "anticoagulant_rx",
    "anaesthetic_allergy",
    "anaesthetic_caution",
    "raised_lesion_area",
    "tattoo_pmu_area",
)


class Argued(Protocol):
    """An entry that keeps agreeing and contradicting values beside its own."""

    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def evidence(self) -> tuple[Evidence, ...]: ...
    @property
    def dissent(self) -> tuple[Evidence, ...]: ...


def check(catalogue: Catalogue) -> None:
    """Raise `BadCatalogue` for the first thing that does not fit together."""
    _check_sources(catalogue)
    for rule in catalogue.rules:
        _check_rule(rule)
    _check_named_rules(catalogue)
    _check_concerns(catalogue)
    _check_steps(catalogue)
    _check_order_of_numbing(catalogue)
    _check_annexes(catalogue)


def cited(catalogue: Catalogue) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every place that cites, with what it cites."""
    with_evidence: list[tuple[str, Argued]] = [
        ("interval", catalogue.interval),
        ("depth", catalogue.depth),
        *((f"zone {zone.code}", zone) for zone in catalogue.zones.values()),
        *((f"modality {modality.code}", modality) for modality in catalogue.modalities.values()),
        *((f"rule {rule.code}", rule) for rule in catalogue.rules),
        *((f"concern {concern.code}", concern) for concern in catalogue.concerns.values()),
    ]
    for place, entry in with_evidence:
        yield place, entry.sources
        yield from ((place, row.sources) for row in entry.evidence + entry.dissent)
    for step in catalogue.steps:
        yield f"step {step.code}", step.sources
    for flag in catalogue.red_flags:
        yield f"red_flag {flag.code}", flag.sources
    for agent in catalogue.anaesthetics.values():
        yield f"anaesthetic {agent.code}", agent.sources
    yield "numbing", catalogue.numbing.sources
    yield from _cited_in_annexes(catalogue)


def _cited_in_annexes(catalogue: Catalogue) -> Iterator[tuple[str, tuple[str, ...]]]:
    for device in catalogue.devices.values():
        yield f"device {device.code}", device.sources
        yield from ((f"device {device.code}", row.sources) for row in device.evidence)
    for grade in catalogue.event_grades.values():
        yield f"event_grade {grade.code}", grade.sources
    for event in catalogue.adverse_events.values():
        yield f"adverse_event {event.code}", event.sources
    for credential in catalogue.credentials.values():
        yield f"credential {credential.code}", credential.sources
    if risk := catalogue.higher_risk:
        yield from (("higher_risk", row.sources) for row in risk.effects + risk.evidence + risk.dissent)


def _check_sources(catalogue: Catalogue) -> None:
    used = set()
    for place, ids in cited(catalogue):
        for id in ids:
            if id not in catalogue.sources:
                raise BadCatalogue(f"{place}: source {id} is not in the list of sources")
            used.add(id)
    for id in catalogue.sources:
        if id not in used and id not in catalogue.background:
            raise BadCatalogue(f"source {id}: is cited nowhere; what was only read stands under background")
        if id in used and id in catalogue.background:
            raise BadCatalogue(f"source {id}: is cited, so it belongs under sources")


def _check_rule(rule: Rule) -> None:
    def refuse(sentence: str) -> BadCatalogue:
        return BadCatalogue(f"rule {rule.code}: {sentence}")

    if (rule.form == "computed") != (rule.code in COMPUTED):
        raise refuse("form computed belongs to the rules that the code computes, and only to them")
    if rule.raised_by == "not_sure":
        raise refuse("raised_by must be yes or no")
    if rule.washout and not rule.dated_as:
        raise refuse("a washout needs dated_as, the words for its first day")
    if rule.washout and rule.form != "computed" and not rule.date_question:
        raise refuse("a washout needs a date_question")
    if rule.code == "adverse_event" and (rule.category != "TMP" or not rule.washout or rule.washout.days is None):
        raise refuse("needs category TMP and a washout in days")
    if rule.runs_until_ended and not rule.date_question:
        raise refuse("runs_until_ended needs a date_question for the end")
    if rule.category == "TMP" and not rule.washout:
        raise refuse("TMP needs a washout")
    if rule.soft and (rule.category != "CAU" or not rule.washout):
        raise refuse("soft needs category CAU and a washout")
    if rule.after_end and not rule.runs_until_ended:
        raise refuse("after_end needs runs_until_ended")
    if rule.second_step and (not rule.washout or rule.second_step.days <= (rule.washout.days or 0)):
        raise refuse("second_step needs a washout that ends before it")
    if rule.takes_clearance and rule.category == "CAU":
        raise refuse("a caution needs no clearance")
    if rule.details and not any(detail.raises for detail in rule.details.values()):
        raise refuse("no detail word raises the flag")


def _check_named_rules(catalogue: Catalogue) -> None:
    for code in (*COMPUTED, *KNOWN_BY_NAME):
        if code not in catalogue.rules_by_code:
            raise BadCatalogue(f"rule {code}: is missing, and the protocol cannot do without it")


def _check_concerns(catalogue: Catalogue) -> None:
    columns = set(next(iter(catalogue.matrix.values())))
    for concern in catalogue.concerns.values():
        for column in (concern.depth_column, concern.depth_column_4_6):
            if column is not None and column not in columns:
                raise BadCatalogue(f"concern {concern.code}: {column} is not a column of depth_matrix")
        for zone in concern.only_zones:
            if zone not in catalogue.matrix:
                raise BadCatalogue(f"concern {concern.code}: {zone} is not a zone that may be treated")
        if concern.interval.floor_days < catalogue.interval.floor_days:
            raise BadCatalogue(f"concern {concern.code}: interval floor is below the floor of every session")


def _check_steps(catalogue: Catalogue) -> None:
    for step in catalogue.steps:
        for line in step.lines:
            rule = catalogue.rules_by_code.get(line.rule or "")
            if line.rule and (rule is None or rule.washout is None):
                raise BadCatalogue(f"step {step.code}: {line.rule} is not a rule with a washout")


def _check_order_of_numbing(catalogue: Catalogue) -> None:
    for agent in catalogue.anaesthetics.values():
        strong = any(active.percent > catalogue.numbing.order_above_percent for active in agent.actives)
        if strong and not agent.prescriber_order:
            raise BadCatalogue(f"anaesthetic {agent.code}: is strong enough to need a prescriber's order")


def _check_annexes(catalogue: Catalogue) -> None:
    for device in catalogue.devices.values():
        for place, depth in device.max_depth_mm.items():
            if place not in ("face", "neck", "body") and place not in catalogue.matrix:
                raise BadCatalogue(
                    f"device {device.code}: {place} is neither face, neck, body nor a zone that may be treated"
                )
            if depth > catalogue.depth.absolute_mm:
                raise BadCatalogue(f"device {device.code}: {place} goes deeper than {catalogue.depth.absolute_mm} mm")
        for code in device.indications:
            if code not in catalogue.concerns:
                raise BadCatalogue(f"device {device.code}: {code} is not a concern")
    for event in catalogue.adverse_events.values():
        if event.modality not in catalogue.modalities:
            raise BadCatalogue(f"adverse_event {event.code}: {event.modality} is not a modality")
