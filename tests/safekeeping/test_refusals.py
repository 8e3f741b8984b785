"""What cannot be kept or brought back is said in a sentence, and leaves everything as it was."""

import errno
import os
import signal

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from clinic.safekeeping import box, contents, keeping, programs
from clinic.safekeeping.keeping import keep
from clinic.safekeeping.sentences import CannotKeep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def left_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith((".", "kept")))


# ── Backup ────────────────────────────────────────────────────────────────────


def test_no_backup_is_written_over_and_a_missing_folder_is_named(clinic, file, tmp_path):
    file.write_text("another")
    with pytest.raises(CannotKeep, match="is there already"):
        keep(file)
    assert file.read_text() == "another"
    with pytest.raises(CannotKeep, match="There is no folder"):
        keep(tmp_path / "nowhere" / "kept.tar")


def test_without_a_name_it_goes_to_a_private_folder_of_backups(clinic, media, capsys):
    call_command("backup")
    said = capsys.readouterr().out
    (made,) = (media.parent / "var" / "backups").iterdir()
    assert str(made) in said
    assert oct(made.parent.stat().st_mode & 0o777) == "0o700"
    assert "The secret key (SECRET_KEY, or the file secret-key in var/) is not in it" in said


@pytest.mark.parametrize("somebody_was_quicker", [False, True])
def test_a_disk_that_knows_no_links_takes_a_backup_too_and_never_over_another(clinic, file, monkeypatch, somebody_was_quicker):  # fmt: skip
    def no_links(part, to):
        if somebody_was_quicker:
            to.write_text("another")
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(box.os, "link", no_links)
    if somebody_was_quicker:
        with pytest.raises(CannotKeep, match="File exists"):
            keep(file)
        assert file.read_text() == "another"
    else:
        keep(file)
        with open(file, "rb") as kept:
            assert box.read(kept).intact
        assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert left_in(file.parent) == ["kept.tar"]


def test_a_full_disk_leaves_nothing(clinic, file, monkeypatch):
    real = box.Writing.write

    def full(self, content):
        if self.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, content)

    monkeypatch.setattr(box, "CHUNK", 4096)
    monkeypatch.setattr(box.Writing, "write", full)
    with pytest.raises(CannotKeep, match="No space left on device. Nothing was kept"):
        keep(file)
    assert left_in(file.parent) == []


def test_a_database_that_goes_away_leaves_nothing(clinic, file, monkeypatch):
    def gone(cursor, **how):
        with connection.cursor() as ours:
            ours.execute("SELECT pg_terminate_backend(%s)", [cursor.connection.info.backend_pid])
        connection.close()
        cursor.execute("SELECT 1")

    monkeypatch.setattr(contents, "of_database", gone)
    with pytest.raises(CannotKeep, match="went away or refused"):
        keep(file)
    assert left_in(file.parent) == []


def test_a_missing_pg_dump_and_one_that_is_too_old_are_said(clinic, file, monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "_places", lambda name: iter([]))
    with pytest.raises(CannotKeep, match="pg_dump is missing"):
        keep(file)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 14.11 (Debian 14.11-1)'\n")
    old.chmod(0o700)
    monkeypatch.setattr(programs, "_places", lambda name: iter([old]))
    with pytest.raises(CannotKeep, match="pg_dump here is of PostgreSQL 14, the database of 18"):
        keep(file)
    assert left_in(file.parent) == []


def test_a_pg_dump_that_fails_leaves_nothing(clinic, file, monkeypatch, tmp_path):
    broken = tmp_path / "pg_dump"
    broken.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 18.1' && exit\necho 'pg_dump: error: it broke' >&2; exit 1\n"
    )
    broken.chmod(0o700)
    monkeypatch.setattr(programs, "_places", lambda name: iter([broken]))
    with pytest.raises(CannotKeep, match="could not be dumped: it broke"):
        keep(file)
    assert left_in(file.parent) == []


def test_a_table_that_the_hash_does_not_see_is_a_failure(clinic, file, monkeypatch):
    monkeypatch.setattr(
        contents, "TABLES", contents.TABLES.replace("ORDER BY 1, 2", "AND relname <> 'clinic_room' ORDER BY 1, 2")
    )
    with pytest.raises(CannotKeep, match="public.clinic_room"):
        keep(file)
    assert left_in(file.parent) == []


