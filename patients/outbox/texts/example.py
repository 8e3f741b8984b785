"""The fictional patient that a text is tried with: Ana Example, whose visits are made up. No row is read or written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from patients.outbox.texts.fields import Contract, Field
from patients.outbox.texts.parsing import LINK
from patients.outbox.texts.shipped import FRAME

PATIENT = "Ana Example"
STOP, CONTACT = "link.stop", "link.contact"


@dataclass(frozen=True)
class Case:
    """One letter to her. `words` and `links` as a sender would give them."""

    code: str
    label: str
    words: Mapping[str, Any]
    links: Mapping[str, str]
    is_shared: bool = False


def cases(contract: Contract) -> list[Case]:
    """What a text may have to say: everything at once, one thing of each, and no more than it must."""
    if contract.code == FRAME:
        return _cases_of_the_frame(contract)
    everything = _links(contract)
    contact = {name: address for name, address in everything.items() if LINK + name == CONTACT}
    flags = {"essential": True, "may_be_copy": False}
    shared = Case(
        "shared", "To an address that a family shares", _words(contract, _whole) | flags, everything, is_shared=True
    )
    return [
        Case("everything", "Everything it may say", _words(contract, _whole) | flags, everything),
        Case("one", "One of each", _words(contract, _first) | flags, everything),
        Case("least", "No more than it must", _words(contract, _first, least=True) | flags, contact),
        *([shared] if any(field.private for field in contract.fields) else []),
    ]


def around(frame: Contract, *, is_essential: bool = True) -> Case:
    """What the frame says around the letter of another text, sent for the first time."""
    visit, reminder, _ = _cases_of_the_frame(frame)
    case = visit if is_essential else reminder
    return replace(case, words={**case.words, "may_be_copy": False})


def _cases_of_the_frame(contract: Contract) -> list[Case]:
    words, links = _words(contract, _whole), _links(contract)
    visit = {name: address for name, address in links.items() if LINK + name == CONTACT}
    reminder = {name: address for name, address in links.items() if LINK + name == STOP}
    least = _words(contract, _first, least=True)
    return [
        Case("everything", "Around a message about a visit", words | {"essential": True}, visit),
        Case("reminder", "Around a reminder", words | {"essential": False, "may_be_copy": False}, reminder),
        Case("least", "No more than it must", least | {"essential": True, "may_be_copy": False}, visit),
    ]


def _links(contract: Contract) -> dict[str, str]:
    links = (field.name.removeprefix(LINK) for field in contract.fields if field.kind == "link")
    return {name: f"[her private link: {name}]" for name in links}


def _words(contract: Contract, form, *, least: bool = False) -> dict[str, Any]:
    words: dict[str, Any] = {}
    for field in contract.fields:
        if field.kind == "link":
            continue
        value = form(field) if not least or field.required else None
        outer, dot, inner = field.name.partition(".")
        if dot:
            words.setdefault(outer, {})[inner] = value
        else:
            words[field.name] = value
    return words


def _whole(field: Field) -> Any:
    return True if field.kind == "flag" else field.example


def _first(field: Field) -> Any:
    value = _whole(field)
    return value[:1] if isinstance(value, list) else value
