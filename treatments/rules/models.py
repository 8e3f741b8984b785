"""Which protocol is in force and who signed it; what the clinic treats with."""

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

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

    class Meta:
        ordering = ["name", "id"]

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
            models.CheckConstraint(
                name="anaesthetic_max_after_contact", condition=Q(max_contact_minutes__gte=models.F("contact_minutes"))
            )
        ]

    def __str__(self) -> str:
        return self.name
