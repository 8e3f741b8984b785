"""What must be asked before anybody may say "clear": never answered, gone stale, or a yes without its date."""

from __future__ import annotations

from datetime import date

from .answers import Answer
from .catalogue import Catalogue
from .entries import LONG_ABSENCE_DAYS, Rule
from .facts import PatientFacts


def missing_answers(facts: PatientFacts, on: date, catalogue: Catalogue, *, day_form: bool) -> tuple[str, ...]:
    """Codes to ask, `skin_type` first, then in catalogue order. Without `day_form` only the full form is required."""
    required = ("full", "day") if day_form else ("full",)
    away = _long_away(facts, on)
    missing = [] if facts.skin_type else ["skin_type"]
    for rule in catalogue.rules:
        answer = facts.answers.get(rule.code)
        unanswered = rule.form in required and not rule.never_missing and not _fresh(rule, answer, on, away=away)
        if unanswered or _undated(rule, answer):
            missing.append(rule.code)
    return tuple(missing)


def _long_away(facts: PatientFacts, on: date) -> bool:
    last_visit = max((done.on for done in facts.sessions), default=on)
    return (on - last_visit).days > LONG_ABSENCE_DAYS


def _fresh(rule: Rule, answer: Answer | None, on: date, *, away: bool) -> bool:
    """Whether an answer still counts. One of unknown age does not: unknown is not "no"."""
    if answer is None or answer.answered_on is None:
        return False
    shelf_days = rule.shelf_days(long_absence=away)
    return shelf_days is None or (on - answer.answered_on).days <= shelf_days


def _undated(rule: Rule, answer: Answer | None) -> bool:
    # Most answers raise nothing: that is asked first.
    if answer is None or answer.on is not None or not rule.raises(answer.value) or not rule.dated:
        return False
    detail = rule.detail(answer.detail)
    return detail is None or detail.raises
