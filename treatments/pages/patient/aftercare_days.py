"""What a patient reads about one day after a session: what is normal, what to do, what she may do again and from when.

Words and times are the catalogue's, as in the mails; permissions are asked of `sessions.aftercare`. Of a day ahead it says what
will hold then. Nothing is read here: the outlook and the moment are arguments.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from patients.outbox import timing
from treatments.protocol.entries import Step, StepLine
from treatments.sessions import aftercare
from treatments.sessions.aftercare import Outlook

WEEK_DAYS = 7
# The first day of the second week stands for what comes after the strip.
AFTER_THE_WEEK = WEEK_DAYS + 1
# The last day of which a page is shown; the last mail's link ends with it.
LAST_DAY = 35
# What is normal when. Never more than the green signs of the catalogue; redness only for the three days that it may last.
NORMAL = {
    1: "Pink, tight and warm, like a sunburn. A little swollen",
    2: "Pink, tight, a little swollen or dry",
    3: "A little pink, tight or dry. Some skin begins to flake",
    4: "Dry or flaking, with a mild itch. Not red any more",
    5: "Dry or flaking, with a mild itch. Slightly darker for now",
    6: "The last flakes, a mild itch. Slightly darker for now",
    7: "The last flakes. Slightly darker, and lighter each day",
}
LATER = "Your skin feels calm again: no redness, no itch, no flakes"
AFTER_A_REACTION = "We look after a reaction with you. What we told you about it comes first."


@dataclass(frozen=True)
class Row:
    """A line with its glyph."""

    icon: str
    text: str


@dataclass(frozen=True)
class Cell:
    """A day of the strip. `tense`: past, now or ahead."""

    number: int
    on: date
    tense: str
    is_shown: bool


@dataclass(frozen=True)
class Topic:
    """Something that is not allowed at first. `allowed` finds the catalogue's line that allows it, and with it the hour;
    `not_yet` holds `{when}`. `ask_first`: what it is called where a reaction is open and she has to ask."""

    icon: str
    allowed: re.Pattern[str]
    not_yet: str
    ask_first: str = ""


TOPICS = (
    Topic("sun", re.compile(r"sunscreen.*SPF"), "Stay in the shade and wear a hat. No sunscreen until {when}."),
    Topic("drop", re.compile(r"\bmay\b.*(clean|cream)"), "Put only the gel we gave you on the skin until {when}."),
    Topic("drop", re.compile(r"\bmay\b.*make-up"), "No make-up until {when}.", ask_first="Make-up"),
    Topic(
        "run",
        re.compile(r"\bmay\b.*(sport|swim|sauna)"),
        "No sport, pool or sauna until {when}.",
        ask_first="Sport, pool and sauna",
    ),
)
# Said by the list of what she may do again, with its day.
SAID_BELOW = re.compile(r"^Still no\b")
# What a line of the first hours is about.
GLYPHS = (("sun", r"shade|sun(screen|bath)"), ("drop", r"gel|make-up|cream|clean"), ("run", r"sport|gym|sauna"))


@dataclass(frozen=True)
class Shown:
    """One day as it is looked at now. `needled_at` and `now` in the clinic's zone; `ahead` is the outlook of that day, or of
    today for a day that is past: nothing is allowed on a page that could not be done any more."""

    ahead: Outlook
    on: date
    needled_at: datetime
    now: datetime

    @property
    def number(self) -> int:
        return (self.on - self.ahead.session_on).days

    @property
    def tense(self) -> str:
        return _tense(self.on, self.now.date())

    @property
    def is_today(self) -> bool:
        return self.tense == "now"

    @property
    def week(self) -> int:
        return (self.number - 1) // WEEK_DAYS + 1

    @property
    def name(self) -> str:
        """What the day is called."""
        if self.number == 0:
            return "The day of your visit"
        return f"Day {self.number} of {WEEK_DAYS}" if self.number <= WEEK_DAYS else f"Week {self.week}"

    @property
    def asks_what(self) -> str:
        """The rest of the heading."""
        if self.is_today:
            return "what is normal today" if self.number <= WEEK_DAYS else "what is normal now"
        return "what was normal" if self.tense == "past" else "what will be normal"

    @property
    def over_list(self) -> str:
        if self.number == 0:
            return "Normal on the day of your visit"
        return f"Normal on day {self.number}" if self.number <= WEEK_DAYS else f"Normal in week {self.week}"

    @cached_property
    def strip(self) -> list[Cell]:
        days = (self.ahead.session_on + timedelta(days=number) for number in range(1, WEEK_DAYS + 1))
        today = self.now.date()
        return [Cell(n, day, _tense(day, today), day == self.on) for n, day in enumerate(days, start=1)]

    @cached_property
    def rows(self) -> list[Row]:
        """What is normal on the day, and what to do and to leave."""
        if self.number <= 0:
            return _first_day(self)
        normal = NORMAL.get(self.number, LATER)
        return [Row("check", normal), *_together(_topics(self)), *_other_lines(self), *_asked(self)]

    @cached_property
    def again(self) -> list[aftercare.Permission]:
        """What she may do again, each with its day."""
        return [
            aftercare.permission(line, self.ahead, aftercare.due_day(step, self.ahead))
            for step in _steps(self.ahead)
            for line in step.lines
            if line.kind == "allow" and line.rule
        ]


def _tense(day: date, today: date) -> str:
    return "now" if day == today else "past" if day < today else "ahead"


def _steps(ahead: Outlook) -> list[Step]:
    return [step for step in ahead.catalogue.steps if step.anchor == "session"]


def _first_day(shown: Shown) -> list[Row]:
    """What she took home, word for word, with the hour until which the longest of it holds."""
    catalogue = shown.ahead.catalogue
    told = [line.text for code in ("leaving", "after_4_hours") for line in aftercare.step(code, catalogue).lines]
    longest = _topic(TOPICS[-1], shown)
    at_last = [f"{longest} {aftercare.BACK_TO_WORK}" if longest else aftercare.WHEN_LEAVING[0], aftercare.FOR_PAIN]
    return [Row(_glyph(text), text) for text in [*told, *at_last]]


def _glyph(text: str) -> str:
    found = (name for name, words in GLYPHS if re.search(words, text))
    return next(found, "plus" if text == aftercare.FOR_PAIN else "check")


def _topics(shown: Shown) -> Iterator[Row]:
    for topic in TOPICS:
        text = _topic(topic, shown)
        if text:
            yield Row(topic.icon, text)


def _topic(topic: Topic, shown: Shown) -> str | None:
    """None where these rules say nothing of it, and in later weeks where it is long allowed."""
    found = _allowed_by(topic, shown.ahead)
    if found is None:
        return None
    step, line = found
    free_at = _moment(step, shown)
    if shown.on < free_at.date():
        return topic.not_yet.format(when=_when(free_at, shown))
    if topic.ask_first and shown.ahead.reaction_open:
        return f"{topic.ask_first}: please ask us first."
    if shown.on == free_at.date() and not (shown.is_today and shown.now >= free_at):
        said = _words(line, shown)
        return f"{topic.not_yet.format(when=f'{free_at:%H:%M}')} Then {said[0].lower()}{said[1:]}"
    if shown.number > WEEK_DAYS and topic.icon != "sun":
        return None
    return _words(line, shown) if shown.on == free_at.date() else _still(_words(line, shown), topic)


def _allowed_by(topic: Topic, ahead: Outlook) -> tuple[Step, StepLine] | None:
    lines = ((step, line) for step in _steps(ahead) for line in step.lines if line.kind == "info")
    return next(((step, line) for step, line in lines if topic.allowed.search(line.text)), None)


def _moment(step: Step, shown: Shown) -> datetime:
    """The end of so many hours as they pass, on the clinic's clock."""
    ends_at = timing.hours_after(shown.needled_at, aftercare.offset_hours(step, shown.ahead))
    return ends_at.astimezone(shown.needled_at.tzinfo)


