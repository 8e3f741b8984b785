"""Bytes of a table, as programs export it, to rows of text. Knows no patient and no database."""

import codecs
import csv
import io
from dataclasses import dataclass
from itertools import islice

from clinic.errors import DomainError

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000
# No table of people is wider, and every row is filled up to the width of the headings.
MOST_COLUMNS = 200
SEPARATORS = (",", ";", "\t")
SEPARATOR_WORDS = {",": "comma", ";": "semicolon", "\t": "tab"}
ENCODING_WORDS = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows, western Europe"}
# As many as decide which separator it is.
LOOKED_AT = 50
LONGEST_CELL = 10_000


class Unreadable(DomainError):
    """The file is no table that we can read."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, field="file")


@dataclass(frozen=True)
class Sheet:
    """`rows`: number as a spreadsheet counts it (the headings are row 1) and the cells; empty rows are left out."""

    encoding: str
    separator: str
    headings: list[str]
    rows: list[tuple[int, list[str]]]


def read(content: bytes) -> Sheet:
    """The table in a file. Raises Unreadable with what to do."""
    if len(content) > MOST_BYTES:
        raise Unreadable("This file is larger than 5 MB. Split it and bring the parts one after the other.")
    encoding, text = _decoded(content)
    if not text.strip():
        raise Unreadable("This file is empty. Export it again, with its headings.")
    separator = _separator(text)
    records = _records(text, separator)
    first, headings = records[0] if records else (0, [])
    rows = [(number, row) for number, row in records if number > first]
    if len(headings) < 2:
        raise Unreadable("No columns were found. Save the table as CSV, with commas, semicolons or tabs between them.")
    if not rows:
        raise Unreadable("There are headings and no rows below them. Export the table again.")
    if len(headings) > MOST_COLUMNS:
        raise Unreadable(
            f"{len(headings):,} columns are too many: {MOST_COLUMNS} at most. Delete those that nobody needs, and export again."
        )
    if len(rows) > MOST_ROWS:
        raise Unreadable(f"More than {MOST_ROWS:,} rows are too many: bring 20,000 at most, one file after the other.")
    return Sheet(encoding, separator, [_heading(cell, at) for at, cell in enumerate(headings)], rows)


def _heading(cell: str, at: int) -> str:
    return cell[:80] or f"Column {at + 1}"


def _decoded(content: bytes) -> tuple[str, str]:
    """The encoding a byte order mark names; else UTF-16 by its zero bytes, UTF-8 where it is that, and Windows otherwise."""
    marks = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
    mark, marked = next(((mark, name) for mark, name in marks if content.startswith(mark)), (b"", ""))
    for encoding in [marked] if marked else [*_by_zeros(content), "utf-8", "cp1252"]:
        try:
            return encoding, content[len(mark) :].decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("The letters of this file cannot be read. Save it as “CSV UTF-8” and bring it again.")


def _by_zeros(content: bytes) -> list[str]:
    """Every other byte of western text in UTF-16 is nought."""
    start = content[:2000]
    half = max(len(start) // 2, 1)
    if start[1::2].count(0) > half * 0.4:
        return ["utf-16-le"]
    return ["utf-16-be"] if start[0::2].count(0) > half * 0.4 else []


def _separator(text: str) -> str:
    """The one that cuts most of the first rows into as many cells as there are headings, and into the most."""

    def fits(separator: str) -> tuple[int, int]:
        rows = []
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if any(row):
                rows.append(len(row))
            if len(rows) > LOOKED_AT:
                break
        width = rows[0] if rows else 0
        return (rows.count(width) if width > 1 else 0), width

    with _sentences():
        return max(SEPARATORS, key=fits)


def _records(text: str, separator: str) -> list[tuple[int, list[str]]]:
    with _sentences():
        try:
            return _cut(text, separator, strict=True)
        except csv.Error as wrong:
            if "unexpected end" in str(wrong):
                raise Unreadable(
                    "A quotation mark is opened and never closed, so rows run into one another. Export the table again."
                ) from wrong
            # Marks inside a text that nobody doubled: what a spreadsheet shows then is what we take.
            return _cut(text, separator, strict=False)


def _cut(text: str, separator: str, *, strict: bool) -> list[tuple[int, list[str]]]:
    """Rows in which something stands, each with its number; no more of them than show that there are too many."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
    rows = ((number, [cell.strip()[:LONGEST_CELL] for cell in row]) for number, row in enumerate(reader, 1))
    return list(islice((row for row in rows if any(row[1])), MOST_ROWS + 2))


class _sentences:
    """Turns what the csv library refuses into a sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, refusal, trace) -> None:
        if isinstance(refusal, csv.Error):
            raise Unreadable("This file is no table that we can read. Save it as CSV and bring it again.") from refusal
