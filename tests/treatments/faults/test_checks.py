"""Each check of a fault run speaks where its thing is broken, and is silent where nothing is."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from clinic import clock
from patients.models import Message
from tests import factories
from treatments.appointments import services as diary
from treatments.appointments.courses import services as courses
from treatments.appointments.courses.models import HeldVisit
from treatments.appointments.models import Appointment
from treatments.appointments.visit_mails import PARTS
from treatments.faults import booking, claim_checks, diary_checks, intents, ledger_checks, world
from treatments.faults.controls import CONTROLS
from treatments.faults.intents import DONE, LED_ON, Intent
from treatments.faults.race import Race
from treatments.flows import visits as flow
from treatments.management.commands import faults as command

pytestmark = pytest.mark.django_db


@pytest.fixture
def visits(booked_course) -> list[Appointment]:
    """A whole course, booked."""
    return booked_course


def all_checks() -> dict[str, list[str]]:
    return {name: check() for name, check in (diary_checks.ALWAYS | ledger_checks.SETTLED).items()}


def in_secret(statement: str, *values: object) -> None:
    """What no trigger sees."""
    with connection.cursor() as cursor:
        # What waits for the end of the transaction is asked now, before the triggers sleep.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def book_over(visits: list[Appointment]) -> None:
    """Two visits in one room, as if no constraint were there."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE treatments_appointment DROP CONSTRAINT appointment_room_free")
    in_secret(
        "UPDATE treatments_appointment SET room_id = %s, room_during = %s WHERE id = %s",
        visits[0].room_id, visits[0].room_during, visits[1].pk,
    )  # fmt: skip


def hold_over(visits: list[Appointment]) -> None:
    """What somebody holds for another course."""
    other = factories.make_active_plan(factories.make_patient(visits[0].clinic, given_name="Ada"))
    session = other.planned_sessions.first()
    place = replace(diary.place_of(visits[0]), device=None, day=visits[0].day + timedelta(days=1))
    held = courses.hold(plan=other, places={session: place}, by=visits[0].booked_by)
    in_secret(
        "UPDATE treatments_heldvisit SET room_during = %s, room_id = %s WHERE hold_id = %s",
        visits[0].room_during, visits[0].room_id, held.pk,
    )  # fmt: skip
    assert HeldVisit.objects.get().room_id == visits[0].room_id


BREAK: dict[str, Callable[[list[Appointment]], object]] = {
    "overlaps": book_over,
    "places held twice": hold_over,
    "intervals below the floor": lambda visits: in_secret(
        "UPDATE treatments_appointment SET day = %s WHERE id = %s", visits[0].day + timedelta(days=27), visits[1].pk
    ),
    "kept ticks that differ from the visits": lambda visits: in_secret("DELETE FROM treatments_taken"),
    "changes without their audit row": lambda visits: in_secret(
        "DELETE FROM clinic_auditevent WHERE target_ref = %s", visits[2].ref
    ),
    "versions that history has lost": lambda visits: in_secret(
        "UPDATE treatments_appointment SET schedule_version = 2 WHERE id = %s", visits[3].pk
    ),
    "reminders that do not fit": lambda visits: Message.objects.filter(
        about=visits[3].ref, kind="visit_reminder_3d"
    ).delete(),
    "precare that does not fit": lambda visits: Message.objects.filter(about=visits[2].ref, kind="precare_7d").delete(),
    "notices that do not fit": lambda visits: Message.objects.filter(kind="course_booked").delete(),
}


def test_nothing_is_found_where_nothing_is_broken(visits):
    flow.cancel(visit=visits[3], reason="Cannot come", by=visits[3].booked_by)
    assert {name: found for name, found in all_checks().items() if found} == {}
    assert set(BREAK) == set(all_checks())


def test_what_is_broken_is_found_and_named(visits):
    for check, break_it in BREAK.items():
        with transaction.atomic():
            break_it(visits)
            found = (diary_checks.ALWAYS | ledger_checks.SETTLED)[check]()
            transaction.set_rollback(True)
        assert found, check
        assert any(character.isdigit() for character in found[0])


def wrong_once(break_it: Callable[[], object]) -> list[str]:
    """What the check of precare finds after this, which is taken back."""
    with transaction.atomic():
        break_it()
        found = ledger_checks.precare_that_is_wrong()
        transaction.set_rollback(True)
    return found


def test_each_visit_is_owed_what_to_leave_out_before_it_once_and_in_its_present_version(visits):
    assert ledger_checks.precare_that_is_wrong() == []
    this = Appointment.objects.filter(pk=visits[1].pk)
    for kind in PARTS:
        mine = Message.objects.filter(about=visits[1].ref, kind=kind)
        assert wrong_once(mine.delete) == [f"visit {visits[1].pk} on {visits[1].day}: nothing says {kind}"]
        stray = wrong_once(lambda: this.update(status="cancelled", closed_at=clock.now()))
        assert [one for one in stray if one.endswith(f"{kind} of [1]")], stray
        withdrawn = {"state": "cancelled", "reason": "The visit was moved.", "error_class": ""}
        assert len(wrong_once(partial(mine.update, **withdrawn))) == 1, (
            "withdrawn by somebody, and nothing in its place"
        )
        # The worker found nothing to say, or it went: both as they should be.
        for right in (withdrawn | {"error_class": "not_wanted"}, {"state": "sent", "sent_at": clock.now()}):
            assert wrong_once(partial(mine.update, **right)) == []
    assert len(wrong_once(lambda: this.update(schedule_version=2))) == 4, "both of version 1 wait, none of version 2"


