"""What a fault run of messages stands on: each check speaks where its thing is broken, and the relay tells the truth."""

import smtplib
from datetime import timedelta
from pathlib import Path

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox.faults import checks, world
from patients.outbox.faults.scene import Scene
from patients.outbox.faults.sink import Script, Sink, Truth
from patients.outbox.limits import Limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def owed(patient) -> list[Message]:
    """Four messages that went, as the ledger says; `took` lists what the relay knows of."""
    with world.own_kinds():
        world.owe([patient], 4)
        now = clock.now()
        checks.mine().update(state="sent", attempts=1, handed_off_at=now, sent_at=now)
        yield list(checks.mine())


def took(folder: Path, *messages: Message) -> Truth:
    path = folder / "taken"
    path.write_text("".join(f"{message.message_id} 1.5\n" for message in messages))
    return Truth(path)


def change(message: Message, **fields) -> None:
    Message.objects.filter(pk=message.pk).update(**fields)


def spoken(found: checks.Found) -> list[str]:
    return [check for check, what in found.items() if what]


def test_nothing_is_found_where_every_message_went_once(owed, tmp_path):
    truth = took(tmp_path, *owed)
    assert spoken(checks.always(truth)) == []
    assert spoken(checks.outage(clock.now(), timedelta(minutes=5))) == []
    assert spoken(checks.after_days_alone(truth, set())) == []
    assert spoken(checks.went_after_cancelling(truth, [])) == []
    assert spoken(checks.dead_addresses("nobody")) == []


def test_what_the_relay_never_took_is_lost_and_what_it_took_twice_is_double(owed, tmp_path):
    found = checks.always(took(tmp_path, *owed[1:], owed[3]))
    assert found[checks.LOST] == [f"message {owed[0].pk} is sent and never arrived"]
    assert found[checks.TWICE] == [f"message {owed[3].pk} arrived 2 times"]


def test_a_message_that_still_waits_has_no_end_and_one_that_was_closed_must_not_have_arrived(owed, tmp_path):
    change(owed[0], state="unknown")
    change(owed[1], state="expired", reason="Too late.")
    found = checks.always(took(tmp_path, *owed))
    assert found[checks.ENDLESS] == [f"message {owed[0].pk} is still unknown"]
    assert found[checks.IN_SPITE] == [f"message {owed[1].pk} is expired and arrived"]


def test_a_cancellation_that_was_accepted_forbids_arrival(owed, tmp_path):
    found = checks.went_after_cancelling(took(tmp_path, owed[0]), [owed[0].message_id, owed[1].message_id])
    assert found[checks.CANCELLED] == [f"{owed[0].ref} arrived"]


@pytest.mark.parametrize(("state", "attempts", "found"), [("failed", 1, 0), ("failed", 2, 1), ("sent", 1, 1)])
def test_a_dead_address_is_tried_once_and_given_up(owed, state, attempts, found):
    change(owed[0], to_address="nobody1@post.example", state=state, attempts=attempts, reason="No such address.")
    assert len(checks.dead_addresses("nobody")[checks.DEAD_ADDRESSES]) == found


def test_an_outage_costs_no_try_and_five_minutes(owed):
    ended_at = clock.now()
    change(owed[0], attempts=2)
    change(owed[1], sent_at=ended_at + timedelta(minutes=5, seconds=1))
    change(owed[2], sent_at=None, state="due")
    found = checks.outage(ended_at, timedelta(minutes=5))
    assert len(found[checks.BURNT]) == 1
    assert len(found[checks.LATE]) == 2


def test_after_days_alone_the_stale_say_why_and_the_rest_went(owed, tmp_path):
    change(owed[0], state="expired", reason="It was too late to be of use.")
    change(owed[1], state="expired", reason="It was too late to be of use.")
    found = checks.after_days_alone(took(tmp_path, owed[2]), {owed[0].pk, owed[3].pk})
    assert found[checks.STALE] == [f"message {owed[3].pk} is sent: no reason"]
    assert found[checks.KEPT_BACK] == [f"message {owed[1].pk} is expired"]


def test_more_in_doubt_than_a_batch_is_noticed_on_the_way(owed):
    checks.mine().update(state="unknown", worker="one")
    for size, found in ((4, []), (3, ["4 of one batch"])):
        play = Scene(Path(), None, None, [], None, limits=Limits(hand_off=size))
        play.look_at_doubts()
        assert play.found[checks.MANY_IN_DOUBT] == found


# The relay of the runs.


def letter(name: str) -> str:
    return f"Message-ID: <{name}>\r\nSubject: A message\r\n\r\n.dots stay\r\n"


def say(sink: Sink, name: str, to: str = "patient@post.example") -> int:
    """The code it answered with; 0 for none."""
    try:
        with smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as smtp:
            smtp.sendmail("clinic@test.invalid", [to], letter(name))
    except smtplib.SMTPRecipientsRefused as refused:
        return refused.recipients[to][0]
    except smtplib.SMTPServerDisconnected:
        return 0
    except smtplib.SMTPDataError as refused:
        return refused.smtp_code
    return 250


@pytest.mark.parametrize(
    ("script", "to", "answer", "copies"),
    [
        (Script(), "patient@post.example", 250, 1),
        (Script(delay_seconds=(0.01, 0.01)), "patient@post.example", 250, 1),
        (Script(lost=1), "patient@post.example", 0, 1),
        (Script(busy=1), "patient@post.example", 451, 0),
        (Script(), "nobody3@post.example", 550, 0),
    ],
    ids=["taken", "after a while", "its answer lost", "busy", "no such address"],
)
def test_the_relay_writes_down_what_it_takes_before_it_answers_and_only_that(tmp_path, script, to, answer, copies):
    with Sink(tmp_path, script) as sink:
        assert say(sink, "one@test", to) == answer
        assert sink.truth.look().copies["one@test"] == copies
        assert (sink.truth.accepted("one@test") is not None) == bool(copies)
        assert sink.truth.accepted("two@test") is None


def test_a_relay_that_stops_refuses_and_remembers_when_it_comes_back(tmp_path):
    with Sink(tmp_path) as sink:
        assert say(sink, "one@test") == 250
        sink.stop()
        with pytest.raises(ConnectionRefusedError):
            say(sink, "two@test")
        sink.start()
        assert [say(sink, name) for name in ("one@test", "two@test")] == [250, 250]
        assert sink.truth.look().copies == {"one@test": 2, "two@test": 1}


def test_a_conversation_that_says_nothing_is_cut(tmp_path):
    with Sink(tmp_path, Script(patience_seconds=0.1)) as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as smtp:
        assert smtp.docmd("DATA")[0] == 354
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
            smtp.getreply()
        assert sink.truth.look().copies == {}
