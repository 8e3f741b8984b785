"""Today, the desk's home: whom to call, the day by clinician or room, the chosen visit. Twelve queries at most."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce, JSONObject, TruncDate
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from clinic import clock
from clinic.models import Clinic, ClinicNow, Room
from clinic.roles import member
from patients.outbox.models import Message, State
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.working_time import people, time_off, weekly_hours
from treatments.pages.call_lists import CallList, call_lists
from treatments.pages.day import day_of
from treatments.pages.day_visits import visits_of
from treatments.pages.gap_page import count_fillers
from treatments.pages.gaps import DayHoles
from treatments.pages.scores import open_reviews, reviews_list, reviews_shown
from treatments.pages.visit_card import SEARCHED_DAYS_AFTER, card_of, next_to_book, sessions_of
from treatments.pages.waiting import waiters, waiting_shown
from treatments.rules.models import Device
from treatments.sessions.models import TreatmentSession

SHOWN_CALLS = 3
SHOWN_OF_ROOM = ("id", "ref", "name", "short_name", "in_service", "position")
BY = ("clinicians", "rooms")
VIEWS = ("grid", "list")
# Nobody looks at a day further away than this; a date beyond is a slip of the keyboard.
FURTHEST = timedelta(days=3660)


@member()
def home(request: HttpRequest) -> HttpResponse:
    return redirect("treatments:today")


@member()
def today(request: HttpRequest) -> HttpResponse:
    """`?day=YYYY-MM-DD&by=clinicians|rooms&view=grid|list&visit=<ref>`: what is not said, or not understood, is as usual."""
    clinic, chosen_ref = request.clinic, _ref(request.GET.get("visit", ""))
    known = _known(clinic, chosen_ref, clinical=request.membership.may_see_clinical)
    now: datetime = known["now"]
    this_day = now.astimezone(clinic.tz).date()
    on = _day(request.GET.get("day", ""), this_day)
    by = _one_of(BY, request.GET.get("by", ""))
    view = _one_of(VIEWS, request.GET.get("view", ""))
    rows = list(visits_of(clinic, on))
    chosen = next((row for row in rows if row.ref == chosen_ref), None)
    hours, rooms = weekly_hours(clinic), [Room(clinic=clinic, **shown) for shown in known["rooms"]]
    for person in people(hours):
        person.clinic = clinic
    sessions = sessions_of(chosen) if chosen else []
    away = time_off(clinic, *_span(clinic, on, this_day, next_to_book(sessions)))
    # Why a course waits is for clinicians.
    reviews = [reviews_list(known["reviews"])] if request.membership.may_see_clinical else []
    holes = DayHoles(clinic, on, now, rows, hours, away, rooms, known["devices"])
    day = day_of(
        clinic=clinic, on=on, now=now, by=by, rows=rows, hours=hours, away=away, rooms=rooms, chosen=chosen, holes=holes
    )
    calls = call_lists(clinic, now=now, screened_on=on if day.gaps else None)
    count_fillers(day.gaps, holes, today=this_day, sessions=calls.sessions, waiting=waiters(known["waiting"]))
    here = _address(on, this_day, by, view)
    context = {
        "day": day,
        "by": by,
        "view": view,
        "here": here,
        "joint": "&" if "?" in here else "?",
        "here_clinicians": _address(on, this_day, "clinicians", "grid"),
        "here_rooms": _address(on, this_day, "rooms", "grid"),
        "here_list": _address(on, this_day, by, "list"),
        "before": _address(on - timedelta(days=1), this_day, by, view),
        "after": _address(on + timedelta(days=1), this_day, by, view),
        "calls": calls,
        "shown_calls": [_begun(one) for one in (*reviews, calls.before_they_travel, calls.closing, calls.overdue)],
        "folded_calls": [calls.to_book, calls.to_ask, calls.unconfirmed, calls.no_email],
        "known": known,
        "visit": chosen,
        "card": card_of(
            chosen, now=now, rooms=rooms, hours=hours, sessions=sessions, devices=known["devices"], away=away
        )
        if chosen
        else None,
        "next": f"{here}{'&' if '?' in here else '?'}visit={chosen.ref}" if chosen else here,
    }
    return render(request, "treatments/pages/today.html", context)


def _known(clinic: Clinic, chosen_ref: UUID | None, *, clinical: bool) -> dict:
    """The present moment, the rooms, the devices in service (keys), who waits for a place, the counts of the top bar, the
    next mail of the chosen patient and, for clinicians, the courses to review: in one query."""
    rooms = Room.objects.filter(clinic=OuterRef("pk")).annotate(
        shown=JSONObject(**{name: name for name in SHOWN_OF_ROOM})
    )
    devices = Device.objects.filter(clinic=OuterRef("pk"), in_service=True)
    unsigned = TreatmentSession.objects.filter(clinic=OuterRef("pk"), status="open")
    called = CallOutcome.objects.filter(
        clinic=OuterRef("pk"), taken_back_at=None, said_at__gt=ClinicNow() - timedelta(days=1)
    ).annotate(on=TruncDate("said_at", tzinfo=clinic.tz))
    # The first bound lets the index of days serve; the second is the clinic's midnight.
    waiting = (
        Message.objects.filter(clinic=OuterRef("pk"), state=State.DUE, send_at__lt=ClinicNow() + timedelta(days=1))
        .annotate(on=TruncDate("send_at", tzinfo=clinic.tz))
        .filter(on__lte=TruncDate(ClinicNow(), tzinfo=clinic.tz))
    )
    of_chosen = Message.objects.filter(patient__appointments__ref=chosen_ref, state=State.DUE).order_by("send_at")
    for_clinicians = (
        {"reviews": ArraySubquery(reviews_shown(open_reviews().filter(clinic=OuterRef("pk"))))} if clinical else {}
    )
    return (
        Clinic.objects.filter(pk=clinic.pk)
        .values("pk")
        .annotate(
            now=ClinicNow(),
            rooms=ArraySubquery(rooms.order_by("position", "id").values("shown")),
            waiting=ArraySubquery(waiting_shown(WaitingEntry.objects.filter(clinic=OuterRef("pk")))),
            devices=ArraySubquery(devices.order_by("pk").values("pk")),
            unsigned=_count(unsigned),
            called=_count(called.filter(on=TruncDate(ClinicNow(), tzinfo=clinic.tz))),
            will_go=_count(waiting),
            next_mail_at=Subquery(of_chosen.values("send_at")[:1]),
            **for_clinicians,
        )
        .get()
    )


def _begun(calls: CallList) -> dict:
    """The first lines of a list, and how many more there are."""
    return {"list": calls, "first": calls.calls[:SHOWN_CALLS], "more": max(0, len(calls.calls) - SHOWN_CALLS)}


def _count(rows):
    counted = rows.order_by().values("clinic").annotate(many=Count("pk")).values("many")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _span(clinic: Clinic, on: date, this_day: date, planned) -> tuple[datetime, datetime]:
    """From when to when time off matters: the day that is drawn, and the days searched for the next session."""
    days = [on, on + timedelta(days=1)]
    if planned is not None:
        near = max(planned.target_on, this_day)
        days += [min(planned.earliest_on, near), near + timedelta(days=SEARCHED_DAYS_AFTER + 1)]
    return clock.day_bounds(min(days), clinic.tz)[0], clock.day_bounds(max(days), clinic.tz)[0]


def _address(on: date, this_day: date, by: str, view: str) -> str:
    """The address of a day, with only what differs from the usual."""
    query = QueryDict(mutable=True)
    if on != this_day:
        query["day"] = on.isoformat()
    if by != BY[0]:
        query["by"] = by
    if view != VIEWS[0]:
        query["view"] = view
    return f"{reverse('treatments:today')}?{query.urlencode()}" if query else reverse("treatments:today")


def _day(said: str, this_day: date) -> date:
    try:
        on = date.fromisoformat(said)
    except ValueError:
        return this_day
    return on if abs(on - this_day) <= FURTHEST else this_day


def _one_of(words: tuple[str, ...], said: str) -> str:
    return said if said in words else words[0]


def _ref(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None
