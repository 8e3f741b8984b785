"""Today, the desk's home: whom to call, the day by clinician or room, the chosen visit. Twelve queries at most."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic.middleware import is_background
from clinic.models import Membership
from clinic.roles import Role, member
from patients.outbox.models import State
from treatments.pages import bought, setup
from treatments.pages.calendar.events import day_events, in_script, written
from treatments.pages.calendar.list_rows import list_rows
from treatments.pages.calendar.picture import MOST_KEPT, Picture, picture_of, standing
from treatments.pages.scores import reviews_list
from treatments.pages.today.day import TOO_FAR
from treatments.pages.today.visit_card import VisitCard, card_of
from treatments.pages.worklists import check_in_lists, told_calls
from treatments.pages.worklists.call_lists import CallList
from treatments.pages.worklists.call_rows import Sorter

SHOWN_CALLS = 3
BY = ("clinicians", "rooms")
VIEWS = ("grid", "list")
# Nobody looks at a day further away than this; a date beyond is a slip of the keyboard.
FURTHEST = timedelta(days=3660)
FIRST_YEAR, LAST_YEAR = 1900, 2999


@member()
def home(request: HttpRequest) -> HttpResponse:
    return redirect("treatments:today")


@member()
def today(request: HttpRequest) -> HttpResponse:
    """`?day=YYYY-MM-DD&by=clinicians|rooms&view=grid|list&visit=<ref>`: what is not said, or not understood, is as usual."""
    clinic, stands = request.clinic, standing()
    this_day = stands.now.astimezone(clinic.tz).date()
    on, by, view = asked(request.GET, this_day)
    if is_too_far(request.GET.get("day", ""), this_day) and not is_background(request):
        messages.warning(request, TOO_FAR)
    clinical = request.membership.may_see_clinical
    seen = picture_of(clinic, stands, on=on, by=by, chosen_ref=_ref(request.GET.get("visit", "")), clinical=clinical)
    # Why a course waits is for clinicians.
    reviews = [reviews_list(seen.known["reviews"])] if clinical else []
    check_ins = check_in_lists.list_of(seen.known["check_ins"], clinical=clinical, today=this_day, zone=clinic.tz)
    reports, wishes = told_calls.told_lists(seen.known, clinic, sorter=Sorter(today=this_day, zone=clinic.tz))
    calls, chosen = seen.calls, seen.chosen
    visits, sessions = calls.of_visits, calls.of_sessions
    here = address(on, this_day, by, view)
    visit_at = f"{here}{'&' if '?' in here else '?'}visit="
    context = {
        "day": seen.day,
        **_drawn(seen, address(on, this_day, by, VIEWS[0]), visit_at),
        "now": stands.now.astimezone(clinic.tz),
        "by": by,
        "view": view,
        "here": here,
        "here_clinicians": address(on, this_day, "clinicians", "grid"),
        "here_rooms": address(on, this_day, "rooms", "grid"),
        "here_list": address(on, this_day, by, "list"),
        "before": address(on - timedelta(days=1), this_day, by, view),
        "after": address(on + timedelta(days=1), this_day, by, view),
        "calls": calls,
        "shown_calls": [
            _begun(one)
            for one in (
                *(one for one in (check_ins, reports) if one.calls),
                visits.not_possible,
                *reviews,
                visits.before_they_travel,
                wishes,
                sessions.closing,
                sessions.overdue,
            )
        ],
        "check_ins": check_ins,
        "told": [*reports.calls, *wishes.calls],
        "folded_calls": [sessions.to_book, visits.to_ask, visits.unconfirmed, visits.no_email],
        "known": seen.known,
        "visit": chosen,
        "card": _card(seen, stands.now) if chosen else None,
        "bought": bought.from_known(seen.known, chosen, today=this_day) if chosen else None,
        "next": f"{visit_at}{chosen.ref}" if chosen else here,
        "to_sign": not is_background(request) and _signs_next(request.membership),
    }
    # A page that is open already asks for what stands around its picture, and leaves the messages to the next page.
    template = "_today_parts.html" if is_background(request) else "today.html"
    return render(request, f"treatments/pages/{template}", context)


def _signs_next(me: Membership) -> bool:
    """Whether the protocol waits for her. Who manages the clinic too is told with all else that is left."""
    return me.has(Role.PRESCRIBER) and not me.has(Role.MANAGER) and setup.waits_for_signature(me.clinic)


@lru_cache(maxsize=MOST_KEPT)
def _drawn(seen: Picture, here: str, visit_at: str) -> dict[str, Any]:
    """What a picture becomes in the page, put together once for everybody who looks at it."""
    events = day_events(seen.day, here=here, told=[*seen.known["told"], *told_calls.refs_told(seen.known)])
    return {
        "events": events,
        "events_tag": written(events)[1],
        "events_script": in_script(events, "day-events"),
        "list_rows": list_rows(seen.day.visits, visit_at),
    }


@member()
def next_mail(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The mail that leaves next to the patient of a visit, as it would go now; the visit where none waits any more."""
    visit = get_object_or_404(request.clinic.appointments, ref=ref)
    waiting = (
        request.clinic.messages.filter(patient=visit.patient_id, state=State.DUE).order_by("send_at", "pk").first()
    )
    if waiting is None:
        messages.warning(request, "No mail waits any more.")
        return redirect("treatments:visit", ref=visit.ref)
    return redirect("patients:message", ref=waiting.ref)


def _card(seen: Picture, now: datetime) -> VisitCard:
    return card_of(
        seen.chosen,
        now=now,
        rooms=seen.rooms,
        hours=seen.hours,
        sessions=seen.sessions,
        devices=seen.known["devices"],
        away=seen.away,
    )


def asked(query: QueryDict, this_day: date) -> tuple[date, str, str]:
    """Which day, by whom, how: what is not said, or not understood, is as usual."""
    day, by, view = (query.get(name, "") for name in ("day", "by", "view"))
    return asked_day(day, this_day), _one_of(BY, by), _one_of(VIEWS, view)


def _begun(calls: CallList) -> dict:
    """The first lines of a list, and how many more there are."""
    return {"list": calls, "first": calls.calls[:SHOWN_CALLS], "more": max(0, len(calls.calls) - SHOWN_CALLS)}


def address(on: date, this_day: date, by: str, view: str) -> str:
    """The address of a day, with only what differs from the usual."""
    query = QueryDict(mutable=True)
    if on != this_day:
        query["day"] = on.isoformat()
    if by != BY[0]:
        query["by"] = by
    if view != VIEWS[0]:
        query["view"] = view
    return f"{reverse('treatments:today')}?{query.urlencode()}" if query else reverse("treatments:today")


def asked_day(said: str, this_day: date) -> date:
    on = said_day(said)
    return on if on and abs(on - this_day) <= FURTHEST else this_day


def is_too_far(said: str, this_day: date) -> bool:
    """Whether an address names a day, and `asked_day` is another one."""
    try:
        return date.fromisoformat(said) != asked_day(said, this_day)
    except ValueError:
        return False


def said_day(said: str) -> date | None:
    """A day as an address says it, if it does and anybody could mean it."""
    try:
        on = date.fromisoformat(said)
    except ValueError:
        return None
    return on if FIRST_YEAR <= on.year <= LAST_YEAR else None


def _one_of(words: tuple[str, ...], said: str) -> str:
    return said if said in words else words[0]


def _ref(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None
