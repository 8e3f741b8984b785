"""Places kept for a whole course while the desk speaks with the patient: five minutes, and nobody else is offered them."""

import pgtrigger
from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Q

from clinic.models import Clinic, ClinicNow, Membership, RefModel, Room, User
from treatments.appointments.models import BLOCKING_IN_SQL, Appointment, never_twice
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.rules.models import Device


class CourseHold(RefModel):
    """One set of places for one course, held by one person until `expires_at`. What is over holds nothing, and is cleared
    away by whoever takes a place next."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="course_holds")
    plan = models.OneToOneField(TreatmentPlan, on_delete=models.PROTECT, related_name="course_hold")
    held_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    held_at = models.DateTimeField(db_default=ClinicNow())
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="course_hold_ends_after_it_begins", condition=Q(expires_at__gt=F("held_at")))
        ]

    def __str__(self) -> str:
        return f"until {self.expires_at:%H:%M}"


def _refusal(promise: str) -> str:
    return f"RAISE EXCEPTION '{promise}' USING ERRCODE = 'exclusion_violation', CONSTRAINT = '{promise}';"


# A constraint cannot look into two tables. Whoever takes a place holds the rows of its clinician and its room, so each of
# the two looks finds what the other has written.
HELD_IS_FREE = pgtrigger.Trigger(
    name="held_visit_is_free",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    func=f"""
        IF EXISTS (SELECT 1 FROM treatments_taking('clinician', NEW.clinician_id, NEW.clinician_during))
            OR EXISTS (SELECT 1 FROM treatments_taking('room', NEW.room_id, NEW.room_during))
            OR EXISTS (SELECT 1 FROM treatments_taking('device', NEW.device_id, NEW.clinician_during)
        ) THEN {_refusal("held_visit_is_free")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)
NOT_HELD_BY_OTHERS = pgtrigger.Trigger(
    name="appointment_not_held",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("course", "bigint")],
    func=f"""
        IF NEW.status NOT IN ({BLOCKING_IN_SQL}) OR NEW.overlap_reason <> '' OR (TG_OP = 'UPDATE'
            AND OLD.status IN ({BLOCKING_IN_SQL}) AND NEW.room_during = OLD.room_during
            AND NEW.clinician_during = OLD.clinician_during AND NEW.clinician_id IS NOT DISTINCT FROM OLD.clinician_id
            AND NEW.room_id IS NOT DISTINCT FROM OLD.room_id AND NEW.device_id IS NOT DISTINCT FROM OLD.device_id
        ) THEN RETURN NEW; END IF;
        SELECT plan_id INTO course FROM treatments_plannedsession WHERE id = NEW.planned_session_id;
        IF EXISTS (
            SELECT 1 FROM treatments_heldvisit held JOIN treatments_coursehold hold ON hold.id = held.hold_id
            WHERE hold.expires_at > clinic_now() AND hold.plan_id IS DISTINCT FROM course AND (
                (held.clinician_id = NEW.clinician_id AND held.clinician_during && NEW.clinician_during)
                OR (held.room_id = NEW.room_id AND held.room_during && NEW.room_during)
                OR (held.device_id = NEW.device_id AND held.clinician_during && NEW.clinician_during))
        ) THEN {_refusal("appointment_not_held")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)
pgtrigger.register(NOT_HELD_BY_OTHERS)(Appointment)


@pgtrigger.register(HELD_IS_FREE)
class HeldVisit(models.Model):
    """One place of a hold: what the visit would keep busy, and the wall time it would begin at."""

    hold = models.ForeignKey(CourseHold, on_delete=models.CASCADE, related_name="visits")
    planned_session = models.OneToOneField(PlannedSession, on_delete=models.PROTECT, related_name="held_visit")
    clinician = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    room = models.ForeignKey(Room, on_delete=models.PROTECT, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, related_name="+")
    day = models.DateField()
    starts_at = models.TimeField()
    during = DateTimeRangeField()
    room_during = DateTimeRangeField()
    clinician_during = DateTimeRangeField()

    class Meta:
        ordering = ["during", "id"]
        # The same promise among holds as among visits.
        constraints = [
            never_twice("held_room_free", "room", "room_during"),
            never_twice("held_clinician_free", "clinician", "clinician_during"),
            never_twice("held_device_free", "device", "clinician_during"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.starts_at:%H:%M}"
