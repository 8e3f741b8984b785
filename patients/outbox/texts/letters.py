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
    language: str


def texts_for(clinic: Clinic, code: str, reads: str) -> Texts:
    """By what a letter to somebody who reads `reads` is written, as far as the texts decide it."""
    known = library()
    known.english(code)
    language = language_for(reads, code, known)
    frame, text = frame_and_text(clinic, code, language)
    return Texts(code, known.languages[language], frame.blocks, text.blocks, text.version)


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

    A letter that says something in English only is English as a whole. Raises NothingToSay where a field that it cannot do
    without is empty.
    """
    about = {"first_name": first_name, "essential": is_essential, "may_be_copy": may_be_copy}
    texts = texts_for(clinic, code, reads)
    if texts.language.code != ENGLISH:
        contract = library().contract(code)
        known = of_clinic(clinic, texts.language) | words | about
        said = contract.values(known, links, language=texts.language, zone=clinic.tz, is_shared=is_shared)
        if contract.is_english_only(said):
            texts = texts_for(clinic, code, ENGLISH)
    return written(texts, clinic, words=words | about, links=links, is_shared=is_shared)


def written(
    texts: Texts,
    clinic: Clinic,
    *,
    words: Mapping[str, Any],
    links: Mapping[str, str],
    is_shared: bool = False,
) -> Written:
    """The letter by these very texts."""
    blocks = filled(texts, clinic, words=words, links=links, is_shared=is_shared)
    subject, language = subject_of(texts, clinic), texts.language.code
    html = whole_page(as_html(blocks), language=language, title=subject)
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
