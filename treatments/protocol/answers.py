"""One answer, and what counts when a patient answered the same question several times.

Decisions, each because an answer must never make things looser than what is known:

* The newest answer gives the freshness, whatever it says.
* A "not sure" asks for an answer; a later clear "yes" or "no" replaces it.
* `never_shortens_wait`: the yes whose wait ends last keeps counting. A later "no" bounds it: without a date of its own
  that yes counts from the day it was given, and no date is asked for any more.
* `ended_that_day`: the first "no" after the last "yes" is the day on which it ended. A date given with the yes wins.
  Where the rule has no wait, as for a skin infection, a clinician's "no" lifts it and a patient's "no" only ends it.
* `needs_end_date`: a bare "no" changes nothing; a date given with any later answer ends it.
* `kept_beside`: the newest yes counts; the clinician is told that answers differ.
* `next_visit`: a "no" given while the yes is still fresh changes nothing: only a later visit's answer replaces it.
* `replaces`: the newest answer counts.
* Isotretinoin "yes" and then "no" ended at the latest on the day of that "no": the wait after isotretinoin starts there,
  unless a date between the two answers was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from .catalogue import Catalogue
from .entries import Rule, Value


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one rule. `on`: the last time, or the day on which what runs until it ends has ended.

    `answered_on` None means that nobody knows how old the answer is; it then counts as expired. `by_clinician` only
    matters when several answers are settled into one, and is not part of the JSON.
    """

    value: Value
    on: date | None = None
    detail: str | None = None
    answered_on: date | None = None
    by_clinician: bool = field(default=False, compare=False)


def settle(history: Sequence[Answer], rule: Rule) -> Answer | None:
    """The one answer that counts for a rule; None without answers. The order of `history` breaks ties of the day."""
    answers = sorted(history, key=_given_on)
    if not answers:
        return None
    newest = answers[-1]
    raising = [answer for answer in _without_cleared_doubts(answers) if _raises(answer, rule)]
    if not raising or rule.later_no == "replaces":
        return newest
    last = raising[-1]
    if rule.later_no == "never_shortens_wait":
        return _longest_wait(raising, newest, rule)
    if rule.later_no == "ended_that_day":
        return _ended(last, _after(answers, last), newest, rule)
    if rule.later_no == "needs_end_date":
        return _fresh(_with_end_date(last, _after(answers, last)), newest)
    if rule.later_no == "next_visit":
        return _until_next_visit(last, newest, rule)
    return _fresh(last, newest)


def settle_all(histories: Mapping[str, Sequence[Answer]], catalogue: Catalogue) -> dict[str, Answer]:
    """`settle` for every rule, with what one answer means for another one. Keys are rule codes, known to the catalogue."""
    settled: dict[str, Answer] = {}
    for code, history in histories.items():
        answer = settle(history, catalogue.rule(code))
        if answer is not None:
            settled[code] = answer
    _carry_isotretinoin(histories, settled, catalogue)
    return settled


def answers_differ(history: Sequence[Answer], rule: Rule) -> bool:
    """Whether the patient has given answers that raise the flag and answers that do not: tell the clinician."""
    return len({_raises(answer, rule) for answer in history}) > 1


def _given_on(answer: Answer) -> date:
    # An answer of unknown age is the oldest one: it must never replace one whose day is known.
    return answer.answered_on or date.min


def _raises(answer: Answer, rule: Rule) -> bool:
    if not rule.raises(answer.value):
        return False
    detail = rule.detail(answer.detail)
    return detail is None or detail.raises


def _without_cleared_doubts(answers: Sequence[Answer]) -> list[Answer]:
    """Drop each "not sure" that a later clear answer has settled."""
    clear = [position for position, answer in enumerate(answers) if answer.value != "not_sure"]
    last_clear = clear[-1] if clear else -1
    return [answer for position, answer in enumerate(answers) if answer.value != "not_sure" or position > last_clear]


def _after(answers: Sequence[Answer], last: Answer) -> list[Answer]:
    """The answers given after the last raising one."""
    position = max(position for position, answer in enumerate(answers) if answer is last)
    return list(answers[position + 1 :])


def _fresh(answer: Answer, newest: Answer) -> Answer:
    return replace(answer, answered_on=newest.answered_on)


def _longest_wait(raising: Sequence[Answer], newest: Answer, rule: Rule) -> Answer:
    def ends(answer: Answer) -> date:
        detail = rule.detail(answer.detail)
        days = (detail.days if detail else None) or (rule.washout.days if rule.washout else None) or 0
        return (answer.on or _given_on(answer)) + timedelta(days=days)

    # Of two that end on the same day the later answer counts, because it may carry the date.
    longest = max(reversed(raising), key=ends)
    if longest is newest:
        return longest
    return replace(longest, on=longest.on or longest.answered_on, answered_on=newest.answered_on)


def _ended(last: Answer, later: Sequence[Answer], newest: Answer, rule: Rule) -> Answer:
    denials = [answer for answer in later if not _raises(answer, rule)]
    if not denials:
        return last
    if rule.washout is None and any(answer.by_clinician for answer in denials):
        return newest
    return replace(last, on=last.on or denials[0].answered_on, answered_on=newest.answered_on)


def _with_end_date(last: Answer, later: Sequence[Answer]) -> Answer:
    dates = [answer.on for answer in later if answer.on]
    return replace(last, on=dates[-1]) if dates else last


def _until_next_visit(last: Answer, newest: Answer, rule: Rule) -> Answer:
    fresh_until = _given_on(last) + timedelta(days=rule.shelf_days() or 0)
    return newest if _given_on(newest) > fresh_until else _fresh(last, newest)


def _carry_isotretinoin(
    histories: Mapping[str, Sequence[Answer]], settled: dict[str, Answer], catalogue: Catalogue
) -> None:
    """Turn "isotretinoin now: yes, then no" into a last capsule on the day of the no, at the latest."""
    now = sorted(histories.get("isotretinoin_now", ()), key=_given_on)
    rule = catalogue.rule("isotretinoin_now")
    taking = [answer for answer in now if answer.value == rule.raised_by]
    later = _after(now, taking[-1]) if taking else []
    stopped = [answer for answer in later if not rule.raises(answer.value)]
    if not stopped:
        return
    last_yes, first_no = taking[-1].answered_on, stopped[0].answered_on
    past = settled.get("isotretinoin_past")
    if past is not None and past.value != "no" and past.on and (last_yes is None or past.on >= last_yes):
        return
    given_on = past.answered_on if past is not None else first_no
    settled["isotretinoin_past"] = Answer("yes", on=first_no, answered_on=given_on)
