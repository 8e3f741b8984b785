"""Sessions that were not charted here: entered, corrected, taken back."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from treatments.assessments.past.forms import CorrectionForm, PastSessionForm, WhatWasWrongForm
from treatments.assessments.past.models import PastSession
from treatments.flows import past_sessions as flows
from treatments.pages.header import patient_header
from treatments.rules.policy import catalogue_for


def _list_url(past: PastSession) -> str:
    return reverse("treatments:past_sessions", args=[past.patient.ref])


def _past(request: HttpRequest, ref: UUID) -> PastSession:
    return get_object_or_404(PastSession, ref=ref, patient__clinic=request.clinic)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def past_sessions(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What was entered afterwards so far, and the form for one more."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    form = PastSessionForm(request.POST if request.method == "POST" else None, catalogue=catalogue_for(request.clinic))
    if request.method == "POST" and form.is_valid():

        def enter() -> str:
            flows.record(patient=patient, by=request.user, **form.details())
            messages.success(request, "Entered. The interval runs from it from now on.")
            return reverse("treatments:past_sessions", args=[patient.ref])

        try:
            return once(request, enter)
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "patient": patient,
        "header": patient_header(patient, membership=request.membership, tab="chart"),
        "entered": patient.past_sessions.select_related("entered_by"),
    }
    return render(request, "treatments/past/list.html", context, status=form_status(request))


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def past_session_correct(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The right one in place of a wrong one, or of one whose reaction has settled since. The old one stays, struck."""
    past = _past(request, ref)
    form = CorrectionForm(
        request.POST if request.method == "POST" else None, catalogue=catalogue_for(request.clinic), past=past
    )
    if request.method == "POST" and form.is_valid():

        def put_right() -> str:
            reason = form.cleaned_data["reason"]
            flows.correct(past=past, reason=reason, by=request.user, **form.details())
            messages.success(request, "Corrected. The old entry stays to be seen, struck out.")
            return _list_url(past)

        try:
            return once(request, put_right)
        except DomainError as refusal:
            refuse(form, refusal)
    words = {
        "title": "Correct a past session",
        "act": "Save the correction",
        "note": "What stood there stays to be seen, struck out, and counts for nothing.",
    }
    return _one(request, past, form, words)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def past_session_error(request: HttpRequest, ref: UUID) -> HttpResponse:
    """It never was: with the reason. It stays visible, struck."""
    past = _past(request, ref)
    form = WhatWasWrongForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():

        def mark() -> str:
            flows.mark_entered_in_error(past=past, reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, "Marked as entered in error. It counts for nothing now.")
            return _list_url(past)

        try:
            return once(request, mark)
        except DomainError as refusal:
            refuse(form, refusal)
    words = {
        "title": "Mark this session as entered in error",
        "act": "Mark as entered in error",
        "note": "It stays to be seen, struck out, and counts for nothing.",
        "danger": True,
    }
    return _one(request, past, form, words)


def _one(request: HttpRequest, past: PastSession, form, words: dict) -> HttpResponse:
    header = patient_header(past.patient, membership=request.membership, tab="chart")
    context = words | {"form": form, "past": past, "header": header, "back": _list_url(past)}
    return render(request, "treatments/past/one.html", context, status=form_status(request))