def _when(moment: datetime, shown: Shown) -> str:
    if shown.is_today and moment.date() == shown.on + timedelta(days=1):
        return f"tomorrow {moment:%H:%M}"
    return f"{moment:%A %H:%M}"


def _words(line: StepLine, shown: Shown) -> str:
    ahead = shown.ahead
    # The longer sunscreen of those who mark easily is for the four weeks that its line names.
    stronger = line.text_4_6 if ahead.high_risk and shown.number <= 4 * WEEK_DAYS else None
    return stronger or line.text


def _still(text: str, topic: Topic) -> str:
    """A line of an earlier day."""
    said = text.replace("Start a mineral sunscreen today", "Mineral sunscreen").replace(" today", "")
    return f"{said} And a hat." if topic.icon == "sun" else said


def _together(rows: Iterator[Row]) -> list[Row]:
    """One line for each glyph."""
    kept: dict[str, str] = {}
    for row in rows:
        kept[row.icon] = f"{kept[row.icon]} {row.text}" if row.icon in kept else row.text
    return [Row(icon, text) for icon, text in kept.items()]


def _other_lines(shown: Shown) -> list[Row]:
    """Lines of the first days that no topic knows: nothing that the mails say is left out, whatever the rules say one day."""
    if shown.number > WEEK_DAYS:
        return []
    first_on, early = shown.ahead.session_on + timedelta(days=1), []
    for step in _steps(shown.ahead):
        if first_on <= aftercare.due_day(step, shown.ahead) <= shown.on:
            early += [line.text for line in step.lines if line.kind == "info"]
    known = [SAID_BELOW, *(topic.allowed for topic in TOPICS)]
    return [Row("info", text) for text in early if not any(words.search(text) for words in known)]


def _asked(shown: Shown) -> list[Row]:
    """From the second week on what the last step asks; before, the check-in asks it."""
    if shown.number < WEEK_DAYS:
        return []
    due = [step for step in _steps(shown.ahead) if WEEK_DAYS <= _days(step) < LAST_DAY and _days(step) <= shown.number]
    return [
        Row("photo", line.text) if "photo" in line.text else Row("help", f"{line.text} Please tell us.")
        for line in _asks(due[-1:])
    ]


def _asks(steps: list[Step]) -> list[StepLine]:
    return [line for step in steps for line in step.lines if line.kind == "ask"]


def _days(step: Step) -> int:
    return step.offset_hours // 24
