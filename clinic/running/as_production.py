"""`python -m clinic.running.as_production check --deploy`: a command under production settings with stand-in values.

Nothing here is a secret or an address of anybody; the settings only have to be complete to be checked.
"""

import os
import secrets
import sys

STAND_INS = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "clinic.invalid",
    "BASE_URL": "https://clinic.invalid",
    "DATABASE_URL": "postgres://stratum@localhost/stratum",
    "REDIS_URL": "redis://localhost/0",
    "EMAIL_URL": "smtp://localhost:25",
    "FROM_EMAIL": "clinic@clinic.invalid",
}


def main(arguments: list[str]) -> None:
    from django.core.management import execute_from_command_line

    os.environ["DJANGO_SETTINGS_MODULE"] = "clinic.settings.production"  # importing this package chose the demo's
    for name, value in STAND_INS.items():
        os.environ.setdefault(name, value)
    execute_from_command_line(["manage.py", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
