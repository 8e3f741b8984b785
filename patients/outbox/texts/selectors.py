"""What the pages of the texts show: the list, one text with its letter to the fictional patient, and whom a change reaches."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import ndiff

from django.db.models import Count, QuerySet

from clinic.models import Clinic
from patients.outbox import kinds
from patients.outbox.models import OPEN, Message, State
from patients.outbox.texts import checks, chosen, example, letters
from patients.outbox.texts.chosen import ChosenText
from patients.outbox.texts.fields import Field
from patients.outbox.texts.languages import ENGLISH
from patients.outbox.texts.models import MessageText
from patients.outbox.texts.parsing import parse
from patients.outbox.texts.reading_grade import reading
from patients.outbox.texts.shipped import FRAME, ShippedText, library
from patients.outbox.texts.writing import Filled

VERSIONS_SHOWN = 20


@dataclass(frozen=True)
class Cell:
    """One text in one language, as the list shows it: `state` is shipped, own, draft or none."""

    language: str
    name: str
    state: str
    version: int = 0
    newer: bool = False
    unreadable: bool = False


@dataclass(frozen=True)
class Entry:
    """One text of the list."""

    code: str
    title: str
    purpose: str
    who: str
    cells: list[Cell]


@dataclass(frozen=True)
class Reached:
    """Messages of one kind that wait and will be written by a text."""

    label: str
    waiting: int


@dataclass(frozen=True)
class DiffLine:
    """`sign`: added, gone or same."""

    sign: str
    words: str


@dataclass(frozen=True)
class Version:
    """A version of the clinic's own, and what it changed."""

    row: MessageText
    is_newest: bool
    differences: list[DiffLine]


@dataclass(frozen=True)
class Preview:
    """A letter to the fictional patient: `blocks` for the page to draw as a mail program would, `text` as plain words."""

    case: example.Case
    subject: str
    text: str
    blocks: list[Filled]
    grade: float


def used_codes() -> list[str]:
    """The text around every message, then those of the kinds that there are, in their order."""
    of_kinds = dict.fromkeys(kind.text for kind in kinds.all_kinds())
    return [FRAME, *(code for code in of_kinds if (text := library().text(code)) and text.source)]


def entries(clinic: Clinic) -> list[Entry]:
    known = library()
    return [
        Entry(
            code=code,
            title=known.english(code).title,
            purpose=known.english(code).purpose,
            who=who_gets(code),
            cells=[_cell(clinic, code, language) for language in languages()],
        )
        for code in used_codes()
    ]


def languages() -> list[str]:
    """English first."""
    return sorted(library().languages, key=lambda code: (code != ENGLISH, code))


def who_gets(code: str) -> str:
    if code == FRAME:
        return "Everybody"
    of_text = kinds.of_text(code)
    return "Whoever may be mailed" if all(kind.essential for kind in of_text) else "Whoever wants reminders"


def labels_of(code: str) -> list[str]:
    """The steps that are written by a text."""
    return [] if code == FRAME else [kind.label for kind in kinds.of_text(code)]


def reached(clinic: Clinic, code: str, language: str = ENGLISH) -> list[Reached]:
    """What waits and will be written by the text when it leaves, by kind; the most first."""
    found = _waiting(clinic, code)
    others = [other for other in languages() if other != ENGLISH and library().sendable(code, other)]
    found = (
        found.exclude(patient__language__in=others) if language == ENGLISH else found.filter(patient__language=language)
    )
    counts = found.order_by().values_list("kind").annotate(number=Count("pk")).order_by("-number", "kind")
    return [Reached(kinds.label(kind), number) for kind, number in counts]


def _waiting(clinic: Clinic, code: str) -> QuerySet[Message]:
    waits = Message.objects.filter(clinic=clinic, state__in=[*OPEN, State.SENDING], handed_off_at=None)
    if code == FRAME:
        return waits
    return waits.filter(kind__in=[kind.code for kind in kinds.of_text(code)])


def fields(code: str) -> Sequence[Field]:
    """Required ones first."""
    return sorted(library().contract(code).fields, key=lambda field: (not field.required, field.kind == "link"))


def previews(clinic: Clinic, code: str, language: str, source: str | None = None) -> list[Preview]:
    """Her letters by the words in force, or by `source`, which must be readable: everything at once, one of each, the least."""
    contract = library().contract(code)
    blocks = parse(source) if source is not None else _in_force(clinic, code, language).blocks
    return [_preview(clinic, code, language, blocks, case) for case in example.cases(contract)]


