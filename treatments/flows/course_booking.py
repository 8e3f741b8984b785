"""Taking back what was done to several visits of a course at once."""

from django.db import transaction

from clinic.errors import DomainError
from clinic.models import User
from treatments.appointments import messages
from treatments.appointments import services as diary
from treatments.appointments.courses import services as courses
from treatments.appointments.courses.undoing import Act
from treatments.appointments.models import COMING, Appointment
from treatments.flows import visits
from treatments.flows.moving import is_back
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan


@transaction.atomic
def unbook(*, plan: TreatmentPlan, act: Act, by: User) -> list[Appointment]:
    """Cancel the visits that this act booked, as long as nothing has happened to them since; she is told in one mail, if she
    was told of them at all. Returns those it cancelled: none where that was done already.

    Raises DomainError where one was confirmed, moved or has begun: those are cancelled one by one.
    """
    plans.locked(plan)
    together = _visits(plan, act)
    if all(visits.is_unbooked(visit, act.versions[visit.ref]) for visit in together):
        return []
    if not all(act.stands(visit) and visit.status == "booked" for visit in together):
        raise DomainError("One of these visits was changed meanwhile. Cancel them one by one.")
    return _unbook(together, by)


@transaction.atomic
def put_back(*, plan: TreatmentPlan, act: Act, by: User) -> list[Appointment]:
    """Undo one rearrangement: the visits that it moved go where they were before, and one that it booked is not booked after
    all. Returns those it changed: none where that was done already.

    It may lose: raises SlotTaken where somebody has taken one of the places, and DomainError where one of the visits was
    changed since, whatever became of the others.
    """
    diary.under_its_rules(plan.clinic)
    plans.locked(plan)
    together = _visits(plan, act)
    moved = [visit for visit in together if not act.booked(visit)]
    new = [visit for visit in together if act.booked(visit)]
    if not moved:
        raise DomainError("These visits were not moved together. Move them one by one.")
    back = [is_back(visit, act.versions[visit.ref]) for visit in moved]
    if all([*back, *(visits.is_unbooked(visit, act.versions[visit.ref]) for visit in new)]):
        return []
    for visit in together:
        if not act.stands(visit) or visit.status not in COMING:
            raise DomainError(f"Session {visit.planned_session.number} was changed since. Move the visits one by one.")
    before = {visit: diary.place_before(visit) for visit in moved}
    if not all(before.values()):
        raise DomainError("These visits were not moved together. Move them one by one.")
    # All that is taken or left, before the first of them is written: see the lock order of the diary.
    courses.lock(plan, [*before.values(), *map(diary.place_of, together)])
    freed = _unbook(new, by) if new else []
    return freed + courses.move_together(plan=plan, places=before, by=by)


def _visits(plan: TreatmentPlan, act: Act) -> list[Appointment]:
    rows = Appointment.objects.filter(planned_session__plan=plan, ref__in=act.versions)
    found = list(rows.select_related(*courses.OF_A_VISIT).order_by("during"))
    if not found or len(found) != len(act.versions):
        raise DomainError("This undo is about another course.")
    return found


def _unbook(booked: list[Appointment], by: User) -> list[Appointment]:
    freed = [visits.cancel(visit=visit, reason=visits.BY_MISTAKE, by=by) for visit in booked]
    messages.owe_for_closing_together(freed, by=by)
    return freed
