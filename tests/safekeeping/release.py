"""What a manager does on the page, by a process on another machine: `python -m tests.safekeeping.release`."""

import django


def main() -> None:
    django.setup()
    from clinic.models import Clinic
    from patients.outbox import frozen

    for clinic in Clinic.objects.all():
        print(frozen.release(clinic=clinic, by=clinic.memberships.first().user))


if __name__ == "__main__":
    main()
