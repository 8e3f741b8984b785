"""A visit in the diary: intent as local wall time with its zone, the resources it holds as ranges."""

import pghistory
import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.constraints import Deferrable

from clinic.models import Clinic, ClinicNow, Membership, RefModel, Room, User
from patients.models import Patient
from patients.models.fixed import NOT_OF_A_MERGED_RECORD
from treatments.plans.models import PlannedSession
from treatments.rules.models import Device

BLOCKING = ("booked", "confirmed", "arrived", "numbing", "in_room", "done")
BLOCKING_IN_SQL = ", ".join(f"'{status}'" for status in BLOCKING)
COMING = ("booked", "confirmed")
PRESENT = ("arrived", "numbing", "in_room")


def never_twice(
    name: str, who: str, during: str, *, deferrable: Deferrable | None = None, **among: object
) -> ExclusionConstraint:
    """Nobody and nothing is in two places at once. The server has no btree_gist, so equality is written as an overlap
    of one-point ranges; int8range(NULL, NULL) would overlap everything, hence IS NOT NULL. `among`: which rows count."""
    point = Func(F(who), F(who), Value("[]"), function="int8range", output_field=BigIntegerRangeField())
    return ExclusionConstraint(
        name=name,
        expressions=[(point, RangeOperators.OVERLAPS), (during, RangeOperators.OVERLAPS)],
        condition=Q(**among, **{f"{who}__isnull": False}),
        deferrable=deferrable,
    )


def _free(name: str, who: str, during: str) -> ExclusionConstraint:
    return never_twice(name, who, during, deferrable=Deferrable.IMMEDIATE, status__in=BLOCKING, overlap_reason="")


# Neither empty nor without end.
_BOUNDED = Q(
    **{
        f"{during}__{fault}": False
        for during in ("during", "room_during", "clinician_during")
        for fault in ("isempty", "lower_inf", "upper_inf")
    }
)


# No visit without its place in the course. The row is shared until the booking is written: who leaves that session out
# waits, and sees the visit; or has left it out, and the visit is refused. One that had its place before keeps it: it is not
# left out while she has a visit there.
HAS_ITS_SESSION = pgtrigger.Trigger(
    name="appointment_has_its_session",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("planned_session_id", "status", "session_counts"),
    condition=pgtrigger.Condition(
        f"NEW.planned_session_id IS NOT NULL AND NEW.session_counts AND NEW.status IN ({BLOCKING_IN_SQL})"
    ),
    func=f"""
        IF TG_OP = 'UPDATE' AND OLD.planned_session_id = NEW.planned_session_id AND OLD.session_counts
            AND OLD.status IN ({BLOCKING_IN_SQL}) THEN RETURN NEW; END IF;
        PERFORM 1 FROM treatments_plannedsession WHERE id = NEW.planned_session_id AND left_out_at IS NULL FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'appointment_has_its_session'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'appointment_has_its_session';
        END IF;
        RETURN NEW;
    """,
)


@pghistory.track(append_only=True)
@pgtrigger.register(HAS_ITS_SESSION, NOT_OF_A_MERGED_RECORD)
class Appointment(RefModel):
    """FHIR Appointment. The room is held for prep + treat + turnover, the clinician and device for treat, the patient for
    prep + treat: numbing needs a room and nobody."""

    class Kind(models.TextChoices):
        CONSULTATION = "consultation", "Consultation"
        TREATMENT = "treatment", "Treatment"
        REVIEW = "review", "Review"

    class Status(models.TextChoices):
        BOOKED = "booked", "Booked"
        CONFIRMED = "confirmed", "Confirmed"
        ARRIVED = "arrived", "Arrived"
        NUMBING = "numbing", "Numbing"
        IN_ROOM = "in_room", "In room"
        DONE = "done", "Done"
        NO_SHOW = "no_show", "No-show"
        CANCELLED = "cancelled", "Cancelled"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="appointments")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="appointments")
    planned_session = models.ForeignKey(
        PlannedSession, on_delete=models.PROTECT, null=True, related_name="appointments"
    )
    kind = models.CharField(max_length=14, choices=Kind.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.BOOKED)
    clinician = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="appointments")
    room = models.ForeignKey(Room, on_delete=models.PROTECT, null=True, related_name="appointments")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="appointments")

    # The intent: what the clock on the clinic's wall will show, whatever becomes of the zone's rules.
    day = models.DateField()
    starts_at = models.TimeField()
    zone = models.CharField(max_length=64)
    fold = models.PositiveSmallIntegerField(default=0)
    prep_minutes = models.PositiveSmallIntegerField(default=0)
    treat_minutes = models.PositiveSmallIntegerField()
    turnover_minutes = models.PositiveSmallIntegerField(default=0)
    # What it comes to, worked out from the intent by the service.
    during = DateTimeRangeField()
    room_during = DateTimeRangeField()
    clinician_during = DateTimeRangeField()

    # A deliberate overlap says why; the constraints hold where this is empty.
    overlap_reason = models.CharField(max_length=200, blank=True)
    # Booked although a question is open: on the worklist until it is answered.
    to_ask = models.BooleanField(default=False)
    # False: the needling of this visit ended early or was entered in error, so its session of the course is to book again.
    session_counts = models.BooleanField(default=True)
    schedule_version = models.PositiveSmallIntegerField(default=1)
    # Came without a visit, and this one was put down for her as she stood there.
    walked_in = models.BooleanField(default=False, db_default=False)

    booked_at = models.DateTimeField(db_default=ClinicNow())
    booked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    numbing_at = models.DateTimeField(null=True)
    in_room_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)  # cancelled or missed
    closed_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["during", "id"]
        indexes = [
            models.Index(fields=["clinic", "day"], name="appointment_by_day"),
            models.Index(fields=["patient", "-day"], name="appointment_by_patient"),
            # The others are found by the index of their constraint, which leaves these out.
            GistIndex(
                fields=["room_during", "clinician_during"],
                condition=~Q(overlap_reason=""),
                name="appointment_overlaps",
            ),
        ]
        constraints = [
            _free("appointment_room_free", "room", "room_during"),
            _free("appointment_clinician_free", "clinician", "clinician_during"),
            _free("appointment_device_free", "device", "clinician_during"),
            _free("appointment_patient_free", "patient", "during"),
            models.UniqueConstraint(
                fields=["planned_session"],
                name="planned_session_booked_once",
                condition=Q(status__in=BLOCKING, session_counts=True),
            ),
            models.CheckConstraint(
                name="appointment_treatment_has_a_session",
                condition=~Q(kind="treatment") | Q(planned_session__isnull=False),
            ),
            models.CheckConstraint(
                name="appointment_minutes_sane",
                condition=Q(
                    treat_minutes__gte=5, treat_minutes__lte=240, prep_minutes__lte=240, turnover_minutes__lte=120
                ),
            ),
            models.CheckConstraint(
                name="appointment_closed_says_when",
                condition=~Q(status__in=["cancelled", "no_show"]) | Q(closed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="appointment_ranges_sane",
                condition=_BOUNDED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.day} {self.starts_at:%H:%M}"
