"""The form a text is written in: plain words with a few marks at the beginning of a line. Pure: no Django, no clock.

    Your visit is booked:                 a paragraph; an empty line ends it
    > {starts_at}                         a line in a box
    ## Before you come:                   a heading; a list right under it belongs to it
    - {prepare}                           an item; a field that is a list becomes an item each
    ! ## Call {emergency_number} for:     what every line begins with in the box with the red edge
    ~ {address}                           small print
    [Confirm or move]({link.visit})       one of our own links, alone in its line or at its end
    ?several visits: They are booked:     a line for one case: `name`, `no name`, `one name`, `several name`, several by commas

A line whose field is empty is left out, and with it a paragraph of which nothing is left, and the heading of a list that is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from typing import Literal

NAME = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?"
BODY = "body"
LINK = "link."
Case = Literal["given", "no", "one", "several"]

_PART = re.compile(r"\[(?P<words>[^\[\]{}]+)\]\(\{(?P<to>[^{}]*)\}\)|\{(?P<name>[^{}]*)\}")
_CONDITION = re.compile(rf"(?:(no|one|several) )?({NAME})")
_GUARDED = re.compile(r"\?([^:]*):\s*(.*)")
_MARKS = (("## ", "heading"), ("- ", "item"), ("> ", "fact"), ("~ ", "small"))
_BARE = {sign.strip() for sign, _ in _MARKS}


class Unreadable(ValueError):
    """A source that breaks the form. `line` counts from 1; the sentence says what to do."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"Line {line}: {sentence}")
        self.line, self.sentence = line, sentence


@dataclass(frozen=True, slots=True)
class Words:
    """What stands there as typed; `html` is the same, escaped once for all letters."""

    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Merge:
    name: str


@dataclass(frozen=True, slots=True)
class Link:
    words: Words
    name: str


Part = Words | Merge | Link


@dataclass(frozen=True, slots=True)
class Condition:
    case: Case
    name: str


@dataclass(frozen=True)
class Line:
    mark: str
    parts: tuple[Part, ...]
    conditions: tuple[Condition, ...]
    number: int

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields it says; without one of them it is left out."""
        return tuple(part.name for part in self.parts if not isinstance(part, Words))

    @cached_property
    def link(self) -> Link | None:
        """The link that it consists of."""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Link) else None


@dataclass(frozen=True, slots=True)
class Paragraph:
    lines: tuple[Line, ...]
    is_fact: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Headings, of which the conditions leave one, and the list under it; either may be missing."""

    headings: tuple[Line, ...]
    items: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Call:
    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class Foot:
    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class Body:
    """In the frame: where the text of the message stands."""


Block = Paragraph | Section | Call | Foot | Body


@lru_cache(maxsize=1024)
def parse(source: str) -> tuple[Block, ...]:
    """The blocks of a text, from its source. Raises Unreadable."""
    lines = [(number, line.rstrip()) for number, line in enumerate(source.splitlines(), 1)]
    for at, (number, line) in enumerate(lines):
        if line == "--":
            above, below = tuple(_blocks(lines[:at])), tuple(_blocks(lines[at + 1 :]))
            if not below or any(text == "--" for _, text in lines[at + 1 :]):
                raise Unreadable(
                    number, "Two dashes alone begin the foot of the mail, once, with a paragraph below them."
                )
            return (*above, Foot(below))
    return tuple(_blocks(lines))


def lines_of(blocks: Sequence[Block]) -> Iterator[Line]:
    for block in blocks:
        match block:
            case Paragraph():
                yield from block.lines
            case Section():
                yield from (*block.headings, *block.items)
            case Call() | Foot():
                yield from lines_of(block.blocks)
            case Body():
                pass


def names_in(blocks: Sequence[Block]) -> list[tuple[str, int]]:
    """Every field that is said or asked about, with its line, in the order of the text."""
    found = []
    for line in lines_of(blocks):
        found += [(condition.name, line.number) for condition in line.conditions]
        found += [(name, line.number) for name in line.names]
    return found


def has_body(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, Body) for block in blocks)


def typed_words(blocks: Sequence[Block]) -> Iterator[tuple[str, int]]:
    """What is typed in each line, fields left out, with the number of the line."""
    for line in lines_of(blocks):
        said = (
            part.text if isinstance(part, Words) else part.words.text if isinstance(part, Link) else " "
            for part in line.parts
        )
        yield "".join(said), line.number


