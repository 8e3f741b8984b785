"""Booking a whole course in one step: wishes, sets, a hold while the desk speaks with the patient, one press for all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.roles import Role, allow
from clinic.submissions import answered, go_to, once
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.courses.forms import SEPARATOR, WishesForm, places_of_value
from treatments.appointments.courses.problems import HORIZON_DAYS, CourseTimes, course_times, sessions_to_place
from treatments.appointments.courses.trying import Tried, try_place
from treatments.appointments.courses.undoing import Act, undo_url
from treatments.appointments.models import COMING
from treatments.appointments.offers import place_of_value, value_of
from treatments.appointments.places import Place
from treatments.appointments.services import SlotTaken
from treatments.appointments.working_time import hours_and_house, people
from treatments.flows import course_booking as flow
from treatments.pages.course import booking_page as page
from treatments.pages.course import rearrange_page
from treatments.pages.header import open_url, patient_header
from treatments.plans.models import PlannedSession, TreatmentPlan

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
WISHES = ("sessions", "clinician", "weekdays", "since", "until", "first_day", "away_from", "away_until", "done_by")
# Wishes that are chosen and not typed.
LISTS = {"sessions", "clinician", "weekdays"}
MOST_SESSIONS = 8


@allow(*DESK, methods=["GET", "POST"])
def book_course(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The next sessions of a course, all at once. `?chosen=` a set, `?swap=` the session of it that asks for another time.

    Acts: `hold` a set, `let_go`, `book` what is held.
    """
    plan = get_object_or_404(request.clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)
    if request.method != "POST":
        return _page(request, plan)
    act = {"hold": _hold, "let_go": _let_go, "book": _book}.get(request.POST.get("act", ""))
    if act is None:
        return _page(request, plan, refusal=DomainError("Choose one of the sets of times."), status=422)
    try:
        return act(request, plan)
    except (SlotTaken, Busy, services.LetGo) as refusal:
        return _page(request, plan, refusal=refusal, status=409)
    except DomainError as refusal:
        return _page(request, plan, refusal=refusal, status=422)


