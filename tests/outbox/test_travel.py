"""The demo's clock goes forward, and whatever falls due on the way leaves at its own time. A real clinic's never moves."""

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import psycopg2
import pytest
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from clinic import clock, services
from clinic.celery import app
from clinic.models import AuditEvent, Clinic, User
from clinic.roles import Role
from patients.models import Message, WorkerSeen
from patients.outbox import services as outbox
from patients.outbox import tasks, travel
from patients.outbox.models import State
from tests.fixtures.browser import end_at_once, wait_until, wrong_in_every_view
from tests.outbox import cast

pytestmark = pytest.mark.django_db
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def owe_in(patient, ahead: timedelta, *, lasts: timedelta = 6 * HOUR, **details) -> Message:
    send_at = cast.NOON + ahead
    return cast.owe(patient, send_at=send_at, expires_at=send_at + lasts, **details)


def fates() -> list[tuple[str, timedelta | None]]:
    """State and, where it went, how long after its time, in the order in which they were due."""
    return [
        (message.state, message.sent_at - message.send_at if message.sent_at else None)
        for message in Message.objects.order_by("send_at", "pk")
    ]


def go(clinic, ahead: timedelta, **more) -> travel.Trip:
    return travel.go(clinic=clinic, to=cast.NOON + ahead, by=None, **more)


def a_sequence(patient, *, until: timedelta = 5 * WEEK) -> list[Message]:
    """As after a visit: each step of use for hours only. Five within a week, seven in all."""
    steps = (4 * HOUR, DAY, 2 * DAY, 3 * DAY, WEEK, 2 * WEEK, 5 * WEEK)
    return [owe_in(patient, ahead) for ahead in steps if ahead <= until]


def test_everything_due_on_the_way_leaves_at_its_own_time(clinic, patient):
    a_sequence(patient)
    trip = go(clinic, 6 * WEEK)
    assert fates() == [(State.SENT, timedelta())] * 7
    assert (trip.tally["sent"], trip.stops, trip.is_complete) == (7, 9, True)
    assert clock.now() >= cast.NOON + 6 * WEEK
    assert len(mail.outbox) == 7


def test_a_jump_would_have_lost_what_was_due_on_the_way(clinic, patient, at):
    """The negative control: the same weeks with the clock simply set."""
    a_sequence(patient)
    at(cast.NOON + 6 * WEEK)
    tasks.dispatch()
    assert {state for state, _ in fates()} == {State.EXPIRED}


def test_what_is_due_after_the_target_stays(clinic, patient):
    owe_in(patient, HOUR), owe_in(patient, 3 * HOUR)
    go(clinic, 2 * HOUR)
    assert [state for state, _ in fates()] == [State.SENT, State.DUE]


def test_a_message_at_the_very_target_leaves(clinic, patient):
    owe_in(patient, 2 * HOUR)
    go(clinic, 2 * HOUR)
    assert fates() == [(State.SENT, timedelta())]


def test_a_message_that_a_person_put_into_quiet_hours_leaves_in_the_morning_on_the_way(clinic, patient):
    """The worker postpones it, and the clock stops there too."""
    message = owe_in(patient, HOUR, lasts=DAY, kind="test_reminder")
    night = cast.NOON + 10 * HOUR
    Message.objects.filter(pk=message.pk).update(send_at=night, next_attempt_at=night)
    go(clinic, 2 * DAY)
    assert fates() == [(State.SENT, 10 * HOUR)], "22:00, so at 08:00"


def test_what_cannot_leave_is_passed(clinic, patient, boss):
    held, after = owe_in(patient, HOUR), owe_in(patient, 12 * HOUR)
    unwanted = owe_in(patient, 2 * HOUR, context={"unwanted": "The visit was moved."})
    broken = owe_in(patient, 3 * HOUR, context={"poison": True})
    outbox.hold(message=held, reason="date is moving", by=boss)
    trip = go(clinic, WEEK)
    for message in (held, after, unwanted, broken):
        message.refresh_from_db()
    assert [held.state, unwanted.state, after.state] == [State.EXPIRED, State.CANCELLED, State.SENT]
    assert broken.state in (State.FAILED, State.EXPIRED)
    assert trip.stops < 30


