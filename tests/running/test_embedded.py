"""The embedded servers start, are adopted, survive `kill -9`, and leave nothing."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from clinic.embedded import Postgres, Redis, ServerError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def postgres(tmp_path):
    server = Postgres(tmp_path / "postgres", durable=False, dies_with_us=True)
    yield server
    server.stop()


@pytest.fixture
def doorbell(tmp_path):
    server = Redis(tmp_path / "redis", dies_with_us=True)
    yield server
    server.stop()


def query(server: Postgres, statement: str):
    connection = psycopg2.connect(server.url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def test_postgres_is_version_18_speaks_utf8_and_listens_only_inside_its_folder(postgres):
    url = postgres.start()
    assert url == f"postgres://postgres@/stratum?host={postgres.data_dir}"
    assert query(postgres, "SHOW server_version").startswith("18")
    assert query(postgres, "SELECT lower('ÉÅ')") == "éå"
    assert query(postgres, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(postgres.data_dir.stat().st_mode) == 0o700
    assert psutil.Process(postgres.pid).net_connections("inet") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_as_root_the_server_runs_as_somebody_else_and_parents_open_no_further_than_to_pass(postgres):
    postgres.data_dir.parent.chmod(0o700)
    postgres.start()
    assert psutil.Process(postgres.pid).uids().effective != 0
    assert stat.S_IMODE(postgres.data_dir.parent.stat().st_mode) == 0o701


def test_a_stopped_server_leaves_no_process_and_keeps_its_rows(postgres):
    postgres.start()
    query(postgres, "CREATE TABLE visit AS SELECT 7 AS number")
    pid = postgres.pid
    postgres.stop()
    assert not psutil.pid_exists(pid)
    assert postgres.pid is None
    postgres.start()
    assert query(postgres, "SELECT number FROM visit") == 7


def test_stopping_does_not_wait_for_clients(postgres):
    postgres.start()
    held = psycopg2.connect(postgres.url)
    began = time.monotonic()
    postgres.stop()
    assert time.monotonic() - began < 5
    with pytest.raises(psycopg2.OperationalError), held.cursor() as cursor:
        cursor.execute("SELECT 1")
    held.close()


def test_a_running_server_is_adopted_not_started_twice(postgres):
    postgres.start()
    second = Postgres(postgres.data_dir)
    assert second.start() == postgres.url
    assert second.pid == postgres.pid
    second.stop()
    assert postgres.pid is None


def test_a_killed_server_recovers_what_was_committed(tmp_path):
    server = Postgres(tmp_path / "postgres", dies_with_us=True)
    server.start()
    query(server, "CREATE TABLE visit AS SELECT 7 AS number")
    killed = psutil.Process(server.pid)
    killed.kill()
    server._child.wait()
    again = Postgres(tmp_path / "postgres", dies_with_us=True)
    again.start()
    assert query(again, "SELECT number FROM visit") == 7
    again.stop()


def test_a_process_id_that_now_belongs_to_somebody_else_is_not_mistaken_for_the_server(postgres):
    postgres.start()
    lock = postgres.data_dir / "postmaster.pid"
    kept = lock.read_text().splitlines()
    postgres.stop()
    lock.write_text("\n".join([str(os.getpid()), *kept[1:]]))
    postgres.start()
    assert postgres.pid != os.getpid()
    assert query(postgres, "SELECT 1") == 1


def test_an_interrupted_initdb_leaves_nothing_half_made(postgres):
    unfinished = postgres.data_dir.with_name("postgres.new")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")
    postgres.start()
    assert query(postgres, "SELECT 1") == 1
    assert not unfinished.exists()


def test_a_folder_of_another_version_is_refused_in_a_sentence(postgres):
    postgres.data_dir.mkdir()
    (postgres.data_dir / "PG_VERSION").write_text("15\n")
    with pytest.raises(ServerError, match="was made by PostgreSQL 15"):
        postgres.start()


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(tmp_path):
    home = tmp_path / ("long" * 25)
    servers = Postgres(home / "postgres", durable=False, dies_with_us=True), Redis(home / "redis", dies_with_us=True)
    for server in servers:
        url = server.start()
        short = Path(url.partition("host=")[2] or url.removeprefix("unix://").rpartition("/")[0])
        assert len(str(short)) < 60
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
        assert type(server)(home / server.__class__.__name__.lower()).start() == url, "the next runner finds it"
        server.stop()
        assert not short.exists()


def test_redis_answers_on_its_socket_evicts_nothing_and_keeps_its_queue_over_a_stop(doorbell):
    url = doorbell.start()
    with redis.Redis.from_url(url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("port") == {"port": "0"}
        client.rpush("celery", "ring")
    pid = doorbell.pid
    doorbell.stop()
    assert not psutil.pid_exists(pid)
    with redis.Redis.from_url(doorbell.start()) as client:
        assert client.llen("celery") == 1


def test_a_running_redis_is_adopted_and_a_killed_one_replaced(doorbell):
    doorbell.start()
    second = Redis(doorbell.home)
    second.start()
    assert second.pid == doorbell.pid
    psutil.Process(doorbell.pid).kill()
    doorbell._child.wait()
    doorbell.start()
    assert doorbell.pid is not None


HOLDER = """
import sys, time
from pathlib import Path
from clinic.embedded import Postgres, Redis
servers = [Postgres(Path(sys.argv[1]) / "postgres", durable=False, dies_with_us=sys.argv[2] == "dies"),
           Redis(Path(sys.argv[1]) / "redis", dies_with_us=sys.argv[2] == "dies")]
[server.start() for server in servers]
print(*[server.pid for server in servers], flush=True)
time.sleep(60)
"""


def killed_holder(folder: Path, fate: str) -> list[int]:
    """Servers started by another process that is then killed with -9. Returns their process ids."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, folder, fate], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in holder.stdout.readline().split()]
    holder.stdout.close()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    return pids


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_servers_of_a_killed_test_run_end_by_themselves(tmp_path):
    pids = killed_holder(tmp_path, "dies")
    assert len(pids) == 2
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=20)
    assert alive == []


def test_servers_of_a_killed_runner_are_adopted_by_the_next(tmp_path):
    pids = killed_holder(tmp_path, "stays")
    postgres, doorbell = Postgres(tmp_path / "postgres"), Redis(tmp_path / "redis")
    postgres.start()
    doorbell.start()
    assert [postgres.pid, doorbell.pid] == pids
    assert query(postgres, "SELECT 1") == 1
    postgres.stop()
    doorbell.stop()
    assert [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"] == []
