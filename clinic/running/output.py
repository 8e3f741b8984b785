"""One terminal for many processes: every line says who speaks."""

import os
import sys
import threading
from typing import IO, TextIO

NAME_WIDTH = 8
COLOURS = {"web": 36, "worker": 33, "beat": 35, "mailbox": 32, "setup": 34, "stratum": 1}


class Terminal:
    """Writes whole lines from several threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()
        self._coloured = self._stream.isatty() and not os.environ.get("NO_COLOR")

    def say(self, name: str, text: str) -> None:
        prefix = f"{name:<{NAME_WIDTH}}"
        if self._coloured:
            prefix = f"\033[{COLOURS.get(name, 0)}m{prefix}\033[0m"
        with self._lock:
            try:
                for line in text.splitlines() or [""]:
                    self._stream.write(f"{prefix} | {line}\n")
                self._stream.flush()
            except (OSError, ValueError):
                pass  # the terminal was closed; stopping in order matters more than saying so

    def follow(self, name: str, pipe: IO[bytes]) -> threading.Thread:
        """Repeats what comes through `pipe` until its end, from a thread of its own."""

        def pump() -> None:
            with pipe:
                for line in pipe:
                    self.say(name, line.decode(errors="replace").rstrip("\n"))

        thread = threading.Thread(target=pump, name=f"output of {name}", daemon=True)
        thread.start()
        return thread
