"""What a patient's link may be for. The ground names its own; other owners register theirs when the app starts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True)
class Purpose:
    """What one link opens, and nothing else.

    `home` names the page it leads to. Whatever says more than a time and the clinic's name asks for her date of birth
    first. `lasts` in real time; an order for a link may name its own end. `label` is read at the desk: what her page is,
    without treatment or body area.
    """

    code: str
    asks_birth_date: bool
    lasts: timedelta
    home: str
    label: str = ""


@dataclass(frozen=True)
class Wanted:
    """A link that a mail is to carry. `about`: the ref of what its page is about; `until`: its end by the clinic's clock,
    else it lasts as long as its purpose says."""

    purpose: str
    about: UUID | None = None
    until: datetime | None = None


_purposes: dict[str, Purpose] = {}


def register(*new: Purpose) -> None:
    for purpose in new:
        if _purposes.get(purpose.code, purpose) != purpose:
            raise ValueError(f"Two purposes of a link are called {purpose.code}.")
        _purposes[purpose.code] = purpose


def forget(code: str) -> None:
    """Take a purpose back: for tests that bring their own."""
    _purposes.pop(code, None)


def get(code: str) -> Purpose:
    """KeyError for a purpose that nobody registered."""
    return _purposes[code]


def find(code: str) -> Purpose | None:
    """None where another release made the link."""
    return _purposes.get(code)


def label(code: str) -> str:
    """Words for a list; a purpose without any, or of another release, is still shown."""
    found = _purposes.get(code)
    return (found and found.label) or code.replace("_", " ").capitalize()


# Whether and how we write to her. Sixty days: a mail is opened again weeks later, and it must still be able to end mail.
CONTACT = Purpose(
    "contact", asks_birth_date=False, lasts=timedelta(days=60), home="patients:my_contact", label="How we make contact"
)
# The words of one mail, for whom shares an address: they stand behind her date of birth and not in the mail.
LETTER = Purpose(
    "letter", asks_birth_date=True, lasts=timedelta(days=60), home="patients:my_letter", label="The message, in full"
)
register(CONTACT, LETTER)
