"""Mail after a restore: what is due, by kind, and its release by a manager.

What fell due before that moment never leaves by itself: it may have gone after the backup was made, or her visit was moved
since and these data do not know. It becomes a person's. What falls due later, and what was written since the restore,
leaves at its time like any other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from clinic import clock
from clinic.models import Clinic, Restoration, User
from clinic.safekeeping import freezing
from patients.outbox import kinds, ledger
from patients.outbox.bell import bell
from patients.outbox.models import Message, State
from patients.outbox.services import NotPossible

SOON = timedelta(days=1)
REASON = "It fell due before the data came back from a backup: it may have gone already, or the visit may have moved."
# Whatever a worker had in hand when the backup was made: nobody knows here what became of it.
IN_HAND = (State.SENDING, State.UNKNOWN)


@dataclass(frozen=True)
class Waiting:
    """Messages of one kind: fell due before now, due within a day, due later, written since the restore."""

    label: str
    before: int
    soon: int
    later: int
    since: int


def waiting(*, clinic: Clinic, restoration: Restoration, now: datetime) -> list[Waiting]:
    """By kind, the most urgent first. One query."""
    written_since = Q(created_at__gt=restoration.restored_at)
    before, due = fell_due(restoration, now), Q(state=State.DUE)
    counts = (
        Message.objects.filter(clinic=clinic, state__in=[State.DUE, *IN_HAND])
        .order_by()
        .values("kind")
        .annotate(
            before=Count("pk", filter=before),
            soon=Count("pk", filter=due & ~before & ~written_since & Q(next_attempt_at__lte=now + SOON)),
            later=Count("pk", filter=due & ~before & ~written_since & Q(next_attempt_at__gt=now + SOON)),
            since=Count("pk", filter=due & written_since),
        )
    )
    found = [Waiting(kinds.label(row.pop("kind")), **row) for row in counts]
    return sorted(found, key=lambda one: (-one.before, -one.soon, -one.later, one.label))


def sum_of(found: list[Waiting]) -> Waiting:
    return Waiting("All", *(sum(getattr(one, name) for one in found) for name in ("before", "soon", "later", "since")))


def fell_due(restoration: Restoration, now: datetime) -> Q:
    """Of the restored messages those that had to leave before `now`, or were leaving when the backup was made."""
    restored = Q(created_at__lte=restoration.restored_at)
    return restored & (Q(state=State.DUE, next_attempt_at__lte=now) | Q(state__in=IN_HAND))


def returns_of(clinic: Clinic) -> QuerySet[Restoration]:
    """When this clinic came back from a backup, the latest first."""
    return Restoration.objects.filter(clinic=clinic).select_related("released_by").order_by("-pk")


@transaction.atomic
def release(*, clinic: Clinic, by: User) -> int:
    """Mail leaves again; what fell due before now becomes a person's. Returns how many that are."""
    clinic = Clinic.objects.select_for_update(no_key=True, of=("self",)).select_related("restoration").get(pk=clinic.pk)
    if clinic.restoration is None:
        raise NotPossible("Mail is not frozen: somebody has released it already.", code="release")
    late = Message.objects.filter(fell_due(clinic.restoration, clock.now()), clinic=clinic)
    ids = list(late.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids).update(
        state=State.NEEDS_PERSON, reason=REASON, error_class=ledger.RESTORED, error_code="", worker="", lease_until=None
    )
    ledger.note(ids, "restored", by=by)
    freezing.thaw(clinic=clinic, by=by, to_a_person=len(ids))
    bell.on_commit()
    return len(ids)
