"""Handing the tablet to a patient: what she is to answer and why, and afterwards what came of it."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.handover import admission
from clinic.models import Handover, Membership
from clinic.roles import Role, allow, member
from clinic.templatetags.clinic_ui import clock as clock_words
from patients.models import Patient
from treatments.flows import tablet
from treatments.pages.header import patient_header
from treatments.rules.policy import catalogue_for
from treatments.screenings import services as screenings
from treatments.screenings.by_patient import services as own
from treatments.screenings.by_patient.forms import HandOverForm
from treatments.screenings.by_patient.models import PatientForm

FORM = ("GET", "POST")
TITLES = {
    tablet.FULL: "All health questions, with those of the day",
    tablet.DAY: "Questions of the day",
    tablet.CONSENT: "Consent, to read and sign",
}


@dataclass(frozen=True)
class Offer:
    """A form she could be given. `words`: why it is due, or why not; `begun`: where she stopped today."""

    code: str
    title: str
    is_due: bool
    words: str
    begun: str = ""


@allow(Role.FRONT_DESK, Role.CLINICIAN, methods=FORM)
def hand_over(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What is due for her, and the press after which this browser is hers: nobody is signed in on it any more."""
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
    offers = _offers(patient)
    form = HandOverForm(request.POST if request.method == "POST" else None, choices=[(o.code, o.title) for o in offers])
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            handover = tablet.hand_over(patient=patient, forms=form.cleaned_data["forms"], by=request.membership)
        except DomainError as refused:
            refusal = refused
            refuse(form, refused)
        else:
            admission.hand_over(request, handover)
            answer = redirect("treatments:handed_over")
            # What other pages of this browser have shown is not to be leafed back to.
            answer.headers["Clear-Site-Data"] = '"cache"'
            return answer
    context = {
        "patient": patient,
        "header": patient_header(patient, membership=request.membership),
        "offers": offers,
        "form": form,
        "chosen": form["forms"].value() if form.is_bound else [offer.code for offer in _wanted(offers)],
        "must_arrive": request.membership.is_desk_only and not tablet.is_here(patient),
        "refusal": refusal,
    }
    return render(request, "treatments/tablet/hand_over.html", context, status=form_status(request))


def _offers(patient: Patient) -> list[Offer]:
    today = clock.today(patient.clinic)
    missing = screenings.look(patient, on=today, purpose="session").missing
    catalogue = catalogue_for(patient.clinic, today)
    offers = []
    for kind, form in ((PatientForm.Kind.FULL, "full"), (PatientForm.Kind.DAY, "day")):
        hers = [rule.code for rule in catalogue.rules_for_form(form) if "patient" in rule.answered_by]
        open_ones = sum(code in missing for code in hers)
        said = (
            f"{open_ones} of {len(hers)} have no answer that counts today" if open_ones else "Every answer still counts"
        )
        begun = _begun(own.half_of(patient, kind, on=today))
        offers.append(Offer(kind, TITLES[kind], bool(open_ones), said, begun))
    if tablet.plan_to_sign(patient) is not None:
        offers.append(Offer(tablet.CONSENT, TITLES[tablet.CONSENT], True, "not signed for the course as it is planned"))
    return offers


def _begun(half: PatientForm | None) -> str:
    """Who had handed it over, and when she stopped."""
    if half is None:
        return ""
    return f"Begun, saved {clock_words(half.saved_at)}, handed over by {half.handover.by}: goes on there today"


def _wanted(offers: list[Offer]) -> list[Offer]:
    """What is due; whoever is asked everything is not asked the day's questions besides. What she began she goes on with."""
    due = [offer for offer in offers if offer.is_due or offer.begun]
    all_of_it = any(offer.code == tablet.FULL for offer in due)
    return [offer for offer in due if not (offer.code == tablet.DAY and all_of_it)]


# ── What came of it ───────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Outcome:
    """What she did with one of the forms: a chip, and a few words beside it. `form`: the one that waits for a clinician, or that
    one has looked at."""

    title: str
    state: str
    chip: str
    words: str = ""
    form: PatientForm | None = None


@member()
def handover(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Where whoever unlocks the tablet goes on. Everybody reads what was done; what was answered is for clinicians."""
    rows = request.clinic.handovers.select_related("by", "unlocked_by", "clinic")
    found = get_object_or_404(rows, ref=ref)
    patient = get_object_or_404(request.clinic.patients.select_related("clinic"), ref=found.about)
    context = {
        "handover": found,
        "patient": patient,
        "header": patient_header(patient, membership=request.membership),
        "outcomes": _outcomes(found, patient, request.membership),
        "clinical": request.membership.may_see_clinical,
        "again_url": _again(patient, request.membership),
    }
    return render(request, "treatments/tablet/handover.html", context)


def _again(patient: Patient, membership: Membership) -> str:
    return reverse("treatments:hand_over", args=[patient.ref]) if membership.meets_patients else ""


def _outcomes(handover: Handover, patient: Patient, membership: Membership) -> list[Outcome]:
    forms = own.forms_of(handover)
    unsigned = tablet.CONSENT in handover.forms and tablet.plan_to_sign(patient) is not None
    return [
        _of_consent(unsigned) if code == tablet.CONSENT else _of_questions(code, forms.get(code), membership)
        for code in handover.forms
    ]


def _of_consent(unsigned: bool) -> Outcome:
    said = ("ask", "Not signed") if unsigned else ("clear", "Signed")
    return Outcome(TITLES[tablet.CONSENT], *said)


def _of_questions(code: str, form: PatientForm | None, membership: Membership) -> Outcome:
    title = TITLES[code]
    if form is None:
        return Outcome(title, "ask", "Not answered")
    if form.given_at is None:
        return Outcome(
            title, "ask", "Half filled", f"Saved {clock_words(form.saved_at)}: goes on today where it stopped"
        )
    given = f"Given at {clock_words(form.given_at)}"
    if form.seen_at:
        return Outcome(title, "clear", "Confirmed", f"{given}, confirmed by {form.seen_by}", form)
    differing = f"{form.differing}; " if membership.may_see_clinical else ""
    return Outcome(title, "needs_clinician", given, f"{differing}a clinician confirms before they count", form)
