"""Booking, moving, cancelling, and the steps of a visit. Open to everybody who works here; nothing shown is clinical."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.forms import refuse
from clinic.roles import Role, allow
from clinic.submissions import go_to, once, own_path
from treatments.appointments import services
from treatments.appointments.courses.following import leaves_behind
from treatments.appointments.courses.trying import try_place
from treatments.appointments.courses.undoing import move_back_url
from treatments.appointments.forms import CancelForm, PlaceForm
from treatments.appointments.free_slots import devices_in_service
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.services import AlreadyBooked, OutsideWindow, Place, SlotTaken
from treatments.appointments.working_time import weekly_hours
from treatments.flows import moving
from treatments.flows import visits as flow
from treatments.pages.following import follow_url, noticed
from treatments.pages.header import open_url, patient_header
from treatments.pages.picker import Choice, Staff, nearest_free, pick
from treatments.pages.rearrange_page import mail_words
from treatments.pages.verdicts import with_screening
from treatments.pages.visit_card import apart_words, card_of, day_before, sessions_of
from treatments.plans.models import TreatmentPlan

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
STEPS = ("confirmed", "arrived", "numbing", "in_room", "done")
STEP_WORDS = {
    "confirmed": "{name} confirmed.",
    "arrived": "{name} arrived {time}.",
    "numbing": "Numbing of {name} began {time}.",
    "in_room": "{name} is in the room since {time}.",
    "done": "The visit of {name} is done.",
}
# Refusals that a reason may pass: the clinician, the room or the device is busy, or held for another course.
BESIDE = services.TAKEN - {"appointment_patient_free"}
# What a patient without a course is booked for; a treatment belongs to a session of a course.
BOOKED_ALONE = (Appointment.Kind.CONSULTATION, Appointment.Kind.REVIEW)


# ── Booking ───────────────────────────────────────────────────────────────────


@allow(*DESK, methods=["GET", "POST"])
def book(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A session of a course: the free times in its window, or another time of the desk's own."""
    plan = get_object_or_404(
        request.clinic.plans.select_related("patient__clinic", "clinic"), planned_sessions__ref=ref
    )
    planned = plan.planned_sessions.get(ref=ref)
    choice = Choice(
        clinic=request.clinic,
        patient=plan.patient,
        kind=Appointment.Kind.TREATMENT,
        now=clock.now(),
        planned=planned,
    )
    return _choose(
        request, choice, title=f"Book session {planned.number}", act="Book it", effect=_booking(request, choice)
    )


@allow(*DESK, methods=["GET", "POST"])
def book_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A consultation or a review of a patient."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    kind = request.GET.get("kind", Appointment.Kind.CONSULTATION)
    if kind not in BOOKED_ALONE:
        raise Http404
    choice = Choice(clinic=request.clinic, patient=patient, kind=Appointment.Kind(kind), now=clock.now())
    title = f"Book a {Appointment.Kind(kind).label.lower()}"
    return _choose(request, choice, title=title, act="Book it", effect=_booking(request, choice))


def _booking(request: HttpRequest, choice: Choice) -> Callable[[Place], str]:
    def effect(place: Place) -> str:
        visit = services.book(
            patient=choice.patient, kind=choice.kind, place=place, planned_session=choice.planned, by=request.user
        )
        what = f"Session {choice.planned.number}" if choice.planned else visit.get_kind_display()
        asked = " Questions are open: it is marked." if visit.to_ask else ""
        messages.success(
            request,
            f"{what} booked for {place.words()} with {place.clinician}.{asked} {mail_words(choice.patient)}",
            extra_tags=f"undo:{reverse('treatments:unbook_visit', args=[visit.ref])}",
        )
        return _next(request) or _course_or_day(request, visit)

    return effect


# ── Moving ────────────────────────────────────────────────────────────────────


