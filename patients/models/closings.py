"""That a record was closed, and why; and that it was opened again."""

import pgtrigger
from django.db import models
from django.db.models import Q

from clinic.models import ClinicNow, RefModel, User
from patients.models.people import Patient


@pgtrigger.register(
    pgtrigger.Protect(name="record_closing_kept", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="record_closing_only_reopened",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["reopened_at", "reopened_by", "reopened_reason"]),
    ),
)
class RecordClosing(RefModel):
    """A record that ended. `on`: the day it happened, where somebody knows it. A closing stands until it is reopened."""

    class Why(models.TextChoices):
        DECEASED = Patient.Status.DECEASED.value, "Deceased"
        MOVED_AWAY = Patient.Status.MOVED_AWAY.value, "Moved away, or goes elsewhere"
        ENTERED_IN_ERROR = Patient.Status.ENTERED_IN_ERROR.value, "Entered in error"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="closings")
    why = models.CharField(max_length=20, choices=Why.choices)
    reason = models.CharField(max_length=200)
    on = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(db_default=ClinicNow())
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reopened_at = models.DateTimeField(null=True)
    reopened_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    reopened_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(reopened_at__isnull=True), name="record_closed_once"
            ),
            models.CheckConstraint(name="record_closing_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="record_reopening_says_who_and_why",
                condition=Q(reopened_at__isnull=True) | (Q(reopened_by__isnull=False) & ~Q(reopened_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return self.get_why_display()
