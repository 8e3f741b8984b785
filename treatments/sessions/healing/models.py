"""What a patient says of her skin in the week after a session, and what came of it."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.models import ClinicNow, RefModel, User
from patients.models import Patient, PatientLink, Photo
from patients.models.fixed import NOT_OF_A_MERGED_RECORD, StaysAsWritten
from treatments.protocol.triage import LEVELS
from treatments.sessions.models import AdverseEvent, TreatmentSession


@pgtrigger.register(
    NOT_OF_A_MERGED_RECORD,
    pgtrigger.Protect(name="check_in_kept", operation=pgtrigger.Delete),
    StaysAsWritten(
        name="check_in_only_looked_at",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["reaction", "seen_at", "seen_by", "seen_note"]),
    ),
)
class CheckIn(RefModel):
    """One healing check-in (FHIR QuestionnaireResponse). She may send several a day: the worst that nobody has looked at counts."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="check_ins")
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="check_ins")
    # Days since the session, by the clinic's calendar, as of the answer.
    day = models.PositiveSmallIntegerField()
    redness = models.PositiveSmallIntegerField(null=True)  # 0 none to 3 strong
    swelling = models.PositiveSmallIntegerField(null=True)  # 0 none to 3 strong
    pain = models.PositiveSmallIntegerField(null=True)  # 0 to 10
    # Codes of the catalogue's red flags that she ticked.
    flags = ArrayField(models.CharField(max_length=40), default=list)
    note = models.CharField(max_length=400, blank=True)
    photo = models.ForeignKey(Photo, on_delete=models.PROTECT, null=True, related_name="+")
    level = models.CharField(max_length=10)
    # The red flags of this version of the protocol were asked.
    protocol_sha256 = models.CharField(max_length=64)
    answered_at = models.DateTimeField(db_default=ClinicNow())
    # None: asked by telephone, then `asked_by` says who wrote it down.
    link = models.ForeignKey(PatientLink, on_delete=models.PROTECT, null=True, related_name="+")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    # One press is one check-in, however often it arrives.
    once = models.UUIDField(unique=True)
    # What holds her next session: opened at once by a red answer.
    reaction = models.ForeignKey(AdverseEvent, on_delete=models.PROTECT, null=True, related_name="check_ins")
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    seen_note = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["answered_at"],
                name="check_in_to_look_at",
                condition=Q(seen_at=None) & ~Q(level="green"),
            )
        ]
        constraints = [
            models.CheckConstraint(name="check_in_level_known", condition=Q(level__in=LEVELS)),
            models.CheckConstraint(
                name="check_in_within_scales",
                condition=(Q(redness=None) | Q(redness__lte=3))
                & (Q(swelling=None) | Q(swelling__lte=3))
                & (Q(pain=None) | Q(pain__lte=10)),
            ),
            models.CheckConstraint(
                name="check_in_says_who",
                condition=Q(link__isnull=False, asked_by=None) | Q(link=None, asked_by__isnull=False),
            ),
            models.CheckConstraint(
                name="check_in_red_opens_a_reaction", condition=~Q(level="red") | Q(reaction__isnull=False)
            ),
            models.CheckConstraint(
                name="check_in_seen_says_who_and_what",
                condition=Q(seen_at=None, seen_by=None, seen_note="")
                | (Q(seen_at__isnull=False, seen_by__isnull=False) & ~Q(seen_note="")),
            ),
        ]

    def __str__(self) -> str:
        return f"Check-in on day {self.day}"
