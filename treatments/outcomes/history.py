"""Scores as a history: one line for each instrument, variant and zone, as rows and as a small drawing of the same facts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil

from clinic.templatetags.clinic_ui import date_words
from treatments.outcomes.models import OutcomeScore
from treatments.outcomes.services import as_score, baseline_of
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.instruments import Instrument, better_of, load, response_percent, stop_line
from treatments.protocol.written import written

BETTER = {"lower": "lower is better", "higher": "higher is better"}

# The drawing, in units of its own box. Type inside is 12 of them.
WIDTH, HEIGHT = 420, 184
LEFT, RIGHT, TOP, BOTTOM = 44, 400, 36, 140
STEPS = tuple(Decimal(step) for step in ("0.5", "1", "2", "5", "10", "20", "25", "50", "100", "200", "250", "500"))
MOST_STEPS = 4
MANY_POINTS = 7


@dataclass(frozen=True)
class Row:
    """One score as it is read: the total in words, and how it stands to the one it is counted from.

    `mark`: of that one itself, "baseline" where the course under way is judged by it, else "first score".
    """

    kept: OutcomeScore
    total: str
    change: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    label: str = ""


@dataclass(frozen=True)
class Drawing:
    """Geometry of a line of two scores or more. `stop_y`: the line at which a course pauses, where there is one."""

    title: str
    points: list[Point]
    path: str
    ticks: list[Point]
    sessions: list[Point]
    first_label: str
    last_label: str
    stop_y: float | None = None
    stop_label: str = ""


@dataclass(frozen=True)
class Line:
    """All scores of one instrument, variant and zone: the only ones that may be compared. `rows`: the newest first.

    `licence`: what was noted last of the licence under which a questionnaire is used.
    """

    key: str
    label: str
    variant: str
    zone: str
    better: str
    rows: list[Row]
    drawing: Drawing | None
    code: str = ""
    licence: str = ""
    # The day of the score that changes are counted from.
    since: str = ""
    latest: Row | None = None


def lines(
    scores: Iterable[OutcomeScore],
    *,
    catalogue: Catalogue,
    plan: TreatmentPlan | None = None,
    sessions: Sequence[tuple[int, date]] = (),
) -> list[Line]:
    """A line for every kind of score, the one measured last first. `plan`: the course whose stop line is drawn.

    `scores` in any order; those entered in error stay in the rows, struck, and are not drawn. `sessions`: number and day.
    """
    kinds: dict[tuple[str, str, str], list[OutcomeScore]] = {}
    for one in sorted(scores, key=lambda one: (one.assessed_on, one.pk)):
        kinds.setdefault((one.instrument, one.variant.casefold(), one.zone), []).append(one)
    made = [
        _line(f"score-{position}", kind, catalogue, plan, sessions)
        for position, kind in enumerate(kinds.values(), start=1)
    ]
    return sorted(made, key=lambda line: (line.rows[0].kept.assessed_on, line.rows[0].kept.pk), reverse=True)


def label_of(instrument: str, variant: str) -> tuple[str, str]:
    """An instrument and its variant in words; of a stored code that is no longer in the table, the code itself."""
    known = load().find(instrument, variant)
    if known is None:
        return instrument, variant
    name = variant.partition(": ")[2]
    return known.label, name or known.variant_label


def _line(
    key: str,
    scores: list[OutcomeScore],
    catalogue: Catalogue,
    plan: TreatmentPlan | None,
    sessions: Sequence[tuple[int, date]],
) -> Line:
    counted = [one for one in scores if not one.entered_in_error]
    newest = scores[-1]
    known = load().find(newest.instrument, newest.variant)
    label, variant = label_of(newest.instrument, newest.variant)
    baseline = baseline_of(plan, counted) if plan else None
    first = baseline or next(iter(counted), None)
    better = BETTER.get(better_of(known, newest.items), "") if known else ""
    mark = "baseline" if baseline else "first score"
    rows = [_row(one, first, known, mark) for one in reversed(scores)]
    return Line(
        key=key,
        label=label,
        variant=variant,
        zone=catalogue.zone_label(newest.zone),
        better=better,
        rows=rows,
        # One score alone is no line yet.
        drawing=_drawing(counted, known, baseline, sessions, f"{label}, {variant}", better)
        if len(counted) > 1
        else None,
        code=known.code if known else "",
        licence=next((one.licence_note for one in reversed(counted) if one.licence_note), ""),
        since=date_words(first.assessed_on) if first else "",
        latest=next((row for row in rows if not row.kept.entered_in_error), None),
    )


def _row(one: OutcomeScore, first: OutcomeScore | None, known: Instrument | None, mark: str) -> Row:
    is_first = first is not None and one.pk == first.pk
    if first is None or is_first or one.entered_in_error or one.assessed_on < first.assessed_on:
        return Row(one, written(one.total), mark=mark if is_first else "")
    return Row(one, written(one.total), change=_change(first, one, known))


def _change(first: OutcomeScore, one: OutcomeScore, known: Instrument | None) -> str:
    difference = one.total - first.total
    if not difference:
        return "the same"
    said = f"{written(abs(difference))} {'higher' if difference > 0 else 'lower'}"
    gone = response_percent(as_score(first), as_score(one)) if known and known.show_response else None
    if gone is None:
        return said
    return f"{said}, {written(gone)} % gone" if gone > 0 else f"{said}, {written(-gone)} % more"


def stop_words(line: Decimal, baseline: Decimal) -> str:
    """When a course pauses. Over a baseline of nought any rise is too much, not nought itself."""
    return f"course pauses at {written(line)}" if line > baseline else "course pauses at any rise"


# ── The drawing ───────────────────────────────────────────────────────────────


def _drawing(
    scores: list[OutcomeScore],
    known: Instrument | None,
    baseline: OutcomeScore | None,
    sessions: Sequence[tuple[int, date]],
    name: str,
    better: str,
) -> Drawing:
    rule = known.stop_rule if known else None
    stop = stop_line(rule, baseline.total) if rule and baseline else None
    ticks = _ticks(known, max([one.total for one in scores] + ([stop] if stop else [])))
    first_on, last_on = scores[0].assessed_on, scores[-1].assessed_on
    across = _Across(first_on, last_on, len(scores))
    xs = [across.at(one.assessed_on, position) for position, one in enumerate(scores)]
    ys = [_y(one.total, ticks) for one in scores]
    ends = (0, len(scores) - 1)
    points = [
        Point(x, y, written(one.total) if len(scores) < MANY_POINTS or position in ends else "")
        for position, (x, y, one) in enumerate(zip(xs, ys, scores, strict=True))
    ]
    return Drawing(
        title=_spoken(name, scores, better),
        points=points,
        path=" ".join(f"{point.x},{point.y}" for point in points),
        ticks=[Point(LEFT, _y(tick, ticks), written(tick)) for tick in ticks],
        sessions=[Point(across.at(on), TOP, str(which)) for which, on in sessions if first_on <= on <= last_on],
        first_label=date_words(first_on),
        last_label=date_words(last_on) if last_on > first_on else "",
        stop_y=_y(stop, ticks) if stop is not None else None,
        stop_label=stop_words(stop, baseline.total) if stop is not None and baseline else "",
    )


@dataclass(frozen=True)
class _Across:
    """Where a day lies from left to right. Scores of a single day stand side by side."""

    first_on: date
    last_on: date
    count: int

    def at(self, day: date, position: int = 0) -> float:
        span = (self.last_on - self.first_on).days
        share = (day - self.first_on).days / span if span else (position + 1) / (self.count + 1)
        return round(LEFT + 12 + share * (RIGHT - LEFT - 24), 1)


def _ticks(known: Instrument | None, highest: Decimal) -> list[Decimal]:
    """Round values from the lowest possible score to just above the highest that has to be shown."""
    least = Decimal(known.least) if known else Decimal(0)
    if known and known.formula == "choice":
        step = Decimal(1) if known.most - known.least <= MOST_STEPS else Decimal(5)
        return [least + step * n for n in range(int((known.most - least) / step) + 1)]
    above = max(highest - least, STEPS[0])
    step = next((step for step in STEPS if above <= step * MOST_STEPS), STEPS[-1])
    return [least + step * n for n in range(ceil(above / step) + 1)]


def _y(total: Decimal, ticks: list[Decimal]) -> float:
    share = float((total - ticks[0]) / (ticks[-1] - ticks[0]))
    return round(BOTTOM - share * (BOTTOM - TOP), 1)


def _spoken(name: str, scores: list[OutcomeScore], better: str) -> str:
    first, last = scores[0], scores[-1]
    said = (
        f"{name}: {written(first.total)} on {date_words(first.assessed_on)}, "
        f"{written(last.total)} on {date_words(last.assessed_on)}, {len(scores)} scores"
    )
    return f"{said}; {better}" if better else said
