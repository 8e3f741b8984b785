"""Rooms, people and closed days: everybody reads them, a manager changes them."""

from datetime import date
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Membership, Room
from clinic.resources import reading, services
from clinic.resources.forms import AwayForm, DayForm, LeaveForm, PersonForm, RoomForm, WeekForm
from clinic.resources.pressing import back_in_service, form_page, out_page, posted, seen_before
from clinic.roles import Role, allow, member
from clinic.submissions import once

FORM = ["GET", "POST"]


# ── Rooms ─────────────────────────────────────────────────────────────────────


@allow(Role.MANAGER, methods=FORM)
def room_new(request: HttpRequest) -> HttpResponse:
    form = RoomForm(posted(request))

    def add() -> str:
        room = services.add_room(clinic=request.clinic, by=request.user, **form.cleaned_data)
        return f"{room} is in service."

    return form_page(request, form, add, title="Add a room", act="Add the room", back=_settings("rooms"))


@allow(Role.MANAGER, methods=FORM)
def room_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    room = _room(request, ref)
    form = RoomForm(posted(request), initial={"name": room.name, "short_name": room.short_name})

    def rename() -> str:
        return f"{services.rename_room(room=room, by=request.user, **form.cleaned_data)} saved."

    return form_page(request, form, rename, title=f"Rename {room}", act="Save the names", back=_settings("rooms"))


@allow(Role.MANAGER, methods=FORM)
def room_out(request: HttpRequest, ref: UUID) -> HttpResponse:
    room = _room(request, ref)
    lead = "Nothing new is booked into it. Visits that are booked there stay booked, and you see which ones first."
    return out_page(request, room, partial(services.take_room_out, room=room), lead=lead, back=_settings("rooms"))


@allow(Role.MANAGER, methods=["POST"])
def room_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    room = _room(request, ref)
    return back_in_service(request, room, partial(services.put_room_back, room=room), back=_settings("rooms"))


