"""What the calendar of the browser asks for: a day or a week, again and again, whether anything of it has changed, and what
a visit dropped somewhere else would change."""

import re
from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.middleware import is_background
from clinic.models import Membership, Room
from clinic.roles import Role, allow, member
from clinic.submissions import once, own_path
from clinic.templatetags.clinic_ui import STATES
from treatments.appointments.asked import day_url
from treatments.appointments.courses.services import OF_A_VISIT
from treatments.appointments.courses.undoing import move_back_url, undo_url
from treatments.appointments.models import Appointment
from treatments.appointments.services import SlotTaken
from treatments.flows import moving as flow
from treatments.pages.calendar.events import day_events, glyph_url, in_script, written
from treatments.pages.calendar.moving import Tray, tray_of
from treatments.pages.calendar.picture import picture_of, standing
from treatments.pages.calendar.week import Asked, asked_days, lines_by_day, week_events
from treatments.pages.calendar.week import standing as week_standing
from treatments.pages.course.booking_page import count_words
from treatments.pages.course.picker import Staff
from treatments.pages.today.page import FURTHEST, VIEWS, address, asked
from treatments.pages.worklists import told_calls

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
TOO_FAR = "That week is too far away. This is the present one."


@member()
def visits_json(request: HttpRequest) -> HttpResponse:
    """A day as `day_events`, `?day=&by=` as on Today. Conditional: If-None-Match with the tag of what is shown.

    The tag is weak. Its first half names the picture, its second what the database stood at: as long as nothing at all was
    written, the answer 304 costs one query. Asked again and again with X-Background, so that nobody stays signed in by it.
    """
    shown, stood = _seen(request)
    clinic, stands = request.clinic, standing()
    tag = stands.tag(clinic)
    if shown and stood == tag:
        return _tagged(HttpResponse(status=304), shown, tag)
    this_day = stands.now.astimezone(clinic.tz).date()
    on, by, _ = asked(request.GET, this_day)
    seen = picture_of(clinic, stands, on=on, by=by)
    here = address(on, this_day, by, VIEWS[0])
    told = [*seen.known["told"], *told_calls.refs_told(seen.known)]
    return _answer(day_events(seen.day, here=here, told=told), shown, tag)


def _seen(request: HttpRequest) -> tuple[str, str]:
    """The two halves of the tag that the browser sends back; empty ones where it sends none of ours."""
    said = request.headers.get("If-None-Match", "").removeprefix("W/").strip('"')
    shown, _, stood = said.partition(".")
    return shown, stood


def _answer(events: dict, shown: str, stands: str) -> HttpResponse:
    body, tag = written(events)
    answer = HttpResponse(status=304) if tag == shown else HttpResponse(body, content_type="application/json")
    return _tagged(answer, tag, stands)


def _tagged(answer: HttpResponse, shown: str, stands: str) -> HttpResponse:
    answer["ETag"] = f'W/"{shown}.{stands}"'
    return answer


# ── Several days ──────────────────────────────────────────────────────────────


@member()
def week(request: HttpRequest) -> HttpResponse:
    """`?week=2026-W47&who=<clinician or room, by ref>&view=grid|list`: what is not said, or not understood, is as usual."""
    clinic, today = request.clinic, clock.today(request.clinic)
    monday = _monday(said := request.GET.get("week", ""), today)
    if _is_too_far(said, monday) and not is_background(request):
        messages.warning(request, TOO_FAR)
    staff, rooms = (
        list(clinic.memberships.filter(sees_patients=True, is_active=True).select_related("user")),
        list(clinic.rooms.all()),
    )
    of = next((one for one in (*staff, *rooms) if str(one.ref) == request.GET.get("who", "")), None)
    days = Asked(
        monday,
        monday + timedelta(days=6),
        who=of.ref if isinstance(of, Membership) else None,
        room=of.ref if isinstance(of, Room) else None,
    )
    stands = week_standing(clinic, days)
    events = week_events(clinic, days, stands)
    view = "list" if request.GET.get("view") == "list" else "grid"
    context = {
        "events_tag": written(events)[1],
        "now": stands.now.astimezone(clinic.tz),
        "days": lines_by_day(events),
        "monday": monday,
        "sunday": days.last,
        "of": of,
        "staff": staff,
        "rooms": rooms,
        "view": view,
        "events_script": in_script(events, "week-events") if view == "grid" else "",
        "week": f"{monday:%G-W%V}",
        "this_week": monday <= today <= days.last,
        "here": _week_url(monday, of, "grid"),
        "here_list": _week_url(monday, of, "list"),
        "before": _week_url(monday - timedelta(days=7), of, view),
        "after": _week_url(monday + timedelta(days=7), of, view),
        "ask_glyph": glyph_url(STATES["ask"][1]),
        "follow": f"{reverse('treatments:calendar_json')}?{_days_query(days)}",
        # A week of one is a grid of hours; with everybody's visits side by side nobody could read their names.
        "shape": "timeGridWeek" if of else "dayGridWeek",
    }
    template = "_week_list.html" if is_background(request) else "week.html"
    return render(request, f"treatments/pages/calendar/{template}", context)