def test_what_a_visit_was_booked_too_late_for_stands_in_its_notice(active_plan):
    visit = factories.book(
        active_plan.planned_sessions.get(number=1), day=clock.today(active_plan.clinic) + timedelta(days=6)
    )
    assert ledger_checks.precare_that_is_wrong() == []
    [notice] = Message.objects.filter(about=visit.ref, kind="booking_confirmed")
    assert set(PARTS) <= set(notice.context["folded"])
    silent = {**notice.context, "folded": []}
    assert len(wrong_once(lambda: Message.objects.filter(pk=notice.pk).update(context=silent))) == 2
    assert len(wrong_once(notice.delete)) == 2


def told(visits: list[Appointment], outcome: str | None = DONE, **differing) -> Intent:
    """What the racer who booked these wrote down."""
    sessions = sorted(visit.planned_session_id for visit in visits)
    about = {"plan": visits[0].planned_session.plan_id, "sessions": sessions, "books": "these"} | differing
    changes = [(visit.pk, 1, "booked") for visit in visits] if outcome == DONE else []
    return Intent("book_course", 0.0, about, outcome, 0, changes)


def test_a_booking_stands_wholly_or_not_at_all_and_somebody_wanted_it(visits):
    half_booked = claim_checks.half_booked
    for outcome in (DONE, LED_ON, None):
        assert half_booked([told(visits, outcome)]) == []
    # Nobody who could have written it, or nobody at all.
    assert half_booked([told(visits, "SlotTaken")]) != []
    assert half_booked([]) != []
    # Told of more than stands.
    twice = Intent("book_course", 0.0, told(visits).wanted, DONE, 0, [(0, 1, "booked")])
    assert "they do not stand so" in half_booked([told(visits), twice])[0]
    assert "it does not stand" in half_booked([told(visits), told(visits, LED_ON)])[0]
    # A part of what somebody wanted who was killed over it.
    one_too_many = [*told(visits).wanted["sessions"], 0]
    assert "nobody wanted just these" in half_booked([told(visits, None, sessions=one_too_many)])[0]
    # Whoever confirms books what is held by then: a colleague may have held other sessions meanwhile.
    confirming = told(visits, None, sessions=told(visits).wanted["sessions"][:2], books="held")
    assert half_booked([confirming]) != []
    assert half_booked([confirming, told(visits, None, books="nothing")]) == []
    # In two transactions it is two halves.
    in_secret("UPDATE treatments_appointment SET booked_at = booked_at + interval '1 s' WHERE id = %s", visits[1].pk)
    assert len(half_booked([told(visits, None)])) == 2


def test_a_change_that_history_does_not_know_is_lost_and_one_version_is_told_once(visits):
    moved = Intent("move", 0.0, {}, DONE, 0, [(visits[0].pk, 2, "booked")])
    assert claim_checks.lost_changes([told(visits)]) == []
    assert claim_checks.lost_changes([moved]) == [f"visit {visits[0].pk} was booked as version 2"]
    assert claim_checks.told_twice([moved, told(visits)]) == []
    assert claim_checks.told_twice([moved, moved]) == [f"visit {visits[0].pk}, version 2: 2 times"]


def test_what_is_confirmed_or_undone_was_so_as_often_as_it_was_told(visits):
    visit = visits[0]
    confirmed = Intent("confirm", 0.0, {}, DONE, 0, [(visit.pk, 1, "confirmed")])
    taken_back = Intent("undo", 0.0, {}, DONE, 0, [(visit.pk, 1, "booked")])
    for told_of in ([confirmed], [confirmed, taken_back], [confirmed, taken_back, confirmed]):
        to = "confirmed" if len(told_of) % 2 else "booked"
        Appointment.objects.filter(pk=visit.pk).update(status=to)
        assert claim_checks.told_twice(told_of) == []
    once_more = [confirmed, confirmed, confirmed]
    assert claim_checks.told_twice(once_more) == [f"visit {visit.pk}, version 1: 1 times more confirmed than it was"]


def test_an_answer_of_500_and_whatever_no_sentence_explains_is_a_fault():
    answers = [DONE, "SlotTaken", "raw taken", "http 302", "http 409", "http 500", "http 503", "fault", None]
    assert [booking.is_fault(Intent("move", 0.0, outcome=answer)) for answer in answers] == [False] * 5 + [True] * 3 + [
        False
    ]


