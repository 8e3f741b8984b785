"""One import at a time: pressed twice, pressed late, recognised people, and what undoing keeps."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction

from clinic import clock
from clinic.errors import Busy, DomainError, constraint_name
from clinic.roles import Role
from patients.importing import kinds, services
from patients.importing import people as people_file
from patients.importing.models import ImportRun, PatientNumber
from patients.models import Message
from patients.services import closing, people
from tests import factories
from tests.patients.importing.tables import hashes
from treatments.assessments.past import services as past_sessions
from treatments.assessments.past.models import PastSession
from treatments.screenings import services as screenings

pytestmark = pytest.mark.django_db
HEAD = "ID,Given name,Family name,Date of birth,E-mail\n"


@pytest.fixture
def manager(clinic):
    return factories.a_manager(clinic).user


def csv_of(*rows: str, head: str = HEAD) -> bytes:
    return (head + "".join(f"{row}\n" for row in rows)).encode()


def brought(clinic, by, *rows: str, kind: str = "patients", head: str = HEAD) -> ImportRun:
    run = services.begin(clinic=clinic, kind=kind, content=csv_of(*rows, head=head), by=by)
    columns = kinds.of(kind).guess(services.sheet_of(run).headings, {})
    return services.check(run=run, columns=columns, day_order="dmy", by=by)


def pressed(run: ImportRun, by, **differing) -> ImportRun:
    said = {"seen": services.report(run).fingerprint, "leave_out": False, "answers": {}} | differing
    return services.carry_out(run=run, by=by, **said)


def wrong(run: ImportRun) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.wrong) for problem in services.report(run).problems]


ANA, BO = "7,Ana,Silva,1990-02-01,ana@post.example", "8,Bo,Lee,1991-03-04,"


def test_nobody_who_is_imported_is_mailed_or_counts_as_asked(clinic, manager):
    pressed(brought(clinic, manager, ANA, BO), manager)
    ana = clinic.patients.get(given_name="Ana")
    assert (ana.mail_allowed, ana.reminders_allowed, ana.contact_asked_at, ana.registered_by) == (
        False, False, None, manager,
    )  # fmt: skip
    assert not Message.objects.exists()
    found = clinic.patients.filter(search_keys__contains=["n:silva"])
    assert [patient.pk for patient in found] == [ana.pk]


def test_a_wrong_row_stops_all_until_somebody_says_that_it_is_left_out(clinic, manager):
    run = brought(clinic, manager, ANA, "9,,Nameless,1990-01-01,")
    assert wrong(run) == [(3, "Given name", "The given name is missing.")]
    with pytest.raises(DomainError, match="1 row cannot be taken") as refused:
        pressed(run, manager)
    assert (refused.value.field, clinic.patients.count()) == ("leave_out", 0)
    assert pressed(run, manager, leave_out=True).imported == 1
    assert [patient.full_name for patient in clinic.patients.all()] == ["Ana Silva"]


def test_a_file_without_one_good_row_imports_nothing(clinic, manager):
    run = brought(clinic, manager, "9,,Nameless,1990-01-01,")
    with pytest.raises(DomainError, match="No row"):
        pressed(run, manager, leave_out=True)
    run.refresh_from_db()
    assert run.status == "open"


def test_a_second_press_finds_what_the_first_one_did(clinic, manager):
    run = brought(clinic, manager, ANA)
    seen = services.report(run).fingerprint
    first = pressed(run, manager)
    again = services.carry_out(run=run, seen=seen, leave_out=False, answers={}, by=manager)
    assert (first.pk, first.done_at, clinic.patients.count()) == (again.pk, again.done_at, 1)


def test_who_was_registered_since_the_dry_run_asks_to_look_again(clinic, manager):
    run = brought(clinic, manager, ANA)
    factories.make_patient(clinic, given_name="Ána", family_name="SILVA", born_on=factories.date(1990, 2, 1))
    with pytest.raises(services.Changed):
        pressed(run, manager)
    assert clinic.patients.count() == 1
    run = services.look_again(run=run)
    assert [one.on_record for one in services.report(run).alike] == ["Ána SILVA"]


@pytest.mark.parametrize("differing", [{"given_name": 2, "family_name": 1}, {"day_order": "mdy"}])
def test_a_press_counts_for_the_columns_that_were_seen_alone(clinic, manager, differing):
    """Nothing is wrong either way; a colleague chose otherwise while this page stood open."""
    run = brought(clinic, manager, "7,Ana,Silva,01/02/1990,")
    seen = services.report(run).fingerprint
    order = differing.pop("day_order", run.day_order)
    services.check(run=run, columns=run.columns | differing, day_order=order, by=manager)
    with pytest.raises(services.Changed):
        pressed(run, manager, seen=seen)
    assert not clinic.patients.exists()


@pytest.mark.parametrize(
    ("answers", "patients", "numbers", "imported"),
    [
        ({}, 2, 1, 1),
        ({0: "take"}, 2, 2, 2),
        ({2: "take"}, 2, 2, 2),
        ({0: "take", 2: "skip"}, 2, 1, 1),
        ({2: "new"}, 3, 2, 2),
    ],
)
def test_who_is_on_record_is_left_out_taken_or_another_person(clinic, manager, answers, patients, numbers, imported):
    known = factories.make_patient(clinic, given_name="Ana", family_name="Silva", born_on=factories.date(1990, 2, 1))
    before = known.email
    run = pressed(brought(clinic, manager, ANA, BO), manager, answers=answers)
    assert (clinic.patients.count(), PatientNumber.objects.count(), run.imported) == (patients, numbers, imported)
    known.refresh_from_db()
    assert known.email == before  # what is on record is never written over


def test_a_number_belongs_to_one_person(clinic, manager):
    pressed(brought(clinic, manager, ANA), manager)
    run = brought(clinic, manager, "7,Cy,Other,1980-01-01,", "9,Di,Two,1980-01-02,", "9,Ed,Three,1980-01-03,")
    assert wrong(run) == [
        (2, "ID", "This number is Ana Silva's here, with another name or date of birth."),
        (4, "ID", "Row 3 has the same number."),
    ]


def test_a_number_that_is_somebody_elses_is_named_though_the_name_is_on_record(clinic, manager):
    """Else her past sessions, which come by number, would be written to the other one."""
    pressed(brought(clinic, manager, ANA, BO), manager)
    run = brought(clinic, manager, "8,Ana,Silva,1990-02-01,")
    assert wrong(run) == [(2, "ID", "This number is Bo Lee's here, with another name or date of birth.")]


def test_of_two_with_one_name_the_number_says_which(clinic, manager):
    factories.make_patient(clinic, given_name="Ana", family_name="Silva", born_on=factories.date(1990, 2, 1))
    pressed(brought(clinic, manager, ANA), manager, answers={2: "new"})
    numbered = PatientNumber.objects.get().patient
    run = brought(clinic, manager, ANA)
    assert [one.patient for one in services.report(run).alike] == [numbered.ref]


def test_a_number_of_a_record_that_counts_no_more_is_a_problem_and_no_fault(clinic, manager):
    pressed(brought(clinic, manager, ANA), manager)
    closing.close(patient=clinic.patients.get(), why="entered_in_error", reason="Twice", by=manager)
    run = brought(clinic, manager, ANA)
    assert wrong(run) == [(2, "ID", "This number stands on a record that no longer counts (entered in error).")]


def test_a_different_person_cannot_have_the_same_number(clinic, manager):
    pressed(brought(clinic, manager, ANA), manager)
    with pytest.raises(DomainError, match="Row 2: this number is Ana Silva's here") as refused:
        pressed(brought(clinic, manager, ANA), manager, answers={2: "new"})
    assert (refused.value.field, clinic.patients.count()) == ("alike-2", 1)


def test_undoing_leads_back_to_what_stood_when_it_was_written(clinic, manager, monkeypatch):
    """What somebody wrote between the look and the press: her older count of changes would make an old screening fresh again."""
    known = factories.make_patient(clinic, given_name="Ana", family_name="Silva", born_on=factories.date(1990, 2, 1))
    run = brought(clinic, manager, ANA)

    def after_a_colleague(**how):
        factories.answer(known, "hsv_history", "no")
        return people_file.write(**how)

    monkeypatch.setitem(kinds._kinds, "patients", replace(people_file.PATIENTS, write=after_a_colleague))
    run = pressed(run, manager, answers={0: "take"})
    known.refresh_from_db()
    stood = known.facts_version
    services.undo(run=run, by=manager)
    known.refresh_from_db()
    assert known.facts_version == stood


def test_contact_counts_only_with_who_asked_and_when(clinic, manager):
    head = "Given name,Family name,Date of birth,E-mail,Email consent,Reminders,Asked on,Asked by\n"
    rows = [
        f"A,A,1990-01-01,a@post.example,yes,no,2027-01-02,{manager.full_name}",
        "B,B,1990-01-01,b@post.example,yes,,,",
        f"C,C,1990-01-01,,yes,,2027-01-02,{manager.email}",
        f"D,D,1990-01-01,d@post.example,no,yes,2027-01-02,{manager.email}",
        "E,E,1990-01-01,e@post.example,maybe,,,",
        f"F,F,1990-01-01,f@post.example,no,,2027-03-10,{manager.email}",
        f"G,G,1990-01-01,g@post.example,no,,2027-01-02,{manager.email.upper()}",
    ]
    run = brought(clinic, manager, *rows, head=head)
    assert [(row, words) for row, _, words in wrong(run)] == [
        (3, "The answer about e-mail does not say who asked and when."),
        (4, "E-mail is allowed, and there is no address."),
        (5, "Reminders go by e-mail, and e-mail is not allowed."),
        (6, "This is neither yes nor no."),
        (7, "This day is still to come."),
    ]
    pressed(run, manager, leave_out=True)
    assert {
        patient.given_name: (patient.mail_allowed, patient.reminders_allowed, patient.contact_asked_by)
        for patient in clinic.patients.all()
    } == {"A": (True, False, manager), "G": (False, False, manager)}


def test_who_asked_is_one_person_and_was_asked_by_now(clinic, manager):
    """It is 10:42, and a day is written down as its noon."""
    factories.make_member(clinic, Role.FRONT_DESK, name="Ella Twin")
    twin = factories.make_member(clinic, Role.FRONT_DESK, name="Ella Twin").user
    head = "Given name,Family name,Date of birth,E-mail,Email consent,Asked on,Asked by\n"
    rows = [
        f"A,A,1990-01-01,a@post.example,yes,{clock.today(clinic)},Ella Twin",
        f"B,B,1990-01-01,b@post.example,yes,{clock.today(clinic)},{twin.email}",
    ]
    run = brought(clinic, manager, *rows, head=head)
    assert wrong(run) == [(2, "Asked by", "Several people of this name work here.")]
    pressed(run, manager, leave_out=True)
    asked = clinic.patients.get()
    assert (asked.contact_asked_by, asked.contact_asked_at <= clock.now()) == (twin, True)


@pytest.mark.parametrize("depth", ["1" * 30, "1e30", "inf", "nan", "snan", "1.255", "-1", "0", "deep"])
def test_no_depth_is_a_fault_of_ours(clinic, manager, depth):
    pressed(brought(clinic, manager, ANA), manager)
    run = sessions_of(clinic, manager, f"7,2026-10-03,{depth},,")
    assert [(row, column) for row, column, _ in wrong(run)] == [(2, "Depth")]


def test_one_import_is_looked_at_in_a_clinic_at_a_time(clinic, other_clinic, manager):
    run = brought(clinic, manager, ANA)
    with pytest.raises(DomainError, match="Finish it or give it up first"):
        services.begin(clinic=clinic, kind="patients", content=csv_of(BO), by=manager)
    services.begin(clinic=other_clinic, kind="patients", content=csv_of(BO), by=factories.a_manager(other_clinic).user)
    services.give_up(run=run, by=manager)
    run.refresh_from_db()
    assert (run.status, run.content, run.report) == ("given_up", None, None)
    brought(clinic, manager, BO)


def test_a_file_of_yesterday_stands_in_nobodys_way(clinic, manager, later):
    run = brought(clinic, manager, ANA)
    later(timedelta(hours=24))
    with pytest.raises(DomainError, match="no longer kept"):
        pressed(run, manager)
    brought(clinic, manager, BO)
    run.refresh_from_db()
    assert run.status == "given_up"


def test_the_database_keeps_no_file_of_what_is_done(clinic, manager):
    run = pressed(brought(clinic, manager, ANA), manager)
    assert run.content is None
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).update(content=b"x")


# ── Undoing ───────────────────────────────────────────────────────────────────

SESSIONS = "Patient number,Treatment date,Depth,Reaction grade,Settled on\n"


def sessions_of(clinic, manager, *rows: str) -> ImportRun:
    return brought(clinic, manager, *rows, kind="past_sessions", head=SESSIONS)


def test_undone_every_table_is_as_it_was(clinic, manager):
    known = factories.make_patient(clinic, given_name="Ana", family_name="Silva", born_on=factories.date(1990, 2, 1))
    factories.answer_all(known)
    before = hashes()
    first = pressed(brought(clinic, manager, ANA, BO), manager, answers={0: "take"})
    between = hashes()
    second = pressed(sessions_of(clinic, manager, "7,2026-10-03,1.25,,", "8,2026-09-03,,2,2026-09-20"), manager)
    assert PastSession.objects.count() == 2
    assert hashes() != between
    services.undo(run=second, by=manager)
    assert hashes() == between
    services.undo(run=first, by=manager)
    assert hashes() == before


def test_an_import_below_another_one_is_not_undone_first(clinic, manager):
    first = pressed(brought(clinic, manager, ANA), manager)
    second = pressed(sessions_of(clinic, manager, "7,2026-10-03,,,"), manager)
    with pytest.raises(DomainError, match="Undo that one first"):
        services.undo(run=first, by=manager)
    services.undo(run=second, by=manager)
    services.undo(run=first, by=manager)
    assert not clinic.patients.exists()


def details_corrected(patient, by):
    people.correct_details(patient=patient, version=patient.version, by=by, phone="07700 900999")


def answered(patient, by):
    factories.answer(patient, "hsv_history", "no")


def assessed(patient, by):
    factories.assess(patient)


def screened(patient, by):
    factories.assess(patient)
    screenings.perform(patient=patient, on=clock.today(patient.clinic), purpose="booking", by=by)


def planned(patient, by):
    factories.make_draft(patient)


@pytest.mark.parametrize("write", [details_corrected, answered, assessed, screened, planned])
def test_whoever_somebody_wrote_about_is_kept_and_named(clinic, manager, write):
    run = pressed(brought(clinic, manager, ANA, BO), manager)
    write(clinic.patients.get(given_name="Ana"), manager)
    run = services.undo(run=run, by=manager)
    assert [patient.given_name for patient in clinic.patients.all()] == ["Ana"]
    assert [patient.given_name for patient in services.kept_people(run)] == ["Ana"]
    assert PatientNumber.objects.get().number == "7"


def test_a_past_session_that_a_plan_starts_with_stays(clinic, manager):
    pressed(brought(clinic, manager, ANA, BO), manager)
    run = pressed(sessions_of(clinic, manager, "7,2026-10-03,,,", "8,2026-10-03,,,"), manager)
    factories.make_draft(clinic.patients.get(given_name="Ana"))
    run = services.undo(run=run, by=manager)
    assert [past.patient.given_name for past in PastSession.objects.all()] == ["Ana"]
    assert [patient.given_name for patient in services.kept_people(run)] == ["Ana"]


def test_a_past_session_that_was_marked_as_an_error_stays(clinic, manager):
    pressed(brought(clinic, manager, ANA), manager)
    run = pressed(sessions_of(clinic, manager, "7,2026-10-03,,,"), manager)
    past_sessions.mark_entered_in_error(past=PastSession.objects.get(), reason="Not hers", by=manager)
    services.undo(run=run, by=manager)
    assert PastSession.objects.count() == 1


def test_only_the_undoing_of_its_import_deletes_a_past_session(clinic, manager):
    pressed(brought(clinic, manager, ANA), manager)
    pressed(sessions_of(clinic, manager, "7,2026-10-03,,,"), manager)
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM treatments_pastsession")
    assert constraint_name(refused.value) == "past_session_is_fixed"


def test_undone_once_and_for_thirty_days(clinic, manager, later):
    run = pressed(brought(clinic, manager, ANA), manager)
    later(timedelta(days=30))
    with pytest.raises(DomainError, match="for 30 days"):
        services.undo(run=run, by=manager)
    later(-timedelta(minutes=1))
    services.undo(run=run, by=manager)
    with pytest.raises(DomainError, match="over: undone"):
        services.undo(run=run, by=manager)


def test_what_was_not_imported_cannot_be_undone(clinic, manager):
    run = brought(clinic, manager, ANA)
    with pytest.raises(DomainError, match="This import is over: being looked at|Only what was imported"):
        services.undo(run=run, by=manager)


@pytest.mark.django_db(transaction=True)
def test_of_two_presses_at_once_one_is_told_so(clinic, manager):
    run = brought(clinic, manager, ANA)
    held, done = threading.Event(), threading.Event()

    def first():
        try:
            with transaction.atomic():
                ImportRun.objects.select_for_update().get(pk=run.pk)
                held.set()
                done.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    held.wait(30)
    try:
        with pytest.raises(Busy, match="colleague"):
            pressed(run, manager)
    finally:
        done.set()
        thread.join()
    assert pressed(run, manager).imported == 1


@pytest.mark.django_db(transaction=True)
def test_killed_by_the_database_itself_nothing_is_there(clinic, manager, monkeypatch):
    run = brought(clinic, manager, ANA, BO)
    before = hashes()

    def killed(*_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(services, "_remember", killed)
    with pytest.raises((OperationalError, InterfaceError)):
        pressed(run, manager)
    connection.close()
    assert hashes() == before
    assert ImportRun.objects.get().status == "open"
