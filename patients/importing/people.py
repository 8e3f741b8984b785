"""Files of patients: who they are and how they may be reached. Nobody is mailed because she stands in one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.db import connection
from django.db.models import QuerySet

from clinic import clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from patients.forms import LANGUAGES, Line, Name, Telephone
from patients.importing.kinds import NEW, TAKE, Alike, Checked, Field, Kind, Problem, Row, Table, Written
from patients.importing.models import ImportRun, PatientNumber
from patients.models import Patient
from patients.search import name_key
from patients.services import people

YES = {"yes", "y", "true", "1", "x", "opted in", "opt in", "subscribed", "allowed"}
NO = {"no", "n", "false", "0", "opted out", "opt out", "unsubscribed", "not allowed"}
CORRECT_IT = "Correct it in the file and bring the file again, or leave the row out."
LANGUAGE_CODES = {code: code for code, _ in LANGUAGES} | {label.casefold(): code for code, label in LANGUAGES}
# Records that are nobody's any more.
GONE = (Patient.Status.MERGED, Patient.Status.ENTERED_IN_ERROR)

FIELDS = (
    Field("number", "Your own number", ("patient number", "patient id", "number", "id", "reference", "client id", "client number", "chart number", "file number"), "Files that come later can name her by it."),
    Field("given_name", "Given name", ("given name", "first name", "firstname", "forename", "given names", "first")),
    Field("family_name", "Family name", ("family name", "last name", "lastname", "surname", "last")),
    Field("born_on", "Date of birth", ("date of birth", "birth date", "birthdate", "birthday", "dob", "born", "born on"), is_day=True),
    Field("phone", "Telephone", ("telephone", "phone", "mobile", "mobile phone", "phone number", "tel", "cell", "mobile number")),
    Field("email", "E-mail", ("e mail", "email", "email address", "e mail address", "mail")),
    Field("language", "Language of mails", ("language", "preferred language", "language of mails"), "English, or a code such as en."),
    Field("speaks", "Speaks", ("speaks", "spoken language", "languages spoken")),
    Field("mail_allowed", "E-mail allowed", ("e mail allowed", "email allowed", "email consent", "may we email", "email opt in", "contact consent"), "Yes or no. It counts only with who asked and when."),
    Field("reminders_allowed", "Reminders allowed", ("reminders allowed", "reminders", "reminder consent")),
    Field("asked_on", "Asked on", ("asked on", "consent date", "consent given on", "opt in date"), "The day of the answer about e-mail.", is_day=True),
    Field("asked_by", "Asked by", ("asked by", "consent taken by"), "A colleague here, by name or e-mail."),
)  # fmt: skip


@dataclass
class Person:
    """A row that can be taken. `match`: who it seems to be on record, and whether she has this number already; `number`: hers in
    the clinic's own books."""

    row: Row
    details: dict[str, Any]
    number: str = ""
    match: Patient | None = None
    match_by_number: bool = False


def complete(columns: set[str]) -> str:
    missing = [field.label.lower() for field in FIELDS[1:4] if field.code not in columns]
    return f"Say which column holds the {_and(missing)}." if missing else ""


# ── Looking at every row ──────────────────────────────────────────────────────


def check(table: Table) -> Checked:
    """Every row by the rules the desk's form has, against the rest of the file, and against who is on record."""
    reader = _Reader(table)
    checked, persons = Checked(), []
    for row in table.rows:
        problems = [problem for problem in reader.read(row) if problem]
        if problems:
            checked.problems += problems
        else:
            persons.append(reader.person)
    persons = _once_each(persons, table, checked)
    _against_the_records(persons, table, checked)
    return checked


