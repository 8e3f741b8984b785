"""The demo's time machine: the clock goes forward from one due message to the next, and each leaves as on any day.

A jump would find all that was due on the way too late to be of use. So the clock stops wherever something falls due, lets
it leave through the ordinary worker's algorithm, waits for whoever else is sending, and goes on. What cannot leave (held,
refused, paused) is passed; without a mail server the journey ends where it stands, so that nothing is lost for a demo's
sake. What beat rings for beside it (doubts, hours moved back to their wall time, tidying up) is done on the way as often as
beat would. Only a demo has such a clock; sign-in, tokens and leases run on real time throughout.
"""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min
from django.db.models.functions import Now

from clinic import audit, clock
from clinic.celery import app
from clinic.errors import DomainError
from clinic.models import AuditEvent, Clinic, User
from patients.outbox import dispatch, relay, selectors, timing, wording
from patients.outbox.models import Message, State

log = logging.getLogger(__name__)

TASK = "patients.outbox.tasks.move_clock"
# What the page offers. Days and weeks keep the time on the wall.
OFFERED = {"1h": "1 hour", "1d": "1 day", "1w": "1 week", "6w": "6 weeks"}
AMOUNT = re.compile(r"\+?([0-9]{1,4})([mhdw])")
FURTHEST = timedelta(days=366)
# Real seconds, each bound of them. A journey ends by itself where it stands: the next one goes on from there.
LONGEST_SECONDS = 240
OTHERS_SECONDS = 10
TO_BEGIN_SECONDS = 30
# What beat rings for more often than this is done wherever the clock stops; the rest at its own hours.
AT_EVERY_STOP = timedelta(hours=1)
# The journey itself, and what it does at every stop anyway.
NOT_RUNG = {"patients.outbox.tasks.move_clock", "patients.outbox.tasks.dispatch"}
# Connections in a row that could not be made, until the journey ends.
KNOCKS = 3
# The lock that makes it one journey at a time: held by a connection, so it is gone with a process that was killed.
LOCK = (7_214_901, 1)
# A clinic whose mail nobody has paused or frozen.
LEAVES = {"clinic__mail_paused_at": None, "clinic__restoration": None}
ASKED, BEGAN, ARRIVED = "clock.asked", "clock.began", "clock.arrived"
# How long the page tells of a journey that is over.
TOLD = timedelta(minutes=10)


class NotMovable(DomainError):
    """A real clinic's clock, or a moment to which the clock does not go."""


class UnderWay(DomainError):
    """The clock is being moved already."""


@dataclass(frozen=True)
class Stop:
    """Where the clock stood, and what happened to the messages that were due there."""

    at: datetime
    tally: Counter


@dataclass
class Trip:
    """From where to where the clock has gone, at how many stops, and what happened at them."""

    since: datetime
    to: datetime
    reached: datetime
    stops: int = 0
    tally: Counter = field(default_factory=Counter)
    # Why it ended before its time: "relay", no mail server; "time", it took too long.
    why: str = ""

    @property
    def is_complete(self) -> bool:
        return self.reached >= self.to


def is_offered(clinic: Clinic) -> bool:
    """Whether this clinic's clock can be moved at all."""
    return settings.CLOCK_MOVABLE and clinic.is_demo


def moment_after(amount: str, *, clinic: Clinic, now: datetime) -> datetime:
    """`now` and an amount ("6w", "+3d", "+2h", "90m"). Hours and minutes pass; days and weeks keep the time on the wall."""
    found = AMOUNT.fullmatch(amount.strip())
    if found is None:
        raise NotMovable("Say how far the clock goes: for example +6w, +3d, +2h or +90m.", field="far")
    number, unit = int(found[1]), found[2]
    if unit in "mh":
        return timing.hours_after(now, number if unit == "h" else number / 60)
    local = clock.local(now, clinic)
    return timing.days_after_at(local.date(), number * (7 if unit == "w" else 1), local.time(), clinic.tz)


@transaction.atomic
def ask(*, clinic: Clinic, far: str, by: User) -> datetime:
    """Have a worker move the clock by `far`, one of `OFFERED`. Returns where it will stand."""
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    _refuse_unless_movable(clinic)
    if far not in OFFERED:
        raise NotMovable("Choose how far the clock goes: 1 hour, 1 day, 1 week or 6 weeks.", field="far")
    now = clock.now()
    under_way = _journey(clinic, now)
    if under_way is not None and under_way.is_under_way:
        raise UnderWay("The clock is on its way already. Wait until it is there, then move it again.")
    to = moment_after(far, clinic=clinic, now=now)
    _note(ASKED, clinic, by=by, since=now, to=to)
    transaction.on_commit(partial(_ring, clinic, to, by), robust=True)
    return to


