"""Mails to those who work here; and housekeeping: what nobody can use any more goes."""

from datetime import timedelta

from celery import shared_task
from django.core.management import call_command

from clinic import submissions
from clinic.staff import mailing
from clinic.staff import services as staff

# Nobody presses the button of a page that old; until then a second press has to find the first one's result.
SUBMISSIONS_KEPT = timedelta(days=2)
# A quarter: by then nobody asks whether a mail arrived, and who never answered an invitation will not. Who invited whom, and
# when, stands in the audit trail without name or address.
STAFF_MAILS_KEPT = INVITATIONS_KEPT = timedelta(days=90)


@shared_task(name="clinic.tasks.clear_out")
def clear_out() -> None:
    """Tokens of old forms, sessions that are over, mails to staff and invitations of long ago. Harmless at any time and twice
    at once."""
    submissions.forget(older_than=SUBMISSIONS_KEPT)
    mailing.forget(older_than=STAFF_MAILS_KEPT)
    staff.forget(older_than=INVITATIONS_KEPT)
    call_command("clearsessions")


@shared_task(name=mailing.SEND)
def send_staff_mails() -> None:
    """Invitations and other mails to staff. A broken worker costs 30 seconds, never a second copy."""
    mailing.send_waiting()