def test_mail_that_is_paused_is_passed_too_and_another_clinics_is_not(clinic, patient, boss):
    other = cast.a_patient(cast.a_clinic())
    owe_in(patient, HOUR)
    owe_in(other, 2 * HOUR)
    outbox.pause(clinic=clinic, reason="wrong times", by=boss)
    go(clinic, DAY)
    assert [state for state, _ in fates()] == [State.EXPIRED, State.SENT]


def test_without_a_mail_server_the_clock_stops_and_nothing_is_lost_for_a_demos_sake(clinic, patient, settings):
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "tests.outbox.test_travel.NoServer"
    a_sequence(patient, until=WEEK)
    trip = go(clinic, 8 * DAY)
    assert (trip.is_complete, trip.why, trip.stops) == (False, "relay", 4)
    assert {state for state, _ in fates()} == {State.DUE}
    assert clock.now() < cast.NOON + 4 * HOUR + timedelta(minutes=5)
    settings.EMAIL_BACKEND = backend
    assert go(clinic, 8 * DAY).is_complete
    assert {state for state, _ in fates()} == {State.SENT}


class NoServer:
    """A mail backend to which no connection can be made."""

    def __init__(self, *args, **kwargs) -> None:
        pass

    def open(self) -> None:
        raise ConnectionRefusedError

    def close(self) -> None:
        pass


def test_a_journey_that_takes_too_long_ends_where_it_stands_and_can_go_on(clinic, patient, monkeypatch):
    a_sequence(patient, until=WEEK)
    monkeypatch.setattr(travel, "LONGEST_SECONDS", -1)
    trip = go(clinic, 8 * DAY)
    assert (trip.is_complete, trip.why, trip.stops) == (False, "time", 1)
    assert clock.now() < cast.NOON + HOUR
    monkeypatch.undo()
    assert go(clinic, 8 * DAY).is_complete
    assert fates() == [(State.SENT, timedelta())] * 5


# ── What else is done on the way ──────────────────────────────────────────────


@pytest.fixture
def rung(monkeypatch) -> list[tuple[str, datetime]]:
    """Task and clock, of everything that was rung for, and done too."""
    told, do = [], travel._do

    def noted(task: str) -> None:
        told.append((task, clock.now()))
        do(task)

    monkeypatch.setattr(travel, "_do", noted)
    return told


def hours_of(rung: list[tuple[str, datetime]], task: str) -> list[float]:
    """When it was rung for, in hours since the clock set out."""
    return [round((at - cast.NOON) / HOUR, 2) for name, at in rung if name == task]


def test_the_jobs_of_every_few_hours_are_done_at_their_hours_as_often_as_beat_would(clinic, patient, rung):
    a_sequence(patient)
    trip = go(clinic, 25 * HOUR)
    seldom = {one["task"] for one in app.conf.beat_schedule.values() if one["schedule"] == 6 * 3600}
    assert {"patients.tasks.forget_ended_links", "treatments.tasks.retime_messages"} <= seldom
    for task in seldom:
        assert hours_of(rung, task) == [6, 12, 18, 24], task
    assert trip.stops == 4, "to do them is no stop"
    # At every stop, so that what is in doubt does not stay so for weeks.
    assert hours_of(rung, "patients.outbox.tasks.reconcile") == [0, 4, 24, 25]


def test_everything_on_beats_list_is_done_on_the_way_but_what_every_stop_does(clinic, rung):
    go(clinic, 2 * DAY)
    assert {task for task, _ in rung} == {one["task"] for one in app.conf.beat_schedule.values()} - travel.NOT_RUNG


