"""Moving a visit, alone or with what has to move with it; and what that would be refused with, before anything is saved."""

from collections.abc import Mapping
from dataclasses import replace

from django.db import transaction

from clinic.errors import DomainError
from clinic.models import User
from treatments.appointments import services as appointments
from treatments.appointments.courses import services as courses
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.places import Place


@transaction.atomic
def move(*, places: Mapping[Appointment, Place], by: User) -> list[Appointment]:
    """Give a visit another place, or several visits of one course. Raises what moving them raises; then none has moved."""
    if len(places) == 1:
        [(visit, place)] = places.items()
        return [appointments.move(visit=visit, place=place, by=by)]
    plan = next(iter(places)).planned_session.plan
    return courses.move_together(plan=plan, places=places, by=by)


@transaction.atomic
def move_back(*, visit: Appointment, version: int | None, by: User) -> Appointment:
    """Undo the move by which the visit got this version; None: its last move. Done already, it is done once.

    Raises what moving it raises, and DomainError where it was moved or closed since.
    """
    appointments.under_its_rules(visit.clinic)
    visit = appointments.locked(visit)
    if version is not None and visit.schedule_version != version:
        if is_back(visit, version):
            return visit
        raise DomainError("This visit was changed since. Move it to the time you want.")
    return appointments.move_back(visit=visit, by=by)


def is_back(visit: Appointment, version: int) -> bool:
    """Whether the visit has moved once since it got this version, to where it was before."""
    if visit.schedule_version != version + 1 or visit.status not in COMING:
        return False
    before = visit.events.filter(schedule_version=version - 1, status__in=COMING).order_by("-pgh_id").first()
    if before is None:
        return False
    was, now = appointments.place_of(before), appointments.place_of(visit)
    return replace(was, device=None) == replace(now, device=None)


def refusal(*, places: Mapping[Appointment, Place], by: User) -> DomainError | None:
    """What `move` would be refused with, by every gate of it and in the same words; None where it would be done. Nothing of
    it stays."""
    try:
        with transaction.atomic():
            move(places=places, by=by)
            transaction.set_rollback(True)
    except DomainError as refused:
        return refused
    return None
