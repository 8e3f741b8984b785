"""The chart: what to do now, and everything that happened, newest first. The desk reads visits, mails and contact only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode

from clinic import clock
from clinic.models import Membership
from clinic.roles import member
from clinic.templatetags.clinic_ui import date_words, day
from patients.importing.models import PatientNumber
from patients.models import HistoryAnswer, Patient, RecordMerge
from treatments.appointments.models import COMING, PRESENT
from treatments.assessments.models import Assessment
from treatments.outcomes.history import Line
from treatments.packages.deposits.models import Deposit
from treatments.packages.models import PackageOffer
from treatments.pages.course import changes as course_changes
from treatments.pages.header import dot_state, next_session, open_url, patient_header
from treatments.pages.scores import newest_lines, with_review
from treatments.pages.timeline import story as timeline
from treatments.pages.worklists.call_rows import together_words
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.rules.policy import catalogue_for
from treatments.screenings.by_patient.models import PatientForm
from treatments.sessions.models import TreatmentSession


@dataclass(frozen=True)
class Way:
    label: str
    url: str


@dataclass(frozen=True)
class NextStep:
    """What to do now in one sentence, the one act it asks for, and other ways."""

    sentence: str
    act: Way | None
    others: list[Way]


@member()
def chart(request: HttpRequest, ref: UUID) -> HttpResponse:
    """`?show=` narrows the story to one kind, `?before=` (a moment) turns the page."""
    clinical = request.membership.may_see_clinical
    patients = _known(request.clinic.patients)
    patient = get_object_or_404(with_review(patients) if clinical else patients, ref=ref)
    header = patient_header(patient, membership=request.membership, tab="chart")
    offered = timeline.filters(clinical=clinical)
    show = request.GET.get("show", "")
    show = show if show in dict(offered) else ""
    story = timeline.story(patient, clinical=clinical, show=show, before=_moment(request.GET.get("before", "")))
    context = {
        "patient": patient,
        "header": header,
        "next_step": _clinical_step(patient, header, request.membership)
        if clinical
        else _desk_step(patient, header, request.membership),
        "story": story,
        "filters": [{"label": label, "name": name, "current": name == show} for name, label in offered],
        "older": urlencode({"show": show, "before": story.older_than.isoformat()}) if story.older_than else "",
        "numbers_url": open_url("patients:numbers", [patient.ref], request.membership),
        "edit_url": open_url("patients:edit", [patient.ref], request.membership),
        "card_url": open_url("treatments:appointment_card", [patient.ref], request.membership),
        "close_url": open_url("treatments:close_record", [patient.ref], request.membership),
        "duplicate_url": open_url("treatments:find_duplicate", [patient.ref], request.membership),
        "taken_in": [
            (merge, open_url("treatments:undo_merge", [merge.ref], request.membership)) for merge in _taken_in(patient)
        ],
        "hand_over_url": _hand_over_url(patient, request.membership),
        "past_url": open_url("treatments:past_sessions", [patient.ref], request.membership),
        "clinical": clinical,
        "lines": _lines(patient, header) if clinical else [],
        "packages": [(one, one.words(header["today"])) for one in header["packages"]],
        "sell_url": open_url("treatments:package_sell", [patient.ref], request.membership)
        if patient.may_buy and patient.status == Patient.Status.ACTIVE
        else "",
    }
    return render(request, "treatments/pages/chart.html", context)


def _hand_over_url(patient: Patient, me: Membership) -> str:
    return open_url("treatments:hand_over", [patient.ref], me) if patient.status == Patient.Status.ACTIVE else ""


def _lines(patient: Patient, header: dict) -> list[Line]:
    plan = header["plan"]
    if plan is not None:
        plan.clinic = patient.clinic
    return newest_lines(
        patient,
        catalogue=catalogue_for(patient.clinic, header["today"]),
        plan=None if plan is None or plan.has_ended else plan,
    )


def _known(patients):
    """Patients with what the next step hangs on, in the query that finds them."""
    own_form = PatientForm.objects.filter(patient=OuterRef("pk"), given_at__isnull=False, seen_at=None)
    return patients.select_related("clinic").annotate(
        own_form=Subquery(own_form.order_by("-pk").values("ref")[:1]),
        assessed=Exists(Assessment.objects.filter(patient=OuterRef("pk"), entered_in_error=False)),
        own_numbers=ArraySubquery(PatientNumber.objects.filter(patient=OuterRef("pk")).values("number")),
        may_buy=Exists(PackageOffer.objects.filter(clinic=OuterRef("clinic"), in_sale=True)),
        held=ArraySubquery(Deposit.objects.filter(patient=OuterRef("pk"), state="taken").values("reference")),
        was_asked=Exists(HistoryAnswer.objects.filter(patient=OuterRef("pk"))),
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _way(label: str, route: str, args: list, membership: Membership, *, query: str = "") -> Way | None:
    url = open_url(route, args, membership)
    return Way(label, url + query) if url else None


def _step(sentence: str, act: Way | None = None, *others: Way | None) -> NextStep:
    return NextStep(sentence, act, [way for way in others if way is not None])


def _closed(patient: Patient, me: Membership) -> NextStep:
    """Why and since when. One query."""
    if patient.status == Patient.Status.MERGED:
        return _merged(patient, me)
    closing = patient.closings.filter(reopened_at=None).select_related("closed_by").first()
    said = f"This record is closed: {patient.get_status_display().lower()}"
    if closing is None:
        return _step(f"{said}.")
    on = day(clock.local(closing.closed_at, patient.clinic).date())
    said = f"{said}, entered {on} by {closing.closed_by}: {closing.reason.rstrip('.')}."
    return _step(said, _way("Open it again", "treatments:reopen_record", [patient.ref], me))


def _merged(patient: Patient, me: Membership) -> NextStep:
    """Where everything of hers is now. One query."""
    merge = patient.merges.standing().select_related("stays", "merged_by").get()
    on = day(clock.local(merge.merged_at, patient.clinic).date())
    said = f"This record is part of the one of {merge.stays.full_name} now, merged {on} by {merge.merged_by}. Everything is there."
    there = _way(f"Open the record of {merge.stays.full_name}", "treatments:chart", [merge.stays.ref], me)
    return _step(said, there, _way("Take the merge back", "treatments:undo_merge", [merge.ref], me))


def _taken_in(patient: Patient) -> list[RecordMerge]:
    """Records that are part of this one. One query, where there are any."""
    return list(patient.taken_in.standing().select_related("gone", "merged_by")) if patient.took_in else []


# ── What a clinician does next ────────────────────────────────────────────────


def _clinical_step(patient: Patient, header: dict, me: Membership) -> NextStep:
    plan: TreatmentPlan | None = header["plan"]
    visit = _way("Book a consultation", "treatments:book_visit", [patient.ref], me)
    if patient.status != Patient.Status.ACTIVE:
        return _closed(patient, me)
    course = _way("Open the course", "treatments:course", [plan.ref], me) if plan else None
    if patient.own_form:
        look = _way("Look at the answers", "treatments:given_form", [patient.own_form], me)
        return _step(
            "The patient has answered on the tablet. The answers count once a clinician has looked.", look, course
        )
    if patient.review:
        look = _way("Review the course", "treatments:course_review", [patient.review["ref"]], me)
        struck = "One of the two scores was entered in error since. " if patient.review["struck"] else ""
        said = f"{patient.review['reason']}. {struck}No course begins or goes on until a clinician has looked."
        return _step(said, look, course, visit)
    if plan is None or plan.status in (TreatmentPlan.Status.COMPLETED, TreatmentPlan.Status.REVOKED):
        return _before_a_plan(patient, plan, me, visit)
    if plan.status in (TreatmentPlan.Status.DRAFT, TreatmentPlan.Status.SUBMITTED):
        ask = _way("Ask all questions", "treatments:full_form", [patient.ref], me)
        consent = _way("Ask for consent", "treatments:consent", [plan.ref], me)
        return _step(
            f"The plan is {plan.get_status_display().lower()} and waits to become active.", course, ask, consent
        )
    if plan.status == TreatmentPlan.Status.ON_HOLD:
        said = (
            f"{course_changes.paused_words(plan, today=header['today'])}."
            if plan.is_paused
            else "The course is on hold."
        )
        return _step(said, _way("Go on with the course", "treatments:course_resume", [plan.ref], me), course, visit)
    return _under_way(patient, header, me, course)


def _before_a_plan(patient: Patient, plan: TreatmentPlan | None, me: Membership, visit: Way | None) -> NextStep:
    assess = _way("Assess the skin", "treatments:assess", [patient.ref], me)
    ask = _way("Ask all questions", "treatments:full_form", [patient.ref], me)
    if not patient.assessed:
        return _step("Nothing is assessed yet.", assess, ask, visit)
    plan_one = _way("Plan a course", "treatments:plan_new", [patient.ref], me)
    if not patient.was_asked:
        return _step("Assessed, and the questions are not asked yet.", ask, plan_one, assess, visit)
    ended = (
        f"The last course is {plan.get_status_display().lower()}." if plan else "Assessed, and no course planned yet."
    )
    return _step(ended, plan_one, assess, ask, visit)


def _under_way(patient: Patient, header: dict, me: Membership, course: Way | None) -> NextStep:
    session = next_session(header["sessions"])
    if session is None:
        return _step(
            "Every session of the course is done.",
            course,
            _way("Book a review", "treatments:book_visit", [patient.ref], me, query="?kind=review"),
        )
    if session.needling and session.needling["status"] == TreatmentSession.Status.OPEN:
        go_on = _way("Go on with the session", "treatments:session", [session.needling["ref"]], me)
        return _step(f"Session {session.number} is open.", go_on, course)
    if session.visit and session.visit["status"] in PRESENT:
        return _in_the_building(patient, header, session, me, course)
    return _booked_or_not(session, header, me, course)


def _in_the_building(patient: Patient, header: dict, session, me: Membership, course: Way | None) -> NextStep:
    screened = header["screened"]
    ask = _way("Ask the questions of the day", "treatments:day_form", [patient.ref], me)
    if not screened:
        return _step("The patient is here and not screened today.", ask, course)
    if screened["facts_version"] != patient.facts_version:
        return _step(
            "Something changed after today's screening.",
            _way("Screen again", "treatments:day_form", [patient.ref], me),
            course,
        )
    if screened["outcome"] not in ("clear", "caution"):
        see = _way("Open the screening", "treatments:screening", [patient.ref], me)
        return _step("The patient is here. Today's screening does not permit a session.", see, ask, course)
    begin = _way("Begin the session", "treatments:open_session", [session.visit["ref"]], me)
    return _step(f"Screened today: session {session.number} may begin.", begin, course)


# ── What the desk does next ───────────────────────────────────────────────────


def _desk_step(patient: Patient, header: dict, me: Membership) -> NextStep:
    """Booking and nothing else: no concern, no reason."""
    plan: TreatmentPlan | None = header["plan"]
    visit = _way("Book a consultation", "treatments:book_visit", [patient.ref], me)
    if patient.status != Patient.Status.ACTIVE:
        return _closed(patient, me)
    if plan is not None and plan.is_paused:
        said = f"{course_changes.paused_words(plan, today=header['today'])}. A clinician lets the course go on."
        return _step(said, visit, _way("Open the course", "treatments:course", [plan.ref], me))
    if plan is None or plan.status != TreatmentPlan.Status.ACTIVE:
        return _step(
            "No course is under way.", visit, _way("Waiting list", "treatments:wait_for_visit", [patient.ref], me)
        )
    session = next_session(header["sessions"])
    if session is None:
        return _step("Every session of the course is done.", visit)
    return _booked_or_not(session, header, me, visit)


def _booked_or_not(session: PlannedSession, header: dict, me: Membership, other: Way | None) -> NextStep:
    visit = session.visit if session.visit and session.visit["status"] in (*COMING, *PRESENT) else None
    wait = _way("Waiting list", "treatments:wait_for_session", [session.ref], me)
    if visit is not None:
        when = f"{day(_date(visit['day']))}, {visit['starts_at'][:5]}"
        here = visit["status"] in PRESENT
        said = (
            f"The patient is here for session {session.number}."
            if here
            else f"Session {session.number} is booked: {when}."
        )
        # Who is here needs no earlier place.
        return _step(
            said, _way("Open the visit", "treatments:visit", [visit["ref"]], me), other, None if here else wait
        )
    window = f"from {date_words(session.earliest_on)} to {date_words(session.latest_on)}"
    said = f"Session {session.number} is not booked yet. It may be {window}."
    book = _way(f"Book session {session.number}", "treatments:book", [session.ref], me)
    last = _last_to_book(session, header["sessions"])
    if last == session.number:
        return _step(said, book, other, wait)
    together = _way(together_words(session.number, last), "treatments:book_course", [header["plan"].ref], me)
    alone = book and Way(f"{book.label} alone", book.url)
    return _step(said, together, alone, other, wait)


def _last_to_book(first: PlannedSession, sessions: list[PlannedSession]) -> int:
    """The number of the last session that has no visit either, counted on from the first one without a gap."""
    last = first.number
    for session in sessions:
        if session.number == last + 1 and dot_state(session) in ("open", "missed"):
            last += 1
    return last


def _date(text: str):
    return datetime.fromisoformat(text).date()
