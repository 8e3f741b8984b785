"""A provider's API instead of a mail server: what its answers, and its silence, say about a message; and its reports of
what became of it, signed."""

import hashlib
import hmac
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from anymail.backends import postal, resend
from anymail.backends.postmark import EmailBackend
from django.test import Client
from django.urls import include, path

from clinic import clock
from patients.models import Message, MessageEvent
from patients.outbox import dispatch, provider_urls, reconcile, relay, rendering
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


class Provider(HTTPServer):
    """Answers every request with `status`; None: hangs up without a word, after the whole request was read."""

    status: int | None = 200
    asked = 0
    last: dict | None = None


class Answering(BaseHTTPRequestHandler):
    def _say(self, status: int, words: dict) -> None:
        said = json.dumps(words).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args: object) -> None:
        """Requests are the test's business, not the terminal's."""


class Answer(Answering):
    def do_POST(self) -> None:
        sent = self.server.last = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked += 1
        if self.server.status is None:
            return
        self._say(self.server.status, {"ErrorCode": 0, "Message": "OK", "MessageID": "4F1c", "To": sent["To"]})


def served(server: HTTPServer, monkeypatch) -> Iterator:
    """The server while it answers in a thread of its own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Asked to end, it looks up within a hundredth of a second, not within half of one.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def provider(monkeypatch) -> Iterator[Provider]:
    yield from served(Provider(("127.0.0.1", 0), Answer), monkeypatch)


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


def test_its_reference_goes_along_so_that_every_report_can_name_it(patient, provider, run):
    message = cast.owe(patient)
    run(provider.server_port)
    assert provider.last["Metadata"] == {"clinic_ref": str(message.ref)}


def test_a_provider_without_a_place_for_it_gets_the_message_all_the_same(patient, limits, breaker, monkeypatch):
    message = cast.owe(patient)
    monkeypatch.setattr(postal.EmailBackend, "_send", lambda self, mail: not getattr(mail, "metadata", None))
    backend = postal.EmailBackend(api_key="t", api_url="http://127.0.0.1/")
    dispatch.run(limits=limits, through=relay.ServiceRelay(backend), breaker=breaker)
    assert state_of(message) == State.SENT


def test_what_the_library_cannot_put_into_words_was_never_asked_and_leaves_no_doubt(
    patient, provider, run, monkeypatch
):
    message = cast.owe(patient)
    monkeypatch.setattr(
        relay.ServiceRelay, "_send_key", lambda self, mail: setattr(mail, "merge_global_data", {"a": 1})
    )
    run(provider.server_port)
    assert (state_of(message), message.error_class, message.handed_off_at) == (State.DUE, "fault", None)
    assert provider.asked == 0


# ── A provider that remembers keys ────────────────────────────────────────────


class Remembering(HTTPServer):
    """Takes a message once for each key: the same again it drops, another text under the same key it refuses."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RememberingAnswer)
        self.taken: list[tuple[str | None, bytes]] = []
        self.is_silent = False


class RememberingAnswer(Answering):
    def do_POST(self) -> None:
        text, key = self.rfile.read(int(self.headers["Content-Length"])), self.headers["Idempotency-Key"]
        known = dict(entry for entry in self.server.taken if entry[0])
        if known.get(key, text) != text:
            self._say(409, {"statusCode": 409, "name": "invalid_idempotent_request", "message": "Another text"})
            return
        if key not in known:
            self.server.taken.append((key, text))
        if not self.server.is_silent:
            self._say(200, {"id": "49a3"})


@pytest.fixture
def remembering(monkeypatch) -> Iterator[Remembering]:
    yield from served(Remembering(), monkeypatch)


@pytest.fixture
def send(limits, breaker, remembering, settings) -> Callable:
    settings.OUTBOX_RELAY_RECORD, settings.OUTBOX_IDEMPOTENT_HOURS = "", 24

    def through_it():
        backend = resend.EmailBackend(api_key="t", api_url=f"http://127.0.0.1:{remembering.server_port}/")
        return dispatch.run(limits=limits, through=relay.ServiceRelay(backend), breaker=breaker)

    return through_it


