import getpass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from clinic import services
from clinic.models import User


class Command(BaseCommand):
    help = "Create a clinic with its first manager."

    def add_arguments(self, parser):
        parser.add_argument("--name", required=True)
        parser.add_argument("--zone", default="Europe/London", help="time zone, for example Europe/London")
        parser.add_argument("--manager-email", required=True)
        parser.add_argument("--manager-name", required=True)
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the manager's password from standard input"
        )

    def handle(self, *args, name, zone, manager_email, manager_name, password_stdin, **options):
        if User.objects.filter(email=manager_email.lower()).exists():
            raise CommandError(f"{manager_email} already has an account here.")
        try:
            validate_email(manager_email)
            password = input() if password_stdin else getpass.getpass("Password for the manager: ")
            validate_password(password)
            clinic = services.create_clinic(
                name=name, zone=zone, manager_email=manager_email, manager_name=manager_name, password=password
            )
        except ValidationError as refusal:
            raise CommandError("; ".join(refusal.messages)) from refusal
        self.stdout.write(f"{clinic.name} is ready. Sign in as {manager_email}.")
