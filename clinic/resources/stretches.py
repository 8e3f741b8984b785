"""Hours as people write them: "09:00 to 13:00, 14:00 to 18:00", read into stretches of one day and written back."""

import re
from collections.abc import Iterable
from datetime import time
from itertools import pairwise

from clinic.errors import DomainError

Stretches = list[tuple[time, time]]

_ONE = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(?:to|until|-|–)\s*(\d{1,2})(?:[:.](\d{2}))?", re.IGNORECASE | re.ASCII)  # noqa: RUF001
MOST_A_DAY = 6


def read(written: str, *, field: str | None = None) -> Stretches:
    """Stretches of a day, earliest first; none of an empty text. Raises DomainError at `field` for what is no stretch."""
    found = []
    for part in re.split(r"[,;]|\band\b", written):
        if not part.strip():
            continue
        match = _ONE.fullmatch(part.strip())
        if match is None:
            raise DomainError(
                f"“{part.strip()[:40]}” is no working time. Write 09:00 to 17:00, and several with a comma between them.",
                field=field,
            )
        found.append((_time(*match.group(1, 2), field=field), _time(*match.group(3, 4), field=field)))
    return checked(found, field=field)


def checked(stretches: Iterable[tuple[time, time]], *, field: str | None = None) -> Stretches:
    """The same stretches, earliest first. Raises DomainError where one is empty or crosses midnight, or two overlap."""
    ordered = sorted(stretches)
    for starts, ends in ordered:
        if ends == starts:
            raise DomainError(f"{_words(starts, ends)} is no time at all. Enter when the work ends.", field=field)
        if ends < starts:
            raise DomainError(
                f"{_words(starts, ends)} crosses midnight. Hours end on the day they begin: enter the night as two days.",
                field=field,
            )
    for one, other in pairwise(ordered):
        if other[0] < one[1]:
            raise DomainError(f"{_words(*one)} and {_words(*other)} overlap. Enter each hour once.", field=field)
    if len(ordered) > MOST_A_DAY:
        raise DomainError(f"Enter at most {MOST_A_DAY} stretches a day.", field=field)
    return ordered


def words(stretches: Iterable[tuple[time, time]]) -> str:
    return ", ".join(_words(*stretch) for stretch in stretches)


def _words(starts: time, ends: time) -> str:
    return f"{starts:%H:%M} to {ends:%H:%M}"


def _time(hour: str, minute: str | None, *, field: str | None) -> time:
    if (int(hour), int(minute or 0)) == (24, 0):
        raise DomainError("A day of work ends at 23:59 at the latest. Enter the night as two days.", field=field)
    try:
        return time(int(hour), int(minute or 0))
    except ValueError:
        raise DomainError(f"{hour}:{minute or '00'} is no time. Write it as 09:00.", field=field) from None
