"""What counts of one person who was known under two records: of every fact the one that asks for more care.

Two records were asked at different times, each without the other. The newest answer of the two must not silence the other
one, so each record is settled by itself, with all that was said since they are one, and the stricter of the outcomes counts
until somebody asks again. A record that was never asked, or never assessed, says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from .answers import Answer
from .catalogue import Catalogue
from .entries import CATEGORIES, Rule
from .facts import SEVERITIES, ClearanceFact, PatientFacts
from .screening import screen

# Both records have the same date of birth by then: whoever lifted these has lifted them for her.
OF_HER_AGE = frozenset({"age_under_18", "age_18_21"})


def strictest_answers(records: Sequence[Mapping[str, Answer]], catalogue: Catalogue) -> dict[str, Answer]:
    """The settled answers of each record, by rule code, as one set."""
    codes = dict.fromkeys(code for settled in records for code in settled)
    return {
        code: max((settled[code] for settled in records if code in settled), key=_strictness(catalogue.rule(code)))
        for code in codes
    }


def _strictness(rule: Rule) -> Callable[[Answer], tuple[int, date, int]]:
    """Greater is stricter: what forbids more, then what forbids longer, then what is asked again sooner. Where neither answer
    raises the rule, the fresher one counts."""

    def of(answer: Answer) -> tuple[int, date, int]:
        given_on = answer.answered_on or date.min
        detail = rule.detail(answer.detail)
        if not rule.raises(answer.value) or (detail is not None and not detail.raises):
            return 0, date.min, given_on.toordinal()
        category = (detail.category if detail else None) or rule.category
        rank = len(CATEGORIES) - CATEGORIES.index(category)
        return rank, _ends(answer, rule), -given_on.toordinal()

    return of


def _ends(answer: Answer, rule: Rule) -> date:
    """The day up to which a raising answer forbids, as far as it depends on the answer alone."""
    if rule.runs_until_ended:
        return answer.on or date.max
    since = answer.on or answer.answered_on
    if rule.washout is None or since is None:
        return date.max
    detail = rule.detail(answer.detail)
    days = (detail.days if detail else None) or rule.washout.days or 0
    return since + timedelta(days=days)


def one_skin_type(types: Collection[int | None]) -> int | None:
    """Of the assessments of each record. Where they differ nobody knows: every rule takes its stricter value, and it is asked."""
    known = set(types)
    return known.pop() if len(known) == 1 else None


def all_concerns(assessed: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The concerns of each record as one list, each as severe and as wide as either says. JSON, as facts have it."""
    together: dict[str, dict[str, Any]] = {}
    for concern in (one for concerns in assessed for one in concerns):
        known = together.setdefault(concern["code"], dict(concern))
        known["zones"] = list(dict.fromkeys([*known["zones"], *concern["zones"]]))
        known["severity"] = max((known["severity"], concern["severity"]), key=_severity)
    return list(together.values())


def _severity(word: str | None) -> int:
    return SEVERITIES.index(word) if word in SEVERITIES else -1


def reaches_too_far(clearance: ClearanceFact, other: PatientFacts, *, on: date, catalogue: Catalogue) -> bool:
    """Whether a clearance of one record would lift what stands on the `other`, of which whoever gave it knew nothing.

    It would not where nothing of the kind stands there, or where it is lifted there as long.
    """
    if clearance.code in OF_HER_AGE or clearance.code not in _raised(other, on, catalogue):
        return False
    return not any(one.code == clearance.code and one.expires_on >= clearance.expires_on for one in other.clearances)


def _raised(facts: PatientFacts, on: date, catalogue: Catalogue) -> set[str]:
    """Codes that stand on a record, lifted or not, today or on a later day."""
    found = screen(facts, on=on, purpose="session", catalogue=catalogue).findings
    answered = {code for code, answer in facts.answers.items() if catalogue.rule(code).raises(answer.value)}
    return answered | {finding.code for finding in found}
