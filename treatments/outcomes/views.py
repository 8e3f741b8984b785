"""Measuring: the history of scores, the form of an instrument, a score that was wrong, and the review of a course."""

import json
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.models import Patient
from treatments.flows import outcomes as flow
from treatments.outcomes import history, services
from treatments.outcomes.forms import ErrorReasonForm, ReviewForm, ScoreForm
from treatments.outcomes.models import OutcomeScore
from treatments.pages.header import patient_header
from treatments.pages.scores import why_of_instrument
from treatments.protocol.instruments import Instrument, load, stop_line
from treatments.rules.policy import catalogue_for

WORK_OUT = "work_out"


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)


def _under_way(header: dict):
    plan = header["plan"]
    return plan if plan is not None and plan.is_under_way else None


@allow(Role.CLINICIAN)
def scores(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Every score, a line for each instrument, variant and zone; and the instruments to measure with."""
    patient = _patient(request, ref)
    header = patient_header(patient, membership=request.membership, tab="scores")
    plan = _under_way(header)
    if plan is not None:
        plan.clinic = request.clinic
    done = [
        (session.number, date.fromisoformat(session.needling["on"]))
        for session in header["sessions"]
        if session.needling
    ]
    context = {
        "patient": patient,
        "header": header,
        "lines": history.lines(
            patient.outcome_scores.select_related("assessor"),
            catalogue=catalogue_for(request.clinic, header["today"]),
            plan=plan,
            sessions=done,
        ),
        "instruments": load().by_code.values(),
        "review": request.clinic.course_reviews.filter(
            plan__patient=patient, plan__status__in=flow.UNDER_WAY, reviewed_at__isnull=True
        ).first(),
    }
    return render(request, "treatments/outcomes/scores.html", context)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def score_new(request: HttpRequest, ref: UUID, instrument: str) -> HttpResponse:
    """One measurement. "Work it out" shows what the answers come to and keeps nothing; the total is always the server's."""
    patient = _patient(request, ref)
    chosen = load().by_code.get(instrument)
    if chosen is None:
        raise Http404
    header = patient_header(patient, membership=request.membership, tab="scores")
    form = ScoreForm(
        request.POST if request.method == "POST" else None,
        instrument=chosen,
        zones=catalogue_for(request.clinic, header["today"]).zones.values(),
        today=header["today"],
    )
    only_looks = request.POST.get("act") == WORK_OUT
    valid = request.method == "POST" and form.is_valid()
    if valid and not only_looks:

        def record() -> str:
            flow.record(
                patient=patient,
                code=chosen.code,
                items=form.items(),
                assessed_on=form.cleaned_data["assessed_on"],
                zone=form.cleaned_data.get("zone", ""),
                note=form.cleaned_data["note"],
                by=request.user,
            )
            messages.success(request, "Score recorded.")
            # A proposed skin type is decided where the skin is assessed.
            proposes = any(band.value for band in chosen.bands)
            return reverse("treatments:assess" if proposes else "treatments:scores", args=[patient.ref])

        try:
            return once(request, record)
        except DomainError as refusal:
            refuse(form, refusal)
    stop, last = _stop(request, chosen, header), _last(patient, chosen)
    context = {
        "form": form,
        "patient": patient,
        "header": header,
        "instrument": chosen,
        "better": history.BETTER.get(chosen.better, ""),
        "why": why_of_instrument(chosen),
        "bands_json": json.dumps([[band.least, band.most, band.label] for band in chosen.bands]),
        "groups": form.groups(),
        "typed": form.typed_fields(),
        "total": services.number(form.result.total) if form.result else "",
        "stop": stop,
        "stops": bool(stop and form.result and stop["from"] < form.result.total >= stop["line"]),
        "last": last,
        "last_total": services.number(last.total) if last else "",
    }
    status = 200 if valid and only_looks else form_status(request)
    return render(request, "treatments/outcomes/score.html", context, status=status)


def _stop(request: HttpRequest, chosen: Instrument, header: dict) -> dict | None:
    """The line at which the course under way pauses, and the score it is counted from."""
    plan = _under_way(header)
    if chosen.stop_rule is None or plan is None:
        return None
    plan.clinic = request.clinic
    known = services.of_one_kind(plan.patient_id, instrument=chosen.instrument, variant=chosen.variant, zone="")
    baseline = services.baseline_of(plan, known)
    if baseline is None:
        return None
    line = stop_line(chosen.stop_rule, baseline.total)
    return {
        "from": baseline.total,
        "line": line,
        "at": services.number(line),
        "baseline": services.number(baseline.total),
        "on": baseline.assessed_on,
    }


def _last(patient: Patient, chosen: Instrument) -> OutcomeScore | None:
    known = patient.outcome_scores.filter(instrument=chosen.instrument, entered_in_error=False)
    return known.filter(variant__startswith=chosen.variant).select_related("assessor").first()


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def score_error(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Mark a score as entered in error, with what was wrong. It stays visible, struck, and is compared with nothing."""
    kept = get_object_or_404(request.clinic.outcome_scores.select_related("patient", "assessor"), ref=ref)
    form = ErrorReasonForm(request.POST if request.method == "POST" else None)
    back = reverse("treatments:scores", args=[kept.patient.ref])
    if request.method == "POST" and form.is_valid():

        def mark() -> str:
            services.mark_entered_in_error(kept=kept, reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, "Marked as entered in error. It counts for nothing now.")
            return back

        try:
            return once(request, mark)
        except DomainError as refusal:
            refuse(form, refusal)
    label, variant = history.label_of(kept.instrument, kept.variant)
    context = {
        "form": form,
        "kept": kept,
        "total": services.number(kept.total),
        "label": label,
        "variant": variant,
        "back": back,
        "header": patient_header(kept.patient, membership=request.membership, tab="scores"),
    }
    return render(request, "treatments/outcomes/error.html", context, status=form_status(request))


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def course_review(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A course that a score has put on hold: whether it goes on, and why."""
    rows = request.clinic.course_reviews.select_related("plan__patient__clinic", "score", "baseline", "reviewed_by")
    review = get_object_or_404(rows, ref=ref)
    patient = review.plan.patient
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():

        def decide() -> str:
            flow.review(review=review, by=request.user, **form.cleaned_data)
            messages.success(request, "Review recorded.")
            return reverse("treatments:course", args=[review.plan.ref])

        try:
            return once(request, decide)
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "review": review,
        "patient": patient,
        "header": patient_header(patient, membership=request.membership, tab="scores", plan=review.plan),
        "scores_url": reverse("treatments:scores", args=[patient.ref]),
    }
    return render(request, "treatments/outcomes/review.html", context, status=form_status(request))
