"""Workers of a test: real processes on the test database that send through the test's sink, and may be killed.

    python -m tests.outbox.worker '{"task": "freeze", "where": "before_marker", ...}'

`freeze` sends once and stops itself (SIGSTOP) at one point. `book` writes messages and measures; `celery` is a worker as
the product runs it. A guard named in `without` is switched off: that is the negative control of a test.
"""

import json
import os
import signal
import sys
import time
from itertools import count


def main(job: dict) -> None:
    import django

    django.setup()
    from tests.outbox import cast

    cast.register_kinds()
    for guard in job.get("without", []):
        without(guard)
    TASKS[job["task"]](job)


def freeze(job: dict) -> None:
    """One run that stands still for as long as the test likes, `before_marker` or `before_text`; `after` so many of these."""
    from patients.outbox import dispatch, ledger, relay
    from patients.outbox.limits import Limits

    done = count()

    def stop_first(function):
        def stopped(*args, **kwargs):
            if next(done) >= job.get("after", 0):
                os.kill(os.getpid(), signal.SIGSTOP)
            return function(*args, **kwargs)

        return stopped

    if job["where"] == "before_marker":
        ledger.mark = stop_first(ledger.mark)
    else:
        relay.SmtpRelay.hand_over = stop_first(relay.SmtpRelay.hand_over)
    tally = dispatch.run(limits=Limits(**job["limits"]))
    print(json.dumps({"sent": tally["sent"]}), flush=True)


def book(job: dict) -> None:
    """Writes messages as a booking does, one transaction each, and says how long each took."""
    from django.db import transaction

    from patients.models import Patient
    from patients.outbox.bell import bell
    from tests.outbox import cast

    patient, seconds = Patient.objects.select_related("clinic").get(), []
    for number in range(job["times"]):
        began = time.monotonic()
        with transaction.atomic():
            cast.owe(patient, key=f"book:{number}")
        seconds.append(time.monotonic() - began)
    print(json.dumps({"seconds": seconds, "failures": bell.failures}), flush=True)


def celery(job: dict) -> None:
    """A Celery worker like the product's, that also knows the tests' kinds of message."""
    from clinic.celery import app

    app.worker_main(["worker", "--concurrency=1", "--loglevel=warning", "--without-mingle", "--without-gossip"])


def without(guard: str) -> None:
    from patients.outbox.faults import controls

    {"marker_check": controls.send_whatever_was_claimed, "freshness": controls.send_however_late}[guard]()


TASKS = {"freeze": freeze, "book": book, "celery": celery}

if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
