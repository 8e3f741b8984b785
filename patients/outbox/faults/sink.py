"""The relay of a fault run and of a measurement: a plain SMTP server in a process of its own that answers as it was told.

Its file is the only truth about what was taken: a line with the Message-ID for every message, written *before* the answer is. The
file outlives the process, so a relay that is killed and started again has forgotten nothing.
"""

import asyncio
import os
import random
import re
import socket
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from patients.outbox.faults.processes import forked, kill

MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*<([^>\r\n]+)>")
END_OF_TEXT, END_OF_LINE = b"\r\n.\r\n", b"\r\n"
ORPHANED_SECONDS = 1.0


@dataclass(frozen=True)
class Script:
    """How it answers. `lost`: the share of messages that are taken and not answered; `busy`: the share that are turned away with
    451 after their text. Addresses that begin with `nobody` do not exist. `delay_seconds`: from, to; they pass between
    taking a message and saying so. A conversation that says nothing for `patience_seconds` is cut."""

    lost: float = 0
    busy: float = 0
    nobody: str = "nobody"
    delay_seconds: tuple[float, float] = (0, 0)
    patience_seconds: float = 60
    seed: int = 1


class Truth:
    """What the sink took, from its file; also the relay's own record that reconciliation asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.copies: Counter[str] = Counter()
        self.taken_at: dict[str, float] = {}
        self._read = 0

    def look(self) -> "Truth":
        """Reads on from where it stopped, whole lines only."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            news = file.read()
        whole = news[: news.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode().splitlines():
            message_id, _, moment = line.partition(" ")
            self.copies[message_id] += 1
            self.taken_at.setdefault(message_id, float(moment))
        return self

    def accepted(self, message_id: str) -> datetime | None:
        """When it was taken, or None when it never was."""
        moment = self.look().taken_at.get(message_id)
        return None if moment is None else datetime.fromtimestamp(moment, UTC)


class Sink:
    """The server on this machine. Stopped, it refuses connections and keeps its port; started again it goes on as it was."""

    def __init__(self, folder: Path, script: Script | None = None) -> None:
        self.script = script or Script()
        self.truth = Truth(folder / "taken")
        self.truth.path.touch(mode=0o600)
        self._process: int | None = None
        self._door = door(0)
        self.port: int = self._door.getsockname()[1]

    def start(self) -> None:
        self._door.listen(128)
        listening = self._door
        self._process = forked(lambda: serve(listening, self.truth.path, self.script))
        self._door.close()

    def stop(self) -> None:
        """At once: what is being said at this moment is never finished."""
        if self._process is not None:
            kill(self._process)
            self._process = None
            # Bound and not listening: nobody else takes the port, and whoever knocks is refused.
            self._door = door(self.port)

    def __enter__(self) -> "Sink":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._door.close()


def door(port: int) -> socket.socket:
    # Named as TCP, it is given TCP_NODELAY: an answer does not wait until the one before it has been acknowledged.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


def serve(listening: socket.socket, truth: Path, script: Script) -> None:
    """Until killed, or until whoever started it is gone."""
    loop, file, parent = asyncio.new_event_loop(), os.open(truth, os.O_WRONLY | os.O_APPEND), os.getppid()
    dice = random.Random(script.seed)  # noqa: S311  dice, no secret

    def go_with_the_parent() -> None:
        if os.getppid() != parent:
            os._exit(0)
        loop.call_later(ORPHANED_SECONDS, go_with_the_parent)

    go_with_the_parent()
    loop.run_until_complete(loop.create_server(lambda: Conversation(loop, file, script, dice), sock=listening))
    loop.run_forever()


class Conversation(asyncio.Protocol):
    """One client's SMTP dialogue."""

    def __init__(self, loop: asyncio.AbstractEventLoop, file: int, script: Script, dice: random.Random) -> None:
        self._loop, self._file, self._script, self._dice = loop, file, script, dice
        self._heard, self._in_text, self._thinking = bytearray(), False, False
        self._cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._say(b"220 sink")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._cut is not None:
            self._cut.cancel()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._thinking:
            end = END_OF_TEXT if self._in_text else END_OF_LINE
            at = self._heard.find(end)
            if at < 0:
                return
            said = bytes(self._heard[:at])
            del self._heard[: at + len(end)]
            if self._in_text:
                self._in_text = False
                self._text(said)
            else:
                self._command(said)

    def _command(self, said: bytes) -> None:
        word = said[:4].upper()
        if word == b"DATA":
            self._in_text = True
            self._say(b"354 go on")
        elif word == b"EHLO":
            self._say(b"250-sink\r\n250 PIPELINING")
        elif word == b"QUIT":
            self._say(b"221 bye")
            self._transport.close()
        elif word == b"RCPT" and f"<{self._script.nobody}".encode() in said:
            self._say(b"550 5.1.1 No such mailbox")
        else:
            self._say(b"250 2.0.0 OK")

    def _text(self, text: bytes) -> None:
        if self._dice.random() < self._script.busy:
            self._say(b"451 4.3.0 Later")
            return
        found = MESSAGE_ID.search(text)
        name = found[1] if found else b"-"
        os.write(self._file, b"%s %.3f\n" % (name, time.time()))
        if self._dice.random() < self._script.lost:
            self._transport.abort()
            return
        answer, delay = b"250 2.0.0 Kept as " + name[:40], self._dice.uniform(*self._script.delay_seconds)
        if not delay:
            self._say(answer)
            return
        self._thinking = True
        self._loop.call_later(delay, self._answer, answer)

    def _answer(self, answer: bytes) -> None:
        self._thinking = False
        self._say(answer)
        self._go_on()

    def _say(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer + END_OF_LINE)
            if self._cut is not None:
                self._cut.cancel()
            self._cut = self._loop.call_later(self._script.patience_seconds, self._transport.abort)