@allow(Role.MANAGER, methods=["POST"])
def room_shift(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One place up or down in the list, in the pickers and in the day."""
    room = _room(request, ref)

    def shift() -> str:
        services.shift_room(room=room, up=request.POST.get("to") == "up", by=request.user)
        return _settings("rooms")

    return once(request, shift)


def _room(request: HttpRequest, ref: UUID) -> Room:
    return get_object_or_404(request.clinic.rooms, ref=ref)


# ── People ────────────────────────────────────────────────────────────────────


@member()
def person(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One person: what she does here, her hours, single days and time off ahead."""
    who, today = _person(request, ref), clock.today(request.clinic)
    context = {
        "person": who,
        "is_manager": request.membership.has(Role.MANAGER),
        # How deep somebody needles is for those who needle, and for who decides it.
        "depth_shown": request.membership.may_see_clinical or request.membership.has(Role.MANAGER),
        "periods": reading.periods(who, today=today),
        "days": reading.days_ahead(who, today=today),
        "away": reading.away_ahead(request.clinic, who),
        "today": today,
    }
    return render(request, "clinic/resources/person.html", context)


@allow(Role.MANAGER, methods=FORM)
def person_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    who = _person(request, ref)
    form = PersonForm.of(who, posted(request))

    def change() -> str:
        services.change_person(membership=who, by=request.user, seen=seen_before(request), **form.cleaned_data)
        return f"{who} saved."

    return form_page(request, form, change, title=f"What {who} does", act="Save", back=_page_of(who))


@allow(Role.MANAGER, methods=FORM)
def person_left(request: HttpRequest, ref: UUID) -> HttpResponse:
    who = _person(request, ref)
    form = LeaveForm(posted(request))

    def leave() -> str:
        services.mark_left(membership=who, by=request.user, seen=seen_before(request))
        return f"{who} has left."

    return form_page(
        request,
        form,
        leave,
        title=f"Mark {who} as left?",
        act=f"Mark {who} as left",
        back=_page_of(who),
        danger=True,
        lead="No more sign-in to this clinic and no new visit. What was done and signed stays in this name.",
    )


@allow(Role.MANAGER, methods=["POST"])
def person_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    who = _person(request, ref)

    def come_back() -> str:
        services.mark_back(membership=who, by=request.user)
        messages.success(request, f"{who} works here again.")
        return _page_of(who)

    return once(request, come_back)


@allow(Role.MANAGER, methods=FORM)
def person_hours(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Weekly hours from a day on, prefilled with those that count today."""
    who, today = _person(request, ref), clock.today(request.clinic)
    now_counting = {f"weekday_{number}": words for number, words in reading.weekly_words(who, today).items()}
    form = WeekForm(posted(request), initial={"valid_from": today} | now_counting)

    def change() -> str:
        services.set_weekly_hours(membership=who, by=request.user, seen=seen_before(request), **form.wanted())
        return f"Hours of {who} saved."

    return form_page(request, form, change, title=f"Weekly hours of {who}", act="Save the hours", back=_page_of(who))


@allow(Role.MANAGER, methods=FORM)
def person_day(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One day with other hours or without any. `?on=` opens a day that has some."""
    who = _person(request, ref)
    form = DayForm(posted(request), initial=_day_as_it_is(who, request.GET.get("on", "")))

    def change() -> str:
        how = {"membership": who, "by": request.user, "seen": seen_before(request), **form.wanted()}
        if form.is_as_every_week:
            services.forget_day_hours(**how)
        else:
            services.set_day_hours(**how)
        return f"{_words(form.cleaned_data['on'])} of {who} saved."

    return form_page(request, form, change, title=f"A single day of {who}", act="Save the day", back=_page_of(who))


def _day_as_it_is(who: Membership, asked: str) -> dict:
    try:
        on = date.fromisoformat(asked)
    except ValueError:
        return {}
    found = reading.day_hours(who, on)
    if found is None:
        return {"on": on}
    what = DayForm.OWN if found.stretches else DayForm.OUT
    return {"on": on, "what": what, "hours": found.words if found.stretches else "", "reason": found.reason}


@allow(Role.MANAGER, methods=FORM)
def person_time_off(request: HttpRequest, ref: UUID) -> HttpResponse:
    who = _person(request, ref)
    form = AwayForm(posted(request), first_day=clock.today(request.clinic))

    def add() -> str:
        services.add_time_off(
            clinic=request.clinic, membership=who, by=request.user, seen=seen_before(request), **form.cleaned_data
        )
        return f"Time off of {who} saved."

    return form_page(request, form, add, title=f"Time off of {who}", act="Save the time off", back=_page_of(who))


def _person(request: HttpRequest, ref: UUID) -> Membership:
    people = request.clinic.memberships.select_related("user", "clinic")
    return get_object_or_404(people.annotate(has_second_factor=Membership.with_a_second_factor()), ref=ref)


def _page_of(who: Membership) -> str:
    return reverse("clinic:person", args=[who.ref])


# ── Closed days ───────────────────────────────────────────────────────────────


@allow(Role.MANAGER, methods=FORM)
def close_clinic(request: HttpRequest) -> HttpResponse:
    """A holiday, or hours in which nobody works here."""
    form = AwayForm(posted(request), first_day=clock.today(request.clinic))

    def close() -> str:
        services.add_time_off(
            clinic=request.clinic, membership=None, by=request.user, seen=seen_before(request), **form.cleaned_data
        )
        return "Closed days saved."

    return form_page(
        request, form, close, title="Close the clinic", act="Save the closed days", back=_settings("closed")
    )


@allow(Role.MANAGER, methods=["POST"])
def time_off_end(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Take time off or closed days back; what has begun is over from now on."""
    away = get_object_or_404(request.clinic.time_off.select_related("membership"), ref=ref)
    back = _page_of(away.membership) if away.membership else _settings("closed")

    def end() -> str:
        services.end_time_off(time_off=away, by=request.user)
        messages.success(request, "Taken back.")
        return back

    try:
        return once(request, end)
    except DomainError as refusal:
        # An old page: it was over before the press.
        return render(request, "409.html", {"what": refusal.sentence}, status=409)


def _settings(part: str) -> str:
    return f"{reverse('clinic:settings')}#{part}"


def _words(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
