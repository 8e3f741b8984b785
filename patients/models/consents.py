"""Consent: the text as it was shown, its hash, who signed and who watched."""

from decimal import Decimal

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.models import Clinic, ClinicNow, RefModel
from patients.models.fixed import NOT_OF_A_MERGED_RECORD, StaysAsWritten
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


def _refused(promise: str) -> str:
    return f"RAISE EXCEPTION '{promise}' USING ERRCODE = 'check_violation', CONSTRAINT = '{promise}';"


# What was approved stays approved, what was set aside stays so, and who was to sign anew still is.
CONSENT_TEXT_GOES_ONE_WAY = pgtrigger.Trigger(
    name="consent_text_goes_one_way",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    func=f"""
        IF (OLD.approved_at IS NOT NULL
                AND (NEW.approved_at, NEW.approved_by_id) IS DISTINCT FROM (OLD.approved_at, OLD.approved_by_id))
            OR (OLD.set_aside_at IS NOT NULL AND NEW.set_aside_at IS DISTINCT FROM OLD.set_aside_at)
            OR (OLD.ask_again AND NOT NEW.ask_again)
        THEN {_refused("consent_text_goes_one_way")} END IF;
        RETURN NEW;
    """,
)

# Nobody signs words that no prescriber has approved, whatever writes the row.
CONSENT_TEXT_COUNTS = pgtrigger.Trigger(
    name="consent_text_counts",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        IF NOT EXISTS (
            SELECT 1 FROM patients_consenttext body JOIN patients_patient who ON who.clinic_id = body.clinic_id
            WHERE body.id = NEW.text_id AND who.id = NEW.patient_id AND body.approved_at IS NOT NULL
        ) THEN {_refused("consent_text_counts")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)


class ConsentTextQuerySet(models.QuerySet):
    def counting(self) -> "ConsentTextQuerySet":
        """Approved: may be, or once was, what patients sign."""
        return self.filter(approved_at__isnull=False)

    def waiting(self) -> "ConsentTextQuerySet":
        """Written, and neither approved nor set aside."""
        return self.filter(approved_at=None, set_aside_at=None)


@pgtrigger.register(
    pgtrigger.Protect(name="consent_text_append_only", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="consent_text_is_fixed",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(
            "clinic", "body", "version", "language", "title", "sha256", "why", "made_by", "published_at", "asks_again"
        ),
    ),
    CONSENT_TEXT_GOES_ONE_WAY,
)
class ConsentText(RefModel):
    """A version of the clinic's consent text. A manager writes it (`published_at`), it counts once a prescriber has approved
    it; the shipped one counts from the start and has neither name. The newest that counts is signed."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="consent_texts")
    version = models.PositiveIntegerField()
    language = models.CharField(max_length=12, default="en")
    title = models.CharField(max_length=120)
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    # A newer text names a risk that this one does not: signatures under it no longer suffice.
    ask_again = models.BooleanField(default=False)
    # What the writer of this version decided about the signatures under those before it.
    asks_again = models.BooleanField(default=False, db_default=False)
    why = models.CharField(max_length=200, blank=True, default="", db_default="")
    published_at = models.DateTimeField(db_default=ClinicNow())
    made_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, null=True, related_name="+")
    set_aside_at = models.DateTimeField(null=True)
    set_aside_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, null=True, related_name="+")

    objects = ConsentTextQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "language", "version"], name="consent_text_version_once"),
            models.UniqueConstraint(
                fields=["clinic", "language"],
                name="consent_text_one_waiting",
                condition=Q(approved_at=None, set_aside_at=None),
            ),
            models.CheckConstraint(
                name="consent_text_says_who_approved",
                condition=Q(approved_at=None, approved_by=None)
                | Q(approved_at__isnull=False, approved_by__isnull=False, set_aside_at=None)
                | Q(approved_at__isnull=False, made_by=None, set_aside_at=None),
            ),
            models.CheckConstraint(
                name="consent_text_set_aside_says_who",
                condition=Q(set_aside_at=None, set_aside_by=None)
                | Q(set_aside_at__isnull=False, set_aside_by__isnull=False),
            ),
            models.CheckConstraint(name="consent_text_says_why", condition=Q(made_by=None) | ~Q(why="")),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.language}), version {self.version}"


@pghistory.track(append_only=True)
@pgtrigger.register(
    CONSENT_TEXT_COUNTS,
    NOT_OF_A_MERGED_RECORD,
    pgtrigger.Protect(name="consent_append_only", operation=pgtrigger.Delete),
    StaysAsWritten(
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
