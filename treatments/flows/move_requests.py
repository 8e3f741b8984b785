"""A patient asks for another time for her visit; the desk looks for one with her. Nothing is moved here, and nothing kept free."""

from datetime import datetime

from django.db import transaction

from clinic import clock
from clinic.errors import DomainError
from clinic.models import User
from patients.models import PatientLink
from treatments.appointments import services as appointments
from treatments.appointments.by_patient import services as told
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.by_patient.times import NEAREST
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.models import COMING, Appointment

Ended = MoveRequest.Ended
TOO_SOON = "Your visit is soon, so please call us: we look for another time together."


def may_ask(visit: Appointment, *, now: datetime) -> bool:
    """Whether another time is asked for on a page. Nearer than that she calls: a list may be read too late."""
    return visit.status in COMING and visit.during.lower - now >= NEAREST


@transaction.atomic
def ask(*, visit: Appointment, version: int | None, wishes: Wishes, link: PatientLink) -> MoveRequest:
    """She wishes for another time. `version`: of the visit that her page showed. Other wishes than before take their place;
    the same wishes said twice are said once.

    Raises DomainError where the visit was moved or cancelled, has begun or is too near, and where nobody could act on the
    wishes; and Busy.
    """
    visit, now = appointments.locked(visit), clock.now()
    told.refuse_gone(visit, version, link=link, now=now)
    if not may_ask(visit, now=now):
        raise DomainError(TOO_SOON)
    wishes.refuse_odd()
    if any(start < now + NEAREST for start in wishes.starts):
        raise DomainError("One of these times is too near by now. Choose again.", field="starts")
    before = told.standing(visit)
    if before is not None:
        if Wishes.of(before) == wishes:
            return before
        told.end(request=before, visit=visit, because=Ended.REPLACED, by=None)
    return told.add(visit=visit, wishes=wishes, link=link)


@transaction.atomic
def take_back(*, visit: Appointment, link: PatientLink) -> MoveRequest | None:
    """The time she has suits her after all. None where nothing waits any more: that is what she wanted. Raises Busy."""
    visit = appointments.locked(visit)
    before = told.standing(visit)
    if before is None or before.patient_id != link.patient_id:
        return None
    return told.end(request=before, visit=visit, because=Ended.TAKEN_BACK, by=None)


@transaction.atomic
def keep(*, request: MoveRequest, by: User) -> MoveRequest:
    """The visit stays as it is, and she has been told. Done already, it is done once; raises DomainError where something else
    has ended her wish meanwhile, and Busy."""
    visit = appointments.locked(request.visit)
    request = MoveRequest.objects.get(pk=request.pk)
    if request.ended_because == Ended.KEPT:
        return request
    if request.ended_at is not None:
        raise DomainError(f"This was settled meanwhile: {request.get_ended_because_display().lower()}.")
    return told.end(request=request, visit=visit, because=Ended.KEPT, by=by)
