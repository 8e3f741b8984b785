"""What a patient asks or tells us about a visit from her link. Nobody of ours did it: the link says by which mail."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from clinic.models import ClinicNow, RefModel, User
from patients.models import Patient, PatientLink
from patients.models.fixed import NOT_OF_A_MERGED_RECORD, StaysAsWritten
from treatments.appointments.models import Appointment
from treatments.screenings.models import ScreeningRecord


@pgtrigger.register(
    NOT_OF_A_MERGED_RECORD,
    pgtrigger.Protect(name="move_request_kept", operation=pgtrigger.Delete),
    StaysAsWritten(
        name="move_request_only_ends",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["ended_at", "ended_by", "ended_because"]),
    ),
)
class MoveRequest(RefModel):
    """She asks for another time for a visit. The visit stays as it is until the desk moves it."""

    class Ended(models.TextChoices):
        MOVED = "moved", "Moved"
        KEPT = "kept", "Stays as it is"
        CANCELLED = "cancelled", "Visit cancelled"
        TAKEN_BACK = "taken_back", "Taken back by the patient"
        REPLACED = "replaced", "Asked again with other wishes"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="move_requests")
    visit = models.ForeignKey(Appointment, on_delete=models.PROTECT, related_name="move_requests")
    # As she saw it: a visit that was moved since is another matter.
    visit_version = models.PositiveSmallIntegerField()
    # Up to three starts that were free as she looked, the dearest to her first. None are kept for her.
    wished_starts = ArrayField(models.DateTimeField(), default=list)
    # Or what she wishes in general. ISO weekdays (Monday 1); nothing said means any.
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list)
    from_time = models.TimeField(null=True)
    until_time = models.TimeField(null=True)
    note = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField(db_default=ClinicNow())
    link = models.ForeignKey(PatientLink, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    # None: she took it back herself, or asked again.
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_because = models.CharField(max_length=12, choices=Ended.choices, blank=True)

    class Meta:
        ordering = ["asked_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["visit"], name="move_request_once_a_visit", condition=Q(ended_at=None)),
            models.CheckConstraint(
                name="move_request_times_in_order",
                condition=Q(from_time=None) | Q(until_time=None) | Q(until_time__gt=F("from_time")),
            ),
            models.CheckConstraint(
                name="move_request_weekdays_iso", condition=Q(weekdays__contained_by=[1, 2, 3, 4, 5, 6, 7])
            ),
            models.CheckConstraint(
                name="move_request_end_says_why",
                condition=Q(ended_at=None, ended_by=None, ended_because="")
                | (Q(ended_at__isnull=False) & ~Q(ended_because="")),
            ),
        ]

    def __str__(self) -> str:
        return "Asks for another time"


@pgtrigger.register(
    NOT_OF_A_MERGED_RECORD,
    pgtrigger.Protect(name="change_report_kept", operation=pgtrigger.Delete),
    StaysAsWritten(
        name="change_report_only_looked_at",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["seen_at", "seen_by", "seen_note"]),
    ),
)
class ChangeReport(RefModel):
    """Her answer to "anything changed?" before a visit. The answers themselves are HistoryAnswer rows of the same moment;
    `record` is the run of the rules that followed at once.

    Or what she said by telephone: then `said` has her words and nothing is answered, for whoever heard it asks no questions.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="change_reports")
    visit = models.ForeignKey(Appointment, on_delete=models.PROTECT, related_name="change_reports")
    visit_version = models.PositiveSmallIntegerField()
    # Codes of the questions whose answer differs from her last one.
    changed = ArrayField(models.CharField(max_length=40), default=list)
    record = models.ForeignKey(ScreeningRecord, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(db_default=ClinicNow())
    link = models.ForeignKey(PatientLink, on_delete=models.PROTECT, null=True, related_name="+")
    heard_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    said = models.CharField(max_length=400, blank=True)
    # One press is one report, however often it arrives.
    once = models.UUIDField(unique=True)
    # Whether the visit may stand needs somebody before she travels.
    needs_a_look = models.BooleanField()
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    seen_note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["visit"], name="change_report_to_look_at", condition=Q(seen_at=None, needs_a_look=True)
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="change_report_seen_says_who",
                condition=Q(seen_at=None, seen_by=None) | Q(seen_at__isnull=False, seen_by__isnull=False),
            ),
            models.CheckConstraint(
                name="change_report_says_how_we_know",
                condition=Q(link__isnull=False, heard_by=None, said="")
                | (Q(link=None, heard_by__isnull=False, needs_a_look=True) & ~Q(said="")),
            ),
        ]

    def __str__(self) -> str:
        return "Something changed" if self.changed or self.heard_by_id else "Nothing changed"