def go(
    *,
    clinic: Clinic,
    to: datetime,
    by: User | None,
    through: relay.Relay | None = None,
    tell: Callable[[Stop], object] = lambda stop: None,
) -> Trip:
    """Move the clock to `to`, stop by stop, in this process; `tell` hears of each stop. `by`: None for a command.
    `through`: another relay than the settings name.

    Raises NotMovable for a real clinic and for a moment that is past or more than a year away, UnderWay when another
    process is moving the clock. Without a mail server, or when it takes too long, the journey ends on the way: `Trip.why`.
    """
    _refuse_unless_movable(clinic)
    with _alone():
        now = clock.now()
        _refuse_odd(now, to, clinic)
        _note(BEGAN, clinic, by=by, since=now, to=to)
        trip = _travel(Trip(since=now, to=to, reached=now), through, tell)
        _note(ARRIVED, clinic, by=by, since=trip.since, to=to, why=trip.why)
    return trip


def _travel(trip: Trip, through: relay.Relay | None, tell: Callable[[Stop], object]) -> Trip:
    deadline, passed, breaker = time.monotonic() + LONGEST_SECONDS, set(), relay.Breaker(failures=KNOCKS)
    rounds = Rounds(trip.since)
    while True:
        at = trip.reached = clock.now()
        rounds.ring_at_a_stop()
        tally = _let_leave(at, passed, through, breaker)
        trip.stops, trip.tally = trip.stops + 1, trip.tally + tally
        tell(Stop(at, tally))
        trip.why = "relay" if breaker.is_open else "time" if time.monotonic() > deadline else ""
        if trip.is_complete or trip.why:
            return trip
        # Later than what was looked for just now, so that every turn gets on, whatever stays behind.
        while rounds.next_at < (stop := min(trip.to, _next_due(at) or trip.to)):
            _move_on_to(rounds.next_at)
            rounds.ring_at_their_hour()
        _move_on_to(stop)


def _move_on_to(moment: datetime) -> None:
    if moment > clock.now():
        clock.move_to(moment)


class Rounds:
    """What beat rings for, rung by a journey: tasks of seconds wherever the clock stops, those of hours at their hours, counted
    from where it set out."""

    def __init__(self, since: datetime) -> None:
        rung = [one for one in app.conf.beat_schedule.values() if one["task"] not in NOT_RUNG]
        intervals = {one["task"]: timedelta(seconds=one["schedule"]) for one in rung}
        self.often = [task for task, interval in intervals.items() if interval < AT_EVERY_STOP]
        self.seldom = {task: interval for task, interval in intervals.items() if interval >= AT_EVERY_STOP}
        self.due = {task: since + interval for task, interval in self.seldom.items()}

    @property
    def next_at(self) -> datetime:
        return min(self.due.values())

    def ring_at_a_stop(self) -> None:
        for task in self.often:
            _do(task)

    def ring_at_their_hour(self) -> None:
        """Those that are due first; several at one moment in the order of beat's list."""
        moment = self.next_at
        for task, due in self.due.items():
            if due == moment:
                self.due[task] = due + self.seldom[task]
                _do(task)


def _do(task: str) -> None:
    """As a worker would: one that fails is on the log, and everything else goes on."""
    try:
        # By its name on beat's list: a process that sends no tasks has not loaded those of the other rooms.
        import_module(task.rpartition(".")[0])
        app.tasks[task]()
    except Exception as exc:  # whatever a task may raise
        log.error("The clock goes on without %s: %s.", task, type(exc).__name__)


def _next_due(at: datetime) -> datetime | None:
    """When the first message falls due after `at`, of clinics whose mail is neither paused nor frozen."""
    waiting = Message.objects.filter(state=State.DUE, next_attempt_at__gt=at, **LEAVES)
    return waiting.aggregate(first=Min("next_attempt_at"))["first"]


def _let_leave(at: datetime, passed: set[int], through: relay.Relay | None, breaker: relay.Breaker) -> Counter:
    """Send what is due at `at`, whoever does it. Returns what this process did."""
    total: Counter = Counter()
    while True:
        tally = dispatch.run(through=through, breaker=breaker)
        total += tally
        waited = _wait_for_others(passed)
        if not waited and not (tally["sent"] and _is_due(at)):
            return total


def _is_due(at: datetime) -> bool:
    return Message.objects.filter(state=State.DUE, next_attempt_at__lte=at, **LEAVES).exists()


def _wait_for_others(passed: set[int]) -> bool:
    """Another worker may be sending at this moment: a clock that went on would make its messages too late. One that does
    not come back is waited for once. True when somebody was waited for, and may have left something."""
    deadline, waited = time.monotonic() + OTHERS_SECONDS, False
    while in_hand := _in_hand() - passed:
        if time.monotonic() > deadline:
            passed |= in_hand
            break
        waited = True
        time.sleep(0.05)
    return waited


