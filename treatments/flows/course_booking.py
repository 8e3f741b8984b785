"""Taking back the booking of a whole course."""

from django.db import transaction

from clinic.errors import DomainError
from clinic.models import User
from treatments.appointments.models import COMING, Appointment
from treatments.flows import visits
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan


@transaction.atomic
def unbook(*, plan: TreatmentPlan, by: User) -> list[Appointment]:
    """Cancel the visits of this course that were booked together last, as long as nothing has happened to them since.

    Raises DomainError where there are none, or where one was confirmed, moved or has begun: those are cancelled one by one.
    """
    plans.locked(plan)
    rows = Appointment.objects.filter(planned_session__plan=plan, booked_by=by, status__in=COMING).order_by("during")
    newest = rows.order_by("-booked_at").first()
    if newest is None:
        raise DomainError("None of these visits stands any more: there is nothing to take back.")
    together = list(rows.filter(booked_at=newest.booked_at))
    if any(visit.schedule_version > 1 or visit.status != "booked" for visit in together):
        raise DomainError("One of these visits was changed meanwhile. Cancel them one by one.")
    return [visits.cancel(visit=visit, reason="Booked by mistake", by=by) for visit in together]
