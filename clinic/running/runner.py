"""Runs all of Stratum on one machine and stops it in the one order that loses nothing.

Web and beat first: no new work. Then the worker's main process, warm: the message it is sending gets its answer. Then
the mail sink, PostgreSQL (SIGINT: SIGTERM would wait for every client) and Redis.
"""

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from clinic.embedded import Postgres, Redis, ServerError
from clinic.running.child import Child
from clinic.running.leftovers import end_leftovers, forget, hold, remember
from clinic.running.output import Terminal
from clinic.running.spawn import spawn

TICK_SECONDS = 0.2
SERVERS_LOOKED_AT_EVERY_SECONDS = 5
START_SECONDS = 180


class ToldToStop(Exception):
    """Ctrl-C or SIGTERM while still starting."""


class CannotRun(Exception):
    """The text is the one sentence the person at the terminal needs."""


@dataclass(frozen=True)
class Plan:
    """What to run, decided from the environment before anything starts."""

    root: Path
    var: Path
    port: int
    env: Mapping[str, str]
    debug: bool = False

    @property
    def address(self) -> str:
        # Not 127.0.0.1: passkeys refuse a bare number.
        return f"http://localhost:{self.port}"

    @property
    def keeps_mail(self) -> bool:
        return not self.env.get("EMAIL_URL")


class Runner:
    def __init__(self, plan: Plan, terminal: Terminal) -> None:
        self.plan = plan
        self.terminal = terminal
        self.folder = plan.var / "run"
        self.env = dict(plan.env) | {"PYTHONUNBUFFERED": "1", "PORT": str(plan.port)}
        self.servers: dict[str, Postgres | Redis] = {}
        self.children: dict[str, Child] = {}
        self.sign_ins = ""
        self._told = threading.Event()
        self._preparing = False

    def run(self) -> None:
        """Starts everything, watches it until told to stop, stops it. Raises CannotRun or AlreadyRunning."""
        plan, began = self.plan, time.monotonic()
        with hold(self.folder, plan.address):
            for name in end_leftovers(self.folder):
                self.say(f"Ended {name}, left by a run that was killed.")
            refuse_taken_port(plan.port)
            self._listen()
            try:
                self._start()
                self.say(f"Ready after {time.monotonic() - began:.0f} s.")
                self._watch()
            except ToldToStop:
                pass
            finally:
                self._stop()

    def say(self, text: str) -> None:
        self.terminal.say("stratum", text)

    # --- signals

    def _listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        """The first signal stops us in order; further ones change nothing, least of all the order."""
        if self._told.is_set():
            self.terminal.say("stratum", "Already stopping, in order. One moment.")
            return
        self._told.set()
        if self._preparing:
            raise ToldToStop

    # --- starting

    def _start(self) -> None:
        for step in (self._start_servers, self._prepare, self._start_children, self._wait_until_healthy, self._greet):
            if self._told.is_set():
                raise ToldToStop
            step()

    def _start_servers(self) -> None:
        wanted = {"DATABASE_URL": ("PostgreSQL", Postgres, "postgres"), "REDIS_URL": ("Redis", Redis, "redis")}
        for variable, (name, server, folder) in wanted.items():
            if self.env.get(variable):
                continue
            self.servers[name] = server(self.plan.var / folder)
            adopted = self.servers[name].pid is not None
            try:
                self.env[variable] = self.servers[name].start()
            except ServerError as failure:
                raise CannotRun(str(failure)) from None
            if adopted:
                self.say(f"{name} was still running, left by a run that was killed; using it.")

    def _prepare(self) -> None:
        """Migrations and, at the first start, the demo clinic; in a process of its own, which Ctrl-C may end.

        Only here does a signal interrupt: elsewhere it could tear a process between its start and our note of it.
        """
        process = spawn(
            [sys.executable, "manage.py", "prepare"],
            env=self.env,
            cwd=self.plan.root,
            output=subprocess.PIPE,
            errors=subprocess.PIPE,
            dies_with_us=signal.SIGTERM,
        )
        remember(self.folder, {"setup": process.pid})
        progress = self.terminal.follow("setup", process.stderr)
        try:
            self._preparing = True
            self.sign_ins = process.stdout.read().decode().strip()
            process.wait()
        finally:
            self._preparing = False
            process.kill()
            process.wait()
            progress.join()
            process.stdout.close()
        if process.returncode != 0:
            raise CannotRun("The database could not be prepared; the lines above say why.")

    def _start_children(self) -> None:
        self._plan_children()
        for child in self.children.values():
            child.start(self.terminal)
        self._remember_children()

    def _plan_children(self) -> None:
        python, plan = sys.executable, self.plan
        celery, app = [python, "-m", "celery", "--quiet"], ["-A", "clinic"]
        (plan.var / "beat").mkdir(mode=0o700, exist_ok=True)
        if plan.keeps_mail:
            port = free_port()
            self.env["MAILBOX_PORT"] = str(port)
            self._add("mailbox", [python, "manage.py", "mailbox", "--port", str(port)], patience_seconds=5)
        worker = ["worker", "--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=INFO"]
        self._add("worker", [*celery, *app, *worker], patience_seconds=20)
        schedule = f"--schedule={plan.var / 'beat' / 'schedule'}"
        # Django's checks would import every page, which beat never opens.
        beat = [*celery, "--skip-checks", *app, "beat", "--pidfile=", schedule, "--loglevel=WARNING"]
        self._add("beat", beat, patience_seconds=5)
        self._add("web", web_command(python, plan), patience_seconds=8)

    def _add(self, name: str, command: list[str], *, patience_seconds: float) -> None:
        env = self.env | ({"PYTHONWARNINGS": "ignore:You're running the worker"} if name == "worker" else {})
        self.children[name] = Child(name, command, env=env, cwd=self.plan.root, patience_seconds=patience_seconds)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._told.wait(TICK_SECONDS) and not answers_healthy(self.plan.port):
            self._look_after_children()
            if time.monotonic() > deadline:
                raise CannotRun(f"The web server did not become healthy within {START_SECONDS} seconds; see above.")

    def _greet(self) -> None:
        if self._told.is_set():
            return
        lines = [f"Open {self.plan.address}", *self.sign_ins.splitlines(), "Ctrl-C stops everything."]
        self.terminal.say("stratum", "\n".join(["", *lines, ""]))

    # --- running

    def _watch(self) -> None:
        look_again_at = time.monotonic()
        while not self._told.wait(TICK_SECONDS):
            self._look_after_children()
            if time.monotonic() > look_again_at:
                self._look_after_servers()
                look_again_at = time.monotonic() + SERVERS_LOOKED_AT_EVERY_SECONDS

    def _look_after_children(self) -> None:
        started_again = [child for child in self.children.values() if child.watch(self.terminal)]
        if started_again:
            self._remember_children()

    def _remember_children(self) -> None:
        remember(self.folder, {name: child.process.pid for name, child in self.children.items() if child.process})

    def _look_after_servers(self) -> None:
        for name, server in self.servers.items():
            if server.pid is not None:
                continue
            self.say(f"{name} ended; starting it again.")
            try:
                server.start()
            except ServerError as failure:
                self.say(str(failure))

    # --- stopping

    def _stop(self) -> None:
        self.say("Stopping.")
        for together in (("web", "beat"), ("worker",), ("mailbox",)):
            stopping = [self.children[name] for name in together if name in self.children]
            for child in stopping:
                child.ask_to_stop()
            for child in stopping:
                if not child.wait_or_end():
                    self.say(f"{child.name} did not end within {child.patience_seconds:.0f} s and was ended by force.")
        for server in self.servers.values():
            server.stop()
        forget(self.folder)
        self.say("Stopped. The data are kept in " + str(self.plan.var))


