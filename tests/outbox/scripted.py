"""A mail server that says what a test tells it to, step by step, and writes down what it heard and when."""

import re
import select
import socket
import threading
from collections.abc import Callable

MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*<([^>\r\n]+)>")
END_OF_TEXT, END_OF_LINE = b"\r\n.\r\n", b"\r\n"
# As an answer: the connection is cut without a word.
CUT = "cut"
PATIENCE_SECONDS = 5
# Given a step (MAIL, RCPT, DATA, TEXT) and what it is about (an address, a Message-ID), an answer; None for the usual one.
Says = Callable[[str, str], str | None]


def nothing_special(step: str, about: str) -> str | None:
    return None


class ScriptedServer:
    """`heard`: by connection, each command, and "text" for a text. `taken`: Message-IDs that it took, answered or not. `early`: the
    steps before whose answer more had been said already. `unfinished`: what stood of texts whose end never came.

    `pipelining`: whether it offers it. `lets_on`: it says "go ahead" to DATA also where it has taken no recipient.
    `waits_for_more`: it answers a text only when the DATA of the next has come.
    """

    def __init__(
        self,
        *,
        pipelining: bool = True,
        says: Says = nothing_special,
        lets_on: bool = False,
        waits_for_more: bool = False,
    ) -> None:
        self.pipelining, self.says, self.lets_on, self.waits_for_more = pipelining, says, lets_on, waits_for_more
        self.heard: list[list[str]] = []
        self.taken: list[str] = []
        self.early: list[str] = []
        self.unfinished: list[bytes] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._talking: list[socket.socket] = []

    def __enter__(self) -> "ScriptedServer":
        self._in_thread(self._welcome)
        return self

    def __exit__(self, *_: object) -> None:
        # Shut down first: closing alone does not wake the thread that waits at the door.
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for talking in self._talking:
            talking.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _in_thread(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _welcome(self) -> None:
        while True:
            try:
                talking, _ = self._door.accept()
            except OSError:
                return
            talking.settimeout(PATIENCE_SECONDS)
            self._talking.append(talking)
            heard: list[str] = []
            self.heard.append(heard)
            self._in_thread(lambda talking=talking, heard=heard: Dialogue(self, talking, heard).hold())


class Dialogue:
    """One connection."""

    def __init__(self, server: ScriptedServer, talking: socket.socket, heard: list[str]) -> None:
        self.server, self.talking, self.heard = server, talking, heard
        self.buffer = b""
        self.recipients: list[str] = []

    def hold(self) -> None:
        try:
            self._say("220 scripted")
            while (line := self._until(END_OF_LINE)) is not None and self._answer(line.decode()):
                pass
        except OSError:
            pass
        finally:
            self.talking.close()

    def _answer(self, line: str) -> bool:
        """False where the conversation is over."""
        word, _, rest = line.partition(" ")
        self.heard.append(word.upper())
        about = rest.partition("<")[2].partition(">")[0]
        match word.upper():
            case "EHLO":
                return self._say("250-scripted\r\n250 PIPELINING" if self.server.pipelining else "250 scripted")
            case "MAIL":
                self.recipients.clear()
                return self._reply("MAIL", about, "250 2.1.0 OK")
            case "RCPT":
                answer = self.server.says("RCPT", about) or "250 2.1.5 OK"
                if answer.startswith("250"):
                    self.recipients.append(about)
                return self._reply("RCPT", about, answer, asked=True)
            case "DATA":
                usual = "354 go on" if self.recipients or self.server.lets_on else "554 5.5.1 No valid recipients"
                answer = self.server.says("DATA", "".join(self.recipients[:1])) or usual
                return self._reply("DATA", "", answer, asked=True) and (not answer.startswith("354") or self._text())
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                return self._say("250 2.0.0 OK")

    def _text(self) -> bool:
        text = self._until(END_OF_TEXT)
        if text is None:
            self.server.unfinished.append(self.buffer)
            return False
        found = MESSAGE_ID.search(text)
        name = found[1].decode() if found else "empty"
        self.heard.append("text")
        answer = self.server.says("TEXT", name) or f"250 2.0.0 Ok: queued as MAIL{len(self.server.taken) + 1}"
        if answer == CUT or answer.startswith("250"):
            self.server.taken.append(name)
        while self.server.waits_for_more and b"DATA\r\n" not in self.buffer and self._hear():
            pass
        return self._reply("TEXT", name, answer, asked=True)

    def _reply(self, step: str, about: str, usual: str, *, asked: bool = False) -> bool:
        answer = usual if asked else self.server.says(step, about) or usual
        if self.buffer or self._there_is_more():
            self.server.early.append(step)
        if answer == CUT:
            return False
        return self._say(answer) and not answer.startswith("421")

    def _there_is_more(self) -> bool:
        ready, _, _ = select.select([self.talking], [], [], 0)
        return bool(ready and self.talking.recv(1, socket.MSG_PEEK))

    def _say(self, answer: str) -> bool:
        self.talking.sendall(answer.encode() + END_OF_LINE)
        return True

    def _until(self, end: bytes) -> bytes | None:
        while end not in self.buffer:
            if not self._hear():
                return None
        said, _, self.buffer = self.buffer.partition(end)
        return said

    def _hear(self) -> bool:
        heard = self.talking.recv(65_536)
        self.buffer += heard
        return bool(heard)