def test_two_tables_with_the_same_rows_in_another_order_are_alike_and_one_letter_makes_them_differ(clinic):
    def hashed() -> contents.Table:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            found = contents.of_database(cursor.cursor)
            cursor.execute("COMMIT")
        return found["public.kept_safe"]

    with connection.cursor() as cursor:
        try:
            cursor.execute("CREATE TABLE kept_safe (word text, day timestamptz)")
            cursor.execute("INSERT INTO kept_safe VALUES ('a', '2027-03-09 12:00+0'), (E'b\nc', NULL)")
            first = hashed()
            assert first.rows == 2
            cursor.execute("TRUNCATE kept_safe")
            cursor.execute("INSERT INTO kept_safe VALUES (E'b\nc', NULL), ('a', '2027-03-09 12:00+0')")
            assert hashed() == first
            cursor.execute("UPDATE kept_safe SET word = 'A' WHERE word = 'a'")
            assert hashed() != first
        finally:
            cursor.execute("DROP TABLE kept_safe")


@pytest.mark.parametrize("where", ["keeping._files", "box.Writer.finish", "box.os.link"])
def test_a_killed_backup_leaves_nothing_that_looks_whole_and_the_next_one_clears_it_away(
    clinic, file, elsewhere, where
):
    elsewhere.more["TEST_DATABASE_URL"] = address()
    killed(elsewhere, "backup", file, where)
    assert left_in(file.parent) == [".kept.tar.part"]
    keep(file)
    assert left_in(file.parent) == ["kept.tar"]


def address() -> str:
    from tests.conftest import test_database_url

    return test_database_url()


def killed(elsewhere, what: str, file, where: str) -> None:
    running = elsewhere.start("-m", "tests.safekeeping.halted", what, str(file), where)
    assert running.stdout.readline() == "here\n"
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()


# ── Restore ───────────────────────────────────────────────────────────────────


@pytest.fixture
def kept(photo, file):
    return keep(file)


def refused(elsewhere, file, sentence: str) -> None:
    done = elsewhere.restore(file)
    assert done.returncode == 1
    assert sentence in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_with_a_single_row_is_never_written_over_and_the_way_is_said(kept, file, elsewhere):
    assert elsewhere.restore(file).returncode == 0
    before = elsewhere.ask("SELECT count(*), max(id) FROM clinic_auditevent")
    refused(elsewhere, file, "The database is not empty, and a restore never writes over anything. Make an empty one")
    assert elsewhere.ask("SELECT count(*), max(id) FROM clinic_auditevent") == before


def test_files_that_are_there_already_are_never_written_over(kept, file, elsewhere):
    elsewhere.media.mkdir(parents=True)
    (elsewhere.media / "somebody.jpg").write_text("hers")
    refused(elsewhere, file, "holds a file that is not in this backup (somebody.jpg)")
    assert elsewhere.is_empty
    assert (elsewhere.media / "somebody.jpg").read_text() == "hers"


def test_one_byte_changed_in_the_dump_restores_nothing(kept, file, elsewhere):
    content = bytearray(file.read_bytes())
    content[content.index(b"PGDMP") + 4000] ^= 1
    file.write_bytes(content)
    refused(elsewhere, file, "This backup is damaged: the database is not as it was kept")
    assert elsewhere.is_empty
    assert not elsewhere.media.exists()


def test_something_that_is_no_backup_and_a_file_that_is_not_there_are_said(clinic, elsewhere, tmp_path):
    refused(elsewhere, tmp_path / "nowhere.tar", "No such file or directory")
    (tmp_path / "letter.txt").write_text("Dear all")
    refused(elsewhere, tmp_path / "letter.txt", "This is no whole backup")


def test_programs_that_are_still_connected_are_to_be_stopped_first(kept, file, elsewhere):
    worker = psycopg2.connect(dbname="stratum", user="postgres", host=str(elsewhere.postgres._socket_folder))
    try:
        refused(elsewhere, file, "1 connection to the database is open. Stop web, worker and beat first")
    finally:
        worker.close()


def test_a_user_who_may_make_no_database_is_told_what_is_missing(kept, file, elsewhere):
    elsewhere.ask("CREATE ROLE guest LOGIN; SELECT 1")
    try:
        elsewhere.more["TEST_DATABASE_URL"] = elsewhere.postgres.url.replace("postgres@", "guest@")
        refused(elsewhere, file, "must be allowed to make databases: ALTER ROLE")
    finally:
        elsewhere.ask("DROP ROLE guest; SELECT 1")


