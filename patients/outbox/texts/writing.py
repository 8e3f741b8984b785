"""A text and the values of its fields become a letter: as plain text and as HTML, from the same lines. Pure.

What is left out is left out of both. Values are put in once: nothing that they hold is read as a mark, and in HTML all of it
is escaped. The HTML carries its style in the elements, as mail programs drop style sheets; our own page, where no element may
carry one, draws the same blocks by a template (`patients/outbox/_letter_blocks.html`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import NamedTuple

from patients.outbox.texts.parsing import Block, Body, Call, Condition, Line, Link, Paragraph, Part, Section, Words

# Of each field what it says: nothing, one thing, or several.
Values = Mapping[str, tuple[str, ...]]

_FONT = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
_SMALL = "font-size:14px;color:#5c5450"
STYLES: Mapping[str, str] = MappingProxyType(
    {
        "page": "margin:0;padding:0;background-color:#f6f3ee",
        "sheet": f"max-width:560px;margin:0 auto;padding:24px 20px;font-family:{_FONT};font-size:16px;line-height:1.5;"
        "color:#231f20;background-color:#ffffff",
        "p": "margin:0 0 16px",
        "ul": "margin:0 0 16px;padding-left:20px",
        "li": "margin:0 0 6px",
        "h2": "margin:24px 0 8px;font-size:17px;line-height:1.35",
        "call_h2": "margin:0 0 8px;font-size:16px;line-height:1.35",
        "a": "color:#5b2f6b",
        "act": "display:inline-block;padding:12px 20px;border-radius:7px;background-color:#5b2f6b;color:#ffffff;"
        "text-decoration:none;font-weight:600",
        "fact": "margin:0 0 16px;padding:12px 16px;border-left:3px solid #5b2f6b;background-color:#f6f3ee",
        "call": "margin:0 0 16px;padding:12px 16px 0;border:1px solid #b3362b;border-radius:7px",
        "small": _SMALL,
        "foot": f"margin:28px 0 0;padding-top:16px;border-top:1px solid #ddd6cd;{_SMALL}",
    }
)
_STYLED: Mapping[str, str] = {name: f' style="{style}"' for name, style in STYLES.items()}


class Piece(NamedTuple):
    """A piece of a line: its words, their `look` (plain, bold, or of a link: a, act), and how both forms of a mail have it."""

    words: str
    look: str
    text: str
    html: str


class Said(NamedTuple):
    """A line as this letter says it."""

    pieces: tuple[Piece, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """A block of which something is left. `kind`: paragraph, fact, section, call or foot."""

    kind: str
    lines: tuple[Said, ...] = ()
    items: tuple[Said, ...] = ()
    blocks: tuple["Filled", ...] = ()


def fill(
    blocks: Sequence[Block],
    values: Values,
    *,
    bold: frozenset[str],
    body: Sequence[Filled] = (),
) -> list[Filled]:
    """The blocks with their values, without what is left out. `bold`: fields that stand out in HTML; `body`: what stands in
    place of the frame's own."""
    return list(_Filling(values, bold, body).blocks(blocks))


def as_text(blocks: Sequence[Filled]) -> str:
    return "\n\n".join(_text(block) for block in blocks)


def as_html(blocks: Sequence[Filled]) -> str:
    return "\n".join(_html(block) for block in blocks)


def whole_page(html: str, *, language: str, title: str) -> str:
    """The HTML of a mail, from that of its blocks."""
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light">\n'
        f"<title>{escape(title)}</title>\n</head>\n<body{_STYLED['page']}>\n<div{_STYLED['sheet']}>\n{html}\n</div>\n</body>\n</html>\n"
    )


