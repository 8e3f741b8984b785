"""Health questions as a patient answers them herself, on a tablet of ours: half of them, then all, then looked at."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.models import ClinicNow, Handover, RefModel, User
from patients.models import Patient
from patients.models.fixed import GOES_WITH_A_MERGE, NOT_OF_A_MERGED_RECORD
from treatments.screenings.models import ScreeningRecord

LOOKED_AT = "ARRAY['seen_at', 'seen_by_id', 'seen_note']"


def _refused(promise: str) -> str:
    return f"RAISE EXCEPTION '{promise}' USING ERRCODE = 'check_violation', CONSTRAINT = '{promise}';"


# What she has sent is what a clinician decides on.
PATIENT_FORM_IS_GIVEN = pgtrigger.Trigger(
    name="patient_form_is_given",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    condition=pgtrigger.Q(old__given_at__isnull=False),
    func=f"""
        IF {GOES_WITH_A_MERGE} THEN RETURN NEW; END IF;
        IF TG_OP = 'DELETE' OR to_jsonb(NEW) - {LOOKED_AT} IS DISTINCT FROM to_jsonb(OLD) - {LOOKED_AT}
        THEN {_refused("patient_form_is_given")} END IF;
        RETURN NEW;
    """,
)


def differ_words(count: int) -> str:
    """How many answers are not those of last time."""
    if not count:
        return "nothing differs from last time"
    return "1 answer differs from last time" if count == 1 else f"{count} answers differ from last time"


@pgtrigger.register(NOT_OF_A_MERGED_RECORD, PATIENT_FORM_IS_GIVEN)
class PatientForm(RefModel):
    """One form of a patient, of one day of the clinic. The answers themselves are HistoryAnswer rows of the moment she gave
    them; `record` is the run of the rules that followed at once, and opens no session."""

    class Kind(models.TextChoices):
        DAY = "day", "Questions of the day"
        FULL = "full", "All health questions"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="own_forms")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    # A half form is offered again on its day, and on no other.
    on = models.DateField()
    # The last one in which something of it was saved.
    handover = models.ForeignKey(Handover, on_delete=models.PROTECT, related_name="+")
    # Field to what stands in it, until she gives the form: then it is empty, and the answers count.
    said = models.JSONField(default=dict)
    begun_at = models.DateTimeField(db_default=ClinicNow())
    saved_at = models.DateTimeField(db_default=ClinicNow())
    # How long she had it before her, in real seconds: in earlier hand-overs alone, until she gives it.
    seconds = models.PositiveIntegerField(default=0)
    given_at = models.DateTimeField(null=True)
    asked = models.PositiveSmallIntegerField(default=0)
    # Codes of the questions whose answer differs from her last one, and of what looks ticked through (`judging`).
    changed = ArrayField(models.CharField(max_length=40), default=list)
    flags = ArrayField(models.CharField(max_length=20), default=list)
    record = models.ForeignKey(ScreeningRecord, on_delete=models.PROTECT, null=True, related_name="+")
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    seen_note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["patient"], name="patient_form_to_confirm", condition=Q(given_at__isnull=False, seen_at=None)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "kind", "on"], name="patient_form_half_once", condition=Q(given_at=None)
            ),
            models.CheckConstraint(
                name="patient_form_given_is_screened",
                condition=Q(given_at=None, record=None) | Q(given_at__isnull=False, record__isnull=False, said={}),
            ),
            models.CheckConstraint(
                name="patient_form_seen_says_who",
                condition=Q(seen_at=None, seen_by=None)
                | Q(seen_at__isnull=False, seen_by__isnull=False, given_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

    @property
    def differing(self) -> str:
        return differ_words(len(self.changed))

    @property
    def waits(self) -> bool:
        """Given, and no clinician has looked."""
        return self.given_at is not None and self.seen_at is None
