"""What was measured, and the review that a rising score asks for."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import Q

from clinic.models import Clinic, ClinicNow, RefModel, User
from patients.models import Patient
from patients.models.fixed import GOES_WITH_A_MERGE, NOT_OF_A_MERGED_RECORD
from treatments.plans.models import TreatmentPlan
from treatments.sessions.gate import refusal
from treatments.sessions.models import TreatmentSession

# Marking a score as entered in error is the one change it takes, once.
SCORE_IS_FIXED = pgtrigger.Trigger(
    name="outcome_score_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF {GOES_WITH_A_MERGE} THEN RETURN NEW; END IF;
        IF TG_OP = 'DELETE' OR OLD.entered_in_error OR (to_jsonb(NEW) - ARRAY['entered_in_error', 'error_reason'])
            IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['entered_in_error', 'error_reason']) THEN
            {refusal("outcome_score_is_fixed")}
        END IF;
        RETURN NEW;
    """,
)

SCORE_OF_ITS_OWN_PATIENT = pgtrigger.Trigger(
    name="outcome_score_of_its_own_patient",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        IF (SELECT clinic_id FROM patients_patient WHERE id = NEW.patient_id) IS DISTINCT FROM NEW.clinic_id
            OR (NEW.plan_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM treatments_treatmentplan WHERE id = NEW.plan_id AND patient_id = NEW.patient_id))
            OR (NEW.session_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM treatments_treatmentsession WHERE id = NEW.session_id AND patient_id = NEW.patient_id)) THEN
            {refusal("outcome_score_of_its_own_patient")}
        END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

# On the plan's own table: whatever a form, a service or a script says, no course of a patient begins or goes on while
# one of hers waits for a review. A course that was stopped keeps its question: planning anew does not answer it.
REVIEW_COMES_FIRST = pgtrigger.Trigger(
    name="plan_review_comes_first",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    func=f"""
        IF NEW.status = 'active' AND OLD.status IS DISTINCT FROM 'active' AND EXISTS (
            SELECT 1 FROM treatments_coursereview review JOIN treatments_treatmentplan course ON course.id = review.plan_id
            WHERE course.patient_id = NEW.patient_id AND review.reviewed_at IS NULL
        ) THEN {refusal("plan_review_comes_first")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)
pgtrigger.register(REVIEW_COMES_FIRST)(TreatmentPlan)

# What put a course on hold stays as it was raised; an answer is written into it once.
REVIEW_IS_FIXED = pgtrigger.Trigger(
    name="course_review_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    declare=[("answer", "text[] := ARRAY['reviewed_at', 'reviewed_by_id', 'decision', 'note']")],
    func=f"""
        IF TG_OP = 'DELETE' OR OLD.reviewed_at IS NOT NULL OR NEW.reviewed_at IS NULL
            OR (to_jsonb(NEW) - answer) IS DISTINCT FROM (to_jsonb(OLD) - answer) THEN
            {refusal("course_review_is_fixed")}
        END IF;
        RETURN NEW;
    """,
)


@pgtrigger.register(NOT_OF_A_MERGED_RECORD, SCORE_IS_FIXED, SCORE_OF_ITS_OWN_PATIENT)
class OutcomeScore(RefModel):
    """One measurement with one instrument in one variant (FHIR Observation). Totals of two variants are never compared."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="outcome_scores")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="outcome_scores")
    # The course under way and the session of that day, where there were any.
    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, null=True, related_name="outcome_scores")
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, null=True, related_name="outcome_scores")
    instrument = models.CharField(max_length=40)
    variant = models.CharField(max_length=120)
    # The version of the table of instruments that the total was worked out with.
    table_version = models.CharField(max_length=20)
    zone = models.CharField(max_length=30, blank=True)
    assessed_on = models.DateField()
    assessor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    items = models.JSONField()
    total = models.DecimalField(max_digits=6, decimal_places=2)
    band = models.CharField(max_length=60, blank=True)
    # Of a questionnaire that is not part of the product: under which licence it was used, in the words of who used it.
    licence_note = models.CharField(max_length=200, blank=True, default="", db_default="")
    note = models.TextField(blank=True)
    entered_in_error = models.BooleanField(default=False)
    error_reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["-assessed_on", "-id"]
        indexes = [models.Index(fields=["patient", "instrument", "variant", "-assessed_on"], name="score_latest_first")]
        constraints = [
            models.CheckConstraint(name="outcome_score_not_below_nought", condition=Q(total__gte=0)),
            models.CheckConstraint(
                name="outcome_score_in_error_says_why", condition=Q(entered_in_error=False) | ~Q(error_reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.total}"


@pgtrigger.register(REVIEW_IS_FIXED)
@pghistory.track(append_only=True)
class CourseReview(RefModel):
    """A score rose too far over its baseline: the course waits until a clinician has looked (FHIR Task)."""

    class Decision(models.TextChoices):
        GO_ON = "go_on", "The course goes on"
        STAY = "stay", "The course waits"
        ENDED = "ended", "The course has ended"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="course_reviews")
    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, related_name="reviews")
    score = models.ForeignKey(OutcomeScore, on_delete=models.PROTECT, related_name="+")
    baseline = models.ForeignKey(OutcomeScore, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    raised_at = models.DateTimeField(db_default=ClinicNow())
    raised_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan"], name="course_review_one_open", condition=Q(reviewed_at__isnull=True)
            ),
            models.CheckConstraint(
                name="course_review_says_who_what_and_why",
                condition=Q(reviewed_at__isnull=True, decision="")
                | (Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~Q(decision="") & ~Q(note="")),
            ),
        ]

    def __str__(self) -> str:
        return self.reason

    @property
    def struck(self) -> bool:
        """Whether one of its two scores was marked as entered in error since. What they said is still to be looked at."""
        return self.score.entered_in_error or self.baseline.entered_in_error
