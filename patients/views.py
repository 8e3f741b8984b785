"""Finding, registering and correcting patients; their numbers in old books, medicines and allergies."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.errands import errand_of, url_for
from patients.forms import (
    AllergyForm,
    HistoryForm,
    InErrorForm,
    MedicationForm,
    NumberForm,
    PatientForm,
    StopForm,
    scrubbed,
)
from patients.header import header_for
from patients.models import Patient
from patients.search import TYPED_LENGTH
from patients.services import finding, people
from patients.services import history as histories
from patients.services import numbers as own_numbers

EVERYBODY = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)


# ── Finding ───────────────────────────────────────────────────────────────────


@allow(*EVERYBODY)
def patient_list(request: HttpRequest) -> HttpResponse:
    """Who was registered last, under the field that finds everybody else."""
    return render(request, "patients/list.html", _list(request) | {"latest": finding.latest(clinic=request.clinic)})


@allow(*EVERYBODY, methods=["POST"])
def search(request: HttpRequest) -> HttpResponse:
    """The list for what is being typed: its rows alone where htmx asks, else the page. A name never enters a URL."""
    template = "patients/_results.html" if request.htmx else "patients/list.html"
    return _found(request, template)


@allow(*EVERYBODY, methods=["POST"])
def find(request: HttpRequest) -> HttpResponse:
    """The few lines under the field in the top bar of any page; its form itself leads to the list."""
    return _found(request, "patients/_found.html")


def _found(request: HttpRequest, template: str) -> HttpResponse:
    typed = scrubbed(request.POST).get("q", "").replace("\0", "")[:TYPED_LENGTH]
    found = finding.find(clinic=request.clinic, text=typed)
    latest = [] if typed.strip() else finding.latest(clinic=request.clinic)
    return render(request, template, _list(request) | {"typed": typed, "found": found, "latest": latest})


def _list(request: HttpRequest) -> dict:
    """What a list of patients says beside them: the day, and what somebody is looked for."""
    errand = errand_of(request)
    register_url = reverse("patients:register") + (f"?for={errand.code}" if errand else "")
    return {"today": clock.today(request.clinic), "errand": errand, "register_url": register_url}


# ── Registering and correcting ────────────────────────────────────────────────


@allow(*EVERYBODY, methods=["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    today = clock.today(request.clinic)
    form = PatientForm(request.POST if request.method == "POST" else None, on=today)
    likenesses: list[finding.Likeness] = []
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _registered(request, form))
        except people.PossibleDuplicates as exc:
            likenesses = exc.found
            form.add_error(None, exc.sentence)
        except DomainError as exc:
            refuse(form, exc)
    context = {"form": form, "likenesses": likenesses, "today": today, "errand": errand_of(request)}
    return render(request, "patients/register.html", context, status=422 if form.is_bound else 200)


def _registered(request: HttpRequest, form: PatientForm) -> str:
    patient = people.register(
        clinic=request.clinic, by=request.user, duplicates_seen=form.duplicates_seen(), **form.details()
    )
    messages.success(request, f"{patient.full_name} is registered.")
    _say_what_is_open(request, patient, today=form.on)
    return url_for(errand_of(request), patient)


def _say_what_is_open(request: HttpRequest, patient: Patient, *, today) -> None:
    of_age_on = people.adult_on(patient.born_on)
    if of_age_on > today:
        messages.warning(
            request,
            f"{patient.full_name} is under 18: no treatment can be booked before {of_age_on.day} {of_age_on:%B %Y}.",
        )
    if patient.contact_asked_at is None:
        messages.warning(request, "Nobody has asked yet whether e-mail is welcome: nothing is mailed until then.")


@allow(*EVERYBODY, methods=["GET", "POST"])
def edit(request: HttpRequest, ref) -> HttpResponse:
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    form = PatientForm(
        request.POST if request.method == "POST" else None, on=clock.today(request.clinic), patient=patient
    )
    status, differences = 422 if form.is_bound else 200, []
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _corrected(request, patient, form))
        except people.ChangedMeanwhile as exc:
            status, differences = 409, form.differences(exc.saved)
            form.save_over(exc.saved)
            form.add_error(None, exc.sentence)
        except DomainError as exc:
            refuse(form, exc)
    context = {
        "form": form,
        "patient": patient,
        "differences": differences,
        "header": header_for(patient, membership=request.membership, tab="details"),
    }
    return render(request, "patients/edit.html", context, status=status)


def _corrected(request: HttpRequest, patient: Patient, form: PatientForm) -> str:
    patient = people.correct_details(
        patient=patient, version=form.cleaned_data["version"], by=request.user, **form.details()
    )
    messages.success(request, "Details saved.")
    return resolve_url(patient)


# ── Her numbers in the clinic's own books ─────────────────────────────────────


@allow(*EVERYBODY, methods=["GET", "POST"])
def numbers(request: HttpRequest, ref) -> HttpResponse:
    """Those she has, with where each came from, and the form for one more."""
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    form = NumberForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():

        def give() -> str:
            row = own_numbers.give(patient=patient, number=form.cleaned_data["number"], by=request.user)
            messages.success(request, f"{patient.full_name} is found by {row} from now on.")
            return _numbers_url(patient)

        try:
            return once(request, give)
        except DomainError as refusal:
            refuse(form, refusal)
    return _numbers_page(request, patient, form)


@allow(*EVERYBODY, methods=["POST"])
def number_take_away(request: HttpRequest, ref) -> HttpResponse:
    """`number`: the one that is not hers. It stands in no address."""
    patient = get_object_or_404(request.clinic.patients, ref=ref)

    def take_away() -> str:
        number = scrubbed(request.POST).get("number", "").replace("\0", "")
        own_numbers.take_away(patient=patient, number=number, by=request.user)
        messages.success(request, "Taken away. It may be given to somebody else.")
        return _numbers_url(patient)

    try:
        return once(request, take_away)
    except DomainError as refusal:
        messages.warning(request, refusal.sentence)
        return redirect(_numbers_url(patient))


def _numbers_page(request: HttpRequest, patient: Patient, form: NumberForm) -> HttpResponse:
    context = {
        "patient": patient,
        "form": form,
        "numbers": patient.numbers.select_related("given_by", "imported_in"),
        "header": header_for(patient, membership=request.membership, tab="details"),
    }
    return render(request, "patients/numbers.html", context, status=form_status(request))


def _numbers_url(patient: Patient) -> str:
    return reverse("patients:numbers", args=[patient.ref])


# ── Medicines and allergies ───────────────────────────────────────────────────


@allow(Role.CLINICIAN)
def history(request: HttpRequest, ref) -> HttpResponse:
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    return _history_page(request, patient, MedicationForm(), AllergyForm())


@allow(Role.CLINICIAN, methods=["POST"])
def add_medication(request: HttpRequest, ref) -> HttpResponse:
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    form = MedicationForm(request.POST)

    def effect() -> None:
        histories.record_medication(patient=patient, by=request.user, **form.cleaned_data)
        messages.success(request, "Medicine added.")

    return _done(request, patient, form, effect) or _history_page(request, patient, form, AllergyForm(), status=422)


@allow(Role.CLINICIAN, methods=["POST"])
def add_allergy(request: HttpRequest, ref) -> HttpResponse:
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    form = AllergyForm(request.POST)

    def effect() -> None:
        histories.record_allergy(patient=patient, by=request.user, **form.cleaned_data)
        messages.success(request, "Allergy added.")

    return _done(request, patient, form, effect) or _history_page(request, patient, MedicationForm(), form, status=422)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def stop_medication(request: HttpRequest, ref, row) -> HttpResponse:
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    medication = get_object_or_404(patient.medications, ref=row)
    form = StopForm(request.POST if request.method == "POST" else None)

    def effect() -> None:
        histories.stop_medication(medication=medication, by=request.user, **form.cleaned_data)
        messages.success(request, f"{medication.name}: last day saved.")

    words = {"title": f"{medication.name}: stopped", "act": "Save the last day"}
    return _done(request, patient, form, effect) or _entry_page(request, patient, form, words)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def medication_in_error(request: HttpRequest, ref, row) -> HttpResponse:
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    medication = get_object_or_404(patient.medications, ref=row)
    form = InErrorForm(request.POST if request.method == "POST" else None)

    def effect() -> None:
        histories.mark_medication_in_error(medication=medication, by=request.user, **form.cleaned_data)
        messages.success(request, f"{medication.name} is marked as entered in error.")

    words = {"title": f"{medication.name}: entered in error", "act": "Mark as an error"}
    return _done(request, patient, form, effect) or _entry_page(request, patient, form, words)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def allergy_in_error(request: HttpRequest, ref, row) -> HttpResponse:
    patient = get_object_or_404(request.clinic.patients, ref=ref)
    allergy = get_object_or_404(patient.allergies, ref=row)
    form = InErrorForm(request.POST if request.method == "POST" else None)

    def effect() -> None:
        histories.mark_allergy_in_error(allergy=allergy, by=request.user, **form.cleaned_data)
        messages.success(request, f"{allergy.substance} is marked as entered in error.")

    words = {"title": f"{allergy.substance}: entered in error", "act": "Mark as an error"}
    return _done(request, patient, form, effect) or _entry_page(request, patient, form, words)


def _done(request: HttpRequest, patient: Patient, form: HistoryForm, effect: Callable[[], None]) -> HttpResponse | None:
    """The answer once the form's effect is there; None where the form has to be shown (again)."""
    if not (form.is_bound and form.is_valid()):
        return None

    def effect_and_way_back() -> str:
        effect()
        return reverse("patients:history", args=[patient.ref])

    try:
        return once(request, effect_and_way_back)
    except DomainError as exc:
        refuse(form, exc)
        return None


def _history_page(
    request: HttpRequest,
    patient: Patient,
    medication_form: MedicationForm,
    allergy_form: AllergyForm,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "patient": patient,
        "header": header_for(patient, membership=request.membership, tab="history"),
        "medications": patient.medications.select_related("recorded_by"),
        "allergies": patient.allergies.select_related("recorded_by").order_by("entered_in_error", "substance", "pk"),
        "medication_form": medication_form,
        "allergy_form": allergy_form,
    }
    return render(request, "patients/history.html", context, status=status)


def _entry_page(request: HttpRequest, patient: Patient, form: HistoryForm, words: dict) -> HttpResponse:
    context = words | {
        "patient": patient,
        "form": form,
        "header": header_for(patient, membership=request.membership, tab="history"),
    }
    return render(request, "patients/history_entry.html", context, status=422 if form.is_bound else 200)
