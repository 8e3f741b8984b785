"""A file that somebody brought, what became of it, and who came with it: enough to take all of it back."""

from django.db import models
from django.db.models import Q

from clinic.models import Clinic, ClinicNow, RefModel, User
from patients.models.people import Patient


class ImportRun(RefModel):
    """One file, from the day it was read in until it is imported, undone or given up.

    `content` (the file) and `report` (what was found in it) are encrypted, and empty once they are no longer needed.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Being looked at"
        DONE = "done", "Imported"
        # Only inside the transaction that undoes it: then, and then alone, what came with it may be deleted.
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"
        GIVEN_UP = "given_up", "Given up"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="import_runs")
    kind = models.CharField(max_length=30)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    begun_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(db_default=ClinicNow())

    content = models.BinaryField(null=True)
    encoding = models.CharField(max_length=12)
    separator = models.CharField(max_length=1)
    # Field of the kind to position of the column; empty until somebody has said what is what.
    columns = models.JSONField(default=dict)
    day_order = models.CharField(max_length=3, blank=True)
    report = models.BinaryField(null=True)

    rows = models.PositiveIntegerField(default=0)
    good = models.PositiveIntegerField(default=0)
    bad = models.PositiveIntegerField(default=0)
    alike = models.PositiveIntegerField(default=0)

    imported = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["clinic"], name="import_one_at_a_time", condition=Q(status="open")),
            models.CheckConstraint(
                name="import_done_says_who_and_when",
                condition=Q(status__in=["open", "given_up"]) | Q(done_at__isnull=False, done_by__isnull=False),
            ),
            models.CheckConstraint(
                name="import_undone_says_who_and_when",
                condition=~Q(status="undone") | Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
            models.CheckConstraint(
                name="import_keeps_no_file",
                condition=Q(status="open") | Q(content__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"Import of {self.kind}"


class ImportedPatient(models.Model):
    """Somebody an import was about, by `patient_ref` alone: when it is undone, the record of it stays and she may not.

    `written` is the hash of all that stood about her right after. As long as it is the same, nobody has written anything.
    """

    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="people")
    patient_ref = models.UUIDField()
    is_new = models.BooleanField()
    facts_version_before = models.PositiveIntegerField(null=True)
    written = models.CharField(max_length=64)
    kept = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["patient_ref"], name="imported_patient_by_ref")]
        constraints = [models.UniqueConstraint(fields=["run", "patient_ref"], name="imported_patient_once_a_run")]

    def __str__(self) -> str:
        return str(self.patient_ref)


class RememberedColumns(models.Model):
    """Which heading meant what the last time this clinic brought a file of this kind."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=30)
    headings = models.JSONField(default=dict)  # field to heading, as compared
    day_order = models.CharField(max_length=3, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic", "kind"], name="remembered_columns_once")]

    def __str__(self) -> str:
        return self.kind


class PatientNumber(models.Model):
    """The number under which a clinic knew somebody in its books before: later files name her by it, and so does whoever looks
    for her. From a file (`imported_in`), or typed (`given_by`)."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="patient_numbers")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="numbers")
    number = models.CharField(max_length=40)
    imported_in = models.ForeignKey(ImportRun, on_delete=models.PROTECT, null=True, related_name="+")
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "number"], name="patient_number_once"),
            models.CheckConstraint(
                name="patient_number_says_where_from",
                condition=Q(imported_in__isnull=False, given_by=None) | Q(imported_in=None, given_by__isnull=False),
            ),
            models.CheckConstraint(name="patient_number_says_something", condition=~Q(number="")),
        ]

    def __str__(self) -> str:
        return self.number
