"""Files of past sessions: each names its patient by the clinic's own number, or by name and birth date."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from django.db import connection

from clinic.errors import DomainError
from clinic.models import User
from patients.importing.kinds import Checked, Field, Kind, Problem, Row, Table, Written
from patients.importing.models import ImportRun
from patients.importing.people import NO, YES, by_name_and_birth, by_number
from patients.models import Patient
from patients.search import name_key
from treatments import facts
from treatments.assessments.past import services
from treatments.assessments.past.models import PastSession
from treatments.rules.policy import catalogue_for

FIELDS = (
    Field("number", "Patient's own number", ("patient number", "patient id", "client id", "client number", "chart number", "file number", "number", "reference"), "As in the file of patients. Without it: name and date of birth."),
    Field("given_name", "Given name", ("given name", "first name", "firstname", "forename", "first")),
    Field("family_name", "Family name", ("family name", "last name", "lastname", "surname", "last")),
    Field("born_on", "Date of birth", ("date of birth", "birth date", "birthdate", "dob", "born", "born on"), is_day=True),
    Field("on", "Day of the session", ("session date", "treatment date", "date of session", "date of treatment", "day of the session", "visit date", "date", "treated on", "session"), is_day=True),
    Field("deepest_mm", "Deepest, in mm", ("deepest mm", "deepest", "depth mm", "depth", "max depth", "max depth mm", "needle depth", "deepest in mm"), "Empty: nobody knows."),
    Field("reaction_grade", "Grade of the reaction", ("reaction grade", "grade of the reaction", "grade", "reaction"), "1 to 5. Empty: none that we know of."),
    Field("reaction_over_72h", "Lasted over 72 hours", ("over 72 hours", "over 72h", "lasted over 72 hours")),
    Field("reaction_resolved_on", "Reaction settled on", ("settled on", "resolved on", "reaction settled on", "reaction resolved on"), is_day=True),
    Field("where", "Where", ("where", "place"), "Here or elsewhere. Without it: here."),
    Field("counts", "Counts for the course", ("counts", "counts for the course"), "Yes or no. Without it: yes."),
)  # fmt: skip
PLACES = {
    "": PastSession.Where.HERE,
    "here": PastSession.Where.HERE,
    "elsewhere": PastSession.Where.ELSEWHERE,
}
CORRECT_IT = "Correct it in the file and bring the file again, or leave the row out."
REGISTER_HER = "Import or register the patient first, then bring this file again."


class _Wrong(Exception):
    """What stops one row: the field, what is wrong and what to do."""


def complete(columns: set[str]) -> str:
    if "on" not in columns:
        return "Say which column holds the day of the session."
    by_name = {"given_name", "family_name", "born_on"} <= columns
    if "number" not in columns and not by_name:
        return "Say which columns name the patient: your own number, or given name, family name and date of birth."
    return ""


# ── Looking at every row ──────────────────────────────────────────────────────


def check(table: Table) -> Checked:
    """Every row as the chart's own form would take it, its patient found on record."""
    found = _People(table)
    catalogue = catalogue_for(table.clinic, table.today)
    checked, read = Checked(), []
    for row in table.rows:
        try:
            past = _past(row, table, found)
            services.refuse_what_cannot_be(past, born_on=past.patient.born_on, today=table.today, catalogue=catalogue)
        except _Wrong as wrong:
            checked.problems.append(_problem(table, row, *wrong.args))
        except DomainError as refusal:
            checked.problems.append(_problem(table, row, refusal.field or "on", refusal.sentence, CORRECT_IT))
        else:
            read.append((row, past))
    _once_a_day(read, table, checked)
    return checked


def _problem(table: Table, row: Row, code: str, wrong: str, do: str) -> Problem:
    if wrong:
        return table.problem(row, code, wrong, do)
    return table.day_problem(row, code)


def _once_a_day(read: Sequence[tuple[Row, PastSession]], table: Table, checked: Checked) -> None:
    there = facts.needled_days([past.patient for _, past in read])
    seen: dict[tuple[int, date], int] = {}
    for row, past in read:
        key = (past.patient.pk, past.on)
        if key in there:
            wrong = "A session of this patient and day is on record already."
            checked.problems.append(table.problem(row, "on", wrong, "Leave the row out."))
        elif key in seen:
            wrong = f"Row {seen[key]} is the same patient and day."
            checked.problems.append(table.problem(row, "on", wrong, "Leave one of the two out."))
        else:
            seen[key] = row.number
            checked.good.append(past)


