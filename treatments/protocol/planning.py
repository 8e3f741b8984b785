"""A course as single sessions, each with its own window. Never a recurrence rule: every session hangs on the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from .catalogue import Catalogue
from .depth import DepthLimits, limits
from .entries import ConcernPolicy, Count, Maintenance, Spacing
from .facts import Concern, PatientFacts
from .interval import floor
from .jsonreading import BadFacts, plain
from .screening import Ahead, Screening, birthday, screen

Lateness = Literal["on_time", "late", "new_baseline"]

# Skin types for which the label of the one cleared device covers the neck.
NECK_ON_LABEL = (2, 3, 4)


@dataclass(frozen=True, slots=True)
class Window:
    """The days a session may be on: earliest ≤ target ≤ latest."""

    earliest_on: date
    target_on: date
    latest_on: date


@dataclass(frozen=True, slots=True)
class CourseSession:
    number: int
    earliest_on: date
    target_on: date
    latest_on: date
    zones: tuple[DepthLimits, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "number": self.number,
            "earliest_on": plain(self.earliest_on),
            "target_on": plain(self.target_on),
            "latest_on": plain(self.latest_on),
            "zones": [zone.to_json() for zone in self.zones],
        }


@dataclass(frozen=True, slots=True)
class Course:
    """A proposed course. `sessions` are those still to come, numbered on from those done.

    `blocked_by`: codes of blocks without an end. While there are any the dates are provisional and no plan may start.
    """

    protocol_version: str
    start_on: date
    floor_days: int
    target_days: int
    latest_days: int
    sessions: tuple[CourseSession, ...]
    on_label: bool | None
    maintenance: Maintenance | None
    review_after: tuple[int, ...]
    missing: tuple[str, ...]
    why: Mapping[str, tuple[str, ...]]
    count: int
    minimum: int
    maximum: int
    lateness: Lateness
    blocked_by: tuple[str, ...]
    screening: Screening

    def to_json(self) -> dict[str, object]:
        upkeep = self.maintenance
        return {
            "protocol_version": self.protocol_version,
            "from": plain(self.start_on),
            "floor_days": self.floor_days,
            "target_days": self.target_days,
            "latest_days": self.latest_days,
            "sessions": [session.to_json() for session in self.sessions],
            "on_label": self.on_label,
            "maintenance": None if upkeep is None else {"from_days": upkeep.from_days, "to_days": upkeep.to_days},
            "review_after": list(self.review_after),
            "missing": list(self.missing),
            "why": {key: list(sources) for key, sources in self.why.items()},
        }


def window_after(anchor_on: date, *, floor_days: int, target_days: int, latest_days: int) -> Window:
    """The window of a session after its predecessor's day. Never empty: floor ≤ target ≤ latest is kept by the caller."""
    earliest, target, latest = (anchor_on + timedelta(days=days) for days in (floor_days, target_days, latest_days))
    return Window(earliest, target, latest)


def window_from(due: Window, first_on: date, *, latest_days: int) -> Window:
    """What is left of a window for who may come from a day on. One that was over by then begins anew: a later day than all
    of it is never nearer than the floor."""
    earliest = max(first_on, due.earliest_on)
    if earliest > due.latest_on:
        return Window(first_on, first_on, first_on + timedelta(days=latest_days))
    return Window(earliest, max(earliest, due.target_on), due.latest_on)


def keeps(anchor_on: date, visit_on: date, *, floor_days: int, latest_days: int) -> bool:
    """Whether a booked visit may stay where it is when its predecessor moves to `anchor_on`."""
    return floor_days <= (visit_on - anchor_on).days <= latest_days


def how_many_fit(first_on: date, finish_by: date, *, floor_days: int) -> int:
    """Sessions that fit from a first day up to a last one, as close as the floor allows ("only 2 of 4 fit")."""
    return 0 if finish_by < first_on else (finish_by - first_on).days // floor_days + 1


def lateness(days_since_last: int, catalogue: Catalogue) -> Lateness:
    """What a gap means: keep the series, screen anew and start lower, or assess from the beginning."""
    if days_since_last <= catalogue.interval.late_after_days:
        return "on_time"
    if days_since_last <= catalogue.interval.new_baseline_after_days:
        return "late"
    return "new_baseline"


def propose_course(
    facts: PatientFacts,
    *,
    start_on: date,
    catalogue: Catalogue,
    count: int | None = None,
    booked: Mapping[int, date] | None = None,
    ahead: Ahead = (),
) -> Course:
    """Propose the sessions still to come, from `start_on`. Raises `BadFacts` without a concern and its zones.

    `count` replaces the planned number within its range; `booked` gives the day of sessions already booked, by number;
    `ahead` the rules of later days, as `screen()` takes them.
    """
    policies = _policies(facts, catalogue)
    screening = screen(facts, on=start_on, purpose="booking", catalogue=catalogue, ahead=ahead)
    planned = session_count(facts, catalogue)
    total = planned.plan if count is None else count
    if not planned.minimum <= total <= planned.maximum:
        raise BadFacts(f"count: plan {planned.minimum} to {planned.maximum} sessions")
    spacing = _spacing(facts, policies, catalogue)
    done = sorted(session.on for session in facts.sessions if session.counts)
    first_on = screening.earliest_on or start_on
    gap = lateness((first_on - done[-1]).days, catalogue) if done else "on_time"
    first = _first_window(done[-1] if done else None, first_on, spacing)
    upkeep = _maintenance(policies)
    return Course(
        protocol_version=catalogue.version,
        start_on=start_on,
        floor_days=spacing.floor_days,
        target_days=spacing.target_days,
        latest_days=spacing.latest_days,
        sessions=_sessions(facts, first, range(len(done) + 1, total + 1), spacing, booked or {}, gap, catalogue),
        on_label=_on_label(facts, start_on, catalogue),
        maintenance=upkeep,
        review_after=tuple(
            sorted({number for policy in policies for number in policy.review_after if number <= total})
        ),
        missing=screening.missing,
        why=_why(policies, catalogue, with_maintenance=upkeep is not None),
        count=total,
        minimum=planned.minimum,
        maximum=planned.maximum,
        lateness=gap,
        blocked_by=tuple(
            finding.code for finding in screening.findings if finding.category == "ABS" and finding.earliest_on is None
        ),
        screening=screening,
    )


