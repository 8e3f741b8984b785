"""A clinic with the test's own kinds of message, a clock at noon, and a real SMTP sink."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.core.mail.backends.smtp import EmailBackend

from clinic import clock
from clinic.mailbox import MailSink, MailStore, Manners
from clinic.models import Clinic
from patients.models import Patient
from patients.outbox import bell, kinds, relay
from patients.outbox.limits import Limits
from tests.outbox import cast


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    cast.register_kinds()
    bell.bell.silent_until = 0.0
    yield
    for kind in cast.KINDS:
        kinds.forget(kind.code)


@pytest.fixture
def at(db) -> Callable[[datetime], None]:
    """Moves `clinic_now()`; noon of an ordinary Tuesday to begin with."""
    clock.move_to(cast.NOON)
    return clock.move_to


@pytest.fixture
def clinic(at) -> Clinic:
    return cast.a_clinic()


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return cast.a_patient(clinic)


@pytest.fixture
def boss(clinic: Clinic):
    return cast.boss(clinic)


@pytest.fixture
def limits() -> Limits:
    return Limits(grace_seconds=0)


class Moods(Manners):
    """A sink whose answers a test decides, message by message."""

    def __init__(self) -> None:
        self.sender: str | None = None
        self.recipients: dict[str, str] = {}
        self.before: list[str | None] = []
        self.after: list[str | None] = []
        self.delay_seconds = 0.0

    async def to_sender(self, address: str) -> str | None:
        return self.sender

    async def to_recipient(self, address: str) -> str | None:
        return self.recipients.get(address)

    async def before_keeping(self, envelope) -> str | None:
        return self.before.pop(0) if self.before else None

    async def after_keeping(self, envelope) -> str | None:
        await asyncio.sleep(self.delay_seconds)
        return self.after.pop(0) if self.after else None


@pytest.fixture
def moods() -> Moods:
    return Moods()


@pytest.fixture
def store(tmp_path: Path, settings) -> MailStore:
    """What the sink kept. Each test has its own folder; a worker in another process is told it by its environment."""
    settings.MAILBOX_DIR = tmp_path / "mail"
    return MailStore(settings.MAILBOX_DIR, durable=False)


@pytest.fixture
def sink(store: MailStore, moods: Moods) -> Iterator[MailSink]:
    sink = MailSink(store, manners=moods)
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def smtp(sink: MailSink) -> Iterator[relay.SmtpRelay]:
    """A relay that talks to the sink, whatever the test settings' backend is."""
    through = relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=sink.port, timeout=5))
    yield through
    through.close()


@pytest.fixture
def breaker() -> relay.Breaker:
    return relay.Breaker()
