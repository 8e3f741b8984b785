"""Workers of a fault run: real processes that send and reconcile, one run after the other, until they are told to stop."""

import contextlib
import mmap
import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.core.mail.backends.smtp import EmailBackend
from django.db import Error, connection

from patients.outbox import dispatch, ledger, reconcile, relay
from patients.outbox.faults.processes import LOOK_SECONDS, PATIENCE_SECONDS, Stuck, end, forked, kill
from patients.outbox.faults.sink import Sink, Truth
from patients.outbox.limits import Limits

# Between two looks. Whoever finds nothing looks less often by and by: where all wait for a lease to end, five workers that
# look all the time take the processor from those that have something to do.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.08
# No answer within this is none.
TIMEOUT_SECONDS = 5
WORD = 4
FROZEN, FREE = b"1", b"0"
Guard = Callable[[], None]


@dataclass(frozen=True)
class Orders:
    """How each worker works. `without` takes a guard off in it; a worker that `freezes` stands still before that share of its
    steps, whenever the crew's board allows it; `ticks`: it looks when a byte comes through this pipe, else all the time."""

    limits: Limits
    without: Guard | None = None
    freezes: float = 0
    ticks: int | None = None
    breaker: Callable[[], relay.Breaker] = relay.Breaker


class Crew:
    """Workers side by side. Whoever is killed is replaced at once."""

    def __init__(self, sink: Sink, orders: Orders, *, workers: int, seed: int = 1) -> None:
        self._sink, self._orders, self._seed = sink, orders, seed
        self._ear, self._mouth = os.pipe()
        # Nobody listens where nobody is killed: a full pipe must not hold up the work.
        os.set_blocking(self._mouth, False)
        # Whether somebody may freeze at this moment. Only this process writes it.
        self.board = mmap.mmap(-1, 1)
        self.alive: set[int] = set()
        self.killed = 0
        self._begun = 0
        self._size = workers

    def __enter__(self) -> "Crew":
        for _ in range(self._size):
            self._add()
        return self

    def __exit__(self, *_: object) -> None:
        self.may_freeze(False)
        end(self.alive)
        for pipe in (self._ear, self._mouth):
            os.close(pipe)

    def may_freeze(self, now: bool) -> None:
        self.board[:] = FROZEN if now else FREE

    def hear(self, seconds: float) -> int | None:
        """The worker that said next that it begins a step; None when nobody said a word for so long."""
        ready, _, _ = select.select([self._ear], [], [], seconds)
        return int.from_bytes(os.read(self._ear, WORD), "little") if ready else None

    def kill(self, worker: int) -> None:
        kill(worker)
        self.alive.discard(worker)
        self.killed += 1
        self._add()

    def stopped(self) -> set[int]:
        """Workers that have come to stand still since this was asked last."""
        found = set()
        for worker in self.alive:
            ended, how = os.waitpid(worker, os.WNOHANG | os.WUNTRACED)
            if ended and os.WIFSTOPPED(how):
                found.add(worker)
            elif ended:
                raise Stuck(f"A worker broke down: {os.waitstatus_to_exitcode(how)}.")
        return found

    def _add(self) -> None:
        self._begun += 1
        mine = Worker(self._sink, self._orders, self._mouth, self.board, seed=self._seed * 1_000_003 + self._begun)
        self.alive.add(forked(mine.work))


@dataclass
class Worker:
    """What runs in the process of one worker."""

    sink: Sink
    orders: Orders
    mouth: int
    board: mmap.mmap
    seed: int
    told: list[bool] = field(default_factory=list)

    def work(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self.told.append(True))
        self.dice = random.Random(self.seed)  # noqa: S311  dice, no secret
        if self.orders.without is not None:
            self.orders.without()
        ledger.mark, ledger.sent = self._announced(ledger.mark), self._announced(ledger.sent)
        relay.SmtpRelay.hand_over = self._announced(relay.SmtpRelay.hand_over)
        parent, breaker, record = os.getppid(), self.orders.breaker(), Truth(self.sink.truth.path)
        self.pause_seconds = PAUSE_SECONDS
        while not self.told and os.getppid() == parent:
            if not self._called():
                continue
            through = relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=self.sink.port, timeout=TIMEOUT_SECONDS))
            # A database that went away: the next look finds it back, as a worker's next task does.
            with contextlib.suppress(Error):
                done = dispatch.run(limits=self.orders.limits, through=through, breaker=breaker)
                done += reconcile.run(limits=self.orders.limits, record=record)
                self._rest_after(done)
                continue
            connection.close()

    def _rest_after(self, done: Counter) -> None:
        longer = min(2 * self.pause_seconds, LONGEST_PAUSE_SECONDS)
        self.pause_seconds = PAUSE_SECONDS if done.total() else longer

    def _called(self) -> bool:
        if self.orders.ticks is None:
            time.sleep(self.pause_seconds)
            return True
        ready, _, _ = select.select([self.orders.ticks], [], [], 10 * PAUSE_SECONDS)
        with contextlib.suppress(BlockingIOError):  # somebody else was quicker
            return bool(ready and os.read(self.orders.ticks, 1))
        return False

    def _announced(self, step: Callable) -> Callable:
        """A step before which the worker speaks, and now and then stands still."""

        def announced(*args, **kwargs):
            with contextlib.suppress(BlockingIOError):
                os.write(self.mouth, os.getpid().to_bytes(WORD, "little"))
            if self.board[:] == FROZEN and self.dice.random() < self.orders.freezes:
                os.kill(os.getpid(), signal.SIGSTOP)
            return step(*args, **kwargs)

        return announced


def thaw_after(crew: Crew, freezes: int, seconds: float, over: Callable[[], bool]) -> int:
    """Lets workers freeze `freezes` times, each for so many seconds, until it is `over`; one of them always works on. Returns how
    often one froze."""
    frozen: dict[int, float] = {}
    thawed, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while frozen or (thawed < freezes and not over()):
        for worker in crew.stopped():
            frozen[worker] = time.monotonic()
        crew.may_freeze(thawed + len(frozen) < freezes and len(frozen) < len(crew.alive) - 1)
        for worker, since in list(frozen.items()):
            if time.monotonic() - since > seconds:
                del frozen[worker]
                thawed, deadline = thawed + 1, time.monotonic() + PATIENCE_SECONDS
                os.kill(worker, signal.SIGCONT)
        if time.monotonic() > deadline:
            raise Stuck("Nobody freezes and nobody gets on.")
        time.sleep(LOOK_SECONDS)
    crew.may_freeze(False)
    return thawed
