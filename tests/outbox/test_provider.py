"""A provider's API instead of a mail server: what its answers, and its silence, say about a message."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from anymail.backends.postmark import EmailBackend

from patients.models import Message
from patients.outbox import dispatch, relay
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


class Provider(HTTPServer):
    """Answers every request with `status`; None: hangs up without a word, after the whole request was read."""

    status: int | None = 200
    asked = 0


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked += 1
        if self.server.status is None:
            return
        words = json.dumps({"ErrorCode": 0, "Message": "OK", "MessageID": "4F1c", "To": sent["To"]}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *args: object) -> None:
        """Requests are the test's business, not the terminal's."""


@pytest.fixture
def provider(monkeypatch) -> Iterator[Provider]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Provider(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def run(limits, breaker) -> Callable:
    def send_through(port: int):
        backend = EmailBackend(server_token="t", api_url=f"http://127.0.0.1:{port}/")  # noqa: S106  nobody's
        return dispatch.run(limits=limits, through=relay.ServiceRelay(backend), breaker=breaker)

    return send_through


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def test_what_the_provider_takes_went(patient, provider, run):
    message = cast.owe(patient)
    assert run(provider.server_port)["sent"] == 1
    assert (state_of(message), message.provider_ref) == (State.SENT, "4F1c")


@pytest.mark.parametrize("status", [401, 402, 403, 407, 408])
def test_a_key_that_was_changed_loses_no_message_and_costs_no_try(patient, provider, run, status):
    messages = cast.owe_many(patient, 3)
    provider.status = status
    assert run(provider.server_port)["unreachable"] == 3
    for message in messages:
        assert (state_of(message), message.attempts, message.handed_off_at) == (State.DUE, 0, None)
        assert (message.error_class, message.error_code) == ("relay_unreachable", f"http {status}")
    assert provider.asked == 1


def test_a_door_that_shuts_in_the_middle_keeps_what_went_before(patient, provider, run, monkeypatch):
    messages = cast.owe_many(patient, 3)
    answer = Answer.do_POST

    def shut_after_one(self) -> None:
        self.server.status = 401 if self.server.asked else 200
        answer(self)

    monkeypatch.setattr(Answer, "do_POST", shut_after_one)
    run(provider.server_port)
    assert [state_of(message) for message in messages] == [State.SENT, State.DUE, State.DUE]


@pytest.mark.parametrize(
    ("status", "state", "error"),
    [(429, State.DUE, "turned_away"), (400, State.FAILED, "refused"), (500, State.UNKNOWN, "no_answer")],
)
def test_other_answers_are_about_the_message(patient, provider, run, status, state, error):
    message = cast.owe(patient)
    provider.status = status
    run(provider.server_port)
    assert (state_of(message), message.error_class) == (state, error)


def test_a_provider_that_cannot_be_reached_leaves_no_doubt(patient, run, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    message = cast.owe(patient)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # bound and not listening: whoever knocks is refused
        assert run(door.getsockname()[1])["unreachable"] == 1
    assert (state_of(message), message.attempts, message.handed_off_at) == (State.DUE, 0, None)


def test_control_a_connection_that_broke_after_the_text_is_a_doubt(patient, provider, run):
    message = cast.owe(patient)
    provider.status = None
    run(provider.server_port)
    assert state_of(message) == State.UNKNOWN
