"""Tags and filters of every page: glyphs, days and times in the clinic's words, what the shell shows, small geometry."""

import uuid
from datetime import date, datetime, time
from functools import lru_cache

from django import template
from django.template.defaultfilters import date as format_date
from django.templatetags.static import static
from django.urls import NoReverseMatch, Resolver404, get_urlconf, resolve, reverse
from django.utils import timezone
from django.utils.html import format_html

from clinic.roles import Access, Role

register = template.Library()

SPRITE = "img/sprite.svg"

# The window ruler: a row's height and the first row's top, in units of its SVG.
RULER_TOP = 54
RULER_ROW_HEIGHT = 78


# ── Glyphs ────────────────────────────────────────────────────────────────────


@register.simple_tag
def icon(name: str, classes: str = "", label: str = "") -> str:
    """A glyph of the shared sprite. Silent for screen readers unless `label` says what it stands for."""
    return _drawn(name, classes, label, static(SPRITE))


# A page has a dozen of the same few. By type too: what was escaped already is not what still has to be.
@lru_cache(maxsize=1024, typed=True)
def _drawn(name: str, classes: str, label: str, sprite: str) -> str:
    kind = "g" if name.startswith("s-") else "i"
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" {}><use href="{}#{}"></use></svg>',
        f"{kind} {classes}".strip(),
        *((32, 32) if name == "wave" else (16, 16)),
        format_html('role="img" aria-label="{}"', label) if label else format_html('aria-hidden="{}"', "true"),
        sprite,
        name,
    )


# state of a screening -> hue, glyph, words when the page brings none
STATES = {
    "clear": ("go", "s-clear", "Clear"),
    "caution": ("ask", "s-caution", "Caution"),
    "ask": ("ask", "s-ask", "Ask"),
    "needs_clinician": ("who", "s-who", "Needs a clinician"),
    "defer": ("stop", "s-defer", "Not before"),
    "block": ("stop", "s-block", "Blocked"),
    "unknown": ("ask", "s-unknown", "Unknown"),
    "note": ("", "s-defer", "Cancelled"),
    "plain": ("plain", "", ""),
}
# state of a message -> hue, glyph; the ledger brings the words
MESSAGE_STATES = {
    "due": ("plain", "clock"),
    "sending": ("plain", "clock"),
    "waits": ("plain", "undo"),
    "held": ("plain", "pause"),
    "sent": ("go", "s-clear"),
    "delivered": ("go", "s-clear"),
    "bounced": ("stop", "s-block"),
    "complained": ("stop", "s-block"),
    "failed": ("stop", "s-block"),
    "unknown": ("ask", "s-unknown"),
    "needs_person": ("ask", "s-unknown"),
    "cancelled": ("", "s-defer"),
    "suppressed": ("", "s-defer"),
    "expired": ("", "s-defer"),
}


@register.simple_tag
def chip_parts(state: str, label: str = "", kind: str = "outcome") -> dict[str, str]:
    """Hue, glyph and words of a chip. An unknown state is a mistake in the page, not something to draw."""
    if kind == "message":
        hue, glyph = MESSAGE_STATES[str(state)]
        return {"hue": hue, "glyph": glyph, "words": label}
    hue, glyph, words = STATES[str(state)]
    return {"hue": hue, "glyph": glyph, "words": label or words}


@register.filter
def state_glyph(state: str) -> str:
    return STATES[str(state)][1]


@register.filter
def state_hue(state: str) -> str:
    return STATES[str(state)][0]


# ── Forms ─────────────────────────────────────────────────────────────────────


@register.simple_tag(takes_context=True)
def submit_token(context) -> str:
    """The hidden token that makes a second press of the same form harmless; a form shown again keeps its own."""
    request = context.get("request")
    posted = request.POST.get("submit_token", "") if request is not None else ""
    try:
        token = uuid.UUID(posted)
    except ValueError:
        token = uuid.uuid4()
    return format_html('<input type="hidden" name="submit_token" value="{}">', token)


@register.filter
def undo_url(message) -> str:
    """Where the message of a finished act can be undone: its extra tag `undo:/url/`."""
    tags = (getattr(message, "extra_tags", "") or "").split()
    return next((tag.removeprefix("undo:") for tag in tags if tag.startswith("undo:/")), "")


# ── The shell ─────────────────────────────────────────────────────────────────

NAV = (
    ("today", "Today", "today", "treatments:today"),
    ("calendar", "Calendar", "calendar", "treatments:calendar"),
    ("patients", "Patients", "people", "patients:list"),
    ("worklists", "Worklists", "list", "treatments:worklists"),
    ("messages", "Messages", "mail", "patients:messages"),
    ("settings", "Settings", "sliders", "clinic:settings"),
    ("mailbox", "Mailbox", "box", "clinic:mailbox"),
)


@register.simple_tag(takes_context=True)
def rail_items(context) -> list[dict]:
    """The places this person may go: only what exists and is open to her, the present one marked."""
    request = context.get("request")
    items = [
        {"name": name, "label": label, "icon": glyph, "url": url}
        for name, label, glyph, route in NAV
        if (name != "mailbox" or context.get("mailbox_enabled"))
        and (url := _open_url(route, context.get("membership")))
    ]
    path = getattr(request, "path", "")
    named = context.get("nav") or ("patients" if context.get("header") else "")
    here = [item for item in items if path.startswith(item["url"]) and (item["url"] != "/" or path == "/")]
    current = named or (max(here, key=lambda item: len(item["url"]))["name"] if here else "")
    return [item | {"current": item["name"] == current} for item in items]


