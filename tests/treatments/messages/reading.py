"""Reading the ledger in tests: which mails wait, in the clinic's time."""

from patients.models import Message, Patient
from patients.outbox.models import OPEN


def waiting(patient: Patient) -> dict[str, str]:
    """Kind to the clinic's wall time at which it goes, of everything that still waits."""
    rows = Message.objects.filter(patient=patient, state__in=OPEN).order_by("send_at", "pk")
    return {row.kind: f"{row.send_at.astimezone(patient.clinic.tz):%a %d %b %H:%M}" for row in rows}


def of_kind(patient: Patient, kind: str) -> Message:
    return Message.objects.filter(patient=patient, kind=kind).latest("pk")


def states(patient: Patient) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in Message.objects.filter(patient=patient).order_by("pk"):
        found.setdefault(row.kind, []).append(str(row.state))
    return found