class _Reader:
    """Reads one row after the other: the fields of a form are made once, not 20,000 times."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.colleagues = _colleagues(table.clinic)
        self.now = clock.now()
        self.fields: dict[str, forms.Field] = {
            "given_name": Name(max_length=80, error_messages={"required": "The given name is missing."}),
            "family_name": Name(max_length=80, error_messages={"required": "The family name is missing."}),
            "speaks": Line(required=False),
            "phone": Telephone(max_length=40, required=False),
            "email": forms.EmailField(
                max_length=254,
                required=False,
                error_messages={
                    "invalid": "This is no e-mail address.",
                    "max_length": "Too long for an e-mail address.",
                    "null_characters_not_allowed": "There is a character in this that cannot be kept.",
                },
            ),
        }
        self.number = Line(max_length=40, required=False)

    def read(self, row: Row) -> Iterable[Problem | None]:
        """The problems of a row, and None for what is in order; then `person` is who it is about."""
        details: dict[str, Any] = {}
        self.person = Person(row, details)
        for code, field in self.fields.items():
            yield self._put(details, code, row, field)
        yield self._born(row)
        number: dict[str, str] = {}
        yield self._put(number, "number", row, self.number)
        self.person.number = number.get("number", "")
        yield self._language(row)
        yield from self._contact(row)

    def _put(self, into: dict, code: str, row: Row, field: forms.Field) -> Problem | None:
        try:
            into[code] = field.clean(row[code])
        except forms.ValidationError as refusal:
            return self.table.problem(row, code, refusal.messages[0], CORRECT_IT)
        return None

    def _born(self, row: Row) -> Problem | None:
        if not row["born_on"]:
            return self.table.problem(row, "born_on", "The date of birth is missing.", CORRECT_IT)
        born_on = self.table.day(row["born_on"])
        if born_on is None:
            return self.table.day_problem(row, "born_on")
        if born_on > self.table.today:
            return self.table.problem(row, "born_on", "This day is still to come.", "Check the year.")
        self.person.details["born_on"] = born_on
        return None

    def _language(self, row: Row) -> Problem | None:
        said = row["language"].casefold()
        if said and said not in LANGUAGE_CODES:
            return self.table.problem(
                row, "language", "This language is not known here.", "Leave it empty for English."
            )
        self.person.details["language"] = LANGUAGE_CODES.get(said, "en")
        return None

    def _contact(self, row: Row) -> Iterable[Problem | None]:
        """May we e-mail? Only an answer that says who asked and when; all three empty is "not asked yet"."""
        if not row["mail_allowed"] and not row["reminders_allowed"]:
            return
        said = {code: _yes_no(row[code]) for code in ("mail_allowed", "reminders_allowed")}
        for code, answer in said.items():
            if row[code] and answer is None:
                yield self.table.problem(
                    row, code, "This is neither yes nor no.", "Write yes or no, or leave it empty."
                )
                return
        yield self._asked(row, bool(said["mail_allowed"]), bool(said["reminders_allowed"]))

    def _asked(self, row: Row, mail: bool, reminders: bool) -> Problem | None:
        table, details = self.table, self.person.details
        asked_on, colleagues = table.day(row["asked_on"]), self.colleagues.get(row["asked_by"].casefold(), ())
        if not row["asked_on"] or not row["asked_by"]:
            wrong = "The answer about e-mail does not say who asked and when."
            return table.problem(row, "mail_allowed", wrong, "Fill in both, or leave the answer empty: not asked yet.")
        if asked_on is None:
            return table.day_problem(row, "asked_on")
        if asked_on > table.today:
            return table.problem(row, "asked_on", "This day is still to come.", "Check the year.")
        if not colleagues:
            return table.problem(
                row, "asked_by", "Nobody of this name works here.", "Write a colleague's full name or e-mail."
            )
        if len(colleagues) > 1:
            return table.problem(row, "asked_by", "Several people of this name work here.", "Write her e-mail instead.")
        if reminders and not mail:
            return table.problem(
                row, "reminders_allowed", "Reminders go by e-mail, and e-mail is not allowed.", CORRECT_IT
            )
        if mail and not details.get("email"):
            return table.problem(row, "email", "E-mail is allowed, and there is no address.", CORRECT_IT)
        at_noon = datetime.combine(asked_on, time(12), table.clinic.tz).astimezone(UTC)
        details |= {"mail_allowed": mail, "reminders_allowed": reminders, "contact_asked_by": next(iter(colleagues))}
        # Nobody has been asked later than now.
        details["contact_asked_at"] = min(at_noon, self.now)
        return None


def _once_each(persons: Sequence[Person], table: Table, checked: Checked) -> list[Person]:
    """A person or a number that stands in the file twice: the first row is taken, the others say which one that is."""
    seen: dict[tuple, int] = {}
    once = []
    for person in persons:
        key, number = _key(person.details), ("number", person.number)
        if key in seen:
            wrong = f"The same name and date of birth stand in row {seen[key]}."
            checked.problems.append(
                table.problem(
                    person.row, "family_name", wrong, "Leave one of the two out, or correct the one that is wrong."
                )
            )
        elif person.number and number in seen:
            wrong = f"Row {seen[number]} has the same number."
            checked.problems.append(
                table.problem(person.row, "number", wrong, "Give each patient a number of her own.")
            )
        else:
            seen[key] = person.row.number
            if person.number:
                seen[number] = person.row.number
            once.append(person)
    return once


def _against_the_records(persons: Sequence[Person], table: Table, checked: Checked) -> None:
    on_record = by_name_and_birth(table.clinic, {person.details["born_on"] for person in persons})
    holders = _holders(table.clinic, {person.number for person in persons if person.number})
    for person in persons:
        alike, holder = on_record.get(_key(person.details), []), holders.get(person.number)
        if holder is not None and holder not in alike:
            checked.problems.append(_number_problem(person, holder, table))
            continue
        person.match, person.match_by_number = holder or next(iter(alike), None), holder is not None
        if person.match is not None:
            name = f"{person.details['given_name']} {person.details['family_name']}"
            checked.alike.append(
                Alike(person.row.number, name, person.match.born_on, person.match.ref, person.match.full_name)
            )
        checked.good.append(person)


def _number_problem(person: Person, holder: Patient, table: Table) -> Problem:
    if holder.status in GONE:
        wrong = f"This number stands on a record that no longer counts ({holder.get_status_display().lower()})."
        return table.problem(person.row, "number", wrong, "Take it off that record, or leave it out here.")
    wrong = f"This number is {holder.full_name}'s here, with another name or date of birth."
    return table.problem(
        person.row, "number", wrong, "Give her the right number, or correct the name and the date of birth."
    )


def by_name_and_birth(clinic: Clinic, days: Iterable[date]) -> dict[tuple[date, str], list[Patient]]:
    """Who is on record, by birth date and name without accents and case. One query."""
    found: dict[tuple[date, str], list[Patient]] = defaultdict(list)
    for patient in _on_record(clinic).filter(born_on__in=set(days)).order_by("pk"):
        found[(patient.born_on, patient.name_key)].append(patient)
    return found


def by_number(clinic: Clinic, numbers: Iterable[str]) -> dict[str, Patient]:
    """Who is on record by her number in the clinic's own books. One query."""
    return {number: who for number, who in _holders(clinic, numbers).items() if who.status not in GONE}