@allow(*DESK, methods=["GET", "POST"])
def move_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Another time for a visit, and what that changes."""
    visit = _visit(request, ref)
    if visit.status not in services.COMING and request.method == "GET":
        messages.warning(request, f"This visit is {visit.get_status_display().lower()} and can no longer be moved.")
        return go_to(request, reverse("treatments:visit", args=[visit.ref]))
    choice = Choice(
        clinic=request.clinic,
        patient=visit.patient,
        kind=visit.kind,
        now=clock.now(),
        planned=visit.planned_session,
        moving=visit,
    )

    def effect(place: Place) -> str:
        if leaves_behind(visit, place.day) and (url := _rearranging(visit, place)):
            return url
        try:
            moved = services.move(visit=visit, place=place, by=request.user)
        except OutsideWindow:
            # Other visits of the course stand in the way: what would have to move with it is shown before anything does.
            url = _rearranging(visit, place)
            if not url:
                raise
            return url
        messages.success(
            request,
            f"Moved to {place.words()} with {place.clinician}. {mail_words(choice.patient)}",
            extra_tags=f"undo:{move_back_url(moved)}",
        )
        # A visit that comes nearer may leave the next one too far behind.
        return follow_url(_plan_of(moved), back=_day_url(moved)) or _day_url(moved)

    return _choose(request, choice, title="Move the visit", act="Move it", effect=effect)


def _rearranging(visit: Appointment, place: Place) -> str:
    """Where the move is shown with all that has to move with it; empty where there is no such way."""
    if visit.planned_session is None:
        return ""
    tried = try_place(visit, place, now=clock.now())
    if tried.found is None:
        return ""
    return f"{reverse('treatments:rearrange', args=[visit.ref])}?to={value_of(place)}"


@allow(*DESK, methods=["POST"])
def move_visit_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of a move."""
    visit, version = _visit(request, ref), request.GET.get("version", "")
    act = partial(moving.move_back, visit=visit, version=int(version) if version.isdecimal() else None, by=request.user)
    return _try(request, visit, act, "The visit is back where it was.")


# ── A visit and its steps ─────────────────────────────────────────────────────


@allow(*DESK)
def visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One visit as a page: what the drawer of Today shows."""
    return _visit_page(request, _visit(request, ref))


@allow(*DESK, methods=["POST"])
def step_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One step further: confirmed, arrived, numbing, in room, done."""
    visit, to = _visit(request, ref), request.POST.get("to", "")
    if to not in STEPS:
        return _visit_page(request, visit, refusal=DomainError("Choose one of the steps on the visit."), status=422)
    said = STEP_WORDS[to].format(name=visit.patient.full_name, time=f"{clock.local(clock.now(), request.clinic):%H:%M}")
    undo = _undo_url(visit, to)
    return _try(request, visit, lambda: services.step(visit=visit, to=to, by=request.user), said, undo=undo)


@allow(*DESK, methods=["POST"])
def undo_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One step back; a cancelled or missed visit stands again."""
    visit, asked = _visit(request, ref), request.GET.get("step", "")
    undone = asked if asked in Appointment.Status.values else visit.status
    act = partial(flow.undo_step, visit=visit, undone=undone, by=request.user)
    return _try(request, visit, act, f"Undone: {Appointment.Status(undone).label.lower()}.")


@allow(*DESK, methods=["POST"])
def miss_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The patient did not come."""
    visit = _visit(request, ref)
    undo = _undo_url(visit, "no_show")
    said = f"{visit.patient.full_name} did not come. The visit stays in the day, struck."
    act = partial(services.mark_no_show, visit=visit, by=request.user)
    return _try(request, visit, act, said, undo=undo, asks_on=True)


@allow(*DESK, methods=["POST"])
def unbook_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of a booking: cancelled, and nobody is told of what she never heard of."""
    visit = _visit(request, ref)
    said = f"Not booked after all: {services.place_of(visit).words()}."
    return _try(request, visit, lambda: flow.cancel(visit=visit, reason="Booked by mistake", by=request.user), said)


@allow(*DESK, methods=["GET", "POST"])
def cancel_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Take a visit out of the diary, with a reason."""
    visit = _visit(request, ref)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            flow.cancel(visit=visit, reason=form.cleaned_data["reason"], by=request.user)
        except DomainError as refusal:
            refuse(form, refusal)
        else:
            messages.success(
                request,
                f"{services.place_of(visit).words()} is cancelled. {mail_words(visit.patient)}",
                extra_tags=f"undo:{_undo_url(visit, 'cancelled')}",
            )
            return go_to(request, _then(request, visit, _next(request) or _day_url(visit)))
    context = {
        "form": form,
        "visit": visit,
        "header": patient_header(visit.patient, membership=request.membership),
        "next": _next(request),
        "words": services.place_of(visit).words(),
        "mail_words": mail_words(visit.patient),
    }
    return render(request, "treatments/appointments/cancel.html", context, status=422 if form.is_bound else 200)


