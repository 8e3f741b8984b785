"""What the rules said, on which facts, under which protocol; and what a named clinician lifted."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import Q

from clinic.models import ClinicNow, RefModel, User
from patients.models import Patient
from patients.models.fixed import NOT_OF_A_MERGED_RECORD, StaysAsWritten
from patients.models.history import RAISES_FACTS_VERSION
from treatments.rules.models import ProtocolVersion

OUTCOMES = ("clear", "caution", "ask", "needs_clinician", "defer", "block")


# What a patient has told us herself opens no session before a clinician has looked: her forms of a tablet, and what the desk
# heard by telephone about a visit of that day. Their tables lie further along the path, so they are named here in SQL alone.
WAITS_FOR_A_LOOK = pgtrigger.Trigger(
    name="screening_after_a_look",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Q(new__purpose="session"),
    func="""
        IF EXISTS (
            SELECT 1 FROM treatments_patientform own
            WHERE own.patient_id = NEW.patient_id AND own.given_at IS NOT NULL AND own.seen_at IS NULL
        ) OR EXISTS (
            SELECT 1 FROM treatments_changereport heard JOIN treatments_appointment visit ON visit.id = heard.visit_id
            WHERE heard.patient_id = NEW.patient_id AND heard.heard_by_id IS NOT NULL AND heard.seen_at IS NULL
                AND visit.day = NEW.on AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room')
        ) THEN
            RAISE EXCEPTION 'screening_after_a_look' USING ERRCODE = 'check_violation', CONSTRAINT = 'screening_after_a_look';
        END IF;
        RETURN NEW;
    """,
)


@pgtrigger.register(
    WAITS_FOR_A_LOOK,
    NOT_OF_A_MERGED_RECORD,
    StaysAsWritten(name="screening_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
)
class ScreeningRecord(RefModel):
    """One run of the rules for one patient and one day, with everything it read. Never changed, only made again."""

    class Purpose(models.TextChoices):
        SESSION = "session", "Session"
        BOOKING = "booking", "Booking"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="screenings")
    protocol = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    outcome = models.CharField(max_length=20)
    earliest_on = models.DateField(null=True)
    binding = models.CharField(max_length=40, blank=True)
    # The whole answer of `screen()`, its outlook on later days, and the facts: `findings`, `missing`, `changes` are read here.
    result = models.JSONField()
    facts = models.JSONField()
    facts_version = models.PositiveIntegerField()
    # What the clinic had set for itself on that day, so that the run can be done again; and which state of it that was.
    policy = models.JSONField(default=list)
    rules_version = models.PositiveBigIntegerField(default=1)
    made_at = models.DateTimeField(db_default=ClinicNow())
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["patient", "-id"], name="screening_latest_first")]
        constraints = [models.CheckConstraint(name="screening_outcome_known", condition=Q(outcome__in=OUTCOMES))]

    @property
    def changes(self) -> list[dict]:
        return self.result["changes"]


@pgtrigger.register(pgtrigger.Protect(name="finding_append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class ScreeningFinding(models.Model):
    """A raised rule (FHIR DetectedIssue), as a row so that "how often did this fire" is a query."""

    record = models.ForeignKey(ScreeningRecord, on_delete=models.CASCADE, related_name="findings")
    code = models.CharField(max_length=40, db_index=True)
    category = models.CharField(max_length=3)
    earliest_on = models.DateField(null=True)
    cleared_until = models.DateField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code


@pghistory.track(append_only=True)
@pgtrigger.register(RAISES_FACTS_VERSION, NOT_OF_A_MERGED_RECORD)
class Clearance(RefModel):
    """A clinician answers for one raised rule of one patient until a day. `expires_on` is the last day it counts."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="clearances")
    code = models.CharField(max_length=40)
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    licence = models.CharField(max_length=60)
    reason = models.TextField()
    evidence = models.CharField(max_length=200, blank=True)
    given_on = models.DateField()
    expires_on = models.DateField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["-given_on", "-id"]
        constraints = [
            models.CheckConstraint(
                name="clearance_ends_after_it_begins", condition=Q(expires_on__gte=models.F("given_on"))
            ),
            models.CheckConstraint(name="clearance_says_who_and_why", condition=~Q(reason="") & ~Q(licence="")),
        ]
