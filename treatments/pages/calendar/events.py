"""A day as the calendar of the browser reads it: lanes, visits, time off and free times, all in the clinic's wall time.

The browser's calendar knows no zones, so it is given what the wall shows: "2027-03-28T10:30". Moments from which it counts
minutes are true moments. Words come from `day_visits.shown`; nothing is worded a second time in the browser.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.templatetags.static import static
from django.utils.html import json_script
from django.utils.safestring import SafeString

from clinic.templatetags.clinic_ui import SPRITE
from treatments.appointments.models import COMING
from treatments.pages.today.day import Block, Day, Gap, Lane
from treatments.pages.today.day_visits import ONE_LINE_MINUTES, Visit

NOBODY = "nobody"


def day_events(day: Day, *, here: str, told: Iterable[UUID] = ()) -> dict:
    """Everything that is drawn of a day. `here`: the address of the page without a chosen visit. `told`: the check-ins that
    wait for a clinician: they stand in the lists beside the picture, which are drawn anew when the picture is another one.

    Two equal answers are drawn alike, so they have the same tag (`written`): the present moment is not in it.
    """
    joint = "&" if "?" in here else "?"
    return {
        "day": day.on.isoformat(),
        "is_today": day.on == day.today,
        "opens": day.opens,
        "closes": day.closes,
        "lanes": [{"id": lane_id(lane), "title": lane.title, "sub": lane.sub} for lane in day.lanes],
        "visits": [
            _visit(visit, lane, day.on, f"{here}{joint}visit={visit.row.ref}")
            for lane in day.lanes
            for visit in lane.visits
        ],
        "off": [_block(block, lane, day.on) for lane in day.lanes for block in lane.off],
        "gaps": [_gap(gap, lane, day.on) for lane in day.lanes for gap in lane.gaps],
        "counts": {"not_before": day.not_before, "to_ask": day.to_ask},
        "told": hashlib.sha256(" ".join(str(ref) for ref in told).encode()).hexdigest()[:16],
    }


def written(events: dict) -> tuple[str, str]:
    """As JSON, and what tells one picture from another, for If-None-Match."""
    body = json.dumps(events)
    return body, hashlib.sha256(body.encode()).hexdigest()[:32]


def in_script(events: dict, name: str) -> SafeString:
    """As data in a page, where a script finds them by this name."""
    return json_script(events, name, encoder=_InScript)


class _InScript(DjangoJSONEncoder):
    """JSON without a letter that means something in HTML. `json_script` would find the same ones, letter by letter: of a day of two
    hundred visits that took ten times as long as writing it."""

    def encode(self, o: object) -> str:
        return super().encode(o).replace("&", r"\u0026").replace("<", r"\u003C").replace(">", r"\u003E")


def lane_id(lane: Lane) -> str:
    return str(lane.ref) if lane.ref else NOBODY


def wall(on: date, minute: int) -> str:
    """A minute of a day as a wall time. Midnight at its end is the last minute of it: a day is drawn in one piece."""
    minute = min(minute, 24 * 60 - 1)
    return f"{on.isoformat()}T{minute // 60:02d}:{minute % 60:02d}:00"


def _visit(visit: Visit, lane: Lane, on: date, url: str) -> dict:
    row = visit.row
    drawn = {
        "id": str(row.ref),
        "lane": lane_id(lane),
        "start": wall(on, visit.first_minute),
        "end": wall(on, visit.last_minute),
        "prep": row.prep_minutes if visit.is_split else 0,
        "minutes": visit.minutes,
        "name": visit.name,
        "short_name": visit.short_name,
        "words": visit.counting_words,
        "short_words": visit.short_words,
        "spoken": f"{visit.spoken}{visit.state_words.lower()}" if visit.is_gone else visit.spoken.rstrip(", "),
        "tag": visit.tag,
        "shape": visit.shape,
        "one_line": visit.minutes <= ONE_LINE_MINUTES,
        # Why it stands beside another on purpose; empty for all others.
        "beside": "" if visit.is_gone else row.overlap_reason,
        "hue": visit.glyph[0],
        "glyph": glyph_url(visit.glyph[1]),
        "url": url,
        # Said in the list beside the picture only; here so that the list follows too.
        "listed": [
            visit.what,
            visit.who,
            visit.where,
            row.status,
            visit.verdict.label if visit.verdict else "",
            visit.why_not,
        ],  # fmt: skip
        # What has begun stays where it is.
        "moves": row.status in COMING,
    }
    if row.status == "numbing":
        drawn["since"] = row.numbing_at.isoformat()
    return drawn


def _block(block: Block, lane: Lane, on: date) -> dict:
    return {
        "lane": lane_id(lane),
        "start": wall(on, block.first_minute),
        "end": wall(on, block.last_minute),
        "words": block.words,
    }


def _gap(gap: Gap, lane: Lane, on: date) -> dict:
    return _block(gap, lane, on) | {"fill": f"{gap.can_fill} can fill" if gap.can_fill else "", "url": gap.url}


@lru_cache(maxsize=64)
def glyph_url(name: str) -> str:
    """Where a glyph is drawn; empty for none."""
    if not name:
        return ""
    return f"{static(SPRITE)}#{name}"
