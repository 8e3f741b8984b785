"""Sessions that are sold ahead: what the clinic offers, what a patient has bought, and what became of each session of it."""

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
from treatments.sessions.models import TreatmentSession

MOST_SESSIONS = 12
MOST_MONTHS = 60
# A week: whoever cancels earlier than that has not cancelled late.
MOST_HOURS = 168


class Technique(models.TextChoices):
    """What a package is for. Every course is needled by a pen today; a technique that is added has a package of its own."""

    ANY = "", "Any treatment"
    MICRONEEDLING = "microneedling", "Microneedling"


def amount_field(**more) -> models.DecimalField:
    """In the currency that stands beside it; three digits after the point are the most that one has."""
    return models.DecimalField(max_digits=11, decimal_places=currencies.MOST_DIGITS, **more)


@pghistory.track(append_only=True)
class PackagePolicy(models.Model):
    """What a missed visit costs. Without a row, nothing: a clinic says so before it takes anything from somebody."""

    clinic = models.OneToOneField(Clinic, on_delete=models.PROTECT, related_name="package_policy")
    miss_burns = models.BooleanField(default=False)
    # A visit that is cancelled fewer hours before counts as missed; empty: however late, it does not.
    late_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    miss_keeps_deposit = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="package_policy_hours_can_be",
                condition=Q(late_hours__isnull=True) | Q(late_hours__gte=1, late_hours__lte=MOST_HOURS),
            )
        ]

    def __str__(self) -> str:
        return f"What a missed visit costs at {self.clinic}"


@pghistory.track(append_only=True)
class PackageOffer(RefModel):
    """What may be sold. Changed freely: what was sold keeps what it was sold as."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="package_offers")
    name = models.CharField(max_length=80)
    technique = models.CharField(max_length=40, choices=Technique.choices, blank=True, default="")
    sessions = models.PositiveSmallIntegerField()
    # Counted from the day of the sale; empty: no end.
    valid_months = models.PositiveSmallIntegerField(null=True, blank=True)
    amount = amount_field()
    currency = models.CharField(max_length=3)
    in_sale = models.BooleanField(default=True)

    class Meta:
        ordering = ["-in_sale", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "name"], name="package_offer_name_once"),
            models.CheckConstraint(
                name="package_offer_sessions_1_to_12", condition=Q(sessions__gte=1, sessions__lte=MOST_SESSIONS)
            ),
            models.CheckConstraint(
                name="package_offer_months_can_be",
                condition=Q(valid_months__isnull=True) | Q(valid_months__gte=1, valid_months__lte=MOST_MONTHS),
            ),
            models.CheckConstraint(name="package_offer_amount_can_be", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def amount_words(self) -> str:
        return currencies.written(self.amount, self.currency)


@pghistory.track(append_only=True)
@pgtrigger.register(NOT_OF_A_MERGED_RECORD, ledger.SOLD_IS_FIXED)
class Package(RefModel):
    """What one patient has bought, with the terms of that day. The database keeps `sessions_left` and `until_on` (the last day
    on which it counts; None: no end) from its entries. It expires by its date: nobody has to do anything, and nothing goes."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="packages")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="packages")
    offer = models.ForeignKey(PackageOffer, on_delete=models.PROTECT, related_name="sold")
    name = models.CharField(max_length=80)
    technique = models.CharField(max_length=40, choices=Technique.choices, blank=True, default="")
    sessions = models.PositiveSmallIntegerField()
    sessions_left = models.SmallIntegerField()
    from_on = models.DateField()
    until_on = models.DateField(null=True, blank=True)
    amount = amount_field()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=60)
    # The terms of a missed visit as they were when she bought it.
    miss_burns = models.BooleanField(default=False)
    late_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    sold_at = models.DateTimeField(db_default=ClinicNow())
    sold_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["from_on", "id"]
        constraints = [
            models.CheckConstraint(
                name="package_sessions_1_to_12", condition=Q(sessions__gte=1, sessions__lte=MOST_SESSIONS)
            ),
            models.CheckConstraint(name="package_left_never_below_nought", condition=Q(sessions_left__gte=0)),
            models.CheckConstraint(
                name="package_left_never_more_than_sold", condition=Q(sessions_left__lte=F("sessions"))
            ),
            models.CheckConstraint(
                name="package_ends_after_it_begins",
                condition=Q(until_on__isnull=True) | Q(until_on__gte=F("from_on")),
            ),
            models.CheckConstraint(name="package_amount_can_be", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def amount_words(self) -> str:
        return currencies.written(self.amount, self.currency)


@pgtrigger.register(ledger.ENTRY_STAYS, ledger.ENTRY_COUNTS)
class PackageEntry(RefModel):
    """What became of sessions of a package: one line of its history, which stays. `change` is added to what is left.

    `undoes`: the entry that a given-back one takes back; that one is `undone` from then on, which the database writes.
    """

    class What(models.TextChoices):
        USED = "used", "Used"
        BURNED = "burned", "Used by a missed visit"
        GIVEN_BACK = "given_back", "Given back"
        EXTENDED = "extended", "Extended"
        REFUNDED = "refunded", "Refunded"

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="entries")
    what = models.CharField(max_length=10, choices=What.choices)
    change = models.SmallIntegerField()
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, null=True, related_name="package_entries")
    visit = models.ForeignKey(Appointment, on_delete=models.PROTECT, null=True, related_name="package_entries")
    undoes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="undone_by")
    undone = models.BooleanField(default=False)
    # Of an extension: its new last day, None for no end.
    until_on = models.DateField(null=True)
    # Of a refund, in the currency of the package.
    amount = amount_field(null=True)
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="package_entry_counts_as_it_says",
                condition=Q(what="used", change=-1, session__isnull=False, visit__isnull=True, undoes__isnull=True)
                | Q(what="burned", change=-1, visit__isnull=False, session__isnull=True, undoes__isnull=True)
                | Q(what="refunded", change__lt=0, amount__gte=0, session=None, visit=None, undoes__isnull=True)
                | Q(what="given_back", change__gt=0, undoes__isnull=False, session=None, visit=None)
                | Q(what="extended", change=0, session=None, visit=None, undoes__isnull=True),
            ),
            models.CheckConstraint(name="package_entry_says_why", condition=Q(what="used") | Q(reason__regex=r"\S")),
            models.UniqueConstraint(
                fields=["session"], name="package_session_used_once", condition=Q(what="used", undone=False)
            ),
            models.UniqueConstraint(
                fields=["visit"], name="package_visit_burned_once", condition=Q(what="burned", undone=False)
            ),
        ]

    def __str__(self) -> str:
        return self.get_what_display()


@pgtrigger.register(pgtrigger.Protect(name="paid_otherwise_stays", operation=pgtrigger.Update | pgtrigger.Delete))
class PaidOtherwise(RefModel):
    """Somebody has said how a session was settled that no package covers: nobody has to look at it any more."""

    session = models.OneToOneField(TreatmentSession, on_delete=models.PROTECT, related_name="paid_otherwise")
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        constraints = [
            models.CheckConstraint(name="paid_otherwise_says_how", condition=Q(reason__regex=r"\S")),
        ]

    def __str__(self) -> str:
        return self.reason
