"""Days as files write them. 03/04/2026 is two days: which one is asked, never guessed."""

import re
from collections.abc import Iterable
from datetime import date

from patients.search import FIRST_YEAR, LAST_YEAR, birth_date

DAY_FIRST, MONTH_FIRST = "dmy", "mdy"
# Spreadsheets write midnight behind a day.
MIDNIGHT = re.compile(r"[T ]+0{1,2}:00(:00(\.0+)?)?Z?$")
YEAR_FIRST = re.compile(r"(\d{4})[/.\- ](\d{1,2})[/.\- ](\d{1,2})")
YEAR_LAST = re.compile(r"(\d{1,2})[/.\- ]+(\d{1,2})[/.\- ]+(\d{4})")
SHORT_YEAR = re.compile(r"\d{1,2}[/.\- ]+\d{1,2}[/.\- ]+\d{2}")


def read_day(text: str, order: str) -> date | None:
    """The day a cell says, its numbers in this order (`dmy` or `mdy`) where the year comes last. None: it says none."""
    text = MIDNIGHT.sub("", text.strip())
    if found := YEAR_FIRST.fullmatch(text):
        return _day(*found.groups())
    if found := YEAR_LAST.fullmatch(text):
        first, second, year = found.groups()
        return _day(year, first, second) if order == MONTH_FIRST else _day(year, second, first)
    worded = birth_date(text) if any(char.isalpha() for char in text) else None
    return worded if worded and FIRST_YEAR <= worded.year <= LAST_YEAR else None


def has_short_year(text: str) -> bool:
    return bool(SHORT_YEAR.fullmatch(MIDNIGHT.sub("", text.strip())))


def orders(texts: Iterable[str]) -> tuple[set[str], str]:
    """The orders that the days of a file show, and one that fits both: only where a file shows one alone is it known."""
    shown: set[str] = set()
    example = ""
    for text in texts:
        if found := YEAR_LAST.fullmatch(MIDNIGHT.sub("", text.strip())):
            first, second = int(found[1]), int(found[2])
            if first > 12 >= second:
                shown.add(DAY_FIRST)
            elif second > 12 >= first:
                shown.add(MONTH_FIRST)
            elif first != second:
                example = example or found[0]
    return shown, example


def _day(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None
