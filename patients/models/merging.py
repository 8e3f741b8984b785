"""That two records were of one person: which of them went, and every row that came with it."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from clinic.models import Clinic, ClinicNow, RefModel, User
from patients.models.people import Patient


def _refusal(promise: str) -> str:
    return f"RAISE EXCEPTION '{promise}' USING ERRCODE = 'check_violation', CONSTRAINT = '{promise}';"


# Both rows first, in one order: of two desks that merge the same two records, in whichever direction, the second waits and
# then sees what the first has done.
OF_TWO_OPEN_RECORDS = pgtrigger.Trigger(
    name="merge_of_two_open_records",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        PERFORM 1 FROM patients_patient WHERE id IN (NEW.stays_id, NEW.gone_id) ORDER BY id FOR UPDATE;
        IF (SELECT count(*) FROM patients_patient WHERE id IN (NEW.stays_id, NEW.gone_id) AND status = 'active') <> 2
            OR (SELECT count(DISTINCT clinic_id) FROM patients_patient WHERE id IN (NEW.stays_id, NEW.gone_id)) <> 1
            OR EXISTS (SELECT 1 FROM patients_recordmerge WHERE stays_id = NEW.gone_id AND undone_at IS NULL)
        THEN {_refusal("merge_of_two_open_records")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)


class RecordMergeQuerySet(models.QuerySet):
    def standing(self) -> "RecordMergeQuerySet":
        """Not taken back."""
        return self.filter(undone_at=None)


@pgtrigger.register(
    OF_TWO_OPEN_RECORDS,
    pgtrigger.Protect(name="record_merge_kept", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="record_merge_only_taken_back",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["moving_in", "undone_at", "undone_by", "undone_reason"]),
    ),
)
class RecordMerge(RefModel):
    """`gone` is part of `stays` until the merge is taken back.

    `was` and `became`: the details of `stays` that the merge has changed, before and after it. `newest`: table to the key of
    the last row that either of the two had in it, by which what was written since is known.
    """

    stays = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="taken_in")
    gone = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="merges")
    # Why they are one person. Needed where their birth dates differ.
    reason = models.CharField(max_length=200, blank=True)
    was = models.JSONField(default=dict)
    became = models.JSONField(default=dict)
    newest = models.JSONField(default=dict)
    merged_at = models.DateTimeField(db_default=ClinicNow())
    merged_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # The transaction that is moving its rows, at this moment; see `patients.models.fixed`. No other may.
    moving_in = models.BigIntegerField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    undone_reason = models.CharField(max_length=200, blank=True)

    objects = RecordMergeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["gone"], condition=Q(undone_at__isnull=True), name="record_merged_once"),
            models.CheckConstraint(name="merge_of_two_records", condition=~Q(stays=F("gone"))),
            models.CheckConstraint(
                name="merge_undone_says_who_and_why",
                condition=Q(undone_at__isnull=True) | (Q(undone_by__isnull=False) & ~Q(undone_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return "Taken back" if self.undone_at else "Merged"

    @property
    def clinic(self) -> Clinic:
        return self.stays.clinic

    def went(self, model: type[models.Model]) -> models.QuerySet:
        """Keys of the rows of a kind that went over with it, for a subquery."""
        return self.moved.filter(table=model._meta.db_table, went=True).values("key")


@pgtrigger.register(pgtrigger.Protect(name="moved_row_append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class MovedRow(models.Model):
    """One row that a merge has touched, by table and key. `went`: over to the record that stays; else it stood there already.
    `was`: what else of it the merge has changed, as it was before."""

    merge = models.ForeignKey(RecordMerge, on_delete=models.PROTECT, related_name="moved")
    table = models.CharField(max_length=63)
    key = models.BigIntegerField()
    went = models.BooleanField(default=True)
    was = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merge", "table", "key"], name="row_moved_once")]

    def __str__(self) -> str:
        return f"{self.table} {self.key}"
