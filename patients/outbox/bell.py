"""The doorbell: tells a worker to look at the ledger now instead of within 30 seconds. Nothing depends on it."""

import logging
import time
from dataclasses import dataclass

from django.db import transaction

from clinic.celery import app

log = logging.getLogger(__name__)

DISPATCH = "patients.outbox.tasks.dispatch"
# A broker that swallows packets costs a request two seconds; the next requests do not pay again.
SILENT_SECONDS = 30


@dataclass
class Bell:
    """Rings after the commit. A broker that is down is counted and left alone for a while."""

    failures: int = 0
    silent_until: float = 0.0

    def on_commit(self) -> None:
        transaction.on_commit(self.ring, robust=True)

    def ring(self) -> bool:
        """True when the broker took it."""
        if time.monotonic() < self.silent_until:
            return False
        try:
            app.send_task(DISPATCH, expires=25, retry=False, ignore_result=True)
        except Exception as exc:  # whatever a broker's client may raise: the row is written, the sweep will find it
            self.failures += 1
            self.silent_until = time.monotonic() + SILENT_SECONDS
            log.warning(
                "The bell did not ring (%s, %d so far); the sweep will send.", type(exc).__name__, self.failures
            )
            return False
        return True


bell = Bell()