class _People:
    """Whom the rows of a file name, in two queries."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.numbered = by_number(table.clinic, (row["number"] for row in table.rows if row["number"]))
        days = (table.day(row["born_on"]) for row in table.rows if row["born_on"])
        self.named = by_name_and_birth(table.clinic, (day for day in days if day))

    def of(self, row: Row) -> Patient:
        """Raises _Wrong where nobody, or more than one, is meant."""
        alike = self._by_name(row)
        if not row["number"]:
            return self._only(alike)
        patient = self.numbered.get(row["number"])
        if patient is None:
            if not alike:
                raise _Wrong("number", "No patient with this number is on record.", REGISTER_HER)
            return self._only(alike)
        if alike is not None and patient not in alike:
            wrong = f"This number is {patient.full_name}'s here, with another name or date of birth."
            raise _Wrong("number", wrong, CORRECT_IT)
        return patient

    def _by_name(self, row: Row) -> list[Patient] | None:
        """None: the row does not name her by name and birth date."""
        if not (row["given_name"] and row["family_name"] and row["born_on"]):
            return None
        born_on = self.table.day(row["born_on"])
        if born_on is None:
            raise _Wrong("born_on", "", "")
        return self.named.get((born_on, name_key(row["given_name"], row["family_name"])), [])

    def _only(self, alike: list[Patient] | None) -> Patient:
        if alike is None:
            raise _Wrong("number", "The row does not say whose session it was.", CORRECT_IT)
        if not alike:
            raise _Wrong("family_name", "Nobody of this name and date of birth is on record.", REGISTER_HER)
        if len(alike) > 1:
            raise _Wrong(
                "family_name", "Several patients on record have this name and date of birth.", "Use their numbers."
            )
        return alike[0]


def _past(row: Row, table: Table, found: _People) -> PastSession:
    if not row["on"]:
        raise _Wrong("on", "The day of the session is missing.", CORRECT_IT)
    patient = found.of(row)
    where = PLACES.get(row["where"].casefold())
    if where is None:
        raise _Wrong("where", "This is neither here nor elsewhere.", "Write here or elsewhere, or leave it empty.")
    return PastSession(
        patient=patient,
        on=_day(row, "on", table),
        where=where,
        counts=_yes_no(row, "counts", default=True),
        deepest_mm=_millimetres(row),
        reaction_grade=_grade(row),
        reaction_over_72h=_yes_no(row, "reaction_over_72h", default=False),
        reaction_resolved_on=_day(row, "reaction_resolved_on", table) if row["reaction_resolved_on"] else None,
    )


def _day(row: Row, code: str, table: Table) -> date:
    day = table.day(row[code])
    if day is None:
        raise _Wrong(code, "", "")
    return day


def _yes_no(row: Row, code: str, *, default: bool) -> bool:
    said = row[code].casefold()
    if said and said not in YES | NO:
        raise _Wrong(code, "This is neither yes nor no.", "Write yes or no, or leave it empty.")
    return said in YES if said else default


def _millimetres(row: Row) -> Decimal | None:
    text = row["deepest_mm"].casefold().removesuffix("mm").strip().replace(",", ".")
    if not text:
        return None
    try:
        depth = Decimal(text)
        is_depth = depth == round(depth, 2)  # no number that is not one, and none of 30 figures, can be rounded
    except InvalidOperation:
        is_depth = False
    if not is_depth:
        raise _Wrong("deepest_mm", "This is no depth in millimetres.", "Write it with two decimals, for example 1.25.")
    return depth


def _grade(row: Row) -> int | None:
    said = row["reaction_grade"].casefold().removeprefix("grade").strip()
    if said in ("", "0", "none", "no"):
        return None
    if said not in ("1", "2", "3", "4", "5"):
        raise _Wrong("reaction_grade", "This is no grade from 1 to 5.", CORRECT_IT)
    return int(said)


# ── Writing and taking back ───────────────────────────────────────────────────


def write(*, run: ImportRun, table: Table, checked: Checked, by: User) -> Written:
    """Every good row. Their patients are locked first, and as they stood before is what undoing leads back to."""
    wanted = {past.patient.pk for past in checked.good}
    rows = Patient.objects.select_for_update().defer("search_keys").filter(pk__in=wanted).order_by("pk")
    patients: Mapping[int, Patient] = {patient.pk: patient for patient in rows}
    for patient in patients.values():
        patient.clinic = run.clinic
    for past in checked.good:
        past.patient = patients[past.patient.pk]
    services.record_all(run=run, sessions=checked.good, by=by)
    return Written(new=(), older=list(patients.values()), rows=len(checked.good))


def take_back(run: ImportRun, patients: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM treatments_pastsession WHERE imported_in_id = %s AND patient_id = ANY(%s)",
            [run.pk, list(patients)],
        )


PAST_SESSIONS = Kind(
    code="past_sessions",
    title="Past sessions",
    what="Needlings that were not charted here: day, deepest depth, reaction",
    fields=FIELDS,
    complete=complete,
    check=check,
    write=write,
    take_back=take_back,
)
