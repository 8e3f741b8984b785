from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from clinic import clock
from clinic.errors import DomainError
from clinic.mailbox import MailSink, MailStore
from clinic.models import Clinic
from patients.outbox import relay, travel

HOW = 'Say +6w, +3d, +2h, +90m, "to 2027-04-20T09:00" or now.'
WORDS = {
    "sent": "went", "cancelled": "no longer wanted", "suppressed": "not to be sent", "expired": "too late",
    "failed": "refused", "put_off": "put off", "in_doubt": "in doubt", "unreachable": "without a mail server",
    "fault": "could not be written",
}  # fmt: skip

ENDED = {"time": "It took too long.", "relay": "The mail server cannot be reached, and nothing shall be lost."}


class Command(BaseCommand):
    help = f"Move the demo clinic's clock forward; what falls due on the way leaves at its time. {HOW}"

    def add_arguments(self, parser):
        parser.add_argument("where", nargs="*", help="how far, or where to; nothing: only say where the clock stands")

    def handle(self, *args, where: list[str], **options):
        clinic = Clinic.objects.filter(is_demo=True).order_by("pk").first()
        if clinic is None:
            raise CommandError("There is no demo clinic in this database, and only its clock moves.")
        if not where:
            self.stdout.write(f"The clinic's clock: {_stands(clinic)}. {HOW}")
            return
        diary = Diary(clinic, self.stdout.write)
        try:
            to = _target(where, clinic)
            with _relay() as through:
                trip = travel.go(clinic=clinic, to=to, by=None, through=through, tell=diary.tell)
            diary.finish()
            if where == ["now"]:
                clock.move_to(_real_now())
        except DomainError as refusal:
            raise CommandError(refusal.sentence) from refusal
        if trip.why:
            raise CommandError(f"{ENDED[trip.why]} The clock stopped at {_stands(clinic)}: go on from there.")
        self.stdout.write(f"The clinic's clock: {_stands(clinic)}. On the way: {_said(trip.tally)}.")


class Diary:
    """A line for each day on which something happened."""

    def __init__(self, clinic: Clinic, write) -> None:
        self.clinic, self.write = clinic, write
        self.day: date | None = None
        self.tally: Counter = Counter()

    def tell(self, stop: travel.Stop) -> None:
        day = clock.local(stop.at, self.clinic).date()
        if day != self.day:
            self.finish()
            self.day = day
        self.tally += stop.tally

    def finish(self) -> None:
        if self.tally and self.day is not None:
            self.write(f"{self.day:%a} {self.day.day:2} {self.day:%b %Y}: {_said(self.tally)}")
        self.tally = Counter()


@contextmanager
def _relay() -> Iterator[relay.Relay | None]:
    """`make run` tells the port of its mailbox only to its own processes. So where mail goes to a mailbox on this machine,
    this one takes it itself, into the same folder; else what the settings name."""
    if not settings.MAILBOX_DIR or not isinstance(get_connection(), EmailBackend):
        yield None
        return
    sink = MailSink(MailStore(settings.MAILBOX_DIR), port=0)
    sink.start()
    try:
        yield relay.SmtpRelay(EmailBackend(host="127.0.0.1", port=sink.port))
    finally:
        sink.stop()


def _target(where: list[str], clinic: Clinic) -> datetime:
    match where:
        case ["now"]:
            return _real_now()
        case ["to", moment]:
            return _moment(moment, clinic)
        case [amount]:
            return travel.moment_after(amount, clinic=clinic, now=clock.now())
    raise CommandError(HOW)


def _moment(typed: str, clinic: Clinic) -> datetime:
    """A wall time of the clinic, unless it names its own offset."""
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise CommandError(f'"{typed}" is no moment. Write it like 2027-04-20T09:00.') from None
    if moment.tzinfo is not None:
        return moment
    return clock.resolve(moment.date(), moment.time(), clinic.tz)


def _real_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def _said(tally: Counter) -> str:
    return ", ".join(f"{tally[what]} {words}" for what, words in WORDS.items() if tally[what]) or "nothing was due"


def _stands(clinic: Clinic) -> str:
    return f"{clock.local(clock.now(), clinic):%A %d %B %Y, %H:%M}"
