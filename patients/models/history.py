"""What they told us. Answers are only ever added: which one counts is decided by the protocol, not by deleting."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q

from clinic.models import ClinicNow, RefModel
from patients.models.fixed import NOT_OF_A_MERGED_RECORD, StaysAsWritten
from patients.models.people import Patient

# Screening reads this row, so a record made before the change no longer opens a session.
RAISES_FACTS_VERSION = pgtrigger.Trigger(
    name="raises_facts_version",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    func=(
        "UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id);"
        " RETURN NULL;"
    ),
)


@pgtrigger.register(
    RAISES_FACTS_VERSION,
    NOT_OF_A_MERGED_RECORD,
    StaysAsWritten(name="history_answer_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
)
class HistoryAnswer(RefModel):
    """One answer to one question of the protocol, as given that day (FHIR QuestionnaireResponse item)."""

    class Value(models.TextChoices):
        YES = "yes", "Yes"
        NO = "no", "No"
        NOT_SURE = "not_sure", "Not sure"

    class Via(models.TextChoices):
        PATIENT = "patient", "Patient"
        CLINICIAN = "clinician", "Clinician, asking the patient"
        DESK = "desk", "Front desk, by telephone"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="answers")
    code = models.CharField(max_length=40)
    value = models.CharField(max_length=10, choices=Value.choices)
    on = models.DateField(null=True, blank=True)
    detail = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=400, blank=True)
    answered_on = models.DateField()
    via = models.CharField(max_length=10, choices=Via.choices)
    recorded_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        indexes = [models.Index(fields=["patient", "code", "-answered_on", "-id"], name="answer_latest_first")]
        constraints = [
            models.CheckConstraint(name="history_answer_value_known", condition=Q(value__in=["yes", "no", "not_sure"])),
        ]


@pghistory.track(append_only=True)
@pgtrigger.register(RAISES_FACTS_VERSION, NOT_OF_A_MERGED_RECORD)
class MedicationStatement(RefModel):
    """A medicine, prescribed or bought, with when it began and ended (FHIR MedicationStatement)."""

    class Kind(models.TextChoices):
        """What screening understands; anything else is kept in words and shown."""

        ISOTRETINOIN = "isotretinoin", "Isotretinoin (capsules)"
        TOPICAL_RETINOID = "topical_retinoid", "Retinoid cream (tretinoin, adapalene, retinol)"
        ANTICOAGULANT = "anticoagulant", "Prescribed blood thinner"
        IMMUNOSUPPRESSANT = "immunosuppressant", "Immunosuppressant or high-dose steroid"
        PHOTOSENSITISER = "photosensitiser", "Makes skin sun-sensitive"
        OTHER = "other", "Other"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="medications")
    kind = models.CharField(max_length=30, choices=Kind.choices, default=Kind.OTHER)
    name = models.CharField(max_length=120)
    prescribed = models.BooleanField(default=True)
    started_on = models.DateField(null=True, blank=True)
    stopped_on = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=400, blank=True)
    entered_in_error = models.BooleanField(default=False)
    error_reason = models.CharField(max_length=200, blank=True)
    recorded_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = [F("stopped_on").desc(nulls_first=True), "-id"]
        constraints = [
            models.CheckConstraint(
                name="medication_stops_after_start",
                condition=Q(started_on__isnull=True) | Q(stopped_on__isnull=True) | Q(stopped_on__gte=F("started_on")),
            ),
        ]

    @property
    def is_current(self) -> bool:
        return self.stopped_on is None and not self.entered_in_error


@pghistory.track(append_only=True)
@pgtrigger.register(RAISES_FACTS_VERSION, NOT_OF_A_MERGED_RECORD)
class Allergy(RefModel):
    """FHIR AllergyIntolerance."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="allergies")
    substance = models.CharField(max_length=120)
    reaction = models.CharField(max_length=200, blank=True)
    noted_on = models.DateField()
    entered_in_error = models.BooleanField(default=False)
    error_reason = models.CharField(max_length=200, blank=True)
    recorded_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=ClinicNow())
