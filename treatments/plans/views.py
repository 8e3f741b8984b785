"""A course: proposed, drafted, submitted, signed for, activated, completed; and its page. What changes it on its way:
`treatments/pages/course_changes.py`."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.models import Consent
from patients.services import consents
from treatments.flows import courses
from treatments.pages import consent_words
from treatments.pages.course import page as course_page
from treatments.pages.header import patient_header
from treatments.plans import services
from treatments.plans.forms import ProposalForm, ReasonForm, SignatureForm
from treatments.plans.models import TreatmentPlan
from treatments.screenings.services import NotPermitted

STEPS = {
    "submit": (services.submit, "Plan submitted."),
    "activate": (services.activate, "Course active. Its sessions can be booked now."),
    "complete": (courses.complete_course, "Course completed."),
}


def _plan(request: HttpRequest, ref: UUID) -> TreatmentPlan:
    people = ("patient__clinic", "protocol", "drafted_by", "activated_by", "ended_by", "replaces", "replaced_by")
    return get_object_or_404(request.clinic.plans.select_related(*people), ref=ref)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def plan_new(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What the catalogue proposes for the assessed concerns; looking writes nothing, posting keeps a draft."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    header = patient_header(patient, membership=request.membership, tab="course")
    # "Work it out again" posts like the rest, so that no word of the note ever stands in an address.
    keeps = request.method == "POST" and "look" not in request.GET
    form = ProposalForm(request.POST if request.method == "POST" else None, today=header["today"])
    proposal, refusal = course_page.proposal(patient, form, today=header["today"])
    if keeps and form.is_valid() and proposal:

        def keep() -> str:
            plan = services.draft(patient=patient, by=request.user, **form.cleaned_data)
            messages.success(request, "Draft kept. Submit it when it is right.")
            return reverse("treatments:course", args=[plan.ref])

        try:
            return once(request, keep)
        except DomainError as error:
            refuse(form, error)
    context = {"form": form, "patient": patient, "header": header, "proposal": proposal, "refusal": refusal}
    status = 422 if keeps or form.errors else 200
    return render(request, "treatments/plans/new.html", context, status=status)


@allow(Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
def course(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The heart: the ruler and the list. The desk sees days, windows and dots, and books from here."""
    return _course(request, _plan(request, ref))


def _course(request: HttpRequest, plan: TreatmentPlan, *, refusal: DomainError | None = None) -> HttpResponse:
    header = patient_header(plan.patient, membership=request.membership, tab="course", plan=plan)
    context = {"header": header, "plan": plan, "patient": plan.patient, "refusal": refusal}
    context["not_permitted"] = isinstance(refusal, NotPermitted)
    context["outdated"] = isinstance(refusal, services.Outdated)
    context |= course_page.course(plan, header, clinic=request.clinic, membership=request.membership)
    return render(request, "treatments/plans/course.html", context, status=422 if refusal else 200)


@allow(Role.CLINICIAN, methods=["POST"])
def plan_step(request: HttpRequest, ref: UUID, step: str) -> HttpResponse:
    """Submit, activate or complete. The service screens and decides; a refusal is said on the course page."""
    if step not in STEPS:
        raise Http404
    plan = _plan(request, ref)
    service, done = STEPS[step]

    def move() -> str:
        service(plan=plan, by=request.user)
        messages.success(request, done)
        return reverse("treatments:course", args=[plan.ref])

    try:
        return once(request, move)
    except DomainError as refusal:
        return _course(request, _plan(request, ref), refusal=refusal)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def consent(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The whole text as it will be kept, its version and hash, and the signature under it. The witness is who is signed in."""
    plan = _plan(request, ref)
    patient = plan.patient
    text = consents.current_text(clinic=request.clinic, language=patient.language)
    shown = consents.render_text(text, patient=patient, treatment=consent_words.treatment(plan))
    form = SignatureForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():

        def sign() -> str:
            drawn = form.cleaned_data["signature"]
            consents.sign(
                patient=patient,
                text=text,
                shown_text=shown,
                shown_sha256=form.cleaned_data["shown_sha256"],
                techniques=plan.techniques,
                depth_class=plan.depth_class,
                about=plan.ref,
                signature_kind=Consent.SignatureKind.DRAWN if drawn else Consent.SignatureKind.TYPED,
                signature=drawn or form.cleaned_data["typed_name"],
                signed_name=form.cleaned_data["typed_name"] or patient.full_name,
                witness=request.user,
                by=request.user,
            )
            messages.success(request, "Consent signed and kept.")
            return reverse("treatments:course", args=[plan.ref])

        try:
            return once(request, sign)
        except DomainError as refusal:
            refuse(form, refusal)
    now = clock.now()
    context = {
        "form": form,
        "plan": plan,
        "patient": patient,
        "text": text,
        "sections": consents.sections(shown),
        "shown_sha256": consents.sha256(shown),
        "signed": patient.consents.select_related("text", "witness")[:20],
        "valid": consents.valid_consent(
            patient=patient, techniques=plan.techniques, depth_class=plan.depth_class, at=now
        ),
        "header": patient_header(patient, membership=request.membership, tab="course", plan=plan),
    }
    return render(request, "treatments/plans/consent.html", context, status=form_status(request))


@allow(Role.CLINICIAN)
def consent_signed(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A consent as it was signed, word for word, with the signature: to read and to print."""
    signed = get_object_or_404(Consent, ref=ref, patient__clinic=request.clinic)
    context = {
        "signed": signed,
        "sections": consents.sections(signed.shown_text),
        "header": patient_header(signed.patient, membership=request.membership, tab="course"),
    }
    return render(request, "treatments/plans/signed.html", context)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def consent_withdraw(request: HttpRequest, ref: UUID) -> HttpResponse:
    """She has changed her mind: how, in a few words. The consent stays on record and opens nothing any more."""
    signed = get_object_or_404(Consent, ref=ref, patient__clinic=request.clinic)
    plan = signed.patient.plans.filter(ref=signed.about).first() or signed.patient.plans.first()
    back = reverse("treatments:consent", args=[plan.ref]) if plan else signed.patient.get_absolute_url()
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():

        def withdraw() -> str:
            consents.withdraw(consent=signed, reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, "Consent withdrawn. No session opens on it.")
            return back

        try:
            return once(request, withdraw)
        except DomainError as refusal:
            refuse(form, refusal)
    header = patient_header(signed.patient, membership=request.membership, tab="course")
    context = {"form": form, "signed": signed, "back": back, "header": header}
    return render(request, "treatments/plans/withdraw.html", context, status=form_status(request))
