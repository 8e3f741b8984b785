"""What is done to the messages, each with what has to be true afterwards. Every one plays in the present database, which is
thrown away; its sizes are arguments, so that seconds and an hour are the same thing."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import psutil
from django.db import connection

from clinic import clock
from clinic.embedded import Postgres
from patients.outbox import services
from patients.outbox.faults import checks, world
from patients.outbox.faults.controls import commits_wait
from patients.outbox.faults.crew import Crew, Guard, thaw_after
from patients.outbox.faults.processes import PATIENCE_SECONDS, end, forked, wait_until_alone
from patients.outbox.faults.scene import LIMITS, LOOK_SECONDS, Outcome, Scene, scene
from patients.outbox.faults.sink import Script
from patients.outbox.limits import Limits
from patients.outbox.models import State
from patients.outbox.relay import Breaker

# Between taking a message and saying so: there the kills have to meet it.
SLOW = Script(delay_seconds=(0.005, 0.03))
LONGEST_STEP_SECONDS = 0.03
# So that there is work left for whoever wakes up after seconds.
SLOWER = Script(delay_seconds=(0.02, 0.05))
BATCHES = Limits(
    claim=25, hand_off=25, lease_seconds=LIMITS.lease_seconds, margin_seconds=LIMITS.margin_seconds, fresh_seconds=LIMITS.fresh_seconds,
    run_seconds=LIMITS.run_seconds, grace_seconds=LIMITS.grace_seconds, backoff_scale=LIMITS.backoff_scale,
)  # fmt: skip


def killed(
    *, messages: int, kills: int, workers: int = 6, limits: Limits = LIMITS, without: Guard | None = None, seed: int = 1
) -> Outcome:
    """Workers killed in the middle of their work, each at a random moment of a step it has just begun."""
    with scene(SLOW, without=without, limits=limits, seed=seed) as play:
        play.owe(messages)
        with play.crew(workers) as crew:
            _kill_some(play, crew, kills, steps=max(1, round(0.7 * messages / kills)))
            play.settle(play.look_at_doubts)
        play.did = {"messages": messages, "workers": workers, "killed": crew.killed}
        return play.outcome("workers killed")


def _kill_some(play: Scene, crew: Crew, kills: int, *, steps: int) -> None:
    heard_at = time.monotonic()
    while crew.killed < kills and time.monotonic() - heard_at < PATIENCE_SECONDS:
        speaker = None
        for _ in range(play.dice.randint(1, 2 * steps)):
            speaker = crew.hear(seconds=LOOK_SECONDS) or speaker
        if speaker is None:
            if play.is_over():
                return
            continue
        heard_at = time.monotonic()
        if play.dice.random() < 0.8:
            time.sleep(play.dice.uniform(0, LONGEST_STEP_SECONDS))
        crew.kill(speaker if speaker in crew.alive else play.dice.choice(sorted(crew.alive)))
        play.look_at_doubts()


def unfriendly(
    *, messages: int, workers: int = 3, dead: int = 10, without: Guard | None = None, seed: int = 1
) -> Outcome:
    """A relay that loses one answer in twenty and is busy one time in ten, and people whose address does not exist."""
    script = Script(lost=0.05, busy=0.10, seed=seed)
    with scene(script, without=without, seed=seed, dead=dead) as play:
        living, gone = play.people[: world.PATIENTS], play.people[world.PATIENTS :]
        world.owe(living, messages - dead)
        world.owe(gone, dead)
        with play.crew(workers):
            play.settle()
        play.add(checks.dead_addresses(script.nobody))
        play.did = {"messages": messages, "workers": workers, "dead addresses": dead}
        return play.outcome("lost answers, busy relay, dead addresses")


TICK, OUTAGE, ALL_OUT = timedelta(seconds=30), timedelta(minutes=20), timedelta(minutes=5)
# Everything of the outage runs on the clinic's clock, which is moved from one tick to the next; so is the breaker's pause.
STILL_SECONDS = 0.2


def outage(*, messages: int, workers: int = 4, without: Guard | None = None, seed: int = 1) -> Outcome:
    """Twenty minutes without a relay. The clock is moved on by a tick whenever nobody has anything to do; time in which somebody
    works is real and counts in full."""
    usual = Limits(grace_seconds=1)
    with scene(Script(), without=without, limits=usual, seed=seed) as play:
        play.owe(messages)
        play.sink.stop()
        with play.crew(workers, breaker=lambda: Breaker(clock=lambda: clock.now().timestamp())):
            began = clock.now()
            while clock.now() < began + OUTAGE:
                time.sleep(STILL_SECONDS / 2)
                clock.shift(TICK)
            play.sink.start()
            ended_at = clock.now()
            _let_time_pass(play, until=ended_at + 2 * ALL_OUT)
        wait_until_alone()
        lasted = max((sent for sent in checks.mine().values_list("sent_at", flat=True) if sent), default=ended_at)
        play.add(checks.outage(ended_at, ALL_OUT))
        play.did = {
            "messages": messages, "workers": workers, "minutes without a relay": (ended_at - began) / timedelta(minutes=1),
            "seconds until all were out": round((lasted - ended_at).total_seconds(), 1),
        }  # fmt: skip
        return play.outcome("twenty minutes without a relay")


def _let_time_pass(play: Scene, *, until: datetime) -> None:
    """What is not out by then is late anyhow."""
    while not play.is_over() and clock.now() < until:
        before = len(play.sink.truth.look().copies)
        time.sleep(STILL_SECONDS)
        at_work = checks.mine().filter(state=State.SENDING).exists()
        if not at_work and len(play.sink.truth.look().copies) == before:
            clock.shift(TICK)


ALONE = timedelta(days=3)


def asleep(*, messages: int, workers: int = 3, without: Guard | None = None, seed: int = 1) -> Outcome:
    """Three days without workers. A third are reminders that lose their use meanwhile, a third are due aftercare that is late but
    of use, a third fall due on the day on which somebody sends again."""
    with scene(Script(), without=without, seed=seed) as play:
        third = messages // 3
        play.owe(third, world.REMINDER, after=timedelta(hours=2), lasts=timedelta(days=1))
        stale = set(checks.mine().values_list("pk", flat=True))
        play.owe(third, world.AFTERCARE, after=timedelta(hours=1), lasts=timedelta(days=7))
        play.owe(messages - 2 * third, world.REMINDER, after=ALONE, lasts=timedelta(days=1))
        clock.shift(ALONE + timedelta(minutes=1))
        with play.crew(workers):
            play.settle()
        play.add(checks.after_days_alone(play.sink.truth, stale))
        play.did = {"messages": messages, "workers": workers, "days without workers": ALONE.days, "stale": third}
        return play.outcome("three days without workers")


def frozen(*, messages: int, freezes: int, workers: int = 4, without: Guard | None = None, seed: int = 1) -> Outcome:
    """Workers that stand still (SIGSTOP) for longer than their lease: before the marker, before a text, before the outcome is noted."""
    with scene(SLOWER, without=without, seed=seed) as play:
        play.owe(messages)
        with play.crew(workers, freezes=min(0.5, 2 * freezes / messages)) as crew:
            times = thaw_after(crew, freezes, LIMITS.lease_seconds + 3 * LIMITS.grace_seconds, play.is_over)
            play.settle()
        play.did = {"messages": messages, "workers": workers, "frozen": times}
        return play.outcome("workers frozen past their lease")


TARGET = """
SELECT about FROM patients_message WHERE about IS NOT NULL AND state = ANY(%s) AND handed_off_at IS NULL
ORDER BY random() LIMIT 1
"""
AT_CLAIMED = 0.7


def cancelled(
    *, messages: int, cancels: int, workers: int = 3, cancellers: int = 2, without: Guard | None = None, seed: int = 1
) -> Outcome:
    """Cancellations aimed at messages that a worker has in its hands, or is about to."""
    with scene(SLOW, without=without, seed=seed) as play:
        play.owe(messages)
        logs = [play.folder / f"cancelled-{number}" for number in range(cancellers)]
        with play.crew(workers):
            share = cancels // cancellers
            cancelling = [forked(partial(_cancel_some, share, log, play.dice.random())) for log in logs]
            play.settle()
            end(cancelling)
        told = [line.split() for log in logs if log.exists() for line in log.read_text().splitlines()]
        accepted = [name for name, outcome in told if outcome == "accepted"]
        play.add(checks.went_after_cancelling(play.sink.truth, accepted))
        play.did = {"messages": messages, "workers": workers, "cancels": len(told), "accepted": len(accepted)}
        return play.outcome("cancelled while they leave")


def _cancel_some(tries: int, log: Path, seed: float) -> None:
    dice, told = random.Random(seed), []  # noqa: S311  dice, no secret
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    with log.open("a", buffering=1) as said:
        while tries and not told:
            states = [State.SENDING] if dice.random() < AT_CLAIMED else [State.DUE, State.SENDING]
            about = _one(TARGET, [states])
            if about is None:
                time.sleep(LONGEST_STEP_SECONDS / 10)  # between two claims
                continue
            tries -= 1
            gone = services.cancel_about(about=about, reason="The visit was cancelled.", by=None)
            name, state = checks.mine().filter(about=about).values_list("message_id", "state").get()
            said.write(f"{name} {'accepted' if not gone and state == State.CANCELLED else 'too-late'}\n")


def _one(statement: str, values: list) -> UUID | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchone()
        return found and found[0]


def two_beats(*, messages: int, workers: int = 4, without: Guard | None = None, seed: int = 1) -> Outcome:
    """Two beats ring for the same table, and each ring brings one of four workers: most find what another one has in hand."""
    with scene(Script(delay_seconds=(0, 0.005)), without=without, seed=seed) as play:
        play.owe(messages)
        ears, bell = os.pipe()
        os.set_blocking(ears, False)
        os.set_blocking(bell, False)
        with play.crew(workers, ticks=ears):
            beats = [forked(lambda: _beat(bell)) for _ in range(2)]
            play.settle()
            end(beats)
        os.close(ears)
        os.close(bell)
        play.did = {"messages": messages, "workers": workers, "beats": 2}
        return play.outcome("two beats")


def _beat(bell: int) -> None:
    told: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    parent = os.getppid()
    while not told and os.getppid() == parent:
        with contextlib.suppress(BlockingIOError):
            os.write(bell, b".")
        time.sleep(LONGEST_STEP_SECONDS)


def restarted(
    *,
    messages: int,
    restarts: int,
    server: Postgres,
    workers: int = 4,
    waits: bool = True,
    without: Guard | None = None,
    seed: int = 1,
) -> Outcome:
    """The database server ended at once (SIGQUIT) in the middle of sending, and started again. `waits` off is the control: commits
    that are answered before they are written are forgotten with the server, markers among them."""
    commits_wait(wait=waits)
    with scene(SLOW, without=without, seed=seed) as play:
        play.owe(messages)
        if not waits:
            commits_wait(wait=waits)  # what is owed was written long ago
        done = 0
        with play.crew(workers):
            while done < restarts:
                _wait_until_taken(play, messages * (done + 1) // (restarts + 1))
                if play.is_over():
                    break
                restart_at_once(server)
                done += 1
            play.settle()
        play.did = {"messages": messages, "workers": workers, "restarts": done}
        return play.outcome("database restarted while sending")


def _wait_until_taken(play: Scene, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS / 4
    while len(play.sink.truth.look().copies) < count and time.monotonic() < deadline and not play.is_over():
        time.sleep(LONGEST_STEP_SECONDS)


def restart_at_once(server: Postgres) -> None:
    """What a power cut is to the server's clients; the log is read back when it starts."""
    connection.close()
    process = psutil.Process(server.pid)
    process.send_signal(signal.SIGQUIT)
    process.wait(PATIENCE_SECONDS)
    server.start()


class Control(NamedTuple):
    """A guard that is taken off, and the check that has to speak then. `sizes`: what differs from the scenario's short ones."""

    name: str
    finds: str
    guard: dict[str, object]
    sizes: dict[str, int] = {}


class Scenario(NamedTuple):
    """`long` and `short`: its sizes, for the figure that counts and for a test."""

    name: str
    play: Callable[..., Outcome]
    long: dict[str, int]
    short: dict[str, int]
    controls: tuple[Control, ...] = ()
    always: dict[str, object] = {}
    needs_server: bool = False

    def sizes(self, share: float) -> dict[str, int]:
        """The long form, or a share of it that is no smaller than the short one."""
        return {what: max(self.short[what], round(count * share)) for what, count in self.long.items()}
