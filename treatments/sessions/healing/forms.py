"""The healing check-in as it is tapped. Nothing that was tapped is ever lost for something else that was not understood."""

import re
from dataclasses import dataclass
from uuid import UUID, uuid4

from django import forms
from django.http import QueryDict

from clinic.forms import page_form_helper
from patients.forms import Paragraph, scrubbed
from treatments.protocol.triage import Answers

NOTE_LENGTH = 400
SIGN = re.compile(r"[a-z0-9_]{1,40}")


@dataclass(frozen=True)
class Scale:
    """One question with a tap for each answer. `words`: of each value, or of the first and last alone."""

    name: str
    question: str
    words: tuple[str, ...]
    most: int

    @property
    def sentence(self) -> str:
        return f"Tap one answer: {self.question[0].lower()}{self.question[1:]}"


SCALES = (
    Scale("redness", "How red is it?", ("Not red", "Pink", "Red", "Very red"), 3),
    Scale("swelling", "How swollen is it?", ("Not swollen", "A little", "Clearly", "Very"), 3),
    Scale("pain", "How much does it hurt?", ("No pain", "The worst"), 10),
)


@dataclass(frozen=True)
class Typed:
    """What arrived. `once`: the name of this press; `missing`: scales without an answer."""

    once: UUID
    said: Answers
    note: str
    missing: tuple[Scale, ...]


def read(posted: QueryDict) -> Typed:
    """What she tapped. What no page of ours can have sent counts as not tapped; a note is cut where it has to be."""
    posted = scrubbed(posted)
    values = {scale.name: _value(posted.get(scale.name, ""), scale.most) for scale in SCALES}
    said = Answers(**values, signs=frozenset(code for code in posted.getlist("signs") if SIGN.fullmatch(code)))
    missing = tuple(scale for scale in SCALES if values[scale.name] is None)
    return Typed(_once(posted.get("once", "")), said, _note(posted.get("note", "")), missing)


def _value(tapped: str, most: int) -> int | None:
    is_number = tapped.isascii() and tapped.isdigit() and len(tapped) <= 2
    return int(tapped) if is_number and int(tapped) <= most else None


def _note(text: str) -> str:
    whole = text.replace("\r\n", "\n")
    kept = (char if char == "\n" or char.isprintable() else " " if char.isspace() else "" for char in whole)
    return "".join(kept).strip()[:NOTE_LENGTH].strip()


def _once(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        return uuid4()


class SeenForm(forms.Form):
    """What a clinician did about a check-in."""

    note = Paragraph(
        label="What was done",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write what you did about this check-in."},
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(None if data is None else scrubbed(data))
        self.helper = page_form_helper()
