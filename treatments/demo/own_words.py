"""Who has answered for herself as the demo opens: a patient with the tablet, and one who rang about a visit ahead."""

from datetime import timedelta

import pgtrigger

from clinic import clock
from clinic.handover import services as handovers
from clinic.models import Clinic, Handover, Membership
from treatments.appointments import services as appointments
from treatments.appointments.models import COMING, Appointment
from treatments.flows import changes, tablet
from treatments.screenings.by_patient.asking import Asked

READ_FOR = timedelta(minutes=6)
DIFFERENT, NOTE = "new_medicine", "An antihistamine since Monday"
SAID = "Has had a cold since Sunday and takes something for it"


def answered_on_the_tablet(clinic: Clinic, *, by: Membership) -> None:
    """The next who is treated today is here early: one of her answers is another one than last time."""
    today = _treatments(clinic).filter(day=clock.today(clinic), status__in=COMING, during__startswith__gt=clock.now())
    visit = today.order_by("during", "pk").first()
    if visit is None:
        return
    visit = appointments.step(visit=visit, to="arrived", by=by.user)
    handover = tablet.hand_over(patient=visit.patient, forms=[tablet.DAY], by=by)
    # She has read before she answers; real time does not wait for a demo that is built.
    with pgtrigger.ignore("clinic.Handover:handover_only_ends"):
        Handover.objects.filter(pk=handover.pk).update(began_at=handover.began_at - READ_FOR)
    asked = tablet.asked(visit.patient, tablet.DAY, today=clock.today(clinic))
    tablet.give(handover=handover, kind=tablet.DAY, answers=[_said(one) for one in asked], could_read="yes")
    handovers.unlock(handover=handovers.give_back(handover=handover), by=by.user)


def rang(clinic: Clinic, *, by: Membership) -> None:
    """The first who comes for a treatment on a later day and has told us nothing else."""
    ahead = _treatments(clinic).filter(day__gt=clock.today(clinic), status__in=COMING)
    visit = ahead.filter(change_reports=None, move_requests=None).order_by("during", "pk").first()
    if visit is not None:
        changes.note_by_telephone(visit=visit, said=SAID, by=by)


def _treatments(clinic: Clinic):
    rows = Appointment.objects.filter(clinic=clinic, kind=Appointment.Kind.TREATMENT)
    return rows.select_related("patient__clinic", "clinic")


def _said(one: Asked) -> dict:
    if one.rule.code == DIFFERENT:
        return {"code": DIFFERENT, "value": "yes", "note": NOTE}
    if one.is_open:
        return {"code": one.rule.code, "value": "yes" if one.rule.raised_by == "no" else "no"}
    return one.carried()
