"""A clinician's private calendar: who may read it is whoever knows its address."""

import pgtrigger
from django.db import models
from django.db.models import Q

from clinic.models import ClinicNow, Membership, RefModel, User

# The address of a feed is a key: one that was given up must never open again, and no row may come to mean another one.
STAYS_GIVEN_UP = """
    IF NEW.token_sha256 <> OLD.token_sha256 OR NEW.membership_id <> OLD.membership_id
        OR (OLD.revoked_at IS NOT NULL AND (NEW.revoked_at, NEW.revoked_by_id) IS DISTINCT FROM (OLD.revoked_at, OLD.revoked_by_id))
    THEN
        RAISE EXCEPTION 'calendar_feed_stays_given_up' USING ERRCODE = 'check_violation', CONSTRAINT = 'calendar_feed_stays_given_up';
    END IF;
    RETURN NEW;
"""


class CalendarFeed(RefModel):
    """The address under which a calendar program reads a clinician's visits. Only a hash of it is kept."""

    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="calendar_feeds")
    # SHA-256 of a random token of 256 bits: as hard to turn round as to guess, so it needs no salt and can be looked up.
    token_sha256 = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(db_default=ClinicNow())
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    # To the hour: it tells whether an address is in use, not how often.
    last_read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["membership"], name="calendar_feed_one_at_a_time", condition=Q(revoked_at__isnull=True)
            ),
            models.CheckConstraint(
                name="calendar_feed_given_up_says_who",
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="calendar_feed_stays_given_up",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=STAYS_GIVEN_UP,
            )
        ]

    def __str__(self) -> str:
        return f"calendar of {self.membership}"
