"""A course: N planned sessions, each with its own window. Never a recurrence rule."""

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from clinic.models import Clinic, ClinicNow, RefModel, User
from patients.models import DepthClass, Patient
from patients.models.fixed import NOT_OF_A_MERGED_RECORD
from treatments.assessments.past.models import PastSession
from treatments.rules.models import ProtocolVersion

HARD_FLOOR_DAYS = 28  # nothing goes below it, whoever signs


@pghistory.track(append_only=True)
@pgtrigger.register(NOT_OF_A_MERGED_RECORD)
class TreatmentPlan(RefModel):
    """A course of microneedling sessions for one patient (FHIR CarePlan)."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Submitted"
        ACTIVE = "active", "Active"
        ON_HOLD = "on_hold", "On hold"
        COMPLETED = "completed", "Completed"
        REVOKED = "revoked", "Stopped"
        ENTERED_IN_ERROR = "entered_in_error", "Entered in error"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="plans")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="plans")
    number = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DRAFT)
    protocol = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")

    # What it was made from, and why every number is what it is (the whole answer of `propose_course`).
    concerns = models.JSONField()
    proposal = models.JSONField()
    sessions_planned = models.PositiveSmallIntegerField()
    floor_days = models.PositiveSmallIntegerField()
    target_days = models.PositiveSmallIntegerField()
    latest_days = models.PositiveSmallIntegerField()
    techniques = ArrayField(models.CharField(max_length=40))
    depth_class = models.PositiveSmallIntegerField(choices=DepthClass.choices)
    starts_on = models.DateField()
    note = models.TextField(blank=True)

    drafted_at = models.DateTimeField(db_default=ClinicNow())
    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    submitted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    activated_at = models.DateTimeField(null=True)
    activated_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["patient", "number"], name="plan_number_once"),
            models.UniqueConstraint(
                fields=["patient"], name="plan_one_under_way", condition=Q(status__in=["active", "on_hold"])
            ),
            models.CheckConstraint(
                name="plan_active_says_who_and_when",
                condition=~Q(status="active") | Q(activated_at__isnull=False, activated_by__isnull=False),
            ),
            models.CheckConstraint(
                name="plan_revoked_says_who_when_and_why",
                condition=~Q(status="revoked")
                | (Q(ended_at__isnull=False, ended_by__isnull=False) & ~Q(ended_reason="")),
            ),
            models.CheckConstraint(name="plan_floor_not_below_28_days", condition=Q(floor_days__gte=HARD_FLOOR_DAYS)),
            models.CheckConstraint(
                name="plan_window_in_order",
                condition=Q(target_days__gte=F("floor_days"), latest_days__gte=F("target_days")),
            ),
            models.CheckConstraint(
                name="plan_has_sessions", condition=Q(sessions_planned__gte=1, sessions_planned__lte=8)
            ),
        ]

    def __str__(self) -> str:
        return f"Plan {self.number}"

    @property
    def is_under_way(self) -> bool:
        return self.status in UNDER_WAY

    @property
    def has_ended(self) -> bool:
        return self.status not in NOT_ENDED


# Begun: a patient has one such course at most.
UNDER_WAY = (TreatmentPlan.Status.ACTIVE, TreatmentPlan.Status.ON_HOLD)
# Still to begin, or begun.
NOT_ENDED = (TreatmentPlan.Status.DRAFT, TreatmentPlan.Status.SUBMITTED, *UNDER_WAY)


@pghistory.track(append_only=True)
class PlannedSession(RefModel):
    """One session of the course with the days on which it may be: earliest, target, latest."""

    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, related_name="planned_sessions")
    number = models.PositiveSmallIntegerField()
    earliest_on = models.DateField()
    target_on = models.DateField()
    latest_on = models.DateField()
    zones = models.JSONField(default=list)  # start, soft maximum and hard cap of each zone, with sources

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="planned_session_number_once"),
            models.CheckConstraint(
                name="planned_session_window_in_order",
                condition=Q(earliest_on__lte=F("target_on")) & Q(target_on__lte=F("latest_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"Session {self.number}"


@pgtrigger.register(pgtrigger.Protect(name="taken_over_append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class TakenOver(models.Model):
    """A past session with which a plan starts: the number it has in the course. The plan numbers on from there."""

    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, related_name="taken_over")
    past = models.ForeignKey(PastSession, on_delete=models.PROTECT, related_name="taken_over")
    number = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "past"], name="taken_over_once"),
            models.UniqueConstraint(fields=["plan", "number"], name="taken_over_number_once"),
        ]

    def __str__(self) -> str:
        return f"Session {self.number}"
