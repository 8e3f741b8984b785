"""The kinds of entry that the catalogue holds. Depths are millimetres (`Decimal`), waits are days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Category = Literal["ABS", "TMP", "REL", "CAU"]
Form = Literal["day", "full", "clinician", "computed"]
Value = Literal["yes", "no", "not_sure"]
Lifting = Literal["clinician", "prescriber", "nobody", "new_answer", "end_date", "time", "closing", "not_needed"]
LaterNo = Literal["replaces", "kept_beside", "never_shortens_wait", "ended_that_day", "needs_end_date", "next_visit"]
Endpoint = Literal["erythema", "pinpoint_bleeding"]
Grade = Literal["A", "B", "C", "GK", "PD"]
LineKind = Literal["info", "ask", "stop", "allow"]
Anchor = Literal["visit", "session", "course_end"]
Level = Literal["red", "amber_1", "amber_2", "green"]

# How long an answer stays fresh, in days since it was given: the day form counts on the day and the day after, the
# full form for a year, and for half a year once the patient has stayed away for longer than that.
DAY_FORM_DAYS = 1
FULL_FORM_DAYS = 365
FULL_FORM_DAYS_AFTER_ABSENCE = 180
LONG_ABSENCE_DAYS = 180

# From the hardest to the mildest: the order of findings on every screen.
CATEGORIES: tuple[Category, ...] = ("ABS", "TMP", "REL", "CAU")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from. Grade A regulator or trial … C trade article, GK untraced, PD our own decision."""

    id: str
    title: str
    grade: Grade
    url: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What some sources say, kept beside the value in use: agreeing (`evidence`) or not (`dissent`)."""

    value: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Washout:
    """Days to wait after the last time. Exactly one of `days` and `interval_floor` is set."""

    days: int | None = None
    skin_types_4_to_6: int | None = None
    pigment_concern: int | None = None
    device_says: bool = False
    interval_floor: bool = False
    # The clinic's own wait, where it has set one: no label of a device goes below it.
    clinic_days: int | None = None


@dataclass(frozen=True, slots=True)
class SecondStep:
    """What is left of a dated rule after its washout, until `days` after the same event."""

    category: Category
    days: int


@dataclass(frozen=True, slots=True)
class Detail:
    """A word that sharpens a yes. `raises` is false where the word means that nothing is wrong."""

    word: str
    label: str
    category: Category | None = None
    days: int | None = None
    raises: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One screening rule with everything that is known about it (`catalogue.toml` explains the words)."""

    code: str
    category: Category
    form: Form
    label: str
    question: str
    raised_by: Value
    unsure_raises: bool
    never_missing: bool
    date_question: str | None
    date_may_be_ahead: bool
    dated_as: str | None
    washout: Washout | None
    second_step: SecondStep | None
    details: Mapping[str, Detail]
    detail_by: str | None
    runs_until_ended: bool
    after_end: Category | None
    soft: bool
    later_no: LaterNo
    answered_by: tuple[str, ...]
    lifted_by: Lifting
    advice: str
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    dissent: tuple[Evidence, ...]

    @property
    def needs_date(self) -> bool:
        """A date is asked beside the answer. It may stay empty only while something still runs."""
        return self.date_question is not None

    @property
    def dated(self) -> bool:
        """A yes without a date is incomplete: the wait would start on a day nobody named."""
        return self.washout is not None and not self.runs_until_ended and self.form != "computed"

    @property
    def takes_clearance(self) -> bool:
        return self.lifted_by in ("clinician", "prescriber")

    @property
    def worst_detail(self) -> Detail | None:
        """The word that counts when none was given: the hardest category, then the longest wait."""
        if not self.details:
            return None
        return max(
            self.details.values(),
            key=lambda detail: (
                detail.raises,
                -CATEGORIES.index(detail.category or self.category),
                detail.days or 0,
            ),
        )

    def detail(self, word: str | None) -> Detail | None:
        return self.worst_detail if word is None else self.details[word]

    def raises(self, value: Value) -> bool:
        """Whether an answer raises the flag, its detail word aside. "Not sure" counts as the answer that does."""
        return value == self.raised_by or (value == "not_sure" and self.unsure_raises)

    def shelf_days(self, *, long_absence: bool = False) -> int | None:
        """Days an answer stays fresh; None where freshness is not asked (clinician items, computed rules)."""
        if self.form == "day":
            return DAY_FORM_DAYS
        if self.form == "full":
            return FULL_FORM_DAYS_AFTER_ABSENCE if long_absence else FULL_FORM_DAYS
        return None