# ── What they share ───────────────────────────────────────────────────────────


def _visit(request: HttpRequest, ref: UUID) -> Appointment:
    rows = request.clinic.appointments.select_related(
        "clinic",
        "patient__clinic",
        "planned_session__plan__clinic",
        "clinician__user",
        "clinician__clinic",
        "room",
        "device",
    )
    return get_object_or_404(with_screening(rows), ref=ref)


def _choose(
    request: HttpRequest, choice: Choice, *, title: str, act: str, effect: Callable[[Place], str]
) -> HttpResponse:
    """The page on which a time is chosen, and what its form does. 422 with the sentence at its field, 409 when somebody was faster."""
    staff = Staff.of(request.clinic)
    posted = request.POST if request.method == "POST" else None
    form = PlaceForm(
        posted,
        clinic=request.clinic,
        length=choice.length,
        clinicians=staff.clinicians,
        rooms=staff.rooms,
        today=choice.today,
        initial=_initial(choice),
    )
    taken, status = None, 200
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: effect(form.place))
        except (SlotTaken, Busy) as refusal:
            taken, status = _taken(request, choice, staff, form.place, refusal), 409
        except AlreadyBooked as refusal:
            taken, status = {"title": refusal.sentence, "offers": []}, 409
        except DomainError as refusal:
            form.refuse(refusal)
    context = _page(request, choice, staff) | {
        "form": form,
        "title": title,
        "act": act,
        "own_helper": form.own_helper(),
        "mail_words": mail_words(choice.patient),
        "cancel_url": _next(request)
        or (
            reverse("treatments:visit", args=[choice.moving.ref])
            if choice.moving
            else choice.patient.get_absolute_url()
        ),
        "kept_query": [(name, request.GET[name]) for name in ("next", "kind") if name in request.GET],
        "taken": taken,
        "next": _next(request),
        "chosen": form.data.get("instead") or form.data.get("slot", "") if form.is_bound else "",
    }
    return render(request, "treatments/appointments/book.html", context, status=422 if form.errors else status)


def _page(request: HttpRequest, choice: Choice, staff: Staff) -> dict:
    plan = choice.planned.plan if choice.planned else None
    header = patient_header(choice.patient, membership=request.membership, plan=plan)
    counted_from = day_before(choice.planned, header["sessions"]) if choice.planned else None
    picker = pick(replace(choice, counted_from=counted_from), staff, request.GET)
    return {
        "header": header,
        "picker": picker,
        "choice": choice,
        "visit": choice.moving,
        "plan": plan,
        "follows": noticed(plan, header["sessions"]) if choice.moving is None else None,
        "apart_words": apart_words(plan) if plan else "",
        "wait_url": _wait_url(choice),
    }


def _wait_url(choice: Choice) -> str:
    """The waiting list, where nothing fits."""
    if choice.planned is not None:
        return reverse("treatments:wait_for_session", args=[choice.planned.ref])
    return f"{reverse('treatments:wait_for_visit', args=[choice.patient.ref])}?kind={choice.kind}"


def _initial(choice: Choice) -> dict:
    moving = choice.moving
    if moving is None:
        return {}
    return {
        "day": moving.day,
        "starts_at": moving.starts_at,
        "clinician": str(moving.clinician.ref) if moving.clinician else "",
        "room": str(moving.room.ref) if moving.room else "",
    }


