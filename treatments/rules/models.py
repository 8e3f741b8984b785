"""Which protocol is in force and who signed it; what the clinic treats with."""

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from clinic.models import Clinic, ClinicNow, RefModel, User


@pgtrigger.register(pgtrigger.Protect(name="protocol_append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class ProtocolVersion(RefModel):
    """A published catalogue, whole: a decision made under it can be explained without old code."""

    version = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64, unique=True)
    toml = models.TextField()
    published_at = models.DateTimeField(db_default=ClinicNow())

    def __str__(self) -> str:
        return self.version


@pgtrigger.register(pgtrigger.Protect(name="sign_off_append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class ProtocolSignOff(RefModel):
    """A prescriber answers for the shipped defaults in her clinic. Without it no plan is activated outside the demo."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="protocol_sign_offs")
    protocol = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="sign_offs")
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic", "protocol"], name="protocol_signed_once_per_clinic")]


# A cached rule set is found by this number, so it must never be given twice, not even by a transaction that came to
# nothing: a sequence does not roll back.
RAISES_RULES_VERSION = pgtrigger.Trigger(
    name="raises_rules_version",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.Update,
    func=(
        "UPDATE clinic_clinic SET rules_version = nextval('clinic_rules_version') WHERE id = NEW.clinic_id;"
        " RETURN NULL;"
    ),
)


@pgtrigger.register(
    RAISES_RULES_VERSION,
    pgtrigger.Protect(name="adoption_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
)
class ProtocolAdoption(RefModel):
    """From here on a clinic works by this published version: the newest row counts. A newer one shipped with the
    software changes nothing until it is adopted."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="protocol_adoptions")
    protocol = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="adoptions")
    adopted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    adopted_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        ordering = ["-id"]


class PolicyValueQuerySet(models.QuerySet):
    def standing(self) -> "PolicyValueQuerySet":
        """Not ended by anybody. A loosening among them may be out of date all the same."""
        return self.filter(ended_at=None)


# A value stays as it was set; ending it is the one change it takes, once.
POLICY_VALUE_IS_FIXED = pgtrigger.Trigger(
    name="policy_value_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func="""
        IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL OR
            (to_jsonb(NEW) - ARRAY['ended_at', 'ended_by_id', 'ended_reason', 'ended_licence'])
            IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['ended_at', 'ended_by_id', 'ended_reason', 'ended_licence'])
        THEN RAISE EXCEPTION 'policy_value_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_value_is_fixed';
        END IF;
        RETURN NEW;
    """,
)


@pgtrigger.register(RAISES_RULES_VERSION, POLICY_VALUE_IS_FIXED)
class PolicyValue(RefModel):
    """One value that a clinic has set for itself (`treatments.protocol.policy` says which there are).

    `stricter` counts at once and until somebody ends it. `looser` has a licence, a reason and the last day it counts.
    """

    class Direction(models.TextChoices):
        STRICTER = "stricter", "Stricter"
        LOOSER = "looser", "Looser"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="policy_values")
    path = models.CharField(max_length=80)
    value = models.JSONField()
    direction = models.CharField(max_length=8, choices=Direction.choices)
    reason = models.TextField(blank=True)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    licence = models.CharField(max_length=60, blank=True)
    set_at = models.DateTimeField(db_default=ClinicNow())
    expires_on = models.DateField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_reason = models.TextField(blank=True)
    ended_licence = models.CharField(max_length=60, blank=True)

    objects = PolicyValueQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["clinic", "path", "-id"], name="policy_value_latest_first")]
        constraints = [
            models.CheckConstraint(
                name="policy_stricter_or_looser",
                # Without a last day a value limits, with one it replaces: the direction must not say otherwise.
                condition=Q(direction="stricter", expires_on=None) | Q(direction="looser", expires_on__isnull=False),
            ),
            models.CheckConstraint(
                name="policy_looser_says_who_and_why",
                condition=~Q(direction="looser") | (~Q(reason="") & ~Q(licence="")),
            ),
            models.CheckConstraint(
                name="policy_end_says_who_and_why",
                condition=Q(ended_at=None, ended_by=None)
                | (
                    Q(ended_at__isnull=False, ended_by__isnull=False)
                    & (Q(direction="looser") | (~Q(ended_reason="") & ~Q(ended_licence="")))
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.path


class Device(RefModel):
    """A needling device with the limits of its label. `max_depth_mm`: face, neck, body or a zone code to millimetres."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="devices")
    name = models.CharField(max_length=80)
    maker = models.CharField(max_length=80, blank=True)
    serial = models.CharField(max_length=60, blank=True)
    max_depth_mm = models.JSONField(default=dict)
    filler_washout_days = models.PositiveSmallIntegerField(null=True, blank=True)
    indications = models.JSONField(default=list, blank=True)
    in_service = models.BooleanField(default=True)
    out_reason = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(name="device_out_says_why", condition=Q(in_service=True) | ~Q(out_reason=""))
        ]

    def __str__(self) -> str:
        return self.name


class Anaesthetic(RefModel):
    """A numbing product with the times and limits of its label."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="anaesthetics")
    name = models.CharField(max_length=80)
    actives = models.JSONField(default=dict)  # active to per cent, e.g. {"lidocaine": 4}
    contact_minutes = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(240)])
    max_contact_minutes = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(240)])
    max_area_cm2 = models.PositiveSmallIntegerField(null=True, blank=True)
    prescription_only = models.BooleanField(default=False)
    in_use = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("clinic", Lower("name"), name="anaesthetic_name_once"),
            models.CheckConstraint(
                name="anaesthetic_max_after_contact", condition=Q(max_contact_minutes__gte=models.F("contact_minutes"))
            ),
        ]

    def __str__(self) -> str:
        return self.name


# ── What a change of the rules means for booked visits (written by flows/publishing.py) ──


@pgtrigger.register(
    pgtrigger.Protect(name="outcome_change_kept", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="outcome_change_only_seen",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["seen_at", "seen_by"]),
    ),
)
class OutcomeChange(RefModel):
    """A booked visit that the rules judge in another way since they were changed: on the worklist until somebody has looked.

    It speaks of the visit as it was then: one that was moved or cancelled meanwhile (`visit_version`) needs no look.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="outcome_changes")
    # The visit lies further along the path, so it is named by its ref.
    visit_ref = models.UUIDField()
    visit_version = models.PositiveSmallIntegerField()
    patient_ref = models.UUIDField()
    before = models.CharField(max_length=20)
    after = models.CharField(max_length=20)
    not_before = models.DateField(null=True)
    # What was changed, for clinicians: the desk reads the verdict only.
    because = models.TextField()
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=ClinicNow())
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["clinic", "visit_ref"], name="outcome_change_unseen", condition=Q(seen_at=None))
        ]
        constraints = [
            models.CheckConstraint(
                name="outcome_change_seen_says_who", condition=Q(seen_at__isnull=True) | Q(seen_by__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"
