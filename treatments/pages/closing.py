"""A record is closed, or opened again: what hangs on it is shown first."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from clinic.errors import Busy, DomainError
from clinic.forms import page_form_helper, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.models import Patient, RecordClosing
from patients.services import closing as records
from treatments.appointments.models import Appointment
from treatments.flows import closing
from treatments.pages.header import patient_header
from treatments.plans.forms import ReasonForm

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)


class CloseForm(forms.Form):
    """Why a record ends. `cancel`: refs of the visits that are cancelled; all, unless she has only moved away."""

    why = forms.ChoiceField(
        label="What happened", choices=RecordClosing.Why.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose what happened.", "invalid_choice": "Choose what happened from the list."},
    )  # fmt: skip
    on = forms.DateField(
        label="On which day", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Where somebody knows it.", error_messages={"invalid": "Enter a day, for example 20/04/2027."},
    )  # fmt: skip
    reason = forms.CharField(
        label="How do we know, or why", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="For example: her son telephoned. No medical reason here.",
        error_messages={
            "required": "Write how we know, or why.",
            "max_length": "Keep it to %(limit_value)d letters; it has %(show_value)d now.",
            "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
        },
    )  # fmt: skip
    cancel = forms.MultipleChoiceField(label="Visits to cancel", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, data=None, *, visits: list[Appointment], **options) -> None:
        super().__init__(data, **options)
        self.visits = {str(visit.ref): visit for visit in visits}
        self.fields["cancel"].choices = [(ref, _words(visit)) for ref, visit in self.visits.items()]
        # A visit that was cancelled meanwhile needs no cancelling any more.
        self.fields["cancel"].error_messages["invalid_choice"] = "A visit of this list has changed. Look at it again."
        self.initial.setdefault("cancel", list(self.visits))
        if not visits:
            del self.fields["cancel"]
        self.helper = page_form_helper()

    @property
    def kept(self) -> list[UUID]:
        ticked = self.cleaned_data.get("cancel", [])
        return [visit.ref for ref, visit in self.visits.items() if ref not in ticked]


def _words(visit: Appointment) -> str:
    what = f"Session {visit.planned_session.number}" if visit.planned_session else visit.get_kind_display()
    who = f" with {visit.clinician}" if visit.clinician else ""
    return f"{visit.day:%a} {visit.day.day} {visit.day:%b %Y}, {visit.starts_at:%H:%M}: {what}{who}"


@allow(*DESK, methods=["GET", "POST"])
def close_record(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Deceased, moved away, entered in error: with the visits ahead, which are cancelled or stay."""
    patient = _patient(request, ref)
    ahead = closing.ahead_of(patient)
    form = CloseForm(request.POST if request.method == "POST" else None, visits=ahead.visits)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _closed(request, patient, form))
        except Busy as refusal:
            status = 409
            refuse(form, refusal)
        except DomainError as refusal:
            refuse(form, refusal)
    context = _page(request, patient) | {"form": form, "ahead": ahead}
    return render(request, "treatments/pages/close_record.html", context, status=status)


def _closed(request: HttpRequest, patient: Patient, form: CloseForm) -> str:
    said = form.cleaned_data
    closing.close_record(
        patient=patient, why=said["why"], reason=said["reason"], on=said["on"], keep=form.kept, by=request.user
    )
    messages.success(request, f"The record of {patient.full_name} is closed. Nothing is mailed to it any more.")
    return patient.get_absolute_url()


@allow(*DESK, methods=["GET", "POST"])
def reopen_record(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Take a closing back."""
    patient = _patient(request, ref)
    closed = patient.closings.filter(reopened_at=None).select_related("closed_by").first()
    if closed is None:
        raise Http404
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _reopened(request, patient, form.cleaned_data["reason"]))
        except DomainError as refusal:
            refuse(form, refusal)
    context = _page(request, patient) | {"form": form, "closed": closed}
    return render(request, "treatments/pages/reopen_record.html", context, status=422 if form.is_bound else 200)


def _reopened(request: HttpRequest, patient: Patient, reason: str) -> str:
    records.reopen(patient=patient, reason=reason, by=request.user)
    messages.success(request, f"The record of {patient.full_name} is open again. Visits and courses stay as they are.")
    return patient.get_absolute_url()


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)


def _page(request: HttpRequest, patient: Patient) -> dict:
    return {"header": patient_header(patient, membership=request.membership), "patient": patient}