def web_command(python: str, plan: Plan) -> list[str]:
    """gunicorn on this machine only. No control socket: it would lie in the home folder. Both workers come of one process that
    has imported everything; only where changed code is to be taken up does each import it itself."""
    bind = [f"--bind={address}" for address in loopback_addresses(plan.port)]
    size = ["--worker-class=gthread", "--workers=2", "--threads=4"]
    limits = ["--timeout=60", "--graceful-timeout=5", "--no-control-socket", "--log-level=warning"]
    code = ["--reload"] if plan.debug else ["--preload"]
    return [python, "-m", "gunicorn", "clinic.wsgi:application", *bind, *size, *limits, *code]


def loopback_addresses(port: int) -> list[str]:
    """Both meanings of localhost where the machine has both: browsers differ in which they try first."""
    addresses = [f"127.0.0.1:{port}"]
    if socket.has_ipv6 and can_bind(socket.AF_INET6, "::1", 0):
        addresses.append(f"[::1]:{port}")
    return addresses


def can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError:
        return False
    return True


def refuse_taken_port(port: int) -> None:
    free = can_bind(socket.AF_INET, "127.0.0.1", port)
    if free and len(loopback_addresses(port)) > 1:
        free = can_bind(socket.AF_INET6, "::1", port)
    if not free:
        another = port + 1 if port < 65535 else 8000
        raise CannotRun(f"Port {port} cannot be used; something else may have it. Try: make run PORT={another}")


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def answers_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def plan_from(environment: Mapping[str, str], *, root: Path, var: Path, port: int, debug: bool) -> Plan:
    """The plan for `manage.py up`."""
    if not 0 < port < 65536:
        raise CannotRun(f"PORT must be a number from 1 to 65535, not {port}.")
    return Plan(root=root, var=var, port=port, env=environment, debug=debug)
