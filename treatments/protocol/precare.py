"""What must not be done before a visit, and until which day it may: asked of `screen()`, never a list of days.

A wait is as long as the rules make it for this patient and this device. Whoever did a thing on the last day that is named
here comes to a visit that is not put off for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from .catalogue import Catalogue
from .entries import Step, StepLine
from .facts import Answer, PatientFacts
from .interval import dark_or_unknown, pigment_concerns
from .screening import Finding, screen

# `notice`: said when the visit is booked or moved. The others go so long before the visit that each of their lines is
# known two days before it begins to hold.
Part = Literal["notice", "two_weeks", "one_week"]

# Longer than any wait of the catalogue: done longer ago than this, nothing stands in the way of a session.
LONGEST_WAIT_DAYS = 400
SAID_DAYS_BEFORE = 2
TWO_WEEKS_DAYS, ONE_WEEK_DAYS = 14, 7
# What is nearer to the visit than that is said by the reminders.
REMINDED_DAYS = 3
# The part and how many days before the visit its mail goes.
SENT_DAYS_BEFORE: Mapping[Part, int] = {
    "two_weeks": TWO_WEEKS_DAYS + SAID_DAYS_BEFORE,
    "one_week": ONE_WEEK_DAYS + SAID_DAYS_BEFORE,
}

PRESCRIBED = (
    "Keep taking every medicine that a doctor has prescribed. "
    "If a cream was prescribed for you, ask us before you start or stop it."
)
# Rules about what only a doctor prescribes: whatever a catalogue says, none of them becomes a "no" in a mail.
ALWAYS_PRESCRIBED = frozenset(
    {
        "anticoagulant_rx",
        "chemo_immunosupp",
        "fever_unwell_antibiotic",
        "hydroquinone",
        "isotretinoin_now",
        "isotretinoin_past",
        "new_medicine",
        "photosensitiser",
    }
)
# What a medicine's name may hold, and the rule that its substance falls under: prescribed, it is not hers to leave out.
SUBSTANCES = (
    ("tretinoin", "topical_retinoid"),
    ("retinol", "topical_retinoid"),
    ("adapalene", "topical_retinoid"),
    ("tazarotene", "topical_retinoid"),
    ("trifarotene", "topical_retinoid"),
    ("differin", "topical_retinoid"),
    ("epiduo", "topical_retinoid"),
    ("epiduo", "topical_acids"),
    ("benzoyl", "topical_acids"),
    ("salicylic", "topical_acids"),
    ("glycolic", "topical_acids"),
    ("lactic", "topical_acids"),
    ("azelaic", "topical_acids"),
    ("duac", "topical_acids"),
    ("aspirin", "nsaid_otc"),
    ("acetylsalicylic", "nsaid_otc"),
    ("ibuprofen", "nsaid_otc"),
    ("naproxen", "nsaid_otc"),
    ("diclofenac", "nsaid_otc"),
    ("fish oil", "nsaid_otc"),
    ("omega-3", "nsaid_otc"),
    ("vitamin e", "nsaid_otc"),
)


def prescribed_rules(medicines: Iterable[tuple[str | None, str]]) -> frozenset[str]:
    """The rules that prescribed medicines fall under: of each the rule that its kind answers (None: no rule asks for it) and
    its name."""
    known = list(medicines)
    by_kind = {rule for rule, _ in known if rule}
    by_name = {rule for word, rule in SUBSTANCES for _, name in known if word in name.casefold()}
    return ALWAYS_PRESCRIBED | by_kind | by_name


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing to leave out before a visit. `last_on`: the last day on which it may still be done; None: no day is long
    enough ago. `text` holds `{day}`. Of what is prescribed she is asked to speak with us, never told to leave it out."""

    rule: str
    label: str
    text: str
    visit_on: date
    last_on: date | None
    is_prescribed: bool = False

    @property
    def part(self) -> Part:
        """The message that has to say it."""
        days = None if self.last_on is None else (self.visit_on - self.last_on).days
        return part_of(days)

    def holds_on(self, today: date) -> bool:
        """Whether it must be left out from this day on at the latest: no day that is past is ever named."""
        return self.last_on is None or self.last_on <= today

    def begins_before(self, other: Stop) -> bool:
        if self.last_on is None or other.last_on is None:
            return self.last_on is None and other.last_on is not None
        return self.last_on < other.last_on

    def sentence(self, today: date) -> str:
        """With its day, or from now on."""
        if self.is_prescribed:
            when = "now" if self.last_on is None or self.last_on <= today else f"by {day_words(self.last_on)}"
            return f"{self.label}: a doctor has prescribed something like it for you. Please ask us {when} what to do."
        if self.last_on is None or self.last_on <= today:
            return self.text.replace("after {day}", "from now on").replace("{day}", "today")
        return self.text.replace("{day}", day_words(self.last_on))

    def standing(self) -> str:
        """What was said before and still holds."""
        return self.text.replace(" after {day}", "").replace("{day}", "today")


