"""What the skin shows and what the patient wants: concern, zone, severity, skin type."""

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.models import ClinicNow, RefModel, User
from patients.models import Patient
from patients.models.fixed import NOT_OF_A_MERGED_RECORD
from patients.models.history import RAISES_FACTS_VERSION


@pghistory.track(append_only=True)
@pgtrigger.register(RAISES_FACTS_VERSION, NOT_OF_A_MERGED_RECORD)
class Assessment(RefModel):
    """One look at the skin (FHIR Observation). The newest that is not entered in error counts."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="assessments")
    assessed_on = models.DateField()
    assessed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # Fitzpatrick I to VI as the clinician judged it: self-report predicts it poorly. Empty: not known yet.
    skin_type = models.PositiveSmallIntegerField(null=True, blank=True)
    pih_history = models.BooleanField("dark marks after an earlier procedure or spot", default=False)
    note = models.TextField(blank=True)
    entered_in_error = models.BooleanField(default=False)
    error_reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["-assessed_on", "-id"]
        constraints = [
            models.CheckConstraint(
                name="assessment_skin_type_known",
                condition=Q(skin_type__isnull=True) | Q(skin_type__gte=1, skin_type__lte=6),
            )
        ]


class AssessedConcern(models.Model):
    class Severity(models.TextChoices):
        MILD = "mild", "Mild"
        MODERATE = "moderate", "Moderate"
        SEVERE = "severe", "Severe"

    assessment = models.ForeignKey(Assessment, on_delete=models.CASCADE, related_name="concerns")
    code = models.CharField(max_length=40)
    zones = ArrayField(models.CharField(max_length=30))
    severity = models.CharField(max_length=10, choices=Severity.choices)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["assessment", "code"], name="assessment_concern_once"),
            models.CheckConstraint(name="assessment_concern_has_a_zone", condition=Q(zones__len__gt=0)),
        ]

    def __str__(self) -> str:
        return self.code