def _taken(request: HttpRequest, choice: Choice, staff: Staff, place: Place, refusal: DomainError) -> dict:
    """What was taken, the three free times nearest to it, and the way to book it all the same for who may."""
    sentence = refusal.sentence
    title, _, reason = (
        sentence.partition(". ") if sentence.startswith("Just taken") else (f"Just taken: {place.words()}", "", "")
    )
    return {
        "title": title.rstrip("."),
        "reason": reason,
        "offers": nearest_free(choice, staff, place),
        "beside_url": _beside_url(request, choice, place) if refusal.code in BESIDE else "",
    }


def _beside_url(request: HttpRequest, choice: Choice, place: Place) -> str:
    """Where a taken time is booked on purpose; empty for who may not."""
    query: dict[str, str] = {"at": value_of(place)}
    if choice.moving is not None:
        url = open_url("treatments:move_beside", [choice.moving.ref], request.membership)
    elif choice.planned is not None:
        url = open_url("treatments:book_beside", [choice.planned.ref], request.membership)
    else:
        url = open_url("treatments:book_visit_beside", [choice.patient.ref], request.membership)
        query["kind"] = str(choice.kind)
    return url and f"{url}?{urlencode(query)}"


def _visit_page(
    request: HttpRequest, visit: Appointment, *, refusal: DomainError | None = None, status: int = 200
) -> HttpResponse:
    plan = _plan_of(visit)
    header = patient_header(visit.patient, membership=request.membership, plan=plan)
    card = card_of(
        visit,
        now=clock.now(),
        rooms=list(request.clinic.rooms.filter(in_service=True)),
        hours=weekly_hours(request.clinic),
        sessions=sessions_of(visit),
        devices=devices_in_service(request.clinic),
    )
    context = {
        "card": card,
        "visit": visit,
        "refusal": refusal,
        "header": header,
        "follows": noticed(plan, header["sessions"]),
        "day_url": _day_url(visit),
        "next": reverse("treatments:visit", args=[visit.ref]),
    }
    return render(request, "treatments/appointments/visit.html", context, status=status)


def _try(
    request: HttpRequest,
    visit: Appointment,
    act: Callable[[], Appointment],
    said: str,
    *,
    undo: str = "",
    asks_on: bool = False,
) -> HttpResponse:
    """Do it and go back with a toast; what is refused stands on the visit's own page, as it is now."""
    try:
        act()
    except DomainError as refusal:
        return _visit_page(request, _visit(request, visit.ref), refusal=refusal, status=409)
    messages.success(request, said, extra_tags=f"undo:{undo}" if undo else "")
    back = _next(request) or _came_from(request) or _day_url(visit)
    return go_to(request, _then(request, visit, back) if asks_on else back)


def _undo_url(visit: Appointment, step: str) -> str:
    """Where this step of the visit is taken back, and no step before it."""
    return f"{reverse('treatments:undo_visit', args=[visit.ref])}?step={step}"


def _then(request: HttpRequest, visit: Appointment, back: str) -> str:
    """What follows for the course of a visit that fell out, where a later one is booked; else where the act was pressed."""
    return follow_url(_plan_of(visit), back=back) or back


def _plan_of(visit: Appointment) -> TreatmentPlan | None:
    return visit.planned_session.plan if visit.planned_session else None


def _course_or_day(request: HttpRequest, visit: Appointment) -> str:
    course = (
        open_url("treatments:course", [visit.planned_session.plan.ref], request.membership)
        if visit.planned_session
        else ""
    )
    return course or _day_url(visit)


def _day_url(visit: Appointment) -> str:
    return f"{reverse('treatments:today')}?day={visit.day.isoformat()}&visit={visit.ref}"


def _next(request: HttpRequest) -> str:
    """Where the form asks to go back to, if that lies in this house."""
    return own_path(request.POST.get("next") or request.GET.get("next") or "")


def _came_from(request: HttpRequest) -> str:
    parts = urlsplit(request.headers.get("Referer", ""))
    same = parts.netloc == request.get_host()
    # Only pages that can be read: going back to the address of an act would answer "method not allowed".
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return (
        own_path(path)
        if same and path.startswith((reverse("treatments:today"), "/plans/", "/patients/", "/worklists/"))
        else ""
    )
