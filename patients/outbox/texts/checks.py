"""What a text must be before it is sent to anybody: readable in its form and in its words, complete, neutral, without links
to other pages. Each refusal is a sentence for the person who typed."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from patients.outbox.texts import example, shipped
from patients.outbox.texts.fields import Contract, Field
from patients.outbox.texts.languages import ENGLISH, Language
from patients.outbox.texts.parsing import (
    BODY,
    LINK,
    Block,
    Foot,
    Link,
    Merge,
    Unreadable,
    has_body,
    lines_of,
    names_in,
    parse,
    typed_words,
)
from patients.outbox.texts.promotion import selling_words
from patients.outbox.texts.reading_grade import HIGHEST_GRADE, reading
from patients.outbox.texts.shipped import FRAME, library
from patients.outbox.texts.writing import Filled, Values, as_text, fill

LONGEST_SOURCE = 8000
# Any other address on the network: what she is led to must be ours, or she learns to trust links that are not.
_ADDRESS = re.compile(
    r"https?://\S*|\bwww\.\S+|(?<![@\w.-])[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|info|biz|shop|clinic|health|app|io|me|co|uk|ie|eu|de|at|ch|fr|"
    r"es|it|nl|us|ca|au|nz|example)\b(?!@)(?:/\S*)?",
    re.IGNORECASE,
)
# Her visits are made up, and so is their zone.
_UTC = ZoneInfo("UTC")


def problems(source: str, code: str, language: str = ENGLISH) -> list[str]:
    """Everything that keeps this source from being the text `code`; empty where it may be sent."""
    if not source.strip():
        return ["Write the text. To have the shipped one again, use the button for it."]
    if len(source) > LONGEST_SOURCE:
        return [f"The text is too long: {len(source)} characters. Keep it under {LONGEST_SOURCE}."]
    try:
        blocks = parse(source)
    except Unreadable as broken:
        return [str(broken)]
    contract = library().contract(code)
    found = [*_of_fields(blocks, contract), *_of_shape(blocks, code), *_of_words(blocks, language)]
    return found or [*_of_letters(blocks, contract, library().languages[language])]


def fits(source: str, code: str, language: str) -> bool:
    """Whether letters can still be written by it: a newer release may know other fields."""
    return _fits(source, code, language, shipped.FOLDERS)


@lru_cache(maxsize=1024)
def _fits(source: str, code: str, language: str, folders: tuple[Path, ...]) -> bool:
    try:
        blocks = parse(source)
    except Unreadable:
        return False
    return not [*_of_fields(blocks, library().contract(code)), *_of_shape(blocks, code)]


def _of_fields(blocks: tuple[Block, ...], contract: Contract) -> Iterator[str]:
    known = contract.by_name
    for name, line in dict.fromkeys(names_in(blocks)):
        if name not in known:
            yield f"Line {line}: there is no field {{{name}}} in this text. It may say {_allowed(contract)}."
    said = {name for line in lines_of(blocks) for name in line.names}
    for line in lines_of(blocks):
        for part in line.parts:
            if isinstance(part, (Merge, Link)) and part.name in known:
                yield from _of_use(part, known[part.name], line.number)
    for field in contract.fields:
        if field.required and field.name not in said:
            yield f"{{{field.name}}} is missing: {_lower(field.says)}. This text must say it. Write {field.written} where it belongs."


def _of_use(part: Merge | Link, field: Field, line: int) -> Iterator[str]:
    if isinstance(part, Link) and field.kind != "link":
        yield f"Line {line}: {{{field.name}}} is no link. Links of this text begin with {{{LINK}."
    elif isinstance(part, Merge) and field.kind == "link":
        yield f"Line {line}: write the link with its words: [Words]({{{field.name}}})."
    elif field.kind == "flag":
        yield f"Line {line}: {field.name} is a case and has no words. Write ?{field.name}: before the line that is meant for it."


def _of_shape(blocks: tuple[Block, ...], code: str) -> Iterator[str]:
    if code == FRAME:
        if not has_body(blocks):
            yield f"{{{BODY}}} is missing: a line of its own, where the text of the message stands."
    elif has_body(blocks) or any(isinstance(block, Foot) for block in blocks):
        yield "The foot of the mail and {body} belong to the text around every message, not to this one."


def _of_words(blocks: tuple[Block, ...], language: str) -> Iterator[str]:
    for words, line in typed_words(blocks):
        for typed in _ADDRESS.findall(words):
            yield (
                f"Line {line}: “{typed}” leads to another page. A mail links to the patient's own pages only, so that its links can be trusted. "
                "Take it out, or use one of the links below."
            )
        for typed in selling_words(words, language):
            yield (
                f"Line {line}: “{typed}” advertises. Mail about visits stays neutral: patients have agreed to hear about "
                "their visits, not to be sold something. Take it out."
            )


def _of_letters(blocks: tuple[Block, ...], contract: Contract, language: Language) -> Iterator[str]:
    for case in example.cases(contract):
        values = values_of(case, contract, language)
        text = as_text(fill(blocks, values, bold=contract.bold))
        for field in contract.fields:
            if field.required and not all(value in text for value in values.get(field.name, ())):
                yield (
                    f"{{{field.name}}} is not said in every letter: {_lower(field.says)}. In the letter “{case.label}” it is left "
                    "out with its line. Write it in a line of its own."
                )
                return
    if language.code == ENGLISH:
        yield from _of_reading(blocks, contract, language)


def _of_reading(blocks: tuple[Block, ...], contract: Contract, language: Language) -> Iterator[str]:
    hardest = max((reading(text) for text in letters(blocks, contract, language)), key=lambda one: one.grade)
    if hardest.grade > HIGHEST_GRADE:
        yield (
            f"It reads at grade {hardest.grade:.1f}, and {HIGHEST_GRADE:.0f} is the most: use shorter words and sentences. The longest "
            f"sentence is “{hardest.longest}”."
        )


def letters(blocks: tuple[Block, ...], contract: Contract, language: Language) -> list[str]:
    """The plain texts as the fictional patient would get them, the frame around them included."""
    known = library()
    around = known.contract(FRAME)
    if contract.code == FRAME:
        return [_around(blocks, case, around, language) for case in example.cases(around)]
    frame, outer = known.english(FRAME).blocks, example.around(around)
    bodies = (fill(blocks, values_of(case, contract, language), bold=contract.bold) for case in example.cases(contract))
    return [_around(frame, outer, around, language, body) for body in bodies]


def values_of(case: example.Case, contract: Contract, language: Language) -> Values:
    return contract.values(case.words, case.links, language=language, zone=_UTC, is_shared=case.is_shared)


def _around(
    frame: tuple[Block, ...], case: example.Case, contract: Contract, language: Language, body: Sequence[Filled] = ()
) -> str:
    return as_text(fill(frame, values_of(case, contract, language), bold=contract.bold, body=body))


def _allowed(contract: Contract) -> str:
    names = [f"{{{field.name}}}" for field in contract.fields]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _lower(says: str) -> str:
    return says[:1].lower() + says[1:]
