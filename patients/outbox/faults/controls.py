"""Guards switched off, in the processes of one run only: the checks have to find what the guards prevent."""

from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from clinic.models import ClinicNow
from patients.models import Message
from patients.outbox import ledger, relay, timing
from patients.outbox.models import State


def send_whatever_was_claimed() -> None:
    """The hand-off marker asks nothing: what was claimed is sent, whatever became of the row since."""

    def mark(letters, worker, limits) -> set[int]:
        ids = {letter.message.pk for letter in letters}
        Message.objects.filter(pk__in=ids).update(handed_off_at=ClinicNow())
        return ids

    ledger.mark = mark


def say_sent_before_sending() -> None:
    """Mark, then send: what a worker takes with it when it dies is lost."""
    careful = ledger.mark

    def mark(letters, worker, limits) -> set[int]:
        ids = careful(letters, worker, limits)
        Message.objects.filter(pk__in=ids).update(state=State.SENT, sent_at=ClinicNow())
        return ids

    ledger.mark = mark


def send_again_without_asking() -> None:
    """What is in doubt is simply due again: what the relay had taken is doubled."""
    again = {"state": State.DUE, "handed_off_at": None, "worker": "", "lease_until": None}

    def repeat() -> int:
        silent = Message.objects.filter(state=State.SENDING, handed_off_at__isnull=False, lease_until__lt=Now())
        return silent.update(**again)

    def repeat_this(message, worker) -> None:
        Message.objects.filter(pk=message.pk, worker=worker).update(**again)

    ledger.doubt_the_silent, ledger.in_doubt = repeat, repeat_this


def send_however_late() -> None:
    """Nobody asks how long ago the marker was written."""
    careful = relay.SmtpRelay.hand_over
    relay.SmtpRelay.hand_over = lambda self, mail, still_fresh: careful(self, mail, lambda: True)


def count_an_outage_as_tries() -> None:
    """A relay that cannot be reached is treated like one that turned the message away."""

    def unreachable(ids, worker, error, limits) -> int:
        mine = Message.objects.filter(pk__in=list(ids), worker=worker, state=State.SENDING)
        for message in list(mine):
            wait = timing.backoff(message.attempts) * limits.backoff_scale
            mine.filter(pk=message.pk).update(
                state=State.DUE, worker="", lease_until=None, next_attempt_at=ClinicNow() + wait
            )
        return len(list(ids))

    ledger.relay_unreachable = unreachable


def close_nothing_that_is_stale() -> None:
    ledger.expire = lambda: 0


def send_what_is_stale() -> None:
    """Nobody asks whether it is still of use."""
    ledger.expire = lambda: 0
    ledger.CLAIM = ledger.CLAIM.replace("AND expires_at > (SELECT clinic_now())", "")
    ledger.MARK = ledger.MARK.replace("AND message.expires_at > (SELECT clinic_now())", "")


def claim_without_a_lock() -> None:
    """Look what is due, then write "mine": two workers have the same rows, and neither asks again."""

    def claim(worker, limits, *, alone=False) -> list[Message]:
        due = Message.objects.filter(state=State.DUE, next_attempt_at__lte=ClinicNow())
        found = list(due.annotate(claimed_at=ClinicNow()).order_by("priority", "next_attempt_at")[: limits.claim])
        Message.objects.filter(pk__in=[message.pk for message in found]).update(
            state=State.SENDING, worker=worker, lease_until=Now() + timedelta(seconds=limits.lease_seconds),
            attempts=F("attempts") + 1,
        )  # fmt: skip
        return found

    ledger.claim = claim
    send_whatever_was_claimed()


def commits_wait(*, wait: bool) -> None:
    """Whether a commit in the present database is on its way to the disk when it is answered. Where it is not, a server that is
    ended at once forgets the last half second. For connections that are opened from now on."""
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = {'on' if wait else 'off'}")
        # What was written so far, by whomever, stays.
        cursor.execute("CHECKPOINT")
    connection.close()
