import getpass
import re

from django.core.management.base import BaseCommand, CommandError

from clinic import services
from clinic.errors import DomainError
from clinic.forms import USUAL_HOURS, FirstRunForm
from clinic.models import LANGUAGES, User

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# What the page asks for and a script may leave for later: the page "Getting started" says what is missing.
MAY_FOLLOW = ("reply_to", "urgent_phone", "emergency_number", "room")


class Command(BaseCommand):
    help = "Create a clinic with its first manager. What the first-run page would refuse is refused here too."

    def add_arguments(self, parser):
        parser.add_argument("--name", required=True)
        parser.add_argument("--zone", default="Europe/London", help="time zone, for example Europe/London")
        parser.add_argument("--language", default="en", help=f"of mails: {', '.join(code for code, _ in LANGUAGES)}")
        parser.add_argument("--reply-to", default="", help="address that patients reply to")
        parser.add_argument("--phone", default="", help="the clinic's telephone number")
        parser.add_argument("--urgent-phone", default="", help="number for patients when something is wrong")
        parser.add_argument("--emergency-number", default="", help="for example 999 or 112")
        parser.add_argument("--room", default="Room 1", help="name of the first room")
        parser.add_argument(
            "--hours",
            action="append",
            help='opening hours, for example --hours "mon-fri 09:00 to 17:00" --hours "sat 09:00 to 12:00"',
        )
        parser.add_argument("--manager-email", required=True)
        parser.add_argument("--manager-name", required=True)
        parser.add_argument(
            "--also",
            action="append",
            default=[],
            choices=[str(role) for role, _ in FirstRunForm.ALSO],
            help="what the manager does besides; may be given several times",
        )
        parser.add_argument("--title", default="", help="of the manager, for example Dr")
        parser.add_argument("--licence", default="", help="of the manager")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the manager's password from standard input"
        )

    def handle(self, *args, password_stdin, hours, **options):
        if User.objects.filter(email=options["manager_email"].lower()).exists():
            raise CommandError(f"{options['manager_email']} already has an account here.")
        said = {name: value for name, value in options.items() if name in FirstRunForm.base_fields}
        said["password"] = input() if password_stdin else getpass.getpass("Password for the manager: ")
        form = FirstRunForm(said | _weekdays(hours))
        for name in MAY_FOLLOW:
            form.fields[name].required = False
        if not form.is_valid():
            raise CommandError("; ".join(f"{_option(name)}: {' '.join(found)}" for name, found in form.errors.items()))
        try:
            clinic = services.create_clinic(**form.cleaned_data)
        except DomainError as refusal:
            raise CommandError(refusal.sentence) from refusal
        self.stdout.write(f"{clinic.name} is ready. Sign in as {form.cleaned_data['manager_email']}.")


def _weekdays(hours: list[str] | None) -> dict[str, str]:
    """Fields of the form: "mon-fri 09:00 to 17:00" for each of five days. Nothing said: the usual week."""
    if hours is None:
        return {f"weekday_{number}": words for number, words in USUAL_HOURS.items()}
    found = {}
    for said in hours:
        match = re.fullmatch(r"([a-z]{3})(?:-([a-z]{3}))?\s+(.+)", said.strip().lower())
        first, last = (match[1], match[2] or match[1]) if match else ("", "")
        if first not in DAYS or last not in DAYS or DAYS.index(last) < DAYS.index(first):
            raise CommandError(f'--hours: write "mon-fri 09:00 to 17:00", not "{said}".')
        for number in range(DAYS.index(first) + 1, DAYS.index(last) + 2):
            found[f"weekday_{number}"] = match[3]
    return found


def _option(field: str) -> str:
    return "--hours" if field.startswith("weekday_") else f"--{field.replace('_', '-')}"
