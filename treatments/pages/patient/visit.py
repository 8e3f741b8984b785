"""A visit as its patient sees it from a mail: when and where, "I will come", the file for her calendar, the way to ask for
another time.

Time, clinic and telephone, no more: whoever has the mail may open it, so not one word says what the visit is for.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from clinic import clock
from clinic.errors import DomainError
from clinic.files import file_answer
from clinic.roles import public
from patients.links.access import page_context, patient_page
from patients.models import PatientLink
from patients.outbox import rendering
from patients.outbox.texts.languages import ENGLISH, Language
from patients.outbox.texts.shipped import library
from treatments.appointments.by_patient.services import standing_requests
from treatments.appointments.calendar_files import Entry, calendar_file
from treatments.appointments.models import COMING, Appointment
from treatments.flows.confirming import say_she_comes, sessions_wait
from treatments.flows.move_requests import may_ask
from treatments.pages.patient.shown import ShownVisit, version_shown

# Of the states of a visit those in which it is still to come.
AHEAD = ("open", "confirmed")


@dataclass(frozen=True)
class HerVisit(ShownVisit):
    """One visit of a link. `state`: open, confirmed, cancelled, begun or over. `asked_at`: since when she waits for another time;
    `may_move`: whether she may ask for one here; `is_held`: whether we speak with her first."""

    state: str
    was_moved: bool
    asked_at: datetime | None
    may_move: bool
    is_held: bool

    @property
    def is_ahead(self) -> bool:
        return self.state in AHEAD


@public()
@patient_page("visit")
def visit(request: HttpRequest) -> HttpResponse:
    """The visit as it stands now, whatever the mail said."""
    return _page(request)


@public(methods=["GET", "POST"])
@patient_page("visit")
def confirm(request: HttpRequest) -> HttpResponse:
    """ "I will come": what is refused stands on the page, with the visit as it is now. GET: she came back to such a page."""
    if request.method != "POST":
        return redirect("treatments:my_visit")
    asked = request.POST.get("visit", "")
    hers = next((one for one in _visits(request.link) if str(one.ref) == asked), None)
    if hers is None:
        return _page(request, refusal="Choose the visit again: this page was out of date.", status=422)
    try:
        say_she_comes(visit=hers.visit, version=version_shown(request.POST), link=request.link)
    except DomainError as refusal:
        return _page(request, refusal=refusal.sentence, status=409)
    return redirect("treatments:my_visit")


@public()
@patient_page("visit")
def calendar(request: HttpRequest) -> HttpResponse:
    """Her visits that are ahead, for her own calendar. The same entries as the mail's file: a calendar replaces, not adds."""
    ahead = [one.visit for one in _visits(request.link) if one.is_ahead]
    if not ahead:
        return redirect("treatments:my_visit")
    clinic, now, language = request.link.clinic, clock.now(), _language(request.link)
    entries = [
        Entry(
            ref=one.ref,
            starts_at=one.during.lower,
            ends_at=one.during.upper,
            sequence=one.schedule_version,
            changed_at=now,
            summary=language.visit_at(clinic.sender_name),
            location=clinic.address,
            organizer=rendering.sender_address(),
            organizer_name=clinic.sender_name,
        )
        for one in ahead
    ]
    name = "visits.ics" if len(entries) > 1 else "visit.ics"
    text = calendar_file(entries, "PUBLISH", zone=clinic.tz)
    return file_answer(name, "text/calendar; method=PUBLISH; charset=utf-8", text.encode())


def _language(link: PatientLink) -> Language:
    """That of the mail which brought her here: what she takes from both is one entry."""
    known = library().languages
    return known.get(link.message.template_language if link.message else ENGLISH, known[ENGLISH])


def _page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    visits = _visits(request.link)
    first = next((one for one in visits if one.is_ahead), visits[-1] if visits else None)
    later = [one for one in visits if one.is_ahead and one is not first]
    context = page_context(request.link) | {"one": first, "later": later, "refusal": refusal}
    return render(request, "treatments/pages/patient/visit.html", context, status=status)


def chosen_visit(link: PatientLink, asked: str) -> Appointment | None:
    """The visit of a link that is ahead and has this ref; where none is named, the next. With patient and course. None where
    the one that is named is not ahead any more: nothing said about it is ever taken for another."""
    ahead = _of_link(link).filter(status__in=COMING, during__startswith__gt=clock.now())
    rows = list(ahead.select_related("patient__clinic", "planned_session__plan__clinic").order_by("during", "id"))
    return next((one for one in rows if asked in ("", str(one.ref))), None)


def _of_link(link: PatientLink) -> QuerySet[Appointment]:
    about = Q(ref=link.about) | Q(planned_session__plan__ref=link.about)
    return link.clinic.appointments.filter(about, patient=link.patient)


def _visits(link: PatientLink) -> list[HerVisit]:
    """The visit that the link is about, or those of the course, in order of time."""
    found = _of_link(link).select_related("clinic", "planned_session").order_by("during", "id")
    found = found.annotate(asked_at=Subquery(standing_requests().values("asked_at")))
    told, now = _told(link), clock.now()
    waits = sessions_wait(link.patient)
    return [_her_visit(one, told, now, waits=waits) for one in found]


def _her_visit(visit: Appointment, told: dict[str, str], now: datetime, *, waits: bool) -> HerVisit:
    """`waits`: her sessions do, until we have spoken with her."""
    state = state_of(visit, now)
    return HerVisit(
        visit=visit,
        state=state,
        was_moved=_was_moved(visit, told),
        asked_at=visit.asked_at,
        may_move=may_ask(visit, now=now),
        is_held=waits and state in AHEAD and visit.kind == Appointment.Kind.TREATMENT,
    )


def state_of(visit: Appointment, now: datetime) -> str:
    """open, confirmed, cancelled, begun or over."""
    if visit.status == Appointment.Status.CANCELLED:
        return "cancelled"
    if visit.status not in COMING:
        return "over" if visit.during.upper <= now else "begun"
    if visit.during.lower <= now:
        return "over" if visit.during.upper <= now else "begun"
    return "confirmed" if visit.status == Appointment.Status.CONFIRMED else "open"


def _told(link: PatientLink) -> dict[str, str]:
    """Ref of a visit to the time that the mail gave, as it stands in the ledger."""
    if link.message is None:
        return {}
    context = link.message.context
    alone = {"ref": str(link.message.about), "starts_at": context.get("starts_at", "")}
    return {one["ref"]: one.get("starts_at", "") for one in context.get("visits", [alone])}


def _was_moved(visit: Appointment, told: dict[str, str]) -> bool:
    said = told.get(str(visit.ref))
    return bool(said) and datetime.fromisoformat(said) != visit.during.lower
