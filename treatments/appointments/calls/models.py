"""What came of a call, and who waits for a place: rows that are written once and taken back at most once."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import models
from django.db.models import F, Q

from clinic.models import Clinic, ClinicNow, Membership, RefModel, User
from patients.models import Patient
from patients.models.fixed import NOT_OF_A_MERGED_RECORD, StaysAsWritten
from treatments.appointments.models import Appointment
from treatments.plans.models import PlannedSession, TreatmentPlan


@pgtrigger.register(
    NOT_OF_A_MERGED_RECORD,
    pgtrigger.Protect(name="waiting_kept", operation=pgtrigger.Delete),
    StaysAsWritten(
        name="waiting_only_ends",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["ended_at", "ended_by", "ended_reason"]),
    ),
)
class WaitingEntry(RefModel):
    """A patient who would take an earlier place, or any. Other wishes are another entry: the first one ends.

    FHIR Appointment with status `waitlist`. A treatment waits for its session of the course.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="waiting_entries")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="waiting_entries")
    kind = models.CharField(max_length=14, choices=Appointment.Kind.choices)
    planned_session = models.ForeignKey(
        PlannedSession, on_delete=models.PROTECT, null=True, related_name="waiting_entries"
    )
    # What she wishes. ISO weekdays (Monday 1); nothing said means any day, any time, anybody.
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list)
    from_time = models.TimeField(null=True)
    until_time = models.TimeField(null=True)
    clinician = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)

    asked_at = models.DateTimeField(db_default=ClinicNow())
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["asked_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["planned_session"], name="waiting_once_a_session", condition=Q(ended_at=None)
            ),
            models.UniqueConstraint(
                fields=["patient", "kind"],
                name="waiting_once_a_kind",
                condition=Q(ended_at=None, planned_session=None),
            ),
            models.CheckConstraint(
                name="waiting_treatment_has_a_session",
                condition=Q(kind="treatment", planned_session__isnull=False)
                | (~Q(kind="treatment") & Q(planned_session=None)),
            ),
            models.CheckConstraint(
                name="waiting_times_in_order",
                condition=Q(from_time=None) | Q(until_time=None) | Q(until_time__gt=F("from_time")),
            ),
            models.CheckConstraint(
                name="waiting_weekdays_iso", condition=Q(weekdays__contained_by=[1, 2, 3, 4, 5, 6, 7])
            ),
            models.CheckConstraint(
                name="waiting_end_says_who_and_why",
                condition=Q(ended_at=None, ended_by=None, ended_reason="")
                | (Q(ended_at__isnull=False, ended_by__isnull=False) & ~Q(ended_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"Waiting for a {self.get_kind_display().lower()}"


@pgtrigger.register(
    NOT_OF_A_MERGED_RECORD,
    pgtrigger.Protect(name="call_outcome_kept", operation=pgtrigger.Delete),
    StaysAsWritten(
        name="call_outcome_only_taken_back",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["taken_back_at", "taken_back_by"]),
    ),
)
class CallOutcome(RefModel):
    """What came of one call about a session to book, a visit, a course that stands still, or a wish for a place.

    It says until when nobody calls again (see `silence`). `list_code` is the list it was called from; `hole` the free time
    that was offered, where it was about one.
    """

    class Outcome(models.TextChoices):
        BOOKED = "booked", "Booked"
        TOLD = "told", "Told"
        CALL_BACK = "call_back", "Call back"
        MESSAGE = "message", "Left a message"
        NO_ANSWER = "no_answer", "No answer"
        DECLINED = "declined", "Cannot take that time"
        STOP = "stop", "Not called any more"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="call_outcomes")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="call_outcomes")
    list_code = models.CharField(max_length=24)
    planned_session = models.ForeignKey(
        PlannedSession, on_delete=models.PROTECT, null=True, related_name="call_outcomes"
    )
    visit = models.ForeignKey(Appointment, on_delete=models.PROTECT, null=True, related_name="call_outcomes")
    # A visit that was moved since is another matter.
    visit_version = models.PositiveSmallIntegerField(null=True)
    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, null=True, related_name="call_outcomes")
    waiting = models.ForeignKey(WaitingEntry, on_delete=models.PROTECT, null=True, related_name="call_outcomes")

    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    call_back_on = models.DateField(null=True)
    call_back_at = models.TimeField(null=True)  # wall time of the clinic, from which on she can be reached
    hole = DateTimeRangeField(null=True)
    note = models.CharField(max_length=200, blank=True)

    said_at = models.DateTimeField(db_default=ClinicNow())
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    taken_back_at = models.DateTimeField(null=True)
    taken_back_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["patient", "-said_at"], name="call_outcome_by_patient"),
            models.Index(fields=["clinic", "-said_at"], name="call_outcome_by_clinic"),
        ]
        constraints = [
            models.CheckConstraint(
                name="call_outcome_about_one_thing",
                condition=Q(planned_session__isnull=False, visit=None, plan=None, waiting=None)
                | Q(planned_session=None, visit__isnull=False, visit_version__isnull=False, plan=None, waiting=None)
                | Q(planned_session=None, visit=None, plan__isnull=False, waiting=None)
                | Q(planned_session=None, visit=None, plan=None, waiting__isnull=False),
            ),
            models.CheckConstraint(
                name="call_back_has_a_day",
                condition=Q(outcome="call_back", call_back_on__isnull=False)
                | (~Q(outcome="call_back") & Q(call_back_on=None, call_back_at=None)),
            ),
            models.CheckConstraint(name="call_stop_says_why", condition=~Q(outcome="stop") | ~Q(note="")),
            models.CheckConstraint(
                name="call_declined_names_the_time", condition=~Q(outcome="declined") | Q(hole__isnull=False)
            ),
            models.CheckConstraint(
                name="call_taken_back_says_who",
                condition=Q(taken_back_at=None, taken_back_by=None)
                | Q(taken_back_at__isnull=False, taken_back_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.get_outcome_display()
