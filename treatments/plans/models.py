"""A course: N planned sessions, each with its own window. Never a recurrence rule."""

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from clinic.models import Clinic, ClinicNow, RefModel, User
from patients.models import DepthClass, Patient
from patients.models.fixed import GOES_WITH_A_MERGE, NOT_OF_A_MERGED_RECORD
from treatments.assessments.past.models import PastSession
from treatments.rules.models import ProtocolVersion

HARD_FLOOR_DAYS = 28  # nothing goes below it, whoever signs


def _refusal(promise: str) -> str:
    return f"RAISE EXCEPTION '{promise}' USING ERRCODE = 'check_violation', CONSTRAINT = '{promise}';"


# A course holds the sessions that it counts: who makes it shorter leaves sessions out first.
KEEPS_ITS_SESSIONS = pgtrigger.Trigger(
    name="plan_keeps_its_sessions",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("sessions_planned"),
    func=f"""
        IF EXISTS (
            SELECT 1 FROM treatments_plannedsession
            WHERE plan_id = NEW.id AND left_out_at IS NULL AND number > NEW.sessions_planned
        ) THEN {_refusal("plan_keeps_its_sessions")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

# And none beyond them. What is done or booked is not left out: an update waits for the row that a booking shares (see
# `appointment_has_its_session`), so of the two the second sees the first.
WITHIN_THE_COURSE = pgtrigger.Trigger(
    name="planned_session_within_the_course",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("left_out_at", "number", "plan_id"),
    func=f"""
        IF NEW.left_out_at IS NULL THEN
            IF NEW.number > (SELECT sessions_planned FROM treatments_treatmentplan WHERE id = NEW.plan_id)
            THEN {_refusal("planned_session_within_the_course")} END IF;
            RETURN NEW;
        END IF;
        IF EXISTS (
            SELECT 1 FROM treatments_appointment WHERE planned_session_id = NEW.id AND session_counts
            AND status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')
        ) OR EXISTS (
            SELECT 1 FROM treatments_treatmentsession
            WHERE planned_session_id = NEW.id AND (status IN ('open', 'completed') OR (status = 'stopped' AND counts))
        ) THEN {_refusal("planned_session_left_out_is_free")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)


@pghistory.track(append_only=True)
@pgtrigger.register(KEEPS_ITS_SESSIONS, NOT_OF_A_MERGED_RECORD)
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

    # On hold because somebody paused it, with the last day of the pause where that is known.
    paused_at = models.DateTimeField(null=True)
    paused_until = models.DateField(null=True)
    # The day on which it went on: no window that was still open begins before it, and one that had closed begins anew.
    resumed_on = models.DateField(null=True)
    # The plan that this one takes the place of.
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")

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
            models.CheckConstraint(
                name="plan_paused_is_on_hold",
                condition=Q(paused_at__isnull=True, paused_until__isnull=True)
                | Q(paused_at__isnull=False, status="on_hold"),
            ),
        ]

    def __str__(self) -> str:
        return f"Plan {self.number}"

    @property
    def is_under_way(self) -> bool:
        return self.status in UNDER_WAY

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def has_ended(self) -> bool:
        return self.status not in NOT_ENDED


# Begun: a patient has one such course at most.
UNDER_WAY = (TreatmentPlan.Status.ACTIVE, TreatmentPlan.Status.ON_HOLD)
# Still to begin, or begun.
NOT_ENDED = (TreatmentPlan.Status.DRAFT, TreatmentPlan.Status.SUBMITTED, *UNDER_WAY)


class StandingSessions(models.Manager):
    """The sessions that a course has now. One that was left out when it got shorter is found by `everything`, and from the
    visits it had."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(left_out_at=None)


@pghistory.track(append_only=True)
@pgtrigger.register(WITHIN_THE_COURSE)
class PlannedSession(RefModel):
    """One session of the course with the days on which it may be: earliest, target, latest."""

    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, related_name="planned_sessions")
    number = models.PositiveSmallIntegerField()
    earliest_on = models.DateField()
    target_on = models.DateField()
    latest_on = models.DateField()
    zones = models.JSONField(default=list)  # start, soft maximum and hard cap of each zone, with sources
    # The course was made shorter. A longer one takes the row up again.
    left_out_at = models.DateTimeField(null=True)

    objects = StandingSessions()
    everything = models.Manager()

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


# Undoing is the one thing that is written into it, once.
CHANGE_IS_FIXED = pgtrigger.Trigger(
    name="course_change_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    declare=[("undoing", "text[] := ARRAY['undone_at', 'undone_by_id']")],
    func=f"""
        IF {GOES_WITH_A_MERGE} THEN RETURN NEW; END IF;
        IF TG_OP = 'DELETE' OR OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL
            OR (to_jsonb(NEW) - undoing) IS DISTINCT FROM (to_jsonb(OLD) - undoing)
        THEN {_refusal("course_change_is_fixed")} END IF;
        RETURN NEW;
    """,
)


@pgtrigger.register(CHANGE_IS_FIXED, NOT_OF_A_MERGED_RECORD)
class CourseChange(RefModel):
    """What happened to a course on its way, and why. `reason` is a code of `plans.reasons`, `note` the words beside it: both
    are for clinicians, but for the reasons that the desk gives.

    `facts`: what it did. `count_before`, `count`: of sessions; `until`: last day of a pause (ISO), `until_before`: of the one
    it changed; `visits`: ref to `schedule_version` of those it cancelled; `waiting`: places on the waiting list it ended;
    `consents`: signatures it ended; `plan`: the number of the other plan, `plan_ref`: its ref.
    """

    class What(models.TextChoices):
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Went on"
        SHORTENED = "shortened", "Shortened"
        EXTENDED = "extended", "Extended"
        REPLACED = "replaced", "Replaced"
        STOPPED = "stopped", "Stopped"

    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, related_name="changes")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="course_changes")
    what = models.CharField(max_length=10, choices=What.choices)
    reason = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict)
    made_at = models.DateTimeField(db_default=ClinicNow())
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-made_at", "-id"]
        indexes = [models.Index(fields=["patient", "-made_at"], name="course_change_newest_first")]
        constraints = [
            models.CheckConstraint(name="course_change_says_why", condition=Q(what="resumed") | ~Q(reason="")),
            models.CheckConstraint(
                name="course_change_undone_says_who", condition=Q(undone_at=None) | Q(undone_by__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}"