@dataclass(frozen=True, slots=True)
class Count:
    """Sessions of a course: the planned number and the range to choose from."""

    plan: int
    minimum: int
    maximum: int
    # As published: it decides which of several concerns gives the count, however many sessions a clinic allows.
    published_plan: int


@dataclass(frozen=True, slots=True)
class Spacing:
    """Days after the previous session: never before the floor, best at the target, late after the latest."""

    floor_days: int
    target_days: int
    latest_days: int


@dataclass(frozen=True, slots=True)
class Maintenance:
    from_days: int
    to_days: int


@dataclass(frozen=True, slots=True)
class ConcernPolicy:
    """What we do about one concern, beside what sources say."""

    code: str
    label: str
    offered: bool
    pigment: bool
    sessions: Count
    sessions_severe: Count | None
    interval: Spacing
    maintenance: Maintenance | None
    review_after: tuple[int, ...]
    depth_column: str
    depth_column_4_6: str | None
    only_zones: tuple[str, ...]
    soft_max_mm: Decimal
    soft_max_4_6_mm: Decimal | None
    hard_cap_mm: Decimal | None
    endpoint: Endpoint
    note: str
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    dissent: tuple[Evidence, ...]
    # Switched off by the clinic: a course under way runs on, no other one begins.
    withdrawn: bool = False

    def count(self, severity: str | None) -> Count:
        if severity == "severe" and self.sessions_severe:
            return self.sessions_severe
        return self.sessions


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the skin. A prohibited zone has a hard cap of zero."""

    code: str
    label: str
    prohibited: bool
    group: str
    start_mm: Decimal
    soft_max_mm: Decimal
    hard_cap_mm: Decimal
    hard_cap_by_device_mm: Decimal | None
    hard_cap_needs_prescriber: bool
    note: str
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    dissent: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Start and soft maximum of a zone for a group of concerns; `own_column`: set for this skin type already."""

    start_mm: Decimal
    soft_max_mm: Decimal
    own_column: bool = False


@dataclass(frozen=True, slots=True)
class IntervalPolicy:
    floor_days: int
    raised_floor_days: int
    pigment_trouble_extra_days: int
    deep_session_mm: Decimal
    event_grade: int
    late_after_days: int
    new_baseline_after_days: int
    sun_avoidance_days: int
    sun_avoidance_raised_days: int
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    dissent: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class AgePolicy:
    minimum_years: int
    label_years: int


@dataclass(frozen=True, slots=True)
class DepthPolicy:
    absolute_mm: Decimal
    step_mm: Decimal  # up from last time
    step_down_mm: Decimal  # as published: a smaller step up must not make the step down smaller
    lowest_mm: Decimal
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    dissent: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class StepLine:
    """One line a patient reads. `stop` and `allow` name the rule whose computed day goes into `{day}`."""

    kind: LineKind
    text: str
    text_4_6: str | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A moment of pre- or aftercare, counted in hours from its anchor (before: negative)."""

    code: str
    label: str
    anchor: Anchor
    offset_hours: int
    offset_hours_4_6: int | None
    lines: tuple[StepLine, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RedFlag:
    code: str
    level: Level
    text: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumbingPolicy:
    alert_mg_per_kg: Decimal
    alert_mg: Decimal
    alert_mg_without_weight: Decimal
    # The weight behind that figure as published: of whom no weight is known, nothing looser is assumed than of her.
    assumed_kg: Decimal
    order_above_percent: Decimal
    # The largest area for a cream above that percentage whose own label names none.
    strong_area_cm2: Decimal | None
    prep_minutes_without_agent: int
    # Stop and treat as an emergency: what the patient feels, or what is seen.
    stop_signs: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Active:
    name: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Anaesthetic:
    """A numbing agent with the limits of its label."""

    code: str
    label: str
    actives: tuple[Active, ...]
    minimum_minutes: int
    maximum_minutes: int
    prep_minutes: int
    max_grams_per_10_cm2: Decimal | None
    max_area_cm2: Decimal | None
    occlusion: bool
    prescriber_order: bool
    discouraged_4_to_6: bool
    note: str
    sources: tuple[str, ...]
