"""What screening found, in words: with the reason for clinicians, without it for everybody else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from .catalogue import Catalogue
from .facts import PatientFacts
from .interval import last_needling
from .screening import Finding, Outcome, Screening

OUTCOMES: Mapping[Outcome, str] = {
    "clear": "Clear", "caution": "Caution", "ask": "Ask", "needs_clinician": "Needs a clinician", "defer": "Not yet", "block": "Blocked",
}  # fmt: skip
# What is done differently, as an instruction. A step of depth comes as a negative number and is read as a distance.
CHANGES = {
    "floor_days": "Interval: at least {} days to the next session",
    "soft_max_step_mm": "Depth: stay {} mm below the usual maximum",
    "anaesthetic": "Numbing: none today",
    "endpoint": "Endpoint: stop at even redness, no bleeding",
    "avoid_zones": "Leave out the marked spots",
    "sun_avoidance_days": "Sun: {} days of strict avoidance before and after",
}
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# A day further away than this carries its year, so that nobody reads it as the coming one.
DAYS_WITHOUT_YEAR = 300


def day_in_words(day: date, *, near: date) -> str:
    """ "14 March", with the year where the day is far from `near`."""
    words = f"{day.day} {MONTHS[day.month - 1]}"
    return words if abs((day - near).days) <= DAYS_WITHOUT_YEAR else f"{words} {day.year}"


def desk_sentence(screening: Screening, catalogue: Catalogue) -> str:
    """What the front desk and the patient's calendar may read: the verdict and a day, never the reason."""
    dated_block = screening.outcome == "block" and screening.earliest_on is not None
    sentence = catalogue.desk["block_until" if dated_block else screening.outcome]
    if screening.earliest_on is None:
        return sentence
    return sentence.replace("{day}", day_in_words(screening.earliest_on, near=screening.on))


def binding_sentence(screening: Screening, facts: PatientFacts, catalogue: Catalogue) -> str | None:
    """The sentence a screening ends in, for clinicians: "Earliest 14 March: isotretinoin stopped 15 September + 180 days".

    None where nothing binds: the day asked about is free, or a block stands that names no day.
    """
    if screening.binding is None or screening.earliest_on is None:
        return None
    deciding = [finding for finding in screening.findings if finding.code == screening.binding]
    assumed = any(finding.date_assumed for finding in deciding)
    reason = _reason(screening.binding, screening.earliest_on, facts, catalogue, near=screening.on, assumed=assumed)
    return f"Earliest {day_in_words(screening.earliest_on, near=screening.on)}: {reason}"


def finding_sentence(finding: Finding, facts: PatientFacts, catalogue: Catalogue, *, on: date) -> str:
    """What one finding means for the day asked about, for clinicians."""
    rule = catalogue.rule(finding.code)
    if finding.cleared_until:
        return f"Cleared until {day_in_words(finding.cleared_until, near=on)}"
    if finding.earliest_on:
        day = day_in_words(finding.earliest_on, near=on)
        reason = _reason(finding.code, finding.earliest_on, facts, catalogue, near=on, assumed=finding.date_assumed)
        return f"{'Better from' if finding.category == 'CAU' else 'Not before'} {day}: {reason}"
    if finding.category == "ABS":
        return (
            f"Blocks: {rule.label.lower()}"
            if rule.lifted_by == "nobody"
            else f"Blocks until settled: {rule.label.lower()}"
        )
    if finding.category == "REL":
        who = "a prescriber" if rule.lifted_by == "prescriber" else "a clinician"
        lapses = f", or lapses on {day_in_words(finding.lapses_on, near=on)}" if finding.lapses_on else ""
        return f"Needs {who}{lapses}"
    return "May go ahead"


def change_words(change: Mapping[str, Any]) -> str:
    """A change of a screening, in its JSON form, as an instruction: "Depth: stay 0.25 mm below the usual maximum"."""
    return CHANGES[change["parameter"]].format(str(change["value"]).removeprefix("-"))


def because_words(codes: Iterable[str], catalogue: Catalogue) -> str:
    """What asks for a change: "prescribed blood thinner, skin type"."""
    return ", ".join(label_words(code, catalogue) for code in codes)


def change_sentence(change: Mapping[str, Any], catalogue: Catalogue) -> str:
    """The instruction with its reasons: "Depth: stay 0.25 mm below the usual maximum (prescribed blood thinner)"."""
    return f"{change_words(change)} ({because_words(change['because'], catalogue)})"


def label_words(code: str, catalogue: Catalogue) -> str:
    """A rule, a concern or a fact (`skin_type`) inside a sentence."""
    entry = catalogue.rules_by_code.get(code) or catalogue.concerns.get(code)
    return entry.label.lower() if entry else code.replace("_", " ")


def _reason(code: str, until: date, facts: PatientFacts, catalogue: Catalogue, *, near: date, assumed: bool) -> str:
    """ "isotretinoin stopped 15 September + 180 days": what happened, when, and how long we wait."""
    rule = catalogue.rule(code)
    if code == "age_under_18":
        return f"{_ordinal(catalogue.age.minimum_years)} birthday"
    since = _happened_on(code, facts, near, catalogue)
    days = (until - since).days
    unsure = " (day not given)" if assumed else ""
    return f"{rule.dated_as} {day_in_words(since, near=near)}{unsure} + {days} {'day' if days == 1 else 'days'}"


def _happened_on(code: str, facts: PatientFacts, asked_on: date, catalogue: Catalogue) -> date:
    if code == "adverse_event":
        grade = catalogue.interval.event_grade
        return max(event.resolved_on for event in facts.adverse_events if event.grade >= grade and event.resolved_on)
    if code == "interval_floor" and (last := last_needling(facts, catalogue, asked_on)):
        return last.on
    answer = facts.answers[code]
    return answer.on or answer.answered_on or asked_on


def _ordinal(number: int) -> str:
    """ "18th", "21st", "102nd"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
