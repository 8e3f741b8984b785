"""One line of a list of calls, and the list: whom, why, until when, what came of earlier calls, and where a press leads."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse

from clinic.templatetags.clinic_ui import day as day_words
from treatments.appointments.calls.heard import NEVER, Heard, called_again_on, heard, outcome_words, tag

# What a line says of a patient; whole rows of plans with their proposals are a hundred times as much.
SHOWN_OF_PATIENT = (
    "ref",
    "given_name",
    "family_name",
    "phone",
    "name_key",
    "email",
    "mail_allowed",
    "email_bounced_at",
)
# How far ahead a day is called by its weekday alone.
NEAR_DAYS = 7


@dataclass
class Call:
    """One line of a list. `about`: the list and the ref that an outcome is recorded for; without it nobody is called."""

    name: str
    say: str
    due: str
    phone: str
    # Where a press leads: the name of a page (of treatments, where no app is named) and the ref it is about. Most lines are
    # counted and never shown.
    leads_to: tuple[str, UUID]
    patient_ref: UUID
    act: str
    session: str = ""
    # Where the act is about a whole course: the page that does it for this session only.
    alone: tuple[str, UUID] | None = None
    # The visit's line of a changed rule, where a press says that somebody has looked.
    seen_ref: UUID | None = None
    why: str = ""
    hue: str = ""
    about: tuple[str, UUID] | None = None
    told: list[Heard] = field(default_factory=list)
    # What stands beside the name of who was called before: "left a message".
    tag: str = ""
    # What a patient told us is read before she is rung: the whole line opens that, and the call is a press beside it.
    is_read_first: bool = False
    # On one of the two lists of people who are not called today.
    back_on: date | None = None
    from_list: str = ""
    zone: ZoneInfo = ZoneInfo("UTC")

    @property
    def url(self) -> str:
        return _url(self.leads_to)

    @property
    def alone_url(self) -> str:
        return _url(self.alone) if self.alone else ""

    @property
    def call_url(self) -> str:
        """Her number, what was said before, and the buttons for what comes of this call."""
        return reverse("treatments:call", args=self.about) if self.about else ""

    @property
    def seen_url(self) -> str:
        return reverse("treatments:outcome_seen", args=[self.seen_ref]) if self.seen_ref else ""

    @property
    def patient_url(self) -> str:
        return reverse("treatments:chart", args=[self.patient_ref])

    @property
    def short(self) -> str:
        """What the narrow column says: the newest of what is known."""
        return f"{self.session}, {self.tag}" if self.tag and self.session else self.tag or self.say

    @property
    def last_words(self) -> str:
        """What came of the newest call, with its day."""
        return outcome_words(self.told[0], self.zone) if self.told else ""

    @property
    def again_url(self) -> str:
        """Where "Call again" leads: it takes the last word back."""
        return reverse("treatments:take_back_call", args=[self.told[0].ref]) if self.told else ""


def _url(leads_to: tuple[str, UUID]) -> str:
    page, ref = leads_to
    return reverse(page if ":" in page else f"treatments:{page}", args=[ref])


@dataclass
class CallList:
    """A list with a heading. `code` is its place on the page of all lists; `means` says who is on it, where a name does not."""

    code: str
    title: str
    glyph: str
    empty: str
    due_title: str = "Visit"
    means: str = ""
    calls: list[Call] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{reverse('treatments:worklists')}#{self.code}"


@dataclass
class Sorter:
    """Puts each call where it belongs today: on its list, or among those who were reached, or who are not called any more."""

    today: date
    zone: ZoneInfo
    reached: list[Call] = field(default_factory=list)
    stopped: list[Call] = field(default_factory=list)

    @property
    def reached_in_order(self) -> list[Call]:
        """Who comes back first stands first."""
        return sorted(self.reached, key=lambda call: (call.back_on, call.name))

    def add(
        self, into: CallList, call: Call, told: Iterable[dict] | None, *, about: UUID, since: datetime | None = None
    ) -> None:
        """`told`: rows of `heard_about`; `about`: the ref of what an outcome is recorded for."""
        call.about = (into.code, about)
        call.told = heard(told, into.code, since=since)
        call.back_on = called_again_on(call.told, into.code, self.zone)
        if call.back_on is None or call.back_on <= self.today:
            call.tag = tag(call.told)
            into.calls.append(call)
            return
        call.from_list, call.zone = into.title, self.zone
        if call.back_on != NEVER:
            self.reached.append(call)
        # What is told is told: only where somebody has said so is a patient "not called any more".
        elif any(one.outcome == "stop" for one in call.told):
            call.told = [one for one in call.told if one.outcome == "stop"]
            self.stopped.append(call)


def session_words(number: int | None, of_sessions: int | None, kind: str) -> str:
    return f"Session {number} of {of_sessions}" if number else kind


def together_words(first: int, last: int) -> str:
    """What a press says that books the sessions from the first to the last number in one step."""
    return f"Book {first} {'and' if last == first + 1 else 'to'} {last} together"


def short_day(on: date) -> str:
    return f"{on.day} {on:%b}"


def days(count: int) -> str:
    return "today" if count == 0 else "1 day" if count == 1 else f"{count} days"


def near_day(on: date, today: date) -> str:
    return f"{on:%a} {on.day}" if (on - today).days < NEAR_DAYS else day_words(on)


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
