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
from treatments.pages.header import patient_header
from treatments.pages.scores import open_reviews, why_of_instrument
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.instruments import Instrument, load, stop_line
from treatments.protocol.written import written
from treatments.rules.policy import catalogue_for

WORK_OUT = "work_out"


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)


def _course(request: HttpRequest, header: dict) -> TreatmentPlan | None:
    """The course whose baseline and stop line are meant: the one under way, or the one that is being planned."""
    plan = header["plan"]
    if plan is None or plan.has_ended:
        return None
    plan.clinic = request.clinic
    return plan


@allow(Role.CLINICIAN)
def scores(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Every score, a line for each instrument, variant and zone; and the instruments to measure with."""
    patient = _patient(request, ref)
    header = patient_header(patient, membership=request.membership, tab="scores")
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
            plan=_course(request, header),
            sessions=done,
        ),
        "instruments": load().by_code.values(),
        "review": open_reviews().filter(plan__patient=patient).first(),
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
                licence_note=form.cleaned_data.get("licence_note", ""),
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
    stop = _stop(request, chosen, header)
    catalogue = catalogue_for(request.clinic, header["today"])
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
        "total": written(form.result.total) if form.result else "",
        "most": form.cleaned_data["item-most"] if form.result and chosen.asks_range else chosen.most,
        "stop": stop,
        "stops": bool(stop and form.result and stop["from"] < form.result.total >= stop["line"]),
        "before": _before(patient, chosen, catalogue),
    }
    status = 200 if valid and only_looks else form_status(request)
    return render(request, "treatments/outcomes/score.html", context, status=status)


def _stop(request: HttpRequest, chosen: Instrument, header: dict) -> dict | None:
    """The line at which the course under way pauses, and the score it is counted from."""
    plan = _course(request, header)
    if chosen.stop_rule is None or plan is None:
        return None
    known = services.of_one_kind(plan.patient_id, instrument=chosen.instrument, variant=chosen.variant, zone="")
    baseline = services.baseline_of(plan, known)
    if baseline is None:
        return None
    line = stop_line(chosen.stop_rule, baseline.total)
    return {
        "from": baseline.total,
        "line": line,
        "at": written(line),
        "words": history.stop_words(line, baseline.total),
        "is_any_rise": line <= baseline.total,
        "baseline": written(baseline.total),
        "on": baseline.assessed_on,
    }


def _before(patient: Patient, chosen: Instrument, catalogue: Catalogue) -> dict | None:
    """The last score of this form, with the name of the questionnaire and the zone that it is of."""
    known = patient.outcome_scores.filter(instrument=chosen.instrument, entered_in_error=False)
    last = known.filter(variant__startswith=chosen.variant).select_related("assessor").first()
    if last is None:
        return None
    # Of an ordinary form the variant is the form itself and stands in its head.
    name = history.label_of(last.instrument, last.variant)[1] if chosen.asks_name else ""
    of_what = [word for word in (name, catalogue.zone_label(last.zone)) if word]
    return {"kept": last, "total": written(last.total), "of_what": " · ".join(of_what)}


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def score_error(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Mark a score as entered in error, with what was wrong. It stays visible, struck, and is compared with nothing."""
    kept = get_object_or_404(request.clinic.outcome_scores.select_related("patient", "assessor"), ref=ref)
    form = ErrorReasonForm(request.POST if request.method == "POST" else None)
    back = reverse("treatments:scores", args=[kept.patient.ref])
    raised = services.answered_questions(kept)
    if request.method == "POST" and form.is_valid():

        def mark() -> str:
            flow.mark_entered_in_error(kept=kept, reason=form.cleaned_data["reason"], by=request.user)
            stays = " The screening answers that it gave stay." if raised else ""
            messages.success(request, f"Marked as entered in error. It is compared with nothing from now on.{stays}")
            return back

        try:
            return once(request, mark)
        except DomainError as refusal:
            refuse(form, refusal)
    label, variant = history.label_of(kept.instrument, kept.variant)
    context = {
        "form": form,
        "kept": kept,
        "total": written(kept.total),
        "label": label,
        "variant": variant,
        "raised": raised,
        "back": back,
        "header": patient_header(kept.patient, membership=request.membership, tab="scores"),
    }
    return render(request, "treatments/outcomes/error.html", context, status=form_status(request))


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def course_review(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A course that waits because a score rose: whether it goes on, and why."""
    rows = request.clinic.course_reviews.select_related("plan__patient__clinic", "score", "baseline", "reviewed_by")
    review = get_object_or_404(rows, ref=ref)
    patient = review.plan.patient
    form = ReviewForm(request.POST if request.method == "POST" else None, plan=review.plan)
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
        "scores": [{"kept": one, "total": written(one.total)} for one in (review.baseline, review.score)],
        "scores_url": reverse("treatments:scores", args=[patient.ref]),
    }
    return render(request, "treatments/outcomes/review.html", context, status=form_status(request))
