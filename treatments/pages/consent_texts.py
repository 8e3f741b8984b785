"""The consent texts: every version with what it changed, a new one, and what it means for courses that are under way. No
patient's text is shown here: the preview is read by somebody made up."""

from uuid import UUID

from crispy_forms.layout import Layout
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import page_form_helper
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.forms import Line
from patients.models import ConsentText
from patients.outbox.texts.selectors import differences
from patients.services import consent_texts as texts
from patients.services import consent_wording as wording
from treatments.pages import consent_reach

PATIENT = "Ana Example"
AGAIN = {"required": "Decide whether patients under way sign anew.", "invalid_choice": "Choose one of the two."}


class ConsentTextForm(forms.Form):
    """`seen`: the newest version that was there when the page was drawn."""

    body = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "true", "class": "textsource"}),
        help_text="A line that begins with “# ” is a heading. Every other line is a paragraph.",
        error_messages={"required": "Write the text."},
    )
    asks_again = forms.ChoiceField(
        label="Do patients whose course is under way sign anew?",
        choices=[
            ("yes", "Yes: it says something that they have not agreed to"),
            ("no", "No: it says the same in other words"),
        ],
        widget=forms.RadioSelect,
        error_messages=AGAIN,
    )
    why = Line(
        label="Why?",
        max_length=200,
        help_text="The prescriber who approves it reads this.",
        error_messages={"required": "Write why the text changes."},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
        self.helper.layout = Layout("body", "asks_again", "why", "seen")


@allow(Role.CLINICIAN, Role.MANAGER)
def consent_texts(request: HttpRequest) -> HttpResponse:
    """Each language: the version that patients sign, the one that waits, and all before."""
    versions = list(
        request.clinic.consent_texts.select_related("made_by", "approved_by", "set_aside_by")
        .defer("body")
        .order_by("-version")
    )
    context = {
        "languages": [_shown(language, versions) for language in wording.languages().values()],
        # Until somebody has signed it no row holds it, and it can be read all the same.
        "shipped": None if versions else _as_shipped(request),
        "patient": PATIENT,
        "may_write": request.membership.has(Role.MANAGER),
    }
    return render(request, "treatments/pages/consent_texts.html", context)


def _as_shipped(request: HttpRequest) -> list[dict]:
    """In English, which everybody signs whose language has no text."""
    first, *_ = wording.languages().values()
    return texts.preview(request.clinic, first.shipped)


def _shown(language: wording.Language, versions: list[ConsentText]) -> dict:
    mine = [text for text in versions if text.language == language.code]
    return {
        "code": language.code,
        "name": language.name,
        "in_force": next((text for text in mine if text.approved_at), None),
        "waiting": next((text for text in mine if not text.approved_at and not text.set_aside_at), None),
        "versions": mine,
    }


@allow(Role.CLINICIAN, Role.MANAGER)
def consent_text(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One version as a patient reads it, what it changed, and, while it waits, what approving it does."""
    return _version_page(request, _text(request, ref))


def _version_page(request: HttpRequest, text: ConsentText, *, refusal: str = "") -> HttpResponse:
    earlier = _before(text)
    is_waiting = not text.approved_at and not text.set_aside_at
    context = {
        "text": text,
        "language": wording.languages().get(text.language),
        "sections": texts.preview(request.clinic, text.body),
        "patient": PATIENT,
        "earlier": earlier,
        "differences": differences(earlier.body, text.body) if earlier else None,
        "is_waiting": is_waiting,
        "is_in_force": texts.text_in_force(request.clinic, text.language) == text,
        "may_approve": is_waiting and texts.may_approve(text, request.membership),
        "is_prescriber": request.membership.has(Role.PRESCRIBER),
        "may_set_aside": is_waiting and (request.membership.held_roles & {Role.PRESCRIBER, Role.MANAGER}),
        "refusal": refusal,
    }
    if is_waiting:
        context |= _reach(request, text.language)
    return render(request, "treatments/pages/consent_text.html", context, status=422 if refusal else 200)


def _before(text: ConsentText) -> ConsentText | None:
    """The version that counted before this one, or counts while this one waits."""
    older = ConsentText.objects.counting().filter(clinic=text.clinic, language=text.language, version__lt=text.version)
    return older.order_by("-version").first()


def _reach(request: HttpRequest, language: str) -> dict:
    rows = consent_reach.reached(request.clinic, language)
    return {"reached": rows[: consent_reach.SHOWN], "reached_count": len(rows)}


@allow(Role.MANAGER, methods=["GET", "POST"])
def consent_text_new(request: HttpRequest, language: str) -> HttpResponse:
    """Write a version. Nothing is kept before all checks are passed, nothing typed is lost, and nobody signs it yet."""
    if language not in wording.languages():
        raise Http404
    if request.method != "POST":
        newest = texts.newest_version(request.clinic, language)
        form = ConsentTextForm(initial={"body": texts.source_of(request.clinic, language), "seen": newest})
        return _editor(request, language, form)
    if "preview" in request.POST:
        typed = {name: request.POST.get(name, "") for name in ConsentTextForm.base_fields}
        return _editor(request, language, ConsentTextForm(initial=typed), tried=typed["body"])
    form = ConsentTextForm(request.POST)
    if not form.is_valid():
        return _editor(request, language, form, tried=form["body"].value(), status=422)

    def write() -> str:
        typed = form.cleaned_data
        kept = texts.write(
            clinic=request.clinic,
            language=language,
            body=typed["body"],
            why=typed["why"],
            asks_again=typed["asks_again"] == "yes",
            by=request.membership,
            seen_version=typed["seen"],
        )
        messages.success(request, "Kept. It waits for a prescriber; until then nobody signs it.")
        return reverse("treatments:consent_text", args=[kept.ref])

    try:
        return once(request, write)
    except DomainError as refusal:
        for sentence in getattr(refusal, "sentences", [refusal.sentence]):
            form.add_error(refusal.field if refusal.field in form.fields else None, sentence)
        return _editor(request, language, form, tried=form["body"].value(), status=422)


def _editor(
    request: HttpRequest, language: str, form: ConsentTextForm, *, tried: str | None = None, status: int = 200
) -> HttpResponse:
    body = wording.tidy(tried if tried is not None else form["body"].value() or "")
    against = wording.problems(body, language)
    context = {
        "form": form,
        "language": wording.languages()[language],
        "waiting": texts.waiting_text(request.clinic, language),
        "fields": wording.FIELDS,
        "risks": wording.languages()[language].risks,
        "against": against if tried is not None else [],
        "sections": [] if against else texts.preview(request.clinic, body),
        "patient": PATIENT,
        **_reach(request, language),
    }
    return render(request, "treatments/pages/consent_text_new.html", context, status=status)


@allow(Role.PRESCRIBER, methods=["POST"])
def consent_text_approve(request: HttpRequest, ref: UUID) -> HttpResponse:
    """From now on it is what patients sign. A refusal is said on the page of the version."""
    text = _text(request, ref)

    def approve() -> str:
        texts.approve(text=text, by=request.membership)
        messages.success(request, f"Version {text.version} is what patients sign from now on.")
        return _url(text)

    try:
        return once(request, approve)
    except DomainError as refusal:
        return _version_page(request, _text(request, ref), refusal=refusal.sentence)


@allow(Role.PRESCRIBER, Role.MANAGER, methods=["POST"])
def consent_text_aside(request: HttpRequest, ref: UUID) -> HttpResponse:
    text = _text(request, ref)

    def aside() -> str:
        texts.set_aside(text=text, by=request.membership)
        messages.success(request, f"Version {text.version} is set aside. Patients sign the text of before.")
        return reverse("treatments:consent_texts")

    try:
        return once(request, aside)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return redirect(_url(text))


def _text(request: HttpRequest, ref: UUID) -> ConsentText:
    found = request.clinic.consent_texts.select_related("clinic", "made_by", "approved_by", "set_aside_by")
    return get_object_or_404(found, ref=ref)


def _url(text: ConsentText) -> str:
    return reverse("treatments:consent_text", args=[text.ref])
