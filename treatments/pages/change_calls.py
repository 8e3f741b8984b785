"""One report of a patient before her visit. The desk reads whom to ring and that a clinician has to look; a clinician reads what
was answered, and says what was decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.models import Membership
from clinic.roles import Role, allow
from clinic.submissions import go_to
from clinic.templatetags.clinic_ui import date_year
from patients.models import HistoryAnswer
from treatments.appointments.by_patient.forms import SeenForm
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import COMING
from treatments.flows import changes
from treatments.pages.header import patient_header
from treatments.pages.today.verdicts import outcome_on
from treatments.protocol.entries import Rule
from treatments.rules.policy import catalogue_for
from treatments.rules.words import verdict_words
from treatments.screenings.by_patient.asking import Asked

OF_A_REPORT = ("patient__clinic", "visit__clinic", "visit__planned_session__plan", "record", "seen_by", "heard_by")


@dataclass(frozen=True)
class Changed:
    """One question whose answer is another now, in words."""

    question: str
    was: str
    now: str
    note: str


@allow(Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
def change_report(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Whom to ring, about which visit, and whether a clinician has looked."""
    return _page(request, _report(request, ref), SeenForm())


@allow(Role.CLINICIAN, methods=["POST"])
def change_report_seen(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A clinician has looked: the line leaves the lists."""
    report, form = _report(request, ref), SeenForm(request.POST)
    if form.is_valid():
        try:
            changes.mark_seen(report=report, note=form.cleaned_data["note"], by=request.membership)
        except DomainError as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, "Kept. The line is off the lists.")
            return go_to(request, f"{reverse('treatments:worklists')}#answers-changed")
    return _page(request, report, form, status=422)


def _report(request: HttpRequest, ref: UUID) -> ChangeReport:
    mine = ChangeReport.objects.filter(patient__clinic=request.clinic).select_related(*OF_A_REPORT)
    return get_object_or_404(mine, ref=ref)


def _page(request: HttpRequest, report: ChangeReport, form: SeenForm, *, status: int = 200) -> HttpResponse:
    visit = report.visit
    stands = visit.schedule_version == report.visit_version and visit.status in COMING
    clinical = request.membership.may_see_clinical
    outcome, not_before = outcome_on(report.record.result, visit.day)
    if report.heard_by and report.seen_at is None and outcome in ("clear", "caution"):
        outcome = "ask"  # nobody knows yet what her words mean for it
    screening = f"{reverse('treatments:screening', args=[report.patient.ref])}?on={visit.day.isoformat()}&for=booking"
    context = {
        "report": report,
        "visit": visit,
        "patient": report.patient,
        "header": _header(report, request.membership),
        "stands": stands and visit.during.lower > clock.now(),
        "verdict": {"state": outcome, "words": verdict_words(outcome, not_before, near=visit.day)},
        "is_told_to_wait": report.link_id and report.needs_a_look and outcome in ("block", "defer"),
        "screening_url": screening,
        "changed": _changed(report) if clinical else [],
        "clinical": clinical,
        "form": form,
    }
    return render(request, "treatments/pages/change_report.html", context, status=status)


def _header(report: ChangeReport, membership: Membership) -> dict:
    planned = report.visit.planned_session
    return patient_header(report.patient, membership=membership, plan=planned.plan if planned else None)


def _changed(report: ChangeReport) -> list[Changed]:
    """Of each question that changed the answer of this report and the one before it; what was said since is another matter.
    One query."""
    rules = catalogue_for(report.patient.clinic, report.record.on).rules_by_code
    known = report.patient.answers.filter(code__in=report.changed, recorded_at__lte=report.answered_at)
    of_code: dict[str, list[HistoryAnswer]] = {}
    for answer in known.order_by("-pk"):
        of_code.setdefault(answer.code, []).append(answer)
    return [in_words(rules[code], of_code[code]) for code in report.changed if code in rules and code in of_code]


def in_words(rule: Rule, answers: Iterable[HistoryAnswer]) -> Changed:
    """An answer and the one before it; `answers` of one question, the newest first."""
    now, *before = answers
    return Changed(
        question=rule.question,
        was=f"{Asked(rule, before[0]).words} ({date_year(before[0].answered_on)})" if before else "",
        now=Asked(rule, now).words,
        note=now.note,
    )
