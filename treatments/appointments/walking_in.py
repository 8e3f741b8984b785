"""What somebody may have come for who stands at the desk without a visit."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.urls import reverse

from clinic import clock
from patients.models import Patient
from treatments.appointments.asked import BOOKED_ALONE
from treatments.appointments.courses.problems import sessions_to_place
from treatments.appointments.models import COMING, Appointment
from treatments.plans.models import PlannedSession

WORDS = {Appointment.Kind.CONSULTATION: "Consultation", Appointment.Kind.REVIEW: "Review"}


@dataclass(frozen=True)
class Reason:
    """One thing to come for, as a link of the page."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class CameFor:
    """What is to be put down, what else there is to choose, and the visits ahead that she has already."""

    kind: Appointment.Kind
    label: str
    reasons: list[Reason]
    another_day_url: str
    planned: PlannedSession | None = None
    has_already: list[Appointment] = field(default_factory=list)


def came_for(request: HttpRequest, patient: Patient) -> CameFor:
    """What the address says she came for; where it says nothing, the session that is due, else a consultation. Four queries."""
    today = clock.today(patient.clinic)
    due = _session_to_book(patient)
    coming = patient.appointments.filter(status__in=COMING, day__gte=today).select_related("clinician__user")
    choices: dict[str, tuple[str, Appointment.Kind, PlannedSession | None]] = {}
    if due is not None:
        choices[str(due.ref)] = (f"Session {due.number}", Appointment.Kind.TREATMENT, due)
    choices |= {kind.value: (WORDS[kind], kind, None) for kind in BOOKED_ALONE}
    asked = request.GET.get("what") or next(iter(choices))
    if asked not in choices:
        raise Http404
    label, kind, planned = choices[asked]
    address = reverse("treatments:walk_in", args=[patient.ref])
    reasons = [
        Reason(words, f"{address}?{urlencode({'what': what})}", what == asked) for what, (words, *_) in choices.items()
    ]
    return CameFor(kind, label, reasons, _another_day(patient, kind, planned), planned, list(coming.order_by("during")))


def _another_day(patient: Patient, kind: Appointment.Kind, planned: PlannedSession | None) -> str:
    if planned is not None:
        return reverse("treatments:book", args=[planned.ref])
    return f"{reverse('treatments:book_visit', args=[patient.ref])}?{urlencode({'kind': kind.value})}"


def _session_to_book(patient: Patient) -> PlannedSession | None:
    """The next session of the course under way that has no visit."""
    plan = patient.plans.filter(status="active").select_related("patient__clinic", "clinic").first()
    return next(iter(sessions_to_place(plan)), None) if plan is not None else None