def with_a_lost_answer(patient, remembering, send, kind: str = "test_notice") -> Message:
    message = cast.owe(patient, kind, expires_at=clock.now() + timedelta(days=5))
    remembering.is_silent = True
    send()
    remembering.is_silent = False
    assert state_of(message) == State.UNKNOWN
    return message


@pytest.mark.parametrize("kind", ["test_notice", "test_secret"])
def test_a_lost_answer_is_asked_for_again_under_the_same_key_whatever_the_kinds_policy(
    patient, remembering, send, limits, kind
):
    message = with_a_lost_answer(patient, remembering, send, kind)
    assert reconcile.run(limits=limits)["same_key"] == 1
    assert send()["sent"] == 1
    assert (state_of(message), message.resent, len(remembering.taken)) == (State.SENT, False, 1)


def test_control_without_keys_the_repeat_is_a_second_mail(patient, remembering, send, limits, settings):
    settings.OUTBOX_IDEMPOTENT_HOURS = 0
    message = with_a_lost_answer(patient, remembering, send)
    reconcile.run(limits=limits)
    send()
    assert (state_of(message), message.resent, len(remembering.taken)) == (State.SENT, True, 2)


def test_the_same_mail_again_gets_the_same_answer(patient, remembering, settings):
    settings.OUTBOX_IDEMPOTENT_HOURS = 24
    through = relay.ServiceRelay(
        resend.EmailBackend(api_key="t", api_url=f"http://127.0.0.1:{remembering.server_port}/")
    )
    through.open()
    letters = [rendering.write(cast.owe(patient)) for _ in range(2)]
    for letter in (*letters, *letters):
        assert through.hand_over(letter.mail, lambda: True) == "49a3"
    through.close()
    assert len(remembering.taken) == 2


def test_where_the_text_has_changed_meanwhile_the_first_copy_counts(patient, remembering, send, limits):
    """Each copy has private links of its own, so its text is another one."""
    message = with_a_lost_answer(patient, remembering, send)
    reconcile.run(limits=limits)
    patient.given_name = "Lea"
    patient.save()
    assert send()["sent"] == 1
    assert (state_of(message), len(remembering.taken)) == (State.SENT, 1)


def test_a_key_is_forgotten_in_time_and_then_the_kind_decides(patient, remembering, send, limits, at):
    """Half a day: the other half is for a night or a relay that is away."""
    message = with_a_lost_answer(patient, remembering, send, "test_secret")
    at(cast.NOON + timedelta(hours=12, minutes=1))
    assert reconcile.run(limits=limits)["needs_person"] == 1
    assert state_of(message) == State.NEEDS_PERSON


def test_the_time_is_counted_from_the_first_copy(patient, remembering, send, limits, at):
    message = with_a_lost_answer(patient, remembering, send, "test_secret")
    for hours, becomes in ((6, "same_key"), (11, "same_key"), (13, "needs_person")):
        at(cast.NOON + timedelta(hours=hours))
        Message.objects.filter(pk=message.pk).update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
        assert reconcile.run(limits=limits)[becomes] == 1
        Message.objects.filter(pk=message.pk, state=State.DUE).update(state=State.UNKNOWN, handed_off_at=clock.now())


def test_a_new_address_is_another_mail(patient, remembering, send):
    mail = rendering.write(cast.owe(patient)).mail
    key = relay.key_of(mail)
    assert relay.key_of(mail) == key
    mail.to = ["other@post.example"]
    assert relay.key_of(mail) != key
    assert patient.email not in key


def test_over_smtp_the_key_is_a_header(patient, limits, breaker, smtp, store, settings):
    settings.OUTBOX_IDEMPOTENT_HOURS = 24
    message = cast.owe(patient)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    (received,) = store.find(message.message_id)
    assert f"Resend-Idempotency-Key: {message.ref}-" in received.raw.decode()


# ── Reports of what became of it ──────────────────────────────────────────────

