"""What a patient answered on a tablet, as a clinician reads it: what differs, what it raises, what looks ticked through; and
the press after which it counts."""

from collections import defaultdict
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.models import HistoryAnswer
from treatments.flows import tablet
from treatments.pages.change_calls import Changed, in_words
from treatments.pages.header import patient_header
from treatments.rules.policy import catalogue_for
from treatments.screenings.by_patient import judging
from treatments.screenings.by_patient.forms import LookForm
from treatments.screenings.by_patient.models import PatientForm

OF_A_FORM = ("patient__clinic", "handover__by", "record", "seen_by")


@allow(Role.CLINICIAN, methods=("GET", "POST"))
def given_form(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Her answers, and "Confirm and screen": a run of the rules by the clinician who has looked."""
    rows = PatientForm.objects.filter(patient__clinic=request.clinic, given_at__isnull=False)
    found = get_object_or_404(rows.select_related(*OF_A_FORM), ref=ref)
    form = LookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():

        def confirm() -> str:
            record = tablet.confirm(form=found, note=form.cleaned_data["note"], by=request.membership)
            messages.success(request, "Confirmed. The answers count from now on.")
            screening = reverse("treatments:screening", args=[found.patient.ref])
            return f"{screening}?on={record.on.isoformat()}&for={record.purpose}"

        try:
            return once(request, confirm)
        except DomainError as refusal:
            refuse(form, refusal)
    differing, raising, others = _answers(found)
    context = {
        "found": found,
        "patient": found.patient,
        "header": patient_header(found.patient, membership=request.membership, tab="screening"),
        "flags": [judging.words_of(flag, asked=found.asked, seconds=found.seconds) for flag in found.flags],
        "differing": differing,
        "raising": raising,
        "others": others,
        "is_first": not HistoryAnswer.objects.filter(patient=found.patient, recorded_at__lt=found.given_at).exists(),
        "form": form,
    }
    return render(request, "treatments/tablet/given_form.html", context, status=form_status(request))


def _answers(found: PatientForm) -> tuple[list[Changed], list[Changed], list[Changed]]:
    """What differs from her last answers, what else raises something, and the rest: of each the answer of this form and the one
    before it. One query."""
    rules = catalogue_for(found.patient.clinic, found.on).rules_by_code
    of_code: dict[str, list[HistoryAnswer]] = defaultdict(list)
    for answer in found.patient.answers.filter(recorded_at__lte=found.given_at).order_by("-pk"):
        of_code[answer.code].append(answer)
    differing, raising, others = [], [], []
    for code, answers in of_code.items():
        now = answers[0]
        if code not in rules or now.via != HistoryAnswer.Via.PATIENT or now.recorded_at != found.given_at:
            continue
        into = differing if code in found.changed else raising if rules[code].raises(now.value) else others
        into.append(in_words(rules[code], answers))
    return tuple(sorted(part, key=lambda one: one.question) for part in (differing, raising, others))
