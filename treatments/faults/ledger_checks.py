"""Is each patient owed exactly what stands in the diary? Read from the rows of the ledger, one change one message."""

from collections import defaultdict
from datetime import datetime, timedelta

from clinic import clock
from patients.models import Message
from patients.outbox.models import DID_NOT_GO, State
from treatments.appointments.messages import ALONE, REMINDERS, TAKES_BACK
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.visit_mails import CANCELLED, CHANGED, CONFIRMED

# Nearer visits are told of their reminders in the confirmation.
FAR_AHEAD = timedelta(days=6)
NOTICES = (CONFIRMED, CHANGED, CANCELLED, *ALONE)


def reminders_that_are_wrong() -> list[str]:
    """Each coming visit has one reminder of each kind, of its present version; no other visit has any."""
    far = clock.now() + FAR_AHEAD
    visits = {visit.ref: visit for visit in Appointment.objects.filter(booked_by__isnull=False).order_by()}
    waiting: dict[tuple, list[int]] = defaultdict(list)
    for message in Message.objects.filter(kind__in=REMINDERS, state__in=[State.DUE, State.HELD]):
        waiting[message.about, message.kind].append(message.context["version"])
    found = [
        f"visit {visits[about].pk} is {visits[about].status}, version {visits[about].schedule_version}: {kind} of {versions}"
        for (about, kind), versions in waiting.items()
        if visits[about].status not in COMING or versions != [visits[about].schedule_version]
    ]
    found += [
        f"visit {visit.pk}: no {kind} waits"
        for visit in visits.values()
        if visit.status in COMING and visit.during.lower > far
        for kind in REMINDERS
        if (visit.ref, kind) not in waiting
    ]
    return found


def notices_that_are_wrong() -> list[str]:
    """The last that leaves about a coming visit tells its present time, and tells it once; the last about a cancelled one
    takes it back, or nothing was ever said."""
    told = _told()
    found = []
    for visit in Appointment.objects.filter(booked_by__isnull=False, status__in=[*COMING, "cancelled"]).order_by():
        said = told.get(str(visit.ref), [])
        last = said[-1] if said else None
        if visit.status == "cancelled":
            if last is not None and last[1] is not None:
                found.append(f"visit {visit.pk} is cancelled, the last the patient hears is {last[0]}")
        elif last is None or last[1] != visit.during.lower:
            found.append(f"visit {visit.pk} is at {visit.during.lower}, the last the patient hears is {last}")
        found += [
            f"visit {visit.pk}: {one[0]} and {other[0]} tell the same"
            for one, other in zip(said, said[1:], strict=False)
            if one[1] == other[1]
        ]
    return found


def _told() -> dict[str, list[tuple[str, datetime | None]]]:
    """Ref of each visit to what leaves about it, in order: the kind of the mail and the time it tells, None for a cancelling."""
    told = defaultdict(list)
    mails = Message.objects.filter(kind__in=NOTICES).exclude(state__in=DID_NOT_GO)
    for mail in mails.order_by("send_at", "pk"):
        for one in mail.context["visits"] if mail.kind in ALONE else [mail.context | {"ref": str(mail.about)}]:
            starts_at = None if mail.kind in TAKES_BACK else datetime.fromisoformat(one["starts_at"])
            told[one["ref"]].append((mail.kind, starts_at))
    return told


SETTLED = {"reminders that do not fit": reminders_that_are_wrong, "notices that do not fit": notices_that_are_wrong}
