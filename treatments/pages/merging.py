"""Two records of one person: found, looked at side by side, made one, and taken apart again."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.forms import page_form_helper, refuse
from clinic.models import Membership
from clinic.roles import Role, allow
from clinic.submissions import once
from clinic.templatetags.clinic_ui import date_year, roman
from patients.forms import LANGUAGES, scrubbed
from patients.models import Patient, RecordMerge
from patients.search import TYPED_LENGTH
from patients.services import finding
from patients.services.merging import ChangedMeanwhile
from treatments.flows import merging
from treatments.pages.header import open_url, patient_header
from treatments.plans.forms import ReasonForm

MAY = (Role.CLINICIAN, Role.MANAGER)
LABELS = {
    "given_name": "Given name",
    "family_name": "Family name",
    "born_on": "Date of birth",
    "email": "E-mail",
    "phone": "Telephone",
    "language": "Language of mails",
    "speaks": "Speaks",
    "contact": "May we mail?",
}
SHORTER = {"contact": "leave to mail"}
STAYS, GOES = "stays", "goes"


class MergeForm(forms.Form):
    """Of each detail in which the two differ, whose is kept; and why they are one person. `seen`: the versions looked at."""

    reason = forms.CharField(
        label="How do we know that this is one person", max_length=200, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}), help_text="For example: same telephone, she has married. No medical reason here.",
        error_messages={
            "max_length": "Keep it to %(limit_value)d letters; it has %(show_value)d now.",
            "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
        },
    )  # fmt: skip
    seen = forms.RegexField(
        r"^\d{1,9} \d{1,9}$", widget=forms.HiddenInput,
        error_messages={"required": "This form is incomplete. Open the page again.", "invalid": "This form is incomplete. Open the page again."},
    )  # fmt: skip

    def __init__(self, data=None, *, shown: merging.Preview, **options) -> None:
        versions = f"{shown.stays.version} {shown.gone.version}"
        super().__init__(data, initial={"seen": versions}, **options)
        self.shown = shown
        for choice in shown.differing:
            words = [(STAYS, in_words(shown.stays, choice)), (GOES, in_words(shown.gone, choice))]
            self.fields[choice] = forms.ChoiceField(
                label=LABELS[choice], choices=words, widget=forms.RadioSelect, initial=_usual(shown, choice),
                error_messages={"required": "Choose which of the two is kept.", "invalid_choice": "Choose one of the two."},
            )  # fmt: skip
        self.fields["reason"].required = shown.births_differ
        self.fields["reason"].error_messages["required"] = (
            "The dates of birth differ: write how we know that this is one person."
        )
        self.helper = page_form_helper()

    @property
    def details(self) -> list[forms.BoundField]:
        return [self[choice] for choice in self.shown.differing]

    def said(self) -> dict:
        """What the flow takes."""
        stays, gone = self.cleaned_data["seen"].split()
        return {
            "take": [choice for choice in self.shown.differing if self.cleaned_data[choice] == GOES],
            "reason": self.cleaned_data["reason"],
            "seen": (int(stays), int(gone)),
        }

    def look_again(self, shown: merging.Preview) -> None:
        """The next press is about both records as they stand now."""
        self.data = self.data.copy()
        self.data["seen"] = f"{shown.stays.version} {shown.gone.version}"


def in_words(patient: Patient, choice: str) -> str:
    """A detail as it stands on a record."""
    if choice == "contact":
        return contact_words(patient)
    value = getattr(patient, choice)
    if choice == "born_on":
        return date_year(value)
    return dict(LANGUAGES).get(value, value) if choice == "language" else value or "Nothing on record"


def contact_words(patient: Patient) -> str:
    if patient.contact_asked_at is None:
        return "Not asked yet"
    if not patient.mail_allowed:
        return "No"
    return "Yes, reminders too" if patient.reminders_allowed else "Yes, no reminders"


def _usual(shown: merging.Preview, choice: str) -> str:
    """What is proposed: what stays, or says something where that says nothing; and of two answers the one that allows less."""
    stays, gone = shown.stays, shown.gone
    if choice == "contact":
        return GOES if _allows(gone) < _allows(stays) else STAYS
    return GOES if not getattr(stays, choice) else STAYS


def _allows(patient: Patient) -> int:
    return patient.mail_allowed + patient.reminders_allowed


# ── Finding the other one ─────────────────────────────────────────────────────


@allow(*MAY, methods=["GET", "POST"])
def find_duplicate(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Whose record is this too? Those who look alike are offered; a search finds everybody else. A name never enters a URL."""
    patient = _patient(request, ref)
    typed = scrubbed(request.POST).get("q", "").replace("\0", "")[:TYPED_LENGTH]
    found = finding.find(clinic=request.clinic, text=typed) if typed.strip() else None
    context = {
        "patient": patient,
        "header": patient_header(patient, membership=request.membership),
        "typed": typed,
        "found": found,
        "others": [one for one in found.patients if one.pk != patient.pk] if found else [],
        "alike": [] if found else _alike(patient),
        "today": clock.today(request.clinic),
    }
    return render(request, "treatments/pages/find_duplicate.html", context)


