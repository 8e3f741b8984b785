"""Pictures of a patient's skin. The row names a file outside the web root; whoever may look is asked by the view that serves it."""

import pgtrigger
from django.db import models
from django.db.models import Q

from clinic.models import ClinicNow, RefModel, User
from patients.models.fixed import NOT_OF_A_MERGED_RECORD, StaysAsWritten
from patients.models.people import Patient


@pgtrigger.register(
    NOT_OF_A_MERGED_RECORD,
    pgtrigger.Protect(name="photo_kept", operation=pgtrigger.Delete),
    StaysAsWritten(
        name="photo_only_struck_out",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["entered_in_error", "error_reason"]),
    ),
)
class Photo(RefModel):
    """A picture as it is kept: drawn anew from its pixels, so nothing of the camera's is in it (FHIR Media)."""

    class Source(models.TextChoices):
        PATIENT = "patient", "Patient"
        CLINIC = "clinic", "Clinic"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="photos")
    # The ref of what it belongs to: a check-in, a session.
    about = models.UUIDField(null=True, db_index=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    # 128 random bits, below MEDIA_ROOT/photos: the name says nothing of her.
    name = models.CharField(max_length=80, unique=True)
    content_type = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()
    width_px = models.PositiveIntegerField()
    height_px = models.PositiveIntegerField()
    added_at = models.DateTimeField(db_default=ClinicNow())
    # None: she sent it herself.
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    entered_in_error = models.BooleanField(default=False)
    error_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="photo_says_who_added_it",
                condition=Q(source="patient", added_by=None) | Q(source="clinic", added_by__isnull=False),
            ),
            models.CheckConstraint(
                name="photo_in_error_says_why", condition=Q(entered_in_error=False) | ~Q(error_reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"Photo of {self.added_at:%d %b %Y}"
