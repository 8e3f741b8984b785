"""The screening of a day, the questions behind it, and what a named clinician lifts."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.models import Clinic
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.models import Patient
from treatments import facts
from treatments.flows import answers, clearances
from treatments.pages import findings, own_words
from treatments.pages.header import patient_header
from treatments.protocol.wording import desk_sentence
from treatments.rules.policy import catalogue_for
from treatments.screenings import services
from treatments.screenings.forms import ClearanceForm, DayForm, QuestionForm
from treatments.screenings.models import Clearance

FORMS = {
    "day": {"forms": ("day",), "purpose": "session", "title": "Questions of the day"},
    "full": {"forms": ("full", "clinician"), "purpose": "booking", "title": "All questions"},
}


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)


@allow(Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
def screening(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Verdict and date for everybody; answers, findings and reasons for clinicians only."""
    patient = _patient(request, ref)
    header = patient_header(patient, membership=request.membership, tab="screening")
    form = DayForm({"on": request.GET.get("on", ""), "purpose": request.GET.get("for", "")}, today=header["today"])
    valid = form.is_valid()
    on = form.cleaned_data.get("on") or findings.next_day(patient, header["today"])
    purpose = form.cleaned_data.get("purpose") or "session"
    context = {
        "header": header,
        "patient": patient,
        "on": on,
        "purpose": purpose,
        "form": form,
        "today": header["today"],
    }
    template = "treatments/screenings/screening_desk.html"
    if request.membership.may_see_clinical:
        template = "treatments/screenings/screening.html"
        context |= _in_full(request, patient, context)
    else:
        context |= _verdict(patient, context)
    return render(request, template, context, status=200 if valid else 422)


def _in_full(request: HttpRequest, patient: Patient, context: dict) -> dict:
    page = findings.clinician_page(
        patient, on=context["on"], purpose=context["purpose"], today=context["today"], membership=request.membership
    )
    return {
        "page": page,
        "own": own_words.own_words(patient),
        "to_open": findings.visit_to_open(patient, page.screening, context["today"]),
        "onward": findings.onward(patient, page.screening, context["header"]["plan"]),
        "lift_codes": {code for code, _ in page.liftable},
        "show_all": request.GET.get("all") == "1",
        "clearances": _labelled(
            patient.clearances.select_related("given_by", "revoked_by")[:20], request.clinic, context["today"]
        ),
        "latest": patient.screenings.filter(on=context["on"], purpose=context["purpose"])
        .select_related("made_by")
        .first(),
    }


def _labelled(given: Iterable[Clearance], clinic: Clinic, today: date) -> list[Clearance]:
    """Clearances with the `label` of the rule each lifts, and whether it lifts nothing any more (`overtaken`)."""
    catalogue, labelled = catalogue_for(clinic, today), list(given)
    rules = catalogue.rules_by_code
    for clearance in labelled:
        clearance.label = rules[clearance.code].label if clearance.code in rules else clearance.code
        clearance.overtaken = facts.is_overtaken(clearance, clinic, catalogue)
    return labelled


def _verdict(patient: Patient, context: dict) -> dict:
    seen = services.look(patient, on=context["on"], purpose=context["purpose"])
    hue, glyph = findings.BANNERS[seen.outcome]
    return {
        "verdict": desk_sentence(seen, catalogue_for(patient.clinic, context["on"])),
        "hue": hue,
        "glyph": glyph,
        "outcome": seen.outcome,
        "earliest_on": seen.earliest_on,
    }


@allow(Role.CLINICIAN, methods=["POST"])
def screening_record(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Keep a run of the rules for the day and purpose shown."""
    patient = _patient(request, ref)
    form = DayForm(
        {"on": request.POST.get("on", ""), "purpose": request.POST.get("for", "")}, today=clock.today(request.clinic)
    )
    if not form.is_valid():
        messages.error(request, next(iter(form.errors.values()))[0])
        return redirect("treatments:screening", patient.ref)
    on, purpose = form.cleaned_data["on"] or form.today, form.cleaned_data["purpose"] or "session"

    def keep() -> str:
        services.perform(patient=patient, on=on, purpose=purpose, by=request.user)
        messages.success(request, "Screening kept on record.")
        return _screening_url(patient, on, purpose)

    try:
        return once(request, keep)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return redirect(_screening_url(patient, on, purpose))


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def day_form(request: HttpRequest, ref: UUID) -> HttpResponse:
    return _questions(request, ref, "day")


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def full_form(request: HttpRequest, ref: UUID) -> HttpResponse:
    return _questions(request, ref, "full")


def _questions(request: HttpRequest, ref: UUID, which: str) -> HttpResponse:
    patient, kind, catalogue = _patient(request, ref), FORMS[which], catalogue_for(request.clinic)
    today, words = clock.today(request.clinic), own_words.own_words(patient)
    form = QuestionForm(
        request.POST or None,
        rules=tuple(rule for name in kind["forms"] for rule in catalogue.rules_for_form(name)),
        born_on=patient.born_on,
        today=today,
        last={code: given[0] for code, given in facts.answer_history(patient).items()},
    )
    if request.method == "POST" and form.is_valid():

        def keep() -> str:
            answers.answer_form(
                patient=patient, answers=form.answers(), via="clinician", purpose=kind["purpose"], by=request.membership,
                own_forms=own_words.asked_anew(which, words), heard=own_words.read_above(request.POST, words),
            )  # fmt: skip
            messages.success(request, "Answers kept.")
            return _screening_url(patient, today, kind["purpose"])

        try:
            return once(request, keep)
        except DomainError as refusal:
            form.add_error(None, refusal.sentence)
    context = {
        "form": form,
        "sections": form.sections(),
        "title": kind["title"],
        "which": which,
        "own": words,
        "patient": patient,
        "header": patient_header(patient, membership=request.membership, tab="screening"),
    }
    return render(request, "treatments/screenings/questions.html", context, status=form_status(request))


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def clearance(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Lift a raised finding until a day. What nobody, or not she, may lift is not offered."""
    patient = _patient(request, ref)
    today = clock.today(request.clinic)
    seen = services.look(patient, on=today, purpose="session")
    choices = findings.liftable(seen, request.membership, catalogue_for(request.clinic))
    form = ClearanceForm(
        request.POST or None,
        choices=choices,
        today=today,
        initial={"code": request.GET.get("code", ""), "licence": request.membership.licence},
    )
    if request.method == "POST" and form.is_valid():

        def lift() -> str:
            clearances.give(patient=patient, by=request.membership, **form.cleaned_data)
            messages.success(request, "Clearance given.")
            return reverse("treatments:screening", args=[patient.ref])

        try:
            return once(request, lift)
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "choices": choices,
        "others": findings.not_liftable(seen, request.membership, catalogue_for(request.clinic)),
        "patient": patient,
        "header": patient_header(patient, membership=request.membership, tab="screening"),
    }
    return render(request, "treatments/screenings/clearance.html", context, status=form_status(request))


@allow(Role.CLINICIAN, methods=["POST"])
def revoke_clearance(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Take a clearance back: stricter is free and at once."""
    found = get_object_or_404(Clearance, ref=ref, patient__clinic=request.clinic)
    clearances.revoke(clearance=found, by=request.user)
    messages.success(request, "Clearance taken back. The finding counts again.")
    return redirect("treatments:screening", found.patient.ref)


def _screening_url(patient: Patient, on, purpose: str) -> str:
    return f"{reverse('treatments:screening', args=[patient.ref])}?on={on.isoformat()}&for={purpose}"