def _alike(patient: Patient) -> list[finding.Likeness]:
    return finding.possible_duplicates(
        clinic=patient.clinic,
        given_name=patient.given_name,
        family_name=patient.family_name,
        born_on=patient.born_on,
        email=patient.email,
        phone=patient.phone,
        but_not=patient,
    )


# ── Looking, and doing it ─────────────────────────────────────────────────────


@allow(*MAY, methods=["GET", "POST"])
def merge_records(request: HttpRequest, ref: UUID, of: UUID) -> HttpResponse:
    """Side by side: what is kept, what goes over, what stands against it. `ref` goes, `of` stays."""
    gone, stays = _patient(request, ref), _patient(request, of)
    shown = merging.preview(stays=stays, gone=gone)
    form = MergeForm(request.POST if request.method == "POST" else None, shown=shown)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _merged(request, form))
        except ChangedMeanwhile as refusal:
            status = 409
            form.look_again(shown)
            refuse(form, refusal)
        except Busy as refusal:
            status = 409
            refuse(form, refusal)
        except DomainError as refusal:
            refuse(form, refusal)
    context = _preview(shown, request.membership) | {"form": form}
    return render(request, "treatments/pages/merge_records.html", context, status=status)


def _preview(shown: merging.Preview, me: Membership) -> dict:
    clinical = me.may_see_clinical
    return {
        "header": patient_header(shown.stays, membership=me),
        "stays": shown.stays,
        "gone": shown.gone,
        "shown": shown,
        "moves": _moves(shown, clinical=clinical),
        "against": [(one.sentence, _ways(one, me)) for one in shown.obstacles],
        "same": [SHORTER.get(choice, LABELS[choice].lower()) for choice in LABELS if choice not in shown.differing],
        "skin": _skin(shown) if clinical else "",
        "ending": shown.ending if clinical else [],
        "clinical": clinical,
    }


def _ways(obstacle: merging.Obstacle, me: Membership) -> list[tuple[str, str]]:
    """Label and address of each page that is hers to open."""
    found = [(label, open_url(route, [ref], me)) for label, route, ref in obstacle.ways]
    return [(label, url) for label, url in found if url]


def _moves(shown: merging.Preview, *, clinical: bool) -> list[tuple[str, int]]:
    """What goes over, with how many of it. Who does not read clinical entries learns their number alone."""
    named = [(kind.one if count == 1 else kind.many, count) for kind, count in shown.moves if clinical or not kind.clinical]  # fmt: skip
    others = sum(count for kind, count in shown.moves if kind.clinical and not clinical)
    return [*named, ("clinical entry" if others == 1 else "clinical entries", others)] if others else named


def _skin(shown: merging.Preview) -> str:
    """What becomes of two assessments that do not agree; nothing where they do, or where one record has none."""
    known = [patient.assessments.filter(entered_in_error=False).first() for patient in (shown.stays, shown.gone)]
    if None in known or known[0].skin_type == known[1].skin_type:
        return ""
    said = " and ".join(roman(one.skin_type) if one.skin_type else "unknown" for one in known)
    return f"Skin type {said}: until somebody assesses the skin again it is unknown, and every rule takes its stricter value."


def _merged(request: HttpRequest, form: MergeForm) -> str:
    stays, gone = form.shown.stays, form.shown.gone
    merging.merge(stays=stays, gone=gone, by=request.user, **form.said())
    messages.success(request, f"The record of {gone.full_name} is part of this one now.")
    return stays.get_absolute_url()


# ── Taking it back ────────────────────────────────────────────────────────────


@allow(*MAY, methods=["GET", "POST"])
def undo_merge(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Two records again, as long as they can be told apart."""
    merge = get_object_or_404(_merges(request), ref=ref)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            return once(request, lambda: _undone(request, merge, form.cleaned_data["reason"]))
        except Busy as refusal:
            status = 409
            refuse(form, refusal)
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "header": patient_header(merge.stays, membership=request.membership),
        "merge": merge,
        "form": form,
        "why_not": merging.why_not_undone(merge),
        "rows": merge.moved.filter(went=True).count(),
    }
    return render(request, "treatments/pages/undo_merge.html", context, status=status)


def _undone(request: HttpRequest, merge: RecordMerge, reason: str) -> str:
    merging.undo(merge=merge, reason=reason, by=request.user)
    messages.success(request, f"{merge.stays.full_name} and {merge.gone.full_name} are two records again.")
    return merge.gone.get_absolute_url()


def _merges(request: HttpRequest):
    return RecordMerge.objects.filter(stays__clinic=request.clinic).select_related("stays__clinic", "gone", "merged_by")


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)