def _open_url(route: str, membership) -> str:
    url, access = _place(route, get_urlconf())
    return "" if access is not None and not access.permits(membership) else url


@lru_cache(maxsize=64)
def _place(route: str, urlconf: str | None) -> tuple[str, Access | None]:
    """The address of a page and who may open it; asked for by every page and never different while the software runs."""
    try:
        url = reverse(route, urlconf)
        return url, getattr(resolve(url, urlconf).func, "access", None)
    except (NoReverseMatch, Resolver404):
        return "", None


@register.simple_tag
def url_if(route: str, *args) -> str:
    """The address of a page that may not be mounted, or nothing."""
    try:
        return reverse(route, args=args)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def theme(context) -> str:
    """Light or dark before the first byte: what the person chose, else what her system last asked for."""
    cookies = getattr(context.get("request"), "COOKIES", {})
    chosen = cookies.get("theme")
    return chosen if chosen in ("light", "dark") else "dark" if cookies.get("scheme") == "dark" else "light"


@register.simple_tag(takes_context=True)
def theme_choice(context) -> str:
    chosen = getattr(context.get("request"), "COOKIES", {}).get("theme")
    return chosen if chosen in ("light", "dark") else "system"


# ── Days, times, amounts ──────────────────────────────────────────────────────


def _local(moment):
    """Aware moments in the active zone (the clinic's, set by the middleware); days and wall times as they are."""
    return timezone.localtime(moment) if isinstance(moment, datetime) and timezone.is_aware(moment) else moment


def _formatted(moment, pattern: str) -> str:
    return format_date(_local(moment), pattern) if moment else ""


@register.filter
def day(moment) -> str:
    return _formatted(moment, "D j M")  # Tue 20 Apr


@register.filter
def day_year(moment) -> str:
    return _formatted(moment, "D j M Y")  # Tue 20 Apr 2027


@register.filter
def date_words(moment) -> str:
    return _formatted(moment, "j F")  # 14 March


@register.filter
def date_year(moment) -> str:
    return _formatted(moment, "j F Y")  # 14 March 2027


@register.filter
def weekday_day(moment) -> str:
    return _formatted(moment, "l j F")  # Tuesday 20 April


@register.filter
def long_day(moment) -> str:
    return _formatted(moment, "l j F Y")  # Tuesday 20 April 2027


@register.filter
def clock(moment: datetime | time | None) -> str:
    if isinstance(moment, datetime):
        moment = _local(moment)
    return f"{moment:%H:%M}" if moment is not None else ""


@register.filter
def day_clock(moment: datetime | None) -> str:
    return f"{day(moment)}, {clock(moment)}" if moment else ""


@register.filter
def day_clock_year(moment: datetime | None) -> str:
    """For moments that may lie far back: of a backup, of its return."""
    return f"{day_year(moment)}, {clock(moment)}" if moment else ""


@register.filter
def is_manager(membership) -> bool:
    return membership is not None and membership.has(Role.MANAGER)


@register.filter
def mm(depth_mm) -> str:
    """A needle depth with its two decimals: 1.25."""
    return "" if depth_mm in (None, "") else f"{float(depth_mm):.2f}"


@register.filter
def mm_words(depth_mm) -> str:
    return f"{mm(depth_mm)} mm" if depth_mm not in (None, "") else ""


@register.filter
def age_words(born_on: date | int | None, on_day: date | None = None) -> str:
    """Whole years on `on_day`, or of a number of years: "34 years"."""
    if born_on is None:
        return ""
    if isinstance(born_on, int):
        years = born_on
    elif on_day is None:
        return ""
    else:
        years = on_day.year - born_on.year - ((on_day.month, on_day.day) < (born_on.month, born_on.day))
    return "1 year" if years == 1 else f"{years} years"


@register.filter
def days_old(days: int | None) -> str:
    """How long ago an answer was given: "today", "1 day old", "38 days old"."""
    if days is None:
        return ""
    return "today" if days <= 0 else "1 day old" if days == 1 else f"{days} days old"


@register.filter
def roman(skin_type: int | None) -> str:
    return ("I", "II", "III", "IV", "V", "VI")[int(skin_type) - 1] if skin_type else ""


@register.filter
def initial_surname(name: str) -> str:
    """ "Aisha Rahman" where two visits share a lane: "A. Rahman"."""
    first, _, rest = str(name).partition(" ")
    return f"{first[:1]}. {rest.split()[-1]}" if rest else first


# ── Course dots ───────────────────────────────────────────────────────────────

DOT_WORDS = {"done": "done", "now": "now", "booked": "booked", "open": "not booked", "missed": "missed"}


@register.simple_tag
def dots_summary(dots) -> str:
    """What the dots say aloud: "Session 1 done, 2 now, 3 and 4 booked"."""
    runs: list[tuple[str, list[str]]] = []
    for dot in dots:
        if not runs or runs[-1][0] != dot["state"]:
            runs.append((dot["state"], []))
        runs[-1][1].append(str(dot["number"]))
    said = [f"{_joined(numbers)} {DOT_WORDS[state]}" for state, numbers in runs]
    return f"Session {', '.join(said)}" if said else "No sessions planned"


def _joined(numbers: list[str]) -> str:
    return numbers[0] if len(numbers) == 1 else f"{', '.join(numbers[:-1])} and {numbers[-1]}"
