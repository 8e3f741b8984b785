"""The course on a time line and as a list: the same facts twice, once for the eye and once for everybody."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from clinic.models import Membership
from clinic.templatetags.clinic_ui import RULER_ROW_HEIGHT, RULER_TOP, date_words, day, mm
from treatments.appointments.places import Place
from treatments.assessments.past.models import PastSession
from treatments.pages.header import dot_state, next_session, open_url
from treatments.pages.protocol import why
from treatments.plans import services as plans
from treatments.plans.models import HARD_FLOOR_DAYS, PlannedSession, TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.planning import window_after

WIDTH, LEFT = 792, 112
BLOCK_WIDTH = 47
# An arrow shorter than its own head says nothing.
SHORTEST_ARROW = 14
# Months shorter than this on the ruler are named by three letters, and shorter still only every other one.
WORD_PX, SHORT_PX = 78, 34
STATES = {
    "done": ("clear", "done"),
    "now": ("plain", "under way"),
    "booked": ("plain", "booked"),
    "open": ("plain", "to book"),
    "missed": ("note", "missed"),
}
VISIT_WORDS = {"confirmed": "confirmed", "arrived": "arrived", "numbing": "numbing", "in_room": "in room"}


@dataclass(frozen=True)
class Wait:
    """A washout that a stored screening knows of; `label` is for clinicians only."""

    label: str
    ends_on: date


def waits_of(screening: dict | None, catalogue: Catalogue, *, clinical: bool) -> list[Wait]:
    """The dated findings of a stored screening that forbid a day. The desk reads the day, never the reason."""
    found = [
        Wait(
            catalogue.rule(f["code"]).label.lower() if clinical else "not before", date.fromisoformat(f["earliest_on"])
        )
        for f in (screening or {}).get("findings", [])
        if f["earliest_on"] and f["category"] in ("ABS", "TMP") and f["code"] in catalogue.rules_by_code
    ]
    return sorted(found, key=lambda wait: wait.ends_on, reverse=True)


def day_of(session: PlannedSession) -> date | None:
    """The day a session was held or is booked for."""
    if session.needling and session.needling["status"] in ("completed", "open"):
        return date.fromisoformat(session.needling["on"])
    if session.visit and session.visit["status"] != "no_show":
        return date.fromisoformat(session.visit["day"])
    return None


def with_places(
    plan: TreatmentPlan, sessions: list[PlannedSession], places: Mapping[int, Place]
) -> list[PlannedSession]:
    """The sessions as they would be with some visits in other places (by session number): their visits and all windows."""
    moved, previous = [], None
    for session in sessions:
        new = copy.copy(session)
        if place := places.get(session.number):
            new.visit = (session.visit or {"ref": "", "status": "booked"}) | {
                "day": place.day.isoformat(),
                "starts_at": place.starts_at.isoformat(),
                "clinician": str(place.clinician.user.full_name),
                "room": place.room.name,
            }
        if previous is not None:
            window = window_after(
                day_of(previous) or previous.target_on,
                floor_days=plan.floor_days,
                target_days=plan.target_days,
                latest_days=plan.latest_days,
            )
            window = plans.since_it_went_on(plan, window, day_of(new))
            new.earliest_on, new.target_on, new.latest_on = window.earliest_on, window.target_on, window.latest_on
        moved.append(new)
        previous = new
    return moved


def past_list(past: list[dict], *, clinical: bool) -> list[dict]:
    """The sessions entered afterwards with which the course starts (`past` of the header). The desk reads the day alone."""
    return [
        {
            "number": entry["number"],
            "on": _short_year(date.fromisoformat(entry["on"])),
            "struck": entry["struck"],
            "known": _known_of_past(entry) if clinical else "",
        }
        for entry in past
    ]


def _short_year(on: date) -> str:
    return f"{_short(on)} {on.year}"


def _known_of_past(entry: dict) -> str:
    depth = f"deepest {mm(entry['deepest_mm'])} mm" if entry["deepest_mm"] is not None else "depth not known"
    return f"{PastSession.Where(entry['where']).label}, {depth}"


def session_list(
    plan: TreatmentPlan,
    sessions: list[PlannedSession],
    *,
    today: date,
    membership: Membership,
    before: list[PlannedSession] | None = None,
) -> list[dict]:
    """One entry a session: day, people, state, window, and what can be done with it. `before`: the same sessions as they are,
    where those are only proposed."""
    listed, previous = [], None
    for number, session in enumerate(sessions):
        entry = _entry(plan, session, previous, today=today, membership=membership)
        was, on = day_of(before[number]) if before else None, day_of(session)
        listed.append(entry | {"was": _short(was) if was and was != on else ""})
        previous = session
    return listed


def _entry(
    plan, session: PlannedSession, previous: PlannedSession | None, *, today: date, membership: Membership
) -> dict:
    state, on, visit = dot_state(session), day_of(session), session.visit or {}
    chip, words = STATES[state]
    return {
        "number": session.number,
        "state": state,
        "chip": chip,
        "chip_label": "waits" if state == "open" and plan.is_paused else VISIT_WORDS.get(visit.get("status"), words),
        "when": _when(session, on),
        "best": "" if on else f"Best {day(session.target_on)}",
        "who": " · ".join(filter(None, [_who(session), _gap(session, previous, on)])),
        "window": "" if state in ("done", "now") else _window(session),
        "late": state == "open" and session.latest_on < today,
        "missed_on": day(date.fromisoformat(visit["day"])) if state == "missed" and visit else "",
        "book_url": _book_url(plan, session, state, membership),
        "open_url": _open_url(session, state, membership),
        "visit_url": open_url("treatments:visit", [visit["ref"]], membership) if state == "booked" else "",
        "ref": session.ref,
    }


def without_visit(sessions: list[PlannedSession]) -> tuple[int, int] | None:
    """The first session that has no visit while a later one is booked, and that later one. `sessions` from `with_states`."""
    open_ones = [session.number for session in sessions if dot_state(session) in ("open", "missed")]
    coming = [session.number for session in sessions if dot_state(session) == "booked"]
    return next(((gone, later) for gone in open_ones for later in coming if later > gone), None)


def _when(session: PlannedSession, on: date | None) -> str:
    """The day and time it was or will be; while none is set, the days it may be on."""
    if on is None:
        return f"{_short(session.earliest_on)} to {_short(session.latest_on)}"
    return f"{day(on)}, {session.visit['starts_at'][:5]}" if session.visit else day(on)


def _window(session: PlannedSession) -> str:
    return f"{_short(session.earliest_on)} to {_short(session.latest_on)}, best {day(session.target_on)}"


def _who(session: PlannedSession) -> str:
    if session.needling:
        return session.needling["operator"]
    if session.visit:
        return ", ".join(filter(None, [session.visit["clinician"], session.visit["room"]]))
    return ""


def _gap(session: PlannedSession, previous: PlannedSession | None, on: date | None) -> str:
    before = day_of(previous) if previous else None
    return f"{(on - before).days} days after session {previous.number}" if on and before else ""


def _book_url(plan: TreatmentPlan, session: PlannedSession, state: str, membership: Membership) -> str:
    bookable = plan.status == TreatmentPlan.Status.ACTIVE and state in ("open", "missed")
    return open_url("treatments:book", [session.ref], membership) if bookable else ""


def _open_url(session: PlannedSession, state: str, membership: Membership) -> str:
    """The session's own page, or the visit it begins from; for clinicians, as far as those pages are there."""
    if not membership.may_see_clinical:
        return ""
    if session.needling:
        return open_url("treatments:session", [session.needling["ref"]], membership)
    if state == "now":
        return open_url("treatments:open_session", [session.visit["ref"]], membership)
    return ""


