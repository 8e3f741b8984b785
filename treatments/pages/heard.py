"""Something changed, said by telephone: the desk writes down her words about a visit, and a clinician is told before she
travels. No question of the screening is asked here."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once, own_path
from patients.forms import scrubbed
from treatments.appointments.by_patient.forms import HeardForm
from treatments.appointments.models import COMING
from treatments.flows import changes
from treatments.pages.header import patient_header

OF_A_VISIT = ("patient__clinic", "clinic", "planned_session__plan")


@allow(Role.FRONT_DESK, Role.CLINICIAN, methods=("GET", "POST"))
def heard(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Which visit, and what she said."""
    visit = get_object_or_404(request.clinic.appointments.select_related(*OF_A_VISIT), ref=ref)
    form = HeardForm(scrubbed(request.POST) if request.method == "POST" else None)
    back = own_path(request.POST.get("next") or request.GET.get("next", ""))
    back = back or reverse("treatments:visit", args=[visit.ref])
    if request.method == "POST" and form.is_valid():

        def note() -> str:
            said = form.cleaned_data["said"]
            changes.note_by_telephone(visit=visit, said=said, by=request.membership)
            messages.success(request, "Kept. A clinician looks before the visit.")
            return back

        try:
            return once(request, note)
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "visit": visit,
        "patient": visit.patient,
        "header": patient_header(visit.patient, membership=request.membership),
        "form": form,
        "back": back,
        "is_ahead": visit.status in COMING,
    }
    return render(request, "treatments/tablet/heard.html", context, status=form_status(request))
