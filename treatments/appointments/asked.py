"""What a request about a visit says: which visit, or what is to be booked, and where a press leads back to."""

from datetime import date
from urllib.parse import urlsplit
from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from clinic.submissions import own_path
from treatments.appointments.courses.services import OF_A_VISIT
from treatments.appointments.models import Appointment
from treatments.pages.today.verdicts import with_screening
from treatments.plans.models import PlannedSession, TreatmentPlan

# What a patient without a course is booked for; a treatment belongs to a session of a course.
BOOKED_ALONE = (Appointment.Kind.CONSULTATION, Appointment.Kind.REVIEW)


def visit_of(request: HttpRequest, ref: UUID) -> Appointment:
    rows = request.clinic.appointments.select_related(*OF_A_VISIT)
    return get_object_or_404(with_screening(rows), ref=ref)


def session_of(request: HttpRequest, ref: UUID) -> PlannedSession:
    """With its course and its patient."""
    plans = request.clinic.plans.select_related("patient__clinic", "clinic")
    plan = get_object_or_404(plans, planned_sessions__ref=ref)
    # One that was left out when the course got shorter is not asked for any more.
    return get_object_or_404(plan.planned_sessions, ref=ref)


def kind_alone(request: HttpRequest) -> Appointment.Kind:
    """`?kind=` of a visit without a course, a consultation where nothing is said."""
    kind = request.GET.get("kind", Appointment.Kind.CONSULTATION)
    if kind not in BOOKED_ALONE:
        raise Http404
    return Appointment.Kind(kind)


def course_of(visit: Appointment) -> TreatmentPlan | None:
    return visit.planned_session.plan if visit.planned_session else None


def day_url(visit: Appointment, on: date | None = None) -> str:
    """The visit in the picture of its day, or of the day (`on`) to which it goes."""
    return f"{reverse('treatments:today')}?day={(on or visit.day).isoformat()}&visit={visit.ref}"


def next_url(request: HttpRequest) -> str:
    """Where the form asks to go back to, if that lies in this house."""
    return own_path(request.POST.get("next") or request.GET.get("next") or "")


def came_from(request: HttpRequest) -> str:
    """The page on which it was pressed, if it can be read: going back to the address of an act would answer "method not
    allowed"."""
    parts = urlsplit(request.headers.get("Referer", ""))
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    can_be_read = path.startswith((reverse("treatments:today"), "/plans/", "/patients/", "/worklists/"))
    return own_path(path) if parts.netloc == request.get_host() and can_be_read else ""
