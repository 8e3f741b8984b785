"""What a member of the clinic may treat on: her licence, her certificate of training, and whatever else is asked for."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q

from clinic.models import ClinicNow, Membership, RefModel, User


@pghistory.track(append_only=True)
@pgtrigger.register(pgtrigger.Protect(name="credential_never_deleted", operation=pgtrigger.Delete))
class Credential(RefModel):
    """One paper with its days. `valid_until` is its last day; empty where it has no end. A renewal is another row: what was
    valid on the day of a session stays on record. Withdrawn it is valid no more; one that was entered in error counts as if
    it had never been kept, one that was taken from her goes on being asked for."""

    class Kind(models.TextChoices):
        LICENCE = "licence", "Registration or licence"
        TRAINING = "training", "Training in microneedling"
        OTHER = "other", "Other"

    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # What an "other" one is; of the first two it says more than their kind where somebody wants to.
    name = models.CharField(max_length=80, blank=True)
    number = models.CharField(max_length=60, blank=True)
    issuer = models.CharField(max_length=80)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(db_default=ClinicNow())
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    entered_in_error = models.BooleanField(default=False, db_default=False)
    withdrawn_reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ["kind", "-valid_from", "-id"]
        indexes = [
            models.Index(fields=["membership", "kind"], name="credential_of_kind", condition=Q(withdrawn_at=None))
        ]
        constraints = [
            models.CheckConstraint(
                name="credential_kind_known", condition=Q(kind__in=["licence", "training", "other"])
            ),
            models.CheckConstraint(
                name="credential_ends_after_it_begins",
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
            ),
            models.CheckConstraint(name="credential_other_says_what", condition=~Q(kind="other") | ~Q(name="")),
            models.CheckConstraint(
                name="credential_withdrawn_says_who_and_why",
                condition=Q(withdrawn_at=None, withdrawn_by=None, entered_in_error=False)
                | (Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~Q(withdrawn_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.get_kind_display()


# The kinds without which nobody treats, once the clinic keeps them for that person (clinical data sheet, section 9).
BLOCKING = (Credential.Kind.LICENCE, Credential.Kind.TRAINING)