def test_an_older_server_is_refused(kept, file, elsewhere, monkeypatch):
    from clinic.safekeeping import restoring, servers

    monkeypatch.setattr(servers, "major", lambda cursor: 17)
    with pytest.raises(CannotKeep, match="of PostgreSQL 18, the server here is 17"):
        restoring._refuse_server(None, kept.manifest, "stratum")


@pytest.mark.parametrize(
    "where",
    ["restoring.box.chunks", "restoring._compare", "restoring._made_ready", "restoring._swap"],
)
def test_a_killed_restore_leaves_the_empty_database_and_the_next_one_succeeds(kept, file, elsewhere, where):
    if where == "restoring.box.chunks":
        where = "restoring.programs.env"  # reading the list of contents takes chunks too
    killed(elsewhere, "restore", file, where)
    assert elsewhere.is_empty
    done = elsewhere.restore(file)
    assert done.returncode == 0, done.stderr
    assert elsewhere.databases == {"postgres", "stratum"}
    assert elsewhere.ask("SELECT count(*) FROM clinic_clinic WHERE restoration_id IS NULL") == [(0,)]
    assert len([path for path in elsewhere.media.rglob("*") if path.is_file()]) == 1


def test_a_restore_killed_after_the_swap_is_whole_and_frozen(kept, file, elsewhere):
    killed(elsewhere, "restore", file, "restoring.Files.stay")
    assert elsewhere.ask("SELECT count(*) FROM clinic_clinic WHERE restoration_id IS NULL") == [(0,)]
    assert len([path for path in elsewhere.media.rglob("*") if path.is_file()]) == 1


def test_what_somebody_writes_into_the_empty_database_meanwhile_is_not_lost(kept, file, elsewhere):
    running = elsewhere.start("-m", "tests.safekeeping.halted", "restore", str(file), "restoring._made_ready")
    assert running.stdout.readline() == "here\n"
    elsewhere.ask("CREATE TABLE hers AS SELECT 1 AS one; SELECT 1")
    running.send_signal(signal.SIGCONT)
    assert running.wait() == 1
    running.stdout.close()
    assert elsewhere.ask("SELECT one FROM hers") == [(1,)]
    assert elsewhere.databases == {"postgres", "stratum"}
    assert not [path for path in elsewhere.media.rglob("*") if path.is_file()]


def test_an_empty_database_that_will_not_go_undoes_nothing(kept, file, elsewhere):
    """The names are swapped by then: to say that nothing was restored, and take the files back, would lose every photo."""
    running = elsewhere.start("-m", "tests.safekeeping.halted", "restore", str(file), "restoring._tidy")
    assert running.stdout.readline() == "here\n"
    (aside,) = elsewhere.databases - {"postgres", "stratum"}
    elsewhere.ask(f'ALTER DATABASE "{aside}" RENAME TO kept_for_later; SELECT 1', database="postgres")
    running.send_signal(signal.SIGCONT)
    assert running.wait() == 0
    running.stdout.close()
    assert elsewhere.databases == {"postgres", "stratum", "kept_for_later"}
    assert elsewhere.ask("SELECT count(*) FROM clinic_clinic WHERE restoration_id IS NULL") == [(0,)]
    assert len([path for path in elsewhere.media.rglob("*") if path.is_file()]) == 1


def test_a_restore_that_cannot_write_a_file_takes_everything_back(kept, file, elsewhere):
    elsewhere.media.parent.mkdir(parents=True)
    elsewhere.media.write_text("a file where the folder belongs")
    done = elsewhere.restore(file)
    assert done.returncode == 1
    assert "Nothing was restored" in done.stderr
    assert elsewhere.is_empty
    assert elsewhere.databases == {"postgres", "stratum"}


def test_a_backup_of_another_key_is_restored_and_said(clinic, file, elsewhere, settings):
    settings.SECRET_KEY = "another key, of another machine altogether"
    keep(file)
    done = elsewhere.restore(file)
    assert done.returncode == 0
    assert "The secret key of this machine is not the one of those days" in done.stderr


def test_the_command_says_refusals_without_a_stack(clinic, file):
    file.write_text("there")
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", to=file)
    assert os.path.exists(file)


def test_pg_dump_sees_the_moment_that_was_hashed(clinic, file, monkeypatch):
    asked = []
    real = keeping.subprocess.Popen
    monkeypatch.setattr(
        keeping.subprocess, "Popen", lambda command, **how: asked.append(command) or real(command, **how)
    )
    keep(file)
    (dump,) = [command for command in asked if "--format=custom" in command]
    assert any(str(part).startswith("--snapshot=") for part in dump)
