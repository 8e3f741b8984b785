"""An import from the file to the day it is undone. Nothing is half done: what is written is written in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import OperationalError, connection, transaction

from clinic import audit, clock
from clinic.errors import Busy, DomainError, explained
from clinic.models import Clinic, User
from patients.importing import keeping, kinds, reading
from patients.importing.kinds import Alike, Checked, Problem
from patients.importing.models import ImportedPatient, ImportRun, RememberedColumns
from patients.importing.reading import Sheet
from patients.importing.written import written_about
from patients.models import Patient

FILE_KEPT = timedelta(hours=24)
UNDO_DAYS = 30


class Changed(DomainError):
    """The records are not as they were when the file was checked; somebody has to look again."""


@dataclass(frozen=True)
class Report:
    """What was found in a file, and the fingerprint by which a press says which report was seen."""

    problems: Sequence[Problem]
    alike: Sequence[Alike]
    fingerprint: str


# ── Bringing a file and saying what its columns are ───────────────────────────


@transaction.atomic
def begin(*, clinic: Clinic, kind: str, content: bytes, by: User) -> ImportRun:
    """Keep a file, encrypted, to be looked at. One at a time in a clinic. Raises DomainError with what to do."""
    known, sheet = kinds.of(kind), reading.read(content)
    forget_files(clinic=clinic)
    run = ImportRun(
        clinic=clinic,
        kind=known.code,
        begun_by=by,
        content=keeping.locked(content),
        encoding=sheet.encoding,
        separator=sheet.separator,
        rows=len(sheet.rows),
    )
    with explained():
        run.save()
    audit.record("import.begun", run, by=by, kind=known.code, rows=run.rows)
    return run


def open_run(clinic: Clinic) -> ImportRun | None:
    """The import that somebody looks at in this clinic, while its file is kept."""
    since = clock.now() - FILE_KEPT
    return clinic.import_runs.filter(status="open", begun_at__gt=since).select_related("begun_by").first()


def sheet_of(run: ImportRun) -> Sheet:
    """The file as it was read. Raises DomainError where it is no longer kept."""
    if run.content is None or run.begun_at <= clock.now() - FILE_KEPT:
        raise DomainError("This file is no longer kept: files go after 24 hours. Bring it again.")
    return reading.read(keeping.opened(run.content))


def remembered(run: ImportRun) -> RememberedColumns | None:
    return RememberedColumns.objects.filter(clinic=run.clinic, kind=run.kind).first()


@transaction.atomic
def check(*, run: ImportRun, columns: Mapping[str, int], day_order: str, by: User) -> ImportRun:
    """The dry run: look at every row as these columns read it, and keep what was found. Writes no patient."""
    run = _locked(run)
    sheet = sheet_of(run)
    missing = kinds.of(run.kind).complete(set(columns))
    if missing:
        raise DomainError(missing)
    run.columns, run.day_order = dict(columns), day_order
    _keep_report(run, _checked(run, sheet)[1])
    headings = {code: kinds.plain_heading(sheet.headings[at]) for code, at in columns.items()}
    RememberedColumns.objects.update_or_create(
        clinic=run.clinic, kind=run.kind, defaults={"headings": headings, "day_order": day_order}
    )
    audit.record("import.checked", run, by=by, good=run.good, bad=run.bad, alike=run.alike)
    return run


@transaction.atomic
def look_again(*, run: ImportRun) -> ImportRun:
    """The same columns, the records as they are now."""
    run = _locked(run)
    _keep_report(run, _checked(run, sheet_of(run))[1])
    return run


def _checked(run: ImportRun, sheet: Sheet, answers: Mapping[int, str] | None = None) -> tuple[kinds.Table, Checked]:
    table, problems = kinds.table_of(
        sheet,
        clinic=run.clinic,
        today=clock.today(run.clinic),
        columns=run.columns,
        day_order=run.day_order,
        answers=answers or {},
    )
    checked = kinds.of(run.kind).check(table)
    checked.problems = sorted([*problems, *checked.problems], key=lambda problem: problem.row)
    return table, checked


def _keep_report(run: ImportRun, checked: Checked) -> None:
    run.report = keeping.locked(keeping.report_of(checked))
    run.bad = len({problem.row for problem in checked.problems})
    run.alike = len(checked.alike)
    run.good = run.rows - run.bad - run.alike
    run.save(update_fields=["columns", "day_order", "report", "good", "bad", "alike"])


def report(run: ImportRun) -> Report | None:
    """What the dry run found; None where there is none any more, or none yet."""
    if run.report is None:
        return None
    plain = keeping.opened(run.report)
    return Report(*keeping.read_report(plain), _fingerprint(run, plain))


def _fingerprint(run: ImportRun, report: bytes) -> str:
    return keeping.fingerprint(report, columns=run.columns, day_order=run.day_order)


# ── Importing ─────────────────────────────────────────────────────────────────


@transaction.atomic
def carry_out(*, run: ImportRun, seen: str, leave_out: bool, answers: Mapping[int, str], by: User) -> ImportRun:
    """Write every good row, or nothing. A second press finds what the first one did.

    `seen`: fingerprint of the report that was looked at. `leave_out`: wrong rows are left out, said after seeing how
    many. `answers`: of a likeness by row, 0 for all others: `skip`, `take` for the past sessions, `new` for a different
    person. Raises Changed where the records have moved on since, Busy where a colleague's press is at work.
    """
    with _one_at_a_time():
        run = _locked(run, may_be_done=True, nowait=True)
        if run.status == ImportRun.Status.DONE:
            return run
    # Nobody registers or imports the same people meanwhile.
    Clinic.objects.select_for_update(no_key=True).get(pk=run.clinic_id)
    table, checked = _checked(run, sheet_of(run), answers)
    if _fingerprint(run, keeping.report_of(checked)) != seen:
        raise Changed(
            "The records, or what the columns are, changed since you looked at this file. Nothing was imported: look again."
        )
    if checked.problems and not leave_out:
        wrong = len({problem.row for problem in checked.problems})
        raise DomainError(
            f"{_rows(wrong)} cannot be taken. Correct the file and bring it again, or say that they are left out.",
            field="leave_out",
        )
    run.status, run.done_by, run.done_at = ImportRun.Status.DONE, by, clock.now()
    run.content = None
    run.save(update_fields=["status", "done_by", "done_at", "content"])
    written = kinds.of(run.kind).write(run=run, table=table, checked=checked, by=by)
    if not written.rows:
        raise DomainError("No row of this file can be taken. Nothing was imported.")
    _remember(run, written)
    run.imported = written.rows
    run.save(update_fields=["imported"])
    audit.record("import.done", run, by=by, rows=run.imported, left_out=run.bad, alike=run.alike)
    return run


def _remember(run: ImportRun, written: kinds.Written) -> None:
    """Who it was about, and a hash of all that stands about each of them now."""
    hashes = written_about([patient.pk for patient in (*written.new, *written.older)])
    people = [
        ImportedPatient(
            run=run,
            patient_ref=patient.ref,
            is_new=is_new,
            facts_version_before=None if is_new else patient.facts_version,
            written=hashes[patient.pk],
        )
        for is_new, group in ((True, written.new), (False, written.older))
        for patient in group
    ]
    ImportedPatient.objects.bulk_create(people, batch_size=1000)


@transaction.atomic
def give_up(*, run: ImportRun, by: User) -> ImportRun:
    """Nothing is imported, and the file goes at once."""
    run = _locked(run)
    _drop(run)
    audit.record("import.given_up", run, by=by)
    return run


def forget_files(*, clinic: Clinic | None = None) -> int:
    """Files and reports older than a day go; an import nobody finished is given up. Returns how many."""
    old = ImportRun.objects.filter(begun_at__lte=clock.now() - FILE_KEPT, report__isnull=False)
    old |= ImportRun.objects.filter(begun_at__lte=clock.now() - FILE_KEPT, content__isnull=False)
    if clinic is not None:
        old = old.filter(clinic=clinic)
    with transaction.atomic():
        runs = list(old.select_for_update(skip_locked=True))
        for run in runs:
            _drop(run)
    return len(runs)


def _drop(run: ImportRun) -> None:
    if run.status == ImportRun.Status.OPEN:
        run.status = ImportRun.Status.GIVEN_UP
    run.content = run.report = None
    run.save(update_fields=["status", "content", "report"])


# ── Undoing ───────────────────────────────────────────────────────────────────


@transaction.atomic
def undo(*, run: ImportRun, by: User) -> ImportRun:
    """Take everything back but what belongs to people of whom something was written since: they are kept, and named.

    Whoever goes leaves the tables as they were before the import, the count of changes to her record (`facts_version`)
    included: nothing was written while it stood higher, or she would be kept, so nothing refers to that number.
    """
    with _one_at_a_time():
        run = _locked(run, status=ImportRun.Status.DONE, nowait=True)
    Clinic.objects.select_for_update(no_key=True).get(pk=run.clinic_id)
    refuse_undo(run)
    people = {person.patient_ref: person for person in run.people.all()}
    there = {
        patient.ref: patient for patient in Patient.objects.filter(ref__in=people).order_by("pk").select_for_update()
    }
    stand = written_about([patient.pk for patient in there.values()])
    for ref, person in people.items():
        person.kept = ref not in there or stand[there[ref].pk] != person.written
    going = {ref: person for ref, person in people.items() if not person.kept}
    run.status = ImportRun.Status.UNDOING
    run.save(update_fields=["status"])
    kinds.of(run.kind).take_back(run, [there[ref].pk for ref in going])
    _leave_as_before(there, going)
    ImportedPatient.objects.filter(pk__in=[person.pk for person in people.values() if person.kept]).update(kept=True)
    run.status, run.undone_by, run.undone_at = ImportRun.Status.UNDONE, by, clock.now()
    run.save(update_fields=["status", "undone_by", "undone_at"])
    audit.record("import.undone", run, by=by, taken_back=len(going), kept=len(people) - len(going))
    return run


def refuse_undo(run: ImportRun) -> None:
    """Raises DomainError where this import can no longer, or not yet, be undone."""
    if run.status != ImportRun.Status.DONE or run.done_at is None:
        raise DomainError("Only what was imported can be undone, and once.")
    if run.done_at <= clock.now() - timedelta(days=UNDO_DAYS):
        raise DomainError(f"An import can be undone for {UNDO_DAYS} days. Mark single records as errors instead.")
    later = ImportedPatient.objects.filter(
        patient_ref__in=run.people.values("patient_ref"), run__status=ImportRun.Status.DONE, run__gt=run.pk
    )
    if later.exists():
        raise DomainError("A later import is about the same patients. Undo that one first.")


def kept_people(run: ImportRun) -> list[Patient]:
    """Those of an undone import that stayed."""
    kept = run.people.filter(kept=True).values("patient_ref")
    return list(run.clinic.patients.filter(ref__in=kept).defer("search_keys").order_by("name_key", "pk")[:200])


def _leave_as_before(there: Mapping, going: Mapping) -> None:
    with connection.cursor() as cursor:
        older = [(there[ref].pk, person.facts_version_before) for ref, person in going.items() if not person.is_new]
        cursor.execute(
            "UPDATE patients_patient SET facts_version = before.version"
            " FROM unnest(%s::bigint[], %s::int[]) AS before(id, version) WHERE patients_patient.id = before.id",
            [[pk for pk, _ in older], [version for _, version in older]],
        )
        cursor.execute(
            "DELETE FROM patients_patient WHERE id = ANY(%s)",
            [[there[ref].pk for ref, person in going.items() if person.is_new]],
        )
        # What still names one of them speaks here, and not after we have said that it is done.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


# ── Locks ─────────────────────────────────────────────────────────────────────


def _locked(
    run: ImportRun, *, status: str = ImportRun.Status.OPEN, may_be_done: bool = False, nowait: bool = False
) -> ImportRun:
    rows = ImportRun.objects.select_for_update(of=("self",), nowait=nowait).select_related("clinic")
    run = rows.get(pk=run.pk)
    if run.status != status and not (may_be_done and run.status == ImportRun.Status.DONE):
        raise DomainError(f"This import is over: {run.get_status_display().lower()}.")
    return run


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    try:
        yield
    except OperationalError as refusal:
        if getattr(refusal.__cause__, "pgcode", None) != "55P03":
            raise
        raise Busy("A colleague's press is at work on this. Nothing was done by yours: look again in a moment.") from (
            refusal
        )


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
