"""One wait for a message, where the server takes several commands at once; and nothing that is uncertain because of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.core.mail.backends.smtp import EmailBackend

from patients.models import Message
from patients.outbox import dispatch, ledger, relay, rendering
from patients.outbox.limits import Limits
from patients.outbox.models import State
from tests.outbox import cast
from tests.outbox.scripted import CUT, ScriptedServer

pytestmark = pytest.mark.django_db
# What is said for one message; the greeting and the farewell around them all.
ONE = ["MAIL", "RCPT", "DATA", "text"]


@pytest.fixture
def server() -> Iterator[Callable[..., ScriptedServer]]:
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(ScriptedServer(**how))


def send(server: ScriptedServer, **limits) -> Counter:
    through = relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=server.port, timeout=3))
    return dispatch.run(limits=Limits(**{"grace_seconds": 0} | limits), through=through, breaker=relay.Breaker())


@pytest.fixture
def three(clinic) -> list[Message]:
    """First, second, third: the envelope of the second travels with the text of the first."""
    return [
        cast.owe(cast.a_patient(clinic, email=f"{name}@post.example"), priority=number)
        for number, name in enumerate(["first", "second", "third"])
    ]


def states(messages: list[Message]) -> list[str]:
    for message in messages:
        message.refresh_from_db()
    return [message.state for message in messages]


def names(messages: list[Message]) -> list[str]:
    return [message.message_id for message in messages]


def unfinished(server: ScriptedServer) -> list[bytes]:
    """What stood of texts that never ended, once there is one."""
    deadline = time.monotonic() + 10
    while not server.unfinished:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return server.unfinished


def to_the_second(step: str, answer: str):
    return lambda asked, about: answer if asked == step and about == "second@post.example" else None


def test_the_next_envelope_travels_behind_each_text_and_every_answer_is_read(three, server):
    """The server answers a text once the next DATA is there: whoever waits for the answer first waits for ever."""
    last = three[2].message_id
    eager = server(waits_for_more=True)
    eager.says = lambda step, about: setattr(eager, "waits_for_more", about != last) if step == "TEXT" else None
    assert send(eager)["sent"] == 3
    assert eager.heard == [["EHLO", *ONE * 3, "QUIT"]]
    assert eager.taken == names(three)
    assert states(three) == [State.SENT] * 3
    # Each by its own answer.
    assert [message.provider_ref for message in three] == ["MAIL1", "MAIL2", "MAIL3"]


def test_a_server_that_does_not_offer_it_is_asked_one_thing_at_a_time(three, server):
    plain = server(pipelining=False)
    assert send(plain)["sent"] == 3
    assert plain.early == []
    assert plain.heard == [["EHLO", *ONE * 3, "QUIT"]]
    assert plain.taken == names(three)


def test_control_a_client_that_does_not_ask_whether_it_is_offered_is_heard_too_early(three, server, monkeypatch):
    monkeypatch.setattr(relay.SmtpRelay, "_takes_several", lambda self: True)
    plain = server(pipelining=False)
    send(plain)
    assert plain.early


def test_an_address_that_is_refused_on_the_way_fails_alone_and_its_text_never_leaves(three, server):
    picky = server(says=to_the_second("RCPT", "550 5.1.1 no such user"))
    send(picky)
    assert states(three) == [State.SENT, State.FAILED, State.SENT]
    assert picky.taken == [three[0].message_id, three[2].message_id]
    # On the same connection: DATA was refused with its envelope.
    assert picky.heard == [["EHLO", *ONE, "MAIL", "RCPT", "DATA", "RSET", *ONE, "QUIT"]]
    assert (three[1].reason, three[1].handed_off_at) == ("The mail server says this address does not exist.", None)


def test_a_server_that_goes_on_after_refusing_the_address_gets_no_text(three, server):
    """RFC 2920, 3.1: the answer to DATA says nothing about the answers before it."""
    careless = server(says=to_the_second("RCPT", "550 5.1.1 no such user"), lets_on=True)
    send(careless)
    assert states(three) == [State.SENT, State.FAILED, State.SENT]
    assert careless.taken == [three[0].message_id, three[2].message_id]
    assert careless.heard == [["EHLO", *ONE, "MAIL", "RCPT", "DATA"], ["EHLO", *ONE, "QUIT"]]
    # Not a word into it either.
    assert unfinished(careless) == [b""]


def test_a_text_that_is_refused_leaves_the_envelope_behind_it_open(three, server):
    first = three[0].message_id
    strict = server(says=lambda step, about: "554 5.6.0 no" if (step, about) == ("TEXT", first) else None)
    send(strict)
    assert states(three) == [State.FAILED, State.SENT, State.SENT]
    assert three[0].reason == "The mail server refused it (554)."
    assert strict.taken == names(three[1:])
    assert strict.heard == [["EHLO", *ONE * 3, "QUIT"]]


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_server_that_says_later_to_what_went_ahead_is_asked_again_later(three, server, step):
    busy = server(says=to_the_second(step, "451 4.7.1 later"))
    send(busy)
    assert states(three) == [State.SENT, State.DUE, State.SENT]
    assert (three[1].error_class, three[1].error_code, three[1].handed_off_at) == ("turned_away", "451", None)
    assert busy.taken == [three[0].message_id, three[2].message_id]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_says_that_it_goes_has_taken_nothing_of_what_went_ahead(three, server, step):
    counted = Counter()

    def leaves(asked: str, about: str) -> str | None:
        counted[asked] += 1
        return "421 4.3.2 going" if asked == step and counted[asked] == 2 else None

    leaving = server(says=leaves)
    send(leaving)
    assert states(three) == [State.SENT, State.DUE, State.SENT]
    assert (three[1].error_class, three[1].error_code) == ("turned_away", "421")
    assert leaving.taken == [three[0].message_id, three[2].message_id]
    assert len(leaving.heard) == 2


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_connection_that_breaks_amid_what_went_ahead_has_taken_nothing_of_it(three, server, step):
    counted = Counter()

    def breaks(asked: str, about: str) -> str | None:
        counted[asked] += 1
        return CUT if asked == step and counted[asked] == 2 else None

    broken = server(says=breaks)
    send(broken)
    assert states(three) == [State.SENT, State.DUE, State.SENT]
    assert (three[1].error_class, three[1].handed_off_at) == ("connection_lost", None)
    assert broken.taken == [three[0].message_id, three[2].message_id]


def test_a_lost_answer_leaves_one_in_doubt_and_what_went_ahead_goes_once(three, server):
    first = three[0].message_id
    lossy = server(says=lambda step, about: CUT if (step, about) == ("TEXT", first) else None)
    tally = send(lossy)
    assert (tally["in_doubt"], tally["sent"]) == (1, 2)
    assert states(three) == [State.UNKNOWN, State.SENT, State.SENT]
    assert lossy.taken == names(three)
    assert len(lossy.heard) == 2


def test_an_answer_nobody_understands_leaves_one_in_doubt_and_the_next_is_not_taken_for_it(three, server):
    first = three[0].message_id
    odd = server(says=lambda step, about: "wie bitte?" if about == first else None)
    send(odd)
    assert states(three) == [State.UNKNOWN, State.SENT, State.SENT]
    assert odd.taken == names(three[1:])


def test_what_went_ahead_and_is_no_longer_fresh_does_not_follow_with_its_text(three, server, monkeypatch):
    """The server is slow over the first: by then the marker of the others is too old."""
    moment = [0.0]
    monkeypatch.setattr(dispatch, "_elapsed", lambda: moment[0])
    slow = server(waits_for_more=True)

    def slowly(step: str, about: str) -> None:
        if step == "TEXT" and about == three[0].message_id:
            moment[0] += 30
        elif step == "TEXT":
            slow.waits_for_more = False

    slow.says = slowly
    tally = send(slow)
    assert (tally["given_back"], tally["sent"]) == (2, 3)
    assert states(three) == [State.SENT] * 3
    # The first connection heard the second's DATA and never its text; each text was said once.
    assert slow.heard[0] == ["EHLO", *ONE, "MAIL", "RCPT", "DATA"]
    assert slow.taken == names(three)
    assert [message.attempts for message in three] == [1, 1, 1]


def test_a_go_ahead_that_came_too_late_is_not_followed_by_a_text(three, server, monkeypatch):
    moment, late = [0.0], [30.0]
    monkeypatch.setattr(dispatch, "_elapsed", lambda: moment[0])
    slow = server()

    def late_once(step: str, about: str) -> None:
        if step == "DATA" and late:
            moment[0] += late.pop()

    slow.says = late_once
    tally = send(slow)
    assert (tally["given_back"], tally["sent"]) == (3, 3)
    assert slow.heard == [["EHLO", "MAIL", "RCPT", "DATA"], ["EHLO", *ONE * 3, "QUIT"]]
    assert slow.taken == names(three)


def test_a_letter_that_cannot_be_put_on_the_wire_does_not_go_ahead(three, server, monkeypatch):
    wire_form = relay.wire_form

    def fail_for_the_second(mail) -> bytes:
        if mail.to == ["second@post.example"]:
            raise LookupError("Leila Haddad")
        return wire_form(mail)

    monkeypatch.setattr(relay, "wire_form", fail_for_the_second)
    usual = server()
    send(usual)
    assert states(three) == [State.SENT, State.DUE, State.SENT]
    assert (three[1].error_class, three[1].handed_off_at) == ("fault", None)
    assert usual.taken == [three[0].message_id, three[2].message_id]
    assert usual.heard == [["EHLO", *ONE, "MAIL", "RCPT", "RSET", *ONE, "QUIT"]]


def test_an_address_that_no_mail_server_can_spell_does_not_go_ahead(clinic, server):
    three = [
        cast.owe(cast.a_patient(clinic, email=address), priority=number)
        for number, address in enumerate(["first@post.example", "leila@א1.com", "third@post.example"])
    ]
    usual = server()
    send(usual)
    assert states(three) == [State.SENT, State.FAILED, State.SENT]
    assert usual.taken == [three[0].message_id, three[2].message_id]


def test_batches_of_one_are_marked_one_by_one_and_go_behind_nothing(three, server, monkeypatch):
    """Where nobody keeps a record no marker may stand before its message is next."""
    markers: list[int] = []
    mark = ledger.mark
    usual = server()

    def noted(letters, worker, limits) -> set[int]:
        markers.append(len(usual.taken))
        return mark(letters, worker, limits)

    monkeypatch.setattr(ledger, "mark", noted)
    assert send(usual, hand_off=1)["sent"] == 3
    # Each marker after the text before it.
    assert markers == [0, 1, 2]
    assert usual.taken == names(three)


def test_nobody_reads_one_messages_answers_as_anothers(three, server):
    """The relay by itself, asked in a wrong order: it hangs up instead of guessing."""
    usual = server()
    first, second, third = (mail_of(message) for message in three)
    through = relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=usual.port, timeout=3))
    through.open()
    through.envelope(first)
    through.ahead(second)
    through.hand_over(first, lambda: True)
    with pytest.raises(relay.Dropped):
        through.envelope(third)
    assert not through.is_open
    through.open()
    through.envelope(first)
    through.ahead(second)
    through.hand_over(first, lambda: True)
    with pytest.raises(relay.Dropped):
        through.hand_over(second, lambda: True)  # before anybody has read what was said to its envelope
    assert not through.is_open
    through.close()
    assert len(usual.taken) == 2


def test_a_relay_that_is_closed_amid_a_message_says_no_goodbye_into_its_text(three, server):
    usual = server()
    first, second, _ = (mail_of(message) for message in three)
    through = relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=usual.port, timeout=3))
    through.open()
    through.envelope(first)
    through.ahead(second)
    through.hand_over(first, lambda: True)
    through.envelope(second)
    through.close()
    assert unfinished(usual) == [b""]
    assert usual.taken == [three[0].message_id]


def mail_of(message: Message):
    return rendering.write(message).mail
