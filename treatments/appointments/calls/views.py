"""One call: her number, what was said before, and what comes of it now; and the waiting list. Nothing here is clinical."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.clock import local
from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.models import Clinic
from clinic.roles import Role, allow
from clinic.submissions import go_to, once, own_path
from clinic.templatetags.clinic_ui import day as day_words
from patients.models import Patient
from treatments.appointments.calls import services
from treatments.appointments.calls.forms import EndWaitForm, OutcomeForm, WaitForm
from treatments.appointments.calls.matters import TITLES, TOLD_BY_PATIENTS, outcomes_of, settled_as, subject_of
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.calls.wishes import wish_words
from treatments.appointments.courses.problems import sessions_to_place
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.working_time import people, weekly_hours
from treatments.pages.header import patient_header
from treatments.pages.worklists.call_rows import together_words
from treatments.plans.models import PlannedSession, TreatmentPlan

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
Outcome = CallOutcome.Outcome
# Calls about the same thing that the page shows; more of them say nothing new.
SHOWN_CALLS = 12


@dataclass(frozen=True)
class Subject:
    """What a call is about: the row, its patient and course, words for the page, and where its own act is done."""

    row: PlannedSession | Appointment | TreatmentPlan | WaitingEntry
    patient: Patient
    plan: TreatmentPlan | None
    what: str
    why: str
    act: str
    act_url: str
    # Where the act is about a whole course: the page that books this session only.
    alone_url: str = ""


@allow(*DESK, methods=["GET", "POST"])
def call(request: HttpRequest, list_code: str, ref: UUID) -> HttpResponse:
    """Somebody on a list, by what the list is about. The outcome is a press; a call back needs its day, a stop its reason."""
    subject = _subject(request.clinic, list_code, ref)
    form = OutcomeForm(
        request.POST if request.method == "POST" else None, list_code=list_code, today=clock.today(request.clinic)
    )
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _record(request, subject, list_code, form.cleaned_data))
        except DomainError as refusal:
            refuse(form, refusal)
    header = patient_header(subject.patient, membership=request.membership, plan=subject.plan)
    context = {
        "form": form,
        "subject": subject,
        "header": header,
        "list_title": TITLES[list_code],
        "settled": settled_as(list_code),
        "settled_words": "Told" if settled_as(list_code) == Outcome.TOLD else "Booked",
        "may_stop": Outcome.STOP in outcomes_of(list_code),
        "calls": _earlier(request, subject, list_code),
        "next": _back(request),
        "wait_url": _wait_url(subject),
    }
    return render(request, "treatments/appointments/calls/call.html", context, status=422 if form.errors else 200)


def _record(request: HttpRequest, subject: Subject, list_code: str, said: dict) -> str:
    made = services.record(about=subject.row, list_code=list_code, by=request.user, **said)
    undo = reverse("treatments:take_back_call", args=[made.ref])
    messages.success(request, f"{subject.patient.full_name}: {_said_words(made, list_code)}", extra_tags=f"undo:{undo}")
    return _back(request)


def _said_words(made: CallOutcome, list_code: str) -> str:
    if made.outcome == Outcome.CALL_BACK:
        after = f" after {made.call_back_at:%H:%M}" if made.call_back_at else ""
        return f"back on the list on {day_words(made.call_back_on)}{after}."
    return {
        Outcome.MESSAGE: "left a message. Stays on the list."
        if list_code in TOLD_BY_PATIENTS
        else "left a message. Back on the list in two days.",
        Outcome.NO_ANSWER: "no answer. Stays on the list.",
        Outcome.STOP: "nobody calls any more.",
        Outcome.TOLD: "told.",
        Outcome.BOOKED: "back on the list tomorrow, if nothing is booked by then.",
    }[Outcome(made.outcome)]


@allow(*DESK, methods=["POST"])
def take_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Undo of an outcome, and "Call again" for somebody who is not called any more."""
    outcome = get_object_or_404(request.clinic.call_outcomes.select_related("patient"), ref=ref)
    try:
        services.take_back(outcome=outcome, by=request.user)
    except DomainError as refusal:
        messages.warning(request, refusal.sentence)
    else:
        messages.success(request, f"{outcome.patient.full_name} is back on the list.")
    return go_to(request, _back(request))


# ── The waiting list ──────────────────────────────────────────────────────────