def _holders(clinic: Clinic, numbers: Iterable[str]) -> dict[str, Patient]:
    """Whose record each number stands on: a number is given once, also to a record that is nobody's any more. One query."""
    rows = PatientNumber.objects.filter(clinic=clinic, number__in=set(numbers))
    return {row.number: row.patient for row in rows.select_related("patient").defer("patient__search_keys")}


def _on_record(clinic: Clinic) -> QuerySet[Patient]:
    return clinic.patients.exclude(status__in=GONE).defer("search_keys")


def _key(details: dict) -> tuple[date, str]:
    return details["born_on"], name_key(details["given_name"], details["family_name"])


def _colleagues(clinic: Clinic) -> dict[str, set[User]]:
    """Whoever works or worked here, by name and by e-mail. Two may have one name."""
    found: dict[str, set[User]] = defaultdict(set)
    for membership in clinic.memberships.select_related("user"):
        found[membership.user.full_name.casefold()].add(membership.user)
        found[membership.user.email.casefold()].add(membership.user)
    return found


def _yes_no(text: str) -> bool | None:
    said = text.casefold()
    return True if said in YES else False if said in NO else None


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# ── Writing and taking back ───────────────────────────────────────────────────


def write(*, run: ImportRun, table: Table, checked: Checked, by: User) -> Written:
    """New records for those who are not on record, and numbers for those who are and were recognised."""
    taken = [person for person in checked.good if person.match is not None and table.answer(person.row.number) == TAKE]
    new = [person for person in checked.good if person.match is None or table.answer(person.row.number) == NEW]
    _refuse_number_of_another(new)
    patients = [Patient(clinic=run.clinic, registered_by=by, **person.details) for person in new]
    people.register_all(patients=patients, by=by, imported_in=run.ref)
    numbers = [(person.number, patient) for person, patient in zip(new, patients, strict=True)]
    standing = _standing(person.match for person in taken)
    numbers += [(person.number, standing[person.match.pk]) for person in taken]
    numbered = _give_numbers(run, numbers)
    here = {patient.pk for patient in patients}
    older = {patient.pk: patient for patient in numbered if patient.pk not in here}
    return Written(new=patients, older=list(older.values()), rows=len(patients) + len(older))


def _standing(matches: Iterable[Patient]) -> dict[int, Patient]:
    """Those on record as they stand now and until we are done: what undoing leads back to (`facts_version`) is read from them."""
    keys = [patient.pk for patient in matches]
    rows = Patient.objects.select_for_update().defer("search_keys").filter(pk__in=keys).order_by("pk")
    return {patient.pk: patient for patient in rows}


def _refuse_number_of_another(new: Sequence[Person]) -> None:
    """Whoever is said to be a different person cannot have the number of the one she is not."""
    for person in new:
        if person.match is not None and person.match_by_number:
            raise DomainError(
                f"Row {person.row.number}: this number is {person.match.full_name}'s here. Give a different person a number of "
                "her own in the file, or say that she is the same.",
                field=f"alike-{person.row.number}",
            )


def _give_numbers(run: ImportRun, numbers: Sequence[tuple[str, Patient]]) -> list[Patient]:
    """Returns who has a number now that she had not before."""
    known = _holders(run.clinic, (number for number, _ in numbers))
    given = [(number, patient) for number, patient in numbers if number and number not in known]
    rows = [
        PatientNumber(clinic=run.clinic, patient=patient, number=number, imported_in=run) for number, patient in given
    ]
    with explained():
        PatientNumber.objects.bulk_create(rows, batch_size=1000)
    return [patient for _, patient in given]


def take_back(run: ImportRun, patients: Sequence[int]) -> None:
    """The numbers; the records themselves go with everything else that an import made new."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM patients_patientnumber WHERE imported_in_id = %s AND patient_id = ANY(%s)",
            [run.pk, list(patients)],
        )


PATIENTS = Kind(
    code="patients",
    title="Patients",
    what="Names, dates of birth, how they may be reached",
    fields=FIELDS,
    complete=complete,
    check=check,
    write=write,
    take_back=take_back,
)
