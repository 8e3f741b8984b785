"""`manage.py mailbox`: the local mail sink as a process."""

import signal
import threading
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic.mailbox import MailSink, MailStore


class Command(BaseCommand):
    help = "Accepts mail over SMTP on this machine and keeps it in a folder; delivers nothing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=1025, help="0 takes a free port; the first line names it.")
        parser.add_argument(
            "--folder", type=Path, help="Where the messages go; the settings' MAILBOX_DIR if not given."
        )

    def handle(self, *, port, folder, **options):
        folder = folder or settings.MAILBOX_DIR
        if folder is None:
            raise CommandError("EMAIL_URL names a relay, so there is no mailbox here. Unset it, or give --folder.")
        told_to_stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: told_to_stop.set())
        sink = MailSink(MailStore(folder), port=port)
        try:
            sink.start()
        except OSError as refused:
            raise CommandError(
                f"Port {port} cannot be opened: {refused.strerror}. Choose another with --port."
            ) from None
        self.stdout.write(f"Mailbox on {sink.url}, keeping messages in {folder}")
        self.stdout.flush()
        told_to_stop.wait()
        sink.stop()
