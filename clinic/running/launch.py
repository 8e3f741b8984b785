"""Becomes another program, after giving up root and tying its life to the process that asked.

Run as a script, never imported by the app: it must start in a few milliseconds and needs nothing but the standard
library. Both steps have to happen after `fork` and in this order, because Linux forgets the parent-death signal when
a process changes its user.

    python -I -S launch.py --user 65534:65534 --with-parent 4711:SIGINT -- postgres -D /data
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(user: str) -> None:
    uid, gid = (int(part) for part in user.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: str) -> None:
    pid, name = parent.split(":")
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.Signals[name].value, 0, 0, 0)
    if os.getppid() != int(pid):  # it died before we could ask
        raise SystemExit(1)


def main(arguments: list[str]) -> None:
    split = arguments.index("--")
    options, command = arguments[:split], arguments[split + 1 :]
    for option, value in zip(options[::2], options[1::2], strict=True):
        {"--user": become, "--with-parent": die_with}[option](value)
    os.execv(command[0], command)  # noqa: S606  no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
