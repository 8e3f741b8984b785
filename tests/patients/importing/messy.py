"""Messy files, the same for the same seed; each wrong row with the words its problem must have."""

import csv
import io
import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests import factories

TODAY = factories.TODAY
HEADINGS = [
    "Patient ID",
    "First name",
    "Surname",
    "DOB",
    "Mobile",
    "E-mail",
    "Email consent",
    "Asked on",
    "Asked by",
    "Notes",
]
GIVEN = ["Ana", "Zoë", "محمد", 'O\'Neil "Bud"', "Jean-Łuc", "Mary, Jr", "שירה", "Ng", "Søren", "=SUM(A1)x", "Ἑλένη"]
FAMILY = ["Silva", "Müller", "de la Cruz, y Vega", "O'Brien", "حداد", 'Smith "the" Third', "Nguyễn", "כהן", "Ødegård"]


@dataclass
class Messy:
    """`wrong`: row to words that its problem has; `alike`: rows about people on record; the others are good."""

    content: bytes
    wrong: dict[int, str] = field(default_factory=dict)
    alike: set[int] = field(default_factory=set)


def _birth(number: int) -> date:
    # Far apart enough that nobody shares a name and a day but on purpose.
    return date(1940, 1, 1) + timedelta(days=number * 4)


def person(number: int) -> list[str]:
    born = _birth(number)
    return [
        f"P{number:05d}",
        f"{GIVEN[number % len(GIVEN)]} {'abcdefghij'[number % 10]}{number}",
        FAMILY[number % len(FAMILY)],
        f"{born.day:02d}/{born.month:02d}/{born.year}",
        f"07700 9{number:05d}",
        f"person{number // 2}@post.example",  # two people of one address
        "", "", "", "line one\nline two" if number % 7 == 0 else "a, b; \"c\"",
    ]  # fmt: skip


def patients(on_record: list, *, rows: int = 5000, seed: int = 1) -> Messy:
    """A file of `rows` rows, one in eight wrong in one of ten ways; those on record are among them."""
    dice, out, found = random.Random(seed), [], Messy(b"")
    for at in range(rows):
        row, number = person(at), at + 2
        way = dice.randrange(100)
        if at < len(on_record):
            known = on_record[at]
            row[1:4] = known.given_name.upper(), known.family_name, known.born_on.isoformat()
            found.alike.add(number)
        elif way == 0:
            row[3] = dice.choice(["31/02/1980", "12.13.1990 x", "yesterday", "00/00/0000", "32/01/2001"])
            found.wrong[number] = "no day that exists"
        elif way == 1:
            row[3] = "03/04/85"
            found.wrong[number] = "two figures"
        elif way == 2:
            row[3] = "01/01/2031"
            found.wrong[number] = "still to come"
        elif way == 3:
            row[2] = "  "
            found.wrong[number] = "family name is missing"
        elif way == 4:
            row[5] = dice.choice(["not an address", "a@@b", "x@", "two@post.example, three@post.example"])
            found.wrong[number] = "no e-mail address"
        elif way == 5 and at > 200:
            row[1:4] = person(at - 150)[1:4]
            found.wrong[number] = "same name and date of birth"
        elif way == 6:
            row[6] = "yes"
            found.wrong[number] = "does not say who asked and when"
        elif way == 7:
            out.append(";".join(str(cell).replace("\n", " ").replace('"', "") for cell in row[:6]).replace(",", " "))
            found.wrong[number] = "the headings have 10"
            continue
        elif way == 8:
            row[4] = "call the sister"
            found.wrong[number] = "telephone number"
        elif way == 9:
            row[6:9] = "yes", "2027-01-05", "Nobody Known"
            found.wrong[number] = "Nobody of this name works here"
        elif way == 10:
            row[5] = ""
        elif way == 11:
            row[6:9] = "Yes", "05/01/2027", "Mara Quist"
        out.append(row)
    _spoil_copies(found, rows)
    found.content = _written(HEADINGS, out)
    return found


def _spoil_copies(found: Messy, rows: int) -> None:
    """A copy is only one where the row it copies can be taken itself."""
    for number, words in list(found.wrong.items()):
        if words == "same name and date of birth" and (number - 150 in found.wrong or number - 150 in found.alike):
            del found.wrong[number]
            if number - 150 in found.alike:
                found.alike.add(number)


SESSION_HEADINGS = ["Patient number", "Treatment date", "Depth (mm)", "Reaction grade", "Settled on", "Counts"]


def sessions(*, of: list[int], rows: int = 5000, seed: int = 2) -> Messy:
    """Past sessions of the people of these numbers; one in ten wrong in one of six ways."""
    dice, out, found = random.Random(seed), [], Messy(b"")
    for at in range(rows):
        number = at + 2
        on = TODAY - timedelta(days=30 + at // len(of) * 35)
        row = [f"P{of[at % len(of)]:05d}", on.isoformat(), dice.choice(["1,25", "1.5 mm", "", "0.5"]), "", "", "yes"]
        way = dice.randrange(60)
        if way == 0:
            row[1] = (TODAY + timedelta(days=9)).isoformat()
            found.wrong[number] = "has not come yet"
        elif way == 1:
            row[0] = f"X{at}"
            found.wrong[number] = "No patient with this number"
        elif way == 2:
            row[2] = "15"
            found.wrong[number] = "deeper than 3 mm"
        elif way == 3:
            row[3:5] = "2", (on - timedelta(days=1)).isoformat()
            found.wrong[number] = "settles on the day"
        elif way == 4:
            row[1] = "1931-01-01"
            found.wrong[number] = "before the patient was born"
        elif way == 5:
            row[5] = "perhaps"
            found.wrong[number] = "neither yes nor no"
        out.append(row)
    out.append(list(out[next(at for at in range(rows) if at + 2 not in found.wrong)]))
    found.wrong[rows + 2] = "same patient and day"
    found.content = _written(SESSION_HEADINGS, out)
    return found


def _written(headings: list[str], rows: list) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        if isinstance(row, str):
            text.write(f"{row}\r\n")
        else:
            writer.writerow(row)
    return b"\xef\xbb\xbf" + text.getvalue().encode()
