"""Strict reading of JSON objects. Every refusal is one line: the field, a colon, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar, cast

Word = TypeVar("Word", bound=str)

# date.fromisoformat also takes "20261201" and week dates; the contract is YYYY-MM-DD only.
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# Dates of living patients and their courses. Also keeps a wait of years inside what a date can hold.
FIRST_YEAR, LAST_YEAR = 1900, 2200
# A patient with a lifetime of answers fits many times over.
LARGEST_FILE = 5_000_000


class BadFacts(ValueError):
    """The input is not as agreed. The text is one line, "field: sentence"."""


def read_object(data: bytes, where: str) -> dict[str, object]:
    """One JSON object from bytes. Raises `BadFacts` for all that is not one: NaN and repeated keys included."""
    if len(data) > LARGEST_FILE:
        raise BadFacts(f"{where}: is larger than {LARGEST_FILE // 1_000_000} MB")
    try:
        found = json.loads(
            data.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_each_key_once,
        )
    except BadFacts as error:
        raise BadFacts(f"{where}: {error}") from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BadFacts(f"{where}: is not valid JSON ({_one_line(str(error))[:120]})") from None
    if not isinstance(found, dict):
        raise BadFacts(f"{where}: must hold one JSON object")
    return found


def _refuse_constant(word: str) -> None:
    raise BadFacts(f"{word} is not a number of JSON")


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Python would keep the last one: a "yes" followed by a "no" to the same question would vanish.
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise BadFacts(f"the key {ascii(key)[:60]} is there twice")
        found[key] = value
    return found


def read_day(text: object, where: str) -> date:
    """A day written YYYY-MM-DD, from 1900 to 2200. Raises `BadFacts`."""
    if isinstance(text, str) and ISO_DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise BadFacts(f"{where}: {text} is not a day of the calendar") from None
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
        raise BadFacts(f"{where}: the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    raise BadFacts(f"{where}: write the day as YYYY-MM-DD")


def plain(value: date | Decimal | None) -> str | float | None:
    """A value as JSON writes it: ISO day, number, null."""
    if isinstance(value, date):
        return value.isoformat()
    return None if value is None else float(value)


class Fields:
    """One JSON object being read. Fields are taken out by type; `done()` refuses the rest."""

    def __init__(self, where: str, data: object, key: str = "") -> None:
        self.where = where
        self.key = key
        if not isinstance(data, dict):
            raise BadFacts(f"{where or 'facts'}: must be a JSON object")
        self._data = cast("Mapping[str, Any]", data)
        self._taken: set[str] = set()

    def path(self, key: str) -> str:
        shown = key if key.isidentifier() and len(key) <= 60 else ascii(key)[:60]
        return f"{self.where}.{shown}" if self.where else shown

    def bad(self, key: str, sentence: str) -> BadFacts:
        return BadFacts(f"{self.path(key)}: {_one_line(sentence)}")

    def bad_here(self, sentence: str) -> BadFacts:
        return BadFacts(f"{self.where}: {_one_line(sentence)}")

    def given(self, key: str) -> bool:
        """Whether the field is there with a value; null counts as absent."""
        self._taken.add(key)
        return self._data.get(key) is not None

    def _need(self, key: str) -> Any:
        if not self.given(key):
            raise self.bad(key, "is missing")
        return self._data[key]

    def names(self) -> tuple[str, ...]:
        """The keys that are there, for objects whose keys are data."""
        return tuple(self._data)

    def day(self, key: str) -> date:
        return read_day(self._need(key), self.path(key))

    def optional_day(self, key: str) -> date | None:
        return self.day(key) if self.given(key) else None

    def flag(self, key: str, *, default: bool) -> bool:
        # Null is refused here: "nobody knows" must not become the harmless default.
        self._taken.add(key)
        value = self._data.get(key, default)
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def whole(self, key: str, least: int, most: int) -> int:
        value = self._need(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.bad(key, f"must be a whole number from {least} to {most}")
        return value

    def optional_whole(self, key: str, least: int, most: int) -> int | None:
        return self.whole(key, least, most) if self.given(key) else None

    def depth(self, key: str, *, most: Decimal, zero: bool = False) -> Decimal:
        """A depth in millimetres, above zero (or zero where a session ended before the first needle went in)."""
        value = self._need(key)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            number = Decimal(str(value))
            if number.is_finite() and 0 <= number <= most and (zero or number != 0):
                return number
        raise self.bad(key, f"must be a depth in millimetres {'from' if zero else 'above'} 0, up to {most}")

    def optional_text(self, key: str) -> str | None:
        if not self.given(key):
            return None
        value = self._data[key]
        if not isinstance(value, str) or len(value) > 200:
            raise self.bad(key, "must be a text of at most 200 characters")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of codes, each once; empty when absent."""
        value = self._data[key] if self.given(key) else []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.bad(key, "must be a list of codes")
        return tuple(dict.fromkeys(value))

    def word(self, key: str, words: tuple[Word, ...]) -> Word:
        value = self._need(key)
        for word in words:
            if value == word and isinstance(value, str):
                return word
        raise self.bad(key, f"must be one of: {', '.join(words)}" if words else "takes no word here")

    def optional_word(self, key: str, words: tuple[Word, ...]) -> Word | None:
        return self.word(key, words) if self.given(key) else None

    def code(self, key: str, known: Container[str], kind: str) -> str:
        value = self._need(key)
        if not isinstance(value, str) or value not in known:
            raise self.bad(key, f"{ascii(value)[:60]} is not a known {kind}")
        return value

    def optional_item(self, key: str) -> Fields | None:
        return Fields(self.path(key), self._data[key]) if self.given(key) else None

    def item(self, key: str) -> Fields:
        return Fields(self.path(key), self._need(key))

    def values(self, key: str) -> list[tuple[object, str]]:
        """The values of a list, each with the path that names it; none when absent."""
        value = self._data[key] if self.given(key) else []
        if not isinstance(value, list):
            raise self.bad(key, "must be a list")
        return [(item, f"{self.path(key)}[{number}]") for number, item in enumerate(value)]

    def items(self, key: str) -> Iterable[Fields]:
        """The objects of a list; none when absent."""
        return [Fields(where, item) for item, where in self.values(key)]

    def entries(self, key: str) -> Iterable[Fields]:
        """The objects of a mapping, each knowing its own key; none when absent."""
        inner = self.optional_item(key)
        if inner is None:
            return []
        return [Fields(inner.path(name), inner._data[name], key=name) for name in inner.names()]

    def done(self) -> None:
        for key in self._data:
            if key not in self._taken:
                raise self.bad(key, "is not a known key")


def _one_line(sentence: str) -> str:
    return " ".join(sentence.split())
