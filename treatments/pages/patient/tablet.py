"""What a patient meets on a tablet that was handed to her: one form after the other, and then "Give it back".

Nobody is signed in on it, and `HandedOverMiddleware` lets it reach these pages alone. Every one is about the patient of the
hand-over: no address and no field names another.
"""

from contextlib import suppress

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.handover import services as handovers
from clinic.handover.admission import handed_over_page
from clinic.middleware import is_background
from clinic.models import Handover
from clinic.roles import public
from clinic.templatetags.clinic_ui import clock as clock_words
from patients.forms import scrubbed
from patients.models import Consent, Patient
from patients.services import consents
from treatments.flows import tablet
from treatments.pages import consent_words
from treatments.plans.forms import SignatureForm
from treatments.plans.models import TreatmentPlan
from treatments.screenings.by_patient import services as own
from treatments.screenings.by_patient.forms import TabletForm
from treatments.screenings.by_patient.models import PatientForm

FORM, PRESS = ("GET", "POST"), ("POST",)
HERE = "treatments:handed_over"


@public(methods=FORM)
@handed_over_page
def handed_over(request: HttpRequest) -> HttpResponse:
    """The form that is next. Sent twice, or from an older page of this browser, the second one does nothing and shows what is
    next."""
    patient = tablet.patient_of(request.handover)
    left = tablet.still_to_do(request.handover, patient)
    if request.method == "POST" and request.POST.get("form") not in left[:1]:
        return redirect(HERE)
    if not left:
        return render(request, "treatments/tablet/done.html", _around(request, patient, left))
    if left[0] == tablet.CONSENT:
        plan = tablet.plan_to_sign(patient)
        return redirect(HERE) if plan is None else _consent(request, patient, left, plan)
    return _questions(request, patient, left)


@public(methods=PRESS)
@handed_over_page
def handed_over_save(request: HttpRequest) -> HttpResponse:
    """Half a form, as it is typed. Answers in JSON, as the pages of ours that save by themselves expect it."""
    patient = tablet.patient_of(request.handover)
    try:
        saved = _keep_half(request, patient)
    except DomainError as refusal:
        return JsonResponse({"sentence": refusal.sentence}, status=409)
    if not is_background(request):
        return redirect(HERE)
    moment = saved.saved_at if saved else clock.now()
    return JsonResponse({"saved_at": clock_words(moment)})


@public(methods=PRESS)
@handed_over_page
def handed_over_anew(request: HttpRequest) -> HttpResponse:
    """She would rather begin with an empty form."""
    kind = request.POST.get("form")
    if kind in PatientForm.Kind.values:
        with suppress(DomainError):  # its time is over: the next page is the lock
            tablet.begin_again(handover=request.handover, kind=kind)
    return redirect(HERE)


@public(methods=PRESS)
@handed_over_page
def handed_over_back(request: HttpRequest) -> HttpResponse:
    """ "Give it back": what stands in the form is kept, and the lock is next."""
    with suppress(DomainError):  # its time is over, and what was typed until then is kept already
        _keep_half(request, tablet.patient_of(request.handover))
    handovers.give_back(handover=request.handover)
    return redirect("clinic:handed_over_lock")


# ── The health questions ──────────────────────────────────────────────────────


def _questions(request: HttpRequest, patient: Patient, left: list[str]) -> HttpResponse:
    kind, today = left[0], clock.today(patient.clinic)
    half = own.half_of(patient, kind, on=today)
    form = _form(patient, kind, request.POST if request.method == "POST" else None, half=half)
    refusal, status = "", 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                tablet.give(handover=request.handover, kind=kind, answers=form.answers(), could_read=form.could_read)
            except DomainError as refused:
                refusal, status = refused.sentence, 409
            else:
                return redirect(HERE)
    context = _around(request, patient, left) | {
        "form": form,
        "kind": kind,
        "title": PatientForm.Kind(kind).label,
        "sections": form.sections(),
        "half": half,
        "refusal": refusal,
        "is_second_time": bool(form.last),
    }
    return render(request, "treatments/tablet/questions.html", context, status=status)


def _form(
    patient: Patient, kind: str, posted: QueryDict | None = None, *, half: PatientForm | None = None
) -> TabletForm:
    today = clock.today(patient.clinic)
    return TabletForm(
        None if posted is None else scrubbed(posted),
        asked=tablet.asked(patient, kind, today=today),
        born_on=patient.born_on,
        today=today,
        initial=half.said if half else None,
    )


def _keep_half(request: HttpRequest, patient: Patient) -> PatientForm | None:
    """None where there is nothing to keep: no such form is hers on this tablet, or nothing stands in it."""
    kind = request.POST.get("form")
    if kind not in PatientForm.Kind.values or kind not in request.handover.forms:
        return None
    said = _form(patient, kind).half(request.POST)
    return tablet.save_half(handover=request.handover, kind=kind, said=said) if said else None


# ── The consent ───────────────────────────────────────────────────────────────


def _consent(request: HttpRequest, patient: Patient, left: list[str], plan: TreatmentPlan) -> HttpResponse:
    """The whole text as it will be kept, and her signature under it. The witness is who handed the tablet over."""
    text = consents.current_text(clinic=patient.clinic, language=patient.language)
    shown = consents.render_text(text, patient=patient, treatment=consent_words.treatment(plan))
    form = SignatureForm(scrubbed(request.POST) if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            _sign(request.handover, patient, plan, text, shown, form)
        except DomainError as refusal:
            refuse(form, refusal)
        else:
            return redirect(HERE)
    context = _around(request, patient, left) | {
        "form": form,
        "text": text,
        "sections": consents.sections(shown),
        "shown_sha256": consents.sha256(shown),
        "drawn": _as_drawn(form),
    }
    return render(request, "treatments/tablet/consent.html", context, status=422 if form.is_bound else 200)


def _sign(handover: Handover, patient: Patient, plan: TreatmentPlan, text, shown: str, form: SignatureForm) -> None:
    drawn, typed = form.cleaned_data["signature"], form.cleaned_data["typed_name"]
    tablet.sign(
        handover=handover,
        plan=plan,
        text=text,
        shown_text=shown,
        shown_sha256=form.cleaned_data["shown_sha256"],
        signature_kind=Consent.SignatureKind.DRAWN if drawn else Consent.SignatureKind.TYPED,
        signature=drawn or typed,
        signed_name=typed or patient.full_name,
    )


def _as_drawn(form: SignatureForm) -> str:
    """A signature that was refused for another reason than itself stays in its box."""
    try:
        return consents.drawn(form["signature"].value() or "")
    except DomainError:
        return ""


def _around(request: HttpRequest, patient: Patient, left: list[str]) -> dict:
    """What stands around every form: whose it is, and which of how many this one is."""
    handover = request.handover
    return {
        "clinic_name": patient.clinic.sender_name,
        "patient": patient,
        "handover": handover,
        "number": len(handover.forms) - len(left) + 1,
        "of_forms": len(handover.forms),
    }
