"""Strict reading of one table of the catalogue: every key is known, every value has its type, every error names its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

T = TypeVar("T")


class BadCatalogue(ValueError):
    """The catalogue is wrong. The sentence names the entry and the key."""


class Table:
    """A table being read. Values are taken out by type; `read()` and `done()` refuse what nobody asked for."""

    def __init__(self, place: str, data: object) -> None:
        self.place = place
        self._data: Mapping[str, Any] = cast("Mapping[str, Any]", data)
        if not isinstance(data, dict):
            raise BadCatalogue(f"{place}: must be a table")
        self._taken: set[str] = set()

    def fail(self, key: str, sentence: str) -> BadCatalogue:
        return BadCatalogue(f"{self.place}: {key} {sentence}")

    def has(self, key: str) -> bool:
        return key in self._data

    def _take(self, key: str) -> Any:
        self._taken.add(key)
        if key not in self._data:
            raise self.fail(key, "is missing")
        return self._data[key]

    def text(self, key: str) -> str:
        value = self._take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(key, "must be a text that is not empty")
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def one_of(self, key: str, words: Iterable[T], default: T | None = None) -> T:
        """One of the known words. The words are literals, so that the answer has their type."""
        known = tuple(words)
        if default is not None and not self.has(key):
            return default
        value = self._take(key)
        for word in known:
            if word == value:
                return word
        raise self.fail(key, f"must be one of: {', '.join(str(word) for word in known)}")

    def flag(self, key: str, default: bool = False) -> bool:
        if not self.has(key):
            return default
        value = self._take(key)
        if not isinstance(value, bool):
            raise self.fail(key, "must be true or false")
        return value

    def whole(self, key: str, *, least: int = 0, most: int = 10_000) -> int:
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.fail(key, f"must be a whole number from {least} to {most}")
        return value

    def optional_whole(self, key: str, *, least: int = 0, most: int = 10_000) -> int | None:
        return self.whole(key, least=least, most=most) if self.has(key) else None

    def decimal(self, key: str) -> Decimal:
        return read_decimal(self._take(key), lambda sentence: self.fail(key, sentence))

    def optional_decimal(self, key: str) -> Decimal | None:
        return self.decimal(key) if self.has(key) else None

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
            raise self.fail(key, "must be a list of texts")
        if len(set(value)) != len(value):
            raise self.fail(key, "names something twice")
        return tuple(value)

    def optional_texts(self, key: str) -> tuple[str, ...]:
        return self.texts(key) if self.has(key) else ()

    def wholes(self, key: str, *, least: int, most: int) -> tuple[int, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not all(type(item) is int and least <= item <= most for item in value):
            raise self.fail(key, f"must be a list of whole numbers from {least} to {most}")
        return tuple(value)

    def row(self, key: str, *, least: int = 0, most: int = 99) -> tuple[str, ...]:
        """A list of texts, which may repeat, of a given length."""
        return self._row(key, self._take(key), least, most)

    def rows(self, key: str, *, least: int) -> tuple[tuple[str, ...], ...]:
        """A list of rows of texts, as many as there are; none when the key is absent."""
        if not self.has(key):
            return ()
        value = self._take(key)
        if not isinstance(value, list):
            raise self.fail(key, "must be a list of rows")
        return tuple(self._row(key, row, least, most=99) for row in value)

    def _row(self, key: str, value: object, least: int, most: int) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.fail(key, "must be a row of texts")
        if not least <= len(value) <= most:
            raise self.fail(key, f"must have {least} to {most} texts in a row")
        return tuple(value)

    def names(self) -> tuple[str, ...]:
        """The keys that are there, for tables whose keys are data."""
        return tuple(self._data)

    def table(self, key: str) -> Table:
        return Table(f"{self.place}, {key}", self._take(key))

    def optional_table(self, key: str) -> Table | None:
        return self.table(key) if self.has(key) else None

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables, as many as there are; none when the key is absent."""
        if not self.has(key):
            return ()
        value = self._take(key)
        if not isinstance(value, list):
            raise self.fail(key, "must be a list of tables")
        return tuple(Table(f"{self.place}, {key} {number}", item) for number, item in enumerate(value, 1))

    def read(self, build: Callable[[Table], T]) -> T:
        """What `build` makes of the table. Refuses what it did not ask for: a misspelt key must not read as an absent one."""
        made = build(self)
        self.done()
        return made

    def done(self) -> None:
        """Refuse what is left over, where no single builder reads the whole table."""
        for key in self._data:
            if key not in self._taken:
                raise self.fail(key, "is not a known key")


def read_decimal(value: object, fail: Callable[[str], BadCatalogue]) -> Decimal:
    """A positive number, kept as the decimal fraction that the clinician typed."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and number > 0:
            return number
    raise fail("must be a positive number")
