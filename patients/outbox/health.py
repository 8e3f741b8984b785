"""Whether messages leave at all: what a machine asks at /healthz/messages, and what a manager is told on every page.

Two things can be wrong. Nobody looks at the ledger: every run of a worker notes it, in real time. Or something is due
and has not left for a quarter of an hour, by the clinic's clock. A clinic that has paused its mail is not unwell. One
that came back from a backup is, until its manager releases it: then a machine is told so, and people have read it already.
"""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from clinic.models import Clinic
from patients.outbox.models import WorkerSeen
from patients.outbox.selectors import LATE

# Beat rings every half minute: four rings in a row that nobody heard.
SILENT = timedelta(minutes=2)
# A machine that was taken out of service is no worker that fell silent.
FORGOTTEN = timedelta(days=1)

Wrong = Literal["worker", "relay", "late", "frozen"]
WHAT_TO_DO: dict[Wrong, str] = {
    "worker": "No worker is running. Nothing is lost: ask whoever looks after the system to start it again.",
    "relay": "The mail server cannot be reached; it is tried again every minute. Nothing is lost: ask whoever looks after the system to look at it.",
    "frozen": "The data came back from a backup. A manager looks at what is due under Messages and releases it.",
    "late": "They are due and still here. Nothing is lost: ask whoever looks after the system to look at the worker.",
}

# A message put off because the mail server does not answer is due again every minute or so: it is late by the time it
# was meant for. Any other is late by its next try.
ASK = """
SELECT clinic_now(), seen.at + (clinic_now() - now()), COALESCE(seen.at < now() - %(silent)s, true),
       late.since, late.error_class, frozen.since
FROM (SELECT max(at) AS at FROM patients_workerseen) AS seen
LEFT JOIN LATERAL (
    SELECT * FROM (
        SELECT message.error_class,
               CASE message.error_class WHEN 'relay_unreachable' THEN message.send_at ELSE message.next_attempt_at END AS since
        FROM patients_message AS message JOIN clinic_clinic AS clinic ON clinic.id = message.clinic_id
        WHERE message.state = 'due' AND message.next_attempt_at < (SELECT clinic_now()) + interval '2 minutes'
          AND clinic.mail_paused_at IS NULL AND clinic.restoration_id IS NULL AND (%(clinic)s IS NULL OR clinic.id = %(clinic)s)
    ) AS waiting
    WHERE waiting.since < (SELECT clinic_now()) - %(late)s
    ORDER BY waiting.since LIMIT 1
) AS late ON true
LEFT JOIN LATERAL (
    SELECT min(restoration.restored_at) AS since
    FROM clinic_clinic AS clinic JOIN clinic_restoration AS restoration ON restoration.id = clinic.restoration_id
    WHERE %(clinic)s IS NULL
) AS frozen ON true
"""


@dataclass(frozen=True)
class Unwell:
    """Why messages do not leave. `since` is a moment of the clinic's clock; None: no worker has ever looked."""

    wrong: Wrong
    since: datetime | None
    now: datetime

    @property
    def title(self) -> str:
        if self.since is None:
            return "Messages are not leaving"
        since, now = timezone.localtime(self.since), timezone.localtime(self.now)
        day = "" if since.date() == now.date() else f"{since:%A} {since.day} {since:%B}, "
        return f"Messages are not leaving since {day}{since:%H:%M}"

    @property
    def what_to_do(self) -> str:
        return WHAT_TO_DO[self.wrong]

    @property
    def ways(self) -> list[dict[str, str]]:
        return [{"label": "Open Messages", "url": reverse("patients:messages")}]


def unwell(clinic: Clinic | None = None) -> Unwell | None:
    """What keeps the messages of `clinic`, or of any clinic, from leaving; None when all is well. Of any,
    also that one is frozen; of one clinic not, as everybody there reads it on every page. One query."""
    with connection.cursor() as cursor:
        cursor.execute(ASK, {"silent": SILENT, "late": LATE, "clinic": clinic.pk if clinic else None})
        now, seen_at, is_silent, late_since, error_class, frozen_since = cursor.fetchone()
    if is_silent:
        return Unwell("worker", seen_at, now)
    if late_since is not None:
        return Unwell("relay" if error_class == "relay_unreachable" else "late", late_since, now)
    if frozen_since is not None:
        return Unwell("frozen", frozen_since, now)
    return None


def note_worker() -> None:
    """This machine's worker looks at the ledger now. One statement, also when nothing is due."""
    WorkerSeen.objects.bulk_create(
        [WorkerSeen(name=socket.gethostname()[:80], at=Now())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )


def forget_silent_workers() -> int:
    """Machines that have not been seen for a day. Returns how many."""
    return WorkerSeen.objects.filter(at__lt=Now() - FORGOTTEN).delete()[0]
