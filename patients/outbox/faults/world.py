"""The ground of a fault run of messages: a clinic, people to write to, and kinds of message of the run's own.

The kinds know of no visit and no course: what is tried here is the ledger.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from clinic import clock
from clinic.models import Clinic
from clinic.services import create_clinic
from patients.models import Message, Patient
from patients.outbox import kinds, services
from patients.services import people

ZONE = "Europe/London"
# A Tuesday in daylight: nothing waits for the morning.
NOON = datetime(2031, 3, 11, 12, 0, tzinfo=ZoneInfo(ZONE))
PATIENTS, AT_ONCE = 40, 500
NOTICE, REMINDER, AFTERCARE = "fault_notice", "fault_reminder", "fault_aftercare"


def always_wanted(message: Message) -> str | None:
    return None


def nothing_to_say(message: Message) -> dict:
    return {}


def _kind(code: str, **facts) -> kinds.Kind:
    return kinds.Kind(
        code=code, label="Of a fault run", text="base", still_wanted=always_wanted, context=nothing_to_say, **facts
    )  # fmt: skip


KINDS = (
    _kind(NOTICE, essential=True, unknown_policy="resend_once", immediate=True, priority=1),
    _kind(REMINDER, essential=False, unknown_policy="resend_if_hours_left"),
    _kind(AFTERCARE, essential=True, unknown_policy="resend_once"),
)


@contextmanager
def own_kinds() -> Iterator[None]:
    kinds.register(*KINDS)
    try:
        yield
    finally:
        for kind in KINDS:
            kinds.forget(kind.code)


def make_clinic() -> Clinic:
    return create_clinic(
        name="Fault mail", zone=ZONE, manager_email=f"manager-{uuid4().hex}@faults.example", manager_name="Mara Quist",
        password=None, is_demo=True, phone="020 7946 0142", reply_to="desk@faults.example",
    )  # fmt: skip


def make_people(clinic: Clinic, count: int, *, address: str = "patient") -> list[Patient]:
    manager = clinic.memberships.order_by("pk").first().user
    return [
        people.register(
            clinic=clinic, by=manager, given_name=f"{address.title()}{number}", family_name="Haddad", born_on=date(1992, 6, 9),
            email=f"{address}{number}@post.example", mail_allowed=True, reminders_allowed=True,
        )
        for number in range(count)
    ]  # fmt: skip


def owe(
    patients: list[Patient],
    count: int,
    kind: str = NOTICE,
    *,
    after: timedelta = timedelta(),
    lasts: timedelta = timedelta(days=1),
) -> None:
    """`count` messages, each about something of its own, due `after` now and of use for as long as it `lasts` from then."""
    send_at = clock.now() + after
    drafts = [
        services.Draft(
            kind=kind, patient=patients[number % len(patients)], about=uuid4(), send_at=send_at,
            expires_at=send_at + lasts, dedupe_key=f"{kind}:{uuid4()}",
        )
        for number in range(count)
    ]  # fmt: skip
    for first in range(0, count, AT_ONCE):
        services.queue_many(drafts[first : first + AT_ONCE], by=None)
