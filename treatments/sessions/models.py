"""What was done: the one row that the database itself refuses to begin without a fresh, passed screening."""

from decimal import Decimal

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from clinic.models import Clinic, ClinicNow, Membership, RefModel, User
from patients.models import Patient
from patients.models.history import RAISES_FACTS_VERSION
from treatments.appointments.models import Appointment
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.rules.models import Anaesthetic, Device
from treatments.rules.products.models import SkinProduct
from treatments.screenings.models import ScreeningRecord
from treatments.sessions import depth_gate, gate


class CartridgeLot(RefModel):
    """A delivery of cartridges: single-use, one for each session. `needles` of one cartridge, `received` pieces in all;
    empty where nobody has counted them. Withdrawn (`in_use` is false) it opens no session any more and stays on record."""

    class OutReason(models.TextChoices):
        RECALLED = "recalled", "Recalled"
        DAMAGED = "damaged", "Damaged"
        USED_UP = "used_up", "Used up"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="cartridge_lots")
    lot = models.CharField(max_length=60)
    expires_on = models.DateField()
    needles = models.PositiveSmallIntegerField(null=True, blank=True)
    received = models.PositiveIntegerField(null=True, blank=True)
    in_use = models.BooleanField(default=True)
    out_reason = models.CharField(max_length=10, choices=OutReason.choices, blank=True, db_default="", default="")
    out_note = models.CharField(max_length=200, blank=True, db_default="", default="")
    out_at = models.DateTimeField(null=True, blank=True)
    out_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["expires_on", "id"]
        constraints = [
            # In any case of its letters: a recall has to meet it however the chair has typed it.
            models.UniqueConstraint("clinic", Upper("lot"), name="cartridge_lot_once"),
            models.CheckConstraint(
                name="cartridge_lot_out_says_why",
                condition=Q(in_use=True, out_reason="") | (Q(in_use=False) & ~Q(out_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"Lot {self.lot}"


class Endpoint(models.TextChoices):
    ERYTHEMA = "erythema", "Even redness"
    PINPOINT = "pinpoint_bleeding", "Pinpoint bleeding"
    BEYOND_PINPOINT = "bleeding_beyond_pinpoint", "Bleeding beyond pinpoint"
    STOPPED = "stopped_early", "Stopped early"


@pghistory.track(append_only=True)
@pgtrigger.register(
    RAISES_FACTS_VERSION,
    gate.OPENS_ONLY_WHEN_SAFE,
    gate.SIGNED_IS_FIXED,
    gate.OPERATOR_MAY_TREAT,
    gate.CARTRIDGE_MAY_BE_USED,
    depth_gate.DEVICE_REACHES_WHAT_IS_CHARTED,
)
class TreatmentSession(RefModel):
    """One needling of one patient (FHIR Encounter with its Procedure)."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        COMPLETED = "completed", "Completed"
        STOPPED = "stopped", "Stopped early"
        ENTERED_IN_ERROR = "entered_in_error", "Entered in error"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="sessions")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="sessions")
    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, related_name="sessions")
    planned_session = models.ForeignKey(PlannedSession, on_delete=models.PROTECT, related_name="sessions")
    appointment = models.ForeignKey(Appointment, on_delete=models.PROTECT, null=True, related_name="sessions")
    # Nullable only so that the trigger, not a NOT NULL, says what is missing.
    screening = models.ForeignKey(ScreeningRecord, on_delete=models.PROTECT, null=True, related_name="sessions")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.OPEN)
    on = models.DateField()
    operator = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="sessions")
    opened_at = models.DateTimeField(db_default=ClinicNow())
    changes_acknowledged = models.JSONField(default=list)

    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions")
    cartridge_lot = models.ForeignKey(
        CartridgeLot, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions"
    )
    cartridge_expires_on = models.DateField(null=True, blank=True)
    cartridge_serial = models.CharField(max_length=60, blank=True)

    anaesthetic = models.ForeignKey(Anaesthetic, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # The label it was signed with: what a manager writes down later is about sessions to come.
    anaesthetic_label = models.JSONField(null=True, blank=True)
    anaesthetic_grams = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    anaesthetic_area_cm2 = models.PositiveSmallIntegerField(null=True, blank=True)
    anaesthetic_occluded = models.BooleanField(default=False, db_default=False)
    # Who ordered a cream that a label or its strength keeps for prescribers.
    anaesthetic_ordered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    # Asked for the dose alert; nobody has to be weighed.
    weight_kg = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)
    anaesthetic_on_at = models.DateTimeField(null=True, blank=True)
    anaesthetic_off_at = models.DateTimeField(null=True, blank=True)

    pain = models.PositiveSmallIntegerField(null=True, blank=True)
    note = models.TextField(blank=True)
    aftercare_given = models.BooleanField(default=False)
    sharps_disposed = models.BooleanField(default=False)
    # Of the series; the floor runs from every needling, whether it counts or not.
    counts = models.BooleanField(default=True)
    stopped_reason = models.CharField(max_length=200, blank=True)
    error_reason = models.CharField(max_length=200, blank=True)

    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-on", "-id"]
        indexes = [models.Index(fields=["patient", "-on"], name="session_latest_first")]
        constraints = [
            models.UniqueConstraint(
                fields=["planned_session"],
                name="session_once_per_planned",
                condition=Q(status__in=["open", "completed"]),
            ),
            models.UniqueConstraint(
                fields=["cartridge_lot", "cartridge_serial"],
                name="cartridge_one_patient",
                condition=~Q(cartridge_serial="") & ~Q(status="entered_in_error"),
            ),
            models.CheckConstraint(
                name="session_cartridge_in_date",
                condition=Q(cartridge_expires_on__isnull=True) | Q(cartridge_expires_on__gte=F("on")),
            ),
            models.CheckConstraint(
                name="session_completed_is_signed",
                condition=~Q(status__in=["completed", "stopped"]) | Q(signed_at__isnull=False, signed_by__isnull=False),
            ),
            models.CheckConstraint(
                name="session_completed_names_its_cartridge",
                condition=~Q(status="completed") | Q(cartridge_lot__isnull=False, device__isnull=False),
            ),
            models.CheckConstraint(
                name="session_stopped_says_why", condition=~Q(status="stopped") | ~Q(stopped_reason="")
            ),
            models.CheckConstraint(name="session_pain_0_to_10", condition=Q(pain__isnull=True) | Q(pain__lte=10)),
            models.CheckConstraint(
                name="session_weight_20_to_400",
                condition=Q(weight_kg__isnull=True) | Q(weight_kg__gte=20, weight_kg__lte=400),
            ),
            models.CheckConstraint(
                name="session_numbing_off_after_on",
                condition=Q(anaesthetic_on_at__isnull=True)
                | Q(anaesthetic_off_at__isnull=True)
                | Q(anaesthetic_off_at__gte=F("anaesthetic_on_at")),
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN


@pghistory.track(append_only=True)
@pgtrigger.register(gate.ZONE_OF_SIGNED_IS_FIXED, depth_gate.DEPTH_GUARD)
class SessionZone(models.Model):
    """Depth and passes in one zone, with the limits that held when it was entered.

    `last_mm` is written by the database: how deep this patient's last signed session went in this zone.
    """

    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="zones")
    zone = models.CharField(max_length=30)
    depth_mm = models.DecimalField(max_digits=3, decimal_places=2)
    passes = models.PositiveSmallIntegerField()
    endpoint = models.CharField(max_length=30, choices=Endpoint.choices, blank=True)
    soft_max_mm = models.DecimalField(max_digits=3, decimal_places=2)
    hard_cap_mm = models.DecimalField(max_digits=3, decimal_places=2)
    last_mm = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    step_mm = models.DecimalField(max_digits=3, decimal_places=2, default=Decimal("0.25"), db_default=Decimal("0.25"))
    reason = models.CharField(max_length=200, blank=True)
    # The prescriber behind a depth or a zone that asks for one.
    ordered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "zone"], name="session_zone_once"),
            models.CheckConstraint(
                name="zone_depth_within_hard_cap",
                condition=Q(depth_mm__lte=F("hard_cap_mm")) & Q(hard_cap_mm__lte=3) & Q(depth_mm__gt=0),
            ),
            models.CheckConstraint(
                name="zone_over_soft_max_has_a_reason",
                # Blanks are no reason.
                condition=Q(depth_mm__lte=F("soft_max_mm")) | Q(reason__regex=r"\S"),
            ),
            models.CheckConstraint(name="zone_cap_of_its_zone", condition=depth_gate.within_cap_of_its_zone()),
            models.CheckConstraint(
                name="zone_step_within_bounds", condition=Q(step_mm__gt=0, step_mm__lte=depth_gate.LARGEST_STEP_MM)
            ),
            models.CheckConstraint(name="zone_passes_1_to_20", condition=Q(passes__gte=1, passes__lte=20)),
        ]

    def __str__(self) -> str:
        return f"{self.zone} {self.depth_mm} mm"


@pghistory.track(append_only=True)
@pgtrigger.register(gate.PRODUCT_MAY_GO_ON_NEEDLED_SKIN)
class SessionProduct(RefModel):
    """What was put on needled skin, with its lot: a serum lot that is recalled finds its patients. `name` and `approved_by`
    are as they were then."""

    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="products")
    product = models.ForeignKey(SkinProduct, on_delete=models.PROTECT, related_name="sessions")
    name = models.CharField(max_length=80)
    lot = models.CharField(max_length=60)
    expires_on = models.DateField()
    ml = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "product", "lot"], name="session_product_once"),
            models.CheckConstraint(name="session_product_names_its_lot", condition=Q(lot__regex=r"\S")),
            models.CheckConstraint(
                name="session_product_ml_can_be", condition=Q(ml__isnull=True) | Q(ml__gt=0, ml__lte=100)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, lot {self.lot}"


@pgtrigger.register(pgtrigger.Protect(name="addendum_append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class SessionAddendum(RefModel):
    """What is added to a signed session: the session itself no longer changes."""

    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="addenda")
    text = models.TextField()
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(name="addendum_says_why", condition=~Q(text="") & ~Q(reason=""))]


@pghistory.track(append_only=True)
@pgtrigger.register(RAISES_FACTS_VERSION)
class AdverseEvent(RefModel):
    """An unwanted effect, graded 1 to 5 (CTCAE). From the grade of the rules on (2 by default) it stops sessions until a
    clinician closes it."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="adverse_events")
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, null=True, related_name="adverse_events")
    code = models.CharField(max_length=40)
    grade = models.PositiveSmallIntegerField()
    onset_on = models.DateField()
    over_72h = models.BooleanField(default=False)
    note = models.TextField(blank=True)
    # None: a check-in of the patient's own opened it.
    reported_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    by_patient = models.BooleanField(default=False)
    reported_at = models.DateTimeField(db_default=ClinicNow())
    resolved_on = models.DateField(null=True, blank=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    entered_in_error = models.BooleanField(default=False)

    class Meta:
        ordering = ["-onset_on", "-id"]
        constraints = [
            models.CheckConstraint(name="adverse_event_grade_1_to_5", condition=Q(grade__gte=1, grade__lte=5)),
            models.CheckConstraint(
                name="adverse_event_closed_says_who",
                condition=Q(resolved_on__isnull=True) | Q(closed_by__isnull=False),
            ),
            models.CheckConstraint(
                name="adverse_event_says_who_reported",
                condition=Q(by_patient=False, reported_by__isnull=False) | Q(by_patient=True, reported_by=None),
            ),
        ]
