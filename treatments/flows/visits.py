"""Steps of a visit that other rooms have a word in."""

from django.db import transaction

from clinic.errors import DomainError
from clinic.models import User
from treatments.appointments import services as appointments
from treatments.appointments.models import Appointment
from treatments.packages import services as packages
from treatments.protocol import lifecycle
from treatments.sessions.models import TreatmentSession

BY_MISTAKE = "Booked by mistake"


@transaction.atomic
def undo_step(*, visit: Appointment, by: User, undone: str = "") -> Appointment:
    """Take the last step back, as long as no signed session says that it happened.

    `undone`: the step that is meant. Taken back already, it is taken back once; raises DomainError where another followed.
    """
    appointments.under_its_rules(visit.clinic)
    visit = appointments.locked(visit)
    if undone and visit.status != undone:
        if lifecycle.can_undo("appointment", undone, visit.status):
            return visit
        raise DomainError(f"This visit is {visit.get_status_display().lower()} by now. Look at it again.")
    needlings = TreatmentSession.objects.filter(appointment=visit).exclude(status="entered_in_error")
    if visit.status == "done" and needlings.filter(signed_at__isnull=False).exists():
        raise DomainError(
            "The session of this visit is signed, so it stays done. A clinician can mark it as entered in error."
        )
    if visit.status == "in_room" and needlings.exists():
        raise DomainError("The session of this visit has begun. A clinician can mark it as entered in error first.")
    return appointments.undo_step(visit=visit, by=by)


@transaction.atomic
def cancel(*, visit: Appointment, reason: str, by: User, counts_as_missed: bool = False) -> Appointment:
    """Take a visit out of the diary, unless its session has begun.

    `counts_as_missed`: so late that a session of her package is used, by the terms she bought it with; whoever cancels says so.
    """
    visit = appointments.locked(visit)
    if TreatmentSession.objects.filter(appointment=visit).exclude(status="entered_in_error").exists():
        raise DomainError("The session of this visit has begun. Stop it at the chair instead.")
    visit = appointments.cancel(visit=visit, reason=reason, by=by)
    if counts_as_missed:
        packages.burn_late(visit=visit, by=by)
    return visit


@transaction.atomic
def unbook(*, visit: Appointment, by: User, version: int | None = None) -> Appointment:
    """Undo the booking by which the visit got this version; None: whatever version it has. Done already, it is done once.

    Raises what cancelling it raises, and DomainError where it was moved or closed since.
    """
    visit = appointments.locked(visit)
    if is_unbooked(visit, version):
        return visit
    if version is not None and visit.schedule_version != version:
        raise DomainError("This visit was changed since. Cancel it, if it is not wanted any more.")
    return cancel(visit=visit, reason=BY_MISTAKE, by=by)


def is_unbooked(visit: Appointment, version: int | None) -> bool:
    """Whether nothing has happened to the visit since it got this version, but that its booking was taken back."""
    last = (visit.status, visit.closed_reason) == ("cancelled", BY_MISTAKE)
    return last and (version is None or visit.schedule_version == version + 1)
