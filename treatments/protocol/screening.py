"""Is this patient safe to treat on this day, and if not, why and from when on?

`screen()` is a function of values. It asks every rule of the catalogue, lifts what a clearance lifts and puts the worst
of what is left into one outcome. A reader can follow one finding from the answer to the sentence on the screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

from .answers import Answer
from .catalogue import Catalogue
from .changes import Change, changes_for
from .entries import CATEGORIES, Category, Rule, Washout
from .facts import PatientFacts
from .interval import (
    Floor,
    dark_or_unknown,
    floor,
    floor_ends_on,
    last_needling,
    pigment_concerns,
)
from .jsonreading import BadFacts, plain
from .missing import missing_answers

__all__ = [
    "PERMITS",
    "Ahead",
    "Change",
    "Finding",
    "Outcome",
    "Permits",
    "Purpose",
    "Screening",
    "Turn",
    "outlook",
    "screen",
]

Outcome = Literal["block", "defer", "needs_clinician", "ask", "caution", "clear"]
Purpose = Literal["session", "booking"]
# Rules that take over on later days, each with its first day, in the order of these days.
Ahead = Sequence[tuple[date, Catalogue]]


@dataclass(frozen=True, slots=True)
class Permits:
    """What an outcome allows. `hold`: a place may be kept for a few minutes without booking it."""

    submit: bool
    activate: bool
    book: bool
    hold: bool
    open_session: bool


# `defer` lets a plan become active only with its first visit on or after `earliest_on`; the date asked for stays refused.
PERMITS: Mapping[Outcome, Permits] = {
    "block": Permits(submit=False, activate=False, book=False, hold=False, open_session=False),
    "defer": Permits(submit=True, activate=True, book=False, hold=False, open_session=False),
    "needs_clinician": Permits(submit=True, activate=False, book=False, hold=True, open_session=False),
    "ask": Permits(submit=True, activate=False, book=True, hold=True, open_session=False),
    "caution": Permits(submit=True, activate=True, book=True, hold=True, open_session=True),
    "clear": Permits(submit=True, activate=True, book=True, hold=True, open_session=True),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One raised rule. `earliest_on`: the first day it no longer forbids (advice only, where the rule is soft).

    `lapses_on` is the day on which it ends by itself, also where a clearance has lifted it; None where it does not.
    """

    code: str
    category: Category
    earliest_on: date | None
    cleared_until: date | None
    date_assumed: bool
    advice: str
    sources: tuple[str, ...]
    lapses_on: date | None = None

    @property
    def forbids_until(self) -> date | None:
        """The day this finding stops forbidding; None where it forbids nothing or names no day."""
        return self.earliest_on if self.category in ("ABS", "TMP") else None

    def turns_after(self, day: date) -> Iterator[date]:
        """The days after `day` on which it ends, becomes another one or is no longer lifted."""
        relapses_on = self.cleared_until + timedelta(days=1) if self.cleared_until else None
        return (turn for turn in (self.earliest_on, self.lapses_on, relapses_on) if turn and turn > day)

    def to_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "category": self.category,
            "earliest_on": plain(self.earliest_on),
            "cleared_until": plain(self.cleared_until),
            "date_assumed": self.date_assumed,
            "advice": self.advice,
            "sources": list(self.sources),
        }


