"""Who they are and how we may reach them."""

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from clinic.models import Clinic, ClinicNow, RefModel
from patients.search import name_key, of_a_name, search_keys


class Patient(RefModel):
    """A person the clinic treats (FHIR Patient)."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        MOVED_AWAY = "moved_away", "Moved away"
        DECEASED = "deceased", "Deceased"
        MERGED = "merged", "Merged into another record"
        ENTERED_IN_ERROR = "entered_in_error", "Entered in error"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="patients")
    given_name = models.CharField(max_length=80)
    family_name = models.CharField(max_length=80)
    born_on = models.DateField("date of birth")
    email = models.EmailField("e-mail", blank=True)
    phone = models.CharField(max_length=40, blank=True)
    # Language of the mails; `speaks` is for the people at the desk and the chair.
    language = models.CharField(max_length=12, default="en")
    speaks = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)

    # Consent to be contacted: service mail (confirmations, aftercare) and optional mail (reminders) are asked apart.
    mail_allowed = models.BooleanField("may we e-mail you?", default=False)
    reminders_allowed = models.BooleanField("reminders and follow-up", default=False)
    contact_asked_at = models.DateTimeField(null=True, blank=True)
    contact_asked_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, null=True, related_name="+")
    email_bounced_at = models.DateTimeField(null=True, blank=True)

    # How many other records were merged into this one: what each of them knew is weighed by itself (`treatments.facts`).
    took_in = models.PositiveSmallIntegerField(default=0, db_default=0)

    # Raised by a trigger on any change of what screening reads; a ScreeningRecord keeps the version it saw.
    facts_version = models.PositiveIntegerField(default=1)

    # Sorting and search keys are made in Python: the database has neither unaccent nor trigrams. Collation C on every
    # server: then one index both sorts the list and finds a beginning of a name.
    name_key = models.CharField(max_length=170, editable=False, db_collation="C")
    search_keys = ArrayField(models.CharField(max_length=90), default=list, editable=False)

    registered_at = models.DateTimeField(db_default=ClinicNow())
    registered_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    # Of a record that was merged: the one it is part of, where a list has read it.
    part_of: "Patient | None" = None

    class Meta:
        indexes = [
            models.Index(fields=["clinic", "name_key"], name="patient_by_name"),
            GinIndex(fields=["search_keys"], name="patient_search"),
            models.Index(fields=["clinic", "born_on"], name="patient_by_birth"),
            # Who else reads an address: asked for every batch of mail.
            models.Index(Lower("email"), name="patient_by_email", condition=~Q(email="")),
        ]
        constraints = [
            models.CheckConstraint(name="patient_has_a_name", condition=~Q(given_name="") & ~Q(family_name="")),
            models.CheckConstraint(
                name="patient_contact_says_who_and_when",
                condition=Q(contact_asked_at__isnull=True, contact_asked_by__isnull=True)
                | Q(contact_asked_at__isnull=False, contact_asked_by__isnull=False),
            ),
            models.CheckConstraint(
                name="patient_reminders_need_mail", condition=Q(mail_allowed=True) | Q(reminders_allowed=False)
            ),
            models.CheckConstraint(name="patient_facts_only_grow", condition=Q(facts_version__gte=1)),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def save(self, *args, **kwargs):
        """Keeps the keys in step with the names. Nothing else happens on save."""
        self.set_keys()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "name_key", "search_keys"}
        super().save(*args, **kwargs)

    def set_keys(self) -> None:
        """What lists sort by and search finds by, for rows that are not saved one by one."""
        self.name_key = name_key(self.given_name, self.family_name)
        keys = search_keys(
            given_name=self.given_name,
            family_name=self.family_name,
            phone=self.phone,
            email=self.email,
            born_on=self.born_on,
        )
        # A record that is part of another is known by its old name alone.
        self.search_keys = of_a_name(keys) if self.status == self.Status.MERGED else keys


# The version counter and the keys would fill the history with rows that say nothing.
pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(
        condition=pghistory.AnyChange(
            "given_name",
            "family_name",
            "born_on",
            "email",
            "phone",
            "language",
            "speaks",
            "status",
            "mail_allowed",
            "reminders_allowed",
            "contact_asked_at",
            "email_bounced_at",
        )  # fmt: skip
    ),
    pghistory.DeleteEvent(),
    append_only=True,
    exclude=["search_keys", "name_key", "took_in"],
    model_name="PatientHistory",
    obj_field=pghistory.ObjForeignKey(related_name="history", related_query_name="history"),
)(Patient)
