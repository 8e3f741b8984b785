"""When each wait is over, on a line of days: hatched until then, pale afterwards. Geometry only; colour is by class."""

from datetime import date, timedelta

from clinic.templatetags.clinic_ui import date_words, day

WIDTH, LEFT, ROW_TOP, ROW_STEP, MARK_WIDTH = 1156, 196, 34, 28, 70
# At most this many days are named one by one; a longer wait is marked by weeks, a very long one by months.
NAMED_DAYS, NAMED_WEEKS = 16, 90


def waits_drawn(
    waits: list[tuple[str, date, bool]], *, first: date, last: date, asked: date, free: date | None
) -> dict:
    """Geometry of the waits: label, the day it ends, whether that day is only assumed or advice. Box units, text in words."""
    days = max(10, (last - first).days + 3)
    step = (WIDTH - LEFT) / days

    def x(on: date) -> float:
        return round(LEFT + (on - first).days * step, 1)

    bottom = ROW_TOP + ROW_STEP * len(waits)
    marks = [{"on": asked, "state": "block-old", "ink": "old", "words": ["asked", day(asked)]}]
    if free and free != asked:
        marks.append({"on": free, "state": "block", "ink": "on", "words": ["from", day(free)]})
    return {
        "width": WIDTH,
        "height": bottom + 6,
        "label": "; ".join(
            [f"{label} until {date_words(ends)}" for label, ends, _ in waits] + [f"asked for {date_words(asked)}"]
        ),
        "grid": [{"x": x(on), "label": words, "strong": on in (asked, free)} for on, words in _named_days(first, days)],
        "rows": [
            {
                "label": _fitted(label),
                "y": ROW_TOP + ROW_STEP * number,
                "text_y": ROW_TOP + ROW_STEP * number + 11,
                "wash": {"x": LEFT, "width": round(x(ends) - LEFT, 1)},
                "band": {"x": x(ends), "width": round(WIDTH - 4 - x(ends), 1)},
                "maybe": maybe,
            }
            for number, (label, ends, maybe) in enumerate(waits)
        ],
        "bottom": bottom,
        "marks": [_placed(mark, x(mark["on"]), bottom) for mark in marks],
    }


def _placed(mark: dict, x: float, bottom: int) -> dict:
    """A block's left edge is its day; the last one is kept inside the box."""
    height = bottom - 26
    return mark | {
        "x": min(x, WIDTH - MARK_WIDTH),
        "width": MARK_WIDTH,
        "height": height,
        "text_y": round(height / 2) - 3,
    }


def _named_days(first: date, days: int) -> list[tuple[date, str]]:
    all_days = [first + timedelta(days=n) for n in range(days)]
    if days <= NAMED_DAYS:
        return [(on, f"{on:%a} {on.day}") for on in all_days]
    if days <= NAMED_WEEKS:
        return [(on, f"{on.day} {on:%b}") for on in all_days if on.weekday() == 0]
    return [(on, f"{on:%b %Y}") for on in all_days if on.day == 1]


def _fitted(label: str) -> str:
    """What fits in front of the bars."""
    return label if len(label) <= 28 else f"{label[:27].rstrip()}…"
