"""A calendar file read from its bytes, without the library that wrote it: what RFC 5545 asks of the lines, and what a
program makes of them that knows no zone but the one the file describes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Line:
    name: str
    parameters: str
    value: str


def lines_of(content: bytes) -> list[Line]:
    """Unfolded lines. Fails where one ends otherwise than in CRLF, is longer than 75 octets or cuts a character in two."""
    assert content.endswith(b"\r\n"), "the last line does not end"
    raw = content[:-2].split(b"\r\n")
    assert not [line for line in raw if b"\n" in line or b"\r" in line], "a lone line end"
    assert not [line for line in raw if len(line) > 75], "a line of more than 75 octets"
    assert not [line for line in raw if not line.strip()], "an empty line"
    for line in raw:
        line.decode()  # folding must not cut a character
    unfolded: list[bytes] = []
    for line in raw:
        if line[:1] in (b" ", b"\t"):
            unfolded[-1] += line[1:]
        else:
            unfolded.append(line)
    return [_line(line.decode()) for line in unfolded]


def _line(text: str) -> Line:
    """A colon inside a quoted parameter does not end the name."""
    quoted, at = False, 0
    while quoted or text[at] != ":":
        quoted ^= text[at] == '"'
        at += 1
    name, _, parameters = text[:at].partition(";")
    return Line(name, parameters, text[at + 1 :])


def components(lines: list[Line], name: str) -> list[dict[str, Line]]:
    """The properties of each component of a kind. Fails where BEGIN and END do not match."""
    found: list[dict[str, Line]] = []
    inside: list[str] = []
    for line in lines:
        if line.name == "BEGIN":
            inside.append(line.value)
            if line.value == name:
                found.append({})
        elif line.name == "END":
            assert inside.pop() == line.value, "components overlap"
        elif inside and inside[-1] == name:
            assert line.name not in found[-1], f"{line.name} stands twice"
            found[-1][line.name] = line
    assert inside == [], "a component does not end"
    return found


def moment_of(lines: list[Line], written: Line) -> datetime:
    """What a DTSTART or DTEND comes to by the VTIMEZONE of the file alone."""
    if written.value.endswith("Z"):
        return datetime.strptime(written.value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    zone = next(line.value for line in lines if line.name == "TZID")
    assert written.parameters == f"TZID={zone}"
    observances = components(lines, "STANDARD") + components(lines, "DAYLIGHT")
    # Each change comes at the local time of before it. In the hour that comes twice the first pass is meant.
    changes = sorted((_wall(o["DTSTART"].value) - _offset(o["TZOFFSETFROM"].value), _to(o)) for o in observances)
    wall = _wall(written.value)
    fitting = [at for at in (wall - _to(o) for o in observances) if at == wall - _in_force(changes, at)]
    assert fitting, f"no clock shows {written.value} by this description"
    return min(fitting).replace(tzinfo=UTC)


def _to(observance: dict[str, Line]) -> timedelta:
    return _offset(observance["TZOFFSETTO"].value)


def _in_force(changes: list[tuple[datetime, timedelta]], at: datetime) -> timedelta:
    return [offset for change, offset in changes if change <= at][-1]


def _wall(written: str) -> datetime:
    return datetime.strptime(written, "%Y%m%dT%H%M%S")  # noqa: DTZ007  a wall time has no zone


def _offset(written: str) -> timedelta:
    sign = -1 if written[0] == "-" else 1
    return sign * timedelta(hours=int(written[1:3]), minutes=int(written[3:5]))
