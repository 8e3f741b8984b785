"""Consent: the text as it was shown, its hash, who signed and who watched."""

from decimal import Decimal

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.models import Clinic, ClinicNow, RefModel
from patients.models.people import Patient


class DepthClass(models.IntegerChoices):
    """How deep the patient agreed to. A deeper plan needs a new consent."""

    SUPERFICIAL = 1, "up to 0.5 mm"
    DERMAL = 2, "up to 1.5 mm"
    DEEP = 3, "deeper than 1.5 mm"

    @classmethod
    def of(cls, depth_mm: Decimal) -> "DepthClass":
        """The class a depth in millimetres falls into; its upper end belongs to it."""
        if depth_mm <= Decimal("0.5"):
            return cls.SUPERFICIAL
        return cls.DERMAL if depth_mm <= Decimal("1.5") else cls.DEEP


@pgtrigger.register(
    pgtrigger.Protect(name="consent_text_append_only", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="consent_text_is_fixed",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange("body", "version", "language"),
    ),
)
class ConsentText(RefModel):
    """A published version of the clinic's consent text."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="consent_texts")
    version = models.PositiveIntegerField()
    language = models.CharField(max_length=12, default="en")
    title = models.CharField(max_length=120)
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    # A new risk in the text makes earlier signatures insufficient.
    ask_again = models.BooleanField(default=False)
    published_at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "language", "version"], name="consent_text_version_once")
        ]


@pghistory.track(append_only=True)
@pgtrigger.register(
    pgtrigger.Protect(name="consent_append_only", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="consent_signed_is_fixed",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(
            "patient",
            "text",
            "shown_text",
            "shown_sha256",
            "techniques",
            "depth_class",
            "signed_at",
            "signature",
            "signed_name",
        ),
    ),
)
class Consent(RefModel):
    """FHIR Consent. Valid: signed for this technique set and depth class, in a text not marked "ask again", within
    12 months, not withdrawn. `about` is the ref of the plan it was given for."""

    class SignatureKind(models.TextChoices):
        DRAWN = "drawn", "Drawn"
        TYPED = "typed", "Typed"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    about = models.UUIDField(null=True, db_index=True)
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="+")
    shown_text = models.TextField()
    shown_sha256 = models.CharField(max_length=64)
    techniques = ArrayField(models.CharField(max_length=40))
    depth_class = models.PositiveSmallIntegerField(choices=DepthClass.choices)
    signature_kind = models.CharField(max_length=6, choices=SignatureKind.choices)
    # A drawn signature is an SVG path (numbers and the letters M, L, Q and C); a typed one repeats the name.
    signature = models.TextField()
    signed_name = models.CharField(max_length=160)
    signed_at = models.DateTimeField()
    witness = models.ForeignKey("clinic.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-signed_at"]
        constraints = [
            models.CheckConstraint(name="consent_is_signed", condition=~Q(signature="") & ~Q(signed_name="")),
            models.CheckConstraint(
                name="consent_withdrawal_says_why", condition=Q(withdrawn_at__isnull=True) | ~Q(withdrawn_reason="")
            ),
        ]