@allow(*DESK, methods=["POST"])
def unbook_course(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of booking a course: all of its visits of that press, and nobody is told of what she never heard of."""
    plan = get_object_or_404(request.clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)
    try:
        freed = flow.unbook(plan=plan, act=Act.read(request.GET.get("act", "")), by=request.user)
    except DomainError as refusal:
        return _page(request, plan, refusal=refusal, status=409)
    said = f"Not booked after all: {_visits(len(freed))}." if freed else "These visits were taken back already."
    messages.success(request, said)
    return go_to(request, reverse("treatments:book_course", args=[plan.ref]))


@allow(*DESK, methods=["GET", "POST"])
def rearrange(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?to=` another place for a visit of a course: what else has to move with it. Nothing is saved before the press."""
    visit = get_object_or_404(
        request.clinic.appointments.select_related(*services.OF_A_VISIT), ref=ref, planned_session__isnull=False
    )
    plan = visit.planned_session.plan
    try:
        place = place_of_value(request.GET.get("to", ""), clinic=request.clinic, length=diary.place_of(visit).length)
        tried = try_place(visit, place, now=clock.now())
    except DomainError as said:
        tried = Tried(refusal=said.sentence)
    found, refusal, status = tried.found, tried.refusal, 200
    ways = rearrange_page.ways_of(found) if found else []
    if request.method == "POST":
        way = next((one for one in ways if one.value == request.POST.get("way")), None)
        if way is None:
            # After the first press of two nothing is left to move.
            if before := answered(request):
                return before
            refusal, status = "Something changed meanwhile. Look at the times again: nothing was moved.", 409
        else:
            try:
                return once(request, lambda: _moved(request, plan, visit, found, way))
            except (SlotTaken, Busy) as late:
                refusal, status = late.sentence, 409
            except DomainError as said:
                refusal, status = said.sentence, 422
    context = {
        "visit": visit,
        "plan": plan,
        "place": tried.place,
        "ways": ways,
        "refusal": refusal,
        "header": patient_header(plan.patient, membership=request.membership, plan=plan),
        "back": reverse("treatments:move_visit" if visit.status in COMING else "treatments:visit", args=[visit.ref]),
        "is_coming": visit.status in COMING,
    }
    return render(request, "treatments/appointments/courses/rearrange.html", context, status=status)


def _moved(request: HttpRequest, plan: TreatmentPlan, visit, found, way) -> str:
    moved = services.move_together(plan=plan, places=found.places(way.made), by=request.user)
    what = "visits are" if len(moved) > 1 else "visit is"
    messages.success(
        request,
        f"{page.count_words(len(moved)).capitalize()} {what} moved. {rearrange_page.mail_words(plan.patient, len(moved))}",
        extra_tags=f"undo:{undo_url('put_back', plan, moved)}",
    )
    return open_url("treatments:course", [plan.ref], request.membership) or plan.patient.get_absolute_url()


@allow(*DESK, methods=["POST"])
def put_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of moving several visits: all of them, or none."""
    plan = get_object_or_404(request.clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)
    back = open_url("treatments:course", [plan.ref], request.membership) or plan.patient.get_absolute_url()
    try:
        moved = flow.put_back(plan=plan, act=Act.read(request.GET.get("act", "")), by=request.user)
    except DomainError as refusal:
        messages.warning(request, f"{refusal.sentence} Nothing was moved back.")
    else:
        messages.success(request, f"Back as before: {_visits(len(moved))}." if moved else "That was undone already.")
    return go_to(request, back)


def _visits(count: int) -> str:
    return f"{page.count_words(count)} {'visits' if count > 1 else 'visit'}"


def _hold(request: HttpRequest, plan: TreatmentPlan) -> HttpResponse:
    places = _places(request, plan, request.POST.get("set", ""))
    back = f"{reverse('treatments:book_course', args=[plan.ref])}?{_kept(request).urlencode()}"

    def effect() -> str:
        services.hold(plan=plan, places=places, by=request.user)
        return back

    return once(request, effect)


def _let_go(request: HttpRequest, plan: TreatmentPlan) -> HttpResponse:
    services.let_go(plan=plan, by=request.user)
    messages.success(request, "The times are free again. Nothing was booked.")
    return go_to(request, f"{reverse('treatments:book_course', args=[plan.ref])}?{_kept(request).urlencode()}")


def _book(request: HttpRequest, plan: TreatmentPlan) -> HttpResponse:
    def effect() -> str:
        visits = services.book_held(plan=plan, shown=request.POST.get("held", ""), by=request.user)
        asked = " Questions are open: they are marked." if any(visit.to_ask for visit in visits) else ""
        what = f"{page.all_of_them(len(visits)).capitalize()} visits are" if len(visits) > 1 else "The visit is"
        messages.success(
            request,
            f"{what} booked.{asked} {rearrange_page.mail_words(plan.patient, len(visits))}",
            extra_tags=f"undo:{undo_url('unbook_course', plan, visits)}",
        )
        return open_url("treatments:course", [plan.ref], request.membership) or plan.patient.get_absolute_url()

    return once(request, effect)


def _page(
    request: HttpRequest, plan: TreatmentPlan, *, refusal: DomainError | None = None, status: int = 200
) -> HttpResponse:
    header = patient_header(plan.patient, membership=request.membership, plan=plan)
    now, today = header["now"], header["today"]
    taken = diary.fixed_days(plan)
    planned = sessions_to_place(plan, sessions=header["sessions"], taken=taken)
    # As far as a course can reach that begins on the last day that may be wished for.
    roster = hours_and_house(request.clinic, today, today + timedelta(days=2 * HORIZON_DAYS))
    form = WishesForm(
        _kept(request),
        sessions=min(len(planned), MOST_SESSIONS) or 1,
        clinicians=people(roster[0]),
        today=today,
    )
    context = {
        "plan": plan,
        "patient": plan.patient,
        "header": header,
        "form": form,
        "refusal": refusal,
        "taken": isinstance(refusal, SlotTaken | Busy),
        "is_active": plan.status == TreatmentPlan.Status.ACTIVE,
        "all_booked": not planned,
        "kept": [(name, value) for name in WISHES for value in _kept(request).getlist(name)],
        "mail_words": rearrange_page.mail_words(plan.patient, 2),
    }
    if planned and context["is_active"]:
        context |= _sets(request, plan, planned, form, now, partial(course_times, taken=taken, roster=roster))
    return render(request, "treatments/appointments/courses/book.html", context, status=status)


def _sets(
    request: HttpRequest,
    plan: TreatmentPlan,
    planned: list[PlannedSession],
    form: WishesForm,
    now: datetime,
    times_for: Callable[..., CourseTimes],
) -> dict:
    held = page.hold_of(plan, user=request.user, now=now)
    mine = [services.place_of(row) for row in held["visits"]] if held and held["mine"] else []
    if mine:
        form.initial["sessions"] = len(mine)
    wishes = form.wishes()
    if mine and wishes.sessions is None:
        wishes = replace(wishes, sessions=len(mine))
    if {"since", "until"} & form.errors.keys():
        wishes = replace(wishes, between=None)
    if {"away_from", "away_until"} & form.errors.keys():
        wishes = replace(wishes, avoid=frozenset())
    words = {
        "week": page.week_words(wishes.weekdays),
        "hours": page.hours_words(wishes.between),
        "away": page.away_words(wishes.avoid),
    }
    shown = {"held": held, "wishes": wishes, "words": words, "cost_why": page.COST_WHY}
    # What is typed wrong is put right before anything is offered. A list may have changed since it was chosen from.
    shown["wrong"] = wrong = bool(form.errors.keys() - LISTS)
    # A course is held by one person at a time.
    shown["may_hold"] = not wrong and (held is None or held["mine"])
    shown["ended"] = "over" in request.GET and not held
    shown["wait_url"] = reverse("treatments:wait_for_session", args=[planned[0].ref])
    shown["one_url"] = reverse("treatments:book", args=[planned[0].ref])
    shown["first"] = planned[0].number
    if held:
        # When the five minutes are over the page comes back with the same set, to be held again.
        again = _kept(request).copy()
        again["over"] = "1"
        if mine:
            again["chosen"] = SEPARATOR.join(map(value_of, mine))
            again["sessions"] = str(len(mine))
        held["url"] = f"{reverse('treatments:book_course', args=[plan.ref])}?{again.urlencode()}"
    if wrong and not mine:
        return shown
    try:
        times = times_for(plan, planned, wishes, now=now)
    except DomainError as refused:
        if refused.field in form.fields:
            form.add_error(refused.field, refused.sentence)
            return shown | {"wrong": True}
        return shown | {"why_none": refused.sentence}
    chosen = mine if wrong else _chosen(request, mine, len(times.planned))
    kept = _kept(request).copy()
    sets, why_none = page.sets_of(times, kept=dict(kept.lists()), chosen=chosen)
    if wrong:
        sets = [one for one in sets if one.is_chosen]
    swap = request.GET.get("swap", "")
    swapping = next((one.number for one in times.planned if str(one.number) == swap), None) if chosen else None
    return shown | {
        "sets": sets,
        "why_none": why_none,
        "times": times,
        "chosen_is_held": bool(mine) and chosen == mine,
        "all_of_them": page.all_of_them(len(mine)),
        "swapping": swapping,
        "swaps": page.swaps_of(times, chosen, swapping, kept=dict(kept.lists())) if swapping else [],
    }


def _chosen(request: HttpRequest, mine: list[Place], sessions: int) -> list[Place]:
    """The set that is held, else the one in the address."""
    value = request.GET.get("chosen", "")
    if value:
        try:
            return places_of_value(value, clinic=request.clinic, most=sessions)
        except DomainError:
            return []
    return mine


def _places(request: HttpRequest, plan: TreatmentPlan, value: str) -> dict[PlannedSession, Place]:
    planned = sessions_to_place(plan)
    places = places_of_value(value, clinic=request.clinic, most=min(len(planned), MOST_SESSIONS))
    return dict(zip(planned, places, strict=False))


def _kept(request: HttpRequest):
    """The wishes, from the address or from the form that carries them along."""
    said = (request.POST if request.method == "POST" else request.GET).copy()
    for name in set(said) - set(WISHES):
        del said[name]
    return said
