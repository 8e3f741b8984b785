"""5,000 messy rows: every wrong one named with its reason, nothing half done, and undoing leaves what was."""

import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.importing import kinds, services
from patients.importing.models import ImportRun, PatientNumber
from patients.models import Message, Patient
from tests import factories
from tests.patients.importing import messy
from tests.patients.importing.tables import hashes
from treatments.assessments.past.models import PastSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(clinic):
    return factories.a_manager(clinic).user


@pytest.fixture
def on_record(clinic) -> list[Patient]:
    names = [("Leïla", "Haddad"), ("Ben", "O'Brien"), ("محمد", "حداد"), ("Zoë", "Ødegård")]
    return [
        factories.make_patient(
            clinic, given_name=f"{given} {at}", family_name=family, born_on=factories.TODAY - timedelta(days=9000 + at)
        )
        for at, (given, family) in enumerate(names * 10)
    ]


def brought(clinic, kind: str, content: bytes, by) -> ImportRun:
    """A file, its columns as they are guessed, looked at."""
    run = services.begin(clinic=clinic, kind=kind, content=content, by=by)
    columns = kinds.of(kind).guess(services.sheet_of(run).headings, {})
    return services.check(run=run, columns=columns, day_order="dmy", by=by)


def pressed(run: ImportRun, by, **differing) -> ImportRun:
    said = {"seen": services.report(run).fingerprint, "leave_out": True, "answers": {}} | differing
    return services.carry_out(run=run, by=by, **said)


def named(run: ImportRun) -> dict[int, str]:
    return {problem.row: problem.wrong for problem in services.report(run).problems}


def assert_named(run: ImportRun, file: messy.Messy) -> None:
    found = named(run)
    assert set(found) == set(file.wrong)
    assert [
        (row, found[row], words) for row, words in file.wrong.items() if words.casefold() not in found[row].casefold()
    ] == []
    assert all(problem.do for problem in services.report(run).problems)


def test_five_thousand_patients_and_five_thousand_sessions(clinic, manager, on_record, record_property):
    before = hashes()
    mails = Message.objects.count()
    file = messy.patients(on_record)
    started = time.perf_counter()
    people = brought(clinic, "patients", file.content, manager)
    checked_in = time.perf_counter() - started
    assert_named(people, file)
    assert {one.row for one in services.report(people).alike} == file.alike
    assert (people.rows, people.bad, people.alike) == (5000, len(file.wrong), len(file.alike))
    assert set(file.wrong) and hashes() == before  # a dry run writes nothing

    started = time.perf_counter()
    people = pressed(people, manager, answers={0: "take"})
    written_in = time.perf_counter() - started
    good = 5000 - len(file.wrong) - len(file.alike)
    assert clinic.patients.count() == good + len(on_record)
    assert people.imported == good + len(file.alike)
    assert AuditEvent.objects.filter(action="patient.registered", facts__import=str(people.ref)).count() == good
    asked = clinic.patients.filter(contact_asked_at__isnull=False).exclude(pk__in=[one.pk for one in on_record])
    assert {patient.contact_asked_by for patient in asked} == {manager}
    assert not clinic.patients.filter(contact_asked_at=None, mail_allowed=True).exists()
    after_people = hashes()

    numbers = sorted(int(number[1:]) for number in PatientNumber.objects.values_list("number", flat=True))
    of = [number for number in numbers if messy._birth(number).year < 1990 or number < len(on_record)][:1000]
    file = messy.sessions(of=of)
    started = time.perf_counter()
    past = brought(clinic, "past_sessions", file.content, manager)
    sessions_checked_in = time.perf_counter() - started
    assert_named(past, file)
    started = time.perf_counter()
    past = pressed(past, manager)
    sessions_written_in = time.perf_counter() - started
    assert PastSession.objects.count() == past.imported == 5001 - len(file.wrong)
    assert Message.objects.count() == mails

    with pytest.raises(DomainError, match="Undo that one first"):
        services.undo(run=people, by=manager)
    services.undo(run=past, by=manager)
    assert differing(hashes(), after_people) == []
    started = time.perf_counter()
    services.undo(run=people, by=manager)
    undone_in = time.perf_counter() - started
    assert differing(hashes(), before) == []
    for name, seconds in {
        "patients checked": checked_in, "patients written": written_in, "patients undone": undone_in,
        "sessions checked": sessions_checked_in, "sessions written": sessions_written_in,
    }.items():  # fmt: skip
        record_property(name, round(seconds, 2))
        print(f"{name}: {seconds:.2f} s")


def differing(now: dict[str, str], then: dict[str, str]) -> list[str]:
    return sorted(table for table in then if now[table] != then[table])


def test_the_same_file_in_other_hands_reads_the_same(clinic, manager, on_record):
    """Semicolons and tabs, UTF-16 and Windows: the same rows are named."""
    file = messy.patients(on_record, rows=300)
    text = file.content.decode("utf-8-sig")
    for content in (text.encode("utf-16"), text.encode("utf-8"), text.encode("utf-16-le")):
        run = brought(clinic, "patients", content, manager)
        assert_named(run, file)
        services.give_up(run=run, by=manager)


def test_killed_in_the_middle_nothing_is_there(clinic, manager, monkeypatch):
    file = messy.patients([], rows=700)
    run = brought(clinic, "patients", file.content, manager)
    before = hashes()

    class Killed(BaseException):
        pass

    def killed(*_, **__):
        assert clinic.patients.count() > 500  # they are written by now, to nobody's eyes
        raise Killed

    monkeypatch.setattr(services, "_remember", killed)
    with pytest.raises(Killed), transaction.atomic():
        pressed(run, manager)
    assert hashes() == before
    run.refresh_from_db()
    assert (run.status, run.imported) == ("open", 0)


def test_twenty_thousand_rows_are_taken_and_one_more_is_not(clinic, manager):
    head = "Given name,Family name,Date of birth\n"
    rows = [f"Ana,Silva {number},1990-01-01\n" for number in range(20_001)]
    run = services.begin(clinic=clinic, kind="patients", content=(head + "".join(rows[:-1])).encode(), by=manager)
    assert run.rows == 20_000
    services.give_up(run=run, by=manager)
    with pytest.raises(DomainError, match="20,000 at most"):
        services.begin(clinic=clinic, kind="patients", content=(head + "".join(rows)).encode(), by=manager)


def test_the_file_is_kept_encrypted_and_not_for_long(clinic, manager, later):
    run = brought(clinic, "patients", b"Given name,Family name,Date of birth\nZebediah,Silva,1990-02-01\n", manager)
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM patients_importrun t")
        assert b"Zebediah".hex() not in cursor.fetchone()[0]
    later(timedelta(hours=23))
    assert services.forget_files() == 0
    later(timedelta(hours=1))
    assert services.forget_files() == 1
    run.refresh_from_db()
    assert (run.status, run.content, run.report) == ("given_up", None, None)