def _in_hand() -> set[int]:
    return set(Message.objects.filter(state=State.SENDING, lease_until__gt=Now()).values_list("pk", flat=True))


# ── What may be ───────────────────────────────────────────────────────────────


def _refuse_unless_movable(clinic: Clinic) -> None:
    if not settings.CLOCK_MOVABLE:
        raise NotMovable("The clock of a real clinic does not move.")
    if not clinic.is_demo or Clinic.objects.filter(is_demo=False).exists():
        raise NotMovable("Only the clock of a demo moves, and a clinic here is not a demo. Use a database of its own.")


def _refuse_odd(now: datetime, to: datetime, clinic: Clinic) -> None:
    if to <= now:
        raise NotMovable(
            f"The clock stands at {_words(now, clinic)} and goes only forward: what was sent cannot be called back. "
            "Choose a later moment, or make a new demo.",
            field="far",
        )
    if to - now > FURTHEST:
        raise NotMovable("The clock goes a year at most in one journey. Choose an earlier moment.", field="far")


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", LOCK)
        if not cursor.fetchone()[0]:
            raise UnderWay("The clock is on its way already. Wait until it is there, then move it again.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", LOCK)


def _somebody_travels() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            LOCK,
        )
        return cursor.fetchone()[0]


def _ring(clinic: Clinic, to: datetime, by: User) -> None:
    """A broker that is down is the page's to tell: nobody has begun."""
    try:
        app.send_task(
            TASK, args=[str(clinic.ref), to.isoformat(), str(by.ref)], expires=TO_BEGIN_SECONDS - 5, retry=False,
            ignore_result=True,
        )  # fmt: skip
    except Exception as exc:  # whatever a broker's client may raise
        log.warning("Nobody could be told to move the clock (%s).", type(exc).__name__)


# ── What the page shows ───────────────────────────────────────────────────────


@dataclass(frozen=True)
class Journey:
    """The clock's last journey: `asked` for, `moving`, `arrived`, ended on the way for want of `time` or of a mail server
    (`relay`), or `lost`, because nobody has begun it or whoever did is gone. `balance`: what was due on the way; `latest`: what left last."""

    state: str
    since: datetime
    to: datetime
    now: datetime
    balance: selectors.Balance
    latest: list[wording.Row]

    @property
    def is_under_way(self) -> bool:
        return self.state in {"asked", "moving"}

    @property
    def percent(self) -> int:
        whole = (self.to - self.since) / timedelta(seconds=1)
        return max(0, min(100, round(100 * ((self.now - self.since) / timedelta(seconds=1)) / whole)))


@dataclass(frozen=True)
class Clock:
    """The clock of a demo as its page shows it; `journey` is the one under way or just over."""

    now: datetime
    journey: Journey | None
    offered: dict[str, str]


def clock_of(clinic: Clinic) -> Clock:
    now = clock.now()
    return Clock(now=now, journey=_journey(clinic, now), offered=OFFERED)


def _journey(clinic: Clinic, now: datetime) -> Journey | None:
    """None where the clock was never moved, or has stood again for a while."""
    told = AuditEvent.objects.filter(clinic=clinic, action__in=[ASKED, BEGAN, ARRIVED]).order_by("-at", "-pk").first()
    if told is None:
        return None
    since, to = (datetime.fromisoformat(told.facts[name]) for name in ("since", "to"))
    state = _state(told, now)
    if state in {"arrived", "time", "relay"} and now - told.at > TOLD:
        return None
    balance, latest = selectors.left_between(clinic=clinic, since=since, until=now, now=now)
    return Journey(state=state, since=since, to=to, now=now, balance=balance, latest=latest)


def _state(told: AuditEvent, now: datetime) -> str:
    if told.action == ARRIVED:
        return told.facts["why"] or "arrived"
    if told.action == BEGAN:
        return "moving" if _somebody_travels() else "lost"
    # As long as nobody moves the clock, it runs as fast as any.
    return "asked" if now - told.at < timedelta(seconds=TO_BEGIN_SECONDS) else "lost"


def _note(action: str, clinic: Clinic, *, by: User | None, since: datetime, to: datetime, **facts: str) -> None:
    moments = {"since": since.astimezone(UTC).isoformat(), "to": to.astimezone(UTC).isoformat()}
    audit.record(action, clinic, by=by, clinic=clinic, system=by is None, **moments, **facts)


def _words(moment: datetime, clinic: Clinic) -> str:
    local = clock.local(moment, clinic)
    return f"{local:%A} {local.day} {local:%B %Y}, {local:%H:%M}"
