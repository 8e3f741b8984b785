"""Patients for the protocol's tests: harmless unless told otherwise, described in the words of the vignettes.

`D` is the day asked about: `D-179` lies 179 days before it.
"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from treatments.protocol.catalogue import load
from treatments.protocol.facts import (
    AdverseEventFact,
    Answer,
    ClearanceFact,
    Concern,
    Device,
    Needling,
    PatientFacts,
)

D = date(2026, 12, 1)
ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "unknown": None}
VALUES = ("yes", "no", "not_sure")


def day(text: str) -> date:
    """ "D-14" and "D" as days; anything else is an ISO date."""
    if not text.startswith("D"):
        return date.fromisoformat(text)
    return D + timedelta(days=int(text[1:] or 0))


def harmless_answers(on: date = D) -> dict[str, Answer]:
    """Every question answered on one day so that nothing is raised."""
    return {
        rule.code: Answer("no" if rule.raised_by == "yes" else "yes", answered_on=on)
        for rule in load().rules
        if rule.form != "computed"
    }


def harmless(**changes: object) -> PatientFacts:
    """A grown-up of skin type II whom nothing keeps from treatment on `D`."""
    facts = PatientFacts(born_on=date(1990, 4, 2), skin_type=2, answers=harmless_answers())
    return replace(facts, **changes)


def saying(code: str, answer: Answer, facts: PatientFacts | None = None) -> PatientFacts:
    """The same person with one answer changed."""
    base = facts or harmless()
    return replace(base, answers={**base.answers, code: answer})


def described(text: str) -> PatientFacts:
    """A patient from the words of a vignette, parts separated by semicolons."""
    facts = harmless()
    for part in filter(None, (part.strip() for part in text.split(";"))):
        facts = _with(facts, part.split())
    return facts


def _with(facts: PatientFacts, words: list[str]) -> PatientFacts:
    match words:
        case ["skin", kind]:
            return replace(facts, skin_type=ROMAN[kind])
        case ["born", when]:
            return replace(facts, born_on=day(when))
        case ["pigment", "trouble"]:
            return replace(facts, pih_history=True)
        case ["concern", code, *zones]:
            return replace(facts, concerns=(*facts.concerns, Concern(code, tuple(zones))))
        case ["filler", "label", days]:
            return replace(facts, device=Device(filler_washout_days=int(days)))
        case ["session", when, *rest]:
            depth = Decimal(rest[0]) if rest else None
            return replace(facts, sessions=(*facts.sessions, Needling(day(when), depth)))
        case ["aborted", when]:
            return replace(facts, sessions=(*facts.sessions, Needling(day(when), counts=False)))
        case ["event", grade, "open"]:
            return replace(facts, adverse_events=(*facts.adverse_events, AdverseEventFact(int(grade))))
        case ["event", grade, "closed", when, *rest]:
            event = AdverseEventFact(int(grade), day(when), over_72h=rest == ["over_72h"])
            return replace(facts, adverse_events=(*facts.adverse_events, event))
        case ["cleared", code, until]:
            return replace(facts, clearances=(*facts.clearances, ClearanceFact(code, day(until))))
        case ["unanswered", code]:
            return replace(facts, answers={key: value for key, value in facts.answers.items() if key != code})
        case ["answered", code, when]:
            return saying(code, replace(facts.answers[code], answered_on=day(when)), facts)
        case [code, value, *rest] if value in VALUES:
            return saying(code, _answer(value, rest), facts)
    raise AssertionError(f"a vignette says {' '.join(words)!r}, which nobody understands")


def _answer(value: str, words: list[str]) -> Answer:
    """A value, then optionally its day, `said` with the day it was given, and a detail word."""
    answer = Answer(value, answered_on=D)
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "said":
            answer = replace(answer, answered_on=day(words.pop(0)))
        elif word.startswith("D") or word[:4].isdigit():
            answer = replace(answer, on=day(word))
        else:
            answer = replace(answer, detail=word)
    return answer
