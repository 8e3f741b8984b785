"""The merge fields: which a text may say, which it must, and what each says in one letter.

Declared in `templates/messages/fields.toml`, beside the texts; a test holds the senders of messages to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from patients.outbox.texts.languages import Language
from patients.outbox.texts.parsing import LINK
from patients.outbox.texts.writing import Values

Kind = Literal["text", "list", "moments", "moment", "day", "flag", "link"]
# Leads to what a letter to a shared address leaves out.
LETTER = f"{LINK}letter"
# What a letter about the time of a visit is opened for.
BOLD = ("moment", "moments", "day")


class NothingToSay(ValueError):
    """A field that a letter cannot do without is empty: it must not leave like this. Names the field, never a value."""


@dataclass(frozen=True)
class Field:
    """One merge field; see the head of `fields.toml`."""

    name: str
    says: str
    kind: Kind = "text"
    example: Any = ""
    required: bool = False
    optional: bool = False
    english: bool = False
    private: bool = False
    of: str = ""

    @property
    def is_always_given(self) -> bool:
        return self.required and not self.optional

    @property
    def written(self) -> str:
        """As it is typed into a text."""
        return f"[Words]({{{self.name}}})" if self.kind == "link" else f"{{{self.name}}}"


@dataclass(frozen=True)
class Contract:
    """The fields of one text."""

    code: str
    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def bold(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields if field.kind in BOLD)

    @cached_property
    def from_sender(self) -> tuple[tuple[Field, tuple[str, ...]], ...]:
        """Those that are looked up in what the sender of the message says, with the way to each."""
        return tuple((field, tuple(field.name.split("."))) for field in self.fields if field.kind != "link")

    def values(
        self,
        words: Mapping[str, Any],
        links: Mapping[str, str],
        *,
        language: Language,
        zone: ZoneInfo,
        is_shared: bool = False,
    ) -> Values:
        """What each field says in one letter, in this language; days and times in the clinic's zone.

        `words`: what the sender gives, `links`: where each link leads, by its name. Raises NothingToSay. To a shared address
        goes nothing that is private: then, and only then, the letter has the link to what is left out.
        """
        found: dict[str, tuple[str, ...]] = {LINK + name: (address,) for name, address in links.items() if address}
        left_out = False
        for field, way in self.from_sender:
            said = _said(field, _value(words, way), language, zone)
            if said and is_shared and field.private:
                left_out = True
            elif said:
                found[field.name] = said
            elif field.is_always_given:
                raise NothingToSay(field.name)
        if not left_out:
            found.pop(LETTER, None)
        return found

    def is_english_only(self, words: Mapping[str, Any], *, language: Language, zone: ZoneInfo, is_shared: bool) -> bool:
        """Whether the letter says something in sentences that no other language has."""
        said = [
            _said(field, _value(words, way), language, zone)
            for field, way in self.from_sender
            if field.english and not (field.private and is_shared)
        ]
        return any(said)


def contract(code: str, declared: Mapping[str, Any]) -> Contract:
    """The fields of a text, from the declarations of all. A text that is declared nowhere may say what every text may."""
    own = declared.get("texts", {}).get(code, {})
    merged: dict[str, dict[str, Any]] = {}
    groups = (declared.get("groups", {})[name] for name in own.get("groups", ()))
    for part in (*groups, own.get("fields", {}), declared.get("common", {})):
        for name, facts in part.items():
            # What a text says of a field of all texts comes before what is said of it there.
            is_common = part is declared.get("common")
            merged[name] = facts | merged.get(name, {}) if is_common else merged.get(name, {}) | facts
    return Contract(code, tuple(Field(name=name, **facts) for name, facts in merged.items()))


def moment_words(moment: datetime, language: Language, zone: ZoneInfo) -> str:
    return language.moment_words(moment.astimezone(zone) if moment.tzinfo else moment)


def _value(words: Mapping[str, Any], way: tuple[str, ...]) -> Any:
    value: Any = words
    for step in way:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _said(field: Field, value: Any, language: Language, zone: ZoneInfo) -> tuple[str, ...]:
    if not value:
        return ()
    match field.kind:
        case "flag":
            return ("",)
        case "moment":
            return (moment_words(value, language, zone),)
        case "day":
            return (language.day_words(_day(value)),)
        case "moments":
            return tuple(moment_words(_of(field, one), language, zone) for one in value)
        case "list":
            return tuple(str(one) for one in _things(field, value))
        case _:
            return (str(value),)


def _things(field: Field, value: Iterable[Any]) -> Iterable[Any]:
    return (_of(field, one) for one in value if one)


def _of(field: Field, one: Any) -> Any:
    return one[field.of] if field.of and isinstance(one, Mapping) else one


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value
