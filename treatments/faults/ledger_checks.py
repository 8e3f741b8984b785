"""Is each patient owed exactly what stands in the diary? Read from the rows of the ledger, one change one message."""

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from clinic import clock
from patients.models import Message
from patients.outbox import timing
from patients.outbox.models import DID_NOT_GO, OPEN, WENT, State
from treatments.appointments.messages import ALONE, REMINDERS, REMINDERS_AT, SECOND_THOUGHTS, TAKES_BACK
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.visit_mails import CANCELLED, CHANGED, CONFIRMED, PARTS
from treatments.protocol.precare import SENT_DAYS_BEFORE

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


def precare_that_is_wrong() -> list[str]:
    """What to leave out before each coming treatment waits for its day, once and for the visit's present version. Where that
    day has come it has gone, or a notice says it. No other visit has any."""
    soon = clock.now() + SECOND_THOUGHTS
    treatments = Appointment.objects.filter(booked_by__isnull=False, kind=Appointment.Kind.TREATMENT)
    visits = {visit.ref: visit for visit in treatments.select_related("clinic").order_by()}
    waiting, of_version, gone = _precare_rows()
    said = gone | _folded()
    found = [
        f"visit {visits[about].pk} is {visits[about].status}, version {visits[about].schedule_version}: {kind} of {versions}"
        for (about, kind), versions in waiting.items()
        if visits[about].status not in COMING or versions != [visits[about].schedule_version]
    ]
    for visit in (one for one in visits.values() if one.status in COMING):
        for kind, part in PARTS.items():
            day_has_come = _sent_at(visit, SENT_DAYS_BEFORE[part]) <= soon
            is_said = day_has_come and (visit.ref, kind) in said
            if not is_said and (visit.ref, kind, visit.schedule_version) not in of_version:
                found.append(f"visit {visit.pk} on {visit.day}: nothing says {kind}")
    return found


def _sent_at(visit: Appointment, days: int) -> datetime:
    return timing.days_before_at(visit.day, days, REMINDERS_AT, visit.clinic.tz)


def _precare_rows() -> tuple[dict[tuple, list[int]], set[tuple], set[tuple]]:
    """Versions that wait, by visit and kind; those that were not withdrawn, as (visit, kind, version); those that went, as
    (visit, kind)."""
    waiting: dict[tuple, list[int]] = defaultdict(list)
    of_version, gone = set(), set()
    # A worker that finds nothing to say cancels too, and says so.
    withdrawn = Q(state=State.CANCELLED, error_class="")
    for message in Message.objects.filter(kind__in=PARTS).exclude(withdrawn).order_by("pk"):
        version = message.context["version"]
        of_version.add((message.about, message.kind, version))
        if message.state in OPEN:
            waiting[message.about, message.kind].append(version)
        if message.state in WENT:
            gone.add((message.about, message.kind))
    return waiting, of_version, gone


def _folded() -> set[tuple[UUID, str]]:
    """Visit and kind of what a notice says because the day of its own mail had come. Of several visits it is the first."""
    notices = Message.objects.filter(kind__in=[CONFIRMED, CHANGED, *ALONE]).exclude(state__in=DID_NOT_GO)
    return {
        (UUID(notice.context["visits"][0]["ref"]) if notice.kind in ALONE else notice.about, kind)
        for notice in notices
        for kind in notice.context.get("folded", [])
    }


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


SETTLED = {
    "reminders that do not fit": reminders_that_are_wrong,
    "precare that does not fit": precare_that_is_wrong,
    "notices that do not fit": notices_that_are_wrong,
}