def test_a_message_that_such_a_job_brings_forward_leaves_at_its_new_time(clinic, patient, monkeypatch):
    message = owe_in(patient, 3 * DAY)
    sooner = cast.NOON + 7 * HOUR

    def bring_forward() -> None:
        Message.objects.filter(pk=message.pk, state=State.DUE).update(send_at=sooner, next_attempt_at=sooner)

    monkeypatch.setitem(app.tasks, "treatments.tasks.retime_messages", bring_forward)
    go(clinic, DAY)
    assert fates() == [(State.SENT, timedelta())]


def test_a_job_that_breaks_is_on_the_log_and_the_clock_goes_on(clinic, patient, monkeypatch, caplog):
    def break_down() -> None:
        raise KeyError("Leila Haddad")

    for name in ("treatments.tasks.retime_messages", "patients.outbox.tasks.reconcile"):
        monkeypatch.setitem(app.tasks, name, break_down)
    a_sequence(patient, until=WEEK)
    assert go(clinic, 8 * DAY).is_complete
    assert {state for state, _ in fates()} == {State.SENT}
    assert "The clock goes on without treatments.tasks.retime_messages: KeyError." in caplog.text
    assert "Haddad" not in caplog.text


def test_six_weeks_with_all_of_it_take_seconds(clinic, patient, rung):
    a_sequence(patient)
    began = time.monotonic()
    go(clinic, 6 * WEEK)
    assert len(hours_of(rung, "treatments.tasks.retime_messages")) == 6 * 7 * 4 - 1
    # A minute is promised for a whole demo; here there is one patient.
    assert time.monotonic() - began < 20


# ── Where it may not ──────────────────────────────────────────────────────────


def test_a_real_clinics_clock_does_not_move(clinic, patient, boss, settings):
    owe_in(patient, HOUR)
    settings.CLOCK_MOVABLE = False
    for attempt in (lambda: go(clinic, DAY), lambda: travel.ask(clinic=clinic, far="1d", by=boss)):
        with pytest.raises(travel.NotMovable, match="The clock of a real clinic does not move"):
            attempt()
    assert [state for state, _ in fates()] == [State.DUE]


def test_a_real_clinic_beside_the_demo_stops_its_clock_because_it_is_the_same(clinic):
    Clinic.objects.filter(pk=cast.a_clinic().pk).update(is_demo=False)
    with pytest.raises(travel.NotMovable, match="a clinic here is not a demo"):
        go(clinic, DAY)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(-HOUR, "goes only forward"), (timedelta(), "goes only forward"), (400 * DAY, "a year at most")],
)
def test_back_and_too_far_are_refused_in_words(clinic, ahead, words):
    with pytest.raises(travel.NotMovable, match=words):
        go(clinic, ahead)


# ── How far ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount", "stands"),
    [
        ("+90m", "2027-03-09T13:30"), ("2h", "2027-03-09T14:00"), ("+3d", "2027-03-12T12:00"), ("1w", "2027-03-16T12:00"),
        # The clocks go forward on 28 March: noon stays noon, 600 hours are 600 hours.
        ("+6w", "2027-04-20T12:00"), ("+600h", "2027-04-03T13:00"),
    ],
)  # fmt: skip
def test_days_and_weeks_keep_the_time_on_the_wall_and_hours_pass(clinic, amount, stands):
    to = travel.moment_after(amount, clinic=clinic, now=cast.NOON)
    assert to.astimezone(cast.LONDON).strftime("%Y-%m-%dT%H:%M") == stands


@pytest.mark.parametrize("amount", ["", "6", "w", "-1w", "+1y", "1.5h", "99999w", "six weeks", "+1w +1d", "٣w"])
def test_an_amount_that_is_none_says_how_one_is_written(clinic, amount):
    with pytest.raises(travel.NotMovable, match=re.escape("+6w, +3d, +2h or +90m")):
        travel.moment_after(amount, clinic=clinic, now=cast.NOON)


