"""The rows of the list beside the picture. Put together here and not in a template: of a day of two hundred visits they were
a quarter of what the page costs."""

from functools import lru_cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from treatments.pages.today.day_visits import Visit

ROW = (
    '<tr class="{}"><td class="nw" data-label="Time">{}</td><td data-label="Patient"><b><a href="{}{}">{}</a></b></td>'
    '<td data-label="Visit">{}</td><td data-label="With">{}</td><td data-label="Room">{}</td><td data-label="State">{}</td>'
    '<td data-label="Screening">{}</td></tr>'
)
NONE_NEEDED = format_html('<span class="t3">{}</span>', "none needed")


def list_rows(visits: list[Visit], visit_at: str) -> SafeString:
    """`visit_at`: the address of the day with a visit, but for its ref."""
    return format_html_join("\n", "{}", ((_row(*_values(visit, visit_at)),) for visit in visits))


@lru_cache(maxsize=2048, typed=True)
def _row(*values: object) -> SafeString:
    """Of a day that somebody wrote to, all rows but one are as they were."""
    return format_html(ROW, *values)


def _values(visit: Visit, visit_at: str) -> tuple:
    return (
        "gone" if visit.is_gone else "",
        f"{visit.starts:%H:%M}",
        visit_at,
        visit.row.ref,
        format_html("<s>{}</s>", visit.name) if visit.is_gone else visit.name,
        _what(visit),
        visit.who,
        visit.where,
        visit.state_words,
        _screening(visit),
    )


def _what(visit: Visit) -> str:
    """A visit that stands beside another on purpose says why."""
    reason = visit.row.overlap_reason
    return (
        format_html('{}<br><small class="t2">Beside another: {}</small>', visit.what, reason) if reason else visit.what
    )


def _screening(visit: Visit) -> SafeString:
    if visit.verdict is None:
        return NONE_NEEDED
    return _chip(visit.chip_hue, visit.chip_icon, visit.verdict.label)


@lru_cache(maxsize=256, typed=True)
def _chip(hue: str, icon: SafeString, label: str) -> SafeString:
    return format_html('<span class="chip {}">{}{}</span>', hue, icon, label)