def _blocks(lines: Sequence[tuple[int, str]]) -> Iterator[Block]:
    chunk: list[tuple[int, str]] = []
    for number, line in [*lines, (0, "")]:
        if line:
            chunk.append((number, line))
        elif chunk:
            yield _block(chunk)
            chunk = []


def _block(chunk: Sequence[tuple[int, str]]) -> Block:
    number, first = chunk[0]
    if first.startswith("!"):
        return Call(tuple(_blocks(_inside(chunk))))
    if len(chunk) == 1 and first == f"{{{BODY}}}":
        return Body()
    lines = [_line(number, text) for number, text in chunk]
    marks = [line.mark for line in lines]
    if marks[0] in ("heading", "item"):
        return _section(lines)
    if set(marks) == {"fact"}:
        return Paragraph(tuple(lines), is_fact=True)
    for line in lines:
        if line.mark not in ("", "small"):
            raise Unreadable(line.number, "Put an empty line before it: a heading, a list or a box begins on its own.")
    return Paragraph(tuple(lines))


def _inside(chunk: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    for number, line in chunk:
        if not line.startswith("!"):
            raise Unreadable(
                number, "Every line of the red box begins with an exclamation mark. Put an empty line after the box."
            )
        if line.startswith("!!"):
            raise Unreadable(number, "One exclamation mark is enough.")
    return [(number, line[1:].strip()) for number, line in chunk]


def _section(lines: Sequence[Line]) -> Section:
    headings: list[Line] = []
    items: list[Line] = []
    for line in lines:
        if line.mark == "heading" and not items:
            headings.append(line)
        elif line.mark == "item":
            items.append(line)
        else:
            raise Unreadable(
                line.number,
                "Put an empty line before it: a heading comes first, then only lines that begin with a dash.",
            )
    return Section(tuple(headings), tuple(items))


def _line(number: int, text: str) -> Line:
    conditions: tuple[Condition, ...] = ()
    if text.startswith("?"):
        guarded = _GUARDED.fullmatch(text)
        if guarded is None or not guarded[2]:
            raise Unreadable(number, "A case ends with a colon, and words follow it: ?several visits: They are booked.")
        conditions, text = _conditions(number, guarded[1]), guarded[2]
    mark = ""
    for sign, name in _MARKS:
        if text.startswith(sign):
            mark, text = name, text[len(sign) :].strip()
            break
    parts = tuple(_parts(number, text))
    if not parts or text in _BARE:
        raise Unreadable(number, "Words are missing after the mark.")
    for part in parts[:-1]:
        if isinstance(part, Link):
            raise Unreadable(number, "A link stands alone or at the end of its line.")
    return Line(mark, parts, conditions, number)


def _conditions(number: int, said: str) -> tuple[Condition, ...]:
    found = []
    for one in said.split(","):
        matched = _CONDITION.fullmatch(one.strip())
        if matched is None:
            raise Unreadable(
                number, f"“{one.strip()}” is no case. Write a field’s name, or no, one or several before it."
            )
        found.append(Condition(matched[1] or "given", matched[2]))
    return tuple(found)


def _parts(number: int, text: str) -> Iterator[Part]:
    end = 0
    for found in _PART.finditer(text):
        yield from _typed(number, text[end : found.start()])
        name = found["name"] if found["words"] is None else found["to"]
        if not re.fullmatch(NAME, name):
            raise Unreadable(
                number, f"{{{name}}} is no field: a field is small letters in curly brackets, like {{first_name}}."
            )
        if found["words"] is not None:
            yield Link(_words(found["words"]), name)
        else:
            yield Merge(name)
        end = found.end()
    yield from _typed(number, text[end:])


def _typed(number: int, text: str) -> Iterator[Words]:
    if "{" in text or "}" in text:
        raise Unreadable(number, "A curly bracket stands alone. A field is written {first_name}, with both brackets.")
    if "](" in text:
        raise Unreadable(number, "A link leads to one of our own pages: [Confirm your visit]({link.visit}).")
    if text:
        yield _words(text)


def _words(text: str) -> Words:
    return Words(text, escape(text))
