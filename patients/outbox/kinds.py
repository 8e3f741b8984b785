"""What kinds of message there are. The ledger names none of them: their owners register them when the app starts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from patients.links.purposes import Wanted
from patients.outbox.models import Message
from patients.outbox.texts.languages import Language

UnknownPolicy = Literal["resend_once", "resend_if_hours_left", "never"]


@dataclass(frozen=True)
class Attachment:
    """A text that travels with a message as a file. `content_type` names the character set, which is UTF-8; the bytes
    arrive as they are here, line ends included."""

    name: str
    content_type: str
    text: str


@dataclass(frozen=True)
class Kind:
    """One kind of message.

    `label` is read at the desk: no diagnosis, treatment or body area in it. `essential` mail (confirmation, change,
    aftercare) needs the patient's leave to be e-mailed, optional mail (reminders) her wish for reminders as well.
    `unknown_policy` decides what happens when nobody can say whether a message arrived. `immediate` messages answer
    something the patient has just done and ignore quiet hours. `still_wanted` and `context` are asked as the message
    leaves: the first returns None or the reason why it must no longer go, the second what its text may say: the fields
    that `templates/messages/fields.toml` names.
    `attachment` is given that too, and the language it was written in, so that file and words cannot differ, and returns what is to
    be attached, if anything. `links` is given what the text may say, and says which private links the text may carry, by the name it calls them, `link.<name>`;
    `contact` is in every mail and need not be named.
    `text` names its text, `code` where nothing is said: several kinds may share one.
    """

    code: str
    label: str
    essential: bool
    unknown_policy: UnknownPolicy
    still_wanted: Callable[[Message], str | None]
    context: Callable[[Message], dict[str, Any]]
    attachment: Callable[[Message, dict[str, Any], Language], Attachment | None] | None = None
    links: Callable[[Message, dict[str, Any]], Mapping[str, Wanted]] | None = None
    text: str = ""
    priority: int = 5
    immediate: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text or self.code)


class UnknownKind(LookupError):
    """A message of a kind that nobody registered: an older or newer release wrote it."""


_kinds: dict[str, Kind] = {}


def register(*new: Kind) -> None:
    for kind in new:
        if _kinds.get(kind.code, kind) != kind:
            raise ValueError(f"Two kinds of message are called {kind.code}.")
        _kinds[kind.code] = kind


def forget(code: str) -> None:
    """Take a kind back: for tests that bring their own."""
    _kinds.pop(code, None)


def get(code: str) -> Kind:
    try:
        return _kinds[code]
    except KeyError:
        raise UnknownKind(code) from None


def all_kinds() -> Iterable[Kind]:
    return tuple(_kinds.values())


def of_text(text: str) -> list[Kind]:
    """The kinds that are written by a text."""
    return [kind for kind in _kinds.values() if kind.text == text]


def label(code: str) -> str:
    """Words for a list; an unregistered kind is still shown."""
    kind = _kinds.get(code)
    return kind.label if kind else code.replace("_", " ").capitalize()


def codes_labelled(text: str) -> list[str]:
    """Kinds whose label contains what was typed."""
    return [kind.code for kind in _kinds.values() if text.casefold() in kind.label.casefold()]
