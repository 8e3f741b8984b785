"""By which text a letter is written: the clinic's newest, else the shipped one, and in which language.

A language without one of its texts, or with a draft of it, is not half a language: the whole letter is English then.
"""

from dataclasses import dataclass
from functools import cache

from django.db.models import BigIntegerField

from clinic.models import Clinic
from clinic.statements import Given, Statement
from patients.outbox.texts.checks import fits
from patients.outbox.texts.languages import ENGLISH
from patients.outbox.texts.models import MessageText
from patients.outbox.texts.parsing import Block, parse
from patients.outbox.texts.shipped import FRAME, Library, ShippedText, library

KEPT = "message_texts_in_force"


@dataclass(frozen=True)
class ChosenText:
    """The words in force. `own` is the clinic's row, where they are not the shipped ones."""

    shipped: ShippedText
    own: MessageText | None = None

    @property
    def version(self) -> int:
        return self.own.version if self.own else self.shipped.version

    @property
    def source(self) -> str:
        return self.own.source if self.own else self.shipped.source

    @property
    def blocks(self) -> tuple[Block, ...]:
        return parse(self.own.source) if self.own else self.shipped.blocks


def newest(clinic: Clinic) -> dict[tuple[str, str], MessageText]:
    """The clinic's newest version of each text and language. One query for as long as this `clinic` is in hand: a batch of
    messages shares one."""
    if not hasattr(clinic, KEPT):
        setattr(clinic, KEPT, _newest_of_each().rows(clinic=clinic.pk))
    return {(row.code, row.language): row for row in getattr(clinic, KEPT)}


@cache
def _newest_of_each() -> Statement:
    texts = MessageText.objects.filter(clinic=Given("clinic", BigIntegerField()))
    return Statement(texts.order_by("code", "language", "-version").distinct("code", "language"))


def forget(clinic: Clinic) -> None:
    """Read them again: one was written."""
    clinic.__dict__.pop(KEPT, None)


def in_force(clinic: Clinic, code: str, language: str = ENGLISH) -> ChosenText | None:
    """None where the language has no such text. One of the clinic's that a newer release cannot read any more gives way to
    the shipped one."""
    known = library()
    shipped = known.text(code, language)
    if shipped is None:
        return None
    own = newest(clinic).get((code, language))
    return ChosenText(shipped, own if own is not None and own.source and fits(own.source, code, language) else None)


def unreadable(clinic: Clinic, code: str, language: str) -> MessageText | None:
    """The clinic's newest version of a text, where a newer release cannot write letters by it any more."""
    own = newest(clinic).get((code, language))
    return own if own is not None and own.source and not fits(own.source, code, language) else None


def language_for(wanted: str, code: str, known: Library | None = None) -> str:
    """The language of a letter to somebody who reads `wanted`, as far as the texts decide it."""
    known = known or library()
    code_wanted = wanted.lower().partition("-")[0]
    return code_wanted if known.sendable(code, code_wanted) else ENGLISH


def frame_and_text(clinic: Clinic, code: str, language: str) -> tuple[ChosenText, ChosenText]:
    """For a language that is `sendable`."""
    frame, text = in_force(clinic, FRAME, language), in_force(clinic, code, language)
    if frame is None or text is None:
        raise LookupError(f"{code} cannot be written in {language}.")
    return frame, text
