"""From a text to the words of one letter, in one language from its greeting to its foot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clinic.models import Clinic
from patients.outbox.texts.chosen import frame_and_text, language_for
from patients.outbox.texts.languages import ENGLISH, Language
from patients.outbox.texts.parsing import Block
from patients.outbox.texts.shipped import FRAME, library
from patients.outbox.texts.writing import Filled, as_html, as_text, fill, whole_page


@dataclass(frozen=True)
class Texts:
    """What a letter is written by. `version` is that of the text; the words that were sent are kept beside it."""

    code: str
    language: Language
    frame: Sequence[Block]
    blocks: Sequence[Block]
    version: int


@dataclass(frozen=True)
class Written:
    """The words of one letter."""

    subject: str
    text: str
    html: str
    version: int
    language: Language


def texts_for(clinic: Clinic, code: str, language: Language) -> Texts:
    """By what a letter in this language is written, which must be one that `language_of` gives."""
    frame, text = frame_and_text(clinic, code, language.code)
    return Texts(code, language, frame.blocks, text.blocks, text.version)


def language_of(
    clinic: Clinic, code: str, *, reads: str, words: Mapping[str, Any], is_shared: bool = False
) -> Language:
    """In which language a letter to somebody who reads `reads` leaves, by what it says: one that says something in English
    only is English as a whole."""
    known = library()
    known.english(code)
    language = known.languages[language_for(reads, code, known)]
    contract = known.contract(code)
    if language.code == ENGLISH or not contract.is_english_only(
        words, language=language, zone=clinic.tz, is_shared=is_shared
    ):
        return language
    return known.languages[ENGLISH]


def write(
    clinic: Clinic,
    code: str,
    *,
    reads: str,
    first_name: str,
    words: Mapping[str, Any],
    links: Mapping[str, str],
    is_essential: bool,
    may_be_copy: bool = False,
    is_shared: bool = False,
) -> Written:
    """One letter. `words`: what its sender says, `links`: where each of its links leads, or what names it; `is_shared`:
    somebody else reads this address too.

    Raises NothingToSay where a field that it cannot do without is empty.
    """
    about = {"first_name": first_name, "essential": is_essential, "may_be_copy": may_be_copy}
    language = language_of(clinic, code, reads=reads, words=words, is_shared=is_shared)
    texts = texts_for(clinic, code, language)
    blocks = filled(texts, clinic, words=words | about, links=links, is_shared=is_shared)
    subject = subject_of(texts, clinic)
    html = whole_page(as_html(blocks), language=language.code, title=subject)
    return Written(subject, text_of(blocks), html, texts.version, language)


def filled(
    texts: Texts,
    clinic: Clinic,
    *,
    words: Mapping[str, Any],
    links: Mapping[str, str],
    is_shared: bool = False,
) -> list[Filled]:
    """What the letter by these texts says, block by block, in whatever form it is then written."""
    known, language = library(), texts.language
    words = of_clinic(clinic, language) | words
    contract, around = known.contract(texts.code), known.contract(FRAME)
    values = contract.values(words, links, language=language, zone=clinic.tz, is_shared=is_shared)
    outer = around.values(words, links, language=language, zone=clinic.tz)
    body = fill(texts.blocks, values, bold=contract.bold)
    return fill(texts.frame, outer, bold=around.bold, body=body)


def subject_of(texts: Texts, clinic: Clinic) -> str:
    """On a lock screen it must say nothing: no name of hers, no treatment, no body area."""
    return texts.language.subject_of(clinic.sender_name)


def text_of(blocks: Sequence[Filled]) -> str:
    """A letter as plain text."""
    return as_text(blocks).strip() + "\n"


def of_clinic(clinic: Clinic, language: Language) -> dict[str, Any]:
    """What every letter may say of the clinic."""
    return {
        "sender_name": clinic.sender_name,
        "phone": clinic.phone,
        "urgent_phone": clinic.urgent_phone or clinic.phone,
        "emergency_number": clinic.emergency_number or language.emergency_number,
        "address": clinic.address,
        "reply_to": clinic.reply_to,
    }