class _Filling:
    def __init__(self, values: Values, bold: frozenset[str], body: Sequence[Filled]) -> None:
        self.values, self.bold, self.body = values, bold, body

    def blocks(self, blocks: Sequence[Block]) -> Iterator[Filled]:
        for block in blocks:
            if isinstance(block, Paragraph):
                yield from self._paragraph(block)
            elif isinstance(block, Section):
                yield from self._section(block)
            elif isinstance(block, Body):
                yield from self.body
            else:
                inside = tuple(self.blocks(block.blocks))
                if inside:
                    yield Filled("call" if isinstance(block, Call) else "foot", blocks=inside)

    def _paragraph(self, block: Paragraph) -> Iterator[Filled]:
        kept = [line for line in block.lines if self._stands(line)]
        if len(kept) == 1 and (link := kept[0].link) is not None:
            yield Filled("paragraph", (Said((self._link(link, "act", ":\n"),)),))
        elif block.is_fact:
            lines = tuple(said for line in kept for said in self._each(line))
            if lines:
                yield Filled("fact", lines)
        elif kept:
            yield Filled("paragraph", tuple(self._said(line) for line in kept))

    def _section(self, block: Section) -> Iterator[Filled]:
        items = tuple(said for line in block.items if self._stands(line) for said in self._each(line))
        if block.items and not items:
            return
        headings = tuple(self._said(line) for line in block.headings if self._stands(line))
        if headings or items:
            yield Filled("section", headings, items)

    def _stands(self, line: Line) -> bool:
        return all(self.values.get(name) for name in line.names) and all(map(self._holds, line.conditions))

    def _holds(self, condition: Condition) -> bool:
        count = len(self.values.get(condition.name, ()))
        match condition.case:
            case "given":
                return count > 0
            case "no":
                return count == 0
            case "one":
                return count == 1
            case _:
                return count > 1

    def _each(self, line: Line) -> Iterator[Said]:
        """A line for each of what its first field with several values says."""
        listed = next((name for name in line.names if len(self.values[name]) > 1), None)
        if listed is None:
            yield self._said(line)
        else:
            for one in self.values[listed]:
                yield self._said(line, {listed: (one,)})

    def _said(self, line: Line, instead: Values = MappingProxyType({})) -> Said:
        return Said(tuple(self._piece(part, instead) for part in line.parts), line.mark)

    def _piece(self, part: Part, instead: Values) -> Piece:
        if isinstance(part, Words):
            return Piece(part.text, "plain", part.text, part.html)
        if isinstance(part, Link):
            return self._link(part, "a", ": ")
        value = " ".join(instead.get(part.name) or self.values[part.name])
        if part.name in self.bold:
            return Piece(value, "bold", value, f"<b>{escape(value)}</b>")
        return Piece(value, "plain", value, escape(value))

    def _link(self, link: Link, look: str, before: str) -> Piece:
        words, address = link.words, " ".join(self.values[link.name])
        html = f'<a{_STYLED[look]} href="{escape(address)}">{words.html}</a>'
        return Piece(words.text, look, f"{words.text}{before}{address}", html)


def _text(block: Filled) -> str:
    match block.kind:
        case "fact":
            return "\n".join(f"    {_line_text(line)}" for line in block.lines)
        case "section":
            return _section_text(block)
        case "call":
            return as_text(block.blocks)
        case "foot":
            return "--\n" + "\n".join(_text(one) for one in block.blocks)
        case _:
            return "\n".join(map(_line_text, block.lines))


def _section_text(block: Filled) -> str:
    heading = "\n".join(map(_line_text, block.lines))
    items = "\n".join(f"- {_line_text(item)}" for item in block.items)
    if not heading or not items:
        return heading or items
    return f"{heading}\n{items}" if heading.endswith(":") else f"{heading}\n\n{items}"


def _line_text(line: Said) -> str:
    return "".join([piece.text for piece in line.pieces])


def _html(block: Filled, *, heading: str = "h2", paragraph: str = "p") -> str:
    match block.kind:
        case "section":
            return _section_html(block, heading)
        case "call":
            return (
                f"<div{_STYLED['call']}>\n"
                + "\n".join(_html(one, heading="call_h2") for one in block.blocks)
                + "\n</div>"
            )
        case "foot":
            return "\n".join(_html(one, paragraph="foot") for one in block.blocks)
        case "fact":
            return f"<p{_STYLED['fact']}><b>" + "<br>".join(map(_line_html, block.lines)) + "</b></p>"
        case _:
            return f"<p{_STYLED[paragraph]}>" + "<br>".join(map(_marked_html, block.lines)) + "</p>"


def _section_html(block: Filled, heading: str) -> str:
    parts = [f"<h2{_STYLED[heading]}>{_line_html(line)}</h2>" for line in block.lines]
    if block.items:
        parts += [
            f"<ul{_STYLED['ul']}>",
            *(f"<li{_STYLED['li']}>{_line_html(item)}</li>" for item in block.items),
            "</ul>",
        ]
    return "\n".join(parts)


def _marked_html(line: Said) -> str:
    html = _line_html(line)
    return f"<span{_STYLED['small']}>{html}</span>" if line.mark == "small" else html


def _line_html(line: Said) -> str:
    return "".join([piece.html for piece in line.pieces])
