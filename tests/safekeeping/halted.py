"""A backup or a restore that stands still at one point, so that a test can kill it there, or do something before it goes on.

    python -m tests.safekeeping.halted backup /tmp/kept.tar keeping._files

It says `here` when it has come to the function, before it runs it, and stops itself.
"""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path


def halting(function):
    def halted(*args, **kwargs):
        print("here", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        return function(*args, **kwargs)

    return halted


def main(what: str, file: str, where: str) -> None:
    import django

    django.setup()
    module, *owner, name = where.split(".")
    place = import_module(f"clinic.safekeeping.{module}")
    for part in owner:
        place = getattr(place, part)
    setattr(place, name, halting(getattr(place, name)))
    from clinic.safekeeping import keeping, restoring

    {"backup": keeping.keep, "restore": restoring.restore}[what](Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