# ── One at a time ─────────────────────────────────────────────────────────────


@contextlib.contextmanager
def somebody_travelling():
    """Another process that holds the journey's lock."""
    described = connection.settings_dict
    with contextlib.closing(
        psycopg2.connect(
            dbname=described["NAME"], user=described["USER"], password=described["PASSWORD"] or None,
            host=described["HOST"] or None, port=described["PORT"] or None,
        )
    ) as other:  # fmt: skip
        other.autocommit = True
        other.cursor().execute("SELECT pg_advisory_lock(%s, %s)", travel.LOCK)
        yield
        # As its process ends; whether the server has seen the end of a connection already is a matter of luck.
        other.cursor().execute("SELECT pg_advisory_unlock(%s, %s)", travel.LOCK)


def test_a_second_traveller_is_sent_away_and_the_clock_stays(clinic, patient):
    owe_in(patient, HOUR)
    with somebody_travelling(), pytest.raises(travel.UnderWay, match="on its way already"):
        go(clinic, DAY)
    assert [state for state, _ in fates()] == [State.DUE]
    assert go(clinic, DAY).is_complete, "the lock is gone with its process"


def test_a_second_press_says_that_the_clock_is_on_its_way(clinic, boss):
    travel.ask(clinic=clinic, far="1w", by=boss)
    with pytest.raises(travel.UnderWay):
        travel.ask(clinic=clinic, far="1d", by=boss)


def test_nobody_who_begins_is_waited_for_half_a_minute_and_then_it_may_be_asked_again(clinic, boss, at):
    travel.ask(clinic=clinic, far="1w", by=boss)
    assert travel.clock_of(clinic).journey.state == "asked"
    at(cast.NOON + timedelta(seconds=31))
    assert travel.clock_of(clinic).journey.state == "lost"
    travel.ask(clinic=clinic, far="1d", by=boss)


def test_a_traveller_that_was_killed_on_the_way_is_known_to_be_gone(clinic, boss):
    travel._note(travel.BEGAN, clinic, by=boss, since=cast.NOON, to=cast.NOON + WEEK)
    with somebody_travelling():
        assert travel.clock_of(clinic).journey.state == "moving"
    assert travel.clock_of(clinic).journey.state == "lost"


@pytest.mark.django_db(transaction=True)
def test_the_clock_waits_for_another_worker_that_is_sending(clinic, patient):
    """A clock that went on would find the other's message too late as it is handed over."""
    message = cast.owe(patient, send_at=cast.NOON, expires_at=cast.NOON + HOUR)
    Message.objects.filter(pk=message.pk).update(
        state=State.SENDING, worker="other", lease_until=Now() + timedelta(minutes=2)
    )
    stood_at = []

    def other_worker() -> None:
        try:
            time.sleep(0.5)
            stood_at.append(clock.now())
            Message.objects.filter(pk=message.pk).update(state=State.SENT, sent_at=clock.now())
        finally:
            connections.close_all()

    other = threading.Thread(target=other_worker)
    other.start()
    go(clinic, DAY)
    other.join()
    assert stood_at[0] - cast.NOON < timedelta(minutes=1)


def test_another_worker_that_died_is_waited_for_once_only(clinic, patient, monkeypatch):
    monkeypatch.setattr(travel, "OTHERS_SECONDS", 0.2)
    dead = cast.owe(patient)
    Message.objects.filter(pk=dead.pk).update(
        state=State.SENDING, worker="dead", lease_until=Now() + timedelta(hours=1)
    )
    a_sequence(patient, until=WEEK)
    waits = []
    wait = travel._wait_for_others
    monkeypatch.setattr(travel, "_wait_for_others", lambda passed: waits.append(wait(passed)) or waits[-1])
    assert go(clinic, 8 * DAY).tally["sent"] == 5
    assert waits.count(True) == 1


# ── The command ───────────────────────────────────────────────────────────────


