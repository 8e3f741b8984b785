"""Ending a course: the plan, its coming visits and their messages together, and what she is asked after it."""

from django.db import transaction

from clinic.errors import DomainError
from clinic.models import User
from clinic.templatetags.clinic_ui import day
from treatments.appointments import messages
from treatments.appointments import services as appointments
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.sessions import reviews
from treatments.sessions.models import TreatmentSession

# What the desk reads on each visit; the reason itself is for clinicians.
STOPPED = "Course stopped"


@transaction.atomic
def stop_course(*, plan: TreatmentPlan, reason: str, by: User) -> TreatmentPlan:
    """Stop a course with a reason; every coming visit of it is cancelled, and one mail tells of them.

    Refused while a session of it is open: what has begun is stopped at the chair.
    """
    return end_course(plan=plan, reason=reason, said=STOPPED, by=by)


@transaction.atomic
def end_course(*, plan: TreatmentPlan, reason: str, said: str, by: User) -> TreatmentPlan:
    """The same; `said`: what the desk reads on each visit."""
    plan = plans.locked(plan)
    refuse_open_session(plan)
    stopped = plans.revoke(plan=plan, reason=reason, by=by)
    gone = [appointments.cancel(visit=visit, reason=said, by=by) for visit in _visits(plan, COMING)]
    messages.owe_for_closing_together(gone, by=by)
    reviews.follow(stopped, by=by)
    return stopped


@transaction.atomic
def complete_course(*, plan: TreatmentPlan, by: User) -> TreatmentPlan:
    """Complete a course. Refused while a session is open or a visit is still coming: that one is held or cancelled first."""
    plan = plans.locked(plan)
    refuse_open_session(plan)
    for visit in _visits(plan, COMING + PRESENT):
        raise DomainError(
            f"Session {visit.planned_session.number} is still booked for {day(visit.day)}. "
            "Cancel that visit first, or complete the course after it."
        )
    completed = plans.complete(plan=plan, by=by)
    reviews.follow(completed, by=by)
    return completed


def _visits(plan: TreatmentPlan, statuses: tuple[str, ...]):
    rows = Appointment.objects.filter(planned_session__plan=plan, status__in=statuses)
    return rows.select_related("planned_session").order_by("id")


def refuse_open_session(plan: TreatmentPlan) -> None:
    under_way = TreatmentSession.objects.filter(plan=plan, status=TreatmentSession.Status.OPEN)
    for session in under_way.select_related("planned_session"):
        raise DomainError(f"Session {session.planned_session.number} has begun. Finish or stop it at the chair first.")
