"""Ending a course: the plan, its coming visits and their messages together."""

from django.db import transaction

from clinic.models import User
from treatments.appointments import services as appointments
from treatments.appointments.models import COMING, Appointment
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan


@transaction.atomic
def stop_course(*, plan: TreatmentPlan, reason: str, by: User) -> TreatmentPlan:
    """Stop a course with a reason; every coming visit of it is cancelled, each with its messages."""
    stopped = plans.revoke(plan=plan, reason=reason, by=by)
    for visit in Appointment.objects.filter(planned_session__plan=plan, status__in=COMING).order_by("id"):
        appointments.cancel(visit=visit, reason=f"Course stopped: {reason.strip()}"[:200], by=by)
    return stopped
