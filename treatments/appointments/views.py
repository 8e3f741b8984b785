"""A visit: its page, its steps, cancelling it, and what is taken back. Open to everybody who works here; nothing shown is
clinical."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.roles import Role, allow
from clinic.submissions import go_to
from treatments.appointments import services
from treatments.appointments.asked import came_from, course_of, day_url, next_url, visit_of
from treatments.appointments.forms import CancelForm
from treatments.appointments.free_slots import devices_in_service
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import weekly_hours
from treatments.flows import moving
from treatments.flows import visits as flow
from treatments.pages import bought
from treatments.pages.course.following import follow_url, noticed
from treatments.pages.course.rearrange_page import mail_words
from treatments.pages.header import patient_header
from treatments.pages.today.visit_card import card_of, sessions_of

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
# Digits of a version; and one that no visit ever has.
LONGEST_VERSION, NO_VERSION = 9, 0
STEPS = ("confirmed", "arrived", "numbing", "in_room", "done")
STEP_WORDS = {
    "confirmed": "{name} confirmed.",
    "arrived": "{name} arrived {time}.",
    "numbing": "Numbing of {name} began {time}.",
    "in_room": "{name} is in the room since {time}.",
    "done": "The visit of {name} is done.",
}


@allow(*DESK)
def visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One visit as a page: what the drawer of Today shows."""
    return _visit_page(request, visit_of(request, ref))


@allow(*DESK, methods=["POST"])
def step_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One step further: confirmed, arrived, numbing, in room, done."""
    visit, to = visit_of(request, ref), request.POST.get("to", "")
    if to not in STEPS:
        return _visit_page(request, visit, refusal=DomainError("Choose one of the steps on the visit."), status=422)
    said = STEP_WORDS[to].format(name=visit.patient.full_name, time=f"{clock.local(clock.now(), request.clinic):%H:%M}")
    undo = _undo_url(visit, to)
    return _try(request, visit, lambda: services.step(visit=visit, to=to, by=request.user), said, undo=undo)


@allow(*DESK, methods=["POST"])
def undo_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One step back; a cancelled or missed visit stands again."""
    visit, asked = visit_of(request, ref), request.GET.get("step", "")
    undone = asked if asked in Appointment.Status.values else visit.status
    act = partial(flow.undo_step, visit=visit, undone=undone, by=request.user)
    return _try(request, visit, act, f"Undone: {Appointment.Status(undone).label.lower()}.")


@allow(*DESK, methods=["POST"])
def miss_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The patient did not come."""
    visit = visit_of(request, ref)
    undo = _undo_url(visit, "no_show")
    said = f"{visit.patient.full_name} did not come. The visit stays in the day, struck."
    act = partial(services.mark_no_show, visit=visit, by=request.user)
    return _try(request, visit, act, said, undo=undo, asks_on=True)


@allow(*DESK, methods=["POST"])
def unbook_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of a booking: cancelled, and nobody is told of what she never heard of."""
    visit = visit_of(request, ref)
    said = f"Not booked after all: {services.place_of(visit).words()}."
    act = partial(flow.unbook, visit=visit, version=_version(request), by=request.user)
    return _try(request, visit, act, said)


@allow(*DESK, methods=["POST"])
def move_visit_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of a move."""
    visit = visit_of(request, ref)
    act = partial(moving.move_back, visit=visit, version=_version(request), by=request.user)
    return _try(request, visit, act, "The visit is back where it was.")


@allow(*DESK, methods=["GET", "POST"])
def cancel_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Take a visit out of the diary, with a reason."""
    visit = visit_of(request, ref)
    costs = bought.costs_of_cancelling(visit, now=clock.now())
    form = CancelForm(request.POST if request.method == "POST" else None, costs=costs.session)
    if form.is_bound and form.is_valid():
        reason, counts = form.cleaned_data["reason"], form.counts_as_missed
        try:
            flow.cancel(visit=visit, reason=reason, counts_as_missed=counts, by=request.user)
        except DomainError as refusal:
            refuse(form, refusal)
        else:
            messages.success(
                request,
                f"{services.place_of(visit).words()} is cancelled. {mail_words(visit.patient)}",
                extra_tags=f"undo:{_undo_url(visit, 'cancelled')}",
            )
            return go_to(request, _then(request, visit, next_url(request) or day_url(visit)))
    context = {
        "form": form,
        "visit": visit,
        "header": patient_header(visit.patient, membership=request.membership),
        "next": next_url(request),
        "words": services.place_of(visit).words(),
        "mail_words": mail_words(visit.patient),
        "deposits": costs.deposits,
    }
    return render(request, "treatments/appointments/cancel.html", context, status=422 if form.is_bound else 200)


# ── What they share ───────────────────────────────────────────────────────────


def _visit_page(
    request: HttpRequest, visit: Appointment, *, refusal: DomainError | None = None, status: int = 200
) -> HttpResponse:
    plan = course_of(visit)
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
        "day_url": day_url(visit),
        "bought": bought.at_visit(visit, today=header["today"]),
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
        return _visit_page(request, visit_of(request, visit.ref), refusal=refusal, status=409)
    messages.success(request, said, extra_tags=f"undo:{undo}" if undo else "")
    back = next_url(request) or came_from(request) or day_url(visit)
    return go_to(request, _then(request, visit, back) if asks_on else back)


def _version(request: HttpRequest) -> int | None:
    """Which version of the visit an undo is about, where its address says so; one that no visit has where it says nonsense."""
    said = request.GET.get("version")
    if said is None:
        return None
    return int(said) if said.isdecimal() and len(said) <= LONGEST_VERSION else NO_VERSION


def _undo_url(visit: Appointment, step: str) -> str:
    """Where this step of the visit is taken back, and no step before it."""
    return f"{reverse('treatments:undo_visit', args=[visit.ref])}?step={step}"


def _then(request: HttpRequest, visit: Appointment, back: str) -> str:
    """Her deposit, where one is held for a visit that fell out; then what follows for its course, where a later one is booked;
    else where the act was pressed."""
    on = follow_url(course_of(visit), back=back) or back
    return bought.settle_url(visit, back=on) or on
