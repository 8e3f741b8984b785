"""What each racer meant to do and what it was told, one line a word, in a file that outlives a killed process.

An intent stands in the file before the act begins. An intent without an answer is that of a racer who was killed in the
middle of it: its act has happened wholly or not at all, and which of the two only the database knows.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What an act that was done is answered with; a request that was done leads on to another page.
DONE, LED_ON = "done", "http 302"


@dataclass
class Intent:
    """`wanted`: what a booking would write, as {"plan" or "patient": key, "sessions": [keys of planned sessions], "books": ...}.

    `books` is "these" sessions; or "held", whatever is held for the course by then; or "nothing", where they are only held.
    """

    act: str
    began_at: float
    wanted: dict[str, Any] = field(default_factory=dict)
    # None: killed before it was told. Else DONE, the refusal's name, "http 409" or "fault".
    outcome: str | None = None
    taken_ms: float = 0
    # Visits that were changed: key, schedule version and status they were given.
    visits: list[tuple[int, int, str]] = field(default_factory=list)
    said: str = ""

    @property
    def was_killed(self) -> bool:
        return self.outcome is None


class Log:
    """The file of one racing process. A line is written by one call, so no kill leaves half of it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def intend(self, act: str, wanted: dict[str, Any]) -> None:
        self._write({"act": act, "at": time.time(), **({"wanted": wanted} if wanted else {})})

    def tell(self, outcome: str, *, taken_ms: float, visits: list[tuple[int, int, str]], said: str = "") -> None:
        told = {"outcome": outcome, "ms": round(taken_ms, 3)}
        self._write(told | ({"visits": visits} if visits else {}) | ({"said": said} if said else {}))

    def _write(self, words: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(words).encode() + b"\n")


def read(folder: Path) -> Iterator[Intent]:
    """Every intent of every racer, in the order of each one's file."""
    for path in sorted(folder.glob("*.log")):
        last: Intent | None = None
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                words = json.loads(line)
                if "act" in words:
                    if last is not None:
                        yield last
                    last = Intent(words["act"], words["at"], words.get("wanted", {}))
                elif last is not None:
                    last.outcome, last.taken_ms = words["outcome"], words["ms"]
                    last.visits = [tuple(one) for one in words.get("visits", ())]
                    last.said = words.get("said", "")
        if last is not None:
            yield last
