"""A needling that was not charted here: before these records began, or somewhere else."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q

from clinic.models import Clinic, ClinicNow, RefModel, User
from patients.importing.models import ImportRun
from patients.models import Patient
from patients.models.fixed import GOES_WITH_A_MERGE, NOT_OF_A_MERGED_RECORD
from patients.models.history import RAISES_FACTS_VERSION

# Nothing is needled deeper, wherever it was done: a larger number is a slip of the pen.
ABSOLUTE_CAP_MM = 3


def _refusal(promise: str) -> str:
    return f"RAISE EXCEPTION '{promise}' USING ERRCODE = 'check_violation', CONSTRAINT = '{promise}';"


# The patient's row first: it is the row that the gate before a session locks, so of a session that is being opened and a
# past one that is being entered the second waits and sees the first.
ON_A_DAY_OF_HER_LIFE = pgtrigger.Trigger(
    name="past_session_on_a_day_of_her_life",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("who", "patients_patient%ROWTYPE"), ("today", "date")],
    func=f"""
        SELECT * INTO who FROM patients_patient WHERE id = NEW.patient_id FOR UPDATE;
        SELECT (clinic_now() AT TIME ZONE zone)::date INTO today FROM clinic_clinic WHERE id = who.clinic_id;
        IF NEW."on" > today OR NEW.reaction_resolved_on > today THEN {_refusal("past_session_has_been")} END IF;
        IF NEW."on" < who.born_on THEN {_refusal("past_session_after_birth")} END IF;
        IF EXISTS (
            SELECT 1 FROM treatments_treatmentsession
            WHERE patient_id = NEW.patient_id AND "on" = NEW."on" AND status <> 'entered_in_error'
        ) THEN {_refusal("past_session_charted_already")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

# It is corrected by another row. Only the undoing of the import it came with takes one away.
IS_FIXED = pgtrigger.Trigger(
    name="past_session_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF TG_OP = 'DELETE' THEN
            IF NOT EXISTS (SELECT 1 FROM patients_importrun WHERE id = OLD.imported_in_id AND status = 'undoing') THEN
                {_refusal("past_session_is_fixed")}
            END IF;
            RETURN OLD;
        END IF;
        IF {GOES_WITH_A_MERGE} THEN RETURN NEW; END IF;
        IF OLD.entered_in_error OR NOT NEW.entered_in_error
            OR (to_jsonb(NEW) - ARRAY['entered_in_error', 'error_reason', 'error_by_id', 'error_at'])
            IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['entered_in_error', 'error_reason', 'error_by_id', 'error_at'])
        THEN {_refusal("past_session_is_fixed")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)


@pghistory.track(append_only=True)
@pgtrigger.register(RAISES_FACTS_VERSION, NOT_OF_A_MERGED_RECORD, ON_A_DAY_OF_HER_LIFE, IS_FIXED)
class PastSession(RefModel):
    """One needling entered afterwards. The floor runs from it as from every other; `counts` is about the numbers of a course.

    `deepest_mm` None: nobody knows any more. A reaction has its grade (1 to 5), whether it lasted over 72 hours, and the
    day it had settled; None: it has not.
    """

    class Where(models.TextChoices):
        HERE = "here", "Here, before these records"
        ELSEWHERE = "elsewhere", "Elsewhere"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="past_sessions")
    on = models.DateField()
    where = models.CharField(max_length=10, choices=Where.choices)
    counts = models.BooleanField()
    deepest_mm = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    reaction_grade = models.PositiveSmallIntegerField(null=True, blank=True)
    reaction_over_72h = models.BooleanField(default=False)
    reaction_resolved_on = models.DateField(null=True, blank=True)

    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(db_default=ClinicNow())
    imported_in = models.ForeignKey(ImportRun, on_delete=models.PROTECT, null=True, related_name="+")
    entered_in_error = models.BooleanField(default=False)
    error_reason = models.CharField(max_length=200, blank=True)
    error_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    error_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "on"], name="past_session_once_a_day", condition=Q(entered_in_error=False)
            ),
            models.CheckConstraint(
                name="past_session_depth_within_cap",
                condition=Q(deepest_mm__isnull=True) | Q(deepest_mm__gt=0, deepest_mm__lte=ABSOLUTE_CAP_MM),
            ),
            models.CheckConstraint(
                name="past_session_grade_1_to_5",
                condition=Q(reaction_grade__isnull=True) | Q(reaction_grade__gte=1, reaction_grade__lte=5),
            ),
            models.CheckConstraint(
                name="past_session_reaction_has_a_grade",
                condition=Q(reaction_grade__isnull=False)
                | Q(reaction_over_72h=False, reaction_resolved_on__isnull=True),
            ),
            models.CheckConstraint(
                name="past_session_settled_after_it",
                condition=Q(reaction_resolved_on__isnull=True) | Q(reaction_resolved_on__gte=F("on")),
            ),
            models.CheckConstraint(
                name="past_session_in_error_says_who_and_why",
                condition=Q(entered_in_error=False)
                | (Q(error_by__isnull=False, error_at__isnull=False) & Q(error_reason__regex=r"\S")),
            ),
        ]

    def __str__(self) -> str:
        return f"Session of {self.on}"

    @property
    def clinic(self) -> Clinic:
        return self.patient.clinic
