"""Assessing the skin, and taking back an assessment that was wrong."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from treatments.assessments.forms import AssessmentForm, ErrorReasonForm
from treatments.assessments.models import Assessment
from treatments.flows import assessments as flow
from treatments.pages.header import patient_header
from treatments.pages.scores import proposed_skin_type
from treatments.rules.policy import catalogue_for

SHOWN = 20


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def assess(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Concern by zone and severity, skin type, earlier dark marks; the earlier assessments beside it."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    catalogue = catalogue_for(request.clinic)
    form = AssessmentForm(request.POST if request.method == "POST" else None, catalogue=catalogue)
    if request.method == "POST" and form.is_valid():

        def record() -> str:
            flow.record(
                patient=patient,
                assessed_on=clock.today(request.clinic),
                skin_type=form.chosen_skin_type(),
                pih_history=form.cleaned_data["pih_history"] == "yes",
                concerns=form.concerns(),
                note=form.cleaned_data["note"],
                by=request.user,
            )
            messages.success(request, "Assessment recorded.")
            # The chart says what comes next; here one would look for it.
            return reverse("treatments:chart", args=[patient.ref])

        try:
            return once(request, record)
        except DomainError as refusal:
            refuse(form, refusal)
    proposed = proposed_skin_type(patient)
    context = {
        "form": form,
        "patient": patient,
        "proposed": proposed,
        "skin_types": form.skin_type_options(proposed["value"] if proposed else None),
        "header": patient_header(patient, membership=request.membership, tab="assessment"),
        "earlier": [
            _shown(assessment, catalogue)
            for assessment in patient.assessments.select_related("assessed_by").prefetch_related("concerns")[:SHOWN]
        ],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "treatments/assessments/assess.html", context, status=status)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def assessment_error(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Mark an assessment as entered in error, with what was wrong. It stays visible, struck."""
    assessment = get_object_or_404(Assessment, ref=ref, patient__clinic=request.clinic)
    form = ErrorReasonForm(request.POST if request.method == "POST" else None)
    back = reverse("treatments:assess", args=[assessment.patient.ref])
    if request.method == "POST" and form.is_valid():

        def mark() -> str:
            flow.mark_entered_in_error(assessment=assessment, reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, "Marked as entered in error. It counts for nothing now.")
            return back

        try:
            return once(request, mark)
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "shown": _shown(assessment, catalogue_for(request.clinic)),
        "back": back,
        "header": patient_header(assessment.patient, membership=request.membership, tab="assessment"),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "treatments/assessments/error.html", context, status=status)


def _shown(assessment: Assessment, catalogue) -> dict:
    return {
        "assessment": assessment,
        "concerns": [
            {
                "label": catalogue.concerns[concern.code].label if concern.code in catalogue.concerns else concern.code,
                "severity": concern.get_severity_display().lower(),
                "zones": ", ".join(
                    catalogue.zones[zone].label.lower() if zone in catalogue.zones else zone for zone in concern.zones
                ),
            }
            for concern in assessment.concerns.all()
        ],
    }