def ruler(
    plan: TreatmentPlan,
    sessions: list[PlannedSession],
    *,
    today: date,
    waits: list[Wait],
    before: list[PlannedSession] | None = None,
    preview_url: str = "",
) -> dict:
    """Geometry of the ruler in the units of its drawing: months, windows, targets, blocks, washouts, today.

    `before`: the same sessions as they are, where those are only proposed. `preview_url`: who is asked what moving a block
    would do; without it none moves.
    """
    first, last = _span(plan, [*(before or ()), *sessions], today, waits)
    day_px = (WIDTH - LEFT) / ((last - first).days + 1)

    def x(on: date) -> float:
        return round(LEFT + (min(max(on, first), last) - first).days * day_px, 1)

    top = RULER_TOP
    bottom = top + RULER_ROW_HEIGHT * len(sessions)
    coming = next_session(sessions)  # a washout concerns that one
    return {
        "id": "course-ruler",
        "title": f"Course on a time line, {first:%B %Y} to {last:%B %Y}. The list holds the same facts.",
        "width": WIDTH,
        "height": bottom + 26,
        "top": top,
        "bottom": bottom,
        "interactive": bool(preview_url) and any(dot_state(session) == "booked" for session in sessions),
        "preview_url": preview_url,
        "day_px": round(day_px, 3),
        "first_day": first.isoformat(),
        "months": _months(first, last, x),
        "rows": [
            _row(
                session,
                y=top + RULER_ROW_HEIGHT * number,
                x=x,
                span=(first, last),
                is_paused=plan.is_paused,
                waits=waits if session == coming else [],
                before=before[number] if before else session,
            )
            for number, session in enumerate(sessions)
        ],
        "now": {"x": min(max(x(today), LEFT + 22), WIDTH - 22)} if first <= today <= last else None,
        "event": None,
        "marks": [],
    }