def _policies(facts: PatientFacts, catalogue: Catalogue) -> list[ConcernPolicy]:
    if not facts.concerns:
        raise BadFacts("concerns: name at least one concern")
    for number, concern in enumerate(facts.concerns):
        if not concern.zones:
            raise BadFacts(f"concerns[{number}].zones: name at least one zone")
        if catalogue.concern(concern.code).withdrawn:
            raise BadFacts(f"concerns[{number}].code: {concern.code} is not offered by this clinic any more")
    return [catalogue.concern(code) for code in dict.fromkeys(concern.code for concern in facts.concerns)]


def session_count(facts: PatientFacts, catalogue: Catalogue) -> Count:
    """The count and range of the concern with the largest planned number; the first one named where two are equal."""
    counts = [catalogue.concern(concern.code).count(concern.severity) for concern in facts.concerns]
    return max(counts, key=lambda count: count.published_plan)


def _spacing(facts: PatientFacts, policies: Sequence[ConcernPolicy], catalogue: Catalogue) -> Spacing:
    """The largest floor and target and the smallest latest day. A raised floor takes target and latest with it."""
    floor_days = floor(facts, catalogue).days
    target_days = max(floor_days, *(policy.interval.target_days for policy in policies))
    latest_days = max(target_days, min(policy.interval.latest_days for policy in policies))
    return Spacing(floor_days, target_days, latest_days)


def _first_window(last_done_on: date | None, first_on: date, spacing: Spacing) -> Window:
    """The window of the next session: as early as screening allows, on the clock of the last session while not late."""
    if last_done_on is None:
        return Window(first_on, first_on, first_on + timedelta(days=spacing.latest_days))
    due = window_after(
        last_done_on,
        floor_days=spacing.floor_days,
        target_days=spacing.target_days,
        latest_days=spacing.latest_days,
    )
    return window_from(due, first_on, latest_days=spacing.latest_days)


def _sessions(
    facts: PatientFacts,
    first: Window,
    numbers: range,
    spacing: Spacing,
    booked: Mapping[int, date],
    gap: Lateness,
    catalogue: Catalogue,
) -> tuple[CourseSession, ...]:
    sessions = []
    window = first
    for number in numbers:
        after_long_gap = number == numbers.start and gap != "on_time"
        zones = depths_of(facts, catalogue, first_session=number == 1, after_long_gap=after_long_gap)
        sessions.append(CourseSession(number, window.earliest_on, window.target_on, window.latest_on, zones))
        window = window_after(
            booked.get(number, window.target_on),
            floor_days=spacing.floor_days,
            target_days=spacing.target_days,
            latest_days=spacing.latest_days,
        )
    return tuple(sessions)


def depths_of(
    facts: PatientFacts,
    catalogue: Catalogue,
    *,
    first_session: bool,
    after_long_gap: bool = False,
    prescriber: bool = False,
) -> tuple[DepthLimits, ...]:
    """Depth limits of every zone of the course, in the order in which the zones were named. `prescriber`: she orders
    what others may not go to."""
    wanted: dict[str, list[str]] = {}
    for concern in facts.concerns:
        for zone in concern.zones:
            wanted.setdefault(zone, []).append(concern.code)
    return tuple(
        limits(
            zone,
            codes,
            skin_type=facts.skin_type,
            pih_history=facts.pih_history,
            device=facts.device,
            first_session=first_session,
            after_long_gap=after_long_gap,
            prescriber=prescriber,
            catalogue=catalogue,
        )
        for zone, codes in wanted.items()
    )


def _on_label(facts: PatientFacts, on: date, catalogue: Catalogue) -> bool | None:
    """Whether the device is cleared for every concern, at this age and, for the neck, this skin type."""
    if facts.device is None or facts.device.indications is None:
        return None
    of_age = on >= birthday(facts.born_on, catalogue.age.label_years)
    return of_age and all(_covered(concern, facts.device.indications, facts.skin_type) for concern in facts.concerns)


def _covered(concern: Concern, indications: Sequence[str], skin_type: int | None) -> bool:
    if "neck" in concern.zones and skin_type not in NECK_ON_LABEL:
        return False
    return concern.code in indications


def _maintenance(policies: Sequence[ConcernPolicy]) -> Maintenance | None:
    """The earliest upkeep that any of the concerns asks for."""
    asked = [policy.maintenance for policy in policies if policy.maintenance]
    if not asked:
        return None
    return Maintenance(min(upkeep.from_days for upkeep in asked), min(upkeep.to_days for upkeep in asked))


def _why(
    policies: Sequence[ConcernPolicy], catalogue: Catalogue, *, with_maintenance: bool
) -> dict[str, tuple[str, ...]]:
    """The sources behind every number of the course."""
    of_concerns = tuple(dict.fromkeys(id for policy in policies for id in policy.sources))
    of_interval = catalogue.interval.sources
    why = {
        "floor_days": of_interval,
        "target_days": of_interval,
        "latest_days": of_interval,
        "sessions": of_concerns,
        "depth": catalogue.depth.sources,
        "review_after": of_concerns,
    }
    return {**why, "maintenance": of_concerns} if with_maintenance else why
