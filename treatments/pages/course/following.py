"""A visit fell out of a course: what follows, read before anything is saved, and one press to go on."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.roles import Role, allow
from clinic.submissions import answered, once, own_path
from clinic.templatetags.clinic_ui import day
from treatments.appointments.courses import services
from treatments.appointments.courses.following import Following, again, breaks, following
from treatments.appointments.courses.trying import course_words
from treatments.appointments.courses.undoing import unbook_url, undo_url
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.places import Place, place_of
from treatments.appointments.services import AlreadyBooked, SlotTaken
from treatments.pages.course.booking_page import count_words
from treatments.pages.course.drawing import without_visit
from treatments.pages.course.rearrange_page import (
    WAYS,
    Step,
    Way,
    both_ways,
    lines_of,
    listed,
    mail_words,
    value_of_all,
)
from treatments.pages.header import open_url, patient_header
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.scheduling.sets import CourseSet

FELL_OUT = {"cancelled": "cancelled", "no_show": "missed", "done": "ended early"}
# From here on somebody calls before anything is booked again.
MISSED_IN_A_ROW = 2


def follow_url(plan: TreatmentPlan | None, *, back: str = "") -> str:
    """Where it is shown what follows for a course; empty where nothing does. Two queries."""
    if plan is None or not breaks(plan):
        return ""
    url = reverse("treatments:course_follows", args=[plan.ref])
    return f"{url}?{urlencode({'next': back})}" if back else url


def noticed(plan: TreatmentPlan | None, sessions: list[PlannedSession]) -> dict | None:
    """What a page beside says of a course with a hole in it, and where it is mended. `sessions` from `with_states`; no query."""
    if plan is None or plan.status != TreatmentPlan.Status.ACTIVE or not (found := without_visit(sessions)):
        return None
    gone, later = found
    return {
        "words": f"Session {gone} has no visit, and session {later} is booked.",
        "url": reverse("treatments:course_follows", args=[plan.ref]),
    }


@allow(Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER, methods=["GET", "POST"])
def course_follows(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Which later visits break the gaps, which stay, and the ways to go on. Nothing is saved before the press."""
    plan = get_object_or_404(request.clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)
    now = clock.now()
    follows, refusal, status = None, "", 200
    try:
        follows = following(plan, now=now)
        ways = _ways(follows) if follows else []
        if follows and not ways and (why := follows.found.why_none):
            refusal = course_words(why.text, follows.planned[0].number)
    except DomainError as said:
        ways, refusal = [], said.sentence
    if request.method == "POST":
        way = next((one for one in ways if one.value == request.POST.get("way")), None)
        if way is None or follows is None:
            # After the first press of two nothing follows any more.
            if before := answered(request):
                return before
            refusal, status = "Something changed meanwhile. Look at the times again: nothing was saved.", 409
        else:
            try:
                return once(request, lambda: _done(request, plan, follows, way))
            except (SlotTaken, AlreadyBooked, Busy) as late:
                refusal, status = late.sentence, 409
            except DomainError as said:
                refusal, status = said.sentence, 422
    context = {
        "plan": plan,
        "patient": plan.patient,
        "header": patient_header(plan.patient, membership=request.membership, plan=plan),
        "fell_out": _fell_out(follows) if follows else [],
        "in_a_row": _missed_in_a_row(plan) if follows else 0,
        "ways": ways,
        "again": _again(plan, follows, now) if follows else None,
        "refusal": refusal,
        "back": _back(request, plan),
        "next": request.GET.get("next", ""),
    }
    return render(request, "treatments/appointments/courses/follow.html", context, status=status)


def _done(request: HttpRequest, plan: TreatmentPlan, follows: Following, way: Way) -> str:
    booked, moved = follows.booked(way.made), follows.moved(way.made)
    visits = services.go_on(plan=plan, booked=booked, moved=moved, by=request.user)
    if moved:
        undo = undo_url("put_back", plan, visits)
    elif len(visits) > 1:
        undo = undo_url("unbook_course", plan, visits)
    else:
        undo = unbook_url(visits[0])
    said = [
        _counted(len(booked), "booked") if booked else "",
        _counted(len(moved), "moved") if moved else "",
    ]
    messages.success(
        request,
        f"{'; '.join(part for part in said if part).capitalize()}. {mail_words(plan.patient, len(visits))}",
        extra_tags=f"undo:{undo}",
    )
    return _back(request, plan)