def stops(
    known: PatientFacts, *, visit_on: date, catalogue: Catalogue, prescribed: frozenset[str] = ALWAYS_PRESCRIBED
) -> tuple[Stop, ...]:
    """Everything a patient has to leave out before a visit on this day, in the order of the catalogue.

    `known`: what is known of her today, with the device she is to be treated with; `catalogue`: the rules of the visit's day;
    `prescribed`: rules under which something prescribed to her falls.
    """
    return tuple(_stops(known, visit_on, catalogue, prescribed))


def part_of(days: int | None) -> Part:
    """Which message says what begins to hold so many days before the visit. None: earlier than can be said."""
    if days is None or days > TWO_WEEKS_DAYS:
        return "notice"
    return "two_weeks" if days > ONE_WEEK_DAYS else "one_week"


def said_beside(parts: Iterable[Part], catalogue: Catalogue) -> list[str]:
    """The sentences of these parts that forbid nothing: what to tell us, what to fetch."""
    wanted = frozenset(parts)
    return [
        line.text
        for step in _before_visits(catalogue)
        if -step.offset_hours // 24 > REMINDED_DAYS and part_of(-step.offset_hours // 24) in wanted
        for line in step.lines
        if line.kind in ("ask", "info")
    ]


def earliest(of_visits: Iterable[Sequence[Stop]]) -> list[Stop]:
    """One for each rule of several visits: the one that begins to hold first."""
    kept: dict[str, Stop] = {}
    for found in (stop for of_visit in of_visits for stop in of_visit):
        if found.rule not in kept or found.begins_before(kept[found.rule]):
            kept[found.rule] = found
    return list(kept.values())


def last_day_allowed(rule: str, known: PatientFacts, *, next_on: date, catalogue: Catalogue) -> date | None:
    """The last day on which something may still be done without standing in the way of a session on `next_on`.

    Asks the same `screen()` that will decide then, with a yes of that day; `catalogue`: the rules of `next_on`.
    None: no day is long enough ago.
    """
    return _last_day(rule, _Ahead(known, next_on, catalogue))


def day_words(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"


def _stops(known: PatientFacts, visit_on: date, catalogue: Catalogue, prescribed: frozenset[str]) -> Iterator[Stop]:
    high_risk = dark_or_unknown(known.skin_type) or bool(pigment_concerns(known, catalogue))
    ahead = _Ahead(known, visit_on, catalogue)
    for line in _stop_lines(catalogue):
        rule = line.rule or ""
        last_on = _last_day(rule, ahead)
        if last_on is not None and last_on >= visit_on:
            continue  # a clinic may wait no day at all
        text = line.text_4_6 if line.text_4_6 and high_risk else line.text
        label = catalogue.rule(rule).label
        yield Stop(rule, label, text, visit_on, last_on, is_prescribed=rule in prescribed | ALWAYS_PRESCRIBED)


def _before_visits(catalogue: Catalogue) -> list[Step]:
    return [step for step in catalogue.steps if step.anchor == "visit"]


def _stop_lines(catalogue: Catalogue) -> Iterator[StepLine]:
    return (line for step in _before_visits(catalogue) for line in step.lines if line.kind == "stop" and line.rule)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A session to come, asked whether one thing done before it would stand in its way."""

    known: PatientFacts
    next_on: date
    catalogue: Catalogue
    # What stands on that day whatever she does: her age, the floor after her last session.
    anyway: frozenset[Finding] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "anyway", frozenset(self._findings({})))

    def stands(self, rule: str, days_before: int) -> bool:
        """Whether the session would be put off, or the day advised against, for this reason alone.

        Every finding that it adds counts: needling at home also moves the floor between two needlings.
        """
        return any(
            finding.category != "CAU" or (finding.earliest_on is not None and finding.earliest_on > self.next_on)
            for finding in self._added(rule, days_before)
        )

    def likely(self, rule: str) -> tuple[int, int]:
        """The wait that the findings of the day before name, and a day less: asked first, they settle most rules."""
        done_on = self.next_on - timedelta(days=1)
        until = [finding.earliest_on for finding in self._added(rule, 1) if finding.earliest_on is not None]
        longest = max(((day - done_on).days for day in until), default=0)
        return longest, longest - 1

    def _added(self, rule: str, days_before: int) -> list[Finding]:
        done_on = self.next_on - timedelta(days=days_before)
        told = {rule: Answer("yes", on=done_on, answered_on=done_on)}
        return [finding for finding in self._findings(told) if finding not in self.anyway]

    def _findings(self, answers: Mapping[str, Answer]) -> Sequence[Finding]:
        asked = replace(self.known, answers=answers, clearances=())
        return screen(asked, on=self.next_on, purpose="session", catalogue=self.catalogue).findings


def _last_day(rule: str, ahead: _Ahead) -> date | None:
    """The longer ago something was done, the less it stands in the way: so the last day is found by halving."""
    held, free = -1, LONGEST_WAIT_DAYS + 1  # days before the session on which it would stand, and would not
    likely = iter(ahead.likely(rule))
    while free - held > 1:
        days = next(likely, (held + free) // 2)
        if held < days < free:
            held, free = (days, free) if ahead.stands(rule, days) else (held, days)
    return None if free > LONGEST_WAIT_DAYS else ahead.next_on - timedelta(days=free)