def versions(clinic: Clinic, code: str, language: str) -> list[Version]:
    """The clinic's own, newest first."""
    shipped = _shipped(code, language)
    rows = list(
        MessageText.objects.filter(clinic=clinic, code=code, language=language)
        .select_related("made_by")
        .order_by("-version")[: VERSIONS_SHOWN + 1]
    )
    before = [*rows[1:], None][: len(rows)]
    return [
        Version(row, number == 0, differences(_words(earlier, shipped), _words(row, shipped)))
        for number, (row, earlier) in enumerate(zip(rows, before, strict=True))
    ][:VERSIONS_SHOWN]


def newer_shipped(clinic: Clinic, code: str, language: str) -> list[DiffLine] | None:
    """How the shipped words differ from the clinic's own, where a newer release brought new ones; else None."""
    own = chosen.newest(clinic).get((code, language))
    shipped = _shipped(code, language)
    if own is None or not own.source or own.shipped_version >= shipped.version:
        return None
    return differences(own.source, shipped.source)


def differences(before: str, after: str) -> list[DiffLine]:
    """Line by line; empty where they are the same."""
    signs = {"+ ": "added", "- ": "gone", "  ": "same"}
    lines = [
        DiffLine(signs[line[:2]], line[2:])
        for line in ndiff(before.splitlines(), after.splitlines())
        if line[:2] in signs
    ]
    changed = {at for at, line in enumerate(lines) if line.sign != "same"}
    near = {at + step for at in changed for step in (-1, 0, 1)}
    return [line for at, line in enumerate(lines) if at in near and (line.words or line.sign != "same")]


def _words(row: MessageText | None, shipped: ShippedText) -> str:
    return row.source if row is not None and row.source else shipped.source


def _in_force(clinic: Clinic, code: str, language: str) -> ChosenText:
    found = chosen.in_force(clinic, code, language)
    if found is None:
        raise LookupError(f"There is no {code} in {language}.")
    return found


def _shipped(code: str, language: str) -> ShippedText:
    found = library().text(code, language)
    if found is None:
        raise LookupError(f"There is no {code} in {language}.")
    return found


def _cell(clinic: Clinic, code: str, language: str) -> Cell:
    name, shipped = library().languages[language].name, library().text(code, language)
    if shipped is None:
        return Cell(language, name, "none")
    in_force = _in_force(clinic, code, language)
    state = "draft" if shipped.is_draft else "own" if in_force.own else "shipped"
    own = chosen.newest(clinic).get((code, language))
    newer = own is not None and bool(own.source) and own.shipped_version < shipped.version
    unreadable = chosen.unreadable(clinic, code, language) is not None
    return Cell(language, name, state, in_force.version, newer=newer, unreadable=unreadable)


def _preview(clinic: Clinic, code: str, language: str, blocks: Sequence, case: example.Case) -> Preview:
    known = library()
    is_essential = code == FRAME or all(kind.essential for kind in kinds.of_text(code))
    frame = case if code == FRAME else example.around(known.contract(FRAME), is_essential=is_essential)
    texts = letters.Texts(
        code=code,
        language=known.languages[language],
        frame=blocks if code == FRAME else _frame_blocks(clinic, language),
        blocks=parse("…") if code == FRAME else blocks,
        version=0,
    )
    words = {**_told(case.words), **_told(frame.words), **_own(clinic, texts)}
    links = {**case.links, **frame.links}
    filled = letters.filled(texts, clinic, words=words, links=links, is_shared=case.is_shared)
    text = letters.text_of(filled)
    return Preview(case, letters.subject_of(texts, clinic), text, filled, reading(text).grade)


def _frame_blocks(clinic: Clinic, language: str):
    """In a language whose frame is missing nothing is ever sent: it is shown with the English one."""
    frame = chosen.in_force(clinic, FRAME, language) or _in_force(clinic, FRAME, ENGLISH)
    return frame.blocks


def _told(words) -> dict:
    return {name: value for name, value in words.items() if value is not None}


def _own(clinic: Clinic, texts: letters.Texts) -> dict:
    """The clinic's own details, as far as it has said them; the rest is made up."""
    return {name: value for name, value in letters.of_clinic(clinic, texts.language).items() if value}


def grade_of(clinic: Clinic, code: str, language: str) -> float | None:
    """The hardest of her letters; None for a language whose grade we cannot tell."""
    if language != ENGLISH:
        return None
    contract, blocks = library().contract(code), _in_force(clinic, code, language).blocks
    return max(reading(text).grade for text in checks.letters(blocks, contract, library().languages[language]))
