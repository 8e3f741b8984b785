from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic.models import Clinic
from treatments.demo import builder, cast


class Command(BaseCommand):
    help = "Make the fictional demo clinic. Refused where the clock is real: a real clinic holds no invented people."

    def add_arguments(self, parser):
        parser.add_argument("--patients", type=int, default=120, help="how many invented patients (default 120)")
        parser.add_argument("--sign-ins", action="store_true", help="only print who can sign in, and with what")

    def handle(self, *args, patients: int, sign_ins: bool, **options):
        if not settings.CLOCK_MOVABLE:
            raise CommandError("The demo clinic is not for production: its people are invented and its clock moves.")
        if not sign_ins:
            if Clinic.objects.exists():
                raise CommandError("There is a clinic already. Use another database for the demo.")
            builder.build(patients=patients)
        if Clinic.objects.filter(is_demo=True).exists():
            for staff in (*cast.STAFF, cast.MANAGER):
                roles = ", ".join(str(role.label).lower() for role in staff.roles)
                self.stdout.write(f"{staff.email:28} {cast.DEMO_PASSWORD}   {staff.name}, {roles}")