def test_the_log_of_a_killed_racer_says_what_it_was_about(tmp_path):
    log = intents.Log(tmp_path / "1.log")
    log.intend("move", {})
    log.tell(DONE, taken_ms=4.5, visits=[(7, 2, "booked")])
    log.intend("book_course", {"plan": 1, "sessions": [1, 2], "books": "these"})
    first, second = intents.read(tmp_path)
    assert (first.outcome, first.taken_ms, first.visits) == (DONE, 4.5, [(7, 2, "booked")])
    assert (second.was_killed, second.wanted["sessions"]) == (True, [1, 2])


@pytest.mark.parametrize(("found", "spoken", "error"), [
    (["at the end: room 1: visits 3 and 4 at once"], True, "Found: 1 overlaps."),
    ([], False, "The control found nothing"),
    ([], True, None),
])  # fmt: skip
def test_the_command_keeps_its_figures_and_ends_with_an_error_where_something_is_found(
    monkeypatch, tmp_path, capsys, found, spoken, error
):
    outcome = booking.Outcome(Race(40, 2, 1.5), {"overlaps": found}, 10, [told_nothing()], 0)
    control = booking.Outcome(Race(40, 2, 1.5), {one.finds: ["broken"] if spoken else [] for one in CONTROLS}, 0, [], 0)
    monkeypatch.setattr(command, "own_server", lambda: world.contextmanager(lambda: iter([None]))())
    monkeypatch.setattr(command, "copy_of_this", lambda name: world.contextmanager(lambda: iter([None]))())
    monkeypatch.setattr(booking, "run", lambda **said: outcome)
    monkeypatch.setattr(booking, "control_run", lambda control_, *, tries, kills, seed: control)
    kept = tmp_path / "faults.json"
    if error is None:
        call_command("faults", only="booking", tries=40, to=kept)
    else:
        with pytest.raises(CommandError, match=error):
            call_command("faults", only="booking", tries=40, to=kept)
    shown = json.loads(kept.read_text())["booking"]
    assert (shown["tries"], shown["killed"], shown["found"]) == (40, 2, {"overlaps": len(found)})
    assert set(shown["controls"]) == {one.name for one in CONTROLS}
    # What stays silent is played with other dice, and given up at last.
    assert {one["runs"] for one in shown["controls"].values()} == {1 if spoken else booking.MOST_CONTROL_RUNS}
    assert f"overlaps: {len(found)}" in capsys.readouterr().out


def told_nothing() -> Intent:
    return Intent("raw_course", 0.0, outcome=DONE, taken_ms=3.0)


def mail_kept(found: int, spoken: int) -> dict:
    """What a run of the messages returns."""
    control = {"has_to_find": "messages that went twice", "found": {"messages that went twice": spoken}}
    outcome = {
        "did": {"messages": 12},
        "found": {"messages that are lost": found},
        "found_in_words": ["message 3 is sent"][:found],
    }
    return {"share": 0.1, "killed": outcome | {"controls": {"nobody asks": control}}}


@pytest.mark.parametrize(("found", "spoken", "error"), [
    (1, 1, "killed: 1 messages that are lost"), (0, 0, "killed: the control found nothing"), (0, 1, None),
])  # fmt: skip
def test_one_part_is_run_and_the_figures_of_the_other_stay(monkeypatch, tmp_path, capsys, found, spoken, error):
    monkeypatch.setattr(command, "own_server", lambda: world.contextmanager(lambda: iter([None]))())
    monkeypatch.setattr(command.mail, "run", lambda **said: mail_kept(found, spoken))
    kept = tmp_path / "faults.json"
    # As it was kept when there was one part.
    kept.write_text(
        json.dumps({"measured_on": "2026-11-22", "machine": {"processors": 2}, "booking": {"tries": 100_000}})
    )
    if error is None:
        call_command("faults", only="messages", to=kept)
    else:
        with pytest.raises(CommandError, match=error):
            call_command("faults", only="messages", to=kept)
    shown = json.loads(kept.read_text())
    assert shown["booking"] == {"measured_on": "2026-11-22", "machine": {"processors": 2}, "tries": 100_000}
    assert shown["messages"]["killed"]["found"] == {"messages that are lost": found}
    assert "found_in_words" not in shown["messages"]["killed"]
    assert set(shown) == {"booking", "messages"} and "measured_on" in shown["messages"]
    assert ("message 3 is sent" in capsys.readouterr().err) == bool(found)


def test_both_parts_are_run_where_none_is_named(monkeypatch, tmp_path):
    run: list[str] = []
    monkeypatch.setattr(command, "own_server", lambda: world.contextmanager(lambda: iter([None]))())
    monkeypatch.setattr(command.Command, "_booking", lambda *told: (run.append("booking") or {}, []))
    monkeypatch.setattr(command.Command, "_messages", lambda *told: (run.append("messages") or {}, []))
    call_command("faults", to=tmp_path / "faults.json")
    assert run == ["booking", "messages"] == list(json.loads((tmp_path / "faults.json").read_text()))
