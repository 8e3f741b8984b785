"""The texts of the mails: everybody who works here reads them, a manager changes them. No patient's row is shown here: the
letters on these pages go to somebody made up."""

from django.contrib import messages as notices
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.roles import Role, allow, member
from clinic.submissions import go_to, once
from patients.outbox.texts import checks, chosen, example, selectors, services
from patients.outbox.texts.chosen import ChosenText
from patients.outbox.texts.forms import TextForm, WhyForm
from patients.outbox.texts.shipped import library


@member()
def texts(request: HttpRequest) -> HttpResponse:
    """Every text, who gets it and when, and in which languages."""
    names = [library().languages[code].name for code in selectors.languages()]
    context = {"entries": selectors.entries(request.clinic), "languages": names, "may_edit": _may_edit(request)}
    return render(request, "patients/outbox/texts.html", context)


@member()
def text(request: HttpRequest, code: str, language: str) -> HttpResponse:
    """One text as a mail to somebody made up, with its history."""
    return _text_page(request, _found(request, code, language))


@allow(Role.MANAGER, methods=["GET", "POST"])
def edit(request: HttpRequest, code: str, language: str) -> HttpResponse:
    """Change the words. Nothing is saved before all checks are passed, and nothing typed is lost."""
    found = _found(request, code, language)
    if request.method != "POST":
        return _editor(request, found, _new_form(found))
    form = TextForm(request.POST)
    if "preview" in request.POST:
        return _editor(request, found, _as_typed(request), tried=_typed(request))
    if not form.is_valid():
        return _editor(request, found, form, status=422)
    typed = form.cleaned_data

    def effect() -> str:
        services.publish(
            clinic=request.clinic,
            code=code,
            language=language,
            source=typed["source"],
            why=typed["why"],
            by=request.user,
            seen_version=typed["seen"],
        )
        notices.success(request, "Saved. What leaves from now on is written by these words.")
        return _url(found)

    try:
        return once(request, effect)
    except DomainError as refusal:
        return _refused(request, code, language, form, refusal)


@allow(Role.MANAGER, methods=["POST"])
def preview(request: HttpRequest, code: str, language: str) -> HttpResponse:
    """The letters by what is typed, as a fragment. Nothing is saved."""
    found = _found(request, code, language)
    return render(request, "patients/outbox/_text_tried.html", _tried(request, found, _typed(request)))


@allow(Role.MANAGER, methods=["POST"])
def restore(request: HttpRequest, code: str, language: str) -> HttpResponse:
    """The shipped words again."""
    found = _found(request, code, language)
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _text_page(request, found, form=form, status=422)

    def effect() -> str:
        services.restore_shipped(
            clinic=request.clinic,
            code=code,
            language=language,
            why=form.cleaned_data["why"],
            by=request.user,
            seen_version=form.cleaned_data["seen"],
        )
        notices.success(request, "The shipped text counts again.")
        return _url(found)

    try:
        return once(request, effect)
    except DomainError as refusal:
        refuse(form, refusal)
        return _text_page(request, _found(request, code, language), form=form, status=409)


def _found(request: HttpRequest, code: str, language: str) -> ChosenText:
    chosen.forget(request.clinic)
    known = code in selectors.used_codes() and language in library().languages
    found = chosen.in_force(request.clinic, code, language) if known else None
    if found is None:
        raise Http404
    return found


def _may_edit(request: HttpRequest) -> bool:
    return request.membership.has(Role.MANAGER)


def _url(found: ChosenText) -> str:
    return reverse("patients:message_text", args=[found.shipped.code, found.shipped.language])


def _context(request: HttpRequest, found: ChosenText) -> dict:
    code, language = found.shipped.code, found.shipped.language
    return {
        "text": found.shipped,
        "found": found,
        "language_name": library().languages[language].name,
        "may_edit": _may_edit(request) and not found.shipped.is_draft,
        "who": selectors.who_gets(code),
        "steps": selectors.labels_of(code),
        "url": _url(found),
        "patient": example.PATIENT,
    }


def _text_page(
    request: HttpRequest, found: ChosenText, *, form: WhyForm | None = None, status: int = 200
) -> HttpResponse:
    code, language = found.shipped.code, found.shipped.language
    context = _context(request, found) | {
        "previews": selectors.previews(request.clinic, code, language),
        "grade": selectors.grade_of(request.clinic, code, language),
        "versions": selectors.versions(request.clinic, code, language),
        "newer": selectors.newer_shipped(request.clinic, code, language),
        "unreadable": chosen.unreadable(request.clinic, code, language),
        "reached": selectors.reached(request.clinic, code, language),
        "restore_form": form or WhyForm(initial={"seen": found.version}),
    }
    return render(request, "patients/outbox/text.html", context, status=status)


def _editor(
    request: HttpRequest, found: ChosenText, form: TextForm, *, tried: str | None = None, theirs=(), status: int = 200
) -> HttpResponse:
    if found.shipped.is_draft:
        return go_to(request, _url(found))
    context = _context(request, found) | {
        "form": form,
        "fields": selectors.fields(found.shipped.code),
        "reached": selectors.reached(request.clinic, found.shipped.code, found.shipped.language),
        "theirs": theirs,
    }
    context |= _tried(request, found, tried if tried is not None else form["source"].value() or "")
    return render(request, "patients/outbox/text_edit.html", context, status=status)


def _refused(request: HttpRequest, code: str, language: str, form: TextForm, refusal: DomainError) -> HttpResponse:
    """With everything that stands against it. Where somebody was quicker, her words are shown and the next press counts."""
    for sentence in getattr(refusal, "sentences", [refusal.sentence]):
        form.add_error(refusal.field if refusal.field in form.fields else None, sentence)
    found = _found(request, code, language)
    typed = form.cleaned_data.get("source") or _typed(request)
    is_late = str(found.version) != request.POST.get("seen")
    if is_late:
        form.data = form.data.copy()
        form.data["seen"] = str(found.version)
    theirs = selectors.differences(found.source, services.tidy(typed)) if is_late else ()
    return _editor(request, found, form, theirs=theirs, status=409 if is_late else 422)


def _new_form(found: ChosenText) -> TextForm:
    return TextForm(initial={"source": found.source, "seen": found.version})


def _as_typed(request: HttpRequest) -> TextForm:
    """Not judged: nothing was pressed but a look."""
    return TextForm(initial={name: request.POST.get(name, "") for name in ("source", "why", "seen")})


def _typed(request: HttpRequest) -> str:
    return services.tidy(request.POST.get("source", "")[: checks.LONGEST_SOURCE + 1])


def _tried(request: HttpRequest, found: ChosenText, source: str) -> dict:
    """The letters by a source, as far as it can be read, and what stands against it."""
    code, language = found.shipped.code, found.shipped.language
    against = checks.problems(services.tidy(source), code, language)
    readable = checks.fits(services.tidy(source), code, language)
    previews = selectors.previews(request.clinic, code, language, services.tidy(source)) if readable else []
    return {"against": against, "previews": previews, "text": found.shipped, "patient": example.PATIENT}