@dataclass(frozen=True, slots=True)
class Screening:
    """The verdict for one day and purpose, with everything it rests on."""

    protocol_version: str
    on: date
    purpose: Purpose
    outcome: Outcome
    earliest_on: date | None
    binding: str | None
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def permits(self) -> Permits:
        return PERMITS[self.outcome]

    def to_json(self) -> dict[str, object]:
        return {
            "protocol_version": self.protocol_version,
            "on": plain(self.on),
            "for": self.purpose,
            "outcome": self.outcome,
            "earliest_on": plain(self.earliest_on),
            "binding": self.binding,
            "findings": [finding.to_json() for finding in self.findings],
            "missing": list(self.missing),
            "changes": [change.to_json() for change in self.changes],
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """From `on`, until the next turn, this is the outcome. `earliest_on`: the first day without a dated finding, if later."""

    on: date
    outcome: Outcome
    earliest_on: date | None

    def to_json(self) -> dict[str, object]:
        return {"on": plain(self.on), "outcome": self.outcome, "earliest_on": plain(self.earliest_on)}


def screen(facts: PatientFacts, *, on: date, purpose: Purpose, catalogue: Catalogue, ahead: Ahead = ()) -> Screening:
    """Screen a patient for one day. Raises `BadFacts` for a date that lies after `on` and cannot.

    `purpose` "booking" asks for the full form only, "session" for the day form as well. `ahead`: the rules of later
    days where they differ from those of `on`, because a loosening is over by then: `earliest_on` is a day free by its own rules.
    """
    _refuse_the_future(facts, on, catalogue)
    days = _Days(facts, on, catalogue, ahead)
    patient = days.under(on)
    findings = tuple(sorted(map(days.followed, patient.findings(on)), key=patient.order))
    missing = missing_answers(facts, on, catalogue, day_form=purpose == "session")
    earliest_on, binding = _earliest(days, findings, on)
    return Screening(
        protocol_version=catalogue.version,
        on=on,
        purpose=purpose,
        outcome=_outcome(findings, missing),
        earliest_on=earliest_on,
        binding=binding,
        findings=findings,
        missing=missing,
        changes=changes_for(facts, {finding.code for finding in findings}, patient.floor_on(on), catalogue),
    )


def outlook(screening: Screening, facts: PatientFacts, catalogue: Catalogue, ahead: Ahead = ()) -> tuple[Turn, ...]:
    """What a screening means for later days, by the facts and rules it was made of: a wait ends or turns into a need for
    a clinician, a clearance runs out, other rules take over. The first turn is the day asked about. What is missing
    stays missing.
    """
    return tuple(_turns(_Days(facts, screening.on, catalogue, ahead), screening))


def _turns(days: _Days, screening: Screening) -> Iterator[Turn]:
    day, standing = screening.on, screening.findings
    while True:
        earliest_on, binding = _earliest(days, standing, day)
        yield Turn(day, _outcome(standing, screening.missing), earliest_on if binding else None)
        to_come = [*days.turns_after(day), *(turn for finding in standing for turn in finding.turns_after(day))]
        if not to_come:
            return
        day = min(to_come)
        standing = days.findings(day)


def _outcome(findings: tuple[Finding, ...], missing: tuple[str, ...]) -> Outcome:
    raised = {finding.category for finding in findings}
    if "ABS" in raised:
        return "block"
    if "TMP" in raised:
        return "defer"
    if "REL" in raised:
        return "needs_clinician"
    if missing:
        return "ask"
    return "caution" if "CAU" in raised else "clear"


def _earliest(days: _Days, findings: tuple[Finding, ...], on: date) -> tuple[date | None, str | None]:
    """The first day from `on` without a dated finding, and the rule that decides it."""
    if any(finding.category == "ABS" and finding.earliest_on is None for finding in findings):
        return None, None
    day, binding, standing = on, None, findings
    while forbidding := [finding for finding in standing if finding.forbids_until]:
        day = max(finding.forbids_until for finding in forbidding if finding.forbids_until)
        last = [finding for finding in forbidding if finding.forbids_until == day]
        binding = min(last, key=days.under(day).tie).code
        # Look again on that day, by its own rules: a clearance may have run out by then, and its finding is back.
        standing = days.findings(day)
    return day, binding


class _Days:
    """The facts of one screening under the rules of each day from `asked_on`."""

    def __init__(self, facts: PatientFacts, asked_on: date, catalogue: Catalogue, ahead: Ahead) -> None:
        self._now = _Patient(facts, asked_on, catalogue)
        self._later = [(from_day, _Patient(facts, asked_on, rules)) for from_day, rules in ahead if from_day > asked_on]

    def under(self, day: date) -> _Patient:
        """The patient as the rules of this day see her."""
        reached = [patient for from_day, patient in self._later if from_day <= day]
        return reached[-1] if reached else self._now

    def findings(self, day: date) -> tuple[Finding, ...]:
        """Everything that stands on a day, by its own rules."""
        return tuple(self.under(day).findings(day))

    def turns_after(self, day: date) -> Iterator[date]:
        """The days after `day` on which other rules take over."""
        return (from_day for from_day, _ in self._later if from_day > day)

    def followed(self, finding: Finding) -> Finding:
        """A finding of the day asked about with the days on which it ends by the rules of those days."""
        if not self._later or not finding.lapses_on:
            return finding
        earliest_on, lapses_on = finding.earliest_on, finding.lapses_on
        for day, standing in self._turned:
            then = standing.get(finding.code)
            if earliest_on and day <= earliest_on:
                earliest_on = (then and then.earliest_on) or day
            if lapses_on and day <= lapses_on:
                lapses_on = (then and then.category == finding.category and then.lapses_on) or day
        if (earliest_on, lapses_on) == (finding.earliest_on, finding.lapses_on):
            return finding
        return replace(finding, earliest_on=earliest_on, lapses_on=lapses_on)

    @cached_property
    def _turned(self) -> list[tuple[date, dict[str, Finding]]]:
        """The days on which other rules take over, each with what stands then, by code."""
        return [(day, {finding.code: finding for finding in self.findings(day)}) for day, _ in self._later]


@dataclass(frozen=True, slots=True)
class _State:
    """What a rule means on a day, before any clearance. `until`: the day it ends, None where it does not."""

    category: Category
    until: date | None = None
    date_assumed: bool = False


class _Patient:
    """The facts of one screening, asked about one day after another. `asked_on` stands in for a date nobody knows."""

    def __init__(self, facts: PatientFacts, asked_on: date, catalogue: Catalogue) -> None:
        self.facts = facts
        self.asked_on = asked_on
        self.catalogue = catalogue
        self.floor = floor(facts, catalogue)
        self.dark = dark_or_unknown(facts.skin_type)
        self.pigment = bool(pigment_concerns(facts, catalogue))
        self.cleared_until: dict[str, date] = {}
        for clearance in facts.clearances:
            known = self.cleared_until.get(clearance.code, clearance.expires_on)
            self.cleared_until[clearance.code] = max(known, clearance.expires_on)
        self.raised = [
            (catalogue.rule(code), answer)
            for code, answer in facts.answers.items()
            if catalogue.rule(code).raises(answer.value)
        ]

    def order(self, finding: Finding) -> tuple[int, int]:
        return CATEGORIES.index(finding.category), self.catalogue.position[finding.code]

    def tie(self, finding: Finding) -> tuple[bool, int]:
        return finding.code != "interval_floor", self.catalogue.position[finding.code]

    def findings(self, day: date) -> Iterator[Finding]:
        """Everything that stands on a day."""
        yield from self._computed(day)
        for rule, answer in self.raised:
            state = self._state(rule, answer, day)
            if state is not None:
                yield self._finding(rule, state, day)

    def _finding(self, rule: Rule, state: _State, day: date) -> Finding:
        cleared_until = self._lifted_until(rule, state.category, day)
        category: Category = "CAU" if cleared_until else state.category
        # A need for a clinician has no date of its own, and what is lifted forbids no day.
        dated = not cleared_until and category != "REL"
        return Finding(
            code=rule.code,
            category=category,
            earliest_on=state.until if dated else None,
            cleared_until=cleared_until,
            date_assumed=state.date_assumed,
            advice=rule.advice,
            sources=rule.sources,
            lapses_on=state.until,
        )

    def _lifted_until(self, rule: Rule, category: Category, day: date) -> date | None:
        """A prescriber's clearance lifts the whole rule, a clinician's only what needs a clinician."""
        expires_on = self.cleared_until.get(rule.code)
        if expires_on is None or day > expires_on:
            return None
        return expires_on if rule.lifted_by == "prescriber" or category == "REL" else None

    def _state(self, rule: Rule, answer: Answer, day: date) -> _State | None:
        """What a raising answer means on a day; None where its wait is over or its word means that nothing is wrong."""
        detail = rule.detail(answer.detail)
        if detail and not detail.raises:
            return None
        if rule.runs_until_ended:
            return self._running(rule, answer, day)
        category = (detail.category if detail else None) or rule.category
        if rule.washout is None:
            return _State(category)
        since = answer.on or answer.answered_on or self.asked_on
        assumed = answer.on is None
        if rule.washout.interval_floor:
            until = floor_ends_on(since, self.floor, self._floor_lowered_until(day))
        else:
            until = since + timedelta(days=self._washout_days(rule.washout, detail.days if detail else None))
        if day < until:
            return _State(category, until, assumed)
        if rule.second_step:
            until = since + timedelta(days=rule.second_step.days)
            if day < until:
                return _State(rule.second_step.category, until, assumed)
        return None

    def _running(self, rule: Rule, answer: Answer, day: date) -> _State | None:
        """A yes without a date is still so and blocks; with a date it ended then, and the washout follows."""
        if answer.on is None:
            return _State("ABS")
        if rule.washout:
            until = answer.on + timedelta(days=rule.washout.days or 0)
            if day < until:
                return _State("TMP", until)
        return _State(rule.after_end) if rule.after_end else None

    def _washout_days(self, washout: Washout, detail_days: int | None) -> int:
        """Days to wait: what the device's label says, else the longest that detail, skin type and concern ask for."""
        if washout.device_says and self.facts.device and self.facts.device.filler_washout_days is not None:
            return max(self.facts.device.filler_washout_days, washout.clinic_days or 0)
        days = [(washout.days if detail_days is None else detail_days) or 0]
        if self.dark:
            days.append(washout.skin_types_4_to_6 or 0)
        if self.pigment:
            days.append(washout.pigment_concern or 0)
        return max(days)

    def _floor_lowered_until(self, day: date) -> date | None:
        expires_on = self.cleared_until.get("interval_floor")
        return expires_on if expires_on is not None and day <= expires_on else None

    def floor_on(self, day: date) -> Floor:
        """The floor as it is in force on a day."""
        if self._floor_lowered_until(day) is None:
            return self.floor
        return Floor(self.floor.lowered_days, self.floor.lowered_days, self.floor.because)

    def _computed(self, day: date) -> Iterator[Finding]:
        for code, until in (*self._age(day), *self._events(day), *self._pigment_trouble()):
            rule = self.catalogue.rule(code)
            yield self._finding(rule, _State(rule.category, until), day)
        yield from self._interval(day)

    def _age(self, day: date) -> Iterator[tuple[str, date | None]]:
        adult_on = birthday(self.facts.born_on, self.catalogue.age.minimum_years)
        if day < adult_on:
            yield "age_under_18", adult_on
        elif day < birthday(self.facts.born_on, self.catalogue.age.label_years):
            yield "age_18_21", None

    def _events(self, day: date) -> Iterator[tuple[str, date | None]]:
        serious = [event for event in self.facts.adverse_events if event.grade >= self.catalogue.interval.event_grade]
        if any(event.resolved_on is None for event in serious):
            yield "adverse_event_open", None
        washout = self.catalogue.rule("adverse_event").washout
        closed = [event.resolved_on for event in serious if event.resolved_on]
        if closed and washout:
            until = max(closed) + timedelta(days=self._washout_days(washout, None))
            if day < until:
                yield "adverse_event", until

    def _pigment_trouble(self) -> Iterator[tuple[str, date | None]]:
        if self.facts.pih_history:
            yield "pih_history", None

    def _interval(self, day: date) -> Iterator[Finding]:
        """The floor from the newest needling. A prescriber's clearance lowers a raised floor, and lifts nothing below."""
        last = last_needling(self.facts, self.catalogue, self.asked_on)
        if last is None:
            return
        rule = self.catalogue.rule("interval_floor")
        lowered_until = self._floor_lowered_until(day)
        until = floor_ends_on(last.on, self.floor, lowered_until)
        full = last.on + timedelta(days=self.floor.days)
        if day >= full:
            return
        still_forbids = day < until
        yield Finding(
            code=rule.code,
            category=rule.category if still_forbids else "CAU",
            earliest_on=until if still_forbids else None,
            cleared_until=None if still_forbids else lowered_until,
            date_assumed=last.date_assumed,
            advice=rule.advice,
            sources=rule.sources,
            lapses_on=full,
        )


def birthday(born_on: date, years: int) -> date:
    """The day someone turns an age. Born on 29 February: 1 March in a common year, as the law of England counts."""
    try:
        return born_on.replace(year=born_on.year + years)
    except ValueError:
        return date(born_on.year + years, 3, 1)


def _refuse_the_future(facts: PatientFacts, on: date, catalogue: Catalogue) -> None:
    """A fact that lies after the day asked about cannot be known on it; only an event to come may lie ahead."""

    def refuse(field: str, day: date | None) -> None:
        if day is not None and day > on:
            raise BadFacts(f"{field}: {day.isoformat()} lies after {on.isoformat()}, the day asked about")

    refuse("born_on", facts.born_on)
    for code, answer in facts.answers.items():
        refuse(f"answers.{code}.answered_on", answer.answered_on)
        if not catalogue.rule(code).date_may_be_ahead:
            refuse(f"answers.{code}.on", answer.on)
    for number, done in enumerate(facts.sessions):
        refuse(f"sessions[{number}].on", done.on)
    for number, event in enumerate(facts.adverse_events):
        refuse(f"adverse_events[{number}].resolved_on", event.resolved_on)
