"""What kinds of file there are. The engine names none of them: their owners register them when the app starts."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from clinic.errors import DomainError
from clinic.models import Clinic, User
from patients.importing import days
from patients.importing.models import ImportRun
from patients.importing.reading import Sheet
from patients.models import Patient

LONGEST_SHOWN = 60
SKIP, TAKE, NEW = "skip", "take", "new"


@dataclass(frozen=True)
class Field:
    """Something a column may hold. `guesses`: headings it goes by, as `plain_heading` writes them."""

    code: str
    label: str
    guesses: tuple[str, ...]
    help: str = ""
    is_day: bool = False


@dataclass(frozen=True)
class Problem:
    """Why a row cannot be taken: its number, the column, what stands there, what is wrong and what to do."""

    row: int
    column: str
    found: str
    wrong: str
    do: str


@dataclass(frozen=True)
class Alike:
    """A row about somebody who seems to be on record: the same birth date, and the same name but for accents and case."""

    row: int
    name: str
    born_on: date
    patient: UUID
    on_record: str


@dataclass
class Checked:
    """What a file comes to: rows that can be taken (as their kind reads them), problems, likenesses."""

    good: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    alike: list[Alike] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One row by the fields of its kind; what no column holds is empty."""

    number: int
    cells: Mapping[str, str]

    def __getitem__(self, code: str) -> str:
        return self.cells.get(code, "")


@dataclass(frozen=True)
class Table:
    """Rows of a file in the order of the file, and how its days and columns read. `answers`: row to what was said of a
    likeness, with the answer for all others under 0."""

    clinic: Clinic
    today: date
    rows: Sequence[Row]
    headings: Mapping[str, str]
    day_order: str
    answers: Mapping[int, str] = field(default_factory=dict)

    def day(self, text: str) -> date | None:
        return days.read_day(text, self.day_order)

    def problem(self, row: Row, code: str, wrong: str, do: str) -> Problem:
        return Problem(row.number, self.headings.get(code, ""), row[code][:LONGEST_SHOWN], wrong, do)

    def day_problem(self, row: Row, code: str) -> Problem:
        if days.has_short_year(row[code]):
            return self.problem(row, code, "The year has two figures.", "Write the whole year, for example 1985.")
        return self.problem(
            row, code, "This is no day that exists.", "Write it as 2026-04-03, or in the order chosen for this file."
        )

    def answer(self, row: int) -> str:
        return self.answers.get(row, self.answers.get(0, SKIP))


@dataclass(frozen=True)
class Written:
    """Whom an import was about: new records, and older ones of which something was written."""

    new: Sequence[Patient]
    older: Sequence[Patient]
    rows: int


class Check(Protocol):
    def __call__(self, table: Table) -> Checked: ...


class Write(Protocol):
    def __call__(self, *, run: ImportRun, table: Table, checked: Checked, by: User) -> Written: ...


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    `complete`: given the fields that have a column, the sentence about what is still missing, or nothing. `check` looks
    at every row and writes nothing. `write` is called once, inside the import's transaction, with what `check` found
    good. `take_back` deletes what a run wrote about these patients, inside the transaction that undoes it, while the run
    says so (`undoing`).
    """

    code: str
    title: str
    what: str
    fields: tuple[Field, ...]
    complete: Callable[[set[str]], str]
    check: Check
    write: Write
    take_back: Callable[[ImportRun, Sequence[int]], None]

    def guess(self, headings: Sequence[str], remembered: Mapping[str, str]) -> dict[str, int]:
        """Field to column: as the clinic chose the last time, else by the heading."""
        plain = [plain_heading(heading) for heading in headings]
        found: dict[str, int] = {}
        for each in self.fields:
            wanted = (remembered[each.code],) if each.code in remembered else ()
            for name in (*wanted, *each.guesses):
                if name in plain and plain.index(name) not in found.values():
                    found[each.code] = plain.index(name)
                    break
        return found


class UnknownKind(DomainError):
    """Nobody registered a kind of this name."""


_kinds: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    for kind in kinds:
        _kinds[kind.code] = kind


def of(code: str) -> Kind:
    if code not in _kinds:
        raise UnknownKind("Choose what the file is about.", field="kind")
    return _kinds[code]


def all_kinds() -> list[Kind]:
    return list(_kinds.values())


def plain_heading(text: str) -> str:
    """ "Date of birth (DOB)" and "date_of_birth_dob" are one heading."""
    folded = "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c))
    return " ".join("".join(char if char.isalnum() else " " for char in folded).split())


def table_of(
    sheet: Sheet, *, clinic: Clinic, today: date, columns: Mapping[str, int], day_order: str, answers: Mapping[int, str]
) -> tuple[Table, list[Problem]]:
    """The rows by the fields of a kind; those of the wrong length are problems already."""
    rows, problems, width = [], [], len(sheet.headings)
    for number, cells in sheet.rows:
        if _wrong_length(cells, width):
            problems.append(_length_problem(number, cells, width))
            continue
        full = [*cells, *[""] * (width - len(cells))]
        rows.append(Row(number, {code: full[at] for code, at in columns.items()}))
    headings = {code: sheet.headings[at] for code, at in columns.items()}
    return Table(clinic, today, rows, headings, day_order, answers), problems


def _wrong_length(cells: Sequence[str], width: int) -> bool:
    """Programs leave out empty cells at the end, and write empty ones beyond it; more or one alone is another matter."""
    return any(cells[width:]) or (len(cells) == 1 and width > 2)


def _length_problem(number: int, cells: Sequence[str], width: int) -> Problem:
    return Problem(
        number,
        "",
        " | ".join(cells)[:LONGEST_SHOWN],
        f"This row has {len(cells)} cell{'' if len(cells) == 1 else 's'} and the headings have {width}.",
        "Use one separator throughout, and put a text that holds it into quotation marks.",
    )
