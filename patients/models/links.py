"""Pages that a patient opens from a mail: what each link is for, how long it opens, and who has closed it."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from clinic.models import Clinic, RefModel, User
from patients.models.people import Patient

# So many wrong dates of birth close a link for good.
BIRTH_TRIES = 5

# Whoever has the address may open the page: an address that was closed must never open again, nor come to mean another page.
STAYS_CLOSED = """
    IF (NEW.token_sha256, NEW.patient_id, NEW.purpose, NEW.about, NEW.expires_at)
            IS DISTINCT FROM (OLD.token_sha256, OLD.patient_id, OLD.purpose, OLD.about, OLD.expires_at)
        OR (OLD.closed_at IS NOT NULL AND (NEW.closed_at, NEW.closed_because) IS DISTINCT FROM (OLD.closed_at, OLD.closed_because))
    THEN
        RAISE EXCEPTION 'patient_link_stays_closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'patient_link_stays_closed';
    END IF;
    RETURN NEW;
"""


class PatientLink(RefModel):
    """The address of a page of hers, for one purpose. Only a hash of it is kept. All moments are real time."""

    # Every mail brings one or two, so no index stands here that no question needs; that of the patient is named below.
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+", db_index=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="links", db_index=False)
    # The mail that carried it; none where it was shown or printed at the desk.
    message = models.ForeignKey("patients.Message", on_delete=models.PROTECT, null=True, related_name="links")
    purpose = models.CharField(max_length=20)
    # The ref of what the page is about: a visit, a session.
    about = models.UUIDField(null=True)
    # SHA-256 of a random token of 256 bits: as hard to turn round as to guess, so it needs no salt and can be looked up.
    token_sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    opened = models.PositiveSmallIntegerField(default=0)
    last_opened_at = models.DateTimeField(null=True)
    # Wrong dates of birth; after BIRTH_TRIES of them the link is closed and the desk is told.
    wrong_births = models.PositiveSmallIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)
    closed_because = models.CharField(max_length=120, blank=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        indexes = [
            models.Index(fields=["patient", "-made_at"], name="patient_link_by_patient"),
            models.Index(fields=["expires_at"], name="patient_link_by_end"),
            # The handful that somebody has guessed at and nobody has spoken about, among all the links of years.
            models.Index(
                fields=["clinic", "patient"],
                name="patient_link_guessed",
                condition=Q(closed_by=None, wrong_births__gte=BIRTH_TRIES),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["token_sha256"], name="patient_link_token_once"),
            models.CheckConstraint(name="patient_link_ends_after_it_began", condition=Q(expires_at__gt=F("made_at"))),
            models.CheckConstraint(
                name="patient_link_closed_says_why",
                condition=Q(closed_at__isnull=True, closed_because="")
                | (Q(closed_at__isnull=False) & ~Q(closed_because="")),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="patient_link_stays_closed", when=pgtrigger.Before, operation=pgtrigger.Update, func=STAYS_CLOSED
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} link"
