"""One form about a patient's money: asked under her header, refused at its fields, done once."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.submissions import once
from patients.models import Patient
from treatments.appointments.asked import next_url
from treatments.pages.header import patient_header


def packages_url(patient: Patient) -> str:
    return reverse("treatments:patient_packages", args=[patient.ref])


def press(
    request: HttpRequest, patient: Patient, form: forms.Form, do: Callable[[], str], *, title: str, act: str, **more
) -> HttpResponse:
    """`do` saves and returns the sentence that says so. Leads back where the form came from, else to her packages.

    `more`: `lead` (what the act means), `danger`, `nothing` (why there is no form: a sentence), `way` (label and address on).
    """
    back = next_url(request) or packages_url(patient)
    if request.method == "POST" and form.is_valid():

        def effect() -> str:
            messages.success(request, do())
            return back

        try:
            return once(request, effect)
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "title": title,
        "act": act,
        "back": back,
        "next": next_url(request),
        "header": patient_header(patient, membership=request.membership),
    } | more
    return render(request, "treatments/packages/form.html", context, status=form_status(request))
