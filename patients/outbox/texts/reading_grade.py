"""How hard an English text is to read: the Flesch-Kincaid grade, the American school year that it asks for. Pure.

grade = 0.39 × words a sentence + 11.8 × syllables a word − 15.59 (Kincaid and others, 1975). Syllables are counted by a simple
rule: a group of vowels (y is one) is a syllable, a silent e at the end is none, and every word has one. It misses by one here
and there ("being", "booked"), in both directions.
"""

import re
from dataclasses import dataclass

HIGHEST_GRADE = 8.0

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?:\n]+")
_VOWELS = re.compile(r"[aeiouy]+")
# Nobody reads an address aloud.
_ADDRESS = re.compile(r"\[her private link: [\w-]+\]|https?://\S+|\S+@\S+")


@dataclass(frozen=True)
class Reading:
    """`grade`: school year; `longest`: the sentence with the most words. Of a text without words the grade is 0."""

    grade: float
    longest: str


def reading(text: str) -> Reading:
    """Headings and items of a list count as sentences."""
    sentences = [part.strip(" -") for part in _SENTENCE_END.split(_ADDRESS.sub("", text)) if _WORD.search(part)]
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    if not words:
        return Reading(0.0, "")
    per_sentence, per_word = len(words) / len(sentences), sum(map(syllables, words)) / len(words)
    longest = max(sentences, key=lambda sentence: len(_WORD.findall(sentence)))
    return Reading(0.39 * per_sentence + 11.8 * per_word - 15.59, longest)


def syllables(word: str) -> int:
    word = word.lower()
    groups = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith("le") and groups > 1
    return max(1, groups - silent)
