"""What was kept comes back: every table and every file, by their hashes; and the file is of one moment."""

import hashlib
import tarfile
import threading
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from clinic import clock
from clinic.models import AuditEvent
from clinic.safekeeping import box, contents, keeping, manifest
from clinic.safekeeping.keeping import keep
from patients.models import Message
from patients.outbox import kinds
from tests.fixtures.browser import wait_until
from tests.outbox import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# What a restore itself writes: the row that freezes, and that it did.
WRITES = {"clinic_clinic", "clinic_restoration", "clinic_auditevent"}
# Asked in another way than the hashes of the product.
OF_ONE_TABLE = (
    "SELECT count(*), md5(COALESCE(string_agg(one::text, '|' ORDER BY one::text COLLATE \"C\"), '')) FROM {} one"
)
PROMISES = """
SELECT 'trigger', tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename::text, indexname::text FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'function', proname::text, md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3
"""
SEQUENCES = """
SELECT class.oid::regclass::text, pg_sequence_last_value(class.oid)
FROM pg_class AS class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace ORDER BY 1
"""


def here(question: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def told_by(file):
    with open(file, "rb") as opened:
        return manifest.checked(box.read(opened))


def tables() -> set[str]:
    return {name for (name,) in here("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.fixture
def _kinds():
    cast.register_kinds()
    yield
    for kind in cast.KINDS:
        kinds.forget(kind.code)


def test_a_clinic_comes_back_elsewhere_with_every_table_file_and_promise(second_session, photo, media, file, elsewhere):
    kept = keep(file)
    assert (kept.file, oct(file.stat().st_mode & 0o777)) == (file, "0o600")
    assert kept.manifest == told_by(file)
    assert kept.manifest.tables["public.treatments_treatmentsession"].rows == 2
    assert not list(file.parent.glob(".*.part"))

    done = elsewhere.restore(file)
    assert done.returncode == 0, done.stderr
    assert "Every table is as it was kept" in done.stdout
    assert done.stderr == ""
    assert elsewhere.databases == {"postgres", "stratum"}
    for table in tables() - WRITES - {name.partition(".")[2] for name in contents.LEFT_OUT}:
        assert elsewhere.ask(OF_ONE_TABLE.format(table)) == here(OF_ONE_TABLE.format(table)), table
    assert elsewhere.ask(PROMISES) == here(PROMISES)
    # Keys go on where they were: the restore itself has taken a few.
    ahead = dict(elsewhere.ask(SEQUENCES))
    assert all((ahead[name] or 0) >= (last or 0) for name, last in here(SEQUENCES))

    names = [path.relative_to(elsewhere.media).as_posix() for path in elsewhere.media.rglob("*") if path.is_file()]
    assert names == [f"photos/{photo.name}"]
    (back,) = elsewhere.media.rglob("*.jpg")
    assert hashlib.sha256(back.read_bytes()).hexdigest() == photo.sha256
    assert oct(back.stat().st_mode & 0o777) == "0o600"


def test_every_clinic_is_frozen_with_the_moment_of_the_clinics_clock_and_everybody_is_signed_out(
    other_clinic, clinic, file, elsewhere
):
    SessionStore().save()
    moment = clock.now()
    keep(file)
    done = elsewhere.restore(file)
    assert "2 clinics frozen" in done.stdout
    rows = elsewhere.ask(
        "SELECT clinic.id, data_of, restored_at > data_of, released_at FROM clinic_clinic clinic"
        " JOIN clinic_restoration one ON one.id = clinic.restoration_id AND one.clinic_id = clinic.id ORDER BY 1"
    )
    assert [row[0] for row in rows] == sorted([clinic.pk, other_clinic.pk])
    assert all(moment <= row[1] < moment + timedelta(minutes=1) and row[2:] == (True, None) for row in rows)
    assert here("SELECT count(*) FROM django_session") == [(1,)]
    assert elsewhere.ask("SELECT count(*) FROM django_session") == [(0,)]
    assert elsewhere.ask("SELECT count(*) FROM clinic_auditevent WHERE action = 'clinic.restored'") == [(2,)]


def test_a_backup_is_an_ordinary_tar_archive(clinic, media, file):
    media.mkdir()
    (media / "a.txt").write_text("kept")
    keep(file)
    with tarfile.open(file) as opened:
        assert opened.getnames() == [box.DATABASE, "media/a.txt", box.MANIFEST]
        assert opened.extractfile("media/a.txt").read() == b"kept"
        assert opened.extractfile(box.DATABASE).read(5) == b"PGDMP"


class Writer(threading.Thread):
    """Queues messages, each with its audit event in one transaction, until told to stop."""

    def __init__(self, patient) -> None:
        super().__init__()
        self.patient, self.told = patient, threading.Event()

    def run(self) -> None:
        try:
            while not self.told.is_set():
                cast.owe(self.patient)
        finally:
            connection.close()

    def __enter__(self) -> "Writer":
        self.start()
        wait_until(lambda: Message.objects.count() > 20, what="a writer at work")
        return self

    def __exit__(self, *how) -> None:
        self.told.set()
        self.join()


def test_while_somebody_writes_the_copy_is_of_one_moment(_kinds, file, elsewhere):
    clinic = cast.a_clinic()
    with Writer(cast.a_patient(clinic)):
        before = Message.objects.count()
        kept = keep(file)
        wait_until(lambda: Message.objects.count() > before + 5, what="more messages")
    rows = kept.manifest.tables["public.patients_message"].rows
    assert before <= rows < Message.objects.count()
    assert elsewhere.restore(file).returncode == 0
    (messages,), (events,) = (
        elsewhere.ask("SELECT count(*) FROM patients_message"),
        elsewhere.ask("SELECT count(*) FROM clinic_auditevent WHERE action = 'messages.queued'"),
    )
    assert messages == events == (rows,)


def test_without_the_shared_moment_the_restore_would_notice(_kinds, file, elsewhere, monkeypatch):
    """The negative control: tables hashed at a moment of their own."""
    patient = cast.a_patient(cast.a_clinic())

    def a_little_later(address: dict, snapshot: str) -> dict[str, contents.Table]:
        cast.owe(patient)
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            found = contents.of_database(cursor.cursor)
            cursor.execute("COMMIT")
        connection.close()
        return found

    monkeypatch.setattr(keeping, "_tables", a_little_later)
    keep(file)
    done = elsewhere.restore(file)
    assert done.returncode == 1
    assert "public.patients_message" in done.stderr
    assert elsewhere.is_empty
    assert AuditEvent.objects.filter(action="messages.queued").count() == 1


def test_a_file_that_the_records_name_and_that_is_gone_is_told(photo, media, file):
    from django.core.management import CommandError, call_command

    (media / "photos" / photo.name).unlink()
    with pytest.raises(
        CommandError, match=f"The backup stands, but 1 of the files .* first of them photos/{photo.name}"
    ):
        call_command("backup", to=file)
    assert told_by(file).lost_files == [f"photos/{photo.name}"]


def test_a_migrated_database_in_which_nobody_has_worked_counts_as_empty(clinic, file, elsewhere):
    """As `docker compose up` leaves it."""
    assert elsewhere.run("manage.py", "migrate", "--verbosity", "0").returncode == 0
    keep(file)
    assert elsewhere.restore(file).returncode == 0
    assert elsewhere.ask("SELECT count(*) FROM clinic_clinic") == [(1,)]


A_CLINIC = (
    "from clinic.services import create_clinic;"
    "create_clinic(name='One', zone='Europe/London', manager_email='a@one.example', manager_name='A', password=None)"
)


def test_a_backup_of_before_an_update_is_brought_up_to_date_and_frozen(file, elsewhere):
    """One migration behind: of a library, on which nothing of ours depends."""
    newest = "SELECT name FROM django_migrations WHERE app = 'account' ORDER BY name DESC LIMIT 2"
    assert elsewhere.run("manage.py", "migrate", "--verbosity", "0").returncode == 0
    (last,), (before,) = elsewhere.ask(newest)
    assert elsewhere.run("manage.py", "migrate", "account", before, "--verbosity", "0").returncode == 0
    assert elsewhere.run("manage.py", "shell", "-c", A_CLINIC).returncode == 0
    assert elsewhere.run("manage.py", "backup", "--to", str(file)).returncode == 0
    elsewhere.begin_anew()
    done = elsewhere.restore(file)
    assert done.returncode == 0, done.stderr
    assert "Migrations applied: 1." in done.stdout
    assert elsewhere.ask(newest) == [(last,), (before,)]
    assert elsewhere.ask("SELECT count(*) FROM clinic_clinic WHERE restoration_id IS NOT NULL") == [(1,)]


def test_a_backup_of_a_frozen_clinic_can_be_restored_again(clinic, file, elsewhere, tmp_path):
    keep(file)
    assert elsewhere.restore(file).returncode == 0
    second = tmp_path / "second.tar"
    assert elsewhere.run("manage.py", "backup", "--to", str(second)).returncode == 0
    assert told_by(second).tables["public.clinic_restoration"].rows == 1
