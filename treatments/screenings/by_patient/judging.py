"""Answers that look ticked through. They count all the same: a clinician is told in plain words, and asks again.

How often people do this is not known: clinics report clients who draw one line through all the answers of a form (products
sheet, 2.6), and no source gives a time. PD: nobody takes in ten words a second, more than twice the pace of a quick reader.
"""

from collections.abc import Collection, Sequence

from treatments.protocol.entries import Rule

WORDS_A_SECOND = 10
# Of so few questions the same answer to all says nothing.
LEAST_ASKED = 8
NO, YES = "no", "yes"

ALIKE, TOO_FAST, ALL_NO, NOT_READ = "alike_too_fast", "too_fast", "all_no", "not_read"


def flags_of(values: Sequence[str], *, rules: Collection[Rule], seconds: int, could_read: str) -> list[str]:
    """What a clinician is told about how she answered. `values`: of all her answers; `rules`: what she was asked; `could_read`:
    the control question, of which the answer that stands in a line with all others is the telling one."""
    many = len(values) >= LEAST_ASKED
    found = []
    if many and seconds < least_seconds(rules):
        found.append(ALIKE if len(set(values)) == 1 else TOO_FAST)
    if could_read == NO:
        found.append(ALL_NO if many and set(values) == {NO} else NOT_READ)
    return found


def least_seconds(rules: Collection[Rule]) -> float:
    """Whoever was faster has not read these questions."""
    return sum(len(rule.question.split()) for rule in rules) / WORDS_A_SECOND


def words_of(flag: str, *, asked: int, seconds: int) -> str:
    """For the clinician."""
    time = "1 second" if seconds == 1 else f"{seconds} seconds"
    return {
        ALIKE: f"All {asked} answers are the same, and they took {time}. Nobody reads {asked} questions in that time: ask again.",
        TOO_FAST: f"{asked} answers took {time}. Nobody reads {asked} questions in that time: ask again.",
        ALL_NO: "Every answer is “no”, also to whether the questions could be read and understood. They look ticked through: ask again.",
        NOT_READ: "The patient could not read or understand all of the questions: ask them together.",
    }.get(flag, "Answered in an unusual way: ask again.")