def told(*where: str) -> str:
    from io import StringIO

    out = StringIO()
    call_command("demo_clock", *where, stdout=out)
    return out.getvalue()


def test_the_command_travels_and_tells_day_by_day(clinic, patient):
    a_sequence(patient)
    said = told("+1w")
    assert "Tue  9 Mar 2027: 1 went" in said
    assert "Fri 12 Mar 2027: 1 went" in said
    assert "The clinic's clock: Tuesday 16 March 2027, 12:00. On the way: 5 went." in said


def test_the_command_goes_to_a_moment_of_the_clinics_own_time(clinic):
    assert "Tuesday 30 March 2027, 09:00" in told("to", "2027-03-30T09:00")
    assert clock.now() >= datetime(2027, 3, 30, 9, tzinfo=cast.LONDON)


def test_without_words_the_command_says_where_the_clock_stands_and_moves_nothing(clinic):
    assert "The clinic's clock: Tuesday 09 March 2027, 12:00. Say +6w" in told()
    assert clock.now() < cast.NOON + HOUR


def test_now_is_real_time_and_refused_where_the_clock_stands_ahead_of_it(clinic, at):
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        real = cursor.fetchone()[0]
    at(real + WEEK)
    with pytest.raises(CommandError, match="goes only forward"):
        told("now")
    at(real - WEEK)
    told("now")
    assert abs(clock.now() - real) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (["-1w"], "Say how far"), (["to"], "Say how far"), (["to", "tomorrow"], '"tomorrow" is no moment'),
        (["to", "2027-03-28T01:30"], "does not exist"), (["to", "2026-01-01T09:00"], "goes only forward"),
        (["up", "and", "away"], "Say +6w"),
    ],
)  # fmt: skip
def test_what_the_command_does_not_understand_it_refuses_in_a_sentence(clinic, where, words):
    if where[0].startswith("-"):
        where = ["--", *where]
    with pytest.raises(CommandError, match=re.escape(words)):
        told(*where)


def test_the_command_refuses_a_real_clinic_and_an_empty_database(clinic, settings):
    settings.CLOCK_MOVABLE = False
    with pytest.raises(CommandError, match="real clinic does not move"):
        told("+1d")
    settings.CLOCK_MOVABLE = True
    Clinic.objects.update(is_demo=False)
    with pytest.raises(CommandError, match="no demo clinic"):
        told("+1d")


