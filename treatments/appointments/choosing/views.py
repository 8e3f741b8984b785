"""A time for a visit, chosen among the free ones or typed: booking and moving. Open to everybody who works here."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.roles import Role, allow
from clinic.submissions import go_to, once
from treatments.appointments import services
from treatments.appointments.asked import course_of, day_url, kind_alone, next_url, session_of, visit_of
from treatments.appointments.courses.following import leaves_behind
from treatments.appointments.courses.trying import try_place
from treatments.appointments.courses.undoing import move_back_url, unbook_url
from treatments.appointments.forms import PlaceForm
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.services import AlreadyBooked, OutsideWindow, Place, SlotTaken
from treatments.appointments.taking import TAKEN
from treatments.appointments.walking_in import CameFor, came_for
from treatments.pages.course.following import follow_url, noticed
from treatments.pages.course.picker import Choice, Picker, Staff, nearest_free, pick, taken_words
from treatments.pages.course.rearrange_page import mail_words
from treatments.pages.header import open_url, patient_header
from treatments.pages.today.visit_card import apart_words, day_before

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
# Refusals that a reason may pass: the clinician, the room or the device is busy, or held for another course.
BESIDE = TAKEN - {"appointment_patient_free"}


@allow(*DESK, methods=["GET", "POST"])
def book(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A session of a course: the free times in its window, or another time of the desk's own."""
    planned = session_of(request, ref)
    choice = Choice(
        clinic=request.clinic,
        patient=planned.plan.patient,
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
    choice = Choice(clinic=request.clinic, patient=patient, kind=kind_alone(request), now=clock.now())
    title = f"Book a {choice.kind.label.lower()}"
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
            extra_tags=f"undo:{unbook_url(visit)}",
        )
        return next_url(request) or _course_or_day(request, visit)

    return effect


@allow(*DESK, methods=["GET", "POST"])
def walk_in(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Somebody who came without a visit: what she came for, and who is free soonest. `?what=`: a kind, or a session of hers."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    came = came_for(request, patient)
    choice = Choice(
        clinic=request.clinic, patient=patient, kind=came.kind, now=clock.now(), planned=came.planned, is_here=True
    )

    def effect(place: Place) -> str:
        visit = services.walk_in(
            patient=patient, kind=choice.kind, place=place, planned_session=choice.planned, by=request.user
        )
        messages.success(
            request,
            f"{patient.full_name} is here, {came.label.lower()} {place.starts_at:%H:%M} with {place.clinician}.",
            extra_tags=f"undo:{unbook_url(visit)}",
        )
        return day_url(visit)

    return _choose(request, choice, title="Walk-in", act="Arrived", effect=effect, came=came)


def _course_or_day(request: HttpRequest, visit: Appointment) -> str:
    plan = course_of(visit)
    course = open_url("treatments:course", [plan.ref], request.membership) if plan else ""
    return course or day_url(visit)


@allow(*DESK, methods=["GET", "POST"])
def move_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Another time for a visit, and what that changes."""
    visit = visit_of(request, ref)
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
        return follow_url(course_of(moved), back=day_url(moved)) or day_url(moved)

    return _choose(request, choice, title="Move the visit", act="Move it", effect=effect)


def _rearranging(visit: Appointment, place: Place) -> str:
    """Where the move is shown with all that has to move with it; empty where there is no such way."""
    if visit.planned_session is None:
        return ""
    tried = try_place(visit, place, now=clock.now())
    if tried.found is None:
        return ""
    return f"{reverse('treatments:rearrange', args=[visit.ref])}?to={value_of(place)}"


# ── The page on which a time is chosen ────────────────────────────────────────


def _choose(
    request: HttpRequest,
    choice: Choice,
    *,
    title: str,
    act: str,
    effect: Callable[[Place], str],
    came: CameFor | None = None,
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
            taken, status = _taken(request, choice, staff, form, refusal), 409
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
        "cancel_url": next_url(request)
        or (
            reverse("treatments:visit", args=[choice.moving.ref])
            if choice.moving
            else choice.patient.get_absolute_url()
        ),
        "kept_query": [(name, request.GET[name]) for name in ("next", "kind") if name in request.GET],
        "came": came,
        "taken": taken,
        "next": next_url(request),
    }
    context["chosen"] = _chosen(form, context["picker"], choice)
    return render(request, "treatments/appointments/book.html", context, status=422 if form.errors else status)


def _chosen(form: PlaceForm, picker: Picker, choice: Choice) -> str:
    """The time that is ticked: what was sent, and for somebody who is here the soonest."""
    if form.is_bound:
        return form.data.get("instead") or form.data.get("slot", "")
    return picker.days[0][1][0].value if choice.is_here and picker.days else ""


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
        return {"day": choice.today} if choice.is_here else {}
    return {
        "day": moving.day,
        "starts_at": moving.starts_at,
        "clinician": str(moving.clinician.ref) if moving.clinician else "",
        "room": str(moving.room.ref) if moving.room else "",
    }


def _taken(request: HttpRequest, choice: Choice, staff: Staff, form: PlaceForm, refusal: DomainError) -> dict:
    """What was taken, the three free times nearest to it, and the way to book it all the same for who may."""
    sentence, place = refusal.sentence, form.place
    title, _, reason = (
        sentence.partition(". ") if sentence.startswith("Just taken") else (f"Just taken: {place.words()}", "", "")
    )
    return {
        "title": taken_words(title, was_offered=not form.is_own).rstrip("."),
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
