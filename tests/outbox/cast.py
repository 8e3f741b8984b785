"""The people and the kinds of message that the ledger's tests are played with."""

from datetime import date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from clinic import clock
from clinic.models import Clinic, User
from clinic.services import create_clinic
from patients.models import Message, Patient
from patients.outbox import kinds, services

LONDON = ZoneInfo("Europe/London")
# A Tuesday, well outside quiet hours.
NOON = datetime(2027, 3, 9, 12, 0, tzinfo=LONDON)

_numbers = count(1)


def nothing_against(message: Message) -> str | None:
    return message.context.get("unwanted")


def nothing_to_say(message: Message) -> dict:
    if message.context.get("poison"):
        raise KeyError("Leila Haddad")
    return {}


NOTICE = kinds.Kind(
    code="test_notice", label="A notice", essential=True, unknown_policy="resend_once", still_wanted=nothing_against,
    context=nothing_to_say, text="base", priority=1, immediate=True,
)  # fmt: skip
REMINDER = kinds.Kind(
    code="test_reminder", label="A reminder", essential=False, unknown_policy="resend_if_hours_left",
    still_wanted=nothing_against, context=nothing_to_say, text="base",
)  # fmt: skip
SECRET = kinds.Kind(
    code="test_secret", label="A secret", essential=True, unknown_policy="never", still_wanted=nothing_against,
    context=nothing_to_say, text="base", immediate=True,
)  # fmt: skip
KINDS = (NOTICE, REMINDER, SECRET)


def register_kinds() -> None:
    for kind in KINDS:
        kinds.register(kind)


def a_clinic(**details) -> Clinic:
    number = next(_numbers)
    return create_clinic(
        name=f"Clinic {number}", zone="Europe/London", manager_email=f"boss{number}@clinic.example", manager_name="Mara Quist",
        password=None, sender_name="Alder Lane", phone="020 7946 0100", reply_to="desk@clinic.example", is_demo=True, **details,
    )  # fmt: skip


def boss(clinic: Clinic) -> User:
    return clinic.memberships.get().user


def a_patient(clinic: Clinic, **details) -> Patient:
    number = next(_numbers)
    return Patient.objects.create(
        **{
            "clinic": clinic,
            "given_name": "Leila",
            "family_name": "Haddad",
            "born_on": date(1992, 6, 9),
            "email": f"leila{number}@post.example",
            "phone": "07700 900123",
            "mail_allowed": True,
            "reminders_allowed": True,
        }
        | details
    )


def owe(patient: Patient, kind: str = "test_notice", *, by: User | None = None, key: str = "", **details) -> Message:
    """One message, due now unless said otherwise."""
    now = clock.now()
    return services.queue(
        **{
            "kind": kind,
            "patient": patient,
            "about": None,
            "send_at": now,
            "expires_at": now + timedelta(days=1),
            "dedupe_key": key or f"test:{next(_numbers)}",
            "by": by,
        }
        | details
    )


def owe_many(patient: Patient, how_many: int, kind: str = "test_notice", **details) -> list[Message]:
    now = clock.now()
    drafts = [
        services.Draft(
            **{"kind": kind, "patient": patient, "about": None, "send_at": now, "expires_at": now + timedelta(days=1)}
            | details,
            dedupe_key=f"test:{next(_numbers)}",
        )
        for _ in range(how_many)
    ]
    return services.queue_many(drafts, by=None)