def test_the_command_keeps_its_mail_where_the_demos_mailbox_is_whatever_port_that_has(clinic, patient, store, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1  # nobody there: `make run` tells its port to its own processes only
    a_sequence(patient, until=WEEK)
    assert "On the way: 5 went." in told("+1w")
    assert len(store) == 5


def test_the_command_says_that_the_mail_server_is_away_and_how_to_go_on(clinic, patient, settings):
    settings.EMAIL_BACKEND = "tests.outbox.test_travel.NoServer"
    a_sequence(patient)
    with pytest.raises(CommandError, match="The mail server cannot be reached, and nothing shall be lost."):
        told("+6w")


# ── The page ──────────────────────────────────────────────────────────────────


@pytest.fixture
def manager(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def desk(clinic, boss) -> Client:
    user = User.objects.create_user("tess@clinic.example", None, full_name="Tess Moran")
    services.join(clinic=clinic, user=user, roles=[Role.FRONT_DESK], by=boss)
    client = Client()
    client.force_login(user)
    return client


PAGE, CLOCK, MOVE = (reverse(f"patients:{name}") for name in ("messages", "clock", "clock_move"))


def words(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def press(client: Client, far: str, **more):
    return client.post(MOVE, {"far": far, "submit_token": str(uuid4())} | more)


def arrive(asked: list) -> None:
    """What the worker does with the task that was sent."""
    ((name, arguments),) = asked
    assert name == travel.TASK
    tasks.move_clock(*arguments)


@pytest.fixture
def asked(monkeypatch) -> list:
    """The tasks that were sent, and not their way through a broker."""
    sent: list = []
    monkeypatch.setattr(travel.app, "send_task", lambda name, args, **options: sent.append((name, args)))
    return sent


def test_a_manager_presses_six_weeks_and_watches_what_leaves(
    clinic, patient, manager, asked, django_capture_on_commit_callbacks
):
    a_sequence(patient)
    page = manager.get(PAGE)
    assert "The clinic’s clock: Tuesday 9 March 2027, 12:00 Move it: 1 hour 1 day 1 week 6 weeks" in words(page)
    assert "hx-get" not in page.content.decode(), "a clock that stands is not asked for"
    with django_capture_on_commit_callbacks(execute=True):
        response = press(manager, "6w")
    assert (response.status_code, response["Location"]) == (302, PAGE)
    waiting = manager.get(PAGE).content.decode()
    assert "Waiting for the worker" in waiting
    assert f'hx-get="{CLOCK}" hx-trigger="every 2s"' in waiting
    arrive(asked)
    there = manager.get(CLOCK, headers={"X-Background": "1"})
    assert "hx-get" not in there.content.decode(), "it ends by itself"
    assert "It is there. Since Tue 9 Mar, 12:00: 7 messages due, 7 went, 0 did not go." in words(there)
    assert "Tue 13 Apr, 13:00 A notice, Leila Haddad" in words(there) or "A notice, Leila Haddad" in words(there)
    assert WorkerSeen.objects.exists(), "a worker that travels is not silent"
    actions = list(
        AuditEvent.objects.filter(action__startswith="clock.").order_by("pk").values_list("action", flat=True)
    )
    assert actions == [travel.ASKED, travel.BEGAN, travel.ARRIVED]


def test_while_it_moves_the_fragment_says_how_far_it_is(clinic, patient, manager, boss, at):
    cast.owe(patient, send_at=cast.NOON + DAY, expires_at=cast.NOON + 2 * DAY)
    travel._note(travel.BEGAN, clinic, by=boss, since=cast.NOON, to=cast.NOON + WEEK)
    at(cast.NOON + WEEK / 2)
    with somebody_travelling():
        shown = manager.get(CLOCK)
    assert "On its way to Tue 16 Mar 2027, 12:00" in words(shown)
    assert 'value="50"' in shown.content.decode()
    assert "1 message due, 0 went" in words(shown)


def test_pressing_twice_asks_once_and_pressing_again_meanwhile_is_refused(
    clinic, manager, asked, django_capture_on_commit_callbacks
):
    token = str(uuid4())
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            assert press(manager, "1w", submit_token=token).status_code == 302
        refused = press(manager, "1d")
    assert refused.status_code == 409
    assert "The clock is on its way already." in words(refused)
    assert len(asked) == 1


@pytest.mark.parametrize("far", ["", "7w", "+6w", "\0", "6w "])
def test_only_what_is_offered_is_taken(clinic, manager, asked, far, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        refused = press(manager, far)
    assert refused.status_code == 409
    assert "Choose how far the clock goes: 1 hour, 1 day, 1 week or 6 weeks." in words(refused)
    assert asked == []


def test_a_broker_that_is_down_breaks_nothing_and_is_told_after_half_a_minute(
    clinic, manager, monkeypatch, at, django_capture_on_commit_callbacks
):
    def refuse(*args, **options):
        raise ConnectionError

    monkeypatch.setattr(travel.app, "send_task", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        assert press(manager, "1w").status_code == 302
    at(cast.NOON + timedelta(seconds=31))
    assert "It did not get there." in words(manager.get(PAGE))


@pytest.mark.parametrize(
    ("why", "said"), [("relay", "the mail server cannot be reached, and nothing shall be lost"), ("time", "took too long")]
)  # fmt: skip
def test_a_journey_that_ended_on_the_way_says_why(clinic, manager, boss, why, said):
    travel._note(travel.ARRIVED, clinic, by=boss, since=cast.NOON, to=cast.NOON + WEEK, why=why)
    page = words(manager.get(PAGE))
    assert "It stopped on the way to Tue 16 Mar 2027, 12:00" in page
    assert said in page
    assert "Move it: 1 hour" in page


def test_the_desk_sees_no_clock_and_may_not_move_it(clinic, desk):
    assert "The clinic’s clock" not in words(desk.get(PAGE))
    assert desk.get(CLOCK).status_code == 403
    assert press(desk, "1d").status_code == 403


@pytest.mark.parametrize("why", ["settings", "clinic"])
def test_where_the_clock_does_not_move_nothing_of_it_exists(clinic, manager, settings, why):
    if why == "settings":
        settings.CLOCK_MOVABLE = False
    else:
        Clinic.objects.update(is_demo=False)
    assert "The clinic’s clock" not in words(manager.get(PAGE))
    assert manager.get(CLOCK).status_code == 404
    assert press(manager, "1d").status_code == 404


def test_a_journey_is_told_for_ten_minutes(clinic, manager, at):
    go(clinic, HOUR)
    assert "It is there." in words(manager.get(PAGE))
    at(cast.NOON + HOUR + timedelta(minutes=11))
    assert "It is there." not in words(manager.get(PAGE))


def test_nobody_is_signed_out_by_it(clinic, manager):
    manager.get(PAGE)
    go(clinic, 6 * WEEK)
    assert manager.get(PAGE).status_code == 200


def test_a_task_that_is_refused_says_so_in_the_log_and_raises_nothing(clinic, boss, caplog):
    with somebody_travelling():
        tasks.move_clock(str(clinic.ref), (cast.NOON + DAY).isoformat(), str(boss.ref))
    assert "The clock was not moved: The clock is on its way already." in caplog.text


# ── In a browser, with a worker ───────────────────────────────────────────────


@pytest.fixture
def worker(worker_env, sink) -> Iterator[subprocess.Popen]:
    """A Celery worker like the product's that also knows the tests' kinds; ended before the tables are emptied."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.outbox.worker", '{"task": "celery"}'],
        cwd=settings.BASE_DIR,
        env=worker_env | {"EMAIL_URL": sink.url},
        start_new_session=True,
    )
    wait_until(lambda: bool(app.control.ping(timeout=0.3)), seconds=30, what="worker")
    yield process
    end_at_once(process)
    app.control.purge()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_six_weeks_of_mail_pass_before_the_managers_eyes(visitors, clinic, patient, worker, store):
    a_sequence(patient)
    who = visitors().sign_in(clinic.memberships.get())
    page = who.open(PAGE)
    page.get_by_role("button", name="6 weeks").click()
    page.get_by_text("It is there.").wait_for()
    page.get_by_text("7 messages due, 7 went, 0 did not go").wait_for()
    assert page.get_by_role("button", name="6 weeks").is_visible()
    assert page.locator("[hx-trigger]").filter(has=page.get_by_text("It is there.")).count() == 0
    assert len(store) == 7
    assert wrong_in_every_view(who, "demo-clock", axe_on_phone=True) == []
    page.get_by_role("link", name="Show today’s messages").click()
    page.get_by_text("Tuesday 20 April", exact=True).wait_for()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_clock_on_its_way_can_be_read_by_everybody(visitors, clinic, patient, boss, at):
    cast.owe(patient)
    tasks.dispatch()
    travel._note(travel.BEGAN, clinic, by=boss, since=cast.NOON - HOUR, to=cast.NOON + WEEK)
    at(cast.NOON + WEEK / 2)
    with somebody_travelling():
        who = visitors().sign_in(clinic.memberships.get())
        who.open(PAGE).get_by_text("On its way to").wait_for()
        assert wrong_in_every_view(who, "demo-clock-moving", axe_on_phone=True) == []