@member()
def week_json(request: HttpRequest) -> HttpResponse:
    """`?from=&to=` (six weeks at most) and `who=` or `room=`: these days as `week_events`, conditional as `visits_json`.

    Three queries, whatever the clinic holds. 422 with a sentence for days that make no sense.
    """
    shown, stood = _seen(request)
    clinic = request.clinic
    try:
        first, last = asked_days(request.GET.get("from", ""), request.GET.get("to", ""))
        days = Asked(first, last, who=_ref(request.GET.get("who", "")), room=_ref(request.GET.get("room", "")))
    except DomainError as refused:
        return JsonResponse({"sentence": refused.sentence}, status=422)
    stands = week_standing(clinic, days)
    if shown and stood == stands.tag:
        return _tagged(HttpResponse(status=304), shown, stands.tag)
    return _answer(week_events(clinic, days, stands), shown, stands.tag)


def _monday(said: str, today: date) -> date:
    monday = _said_monday(said) or today
    monday = monday if abs(monday - today) <= FURTHEST else today
    return monday - timedelta(days=monday.isoweekday() - 1)


def _is_too_far(said: str, monday: date) -> bool:
    """Whether an address names a week, and `monday` begins another one."""
    return _said_monday(said) not in (None, monday)


def _said_monday(said: str) -> date | None:
    try:
        return date.fromisoformat(f"{said}-1") if re.fullmatch(r"\d{4}-W\d{2}", said) else None
    except ValueError:
        return None


def _week_url(monday: date, of: Membership | Room | None, view: str) -> str:
    query = (
        {"week": f"{monday:%G-W%V}"} | ({"who": str(of.ref)} if of else {}) | ({"view": view} if view == "list" else {})
    )
    return f"{reverse('treatments:calendar')}?{urlencode(query)}"


def _days_query(days: Asked) -> str:
    of = {"who": days.who} if days.who else {"room": days.room} if days.room else {}
    return urlencode({"from": days.first.isoformat(), "to": days.last.isoformat()} | of)


def _ref(said: str) -> UUID | None:
    if not said:
        return None
    try:
        return UUID(said)
    except ValueError:
        raise DomainError("Nobody here is called so. Choose a clinician or a room.") from None


# ── Dropped somewhere else ────────────────────────────────────────────────────


@allow(*DESK, methods=["GET", "POST"])
def drop_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The tray: what a move would change, asked before anything is saved; the press in it does it. What is refused stands in
    the tray, with the nearest free times."""
    visit = get_object_or_404(request.clinic.appointments.select_related("clinic", *OF_A_VISIT), ref=ref)
    said = request.POST if request.method == "POST" else request.GET
    tray, status = _tray(request, visit, said), 200
    if request.method == "POST":
        try:
            return once(request, lambda: _moved(request, tray))
        except (SlotTaken, Busy) as late:
            tray.refusal, status = late, 409
        except DomainError as refused:
            tray.refusal, status = refused, 422
    context = {
        "tray": tray,
        "visit": visit,
        "next": _own_calendar(said.get("next", "")),
        "own_url": reverse("treatments:drop_visit", args=[visit.ref]),
    }
    return render(request, "treatments/pages/calendar/_tray.html", context, status=status)


def _tray(request: HttpRequest, visit: Appointment, said: QueryDict) -> Tray:
    return tray_of(visit, said, by=request.user, staff=Staff.of(request.clinic))


def _moved(request: HttpRequest, tray: Tray) -> str:
    way = next((one for one in tray.proposals if one.code == request.POST.get("way")), None)
    if way is None:
        raise tray.refusal or DomainError("Something changed meanwhile. Drop the visit again: nothing was moved.")
    moved = flow.move(places=way.places, by=request.user)
    told = f"Mail: {tray.mail_words}."
    if len(moved) == 1:
        said = f"Moved to {tray.place.words()} with {tray.place.clinician}. {told}"
        undo = move_back_url(moved[0])
    else:
        said = f"{count_words(len(moved)).capitalize()} visits are moved. {told}"
        undo = undo_url("put_back", tray.visit.planned_session.plan, moved)
    messages.success(request, said, extra_tags=f"undo:{undo}")
    return _own_calendar(request.POST.get("next", "")) or day_url(tray.visit, on=tray.place.day)


def _own_calendar(url: str) -> str:
    """Where it was dropped, if that is a calendar of this house."""
    places = (reverse("treatments:today"), reverse("treatments:calendar"))
    return own_path(url) if url.startswith(places) else ""
