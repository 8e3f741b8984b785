#!/usr/bin/env python
"""Django's commands, on the demo settings unless DJANGO_SETTINGS_MODULE says otherwise."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings.demo")
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as missing:
        if missing.name != "django":
            raise
        raise SystemExit("Django is not installed here. Run `make setup`, then use .venv/bin/python.") from None
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
