"""The texts that come with the software: a folder a language, a file a text. Read once for a process."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from django.conf import settings

from patients.outbox.texts.fields import Contract, contract
from patients.outbox.texts.languages import ENGLISH, Language
from patients.outbox.texts.parsing import Block, parse

# A later folder goes before an earlier one.
FOLDERS: tuple[Path, ...] = (settings.BASE_DIR / "templates" / "messages",)
FRAME = "frame"
# Shipped versions stay below it, a clinic's own begin above: a number never means two texts.
FIRST_OF_A_CLINIC = 1001
HEAD = {"title", "purpose", "version", "draft"}


class BrokenText(ValueError):
    """A file of ours that is not as it has to be."""


@dataclass(frozen=True)
class ShippedText:
    """One file: what it is for, its version and its words. A draft is shown and never sent."""

    code: str
    language: str
    title: str
    purpose: str
    version: int
    source: str
    is_draft: bool = False

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return parse(self.source)


@dataclass(frozen=True)
class Library:
    """Everything that the folders hold."""

    languages: Mapping[str, Language]
    texts: Mapping[tuple[str, str], ShippedText]
    contracts: Mapping[str, Contract]

    def text(self, code: str, language: str = ENGLISH) -> ShippedText | None:
        return self.texts.get((code, language))

    def english(self, code: str) -> ShippedText:
        found = self.text(code)
        if found is None:
            raise BrokenText(f"There is no English text called {code}.")
        return found

    def contract(self, code: str) -> Contract:
        found = self.contracts.get(code)
        if found is None:
            raise BrokenText(f"There is no text called {code}.")
        return found

    def sendable(self, code: str, language: str) -> bool:
        """Whether letters by this text may leave in this language: the text and the frame are there, and no drafts."""
        both = (self.text(code, language), self.text(FRAME, language))
        return all(text is not None and not text.is_draft for text in both)


def library() -> Library:
    return _read(FOLDERS)


@cache
def _read(folders: tuple[Path, ...]) -> Library:
    declared: dict[str, dict] = {}
    languages: dict[str, Language] = {}
    texts: dict[tuple[str, str], ShippedText] = {}
    for folder in folders:
        _declare(declared, folder / "fields.toml")
        for place in sorted(path for path in folder.iterdir() if path.is_dir()):
            about = place / "language.toml"
            if about.exists():
                languages[place.name] = Language.read(place.name, tomllib.loads(about.read_text(encoding="utf-8")))
            if place.name not in languages:
                raise BrokenText(f"{place} has no language.toml.")
            for file in sorted(place.glob("*.txt")):
                texts[file.stem, place.name] = _text(file, place.name)
    return Library(languages, texts, {code: contract(code, declared) for code, _ in texts})


def _declare(declared: dict[str, dict], file: Path) -> None:
    if file.exists():
        for part, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            declared[part] = declared.get(part, {}) | entries


def _text(file: Path, language: str) -> ShippedText:
    head, _, source = file.read_text(encoding="utf-8").partition("\n\n")
    said = dict(_head(file, head.splitlines()))
    missing = {"title", "purpose", "version"} - set(said)
    if missing:
        raise BrokenText(f"{file}: the head says no {', '.join(sorted(missing))}.")
    version = int(said["version"])
    if not 0 < version < FIRST_OF_A_CLINIC:
        raise BrokenText(f"{file}: a shipped version is a number from 1 to {FIRST_OF_A_CLINIC - 1}.")
    return ShippedText(
        code=file.stem,
        language=language,
        title=said["title"],
        purpose=said["purpose"],
        version=version,
        source=source.strip() + "\n" if source.strip() else "",
        is_draft=said.get("draft") == "yes",
    )


def _head(file: Path, lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name not in HEAD or not value.strip():
            raise BrokenText(f"{file}: “{line}” is no line of a head ({', '.join(sorted(HEAD))}).")
        yield name, value.strip()