@allow(*DESK, methods=["GET", "POST"])
def wait_for_session(request: HttpRequest, ref: UUID) -> HttpResponse:
    """An earlier place, or any, for a session of a course."""
    plan = get_object_or_404(
        request.clinic.plans.select_related("patient__clinic", "clinic"), planned_sessions__ref=ref
    )
    planned = get_object_or_404(plan.planned_sessions, ref=ref)
    planned.plan = plan
    return _wait(request, plan.patient, Appointment.Kind.TREATMENT, planned)


@allow(*DESK, methods=["GET", "POST"])
def wait_for_visit(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The same for a consultation or a review: `?kind=`."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    kind = request.GET.get("kind", Appointment.Kind.CONSULTATION)
    if kind not in (Appointment.Kind.CONSULTATION, Appointment.Kind.REVIEW):
        raise Http404
    return _wait(request, patient, kind, None)


def _wait(request: HttpRequest, patient: Patient, kind: str, planned: PlannedSession | None) -> HttpResponse:
    standing = request.clinic.waiting_entries.filter(
        patient=patient, kind=kind, planned_session=planned, ended_at=None
    ).select_related("clinician__user").first()  # fmt: skip
    form = WaitForm(
        request.POST if request.method == "POST" else None,
        clinicians=people(weekly_hours(request.clinic)),
        initial=_initial(standing),
    )
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _put_on_list(request, patient, kind, planned, form))
        except DomainError as refusal:
            refuse(form, refusal)
    plan = planned.plan if planned else None
    context = {
        "form": form,
        "patient": patient,
        "standing": standing,
        "standing_words": wish_words(standing) if standing else "",
        "what": f"session {planned.number}" if planned else f"a {Appointment.Kind(kind).label.lower()}",
        "header": patient_header(patient, membership=request.membership, plan=plan),
        "next": _back(request, patient.get_absolute_url()),
    }
    return render(request, "treatments/appointments/calls/wait.html", context, status=422 if form.errors else 200)


def _put_on_list(
    request: HttpRequest, patient: Patient, kind: str, planned: PlannedSession | None, form: WaitForm
) -> str:
    entry = services.wait(patient=patient, kind=kind, planned_session=planned, by=request.user, **form.wishes())
    messages.success(request, f"{patient.full_name} is on the waiting list: {wish_words(entry)}.")
    return _back(request, patient.get_absolute_url())