def _span(plan: TreatmentPlan, sessions: list[PlannedSession], today: date, waits: list[Wait]) -> tuple[date, date]:
    """Whole months that hold every window, block and washout; today too, unless the course ended long before."""
    days = [
        plan.starts_on,
        *(day for s in sessions for day in (s.earliest_on, s.target_on)),
        *filter(None, map(day_of, sessions)),
    ]
    days += [sessions[-1].latest_on, *(wait.ends_on for wait in waits)]
    if plan.is_under_way or plan.status in ("draft", "submitted"):
        days.append(today)
    after = max(days) + timedelta(days=14)
    return min(days).replace(day=1), (after.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _months(first: date, last: date, x) -> list[dict]:
    months, on = [], first
    while on <= last:
        following = (on.replace(day=28) + timedelta(days=4)).replace(day=1)
        room = x(min(following, last)) - x(on)
        name = f"{on:%B}" if room >= WORD_PX else f"{on:%b}" if room >= SHORT_PX else ""
        months.append({"x": x(on), "label": name, "line": on != first})
        on = following
    return months


def _row(
    session: PlannedSession,
    *,
    y: int,
    x,
    span: tuple[date, date],
    waits: list[Wait],
    before: PlannedSession,
    is_paused: bool,
) -> dict:
    state, on, was = dot_state(session), day_of(session), day_of(before)
    moves = on != was
    note = {"open": "waits" if is_paused else "to book", "now": "under way"}.get(state, state)
    if waits:
        note = f"washout to {_short(waits[0].ends_on)}"
    blocks = [_block(session, on, x=x, span=span, moving=moves)] if on else []
    if moves and was:
        blocks.insert(0, {"x": _left(x, was), "width": BLOCK_WIDTH, "text": _short(was), "state": "former"})
    held = state == "done" or (session.needling and on)
    return {
        "y": y,
        "label": f"Session {session.number}",
        "note": "moving" if moves else note,
        "washes": [{"x": LEFT, "width": round(x(waits[0].ends_on) - LEFT, 1)}]
        if waits and x(waits[0].ends_on) > LEFT
        else [],
        "band": None if held else _bar(x(session.earliest_on), x(session.latest_on)),
        "target_x": None if held else x(session.target_on),
        "blocks": blocks,
        "move": {
            "from_x": _left(x, was) + BLOCK_WIDTH / 2,
            "to_x": _left(x, on) + BLOCK_WIDTH / 2,
        }
        if moves and was and on and abs(_left(x, on) - _left(x, was)) >= SHORTEST_ARROW
        else None,
    } | _no_longer_allowed(session, before, x)


def _block(session: PlannedSession, on: date, *, x, span: tuple[date, date], moving: bool) -> dict:
    state = dot_state(session)
    return {
        "x": _left(x, on),
        "width": BLOCK_WIDTH,
        "text": _short(on),
        "state": "moving" if moving else "done" if state == "done" else "booked",
        # Only what is still to come takes the arrow keys.
        "ref": str(session.ref) if state == "booked" else "",
        "on": on.isoformat(),
        "earliest_on": session.earliest_on.isoformat(),
        "latest_on": session.latest_on.isoformat(),
        "span_days": (span[1] - span[0]).days,
        "day_index": (on - span[0]).days,
        "spoken": f"{'moving to' if moving else STATES[state][1]} {date_words(on)}",
    }


def _no_longer_allowed(session: PlannedSession, before: PlannedSession, x) -> dict:
    """The part of a window that a proposal would take away in front of it."""
    if session.earliest_on <= before.earliest_on:
        return {}
    gone = _bar(x(before.earliest_on), x(min(session.earliest_on, before.latest_on)))
    return {"old_band": gone, "old_band_words": ["no longer", "allowed"] if gone["x"] >= LEFT + WORD_PX else []}


def _left(x, on: date) -> float:
    return min(x(on), WIDTH - BLOCK_WIDTH)


def _bar(left: float, right: float) -> dict:
    return {"x": left, "width": max(2.0, round(right - left, 1))}


def _short(on: date) -> str:
    return f"{on.day} {on:%b}"


def strip(plan: TreatmentPlan, catalogue: Catalogue, *, clinical: bool) -> list[dict]:
    """The protocol's numbers of this plan, each with its why; the desk sees the numbers."""
    # The rules may ask for more by now than the plan was made with: every booking is judged by them.
    least = max(HARD_FLOOR_DAYS, catalogue.interval.floor_days)
    floor_days = max(plan.floor_days, least)
    numbers = [
        {"label": "Sessions", "value": str(plan.sessions_planned), "why_label": f"why {plan.sessions_planned}?", "key": "sessions"},
        {"label": "Target gap", "value": f"{plan.target_days} days", "why_label": f"why {plan.target_days}?", "key": "target"},
        {"label": "Never sooner", "value": f"{floor_days} days", "why_label": f"why {floor_days}?", "key": "floor",
         "note": "Nothing goes below" if floor_days == least else f"Never below {least}, whoever signs"},
        {"label": "Late after", "value": f"{plan.latest_days} days", "why_label": f"why {plan.latest_days}?", "key": "latest"},
    ]  # fmt: skip
    return [number | {"why": _why(plan, number["key"], catalogue) if clinical else None} for number in numbers]


def _why(plan: TreatmentPlan, key: str, catalogue: Catalogue) -> dict | None:
    return numbers_why(
        catalogue,
        codes=[concern["code"] for concern in plan.concerns],
        key=key,
        sessions=plan.sessions_planned,
        floor_days=max(plan.floor_days, catalogue.interval.floor_days),
        target_days=plan.target_days,
        latest_days=plan.latest_days,
    )


def numbers_why(
    catalogue: Catalogue,
    *,
    codes: list[str],
    key: str,
    sessions: int,
    floor_days: int,
    target_days: int,
    latest_days: int,
) -> dict | None:
    """The popover of one number of a course: `key` is sessions, target, floor, latest or maintenance."""
    known = [catalogue.concerns[code] for code in codes if code in catalogue.concerns]
    if not known:
        return None
    deciding = max(known, key=lambda concern: concern.sessions.published_plan)
    if key == "floor":
        return why.of_interval(catalogue, floor_days=floor_days)
    title, value = {
        "sessions": (f"{sessions} sessions: {deciding.label.lower()}", f"{sessions} sessions"),
        "target": (f"Best {target_days} days apart", f"{target_days} days"),
        "latest": (f"Late after {latest_days} days", f"{latest_days} days"),
        "maintenance": ("Upkeep after the course", "as planned"),
    }[key]
    return why.of_concern(deciding, catalogue, title=title, value=value)