def _counted(count: int, what: str) -> str:
    return f"{count_words(count)} {'visits are' if count > 1 else 'visit is'} {what}"


def _back(request: HttpRequest, plan: TreatmentPlan) -> str:
    asked = own_path(request.GET.get("next", ""))
    return asked or open_url("treatments:course", [plan.ref], request.membership) or plan.patient.get_absolute_url()


# ── In words ──────────────────────────────────────────────────────────────────


def _fell_out(follows: Following) -> list[str]:
    """ "Session 2 of Tue 20 Apr was cancelled": why this page has anything to say."""
    said = []
    for planned, visit in zip(follows.planned, follows.visits, strict=True):
        if visit is not None:
            continue
        gone = follows.gone.get(planned.number)
        said.append(
            f"Session {planned.number} of {day(gone.day)} was {FELL_OUT[gone.status]}."
            if gone
            else f"Session {planned.number} has no visit."
        )
    first = follows.visits[0]
    if first is not None:
        said.append(f"Session {first.planned_session.number} is further from the one before than this course allows.")
    return said


def _ways(follows: Following) -> list[Way]:
    ways = [_way(code, follows, made) for code, made in both_ways(follows.found)]
    return [way for way in ways if way.value]


def _way(code: str, follows: Following, made: CourseSet) -> Way:
    moved, booked = follows.moved(made), follows.booked(made)
    acts = []
    if booked:
        acts.append(f"book session{_s(booked)} {listed([planned.number for planned in booked])}")
    if moved:
        acts.append(f"move session{_s(moved)} {listed([visit.planned_session.number for visit in moved])}")
    act = ", ".join(acts)
    return Way(
        code=code,
        title="Book it again; nothing else moves" if booked and not moved else WAYS[code],
        lines=lines_of(follows.times.problem, _steps(follows, moved, booked)),
        moved=len(moved) + len(booked),
        act=f"{act[:1].upper()}{act[1:]}",
        value=value_of_all({**booked, **moved}),
        mail_words=mail_words(follows.times.plan.patient, len(moved) + len(booked)),
        made=made,
    )


def _steps(follows: Following, moved: dict[Appointment, Place], booked: dict[PlannedSession, Place]) -> Iterator[Step]:
    for planned, visit in zip(follows.planned, follows.visits, strict=True):
        was = visit or follows.gone.get(planned.number)
        new = booked[planned] if visit is None else moved.get(visit)
        yield Step(planned.number, place_of(was) if was else None, new)


def _again(plan: TreatmentPlan, follows: Following, now: datetime) -> dict | None:
    """The best places for the session that fell out: where one is chosen, the later visits stay."""
    first = follows.planned[0]
    if follows.visits[0] is not None:
        return None
    places = again(plan, follows, now=now)
    return {
        "number": first.number,
        "url": reverse("treatments:book", args=[first.ref]),
        "wait_url": reverse("treatments:wait_for_session", args=[first.ref]),
        "offers": [
            {"value": value_of(place), "words": place.words(), "who": f"{place.clinician}, {place.room.short_name}"}
            for place in places
        ],
    }


def _missed_in_a_row(plan: TreatmentPlan) -> int:
    """How many visits she missed one after the other, the last of the course; 0 where that is not enough to say."""
    rows = Appointment.objects.filter(planned_session__plan=plan, during__startswith__lte=clock.now())
    count = 0
    for status in rows.exclude(status="cancelled").order_by("-during").values_list("status", flat=True)[:8]:
        if status != "no_show":
            break
        count += 1
    return count if count >= MISSED_IN_A_ROW else 0


def _s(many) -> str:
    return "s" if len(many) > 1 else ""
