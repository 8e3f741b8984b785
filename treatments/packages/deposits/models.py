"""Deposits on visits: an amount and a reference, and what became of it. No cards, and nothing here moves money."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q

from clinic import currencies
from clinic.models import Clinic, ClinicNow, RefModel, User
from patients.models import Patient
from patients.models.fixed import NOT_OF_A_MERGED_RECORD
from treatments.appointments.models import Appointment
from treatments.packages import ledger
from treatments.packages.models import amount_field


class State(models.TextChoices):
    TAKEN = "taken", "Taken"
    RETURNED = "returned", "Returned"
    KEPT = "kept", "Kept"


@pghistory.track(append_only=True)
@pgtrigger.register(NOT_OF_A_MERGED_RECORD, ledger.DEPOSIT_IS_FIXED, ledger.DEPOSIT_OF_ITS_OWN_VISIT)
class Deposit(RefModel):
    """What was taken for one visit. `state` is the last of its steps, which the database writes."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="deposits")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="deposits")
    visit = models.ForeignKey(Appointment, on_delete=models.PROTECT, related_name="deposits")
    amount = amount_field()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=60)
    state = models.CharField(max_length=8, choices=State.choices, default=State.TAKEN)
    taken_at = models.DateTimeField(db_default=ClinicNow())
    taken_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(name="deposit_amount_can_be", condition=Q(amount__gt=0))]

    def __str__(self) -> str:
        return f"Deposit of {self.amount_words}"

    @property
    def amount_words(self) -> str:
        return currencies.written(self.amount, self.currency)


@pgtrigger.register(
    ledger.STEP_FOLLOWS, pgtrigger.Protect(name="deposit_step_stays", operation=pgtrigger.Update | pgtrigger.Delete)
)
class DepositStep(RefModel):
    """Returned, kept, or put back to taken where that was a mistake: when, by whom and why."""

    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="steps")
    was = models.CharField(max_length=8, choices=State.choices)
    became = models.CharField(max_length=8, choices=State.choices)
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="deposit_step_goes_on", condition=~Q(was=F("became"))),
            models.CheckConstraint(name="deposit_step_says_why", condition=Q(reason__regex=r"\S")),
        ]

    def __str__(self) -> str:
        return self.get_became_display()
