"""A block of the ruler was moved: what that would do, in the tray and in the drawing. Nothing is saved here."""

from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.roles import Role, allow
from treatments.appointments.courses.services import OF_A_VISIT
from treatments.appointments.courses.trying import Tried, try_day, try_place
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.offers import place_of_value, value_of
from treatments.appointments.places import place_of
from treatments.pages.course import page as course_page
from treatments.pages.course import rearrange_page
from treatments.pages.header import patient_header


@allow(Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
def preview_move(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?session=&on=` a session of the course on another day, or `&to=` at a place that was offered; `&way=shift_all` to see
    all that follow shifted. Without a day everything is drawn as it is. For a page without script: where to go on."""
    plan = get_object_or_404(request.clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)
    visit = _visit(request, plan)
    tried = _tried(request, visit) if visit else None
    if not request.headers.get("HX-Request"):
        return redirect(_page_of(visit, tried) if visit else reverse("treatments:course", args=[plan.ref]))
    header = patient_header(plan.patient, membership=request.membership, plan=plan)
    tray = _tray(visit, tried, request) if visit and tried else None
    context = {
        "tray": tray,
        "patient": plan.patient,
        "course_url": reverse("treatments:course", args=[plan.ref]),
        "preview_url": reverse("treatments:preview_move", args=[plan.ref]),
    } | course_page.drawn(
        plan,
        header,
        clinic=request.clinic,
        membership=request.membership,
        places=tray["places"] if tray else None,
    )
    return render(request, "treatments/plans/_moving.html", context)


def _visit(request: HttpRequest, plan) -> Appointment | None:
    """The coming visit of the session that was moved; None where nothing was asked."""
    asked = request.GET.get("session", "")
    if not asked:
        return None
    try:
        planned = UUID(asked)
    except ValueError:
        raise Http404 from None
    rows = request.clinic.appointments.filter(planned_session__plan=plan, status__in=COMING)
    return get_object_or_404(rows.select_related(*OF_A_VISIT), planned_session__ref=planned)


def _tried(request: HttpRequest, visit: Appointment) -> Tried | None:
    now = clock.now()
    if value := request.GET.get("to", ""):
        try:
            place = place_of_value(value, clinic=request.clinic, length=place_of(visit).length)
        except DomainError as refused:
            return Tried(refusal=refused.sentence)
        return try_place(visit, place, now=now)
    if not request.GET.get("on"):
        return None
    try:
        on = date.fromisoformat(request.GET["on"])
    except ValueError:
        return Tried(refusal="Choose a day, for example 2027-04-20.")
    if on == visit.day:
        return None
    return try_day(visit, on, now=now)


def _page_of(visit: Appointment, tried: Tried | None) -> str:
    """Where the same move is made without script."""
    if tried is None or tried.place is None:
        return reverse("treatments:move_visit", args=[visit.ref])
    return f"{reverse('treatments:rearrange', args=[visit.ref])}?to={value_of(tried.place)}"


def _tray(visit: Appointment, tried: Tried, request: HttpRequest) -> dict:
    number = visit.planned_session.number
    if tried.found is None or tried.place is None:
        return {
            "number": number,
            "refusal": tried.refusal,
            "instead": [{"words": place.words(), "url": _url(visit, to=value_of(place))} for place in tried.instead],
            "places": None,
        }
    ways = rearrange_page.ways_of(tried.found)
    way = next((one for one in ways if one.code == request.GET.get("way")), ways[0])
    places = {moved.planned_session.number: place for moved, place in tried.found.places(way.made).items()}
    others = [one for one in ways if one is not way]
    return {
        "number": number,
        "way": way,
        "other": {
            "title": others[0].title,
            "moved": others[0].moved,
            "url": _url(visit, to=value_of(tried.place), way=others[0].code),
        }
        if others
        else None,
        "act_url": f"{reverse('treatments:rearrange', args=[visit.ref])}?to={value_of(tried.place)}",
        "places": places,
    }


def _url(visit: Appointment, **asked: str) -> str:
    query = urlencode({"session": visit.planned_session.ref, **asked})
    return f"{reverse('treatments:preview_move', args=[visit.planned_session.plan.ref])}?{query}"
