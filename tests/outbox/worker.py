"""Workers of a test: real processes on the test database that send through the test's sink, and may be killed.

    python -m tests.outbox.worker '{"task": "farm", "workers": 3, "kills": 50, ...}'

`farm` forks workers and kills them with SIGKILL at random moments, forking others in their place; it speaks one line of
JSON a kill-run and ends when its standard input closes. `freeze` sends once and stops itself (SIGSTOP) at one point.
`book` writes messages and measures; `celery` is a worker as the product runs it.
A guard named in `without` is switched off: that is the negative control of a test.
"""

import contextlib
import json
import os
import random
import signal
import sys
import time


def main(job: dict) -> None:
    import django

    django.setup()
    from tests.outbox import cast

    cast.register_kinds()
    for guard in job.get("without", []):
        WITHOUT[guard]()
    TASKS[job["task"]](job)


def farm(job: dict) -> None:
    """Kill `kills` workers in the middle of their work, then keep `workers` of them alive until told to stop.

    Workers say when they are about to mark, to hand over and to note the outcome; every few of these steps the one
    that spoke last is killed, at a random moment of what it is doing. So a slow machine changes nothing.
    """
    chance = random.Random(job.get("seed", 1))
    ear, mouth = os.pipe()
    workers = {spawn(job, mouth) for _ in range(job["workers"])}
    for killed in range(job["kills"]):
        for _ in range(chance.randint(*job["steps_between_kills"])):
            speaker = int.from_bytes(os.read(ear, 4), "big")
        if killed % 5:
            time.sleep(chance.uniform(0, job["longest_step_seconds"]))
        victim = speaker if speaker in workers else chance.choice(sorted(workers))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        workers.remove(victim)
        workers.add(spawn(job, mouth))
    print(json.dumps({"killed": job["kills"]}), flush=True)
    os.set_blocking(mouth, False)
    sys.stdin.read()
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
    for worker in workers:
        os.waitpid(worker, 0)


def spawn(job: dict, mouth: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            speak_before_each_step(mouth)
            work(job)
        finally:
            os._exit(0)
    return pid


def speak_before_each_step(mouth: int) -> None:
    from patients.outbox import ledger, relay

    def speaking(function):
        def spoken(*args, **kwargs):
            # Nobody listens any more once the killing is over.
            with contextlib.suppress(BlockingIOError):
                os.write(mouth, os.getpid().to_bytes(4, "big"))
            return function(*args, **kwargs)

        return spoken

    ledger.mark, ledger.sent = speaking(ledger.mark), speaking(ledger.sent)
    relay.SmtpRelay.hand_over = speaking(relay.SmtpRelay.hand_over)


def work(job: dict) -> None:
    """Dispatch and reconcile until SIGTERM; a run that has begun is finished."""
    from clinic.mailbox import MailboxRecord, MailStore
    from patients.outbox import dispatch, reconcile
    from patients.outbox.limits import Limits

    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    limits, record = Limits(**job["limits"]), MailboxRecord(MailStore(job["mailbox"]))
    while not told:
        dispatch.run(limits=limits)
        reconcile.run(limits=limits, record=record)
        time.sleep(0.02)


def freeze(job: dict) -> None:
    """One run that stands still for as long as the test likes, `before_marker` or `before_text`."""
    from patients.outbox import dispatch, ledger, relay
    from patients.outbox.limits import Limits

    def stop_first(function):
        def stopped(*args, **kwargs):
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


def without_marker_check() -> None:
    """The usual order of things: what was claimed is sent, whatever happened to the row since."""
    from patients.models import Message
    from patients.outbox import ledger

    def mark(letters, worker, limits):
        from clinic.models import ClinicNow

        ids = {letter.message.pk for letter in letters}
        Message.objects.filter(pk__in=ids).update(handed_off_at=ClinicNow())
        return ids

    ledger.mark = mark


def without_freshness() -> None:
    from patients.outbox import relay

    hand_over = relay.SmtpRelay.hand_over
    relay.SmtpRelay.hand_over = lambda self, mail, still_fresh: hand_over(self, mail, lambda: True)


def mark_first() -> None:
    """Write "sent", then send: what a worker takes with it when it dies is lost."""
    from clinic.models import ClinicNow
    from patients.models import Message
    from patients.outbox import ledger

    mark = ledger.mark

    def mark_sent(letters, worker, limits):
        ids = mark(letters, worker, limits)
        Message.objects.filter(pk__in=ids).update(state="sent", sent_at=ClinicNow())
        return ids

    ledger.mark = mark_sent


def blind_repeat() -> None:
    """A lease that ran out is simply sent again: what the relay had taken already is doubled."""
    from django.db.models.functions import Now

    from patients.models import Message
    from patients.outbox import ledger

    def repeat() -> int:
        silent = Message.objects.filter(state="sending", handed_off_at__isnull=False, lease_until__lt=Now())
        return silent.update(state="due", handed_off_at=None, worker="", lease_until=None)

    ledger.doubt_the_silent = repeat


TASKS = {"farm": farm, "freeze": freeze, "book": book, "celery": celery}
WITHOUT = {
    "marker_check": without_marker_check,
    "freshness": without_freshness,
    "marker_before_sent": mark_first,
    "record": blind_repeat,
}

if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