SECRET, SIGNING_KEY = "clinic:not-guessable", "key-of-mailgun"
BOTH = {"WEBHOOK_SECRET": SECRET, "POSTMARK_SERVER_TOKEN": "t"}
SIGNED = {"MAILGUN_API_KEY": "k", "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY}


urlpatterns = [
    path("mail-events/", include(provider_urls.report_urls(BOTH, "anymail.backends.postmark.EmailBackend"))),
    path("mail-events/", include(provider_urls.report_urls(SIGNED, "anymail.backends.mailgun.EmailBackend"))),
    path("", include("clinic.urls")),
]
POSTMARK, MAILGUN = "/mail-events/postmark/tracking/", "/mail-events/mailgun/tracking/"


@pytest.fixture
def outside(settings) -> Client:
    settings.ROOT_URLCONF, settings.ANYMAIL = __name__, SIGNED
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def postmark_says(client: Client, settings, words: dict | str, *, secret: str = SECRET):
    settings.ANYMAIL = BOTH
    proof = {"HTTP_AUTHORIZATION": f"Basic {b64encode(secret.encode()).decode()}"} if secret else {}
    body = words if isinstance(words, str) else json.dumps(words)
    return client.post(POSTMARK, body, content_type="application/json", **proof)


def mailgun_says(client: Client, message: Message, event: str, *, key: str = SIGNING_KEY, nonce: str = "a1", **more):
    stamp = "1741521600"
    signature = hmac.new(key.encode(), f"{stamp}{nonce}".encode(), hashlib.sha256).hexdigest()
    words = {
        "signature": {"timestamp": stamp, "token": nonce, "signature": signature},
        "event-data": {
            "event": event, "timestamp": 1741521600.5, "id": "Ase7i2zs", "recipient": message.to_address,
            "message": {"headers": {"message-id": message.message_id, "to": message.to_address}}, "tags": [],
            "user-variables": {"clinic_ref": str(message.ref)},
        } | more,
    }  # fmt: skip
    return client.post(MAILGUN, json.dumps(words), content_type="application/json")


def a_bounce(message: Message, **differing) -> dict:
    return {
        "RecordType": "Bounce", "ID": 4323372036854775807, "Type": "HardBounce", "TypeCode": 1, "Name": "Hard bounce",
        "Tag": "", "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "ServerID": 23,
        "Metadata": {"clinic_ref": str(message.ref)}, "Description": "The server was unable to deliver your message",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": message.to_address, "From": "clinic@test.invalid", "BouncedAt": "2027-03-09T12:00:00Z",
        "DumpAvailable": True, "Inactive": True, "CanActivate": True, "Subject": "A message from Alder Lane",
    } | differing  # fmt: skip


def gone(patient) -> Message:
    """A message that went."""
    message = cast.owe(patient)
    Message.objects.filter(pk=message.pk).update(state=State.SENT, sent_at=clock.now(), handed_off_at=clock.now())
    return message


def test_a_bounce_that_postmark_reports_is_written_down_once(patient, outside, settings):
    message = gone(patient)
    for _ in range(2):
        assert postmark_says(outside, settings, a_bounce(message)).status_code == 200
    assert (state_of(message), message.error_code) == (State.BOUNCED, "550")
    assert MessageEvent.objects.filter(message=message, what="bounced").count() == 1
    patient.refresh_from_db()
    assert patient.email_bounced_at is not None


def test_a_delivery_that_postmark_reports_twice_is_one_though_it_has_no_id(patient, outside, settings):
    message = gone(patient)
    delivery = {
        "RecordType": "Delivery", "MessageID": "883953f4", "Recipient": message.to_address, "Tag": "", "ServerID": 23,
        "DeliveredAt": "2027-03-09T12:00:01Z", "Details": "250 ok", "Metadata": {"clinic_ref": str(message.ref)},
    }  # fmt: skip
    for _ in range(2):
        assert postmark_says(outside, settings, delivery).status_code == 200
    assert state_of(message) == State.DELIVERED
    assert message.events.filter(what="delivered").count() == 1


def test_what_mailgun_reports_and_signs_is_believed(patient, outside):
    message = gone(patient)
    assert mailgun_says(outside, message, "delivered").status_code == 200
    assert state_of(message) == State.DELIVERED
    bounced = {
        "severity": "permanent", "reason": "bounce",
        "delivery-status": {"code": 550, "message": "5.1.1 The account does not exist", "description": ""},
    }  # fmt: skip
    assert mailgun_says(outside, message, "failed", nonce="a2", **bounced).status_code == 200
    assert state_of(message) == State.BOUNCED


def everything_written() -> tuple:
    return list(Message.objects.values()), list(MessageEvent.objects.values())


@pytest.mark.parametrize("secret", ["", "clinic:guessed", "clinic:"])
def test_without_the_secret_nothing_is_believed_and_nothing_written(patient, outside, settings, secret):
    message = gone(patient)
    before = everything_written()
    assert postmark_says(outside, settings, a_bounce(message), secret=secret).status_code == 400
    assert everything_written() == before


def test_with_another_signature_nothing_is_believed_and_nothing_written(patient, outside):
    message = gone(patient)
    before = everything_written()
    assert mailgun_says(outside, message, "complained", key="key-of-somebody").status_code == 400
    assert everything_written() == before


def test_a_signature_for_another_moment_is_none(patient, outside):
    message = gone(patient)
    words = {"signature": {"timestamp": "1741521601", "token": "a1", "signature": "0" * 64}, "event-data": {}}
    assert outside.post(MAILGUN, json.dumps(words), content_type="application/json").status_code == 400
    assert state_of(message) == State.SENT


@pytest.mark.parametrize("words", ["", "{", "[]", "null", "7", '{"RecordType": "Bounce"', '{"RecordType": "Inbound"}'])
def test_a_report_that_cannot_be_read_is_refused_and_is_no_fault_of_ours(outside, settings, words):
    assert postmark_says(outside, settings, words).status_code == 400


@pytest.mark.parametrize("words", [{}, {"RecordType": "Open"}, {"RecordType": "Bounce", "Type": "New"}])
def test_a_report_about_nothing_of_ours_is_thanked_for(outside, settings, words):
    assert postmark_says(outside, settings, words).status_code == 200
    assert MessageEvent.objects.count() == 0


def test_a_report_that_we_could_not_write_down_is_asked_for_again(patient, outside, settings, monkeypatch):
    message = gone(patient)

    def no_room(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("patients.outbox.events.settle", no_room)
    assert postmark_says(outside, settings, a_bounce(message)).status_code == 500
    monkeypatch.undo()
    assert postmark_says(outside, settings, a_bounce(message)).status_code == 200
    assert state_of(message) == State.BOUNCED


def test_no_address_of_hers_gets_into_the_log(patient, outside, settings, caplog):
    caplog.set_level("DEBUG")
    message = gone(patient)
    postmark_says(outside, settings, a_bounce(message))
    postmark_says(outside, settings, a_bounce(message), secret="clinic:guessed")
    mailgun_says(outside, message, "complained", key="key-of-somebody")
    assert patient.email not in "\n".join(
        record.getMessage() for record in caplog.records if record.name != "django.db.backends"
    )


def test_only_what_is_signed_has_an_address():
    def names(anymail: dict, backend: str = "") -> list[str]:
        return [entry.name for entry in provider_urls.report_urls(anymail, backend)]

    assert names({}) == []
    assert names({"POSTMARK_SERVER_TOKEN": "t"}, "anymail.backends.postmark.EmailBackend") == []
    assert names({"WEBHOOK_SECRET": SECRET}, "django.core.mail.backends.smtp.EmailBackend") == []
    assert names(BOTH) == ["mail_events_postmark"]
    assert names({"WEBHOOK_SECRET": SECRET}, "anymail.backends.postmark.EmailBackend") == ["mail_events_postmark"]
    assert names(SIGNED) == ["mail_events_mailgun"]
    # The key it sends by signs nothing.
    assert names({"MAILGUN_API_KEY": "k"}, "anymail.backends.mailgun.EmailBackend") == []


def test_where_no_provider_is_set_up_there_is_no_such_page(client):
    assert client.post(POSTMARK).status_code == 404


def test_its_view_declares_that_strangers_may_come_and_answers_no_other_question(outside, settings):
    for entry in provider_urls.report_urls(BOTH | SIGNED, ""):
        assert entry.callback.access.public
    settings.ANYMAIL = BOTH
    assert outside.get(POSTMARK).status_code == 405
    assert outside.head(POSTMARK).status_code == 200
