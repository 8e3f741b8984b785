"""What goes home on paper, for whoever has no e-mail or wants it in the hand: the appointment card and the days after a session.

The card says when and where, and nothing of what is treated: a card lies about.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from clinic import clock
from clinic.roles import Role, allow, member
from treatments.appointments.models import COMING, Appointment
from treatments.pages.header import patient_header
from treatments.pages.patient import aftercare_days
from treatments.protocol.precare import PRESCRIBED
from treatments.sessions import aftercare
from treatments.sessions.models import TreatmentSession


@dataclass(frozen=True)
class CardLine:
    """A visit as the card names it."""

    visit: Appointment
    what: str
    minutes: int


@member()
def appointment_card(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The visits ahead of a patient, to cut out and keep. One query beside those of the header."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    coming = patient.appointments.filter(status__in=COMING, day__gte=clock.today(request.clinic)).order_by("during")
    lines = [_line(visit) for visit in coming.select_related("clinician__user", "planned_session__plan")]
    context = {
        "header": patient_header(patient, membership=request.membership),
        "patient": patient,
        "lines": lines,
        "printed_on": clock.today(request.clinic),
    }
    return render(request, "treatments/pages/appointment_card.html", context)


def _line(visit: Appointment) -> CardLine:
    planned = visit.planned_session
    what = f"Visit {planned.number} of {planned.plan.sessions_planned}" if planned else visit.get_kind_display()
    return CardLine(visit, what, visit.prep_minutes + visit.treat_minutes)


@allow(Role.CLINICIAN)
def aftercare_sheet(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The week after a signed session, day by day, in the words of her page and of the mails."""
    rows = request.clinic.sessions.exclude(signed_at=None).select_related(
        "clinic", "patient__clinic", "plan", "device", "appointment"
    )
    session = get_object_or_404(rows.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR), ref=ref)
    if aftercare.has_newer(session):
        raise Http404
    days = _days_left(session, clock.now().astimezone(request.clinic.tz))
    signs = aftercare.signs(days[0].ahead.catalogue)
    context = {
        "header": patient_header(session.patient, membership=request.membership, plan=session.plan),
        "session": session,
        "days": days,
        "signs": signs,
        "at_once": "; ".join(f"{sign[0].lower()}{sign[1:]}" for sign in signs["emergency"]),
        "prescribed": PRESCRIBED,
    }
    return render(request, "treatments/pages/aftercare_sheet.html", context)


def _days_left(session: TreatmentSession, now: datetime) -> list[aftercare_days.Shown]:
    """From the day on which it is printed (`now`, in the clinic's zone) to the end of the week, and one more for what comes after."""
    needled_at = aftercare.needled_at(session).astimezone(now.tzinfo)
    first, last = max(now.date(), session.on), session.on + timedelta(days=aftercare_days.AFTER_THE_WEEK)
    days = [first + timedelta(days=n) for n in range(max(0, (last - first).days) + 1)]
    return [
        aftercare_days.Shown(ahead=aftercare.outlook(session, today=on), on=on, needled_at=needled_at, now=now)
        for on in days
    ]
