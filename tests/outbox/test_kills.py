"""Workers killed in the middle of sending: nothing twice, nothing lost, and what was in doubt is settled from the
sink's own record. Both usual orders of steps fail the same treatment."""

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from clinic.mailbox import MailStore
from patients.models import Message, MessageEvent
from patients.outbox.models import State
from tests.outbox import cast

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {
    "claim": 10, "hand_off": 5, "lease_seconds": 2.5, "margin_seconds": 1.2, "fresh_seconds": 1.0, "run_seconds": 20,
    "grace_seconds": 0.4, "backoff_scale": 0.001,
}  # fmt: skip


@dataclass
class Farm:
    process: subprocess.Popen

    def killed(self) -> int:
        """Waits for the last kill."""
        said, _, _ = select.select([self.process.stdout], [], [], 120)
        assert said, "the killing does not end"
        return json.loads(self.process.stdout.readline())["killed"]

    def stop(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture
def farm(worker_env, sink, store) -> Iterator[Callable[..., Farm]]:
    begun: list[subprocess.Popen] = []

    def begin(*, kills: int, without: tuple[str, ...] = ()) -> Farm:
        job = {
            "task": "farm", "workers": 3, "kills": kills, "steps_between_kills": [3, 6], "longest_step_seconds": 0.04, "limits": LIMITS,
            "mailbox": str(django_settings.MAILBOX_DIR), "without": without,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.outbox.worker", json.dumps(job)],
            cwd=ROOT, env=worker_env | {"EMAIL_URL": sink.url}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        begun.append(process)
        return Farm(process)

    yield begin
    for process in begun:
        if process.poll() is None:
            process.stdin.close()
            process.wait(timeout=30)
        process.stdout.close()


def wait_until_settled(timeout_seconds: float = 120) -> None:
    deadline = time.monotonic() + timeout_seconds
    while Message.objects.exclude(state__in=[State.SENT, State.FAILED]).exists():
        assert time.monotonic() < deadline, list(Message.objects.values_list("state", "error_class").distinct())
        time.sleep(0.1)


def arrivals(store: MailStore) -> dict[str, int]:
    return {
        message_id: len(store.find(message_id)) for message_id in Message.objects.values_list("message_id", flat=True)
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_fifty_killed_workers_lose_nothing_and_send_nothing_twice(farm, patient, store, moods):
    moods.delay_seconds = 0.03
    cast.owe_many(patient, 300)
    workers = farm(kills=50)
    assert workers.killed() == 50
    wait_until_settled()
    workers.stop()
    copies = arrivals(store)
    assert [message_id for message_id, count in copies.items() if count == 0] == []
    assert [message_id for message_id, count in copies.items() if count > 1] == []
    assert len(copies) == 300
    assert Message.objects.filter(state=State.SENT, sent_at__isnull=False).count() == 300
    told = set(MessageEvent.objects.values_list("what", flat=True))
    assert {"unknown", "found_at_relay", "not_at_relay"} <= told


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_control_marking_as_sent_before_sending_loses_mail(farm, patient, store, moods):
    moods.delay_seconds = 0.03
    cast.owe_many(patient, 60)
    workers = farm(kills=8, without=("marker_before_sent",))
    workers.killed()
    wait_until_settled()
    workers.stop()
    assert 0 in arrivals(store).values()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_control_sending_again_without_asking_the_relay_doubles_mail(farm, patient, store, moods):
    moods.delay_seconds = 0.03
    cast.owe_many(patient, 60)
    workers = farm(kills=8, without=("record",))
    workers.killed()
    wait_until_settled()
    workers.stop()
    assert max(arrivals(store).values()) > 1