@allow(*DESK, methods=["GET", "POST"])
def stop_waiting(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Off the waiting list, with a reason."""
    entry = get_object_or_404(
        request.clinic.waiting_entries.select_related("patient__clinic", "planned_session__plan", "clinician__user"),
        ref=ref,
    )
    form = EndWaitForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.stop_waiting(entry=entry, reason=form.cleaned_data["reason"], by=request.user)
        except DomainError as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, f"{entry.patient.full_name} is no longer on the waiting list.")
            return go_to(request, _back(request))
    context = {
        "form": form,
        "entry": entry,
        "words": wish_words(entry),
        "header": patient_header(entry.patient, membership=request.membership),
        "next": _back(request),
    }
    status = 422 if form.errors else 200
    return render(request, "treatments/appointments/calls/stop_waiting.html", context, status=status)


# ── What they share ───────────────────────────────────────────────────────────


def _subject(clinic: Clinic, list_code: str, ref: UUID) -> Subject:
    try:
        subject = subject_of(list_code)
    except KeyError:
        raise Http404 from None
    if subject == "planned_session":
        return _of_session(clinic, list_code, ref)
    if subject == "visit":
        return _of_visit(clinic, list_code, ref)
    return _of_course(clinic, ref) if subject == "plan" else _of_waiting(clinic, ref)


def _of_session(clinic: Clinic, list_code: str, ref: UUID) -> Subject:
    plan = get_object_or_404(clinic.plans.select_related("patient__clinic", "clinic"), planned_sessions__ref=ref)
    planned = get_object_or_404(plan.planned_sessions, ref=ref)
    planned.plan = plan
    window = f"It may be from {day_words(planned.earliest_on)} to {day_words(planned.latest_on)}"
    waiting, book_url = sessions_to_place(plan), reverse("treatments:book", args=[planned.ref])
    together = len(waiting) > 1 and planned in waiting
    return Subject(
        row=planned,
        patient=plan.patient,
        plan=plan,
        what=f"Session {planned.number} of {plan.sessions_planned}",
        why=f"{window}, best on {day_words(planned.target_on)}.",
        act=together_words(waiting[0].number, waiting[-1].number) if together else f"Book session {planned.number}",
        act_url=reverse("treatments:book_course", args=[plan.ref]) if together else book_url,
        alone_url=book_url if together else "",
    )


def _of_visit(clinic: Clinic, list_code: str, ref: UUID) -> Subject:
    rows = clinic.appointments.select_related(
        "patient__clinic", "planned_session__plan__clinic", "clinician__user", "room"
    )
    visit = get_object_or_404(rows, ref=ref)
    planned = visit.planned_session
    who = f" with {visit.clinician}" if visit.clinician else ""
    act, act_url = _where_settled(visit, list_code)
    return Subject(
        row=visit,
        patient=visit.patient,
        plan=planned.plan if planned else None,
        what=f"Session {planned.number} of {planned.plan.sessions_planned}" if planned else visit.get_kind_display(),
        why=f"{visit.get_status_display()} for {day_words(visit.day)}, {visit.starts_at:%H:%M}{who}.",
        act=act,
        act_url=act_url,
    )


def _where_settled(visit: Appointment, list_code: str) -> tuple[str, str]:
    """The words and the address of what is done about a visit: where patients told us something that still waits, its page."""
    if list_code == "answers-changed":
        report = visit.change_reports.filter(needs_a_look=True, seen_at=None).first()
        if report is not None:
            return "Open what was said", reverse("treatments:change_report", args=[report.ref])
    if list_code == "asked-to-move":
        asked = visit.move_requests.filter(ended_at=None).first()
        if asked is not None:
            return "Look for a time", reverse("treatments:move_request", args=[asked.ref])
    return "Open the visit", reverse("treatments:visit", args=[visit.ref])


def _of_course(clinic: Clinic, ref: UUID) -> Subject:
    plan = get_object_or_404(clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)
    return Subject(
        row=plan,
        patient=plan.patient,
        plan=plan,
        what=f"Course of {plan.sessions_planned}",
        why=f"{plan.get_status_display()}. A clinician decides how it goes on.",
        act="Open the chart",
        act_url=plan.patient.get_absolute_url(),
    )


def _of_waiting(clinic: Clinic, ref: UUID) -> Subject:
    rows = clinic.waiting_entries.select_related("patient__clinic", "planned_session__plan__clinic", "clinician__user")
    entry = get_object_or_404(rows, ref=ref)
    planned = entry.planned_session
    if planned is not None:
        what = f"Session {planned.number} of {planned.plan.sessions_planned}"
        booked = planned.appointments.filter(status__in=COMING).first()
        act = "Move the visit" if booked else f"Book session {planned.number}"
        url = reverse("treatments:move_visit" if booked else "treatments:book", args=[(booked or planned).ref])
    else:
        what, act = entry.get_kind_display(), f"Book a {entry.get_kind_display().lower()}"
        url = f"{reverse('treatments:book_visit', args=[entry.patient.ref])}?kind={entry.kind}"
    note = f" {entry.note}" if entry.note else ""
    return Subject(
        row=entry,
        patient=entry.patient,
        plan=planned.plan if planned else None,
        what=what,
        why=f"Would take a place: {wish_words(entry)}. Asked {day_words(local(entry.asked_at, clinic))}.{note}",
        act=act,
        act_url=url,
    )


def _earlier(request: HttpRequest, subject: Subject, list_code: str) -> list[CallOutcome]:
    """Calls about the same thing, from whichever list, the newest first."""
    about = {subject_of(list_code): subject.row}
    return list(request.clinic.call_outcomes.filter(**about).select_related("by")[:SHOWN_CALLS])


def _wait_url(subject: Subject) -> str:
    if isinstance(subject.row, PlannedSession):
        return reverse("treatments:wait_for_session", args=[subject.row.ref])
    if isinstance(subject.row, WaitingEntry):
        return reverse("treatments:stop_waiting", args=[subject.row.ref])
    return ""


def _back(request: HttpRequest, usual: str = "") -> str:
    """Where the form asks to go back to, if that lies in this house; else the page of all lists."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    return own_path(url) or usual or reverse("treatments:worklists")


def _initial(standing: WaitingEntry | None) -> dict:
    if standing is None:
        return {}
    return {
        "weekdays": standing.weekdays,
        "from_time": standing.from_time,
        "until_time": standing.until_time,
        "clinician": str(standing.clinician.ref) if standing.clinician else "",
        "note": standing.note,
    }
